"""Every CEL expression of the policy library compiles with Kubernetes' libraries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright import cel

NAMES = ("object", "oldObject", "request", "namespaceObject", "params", "variables")


def sources(conformance: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """File and CEL source of each template of the library."""
    for path in sorted((conformance / "library").glob("**/template.yaml")):
        for template in yaml.safe_load_all(path.read_text()):
            for target in (template or {}).get("spec", {}).get("targets", []):
                for code in target.get("code", []):
                    if code["engine"] == "K8sNativeValidation":
                        yield path.parent.name, code["source"]


def expressions(source: dict[str, Any]) -> Iterator[str]:
    """All expressions of a source."""
    for part in ("matchCondition", "variables", "validations"):
        for one in source.get(part, []):
            yield one["expression"]
            if one.get("messageExpression"):
                yield one["messageExpression"]


@pytest.mark.needs("conformance")
def test_every_expression_compiles(conformance: Path) -> None:
    environment = cel.Environment(dict.fromkeys(NAMES, cel.DYN), libraries=cel.KUBERNETES)
    refused, templates, count = [], 0, 0
    for name, source in sources(conformance):
        templates += 1
        for text in expressions(source):
            count += 1
            try:
                environment.compile(text)
            except cel.CompileError as error:
                refused.append(f"{name}: {error}")
    assert not refused
    assert (templates >= 16, count >= 190) == (True, True)
