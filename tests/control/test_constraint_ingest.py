"""A constraint into the engine: only with its template, only when it is valid."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.control import constraint_ingest
from gatewright.control.constraint_ingest import CONTROLLER, Report
from gatewright.control.intents import Intent, Load, Note
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, PODS
from tests.control.world import KIND, WIDGETS, World, constraint, later, of_type, roots, template

KEY = (KIND, "only")
SLOT = ("constraint", KIND, "only")


@pytest.fixture
def world() -> World:
    world = World()
    world.put(CONSTRAINT_TEMPLATES, template())
    world.put(WIDGETS, constraint())
    world.know("loaded", ("template", "widget"), value=("u1", 1))
    return world


def told(intents: tuple[Intent, ...]) -> Report:
    (note,) = of_type(intents, Note)
    assert isinstance(note.value, Report)
    return note.value


def loads(world: World) -> list[Any]:
    return [(load.identity, load.entry is not None) for load in of_type(world.intents(CONTROLLER, *KEY), Load)]


def test_it_is_loaded_then_enforced(world: World) -> None:
    assert loads(world) == [(("c1", 1), True)]
    world.know("loaded", SLOT, value=("c1", 1))
    intents = world.intents(CONTROLLER, *KEY)
    assert of_type(intents, Load) == []
    assert told(intents).condition.reason == "Enforced"
    assert told(intents).final


@pytest.mark.parametrize(
    "loaded",
    [
        pytest.param(None, id="template-not-loaded"),
        pytest.param(("u0", 1), id="another-incarnation-of-the-template-is-loaded"),
    ],
)
def test_without_its_template_it_waits_and_is_out_of_force(world: World, loaded: Any) -> None:
    del world.facts["loaded", ("template", "widget")]
    if loaded is not None:
        world.know("loaded", ("template", "widget"), value=loaded)
    world.know("loaded", SLOT, value=("c1", 1))
    intents = world.intents(CONTROLLER, *KEY)
    report = told(intents)
    assert (report.condition.status, report.condition.reason, report.errors) == ("Unknown", "AwaitingTemplate", ())
    assert [load.entry for load in of_type(intents, Load)] == [None]


@pytest.mark.parametrize("kind", [pytest.param("WIDGET", id="renamed"), pytest.param(None, id="unreadable")])
def test_a_template_that_lost_the_kind_leaves_the_generation_before_in_force(world: World, kind: str | None) -> None:
    changed = template(generation=2)
    changed["spec"]["crd"]["spec"]["names"] = {"kind": kind}
    world.put(CONSTRAINT_TEMPLATES, changed)
    world.know("loaded", SLOT, value=("c1", 1))
    intents = world.intents(CONTROLLER, *KEY)
    assert of_type(intents, Load) == []
    assert told(intents).condition.reason == "Enforced"
    world.put(WIDGETS, constraint(generation=2))
    intents = world.intents(CONTROLLER, *KEY)
    assert of_type(intents, Load) == []
    assert (told(intents).condition.reason, told(intents).errors) == ("AwaitingTemplate", ())


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"parameters": {"values": "no list"}}, id="schema"),
        pytest.param({"enforcementAction": "explode"}, id="enforcement-action"),
        pytest.param({"match": {"kinds": "none"}}, id="match"),
    ],
)
def test_an_invalid_one_is_told_for_good_and_out_of_force(world: World, spec: Any) -> None:
    world.put(WIDGETS, constraint(spec=spec, generation=2))
    world.know("loaded", SLOT, value=("c1", 1))
    intents = world.intents(CONTROLLER, *KEY)
    report = told(intents)
    assert (report.condition.status, report.condition.failed) == ("False", True)
    assert report.final
    assert report.errors
    assert [load.entry for load in of_type(intents, Load)] == [None]


def test_a_change_is_loaded_again(world: World) -> None:
    world.know("loaded", SLOT, value=("c1", 1))
    world.put(WIDGETS, constraint(generation=2))
    assert loads(world) == [(("c1", 2), True)]
    world.put(WIDGETS, constraint(uid="c2"))
    assert loads(world) == [(("c2", 1), True)]


@pytest.mark.parametrize("way", ["deleted", "deleting", "template-and-all"])
def test_one_that_went_is_unloaded(world: World, way: str) -> None:
    world.know("loaded", SLOT, value=("c1", 1))
    if way == "deleting":
        world.put(WIDGETS, constraint(deletionTimestamp="2026-01-01T00:00:00Z"))
    else:
        world.remove(WIDGETS, "only")
    if way == "template-and-all":
        world.remove(CONSTRAINT_TEMPLATES, "widget")
        world.unsynced.add(WIDGETS)  # nobody watches the kind any more
    intents = world.intents(CONTROLLER, *KEY)
    assert [load.entry for load in of_type(intents, Load)] == [None]
    assert of_type(intents, Note) == [Note(constraint_ingest.note(*KEY), None)]


@pytest.mark.parametrize("resource", [WIDGETS, CONSTRAINT_TEMPLATES], ids=lambda one: one.plural)
def test_nothing_is_decided_before_the_caches_are_synced(world: World, resource: Any) -> None:
    world.unsynced.add(resource)
    assert world.intents(CONTROLLER, *KEY) == ()


def test_nothing_is_told_twice(world: World) -> None:
    world.know(*constraint_ingest.note(*KEY), value=told(world.intents(CONTROLLER, *KEY)))
    assert of_type(world.intents(CONTROLLER, *KEY, now=later(3)), Note) == []


def test_keys_come_from_constraints_alone() -> None:
    assert roots(CONTROLLER, WIDGETS, constraint()) == {KEY}
    assert roots(CONTROLLER, PODS, {"metadata": {"name": "x"}}) == set()
    assert roots(CONTROLLER, None, None) == set()
