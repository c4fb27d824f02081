"""When a process that has just started may answer reviews."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.control import constraint_ingest, template_ingest
from gatewright.control.conditions import TRUE, Condition
from gatewright.control.readiness import TEMPLATES_CRD, caught_up
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CRDS
from tests.control.world import KIND, WIDGETS, World, constraint, served_crd, template

ESTABLISHED = ("Established", "True")
TEMPLATE, CONSTRAINT = template_ingest.State, constraint_ingest.State


def crd(world: World, name: str, *conditions: tuple[str, str]) -> None:
    served_crd(world, {"metadata": {"name": name}}, *conditions)


def engine(world: World, state: Any, *, generation: int = 1) -> None:
    report = template_ingest.Report("u1", generation, state, Condition("Ingested", TRUE, "", "", 1), (), 0.0)
    world.know(*template_ingest.note("widget"), value=report)


def loaded(world: World, state: Any, *, uid: str = "c1") -> None:
    report = constraint_ingest.Report(uid, 1, state, Condition("Enforced", TRUE, "", "", 1), (), 0.0)
    world.know(*constraint_ingest.note(KIND, "only"), value=report)


@pytest.fixture
def world() -> World:
    """A template and a constraint, both in force."""
    world = World()
    crd(world, TEMPLATES_CRD, ESTABLISHED)
    crd(world, "widget.constraints.gatekeeper.sh", ESTABLISHED)
    world.put(CONSTRAINT_TEMPLATES, template())
    world.put(WIDGETS, constraint())
    engine(world, TEMPLATE.INGESTED)
    loaded(world, CONSTRAINT.ENFORCED)
    return world


@pytest.mark.parametrize(
    ("change", "ready"),
    [
        pytest.param(lambda world: None, True, id="all-in-force"),
        pytest.param(lambda world: world.unsynced.add(CRDS), False, id="crds-not-listed"),
        pytest.param(lambda world: world.unsynced.add(CONSTRAINT_TEMPLATES), False, id="templates-not-listed"),
        pytest.param(lambda world: world.unsynced.add(WIDGETS), False, id="constraints-not-listed"),
        pytest.param(lambda world: engine(world, TEMPLATE.COMPILING), False, id="compiling"),
        pytest.param(lambda world: engine(world, TEMPLATE.AWAITING_SYNC), False, id="inventory"),
        pytest.param(lambda world: engine(world, TEMPLATE.INGESTED, generation=0), False, id="generation-before"),
        pytest.param(lambda world: engine(world, TEMPLATE.INVALID), True, id="does-not-compile"),
        pytest.param(lambda world: world.facts.pop(template_ingest.note("widget")), False, id="template-not-looked-at"),
        pytest.param(lambda world: loaded(world, CONSTRAINT.LOADING), False, id="constraint-loading"),
        pytest.param(lambda world: loaded(world, CONSTRAINT.INVALID), True, id="constraint-invalid"),
        pytest.param(lambda world: loaded(world, CONSTRAINT.ENFORCED, uid="c0"), False, id="dead-constraint"),
        pytest.param(
            lambda world: crd(world, "widget.constraints.gatekeeper.sh", ("Established", "False")),
            True,
            id="kind-not-served",
        ),
    ],
)
def test_caught_up(world: World, change: Any, ready: bool) -> None:
    change(world)
    assert caught_up(world) is ready


def test_a_new_cluster_has_nothing_to_wait_for(world: World) -> None:
    fresh = World()
    fresh.unsynced.add(CONSTRAINT_TEMPLATES)  # not served yet
    assert caught_up(fresh)
