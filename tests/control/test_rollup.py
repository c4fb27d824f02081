"""The one writer of a status: byPod, created and conditions, consistent alone in every version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from gatewright.control.conditions import FALSE, TRUE, UNKNOWN, Condition, settle
from gatewright.control.intents import Apply, Wake
from gatewright.control.rollup import CONTROLLER
from gatewright.core.objects import Name
from gatewright.kinds.install import installed_crds
from gatewright.kinds.podstatus import Reporter, constraint_pod_status, template_pod_status
from gatewright.kinds.resources import (
    CONSTRAINT_POD_STATUSES,
    CONSTRAINT_TEMPLATE_POD_STATUSES,
    CONSTRAINT_TEMPLATES,
    CRDS,
    PODS,
)
from gatewright.kinds.templates import TemplateError
from tests.control.world import (
    KIND,
    NOW,
    NS,
    WIDGETS,
    World,
    applied,
    conditions_of,
    constraint,
    home,
    later,
    of_type,
    pod,
    stamped,
    template,
)

TEMPLATE = ("template", "widget")
CONSTRAINT = ("constraint", KIND, "only")
INGESTED = Condition("Ingested", TRUE, "Compiled", "", 1)
ESTABLISHED = Condition("CRDEstablished", TRUE, "Established", "the kind is served", 1)
IN_FORCE = Condition("WebhookInForce", TRUE, "InForce", "the webhook is in force", 1)
ALL = (INGESTED, ESTABLISHED, IN_FORCE)
BROKEN = Condition("Ingested", FALSE, "InvalidRego", "does not compile", 1, failed=True)
ENFORCED = Condition("Enforced", TRUE, "Enforced", "", 1)


def says(
    world: World,
    conditions: Iterable[Condition],
    *,
    who: str = "gatewright",
    of: str = "u1",
    at: int = 1,
    errors: tuple[TemplateError, ...] = (),
    version: str = "60",
) -> None:
    """A pod's word on the template."""
    reporter = Reporter(who, NS, f"pod-{who}", ("generate", "status", "webhook"))
    thing = template_pod_status(reporter, "widget", of, at, errors=errors, conditions=settle((), conditions, NOW))
    world.put(CONSTRAINT_TEMPLATE_POD_STATUSES, stamped(thing, uid=f"s-{who}", resourceVersion=version))


def says_of_constraint(world: World, conditions: Iterable[Condition], *, who: str = "gatewright") -> None:
    reporter = Reporter(who, NS, f"pod-{who}", ("webhook",))
    told = settle((), conditions, NOW)
    thing = constraint_pod_status(reporter, KIND, "only", "c1", 1, enforced=True, conditions=told)
    world.put(CONSTRAINT_POD_STATUSES, stamped(thing, uid=f"cs-{who}", resourceVersion="61"))


@pytest.fixture
def world() -> World:
    world = World()
    home(world)
    for crd in installed_crds():
        world.put(CRDS, crd)
    world.put(CONSTRAINT_TEMPLATES, template())
    return world


def write(world: World, *key: str, seconds: float = 0) -> Apply:
    (intent,) = world.intents(CONTROLLER, *key, now=later(seconds))
    assert isinstance(intent, Apply)
    return intent


def status(world: World, *key: str) -> dict[str, Any]:
    return dict(write(world, *key).fields["status"])


def ready(world: World, *key: str) -> tuple[str, str]:
    return next((state, reason) for kind, state, reason in conditions_of(write(world, *key).fields) if kind == "Ready")


def stand(world: World, seconds: float = 0) -> None:
    """The template's status is stored as the plan wants it."""
    held = world.get(CONSTRAINT_TEMPLATES, Name("", "widget"))
    world.put(CONSTRAINT_TEMPLATES, applied(write(world, *TEMPLATE, seconds=seconds), held))


def test_one_write_carries_everything_and_names_the_version_that_was_read(world: World) -> None:
    says(world, ALL)
    intent = write(world, *TEMPLATE)
    assert (intent.subresource, intent.manager) == ("status", "gatewright-status")
    assert intent.fields["metadata"] == {"name": "widget", "resourceVersion": "50"}
    found = intent.fields["status"]
    assert (found["created"], found["observedGeneration"]) == (True, 1)
    assert [(one["id"], one["templateUID"], one["podStatusVersion"]) for one in found["byPod"]] == [
        ("gatewright", "u1", "60")
    ]
    assert "conditions" not in found["byPod"][0]
    assert list(conditions_of(intent.fields)) == [
        ("CRDEstablished", TRUE, "Established"),
        ("Ingested", TRUE, "Compiled"),
        ("ParamKindResolvable", TRUE, "NotNeeded"),
        ("PolicyGenerated", FALSE, "NotApplicable"),
        ("Ready", TRUE, "Ready"),
    ]


