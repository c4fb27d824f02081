"""Reviews on a policy snapshot."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from gatewright.core.errors import PolicyError
from gatewright.policy.enforcement import AUDIT_POINT, GATOR_POINT, WEBHOOK_POINT
from gatewright.policy.exclusion import Exclusions
from gatewright.policy.review import ReviewError, review_of_object, review_of_request
from gatewright.policy.snapshot import Snapshot, constraint_entry

Make = Callable[..., dict[str, Any]]
Fill = Callable[..., Snapshot]

ALWAYS = """package foo
violation[{"msg": msg, "details": {"n": input.parameters}}] { msg := input.review.object.metadata.name }
"""
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
PODS = {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}


def messages(snapshot: Snapshot, thing: dict[str, Any] = POD, point: str = GATOR_POINT, **world: Any) -> list[str]:
    return [result.msg for result in snapshot.review(review_of_object(thing), point, **world)]


def test_a_result(template: Make, constraint: Make, snapshot: Fill) -> None:
    item = {**constraint(parameters={"a": 1}), "status": {"byPod": []}}
    (result,) = snapshot([template(ALWAYS)], [item]).review(review_of_object(POD), GATOR_POINT)
    assert (result.msg, result.kind, result.name, result.action) == ("web", "K8sFoo", "c", "deny")
    assert result.metadata == {"details": {"n": {"a": 1}}}
    assert result.constraint["spec"] == {"parameters": {"a": 1}, "enforcementAction": "deny"}, "defaults are filled in"
    assert "status" not in result.constraint
    assert result.actions == ("deny",)


def test_defaults_of_the_schema_reach_the_policy(template: Make, constraint: Make, snapshot: Fill) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "default": 3}}}
    held = snapshot([template(ALWAYS, schema=schema)], [constraint(parameters={})])
    (result,) = held.review(review_of_object(POD), GATOR_POINT)
    assert result.metadata == {"details": {"n": {"n": 3}}}


def test_only_matching_constraints_answer(template: Make, constraint: Make, snapshot: Fill) -> None:
    rego = 'package foo\nviolation[{"msg": input.parameters.name}] { true }\n'
    items = [
        constraint("pods", match=PODS, parameters={"name": "pods"}),
        constraint("all", parameters={"name": "all"}),
        constraint("shop", match={"namespaces": ["sh*"]}, parameters={"name": "shop"}),
        constraint("other", match={**PODS, "excludedNamespaces": ["shop"]}, parameters={"name": "other"}),
    ]
    held = snapshot([template(rego)], items)
    assert messages(held) == ["all", "pods", "shop"]
    assert messages(held, ROLE) == ["all", "shop"]


def test_an_update_that_changes_the_kind_asks_for_both(template: Make, constraint: Make, snapshot: Fill) -> None:
    roles = {"kinds": [{"apiGroups": ["*"], "kinds": ["ClusterRole"]}]}
    held = snapshot([template(ALWAYS)], [constraint("roles", match=roles), constraint("pods", match=PODS)])
    review = review_of_request({"operation": "UPDATE", "object": POD, "oldObject": ROLE})
    assert [result.name for result in held.review(review, GATOR_POINT)] == ["pods", "roles"]


def test_order_is_by_action_then_message(template: Make, constraint: Make, snapshot: Fill) -> None:
    rego = 'package foo\nviolation[{"msg": m}] { m := input.parameters.msgs[_] }\n'
    items = [
        constraint("a", enforcementAction="warn", parameters={"msgs": ["1"]}),
        constraint("b", parameters={"msgs": ["3", "2"]}),
        constraint("c", parameters={"msgs": ["2"]}),
    ]
    results = snapshot([template(rego)], items).review(review_of_object(POD), GATOR_POINT)
    assert [(r.action, r.msg, r.name) for r in results] == [
        ("deny", "2", "b"),
        ("deny", "2", "c"),
        ("deny", "3", "b"),
        ("warn", "1", "a"),
    ]


def test_scoped_actions_hold_at_their_points(template: Make, constraint: Make, snapshot: Fill) -> None:
    scoped = [
        {"action": "warn", "enforcementPoints": [{"name": AUDIT_POINT}, {"name": GATOR_POINT}]},
        {"action": "deny", "enforcementPoints": [{"name": GATOR_POINT}]},
    ]
    held = snapshot([template(ALWAYS)], [constraint(enforcementAction="scoped", scopedEnforcementActions=scoped)])
    (result,) = held.review(review_of_object(POD), GATOR_POINT)
    assert (result.action, result.actions) == ("scoped", ("warn", "deny"))
    (result,) = held.review(review_of_object(POD), AUDIT_POINT)
    assert result.actions == ("warn",)
    assert messages(held, point=WEBHOOK_POINT) == []


@pytest.mark.parametrize(
    ("operations", "point", "operation", "asked"),
    [
        pytest.param([], WEBHOOK_POINT, "DELETE", True, id="none given"),
        pytest.param(["CREATE"], WEBHOOK_POINT, "DELETE", False, id="another"),
        pytest.param(["CREATE"], WEBHOOK_POINT, "CREATE", True, id="this one"),
        pytest.param(["*"], WEBHOOK_POINT, "CONNECT", True, id="all"),
        pytest.param(["CREATE"], AUDIT_POINT, "", True, id="not at audit"),
    ],
)
def test_operations_count_at_the_webhook(
    template: Make, constraint: Make, snapshot: Fill, operations: list[str], point: str, operation: str, asked: bool
) -> None:
    held = snapshot([template(ALWAYS, operations=operations)], [constraint()])
    review = review_of_request({"operation": operation, "object": POD, "oldObject": POD})
    assert bool(held.review(review, point)) is asked


def test_a_match_error_is_a_violation_without_details(template: Make, constraint: Make, snapshot: Fill) -> None:
    item = constraint(match={"namespaceSelector": {"matchLabels": {"a": "b"}}}, enforcementAction="warn")
    (result,) = snapshot([template(ALWAYS)], [item]).review(review_of_object(POD), GATOR_POINT)
    assert result.msg == (
        "unable to match constraints: error matching the requested object: web :failed to run Match criteria: "
        "namespace selector for namespace-scoped object but missing Namespace"
    )
    assert (result.action, result.metadata) == ("warn", None)


@pytest.mark.parametrize("slot", [("namespace", "shop"), ("object", "", "v1", "Namespace", "", "shop")])
def test_namespaces_known_to_the_snapshot_are_matched(
    template: Make, constraint: Make, snapshot: Fill, slot: tuple[str, ...]
) -> None:
    held = snapshot([template(ALWAYS)], [constraint(match={"namespaceSelector": {"matchLabels": {"a": "b"}}})])
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"a": "b"}}}
    held = held.with_entry(slot, json.dumps(namespace).encode())
    assert messages(held) == ["web"]
    assert held.namespace("shop") == namespace


def test_an_object_without_a_kind(template: Make, constraint: Make, snapshot: Fill) -> None:
    held = snapshot([template(ALWAYS)], [constraint("all"), constraint("pods", match=PODS)])
    found = {r.name: r.msg for r in held.review(review_of_object({"metadata": {"name": "x"}}), GATOR_POINT)}
    assert found["all"] == "x"
    assert "Object 'Kind' is missing" in found["pods"]


# --- what policies answer


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param('violation[{"msg": "m"}] { true }', [("m", {})], id="details default to an empty object"),
        pytest.param('violation[{"msg": "m", "details": {1, 2}}] { true }', [("m", [1, 2])], id="a set in details"),
        pytest.param("violation[r] { r := input.parameters[_] }", [("m", {})], id="members without msg"),
        pytest.param('violation[{"msg": "m", "x": x}] { x := [1, 2][_] }', [("m", {})], id="equal ones once"),
        pytest.param('violation = {{"msg": "m"}} { true }', [("m", {})], id="a complete rule that is a set"),
        pytest.param('violation[k] = {"msg": "m"} { input.parameters[k] }', [], id="an object has keys"),
    ],
)
def test_answers(template: Make, constraint: Make, snapshot: Fill, body: str, found: list[tuple[str, Any]]) -> None:
    parameters = {"a": {"nope": 1}, "b": "text", "c": {"msg": "m"}}
    held = snapshot([template(f"package foo\n{body}\n")], [constraint(parameters=parameters)])
    results = held.review(review_of_object(POD), GATOR_POINT)
    assert [(r.msg, (r.metadata or {}).get("details")) for r in results] == found


def test_a_message_that_is_no_text(template: Make, constraint: Make, snapshot: Fill) -> None:
    held = snapshot([template('package foo\nviolation[{"msg": x}] { x := 3 }\n')], [constraint()])
    with pytest.raises(ReviewError) as caught:
        held.review(review_of_object(POD), GATOR_POINT)
    assert caught.value.what == (
        "extracting message binding: .msg accessor error: 3 is of the type json.Number, expected string"
    )


CONFLICT = 'package foo\nviolation[{"msg": f(input.parameters.x)}] { true }\nf(x) = "a" { x }\nf(x) = "b" { x == 1 }\n'


def test_an_error_of_evaluation_is_a_violation_of_that_constraint(
    template: Make, constraint: Make, snapshot: Fill
) -> None:
    items = [constraint("bad", parameters={"x": 1}), constraint("good", parameters={"x": 2})]
    results = snapshot([template(CONFLICT)], items).review(review_of_object(POD), GATOR_POINT)
    found = {r.name: r for r in results}
    assert "eval_conflict_error" in found["bad"].msg
    assert found["bad"].metadata == {"details": None}
    assert found["good"].msg == "a"


def test_a_spent_budget_is_an_error_of_that_constraint(template: Make, constraint: Make, snapshot: Fill) -> None:
    rego = 'package foo\nviolation[{"msg": "m"}] { count([x | x := numbers.range(1, 2000)[_]]) > 0 }\n'
    (message,) = messages(snapshot([template(rego)], [constraint()]), budget=100)
    assert "eval_cancel_error" in message


def test_prints_are_collected(template: Make, constraint: Make, snapshot: Fill) -> None:
    rego = 'package foo\nviolation[{"msg": "m"}] { print("seen", input.review.name) }\n'
    prints: list[tuple[str, int, str]] = []
    assert messages(snapshot([template(rego)], [constraint()]), prints=prints) == ["m"]
    assert [text for _, _, text in prints] == ["seen web"]


REFERENTIAL = """package foo
violation[{"msg": other.metadata.name}] {
  other := data.inventory.namespace[_]["v1"]["Pod"][_]
  other.spec.ip == input.review.object.spec.ip
}
"""


def test_referential_policies_read_one_version(template: Make, constraint: Make, snapshot: Fill) -> None:
    first = snapshot([template(REFERENTIAL)], [constraint()])
    other = {**POD, "metadata": {"name": "old", "namespace": "a"}, "spec": {"ip": 7}}
    second = first.with_entry(("object", "", "v1", "Pod", "a", "old"), json.dumps(other).encode())
    third = second.with_entry(("object", "", "v1", "Pod", "a", "old"), None)
    thing = {**POD, "spec": {"ip": 7}}
    assert messages(first, thing) == []
    assert messages(second, thing) == ["old"]
    assert messages(third, thing) == []
    assert first.version < second.version < third.version


# --- slots


def test_a_constraint_waits_for_its_template(template: Make, constraint: Make, snapshot: Fill) -> None:
    held = snapshot([], [constraint()])
    assert messages(held) == []
    entry = snapshot([template(ALWAYS)], []).template("k8sfoo")
    assert messages(held.with_entry(("template", "k8sfoo"), entry)) == ["web"]


def test_a_new_version_of_a_template_takes_over_its_constraints(
    template: Make, constraint: Make, snapshot: Fill
) -> None:
    held = snapshot([template(ALWAYS)], [constraint()])
    entry = snapshot([template('package foo\nviolation[{"msg": "new"}] { true }')], []).template("k8sfoo")
    assert messages(held.with_entry(("template", "k8sfoo"), entry)) == ["new"]
    assert messages(held) == ["web"]


def test_slots_can_be_emptied(template: Make, constraint: Make, snapshot: Fill) -> None:
    held = snapshot([template(ALWAYS)], [constraint()])
    assert messages(held.with_entry(("constraint", "K8sFoo", "c"), None)) == []
    assert messages(held.with_entry(("template", "k8sfoo"), None)) == []
    assert messages(held.with_entry(("constraint", "K8sFoo", "nope"), None)) == ["web"]
    assert held.constraint("K8sFoo", "c") is not None
    assert held.constraint("K8sBar", "c") is None


def test_an_unknown_slot() -> None:
    with pytest.raises(PolicyError, match="no slot"):
        Snapshot().with_entry(("nope",), 1)


def test_exclusions() -> None:
    held = Snapshot().with_entry(("exclusions",), Exclusions({"audit": ("shop",)}))
    assert held.excludes("audit", POD)
    assert not held.with_entry(("exclusions",), None).excludes("audit", POD)


def test_entries_travel_between_processes(template: Make, constraint: Make, snapshot: Fill) -> None:
    held = snapshot([template(ALWAYS)], [constraint(match=PODS)])
    assert messages(held) == ["web"], "everything is worked out before it travels"
    copies = pickle.loads(pickle.dumps((held.template("k8sfoo"), held.constraint("K8sFoo", "c"))))
    moved = Snapshot().with_entries([(("template", "k8sfoo"), copies[0]), (("constraint", "K8sFoo", "c"), copies[1])])
    assert messages(moved) == ["web"]


def test_entries_are_told_by_value(template: Make, constraint: Make, snapshot: Fill) -> None:
    held = [snapshot([template(ALWAYS)], [constraint(match=PODS)]) for _ in range(2)]
    assert messages(held[0]) == ["web"], "what is worked out does not show"
    first, second = ((one.template("k8sfoo"), one.constraint("K8sFoo", "c")) for one in held)
    assert repr(first) == repr(second)
    assert " at 0x" not in repr(first)
    assert len(repr(first)) < 2000, "the code itself does not show"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        pytest.param({"match": "x"}, "unable to create matcher", id="match"),
        pytest.param({"enforcementAction": "scoped"}, "scopedEnforcementActions must be defined", id="scoped"),
    ],
)
def test_constraints_that_cannot_be_loaded(constraint: Make, spec: dict[str, Any], text: str) -> None:
    with pytest.raises(PolicyError, match=text):
        constraint_entry(constraint(**spec))
