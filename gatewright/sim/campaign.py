"""A whole exploration as `gatewright simulate` runs it: which worlds, how long, and the report.

Time is an argument here too: `clock` gives seconds, so that a budget can be kept without reading one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from gatewright.core.errors import UserError
from gatewright.sim import explore, faults, worlds
from gatewright.sim.explore import Found, Tally
from gatewright.sim.world import Move

ALGORITHMS = ("gatewright", "gatekeeper", "gatekeeper-3982-unfixed")
WORLDS: dict[str, Callable[[], worlds.Scenario]] = {
    "one-template": worlds.one_template,
    "recreated": worlds.recreated,
    "broken-template": worlds.broken_template,
    "two-templates": worlds.two_templates,
}
PEER_KINDS = (faults.TURN, "freeze")  # what the races of the peer need: another order, a cache that lags
EXHAUSTED = ("one-template",)  # every schedule; the others by seeds


@dataclass(slots=True)
class Report:
    """What an exploration has to say; `as_json` is the shape that interfaces.md fixes."""

    algorithm: str
    seed: int
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    exhausted: bool = False  # whether every schedule within the fault budget was taken

    def as_json(self) -> dict[str, Any]:
        return {
            "algorithm": self.algorithm,
            "seed": self.seed,
            "states": self.tally.states,
            "schedules": self.tally.schedules,
            "steps": self.tally.steps,
            "seconds": round(self.seconds, 3),
            "violations": [_violation(found) for found in self.tally.found],
        }


def _violation(found: Found) -> dict[str, Any]:
    return {
        "invariant": found.violation.invariant,
        "race": found.violation.race,
        "world": found.world,
        "steps": found.steps,
        "what": found.violation.what,
        "schedule": [[step, list(move)] for step, move in found.schedule],
    }


def scenario(algorithm: str, world: str) -> worlds.Scenario:
    """The world of that name under that algorithm. Raises UserError for unknown names."""
    if algorithm not in ALGORITHMS:
        raise UserError(f"unknown algorithm {algorithm!r}", mend=f"choose from {', '.join(ALGORITHMS)}")
    if algorithm != "gatewright":
        return worlds.gatekeeper(fixed=algorithm == "gatekeeper")
    if world not in WORLDS:
        raise UserError(f"unknown world {world!r}", mend=f"choose from {', '.join(WORLDS)}")
    return WORLDS[world]()


def explore_all(
    algorithm: str,
    seed: int,
    budget: float,
    names: Iterable[str],
    kinds: tuple[str, ...],
    clock: Callable[[], float],
    progress: Callable[[str], None],
    *,
    fault_budget: int = 2,
) -> Report:
    """Explore until `budget` seconds are over or a violation is found: small worlds by every schedule of up to
    `fault_budget` faults, the
    others by seeds from `seed` on."""
    report = Report(algorithm, seed)
    began = clock()
    chosen = tuple(names) if algorithm == "gatewright" else ("gatekeeper",)
    prepared = [scenario(algorithm, name) for name in chosen]
    for one in prepared:
        if one.name in EXHAUSTED or algorithm != "gatewright":
            progress(f"{one.name}: every schedule of up to {fault_budget} faults")
            chances = kinds if algorithm == "gatewright" else PEER_KINDS
            _exhaust(one, report, chances, fault_budget, lambda: clock() - began < budget)
    turn = 0
    wandering = [one for one in prepared if not (one.name in EXHAUSTED or algorithm != "gatewright")]
    while wandering and not report.tally.found and clock() - began < budget:
        one = wandering[turn % len(wandering)]
        explore.wander(one.name, one.world, one.oracle, seed + turn, 3, report.tally)
        turn += 1
        if turn % 50 == 0:
            progress(f"{turn} seeds, {report.tally.states} states")
    report.tally.found = [_shrunk(found, prepared) for found in report.tally.found]
    report.seconds = clock() - began
    return report


def _exhaust(
    one: worlds.Scenario, report: Report, kinds: tuple[str, ...], budget: int, more: Callable[[], bool]
) -> None:
    for faults_allowed in range(budget + 1):  # few faults first: the shortest story is told
        report.exhausted = explore.exhaust(
            one.name, one.world, one.oracle, faults_allowed, report.tally, kinds=kinds, more=more
        )
        if not report.exhausted:
            return


def _shrunk(found: Found, prepared: list[worlds.Scenario]) -> Found:
    one = next(one for one in prepared if one.name == found.world)
    return explore.shrink(found, one.world, one.oracle)


def save(report: Report) -> str:
    """The found schedules as a file for `--replay`."""
    return json.dumps(report.as_json(), indent=2) + "\n"


def replay(text: str, file: str) -> Report:
    """Run the schedules of a saved report again. Raises UserError for a file that is none."""
    try:
        saved = json.loads(text)
        report = Report(str(saved["algorithm"]), int(saved["seed"]))
        for entry in saved["violations"]:
            schedule: tuple[tuple[int, Move], ...] = tuple((int(step), _move(move)) for step, move in entry["schedule"])
            one = scenario(report.algorithm, str(entry["world"]))
            explore.run(one.name, one.world, one.oracle, schedule, report.tally)
    except (ValueError, KeyError, TypeError) as error:
        mend = "give a file that `gatewright simulate --json` wrote"
        raise UserError(f"{file} is no saved exploration: {error!r}", mend=mend) from error
    return report


def _move(move: list[Any]) -> Move:
    return tuple(tuple(part) if isinstance(part, list) else part for part in move)


def fault_kinds(text: str) -> tuple[str, ...]:
    """Comma-separated kinds of faults; "" means all. Raises UserError for an unknown one."""
    kinds = tuple(kind for kind in text.split(",") if kind) or faults.KINDS
    unknown = [kind for kind in kinds if kind not in faults.KINDS]
    if unknown:
        raise UserError(f"unknown fault {unknown[0]!r}", mend=f"choose from {', '.join(faults.KINDS)}")
    return kinds
