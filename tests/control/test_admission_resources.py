"""What the webhook says of our own resources."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewright.control.admission import Answer, admit
from gatewright.core.settings import Settings
from gatewright.kinds.templates import read_template
from gatewright.policy.compiling import Compiled, compile_source, source_of
from gatewright.policy.snapshot import Snapshot, template_entry

SETTINGS = Settings()
LONG = "x" * 64


def template(**changes: Any) -> dict[str, Any]:
    target = {
        "target": "admission.k8s.gatekeeper.sh",
        "rego": 'package x\nviolation[{"msg": "m"}] { false }',
        **changes.pop("target", {}),
    }
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    thing: dict[str, Any] = {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": "says"},
        "spec": {"crd": {"spec": {"names": {"kind": "Says"}, "validation": schema}}, "targets": [target]},
    }
    return {**thing, **changes}


def constraint(kind: str = "Says", **spec: Any) -> dict[str, Any]:
    thing = {"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": kind, "metadata": {"name": "c"}}
    return {**thing, "spec": spec}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    read = read_template(template())
    compiled = compile_source(source_of(read, SETTINGS).text)
    assert isinstance(compiled, Compiled)
    return Snapshot().with_entry(("template", "says"), template_entry(read, compiled))


def ask(
    snapshot: Snapshot, thing: dict[str, Any] | None, settings: Settings = SETTINGS, **fields: Any
) -> tuple[int, str]:
    """Code and message; (200, "") where the request went on to policies and none objected."""
    about = thing or fields.get("oldObject") or {"apiVersion": "v1", "kind": "X"}
    group, _, version = about["apiVersion"].rpartition("/")
    request = {
        "uid": "u",
        "kind": {"group": group, "version": version, "kind": about["kind"]},
        "name": about.get("metadata", {}).get("name", ""),
        "operation": "CREATE",
        "object": thing,
        **fields,
    }
    answer = admit(json.dumps({"request": request}).encode(), "application/json", snapshot, settings)
    assert isinstance(answer, Answer)
    status = json.loads(answer.body)["response"]["status"]
    return status["code"], status.get("message", "")


SCOPED = {"action": "deny", "enforcementPoints": [{"name": "audit.gatekeeper.sh"}]}


@pytest.mark.parametrize(
    ("thing", "code", "message"),
    [
        pytest.param(template(), 200, "", id="template"),
        pytest.param(
            template(target={"rego": "package x\nviolation[{"}), 200, "", id="code is not compiled at admission"
        ),
        pytest.param(
            template(metadata={"name": "other"}),
            422,
            "the ConstraintTemplate's name \"other\" is not equal to the lowercase of CRD's Kind",
            id="template's name",
        ),
        pytest.param(template(spec={"targets": 3}), 500, "", id="template of a wrong type"),
        pytest.param(
            template(target={"operations": ["*", "CREATE"]}),
            500,
            "if '*' is present, must not specify other operations",
            id="operations",
        ),
        pytest.param(constraint(), 200, "", id="constraint"),
        pytest.param(constraint(parameters={"n": 3}), 200, "", id="constraint with parameters"),
        pytest.param(
            constraint("Unheard"),
            422,
            'missing ConstraintTemplate: template "unheard" not found',
            id="constraint without template",
        ),
        pytest.param(
            constraint(parameters={"n": "x"}),
            422,
            'schema validation failed: [].spec.parameters.n: Invalid value: "string"',
            id="schema",
        ),
        pytest.param(
            constraint(parameters={"zzz": 1}),
            422,
            "invalid Constraint: unknown fields: [spec.parameters.zzz]",
            id="unknown field",
        ),
        pytest.param(
            constraint(enforcementAction="bogus"),
            500,
            'unrecognized enforcementAction: "bogus" is not within the supported list [deny dryrun warn scoped]',
            id="action",
        ),
        pytest.param(
            constraint(enforcementAction="scoped", scopedEnforcementActions=[{**SCOPED, "action": "bogus"}]),
            500,
            "is not within the supported list [deny dryrun warn]",
            id="scoped action",
        ),
        pytest.param(constraint(enforcementAction="scoped", scopedEnforcementActions=[SCOPED]), 200, "", id="scoped"),
        pytest.param(
            {"apiVersion": "config.gatekeeper.sh/v1alpha1", "kind": "Config", "metadata": {"name": "other"}},
            422,
            "config resource must have name 'config'",
            id="Config's name",
        ),
        pytest.param(
            {"apiVersion": "config.gatekeeper.sh/v1alpha1", "kind": "Config", "metadata": {"name": "config"}},
            200,
            "",
            id="Config",
        ),
        pytest.param(
            {"apiVersion": "mutations.gatekeeper.sh/v1", "kind": "Assign", "metadata": {"name": LONG}},
            500,
            "resource cannot have metadata.name larger than 63 char; length: 64",
            id="long name",
        ),
        pytest.param(
            {"apiVersion": "status.gatekeeper.sh/v1beta1", "kind": "ConstraintPodStatus", "metadata": {"name": LONG}},
            200,
            "",
            id="long name of a pod status",
        ),
        pytest.param(
            {"apiVersion": "syncset.gatekeeper.sh/v1alpha1", "kind": "SyncSet", "metadata": {"name": LONG}},
            200,
            "",
            id="SyncSets are not looked at",
        ),
    ],
)
def test_resources_of_ours(snapshot: Snapshot, thing: dict[str, Any], code: int, message: str) -> None:
    found, text = ask(snapshot, thing)
    assert found == code, text
    assert message in text
    assert bool(text) == (code != 200)


def test_validation_of_actions_can_be_switched_off(snapshot: Snapshot) -> None:
    settings = Settings(validate_enforcement_action=False)
    assert ask(snapshot, constraint(enforcementAction="bogus"), settings) == (200, "")


def test_a_deletion_is_judged_by_the_old_object(snapshot: Snapshot) -> None:
    gone = constraint("Unheard")
    code, text = ask(snapshot, None, oldObject=gone, operation="DELETE", name="c")
    assert (code, text) == (422, 'missing ConstraintTemplate: template "unheard" not found')
    assert ask(snapshot, None, oldObject=gone, operation="DELETE", name="")[0] == 200