def test_nothing_is_written_when_nothing_changes(world: World) -> None:
    says(world, ALL)
    stand(world)
    assert world.intents(CONTROLLER, *TEMPLATE, now=later(500)) == ()


def test_before_anybody_spoke_created_is_absent_and_ready_unknown(world: World) -> None:
    found = status(world, *TEMPLATE)
    assert "created" not in found
    assert "byPod" not in found
    assert ready(world, *TEMPLATE) == (UNKNOWN, "Progressing")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        pytest.param((INGESTED, ESTABLISHED), (UNKNOWN, "Progressing"), id="webhook-not-proved"),
        pytest.param((INGESTED, IN_FORCE), (UNKNOWN, "Progressing"), id="crd-not-told"),
        pytest.param((ESTABLISHED, IN_FORCE), (UNKNOWN, "Progressing"), id="engine-not-told"),
        pytest.param(
            (Condition("Ingested", UNKNOWN, "Compiling", "", 1), ESTABLISHED, IN_FORCE),
            (UNKNOWN, "Progressing"),
            id="compiling",
        ),
        pytest.param((BROKEN, ESTABLISHED, IN_FORCE), (FALSE, "Failed"), id="does-not-compile"),
        pytest.param(
            (INGESTED, Condition("CRDEstablished", FALSE, "NamesConflict", "", 1, failed=True), IN_FORCE),
            (FALSE, "Failed"),
            id="names-conflict",
        ),
        pytest.param(
            (INGESTED, ESTABLISHED, Condition("WebhookInForce", UNKNOWN, "AwaitingWebhook", "", 1)),
            (UNKNOWN, "Progressing"),
            id="webhook-down",
        ),
        pytest.param(
            (INGESTED, ESTABLISHED, Condition("WebhookInForce", FALSE, "Forbidden", "", 1, failed=True)),
            (FALSE, "Failed"),
            id="webhook-forbidden",
        ),
        pytest.param(ALL, (TRUE, "Ready"), id="everything"),
    ],
)
def test_ready(world: World, conditions: tuple[Condition, ...], expected: tuple[str, str]) -> None:
    says(world, conditions)
    assert ready(world, *TEMPLATE) == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(None, (UNKNOWN, "Progressing"), id="silent"),
        pytest.param((INGESTED,), (TRUE, "Ready"), id="agrees"),
        pytest.param((BROKEN,), (FALSE, "Failed"), id="fails"),
    ],
)
def test_every_living_pod_must_speak(world: World, other: Any, expected: tuple[str, str]) -> None:
    world.put(PODS, pod("b"))
    says(world, ALL)
    if other is not None:
        says(world, other, who="b", version="62")
    assert ready(world, *TEMPLATE) == expected


@pytest.mark.parametrize("how", ["gone", "deleting", "over"])
def test_a_dead_pod_is_neither_waited_for_nor_shown(world: World, how: str) -> None:
    dead = pod("b", **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if how == "deleting" else {}))
    if how != "gone":
        world.put(PODS, {**dead, "status": {"phase": "Failed"}} if how == "over" else dead)
    says(world, ALL)
    says(world, (BROKEN,), who="b", version="62", errors=(TemplateError("ingest_error", "x"),))
    found = status(world, *TEMPLATE)
    assert [entry["id"] for entry in found["byPod"]] == ["gatewright"]
    assert ready(world, *TEMPLATE) == (TRUE, "Ready")


def test_words_on_another_incarnation_are_not_shown(world: World) -> None:
    says(world, ALL, of="u0")
    found = status(world, *TEMPLATE)
    assert "byPod" not in found
    assert ready(world, *TEMPLATE) == (UNKNOWN, "Progressing")


def test_words_on_the_generation_before_count_for_nothing(world: World) -> None:
    world.put(CONSTRAINT_TEMPLATES, template(generation=2))
    says(world, ALL)
    assert ready(world, *TEMPLATE) == (UNKNOWN, "Progressing")


