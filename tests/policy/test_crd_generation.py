"""CRDs of constraints against Gatekeeper's (goldens/crd, goldens/crd-cases)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.core.errors import PolicyError
from gatewright.kinds.templates import read_template
from gatewright.policy.crd_generation import constraint_crd


def comparable(value: Any, inside_parameters: bool = False) -> Any:
    """The value as the goldens compare it: no empty fields, no prose outside of the template's own schema, no status
    (the server's)."""
    if isinstance(value, dict):
        out = {}
        for key, item in value.items():
            if key == "description" and isinstance(item, str) and not inside_parameters:
                continue
            fresh = comparable(item, inside_parameters or key == "parameters")
            if inside_parameters or fresh not in (None, "", [], {}, False):
                out[key] = fresh
        return out
    if isinstance(value, list):
        return [comparable(item, inside_parameters) for item in value]
    return value


def generated(template: dict[str, Any]) -> dict[str, Any]:
    crd = constraint_crd(read_template(template))
    return {"metadata": crd["metadata"], "spec": crd["spec"]}


def answer(template: dict[str, Any]) -> Any:
    try:
        return comparable(generated(template))
    except PolicyError as error:
        return error.what


def wanted(want: dict[str, Any]) -> Any:
    if "crd" in want:
        return comparable({"metadata": want["crd"]["metadata"], "spec": want["crd"]["spec"]})
    if "template_error" in want:
        # The place in Go's source is an accident of the golden.
        return want["template_error"].removeprefix("adding template: ").split(" in scheme ")[0]
    return want["create_crd_error"]


@pytest.mark.needs("conformance")
def test_library_and_fixtures(conformance: Path) -> None:
    wrong = []
    for path in sorted((conformance / "goldens" / "crd").glob("*.json")):
        golden = json.loads(path.read_text())
        template = golden["template"]
        if "library" in template:
            template = yaml.safe_load((conformance / "library" / template["library"]).read_text())
        template = template.get("object", template)
        got, want = answer(template), wanted(golden)
        if got != want:
            wrong.append((path.name, got, want))
    assert wrong == []


@pytest.mark.needs("conformance")
def test_templates_of_ours(conformance: Path) -> None:
    cases = json.loads((conformance / "goldens" / "crd-cases" / "cases.json").read_text())
    wrong = [
        (case["name"], answer(case["template"]), wanted(case["want"]))
        for case in cases
        if answer(case["template"]) != wanted(case["want"])
    ]
    assert wrong == []
