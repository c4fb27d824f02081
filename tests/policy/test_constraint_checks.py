"""Whether a constraint is accepted, with Gatekeeper's texts (behaviour 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gatewright.core.settings import Settings
from gatewright.kinds.templates import read_template
from gatewright.policy.constraint_checks import ConstraintRefused, check_constraint
from gatewright.policy.snapshot import Snapshot

Make = Callable[..., dict[str, Any]]
Fill = Callable[..., Snapshot]

REGO = 'package foo\nviolation[{"msg": "m"}] { true }\n'
SCHEMA = {
    "type": "object",
    "required": ["m"],
    "properties": {"m": {"type": "string"}, "o": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}


@pytest.fixture
def held(template: Make, snapshot: Fill) -> Snapshot:
    return snapshot([template(REGO, schema=SCHEMA)], [])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({}, "", id="valid"),
        pytest.param({"metadata": {}}, "invalid Constraint: missing metadata.name", id="no name"),
        pytest.param({"kind": ""}, "invalid Constraint: missing kind", id="no kind"),
        pytest.param(
            {"apiVersion": "x.io/v1beta1"},
            'invalid Constraint: wrong API Group for Constraint "c", got "x.io" but need "constraints.gatekeeper.sh"',
            id="another group",
        ),
        pytest.param(
            {"kind": "K8sBar"}, 'missing ConstraintTemplate: template "k8sbar" not found', id="no such template"
        ),
        pytest.param(
            {"kind": "K8sFOO"},
            'invalid Constraint: wrong kind "c" for constraint "K8sFOO"; want "K8sFoo"',
            id="kind in other letters",
        ),
        pytest.param(
            {"apiVersion": "constraints.gatekeeper.sh/v1"},
            'invalid Constraint: unsupported version "v1" for Constraint "c"; '
            "supported versions: map[v1alpha1:true v1beta1:true]",
            id="version",
        ),
        pytest.param(
            {"spec": {"match": {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}}},
            "invalid Constraint: spec.labelSelector.matchExpressions[0].operator: "
            'Invalid value: "Like": not a valid selector operator',
            id="selector",
        ),
        pytest.param(
            {"spec": {"match": {"namespaceSelector": 3}}},
            "invalid Constraint: .spec.match.namespaceSelector accessor error: 3 is of the type int64, "
            "expected map[string]interface{}",
            id="selector of the wrong type",
        ),
        pytest.param(
            {"spec": {"match": {"labelSelector": {"matchLabels": {"a": 1}}}}},
            "invalid Constraint: Could not convert JSON to LabelSelector: json: cannot unmarshal number into "
            "Go struct field LabelSelector.matchLabels of type string",
            id="selector with a number",
        ),
        pytest.param(
            {"spec": {"parameters": {"m": 1}}},
            'schema validation failed: [].spec.parameters.m: Invalid value: "integer": '
            'spec.parameters.m in body must be of type string: "integer"',
            id="schema",
        ),
        pytest.param(
            {"spec": {"parameters": {"m": "x", "z": 1, "o": {"b": 1}}}},
            "invalid Constraint: unknown fields: [spec.parameters.o.b spec.parameters.z]",
            id="unknown fields",
        ),
        pytest.param({"spec": {"enforcementAction": "bogus"}}, "", id="actions are looked at elsewhere"),
    ],
)
def test_against_the_templates(held: Snapshot, constraint: Make, change: dict[str, Any], text: str) -> None:
    assert held.validate_constraint({**constraint(), **change}) == text


def test_a_name_that_is_no_dns_name(held: Snapshot, constraint: Make) -> None:
    text = held.validate_constraint(constraint("Über"))
    assert text.startswith('invalid Constraint: invalid name: "a lowercase RFC 1123 subdomain must consist of')


@pytest.mark.parametrize(
    ("spec", "settings", "text"),
    [
        pytest.param({}, Settings(), "", id="valid"),
        pytest.param(
            {"enforcementAction": "bogus"},
            Settings(),
            'could not validate enforcement actions: unrecognized enforcementAction: "bogus" is not within the '
            "supported list [deny dryrun warn scoped]",
            id="action",
        ),
        pytest.param(
            {"enforcementAction": "bogus"}, Settings(validate_enforcement_action=False), "", id="not validated"
        ),
        pytest.param(
            {"parameters": {"zzz": 1, "m": ""}},
            Settings(),
            "could not cache constraint: invalid Constraint: unknown fields: [spec.parameters.zzz]",
            id="unknown field",
        ),
        pytest.param(
            {"enforcementAction": "scoped"},
            Settings(validate_enforcement_action=False),
            "could not cache constraint: missing required field: spec.scopedEnforcementActions must be defined",
            id="scoped without actions",
        ),
    ],
)
def test_as_the_controller_tells_it(
    template: Make, constraint: Make, spec: dict[str, Any], settings: Settings, text: str
) -> None:
    record = read_template(template(REGO, schema=SCHEMA))
    if not text:
        check_constraint(constraint(**spec), record, settings)
        return
    with pytest.raises(ConstraintRefused) as caught:
        check_constraint(constraint(**spec), record, settings)
    assert caught.value.what == text