# --- created


def test_created_is_false_only_with_a_terminal_error(world: World) -> None:
    says(world, (BROKEN, ESTABLISHED), errors=(TemplateError("ingest_error", "does not compile"),))
    found = status(world, *TEMPLATE)
    assert found["created"] is False
    assert found["byPod"][0]["errors"] == [{"code": "ingest_error", "message": "does not compile"}]


def test_created_is_monotone(world: World) -> None:
    says(world, ALL)
    stand(world)
    says(world, (BROKEN, ESTABLISHED), errors=(TemplateError("ingest_error", "x"),), version="70")
    assert status(world, *TEMPLATE)["created"] is True
    assert ready(world, *TEMPLATE) == (FALSE, "Failed")


def test_transient_trouble_is_no_error_and_no_outcome(world: World) -> None:
    says(world, (INGESTED, Condition("CRDEstablished", UNKNOWN, "AwaitingDiscovery", "", 1), IN_FORCE))
    found = status(world, *TEMPLATE)
    assert "created" not in found
    assert all("errors" not in entry for entry in found["byPod"])


def test_the_newest_word_of_the_generate_role_counts(world: World) -> None:
    world.put(PODS, pod("b"))
    old = Condition("CRDEstablished", UNKNOWN, "Creating", "", 1)
    says(world, (INGESTED, old, IN_FORCE), who="b", version="58")
    says(world, ALL, version="60")
    assert ready(world, *TEMPLATE) == (TRUE, "Ready")


# --- the view


@pytest.mark.parametrize(
    "resource", [CONSTRAINT_TEMPLATES, CONSTRAINT_TEMPLATE_POD_STATUSES, PODS, CRDS], ids=lambda one: one.plural
)
def test_nothing_is_decided_from_what_has_not_synced(world: World, resource: Any) -> None:
    says(world, ALL)
    world.unsynced.add(resource)
    assert world.intents(CONTROLLER, *TEMPLATE) == ()


def test_a_view_that_is_behind_does_not_write(world: World) -> None:
    says(world, ALL, version="60")
    stand(world)
    says(world, (INGESTED,), version="55")  # an older version of what the stored byPod was made from
    world.versions[CONSTRAINT_TEMPLATE_POD_STATUSES] = 59
    intents = world.intents(CONTROLLER, *TEMPLATE)
    assert [type(intent) for intent in intents] == [Wake]
    world.versions[CONSTRAINT_TEMPLATE_POD_STATUSES] = 60
    assert [type(intent) for intent in world.intents(CONTROLLER, *TEMPLATE)] == [Apply]


@pytest.mark.parametrize("deleting", [False, True], ids=["gone", "deleting"])
def test_what_goes_gets_no_status(world: World, deleting: bool) -> None:
    says(world, ALL)
    world.remove(CONSTRAINT_TEMPLATES, "widget")
    if deleting:
        world.put(CONSTRAINT_TEMPLATES, template(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert world.intents(CONTROLLER, *TEMPLATE) == ()


def test_the_times_of_conditions_are_kept(world: World) -> None:
    says(world, (INGESTED, ESTABLISHED))
    stand(world)
    says(world, ALL, version="70")
    stamps = {
        one["type"]: one["lastTransitionTime"]
        for one in write(world, *TEMPLATE, seconds=9).fields["status"]["conditions"]
    }
    assert stamps["Ingested"] == NOW.timestamp()
    assert stamps["Ready"] == later(9).timestamp()


def test_an_upstream_crd_gets_no_undeclared_field(world: World) -> None:
    """Conditions that the schema doesn't declare would be a 500 on every apply: they go into the entries."""
    crd = next(one for one in installed_crds() if one["spec"]["names"]["kind"] == "ConstraintTemplate")
    bare = [{"name": version["name"], "schema": {}} for version in crd["spec"]["versions"]]
    world.put(CRDS, {**crd, "spec": {**crd["spec"], "versions": bare}})
    says(world, ALL)
    found = status(world, *TEMPLATE)
    assert sorted(found) == ["byPod", "created"]
    assert "Ready" in {one["type"] for one in found["byPod"][0]["conditions"]}


# --- constraints


@pytest.fixture
def with_constraint(world: World) -> World:
    world.put(WIDGETS, constraint())
    says(world, ALL)
    return world


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param((ENFORCED,), (TRUE, "Ready"), id="enforced"),
        pytest.param((), (UNKNOWN, "Progressing"), id="no-word"),
        pytest.param(
            (Condition("Enforced", UNKNOWN, "AwaitingTemplate", "", 1),), (UNKNOWN, "Progressing"), id="waits"
        ),
        pytest.param(
            (Condition("Enforced", FALSE, "InvalidConstraint", "", 1, failed=True),), (FALSE, "Failed"), id="invalid"
        ),
    ],
)
def test_a_constraint(with_constraint: World, words: tuple[Condition, ...], expected: tuple[str, str]) -> None:
    says_of_constraint(with_constraint, words)
    assert ready(with_constraint, *CONSTRAINT) == expected
    assert "created" not in status(with_constraint, *CONSTRAINT)


