"""The harness is strong enough: Gatekeeper's own algorithm shows the mission's conflict in it."""

from __future__ import annotations

import pytest

from gatewright.sim import explore, faults, worlds
from gatewright.sim.explore import Tally
from gatewright.sim.world import Move, World, moves

pytestmark = pytest.mark.slow

CONFLICT = "Operation cannot be fulfilled"
TEMPLATE = "constrainttemplates.templates.gatekeeper.sh"


def explored(scenario: worlds.Scenario, kinds: tuple[str, ...], budget: int) -> Tally:
    tally = Tally()
    for allowed in range(budget + 1):
        if not explore.exhaust(scenario.name, scenario.world, scenario.oracle, allowed, tally, kinds=kinds):
            break
    return tally


def test_the_unfixed_algorithm_shows_issue_3982_by_another_order_alone() -> None:
    tally = explored(worlds.gatekeeper(fixed=False), (faults.TURN,), 2)
    found = [one for one in tally.found if one.violation.race == "R1"]
    assert found, [one.violation for one in tally.found]
    assert "Could not annotate with timestamp" in found[0].violation.what
    assert CONFLICT in found[0].violation.what


def test_the_text_is_the_servers_own() -> None:
    """The words in byPod come from a 409 that the API server gave, not from the peer."""
    scenario = worlds.gatekeeper(fixed=False)
    found = next(one for one in explored(scenario, (faults.TURN,), 2).found if one.violation.race == "R1")
    put_in, world, answers = dict(found.schedule), scenario.world, []
    for step in range(found.steps + 1):
        world = faults.inject(world, put_in.get(step) or moves(world)[0])
        answers += [one.answer.body.decode() for one in world.replies if getattr(one.answer, "status", 0) == 409]
    assert any(CONFLICT in answer and "constrainttemplates" in answer for answer in answers)


def test_without_the_foreign_write_the_violation_vanishes() -> None:
    scenario = worlds.gatekeeper(fixed=False, status_role=False)
    tally = explored(scenario, (faults.TURN,), 2)
    assert not [one for one in tally.found if one.violation.race == "R1"]
    assert tally.schedules > 100


@pytest.mark.parametrize(
    ("lag", "shows"), [pytest.param(0.2, False, id="200 ms"), pytest.param(0.5, True, id="500 ms")]
)
def test_the_upstream_mend_fails_when_the_cache_lags_for_longer_than_it_tries(lag: float, shows: bool) -> None:
    scenario = worlds.gatekeeper(fixed=True)
    races = set()
    for step, stream in _template_watches(scenario.world):
        freeze: Move = ("freeze", stream, lag)
        found = explore.run(scenario.name, scenario.world, scenario.oracle, ((step, freeze),), Tally())
        races |= {one.violation.race for one in found}
    assert ("R1" in races) is shows


def _template_watches(world: World) -> list[tuple[int, int]]:
    """Steps of the fair schedule, and the peer's watch of templates at each."""
    found = []
    for step in range(40):
        found += [(step, one.number) for one in world.streams if one.watch.storage == TEMPLATE]
        world = faults.inject(world, moves(world)[0])
    return found


def test_the_peer_repairs_itself_when_nothing_disturbs_it() -> None:
    scenario = worlds.gatekeeper(fixed=False)
    world = explore.settle(scenario.world)
    template = world.state.get((TEMPLATE, "", "demo"))
    assert template is not None
    assert template.thing["status"]["created"] is True
