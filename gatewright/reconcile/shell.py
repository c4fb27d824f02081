"""The whole shell of a process as one value: `step(shell, event, now) -> (shell, effects)`.

Driven by `runtime` (over TCP for `manager`, over an in-process transport for `up`) and by `sim` under a virtual clock;
all three drive this very code. No I/O, no clock and no randomness: time comes with each event, jitter is a function of
the seed. A `Shell` never changes after it was returned, so keeping one is cloning it, and the same events give the same
effects under any hash seed.

The way of an event: an answer, a line or a timer goes to the part that owns it (`informing`, `execution`, `leasing`,
`publishing`); what changed there wakes keys; keys are planned (`planning`), plans are carried out (`execution`), the
snapshot is published, the one wake-up is set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewright.control.intents import FactName
from gatewright.control.view import Controller, Fact
from gatewright.core.clock import Now
from gatewright.core.objects import Name, Object, Resource
from gatewright.core.settings import Settings
from gatewright.kube.informer_events import Target
from gatewright.kube.listwatch import State
from gatewright.reconcile import digests, execution, informing, leasing, planning, publishing
from gatewright.reconcile.caches import Cache
from gatewright.reconcile.desk import Desk, Setup
from gatewright.reconcile.events import (
    Answered,
    CompileDone,
    Effect,
    Event,
    Noted,
    SnapshotServed,
    Started,
    Stopping,
    TimerFired,
    WatchClosed,
    WatchLines,
)
from gatewright.reconcile.views import RecordingView


class Shell:
    """An immutable value; see `step`. Equality is identity; compare `digest()`."""

    __slots__ = ("_desk", "_digest")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._digest: bytes | None = None

    @staticmethod
    def new(
        controllers: tuple[Controller, ...],
        settings: Settings,
        *,
        snapshot: Any = None,
        seed: int = 0,
        identity: str = "",
        burst: int = 2,
        streaming: bool = True,
        strict: bool = False,
    ) -> Shell:
        """A shell that was told nothing yet; begin with `Started`.

        controllers: those of roles that this process doesn't have are left out. snapshot: policy.snapshot's, or
        anything with `with_entry(slot, entry)`. seed: of all jitter, different for each process. identity: as a lease's
        holder, by default the pod.
        burst: keys planned per step. streaming: streaming lists are tried. strict: a controller's exception is raised,
        not told.
        """
        active = tuple(one for one in controllers if not one.operations or settings.does(*one.operations))
        by_name = {one.name: one for one in active}
        setup = Setup(
            active, by_name, settings, seed, identity or settings.pod, burst, streaming=streaming, strict=strict
        )
        return Shell(Desk(setup, snapshot))

    # --- looking

    def view(self) -> RecordingView:
        """Caches and facts as a controller would see them."""
        return RecordingView(self._desk.informers, self._desk.facts)

    def fact(self, name: FactName) -> Fact | None:
        return self._desk.facts.get(name)

    def get(self, resource: Resource, name: Name) -> Object | None:
        return self._desk.informers.get(resource, name)

    def caches(self) -> tuple[tuple[Target, Cache], ...]:
        """What each informer holds, in order."""
        informers = self._desk.informers.by_target
        return tuple((target, informers[target].cache) for target in sorted(informers))

    @property
    def snapshot(self) -> Any:
        """The policy snapshot with all changes so far, published or not."""
        return self._desk.publication.snapshot

    @property
    def settings(self) -> Settings:
        return self._desk.setup.settings

    @property
    def next_timer(self) -> float | None:
        """When this shell wants to be woken, or None."""
        return self._desk.alarm

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leases that are held as of the last step."""
        desk = self._desk
        return tuple(name for name in sorted(desk.leases) if leasing.holds(desk, name))

    @property
    def idle(self) -> bool:
        """Nothing is ready, in flight, compiling or on its way to the workers, and each watch is live or waits for a
        kind that isn't served. Timers may still be set."""
        desk = self._desk
        quiet = desk.queue.idle and not desk.backlog.size and not desk.rounds and not desk.compiling
        published = not desk.publication.changed and desk.publication.served >= desk.publication.version
        informers = desk.informers.by_target.values()
        live = all(informer.machine.settled or informer.machine.state is State.WAITING for informer in informers)
        return quiet and published and live and all(owner[0] != "branch" for owner in desk.flights.values())

    def digest(self) -> bytes:
        """Of the whole state, the same whatever way led to it. Absolute times are part of it."""
        if self._digest is None:
            self._digest = digests.of_desk(self._desk)
        return self._digest


def step(shell: Shell, event: Event, now: Now) -> tuple[Shell, tuple[Effect, ...]]:
    """One event: the shell after it, and what is to be done. `now` never goes back on the monotonic clock.

    Errors: none for anything that a server says; with `strict`, a controller's own exceptions.
    """
    desk = shell._desk.fork(now)
    _HANDLERS[type(event)](desk, event)
    informing.work_off(desk)
    planning.run(desk)
    publishing.flush(desk)
    desk.set_alarm()
    return Shell(desk), tuple(desk.effects)


# --- events


def _started(desk: Desk, event: Any) -> None:
    leasing.start(desk)
    planning.start(desk)


def _answered(desk: Desk, event: Any) -> None:
    owner = desk.flights.get(event.request)
    if owner is None:
        return  # hung up meanwhile
    desk.flights = desk.flights.remove(event.request)
    if owner[0] == "branch":
        execution.answered(desk, owner[1], owner[2], event.answer)
    elif owner[0] == "informer":
        informing.answered(desk, owner[1], event.answer)
    else:
        leasing.answered(desk, owner[1], event.answer)


def _lines(desk: Desk, event: Any) -> None:
    owner = desk.flights.get(event.stream)
    if owner is not None:
        informing.lines(desk, owner[1], event.data)


def _closed(desk: Desk, event: Any) -> None:
    owner = desk.flights.get(event.stream)
    if owner is not None:
        desk.flights = desk.flights.remove(event.stream)
        informing.closed(desk, owner[1], event.cause)


def _timer(desk: Desk, event: Any) -> None:
    desk.alarm = None
    desk.timers, due = desk.timers.pop_due(desk.time)
    for token in due:
        if token[0] == "informer":
            informing.tick(desk, token[1])
        elif token[0] == "lease":
            leasing.tick(desk, token[1])
        elif token[0] != "publish":  # publishing is looked at in every step
            planning.fired(desk, token[0], token[1])


def _compiled(desk: Desk, event: Any) -> None:
    execution.compiled(desk, event.digest, event.outcome)


def _served(desk: Desk, event: Any) -> None:
    execution.served(desk, event.version)


def _noted(desk: Desk, event: Any) -> None:
    desk.note(event.fact, event.value)


def _stopping(desk: Desk, event: Any) -> None:
    desk.stopping = True
    leasing.stop(desk)
    informing.stop(desk)


_HANDLERS: dict[type[Event], Callable[[Desk, Any], None]] = {
    Started: _started,
    Answered: _answered,
    WatchLines: _lines,
    WatchClosed: _closed,
    TimerFired: _timer,
    CompileDone: _compiled,
    SnapshotServed: _served,
    Noted: _noted,
    Stopping: _stopping,
}