def test_a_constraint_is_ready_only_while_the_webhook_is_proved(with_constraint: World) -> None:
    says_of_constraint(with_constraint, (ENFORCED,))
    says(with_constraint, (INGESTED, ESTABLISHED), version="70")
    assert ready(with_constraint, *CONSTRAINT) == (UNKNOWN, "Progressing")


def test_a_constraint_needs_every_pod(with_constraint: World) -> None:
    with_constraint.put(PODS, pod("b"))
    says_of_constraint(with_constraint, (ENFORCED,))
    assert ready(with_constraint, *CONSTRAINT) == (UNKNOWN, "Progressing")
    says_of_constraint(with_constraint, (ENFORCED,), who="b")
    assert ready(with_constraint, *CONSTRAINT) == (TRUE, "Ready")


def test_a_constraint_is_not_rolled_up_before_its_kind_is_synced(with_constraint: World) -> None:
    with_constraint.unsynced.add(WIDGETS)
    assert of_type(with_constraint.intents(CONTROLLER, *CONSTRAINT), Apply) == []


@pytest.mark.parametrize(
    ("spec", "promise"),
    [
        pytest.param({}, "the next violating request is denied; the webhook is in force", id="deny"),
        pytest.param(
            {"enforcementAction": "warn"},
            "the next violating request is answered with a warning; the webhook is in force",
            id="warn",
        ),
        pytest.param(
            {"enforcementAction": "dryrun"},
            "the next violating request is let through and at most recorded; the webhook is in force",
            id="dryrun",
        ),
        pytest.param(
            {
                "enforcementAction": "scoped",
                "scopedEnforcementActions": [
                    {"action": "warn", "enforcementPoints": [{"name": "*"}]},
                    {"action": "deny", "enforcementPoints": [{"name": "validation.gatekeeper.sh"}]},
                ],
            },
            "the next violating request is denied; the webhook is in force",
            id="scoped-here",
        ),
        pytest.param(
            {
                "enforcementAction": "scoped",
                "scopedEnforcementActions": [
                    {"action": "deny", "enforcementPoints": [{"name": "audit.gatekeeper.sh"}]}
                ],
            },
            "the constraint names no action of the webhook",
            id="scoped-away",
        ),
        pytest.param({"enforcementAction": 3}, "the constraint names no action of the webhook", id="no-word"),
    ],
)
def test_ready_promises_what_the_constraint_asks_for(with_constraint: World, spec: Any, promise: str) -> None:
    with_constraint.put(WIDGETS, constraint(spec=spec))
    says_of_constraint(with_constraint, [ENFORCED])
    found = status(with_constraint, *CONSTRAINT)["conditions"]
    assert [one["message"] for one in found if one["type"] == "Ready"] == [promise]


@pytest.mark.parametrize(
    ("others", "named"),
    [
        pytest.param(["old"], "in 1 of 2 pods; no word of this generation from pod old", id="one"),
        pytest.param(["old", "older"], "in 1 of 3 pods; no word of this generation from pod old and 1 more", id="two"),
    ],
)
def test_a_silent_pod_is_named(world: World, others: list[str], named: str) -> None:
    """The mend of a pod whose process has gone is to delete it: so its name must be told."""
    for one in others:
        world.put(PODS, pod(one))
    says(world, ALL)
    found = status(world, *TEMPLATE)["conditions"]
    assert [one["message"] for one in found if one["type"] == "Ingested"] == [named]
