"""Our own lifecycle under the explorer: no violation, every schedule replays, and broken copies of us are caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gatewright.control import applying, rollup
from gatewright.core.objects import metadata
from gatewright.sim import campaign, explore, faults, worlds
from gatewright.sim.explore import Found, Tally

pytestmark = pytest.mark.slow


def told(found: list[Found] | tuple[Found, ...]) -> list[str]:
    return [f"{one.violation.invariant}: {one.violation.what} by {one.schedule}" for one in found]


@pytest.mark.parametrize("world", sorted(campaign.WORLDS))
def test_the_fair_schedule_ends_in_a_fixpoint(world: str) -> None:
    scenario = campaign.WORLDS[world]()
    tally = Tally()
    assert not told(explore.run(scenario.name, scenario.world, scenario.oracle, (), tally, fixpoint=True))
    assert tally.schedules == 1


def test_every_schedule_with_one_fault(one_template: worlds.Scenario) -> None:
    tally = Tally()
    assert explore.exhaust(one_template.name, one_template.world, one_template.oracle, 1, tally, kinds=faults.KINDS)
    assert not told(tally.found)
    assert tally.schedules > 50


@pytest.mark.long
def test_every_schedule_with_two_faults(one_template: worlds.Scenario) -> None:
    tally = Tally()
    assert explore.exhaust(one_template.name, one_template.world, one_template.oracle, 2, tally, kinds=faults.KINDS)
    assert not told(tally.found)


@pytest.mark.parametrize("seed", range(1, 9))
def test_seeds_of_the_larger_world(two_templates: worlds.Scenario, seed: int) -> None:
    found = explore.wander(two_templates.name, two_templates.world, two_templates.oracle, seed, 3, Tally())
    assert not told(found)


@pytest.mark.long
@pytest.mark.parametrize("batch", range(10))
def test_five_hundred_seeds_of_the_larger_world(two_templates: worlds.Scenario, batch: int) -> None:
    tally = Tally()
    for seed in range(batch * 50 + 1, batch * 50 + 51):
        explore.wander(two_templates.name, two_templates.world, two_templates.oracle, seed, 3, tally)
    assert not told(tally.found)
    assert tally.schedules == 50


def test_a_seed_gives_the_same_schedule_each_time(one_template: worlds.Scenario) -> None:
    runs = []
    for _ in range(2):
        tally = Tally()
        explore.wander(one_template.name, one_template.world, one_template.oracle, 7, 3, tally)
        runs.append((tally.steps, sorted(tally.digests)))
    assert runs[0] == runs[1]


def test_an_alarm_is_right_only_for_a_broken_template() -> None:
    scenario = worlds.broken_template()
    world = explore.settle(scenario.world)
    stored = world.state.get(("constrainttemplates.templates.gatekeeper.sh", "", "demo"))
    assert stored is not None
    status = stored.thing["status"]
    assert status["created"] is False
    (entry,) = status["byPod"]
    assert entry["errors"][0]["code"] == "ingest_error"


# --- mutants: copies of us with one thing taken away must be caught


def unfenced(fields: Any, _held: Any) -> dict[str, Any]:
    meta = {key: value for key, value in metadata(fields).items() if key not in ("uid", "resourceVersion")}
    return {**fields, "metadata": meta}


def telling_trouble(status: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A roll-up that publishes what went wrong with its own last write, as Gatekeeper does."""

    def mutated(seen: rollup.Seen, *rest: Any) -> dict[str, Any]:
        made = status(seen, *rest)
        if seen.trouble is not None:
            for entry in made.get("byPod", ()):
                entry["errors"] = [{"code": "update_error", "message": seen.trouble.message}]
        return made

    return mutated


def hunt(scenario: worlds.Scenario, kinds: tuple[str, ...]) -> list[Found]:
    """Explore until something is found: one fault, then seeds."""
    tally = Tally()
    for allowed in (0, 1):
        explore.exhaust(scenario.name, scenario.world, scenario.oracle, allowed, tally, kinds=kinds)
    seed = 1
    while not tally.found and seed < 20:
        explore.wander(scenario.name, scenario.world, scenario.oracle, seed, 3, tally)
        seed += 1
    return tally.found


def test_mutant_uid_and_resource_version_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "fenced", unfenced)
    monkeypatch.setattr(applying, "at_version", unfenced)
    found = hunt(worlds.recreated(), faults.KINDS)
    assert {one.violation.invariant for one in found} & {"I6", "I7", "I8", "I9", "I19"}, told(found)


def test_mutant_a_conflict_is_reported_as_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "_status", telling_trouble(rollup._status))
    found = hunt(worlds.one_template(), ("foreign",))
    assert {one.violation.invariant for one in found} & {"I1", "I20"}, told(found)
    assert "Operation cannot be fulfilled" in found[0].violation.what


# --- shrinking and replay


def test_a_found_schedule_is_shrunk_saved_and_replayed() -> None:
    report = campaign.explore_all(
        "gatekeeper-3982-unfixed", 1, 60.0, (), faults.KINDS, _ticking(), lambda _line: None, fault_budget=1
    )
    races = {one.violation.race for one in report.tally.found}
    assert "R1" in races
    again = campaign.replay(campaign.save(report), "saved.json")
    assert {one.violation.race for one in again.tally.found} == races


def _ticking() -> Callable[[], float]:
    """A clock that moves a little at each look."""
    time = 0.0

    def clock() -> float:
        nonlocal time
        time += 0.001
        return time

    return clock
