"""This pod's own statuses: published when final or when a step lasts, deleted with their subject."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.control import constraint_ingest, pod_status, template_crd, template_ingest, webhook
from gatewright.control.conditions import FALSE, TRUE, UNKNOWN, Condition
from gatewright.control.intents import Apply, Delete, Wake
from gatewright.control.pod_status import CONTROLLER, PATIENCE
from gatewright.kinds.resources import (
    CONSTRAINT_POD_STATUSES,
    CONSTRAINT_TEMPLATE_POD_STATUSES,
    CONSTRAINT_TEMPLATES,
    PODS,
)
from gatewright.kinds.templates import TemplateError
from tests.control.world import (
    KIND,
    NOW,
    NS,
    SETTINGS,
    WIDGETS,
    World,
    applied,
    conditions_of,
    constraint,
    home,
    later,
    of_type,
    roots,
    template,
)

TEMPLATE = ("template", "widget")
CONSTRAINT = ("constraint", KIND, "only")
State = template_ingest.State


def engine(
    world: World,
    state: State = State.INGESTED,
    *,
    at: int = 1,
    uid: str = "u1",
    errors: tuple[TemplateError, ...] = (),
    since: float = NOW.monotonic,
) -> None:
    status = {State.INGESTED: TRUE, State.INVALID: FALSE}.get(state, UNKNOWN)
    condition = Condition("Ingested", status, state.value, "", at, failed=state is State.INVALID)
    report = template_ingest.Report(uid, at, state, condition, errors, since)
    world.know(*template_ingest.note("widget"), value=report)


def crd(world: World, status: str = TRUE, *, at: int = 1, uid: str = "u1") -> None:
    condition = Condition("CRDEstablished", status, "Established", "", at)
    world.know(*template_crd.note("widget"), value=template_crd.Report(uid, at, (condition,)))


def proved(world: World, status: str = TRUE) -> None:
    value = webhook.InForce("mark", Condition(webhook.CONDITION, status, "InForce", "", 0))
    world.know(*webhook.NOTE, value=value)


@pytest.fixture
def world() -> World:
    world = World()
    home(world)
    world.put(CONSTRAINT_TEMPLATES, template())
    engine(world)
    crd(world)
    proved(world)
    return world


def published(world: World, *key: str, seconds: float = 0) -> Any:
    (intent,) = of_type(world.intents(CONTROLLER, *key, now=later(seconds)), Apply)
    return intent


def test_an_outcome_is_published_at_once_in_one_object_owned_by_the_pod(world: World) -> None:
    intent = published(world, *TEMPLATE)
    assert intent.resource == CONSTRAINT_TEMPLATE_POD_STATUSES
    assert intent.manager == "gatewright-pod-gatewright"
    meta, status = intent.fields["metadata"], intent.fields["status"]
    assert (meta["name"], meta["namespace"]) == ("gatewright-widget", NS)
    assert [owner["uid"] for owner in meta["ownerReferences"]] == ["pod-gatewright"]
    assert (status["id"], status["templateUID"], status["observedGeneration"]) == ("gatewright", "u1", 1)
    assert "errors" not in status
    assert list(conditions_of(intent.fields)) == [
        ("CRDEstablished", TRUE, "Established"),
        ("Ingested", TRUE, "Compiled"),
        ("WebhookInForce", TRUE, "InForce"),
    ]


def test_nothing_is_written_when_nothing_changes(world: World) -> None:
    held = applied(published(world, *TEMPLATE))
    world.put(CONSTRAINT_TEMPLATE_POD_STATUSES, held)
    assert world.intents(CONTROLLER, *TEMPLATE, now=later(100)) == ()


@pytest.mark.parametrize("what", ["engine", "crd", "webhook"])
def test_a_step_is_published_only_when_it_lasts(world: World, what: str) -> None:
    {
        "engine": lambda: engine(world, State.LOADING),
        "crd": lambda: crd(world, UNKNOWN),
        "webhook": lambda: proved(world, UNKNOWN),
    }[what]()
    assert world.intents(CONTROLLER, *TEMPLATE) == (Wake(NOW.monotonic + PATIENCE),)
    status = published(world, *TEMPLATE, seconds=PATIENCE).fields["status"]
    assert status["observedGeneration"] == 0  # no outcome of this generation yet


def test_while_a_generation_has_no_outcome_the_last_one_is_named(world: World) -> None:
    world.put(CONSTRAINT_TEMPLATE_POD_STATUSES, applied(published(world, *TEMPLATE)))
    world.put(CONSTRAINT_TEMPLATES, template(generation=2))
    engine(world, State.COMPILING, at=2)
    status = published(world, *TEMPLATE, seconds=PATIENCE).fields["status"]
    assert status["observedGeneration"] == 1


@pytest.mark.parametrize(
    "note",
    [pytest.param({"at": 0}, id="generation-before"), pytest.param({"uid": "u0"}, id="another-incarnation")],
)
def test_what_the_engine_says_of_another_generation_is_not_published(world: World, note: dict[str, Any]) -> None:
    engine(world, **note)
    assert world.intents(CONTROLLER, *TEMPLATE) == ()


def test_the_crds_word_on_another_generation_is_left_out(world: World) -> None:
    crd(world, at=0)
    assert [kind for kind, _, _ in conditions_of(published(world, *TEMPLATE).fields)] == ["Ingested", "WebhookInForce"]


def test_terminal_errors_are_published_and_nothing_else_is_an_error(world: World) -> None:
    engine(world, State.INVALID, errors=(TemplateError("ingest_error", "does not compile"),))
    proved(world, UNKNOWN)
    status = published(world, *TEMPLATE, seconds=PATIENCE).fields["status"]
    assert status["errors"] == [{"code": "ingest_error", "message": "does not compile"}]


def test_a_terminal_error_names_its_own_generation_whatever_is_still_on_its_way(world: World) -> None:
    world.put(CONSTRAINT_TEMPLATE_POD_STATUSES, applied(published(world, *TEMPLATE)))
    world.put(CONSTRAINT_TEMPLATES, template(generation=2))
    engine(world, State.COMPILING, at=2)
    refused = Condition("CRDEstablished", FALSE, "Forbidden", "", 2, failed=True)
    report = template_crd.Report("u1", 2, (refused,), (TemplateError("update_error", "forbidden"),))
    world.know(*template_crd.note("widget"), value=report)
    status = published(world, *TEMPLATE).fields["status"]
    assert (status["observedGeneration"], [error["code"] for error in status["errors"]]) == (2, ["update_error"])


def test_words_of_the_generate_role_outlive_a_lost_lease(world: World) -> None:
    """After the lease went the process has nothing to say of the CRD; dropping its word would make Ready flap."""
    world.put(CONSTRAINT_TEMPLATE_POD_STATUSES, applied(published(world, *TEMPLATE)))
    del world.facts[template_crd.note("widget")]
    del world.facts[webhook.NOTE]
    assert world.intents(CONTROLLER, *TEMPLATE) == ()


def test_the_times_of_conditions_are_kept(world: World) -> None:
    world.put(CONSTRAINT_TEMPLATE_POD_STATUSES, applied(published(world, *TEMPLATE)))
    proved(world, UNKNOWN)
    stamps = {
        one["type"]: one["lastTransitionTime"]
        for one in published(world, *TEMPLATE, seconds=9).fields["status"]["conditions"]
    }
    assert stamps["Ingested"] == NOW.timestamp()
    assert stamps["WebhookInForce"] == later(9).timestamp()


def test_without_the_pod_nothing_is_published(world: World) -> None:
    world.remove(PODS, SETTINGS.pod, NS)
    assert world.intents(CONTROLLER, *TEMPLATE) == ()


@pytest.mark.parametrize("resource", [CONSTRAINT_TEMPLATES, CONSTRAINT_TEMPLATE_POD_STATUSES], ids=lambda one: one.kind)
def test_nothing_is_decided_before_the_caches_are_synced(world: World, resource: Any) -> None:
    world.unsynced.add(resource)
    assert world.intents(CONTROLLER, *TEMPLATE) == ()


@pytest.mark.parametrize("deleting", [False, True], ids=["gone", "deleting"])
def test_the_status_goes_with_its_template(world: World, deleting: bool) -> None:
    world.put(CONSTRAINT_TEMPLATE_POD_STATUSES, applied(published(world, *TEMPLATE), uid="s1"))
    if deleting:
        world.put(CONSTRAINT_TEMPLATES, template(deletionTimestamp="2026-01-01T00:00:00Z"))
    else:
        world.remove(CONSTRAINT_TEMPLATES, "widget")
    (intent,) = world.intents(CONTROLLER, *TEMPLATE)
    assert isinstance(intent, Delete)
    assert (intent.uid, intent.resource_version) == ("s1", "50")


# --- constraints


def enforced(world: World) -> None:
    world.put(WIDGETS, constraint())
    condition = Condition("Enforced", TRUE, "Enforced", "", 1)
    report = constraint_ingest.Report("c1", 1, constraint_ingest.State.ENFORCED, condition, (), NOW.monotonic)
    world.know(*constraint_ingest.note(KIND, "only"), value=report)


def test_a_constraints_outcome(world: World) -> None:
    enforced(world)
    intent = published(world, *CONSTRAINT)
    assert intent.resource == CONSTRAINT_POD_STATUSES
    assert intent.fields["metadata"]["name"] == "gatewright-widget-only"
    status = intent.fields["status"]
    assert (status["constraintUID"], status["enforced"], status["observedGeneration"]) == ("c1", True, 1)


def test_without_its_template_a_constraint_counts_as_gone(world: World) -> None:
    enforced(world)
    world.put(CONSTRAINT_POD_STATUSES, applied(published(world, *CONSTRAINT)))
    world.remove(CONSTRAINT_TEMPLATES, "widget")
    world.unsynced.add(WIDGETS)  # nobody watches the kind any more
    assert [type(intent) for intent in world.intents(CONTROLLER, *CONSTRAINT)] == [Delete]


def test_statuses_of_what_went_while_we_were_away_have_keys(world: World) -> None:
    enforced(world)
    own = applied(published(world, *CONSTRAINT))
    assert roots(CONTROLLER, CONSTRAINT_POD_STATUSES, own) == {CONSTRAINT}
    other = {**own, "status": {**own["status"], "id": "another-pod"}}
    assert roots(CONTROLLER, CONSTRAINT_POD_STATUSES, other) == set()


def test_pod_status_is_run_by_every_process() -> None:
    assert pod_status.CONTROLLER.lease == ""
