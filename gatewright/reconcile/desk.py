"""The shell's working state during one step, and the few moves that all of its parts share.

A `Desk` is forked from the last one at the beginning of a step, changed in place by the parts (`informing`, `planning`,
`execution`, `publishing`, `leasing`), and never again after the step: every field is an immutable value, so a fork
costs one copy of some twenty references. It decides nothing; it keeps the books consistent: a fact that changes wakes
its readers, a request has an owner, a timer a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rpds import HashTrieMap, HashTrieSet

from gatewright.control.intents import FactName, Mirror
from gatewright.control.view import Controller, Fact
from gatewright.core.clock import Now
from gatewright.core.http import Request
from gatewright.core.objects import Name, Resource
from gatewright.core.settings import Settings
from gatewright.kube.informer_events import Target
from gatewright.reconcile.caches import Change
from gatewright.reconcile.draws import draw
from gatewright.reconcile.events import Count, Effect, OpenWatch, Send, SetTimer, Tell
from gatewright.reconcile.facts import Facts
from gatewright.reconcile.holds import Hold
from gatewright.reconcile.informers import Informers
from gatewright.reconcile.lease import Lease
from gatewright.reconcile.lines import Line
from gatewright.reconcile.publication import Publication
from gatewright.reconcile.queues import Queue, QueueKey
from gatewright.reconcile.reads import Read, Reads
from gatewright.reconcile.rounds import Round
from gatewright.reconcile.timers import Timers, Token

Owner = tuple[Any, ...]  # ("branch", key, index) | ("informer", target) | ("lease", name)


@dataclass(frozen=True, slots=True)
class Setup:
    """What never changes while a shell lives.

    seed: of all jitter; identity: of this process as a lease's holder; burst: keys planned per step at most; in_flight:
    no new key is begun while so many requests are under way; streaming: streaming lists are tried; strict: an exception
    of a controller is raised, not told (tests, simulation).
    """

    controllers: tuple[Controller, ...]
    by_name: Mapping[str, Controller]
    settings: Settings
    seed: int = 0
    identity: str = ""
    burst: int = 2
    in_flight: int = 256
    streaming: bool = True
    strict: bool = False

    def controller(self, name: str) -> Controller:
        return self.by_name[name]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a key's last plan wants to have watched and mirrored."""

    targets: tuple[Target, ...] = ()
    mirrors: tuple[Mirror, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """Changes whose readers, roots and mirrors are still to be looked at. complete: a mirrored list is whole by
    here.
    """

    resource: Resource
    changes: tuple[Change, ...] = ()
    complete: bool = False


class Desk:
    """See the module. Fields are public to the parts of the shell and to nobody else."""

    __slots__ = (
        "alarm",
        "backlog",
        "compiling",
        "effects",
        "facts",
        "finished",
        "flights",
        "holds",
        "informers",
        "leases",
        "next_id",
        "now",
        "open",
        "parked",
        "publication",
        "queue",
        "reads",
        "root_counts",
        "roots",
        "rounds",
        "setup",
        "stopping",
        "timers",
        "wakes",
        "wanted",
    )

    def __init__(self, setup: Setup, snapshot: Any) -> None:
        self.setup = setup
        self.now = Now(0.0, 0.0)
        self.effects: list[Effect] = []
        self.next_id = 1
        self.flights: HashTrieMap[int, Owner] = HashTrieMap()
        self.informers = Informers()
        self.backlog: Line[Work] = Line()
        self.facts = Facts()
        self.reads = Reads()
        self.queue = Queue()
        self.timers = Timers()
        self.alarm: float | None = None
        self.wakes: HashTrieMap[QueueKey, float] = HashTrieMap()
        self.holds: HashTrieMap[QueueKey, tuple[Hold, ...]] = HashTrieMap()
        self.roots: HashTrieMap[tuple[Resource, Name], tuple[QueueKey, ...]] = HashTrieMap()
        self.root_counts: HashTrieMap[QueueKey, int] = HashTrieMap()
        self.rounds: HashTrieMap[QueueKey, Round] = HashTrieMap()
        self.wanted: HashTrieMap[QueueKey, Wanted] = HashTrieMap()
        self.compiling: HashTrieMap[str, tuple[tuple[QueueKey, int], ...]] = HashTrieMap()
        self.publication = Publication(snapshot)
        self.leases: HashTrieMap[str, Lease] = HashTrieMap()
        self.open: HashTrieSet[str] = HashTrieSet()  # controllers whose static watches were all answered once
        self.parked: HashTrieMap[str, HashTrieSet[QueueKey]] = HashTrieMap()  # by controller: not allowed to run yet
        self.finished: list[QueueKey] = []  # rounds that ended in this step
        self.stopping = False

    def fork(self, now: Now) -> Desk:
        """A copy to change in the next step."""
        other = object.__new__(Desk)
        for name in Desk.__slots__:
            setattr(other, name, getattr(self, name))
        other.now = now
        other.effects = []
        other.finished = []
        return other

    @property
    def time(self) -> float:
        return self.now.monotonic

    def draw(self, *what: str | int) -> float:
        return draw(self.setup.seed, *what)

    # --- effects

    def emit(self, effect: Effect) -> None:
        self.effects.append(effect)

    def count(self, metric: str, **labels: str) -> None:
        self.effects.append(Count(metric, tuple(sorted(labels.items()))))

    def tell(self, level: str, event: str, **fields: str) -> None:
        self.effects.append(Tell(level, event, tuple(sorted(fields.items()))))

    def send(self, request: Request, owner: Owner, address: str = "") -> int:
        number = self._flight(owner)
        self.effects.append(Send(number, request, address))
        return number

    def open_watch(self, request: Request, owner: Owner) -> int:
        number = self._flight(owner)
        self.effects.append(OpenWatch(number, request))
        return number

    def _flight(self, owner: Owner) -> int:
        number = self.next_id
        self.next_id += 1
        self.flights = self.flights.insert(number, owner)
        return number

    # --- time

    def at(self, time: float, token: Token) -> None:
        self.timers = self.timers.push(time, token)

    def set_alarm(self) -> None:
        """Ask for the one wake-up that is needed now; a pending one that comes earlier will do."""
        if self.stopping:
            return
        wanted = self.timers.earliest
        if self.backlog.size:
            wanted = self.time
        if self.queue.queued and len(self.flights) < self.setup.in_flight + len(self.informers.by_target):
            wanted = self.time
        if wanted is not None and (self.alarm is None or wanted < self.alarm):
            self.alarm = wanted
            self.effects.append(SetTimer(wanted))

    # --- keys

    def wake(self, key: QueueKey) -> None:
        """The key is dirty. A held one is let go when what it waits for has come."""
        self.queue = self.queue.add(key)
        if self.queue.held(key) and self.hold_over(key):
            self.holds = self.holds.discard(key)
            self.queue = self.queue.release(key)

    def hold_over(self, key: QueueKey) -> bool:
        return all(hold.over(self.informers, self.time) for hold in self.holds.get(key) or ())

    def wake_readers(self, read: Read, but: QueueKey | None = None) -> None:
        for key in self.reads.readers_of(read):
            if key != but:
                self.wake(key)

    def park(self, key: QueueKey) -> None:
        """A taken key whose controller may not run: kept until it may."""
        keys = self.parked.get(key[0]) or HashTrieSet()
        self.parked = self.parked.insert(key[0], keys.insert(key))
        self.queue = self.queue.done(key)

    def unpark(self, controller: str) -> None:
        for key in sorted(self.parked.get(controller) or ()):
            self.wake(key)
        self.parked = self.parked.discard(controller)

    def wake_known(self, controller: str) -> None:
        """All keys of a controller."""
        known = {key for key in self.root_counts if key[0] == controller}
        known.update(key for key in self.reads.by_key if key[0] == controller)
        for key in sorted(known):
            self.wake(key)

    # --- facts

    def note(self, name: FactName, value: Any, but: QueueKey | None = None) -> None:
        """Something is known, or (None) no longer. Equal to what is known: nothing happens."""
        before = self.facts.get(name)
        if value is None:
            if before is None:
                return
            self.facts = self.facts.drop(name)
        elif before is not None and before.value == value:
            return
        else:
            self.facts = self.facts.put(name, Fact(value, self.time))
        self.wake_readers(("fact", name), but)

    def answer(self, name: FactName, value: Any) -> None:
        """An answer to a question: its age starts anew and its readers are planned, also when it is equal to the last
        one.
        """
        self.facts = self.facts.put(name, Fact(value, self.time), answer=True)
        self.wake_readers(("fact", name))

    def refresh(self, name: FactName, value: Any) -> None:
        """A fact that changes nothing for its readers but its details."""
        self.facts = self.facts.put(name, Fact(value, self.time))

    def record(self, key: QueueKey, reads: tuple[Read, ...]) -> None:
        """The reads of a key's latest pass; facts that were answers and have no reader any more are forgotten."""
        self.reads, dropped = self.reads.record(key, reads)
        facts = self.facts
        for read in dropped:
            if read[0] == "fact":
                facts = facts.release(read[1])
        self.facts = facts.trimmed(lambda name: self.reads.is_read(("fact", name)))
