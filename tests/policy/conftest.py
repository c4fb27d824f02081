"""Templates and constraints of the policy tests, made from short texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gatewright.core.settings import Settings
from gatewright.kinds.templates import read_template
from gatewright.policy.compiling import Compiled, compile_source, source_of
from gatewright.policy.snapshot import Snapshot, constraint_entry, template_entry


def template_object(rego: str, kind: str = "K8sFoo", **target: Any) -> dict[str, Any]:
    schema = target.pop("schema", {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    spec = {"names": {"kind": kind}, "validation": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower()},
        "spec": {
            "crd": {"spec": spec},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego, **target}],
        },
    }


def constraint_object(name: str = "c", kind: str = "K8sFoo", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def filled(templates: list[dict[str, Any]], constraints: list[dict[str, Any]]) -> Snapshot:
    entries: list[tuple[tuple[str, ...], Any]] = []
    for thing in templates:
        template = read_template(thing)
        outcome = compile_source(source_of(template, Settings(), prints=True).text)
        assert isinstance(outcome, Compiled), outcome
        entries.append((("template", template.name), template_entry(template, outcome)))
    for thing in constraints:
        slot = ("constraint", thing["kind"], thing["metadata"]["name"])
        entries.append((slot, constraint_entry(thing)))
    return Snapshot().with_entries(entries)


@pytest.fixture
def template() -> Callable[..., dict[str, Any]]:
    """(rego, kind="K8sFoo", schema=..., **target fields) -> ConstraintTemplate object."""
    return template_object


@pytest.fixture
def constraint() -> Callable[..., dict[str, Any]]:
    """(name="c", kind="K8sFoo", **spec) -> constraint object."""
    return constraint_object


@pytest.fixture
def snapshot() -> Callable[..., Snapshot]:
    """(templates, constraints) -> Snapshot with all of them compiled."""
    return filled
