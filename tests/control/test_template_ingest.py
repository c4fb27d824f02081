"""A template into the engine: compile once, load, wait for data.inventory, tell."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.control import template_ingest
from gatewright.control.intents import Compile, Intent, Load, Note
from gatewright.control.template_ingest import CONTROLLER, Report
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CRDS
from gatewright.policy.compiling import compile_source
from tests.control.world import WIDGETS, World, flat, later, of_type, template

KEY = "widget"
CRD = "widget.constraints.gatekeeper.sh"
REFERENTIAL = 'package widget\nviolation[{"msg": "no"}] { data.inventory.cluster["v1"].Namespace[_] }\n'
BROKEN = 'package widget\nviolation[{"msg": msg}] { msg = }\n'


def put(world: World, rego: str, **meta: Any) -> None:
    world.put(CONSTRAINT_TEMPLATES, template(rego=rego, **meta))


def put_crd(world: World) -> None:
    world.put(CRDS, {"metadata": {"name": CRD}, "spec": {"names": {"kind": WIDGETS.kind}}})


def compiled(world: World) -> None:
    """The outcome of the compilation that the plan asks for is known."""
    (intent,) = of_type(world.intents(CONTROLLER, KEY), Compile)
    world.know("compiled", intent.digest, value=compile_source(intent.source))


def loaded(world: World, uid: str = "u1", generation: int = 1) -> None:
    world.know("loaded", ("template", KEY), value=(uid, generation))


def told(intents: tuple[Intent, ...]) -> Report:
    (note,) = of_type(intents, Note)
    assert isinstance(note.value, Report)
    return note.value


@pytest.fixture
def world() -> World:
    world = World()
    world.put(CONSTRAINT_TEMPLATES, template())
    return world


def test_it_is_compiled_elsewhere_first(world: World) -> None:
    intents = world.intents(CONTROLLER, KEY)
    assert len(of_type(intents, Compile)) == 1
    assert told(intents).condition.reason == "Compiling"
    assert not told(intents).final


def test_the_same_source_has_the_same_digest_whatever_its_incarnation(world: World) -> None:
    (first,) = of_type(world.intents(CONTROLLER, KEY), Compile)
    world.put(CONSTRAINT_TEMPLATES, template(uid="u2", generation=5))
    (second,) = of_type(world.intents(CONTROLLER, KEY), Compile)
    assert first == second


def test_compiled_it_is_loaded_then_told_as_in_force(world: World) -> None:
    compiled(world)
    intents = world.intents(CONTROLLER, KEY)
    (load,) = of_type(intents, Load)
    assert load.slot == ("template", KEY)
    assert load.identity == ("u1", 1)
    assert not told(intents).final
    loaded(world)
    intents = world.intents(CONTROLLER, KEY)
    assert of_type(intents, Load) == []
    assert (told(intents).condition.status, told(intents).condition.reason) == ("True", "Compiled")
    assert told(intents).final


@pytest.mark.parametrize(
    ("uid", "generation"), [pytest.param("u0", 1, id="dead"), pytest.param("u1", 0, id="generation-before")]
)
def test_what_another_incarnation_or_generation_loaded_does_not_count(world: World, uid: str, generation: int) -> None:
    compiled(world)
    loaded(world, uid, generation)
    intents = world.intents(CONTROLLER, KEY)
    assert len(of_type(intents, Load)) == 1
    assert told(intents).condition.status == "Unknown"


def test_a_template_that_does_not_compile_is_told_for_good_and_what_was_loaded_stays(world: World) -> None:
    put(world, BROKEN, generation=2)
    compiled(world)
    loaded(world)
    intents = world.intents(CONTROLLER, KEY)
    report = told(intents)
    assert (report.condition.status, report.condition.reason, report.condition.failed) == ("False", "InvalidRego", True)
    assert [error.code for error in report.errors] == ["ingest_error"]
    assert report.final
    assert of_type(intents, Load) == []


def test_a_template_without_code_is_told_for_good(world: World) -> None:
    bad = template()
    bad["spec"]["targets"] = []
    world.put(CONSTRAINT_TEMPLATES, bad)
    report = told(world.intents(CONTROLLER, KEY))
    assert report.condition.reason == "InvalidTemplate"
    assert [error.code for error in report.errors] == ["create_error"]


@pytest.mark.parametrize(
    ("known", "status", "text"),
    [
        pytest.param(None, "Unknown", "the objects for data.inventory are not complete yet", id="unknown"),
        pytest.param(
            ("Foo of a/v1 (not served)",),
            "Unknown",
            "the objects for data.inventory are not complete yet: Foo of a/v1 (not served)",
            id="incomplete",
        ),
        pytest.param(
            tuple("ABCDE"),
            "Unknown",
            "the objects for data.inventory are not complete yet: A, B, C and 2 more",
            id="much",
        ),
        pytest.param((), "True", "the template is in force in this pod", id="complete"),
    ],
)
def test_a_referential_template_waits_for_the_inventory(
    world: World, known: tuple[str, ...] | None, status: str, text: str
) -> None:
    put(world, REFERENTIAL)
    compiled(world)
    loaded(world)
    if known is not None:
        world.know("inventory", value=known)
    condition = told(world.intents(CONTROLLER, KEY)).condition
    assert (condition.status, condition.message) == (status, text)


def test_a_template_that_went_is_unloaded_at_once(world: World) -> None:
    loaded(world)
    world.remove(CONSTRAINT_TEMPLATES, KEY)
    intents = world.intents(CONTROLLER, KEY)
    assert of_type(intents, Load) == [Load(("template", KEY), ("", 0), None)]
    assert of_type(intents, Note) == [Note(template_ingest.note(KEY), None)]


def test_a_template_under_deletion_is_unloaded_too(world: World) -> None:
    loaded(world)
    put(world, "package x", deletionTimestamp="2026-01-01T00:00:00Z")
    assert [load.entry for load in of_type(world.intents(CONTROLLER, KEY), Load)] == [None]


def test_nothing_is_decided_before_the_templates_are_listed(world: World) -> None:
    world.unsynced.add(CONSTRAINT_TEMPLATES)
    assert flat(world.plan(CONTROLLER, KEY)) == ()


def test_nothing_is_told_twice_and_a_generation_keeps_its_beginning(world: World) -> None:
    first = told(world.intents(CONTROLLER, KEY))
    world.know(*template_ingest.note(KEY), value=first)
    assert of_type(world.intents(CONTROLLER, KEY, now=later(9)), Note) == []
    compiled(world)
    assert told(world.intents(CONTROLLER, KEY, now=later(9))).since == first.since
    put(world, "package widget\nviolation[{}] { true }", generation=2)
    assert told(world.intents(CONTROLLER, KEY, now=later(9))).since == later(9).monotonic


def test_the_kind_is_watched_from_the_moment_its_crd_is_seen(world: World) -> None:
    assert world.plan(CONTROLLER, KEY).watches == ()
    put_crd(world)
    assert world.plan(CONTROLLER, KEY).watches == (WIDGETS,)


def test_another_kind_waits_for_the_crd_and_leaves_what_was_loaded_in_force(world: World) -> None:
    """A CRD's kind can't change: the kind that is served goes on being watched and enforced."""
    put_crd(world)
    world.put(CONSTRAINT_TEMPLATES, template(kind="WIDGET", generation=2))
    compiled(world)
    loaded(world)
    plan = world.plan(CONTROLLER, KEY)
    assert of_type(flat(plan), Load) == []
    assert (told(flat(plan)).condition.status, told(flat(plan)).condition.reason) == ("Unknown", "AwaitingCRD")
    assert told(flat(plan)).condition.message.startswith("the CRD of this name has another kind, Widget: ")
    assert plan.watches == (WIDGETS,)
    world.remove(CRDS, CRD)
    assert len(of_type(world.intents(CONTROLLER, KEY), Load)) == 1
