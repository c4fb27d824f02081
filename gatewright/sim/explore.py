"""Exploring a world: every schedule with up to so many faults, or many seeded ones; shrinking what was found.

The fair schedule takes what `world.moves` names first. A schedule with faults is the fair one with moves put in at
given steps; a random one draws among all that can happen, by seed. A world is quiet when nothing can happen but the
passing of time to the next renewal, for a while.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gatewright.sim import faults
from gatewright.sim.invariants import Oracle, Violation, after_write, when_quiet
from gatewright.sim.world import Move, World, Written, moves, take

QUIET_FOR = 12.0  # seconds of virtual time without anything but lease renewals
LONGEST = 6000  # steps of one schedule


@dataclass(frozen=True, slots=True)
class Found:
    """A violation and the schedule that shows it: moves put in beside the fair ones, by step number."""

    violation: Violation
    world: str
    schedule: tuple[tuple[int, Move], ...]
    steps: int


@dataclass(slots=True)
class Tally:
    """What an exploration has seen so far. digests: of the states, to count each once."""

    digests: set[bytes] = field(default_factory=set)
    schedules: int = 0
    steps: int = 0
    shapes: set[bytes] = field(default_factory=set)  # of worlds at rest that were found to be fixpoints
    found: list[Found] = field(default_factory=list)

    @property
    def states(self) -> int:
        return len(self.digests)


def settle(world: World, steps: int = LONGEST) -> World:
    """Run the fair schedule to a quiet world."""
    last = world
    for last, _, quiet in _fair(world, steps):  # noqa: B007
        if quiet:
            break
    return last


def _fair(world: World, steps: int) -> Iterator[tuple[World, Move, bool]]:
    """The worlds of the fair schedule, and whether each is quiet."""
    calm_since = world.time
    for _ in range(steps):
        open_moves = moves(world)
        if not open_moves:
            yield world, ("quiet",), True
            return
        move = open_moves[0]
        if _resting(move, calm_since):
            yield world, move, True
            return
        world = take(world, move)
        if _matters(world, move):
            calm_since = world.time
        yield world, move, False


def _resting(move: Move, calm_since: float) -> bool:
    """Whether nothing is left but to wait for longer than a world at rest is watched."""
    return bool(move[0] == "time" and move[1] - calm_since > QUIET_FOR)


def _matters(world: World, move: Move) -> bool:
    """Whether a step was more than waiting and lease renewals."""
    if any(not one.storage.startswith("leases.") for one in world.writes):
        return True
    return bool(move[0] == "own" and move[2][0] != "alarm")


def checked(written: tuple[Written, ...], oracle: Oracle) -> Iterator[Violation]:
    for one in written:
        yield from after_write(one, oracle)


def run(
    name: str,
    world: World,
    oracle: Oracle,
    schedule: tuple[tuple[int, Move], ...],
    tally: Tally,
    *,
    fixpoint: bool = False,
) -> tuple[Found, ...]:
    """One schedule from a world to quiet: the fair one with moves put in. Stops at the first violation."""
    put_in = dict(schedule)
    calm_since, step = world.time, 0
    while step < LONGEST:
        move = put_in.get(step)
        if move is None:
            open_moves = moves(world)
            if not open_moves or (step > max(put_in, default=0) and _resting(open_moves[0], calm_since)):
                break
            move = open_moves[0]
        world = faults.inject(world, move)
        tally.digests.add(world.digest())
        tally.steps += 1
        for violation in checked(world.writes, oracle):
            return _report(tally, violation, name, schedule, step)
        if _matters(world, move) or step in put_in:
            calm_since = world.time
        step += 1
    tally.schedules += 1
    for violation in when_quiet(world, oracle):
        return _report(tally, violation, name, schedule, step)
    if fixpoint:
        for violation in again(world):
            return _report(tally, violation, name, schedule, step)
    return ()


def _no_fixpoint(world: World, oracle: Oracle, tally: Tally) -> Violation | None:
    """I10 for a world at rest, once for each shape of what it holds: names, specs and statuses without versions, uids
    and
    times, which differ with every schedule."""
    if not oracle.managed:
        return None
    shape = _shape(world)
    if shape in tally.shapes:
        return None
    bad = next(again(world), None)
    if bad is None:
        tally.shapes.add(shape)
    return bad


_FLEETING = frozenset(
    {
        "resourceVersion",
        "uid",
        "creationTimestamp",
        "managedFields",
        "lastTransitionTime",
        "renewTime",
        "acquireTime",
        "podStatusVersion",
        "templateUID",
        "constraintUID",
        "leaseTransitions",
        "generation",
        "observedGeneration",
    }
)


def _shape(world: World) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for storage in sorted(world.state.tables):
        for stored in world.state.table(storage).all():
            found.update(repr((storage, _lasting(stored.thing))).encode())
    return found.digest()


def _lasting(thing: Any) -> Any:
    if isinstance(thing, dict):
        return [(key, _lasting(thing[key])) for key in sorted(thing) if key not in _FLEETING]
    return [_lasting(item) for item in thing] if isinstance(thing, list) else thing


def again(world: World) -> Iterator[Violation]:
    """I10: at rest, every process started anew plans everything once more and writes nothing but its Leases."""
    for name in sorted(world.members):
        if name.startswith("gatewright"):
            world = faults.inject(world, ("crash", name))
    for after, _move, _quiet in _fair(world, LONGEST):
        for one in after.writes:
            if not one.storage.startswith("leases."):
                thing = one.after if one.after is not None else one.before
                path = one.request.path if one.request else one.storage
                yield Violation("I10", f"{one.sender} wrote {path} in a world at rest: {thing.get('kind')}")


def _report(
    tally: Tally, violation: Violation, name: str, schedule: tuple[tuple[int, Move], ...], step: int
) -> tuple[Found, ...]:
    found = Found(violation, name, schedule, step)
    known = {(one.violation.invariant, one.violation.race) for one in tally.found}
    if (violation.invariant, violation.race) not in known:
        tally.found.append(found)
    return (found,)


# --- every schedule with up to so many faults


def exhaust(
    name: str,
    world: World,
    oracle: Oracle,
    budget: int,
    tally: Tally,
    *,
    kinds: tuple[str, ...] = (*faults.KINDS, faults.TURN),
    more: Callable[[], bool] = lambda: True,
) -> bool:
    """Every placing of up to `budget` faults on the fair schedule; branches that reach a state seen with as many
    faults left are cut.

    more: whether to go on, asked at each branch. Returns whether all was
    explored.
    """
    seen: set[tuple[bytes, int]] = set()
    stack: list[tuple[World, int, float, tuple[tuple[int, Move], ...], int]] = [(world, 0, world.time, (), budget)]
    while stack:
        if not more():
            return False
        branch = stack.pop()
        stack.extend(_descend(name, oracle, branch, tally, seen, kinds))
        if tally.found and oracle.sought <= {found.violation.race for found in tally.found}:
            return False
    return True


def _descend(
    name: str,
    oracle: Oracle,
    branch: tuple[World, int, float, tuple[tuple[int, Move], ...], int],
    tally: Tally,
    seen: set[tuple[bytes, int]],
    kinds: tuple[str, ...],
) -> Iterator[tuple[World, int, float, tuple[tuple[int, Move], ...], int]]:
    """Follow the fair schedule from a branch to quiet, giving the branches that a fault opens on the way."""
    world, step, calm_since, schedule, left = branch
    while step < LONGEST:
        digest = world.digest()
        if (digest, left) in seen:
            return
        seen.add((digest, left))
        tally.digests.add(digest)
        if left:
            for fault in faults.faults(world, kinds):
                hurt = faults.inject(world, fault)
                placed = (*schedule, (step, fault))
                tally.steps += 1
                bad = next(checked(hurt.writes, oracle), None)
                if bad is not None:
                    _report(tally, bad, name, placed, step)
                    return
                yield hurt, step + 1, hurt.time, placed, left - 1
        open_moves = moves(world)
        if not open_moves or _resting(open_moves[0], calm_since):
            break
        if left and faults.TURN in kinds:
            for other in open_moves[1:]:
                yield faults.inject(world, other), step + 1, world.time, (*schedule, (step, other)), left - 1
        world = take(world, open_moves[0])
        tally.steps += 1
        bad = next(checked(world.writes, oracle), None)
        if bad is not None:
            _report(tally, bad, name, schedule, step)
            return
        if _matters(world, open_moves[0]):
            calm_since = world.time
        step += 1
    tally.schedules += 1
    bad = next(iter(when_quiet(world, oracle)), None) or _no_fixpoint(world, oracle, tally)
    if bad is not None:
        _report(tally, bad, name, schedule, step)


# --- seeded schedules


class Draws:
    """A counter-based random source: the same seed draws the same, whatever asks."""

    def __init__(self, seed: int) -> None:
        self._seed, self._count = seed, 0

    def below(self, bound: int) -> int:
        self._count += 1
        text = f"{self._seed} {self._count}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") % bound


def wander(name: str, world: World, oracle: Oracle, seed: int, budget: int, tally: Tally) -> tuple[Found, ...]:
    """One random schedule: at each step something that can happen, now and then a fault; then fair steps to quiet."""
    draws = Draws(seed)
    chosen: list[tuple[int, Move]] = []
    left, step = budget, 0
    kinds = (
        tuple(kind for kind in faults.KINDS if draws.below(2)) or faults.KINDS
    )  # swarm: each seed has its own faults
    current = world
    while step < LONGEST:
        open_moves = moves(current)
        if not open_moves or (open_moves[0][0] == "time" and not left and _users_done(current)):
            break
        move = open_moves[draws.below(len(open_moves))] if draws.below(3) else open_moves[0]
        offered = faults.faults(current, kinds) if left and not draws.below(40) else ()
        if offered:
            move, left = offered[draws.below(len(offered))], left - 1
        if move != open_moves[0]:
            chosen.append((step, move))
        current = faults.inject(current, move)
        tally.digests.add(current.digest())
        tally.steps += 1
        for violation in checked(current.writes, oracle):
            return _report(tally, violation, name, tuple(chosen), step)
        step += 1
        if step > 400:
            left = 0
    last = current
    for last, _move, quiet in _fair(current, LONGEST):
        tally.digests.add(last.digest())
        tally.steps += 1
        step += 1
        for violation in checked(last.writes, oracle):
            return _report(tally, violation, name, tuple(chosen), step)
        if quiet:
            break
    tally.schedules += 1
    for violation in when_quiet(last, oracle):
        return _report(tally, violation, name, tuple(chosen), step)
    for violation in again(last):
        return _report(tally, violation, name, tuple(chosen), step)
    return ()


def _users_done(world: World) -> bool:
    return not any(name.startswith("user") and world.members[name].own_moves(world.now) for name in world.members)


# --- shrinking


def shrink(found: Found, world: World, oracle: Oracle) -> Found:
    """The same violation by fewer put-in moves: leave out halves, then single ones, as long as it still shows."""
    best = found
    size = max(1, len(best.schedule) // 2)
    while size >= 1:
        position = 0
        while position < len(best.schedule):
            shorter = best.schedule[:position] + best.schedule[position + size :]
            tried = run(found.world, world, oracle, shorter, Tally())
            if tried and tried[0].violation.invariant == found.violation.invariant:
                best = tried[0]
            else:
                position += size
        size //= 2
    return best
