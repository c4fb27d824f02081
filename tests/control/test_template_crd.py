"""A template's CRD: fences, states, F2 on each API server, dead incarnations, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gatewright.control import template_crd
from gatewright.control.intents import Apply, Ask, Delete, Intent, LiveRead, Note, Refusal, Wake, fields_digest
from gatewright.control.template_crd import CONTROLLER, Report
from gatewright.core.http import NoAnswer, Response
from gatewright.core.objects import Name
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CRDS, ENDPOINT_SLICES
from tests.control.world import (
    KIND,
    NOW,
    SETTINGS,
    World,
    applied,
    json_answer,
    kinds_answer,
    later,
    of_type,
    roots,
    served_crd,
    servers,
    template,
)

CRD = "widget.constraints.gatekeeper.sh"
KEY = "widget"
ACCEPTED = (("NamesAccepted", "True"), ("Established", "True"))


@pytest.fixture
def world() -> World:
    world = World()
    servers(world, "10.0.0.1", "10.0.0.2")
    world.put(CONSTRAINT_TEMPLATES, template())
    return world


def created(world: World) -> dict[str, Any]:
    """The CRD as it stands after our apply."""
    (intent,) = of_type(world.intents(CONTROLLER, KEY), Apply)
    return applied(intent, uid="crd1")


def report(intents: tuple[Intent, ...]) -> Report:
    (note,) = of_type(intents, Note)
    assert note.fact == template_crd.note(KEY)
    assert isinstance(note.value, Report)
    return note.value


def told(intents: tuple[Intent, ...]) -> tuple[str, str]:
    (condition,) = report(intents).conditions
    return condition.status, condition.reason


def answer(world: World, address: str, discovery: Any = None, listing: Any = None, at: float = NOW.monotonic) -> None:
    if discovery is not None:
        world.know("discovery", address, value=discovery, at=at)
    if listing is not None:
        world.know("listing", address, "crd1", value=listing, at=at)


YES, LISTED = kinds_answer(KIND), json_answer({"items": []})
NOT_SERVED = Response(404, (("content-type", "text/plain"),), b"404 page not found\n")


def test_an_absent_crd_is_only_created_and_owned_by_this_incarnation(world: World) -> None:
    intents = world.intents(CONTROLLER, KEY)
    (intent,) = of_type(intents, Apply)
    meta = intent.fields["metadata"]
    assert meta["name"] == CRD
    assert meta["resourceVersion"] == "1"
    assert "uid" not in meta
    assert [(owner["kind"], owner["uid"]) for owner in meta["ownerReferences"]] == [("ConstraintTemplate", "u1")]
    assert told(intents) == ("Unknown", "Creating")


@pytest.mark.parametrize("resource", [CONSTRAINT_TEMPLATES, CRDS], ids=lambda one: one.plural)
def test_nothing_is_decided_before_the_caches_are_synced(world: World, resource: Any) -> None:
    world.unsynced.add(resource)
    assert world.intents(CONTROLLER, KEY) == ()


@pytest.mark.parametrize(
    ("conditions", "status", "reason"),
    [
        pytest.param((), "Unknown", "NamesPending", id="no-conditions"),
        pytest.param((("NamesAccepted", "True"),), "Unknown", "NamesPending", id="not-established"),
        pytest.param((("NamesAccepted", "False"), ("Established", "False")), "False", "NamesConflict", id="conflict"),
        pytest.param(ACCEPTED, "Unknown", "AwaitingDiscovery", id="established"),
    ],
)
def test_the_states_of_our_crd(world: World, conditions: tuple[tuple[str, str], ...], status: str, reason: str) -> None:
    served_crd(world, created(world), *conditions)
    intents = world.intents(CONTROLLER, KEY)
    assert told(intents) == (status, reason)
    assert of_type(intents, Apply) == []
    assert of_type(intents, LiveRead) == []  # its owner lives: there is nothing to ask
    assert bool(report(intents).errors) is (status == "False")


def test_a_conflict_of_names_is_told_in_the_servers_words(world: World) -> None:
    served_crd(world, created(world), ("NamesAccepted", "False"))
    found = report(world.intents(CONTROLLER, KEY))
    assert found.conditions[0].message == "NamesAccepted is False"
    assert found.final


def test_f2_is_asked_on_each_address_and_never_decided_from_no_answer(world: World) -> None:
    served_crd(world, created(world), *ACCEPTED)
    asked = of_type(world.intents(CONTROLLER, KEY), Ask)
    assert [(ask.address, ask.fact[0]) for ask in asked] == [
        ("10.0.0.1:6443", "discovery"),
        ("10.0.0.2:6443", "discovery"),
    ]
    answer(world, "10.0.0.1:6443", YES, LISTED)
    answer(world, "10.0.0.2:6443", NoAnswer("refused"), NoAnswer("refused"))
    assert told(world.intents(CONTROLLER, KEY)) == ("Unknown", "AwaitingDiscovery")


@pytest.mark.parametrize(
    ("discovery", "listing", "served"),
    [
        pytest.param(YES, LISTED, True, id="both"),
        pytest.param(YES, None, False, id="list-not-asked"),
        pytest.param(YES, NOT_SERVED, False, id="list-404"),
        pytest.param(YES, json_answer({}, 500), False, id="list-500"),
        pytest.param(kinds_answer("Other"), LISTED, False, id="discovery-without-the-kind"),
        pytest.param(NOT_SERVED, LISTED, False, id="discovery-404"),
        pytest.param(json_answer({}, 503), LISTED, False, id="discovery-503"),
    ],
)
def test_f2_needs_discovery_and_list(world: World, discovery: Any, listing: Any, served: bool) -> None:
    served_crd(world, created(world), *ACCEPTED)
    answer(world, "10.0.0.1:6443", YES, LISTED)
    answer(world, "10.0.0.2:6443", discovery, listing)
    intents = world.intents(CONTROLLER, KEY)
    assert (told(intents) == ("True", "Established")) is served
    assert report(intents).final is served


def test_a_question_is_repeated_only_after_its_period(world: World) -> None:
    served_crd(world, created(world), *ACCEPTED)
    answer(world, "10.0.0.1:6443", YES, LISTED)
    answer(world, "10.0.0.2:6443", NOT_SERVED)
    soon = world.intents(CONTROLLER, KEY, now=later(SETTINGS.probe_period / 2))
    assert of_type(soon, Ask) == []
    assert of_type(soon, Wake) == [Wake(NOW.monotonic + SETTINGS.probe_period)]
    again = of_type(world.intents(CONTROLLER, KEY, now=later(SETTINGS.probe_period)), Ask)
    assert [ask.address for ask in again] == ["10.0.0.2:6443"]


def test_f2_of_a_crd_that_was_created_again_is_asked_again(world: World) -> None:
    crd = created(world)
    served_crd(world, crd, *ACCEPTED)
    for address in ("10.0.0.1:6443", "10.0.0.2:6443"):
        answer(world, address, YES, LISTED)
    again = {**crd, "metadata": {**crd["metadata"], "uid": "crd2"}}
    served_crd(world, again, *ACCEPTED)
    intents = world.intents(CONTROLLER, KEY)
    assert told(intents) == ("Unknown", "AwaitingDiscovery")
    assert {ask.fact[0] for ask in of_type(intents, Ask)} == {"listing"}


def test_unknown_addresses_prove_nothing(world: World) -> None:
    served_crd(world, created(world), *ACCEPTED)
    world.unsynced.add(ENDPOINT_SLICES)
    intents = world.intents(CONTROLLER, KEY)
    assert told(intents) == ("Unknown", "AwaitingDiscovery")
    assert of_type(intents, Ask) == []


def test_a_foreign_crd_is_left_alone_and_told(world: World) -> None:
    crd = created(world)
    meta = {key: value for key, value in crd["metadata"].items() if key != "ownerReferences"}
    served_crd(world, {**crd, "metadata": meta}, *ACCEPTED)
    intents = world.intents(CONTROLLER, KEY)
    assert told(intents) == ("False", "NotOurs")
    assert of_type(intents, Apply) + of_type(intents, Delete) + of_type(intents, LiveRead) == []


# --- incarnations


def recreated(world: World) -> None:
    """The CRD of incarnation u1 stands; the template is u2 now."""
    served_crd(world, created(world), *ACCEPTED)
    world.put(CONSTRAINT_TEMPLATES, template(uid="u2"))


def test_a_dead_incarnations_crd_is_not_adopted_and_its_owner_is_read_live_first(world: World) -> None:
    recreated(world)
    intents = world.intents(CONTROLLER, KEY)
    assert of_type(intents, LiveRead) == [LiveRead(CONSTRAINT_TEMPLATES, Name("", KEY))]
    assert of_type(intents, Delete) + of_type(intents, Apply) == []
    assert told(intents) == ("Unknown", "Terminating")


@pytest.mark.parametrize(
    ("live", "deleted"),
    [
        pytest.param(None, True, id="owner-gone"),
        pytest.param(template(uid="u2"), True, id="another-incarnation"),
        pytest.param(template(uid="u1"), False, id="owner-lives"),
    ],
)
def test_it_is_deleted_only_when_the_live_read_says_so(world: World, live: Any, deleted: bool) -> None:
    recreated(world)
    world.know("live", CONSTRAINT_TEMPLATES, Name("", KEY), value=live)
    found = of_type(world.intents(CONTROLLER, KEY), Delete)
    assert [(one.uid, one.resource_version) for one in found] == ([("crd1", "50")] if deleted else [])


def test_an_old_live_read_is_read_again(world: World) -> None:
    recreated(world)
    world.know("live", CONSTRAINT_TEMPLATES, Name("", KEY), value=None)
    intents = world.intents(CONTROLLER, KEY, now=later(5))
    assert of_type(intents, Delete) == []
    assert len(of_type(intents, LiveRead)) == 1


def test_the_crd_of_a_template_that_went_is_swept(world: World) -> None:
    served_crd(world, created(world), *ACCEPTED)
    world.remove(CONSTRAINT_TEMPLATES, KEY)
    world.know("live", CONSTRAINT_TEMPLATES, Name("", KEY), value=None)
    intents = world.intents(CONTROLLER, KEY)
    assert len(of_type(intents, Delete)) == 1
    assert of_type(intents, Note) == [Note(template_crd.note(KEY), None)]


def test_a_crd_under_deletion_is_waited_for(world: World) -> None:
    crd = created(world)
    dying = {**crd, "metadata": {**crd["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    served_crd(world, dying, *ACCEPTED)
    intents = world.intents(CONTROLLER, KEY)
    assert told(intents) == ("Unknown", "Terminating")
    assert of_type(intents, Apply) + of_type(intents, Delete) == []


# --- change and refusal


def test_a_changed_template_changes_its_own_crd(world: World) -> None:
    served_crd(world, created(world), *ACCEPTED)
    changed = template(generation=2)
    changed["spec"]["crd"]["spec"]["validation"]["openAPIV3Schema"]["properties"] = {"other": {"type": "string"}}
    world.put(CONSTRAINT_TEMPLATES, changed)
    intents = world.intents(CONTROLLER, KEY)
    (intent,) = of_type(intents, Apply)
    assert intent.fields["metadata"]["uid"] == "crd1"
    assert "resourceVersion" not in intent.fields["metadata"]
    assert of_type(intents, Ask) == []  # nothing is proved of a CRD that is about to change
    assert report(intents).generation == 2


def refuse(world: World, status: int, at: float = NOW.monotonic) -> None:
    (intent,) = of_type(world.intents(CONTROLLER, KEY), Apply)
    value = Refusal(status, "", "the server said so", fields_digest(intent.fields), at)
    world.know("refused", CRDS, Name("", CRD), "", value=value, at=at)


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "Forbidden"), (422, "NonStructuralSchema"), (400, "Refused")], ids=str
)
def test_a_refusal_is_told_and_tried_again_seldom(world: World, status: int, reason: str) -> None:
    refuse(world, status)
    intents = world.intents(CONTROLLER, KEY, now=later(1))
    assert told(intents) == ("False", reason)
    assert [error.message for error in report(intents).errors] == ["Could not create CRD: the server said so"]
    assert of_type(intents, Apply) == []
    assert of_type(intents, Wake) == [Wake(NOW.monotonic + SETTINGS.terminal_retry)]
    assert len(of_type(world.intents(CONTROLLER, KEY, now=later(SETTINGS.terminal_retry)), Apply)) == 1


def test_a_refusal_of_other_fields_holds_nothing_back(world: World) -> None:
    value = Refusal(422, "", "of another schema", "another digest", NOW.monotonic)
    world.know("refused", CRDS, Name("", CRD), "", value=value)
    assert len(of_type(world.intents(CONTROLLER, KEY), Apply)) == 1


def test_a_template_without_a_crd_is_told_for_good(world: World) -> None:
    world.put(CONSTRAINT_TEMPLATES, template(kind="Gadget"))  # its name is not the kind in lower case
    intents = world.intents(CONTROLLER, KEY)
    assert told(intents) == ("False", "InvalidSchema")
    assert report(intents).errors[0].code == "create_error"
    assert of_type(intents, Apply) == []


def test_one_address_of_its_own_is_proved_and_named(world: World) -> None:
    served_crd(world, created(world), *ACCEPTED)
    settings = replace(SETTINGS, addresses=("s:1",))
    answer(world, "s:1", YES, LISTED)
    (condition,) = report(world.intents(CONTROLLER, KEY, settings=settings)).conditions
    assert condition.status == "True"
    assert "1 API server" in condition.message


def test_keys_come_from_templates_and_from_crds_that_templates_own(world: World) -> None:
    crd = created(world)
    assert roots(CONTROLLER, CONSTRAINT_TEMPLATES, template()) == {(KEY,)}
    assert roots(CONTROLLER, CRDS, crd) == {(KEY,)}
    assert roots(CONTROLLER, CRDS, {"metadata": {"name": "other"}}) == set()
