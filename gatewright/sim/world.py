"""A cluster as a value: API server, processes, users, requests in flight, virtual time.

A World never changes: `moves` lists what could happen next, `take` gives the world after one of it. Worlds share what
did not change, so keeping one is cloning it. A request goes three ways that can each be held up, lost or overtaken:
to the server (Flight), through it (one atomic step, its webhooks included), and back (Reply).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from rpds import HashTrieMap

from gatewright.apiserver import actors, watching
from gatewright.apiserver.boot import boot_requests
from gatewright.apiserver.config import Config
from gatewright.apiserver.effects import CallWebhook, Commit, Committed, Draw, Look, ReadClock, Sleep
from gatewright.apiserver.handling import handle
from gatewright.apiserver.state import State
from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response, User

EPOCH = 1_790_000_000.0  # wall clock of every simulation's begin
ADMIN = User("admin", "1", ("system:masters", "system:authenticated"))

Move = tuple[Any, ...]  # its first element names what happens


@dataclass(frozen=True, slots=True)
class Flight:
    """A request on its way to the server. orphan: its sender was told already that there is no answer."""

    number: int
    sender: str
    token: Any
    request: Request
    orphan: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer on its way back. wrote: whether its request changed the store."""

    number: int
    sender: str
    token: Any
    answer: Response | NoAnswer
    wrote: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """An open watch: its place in the server's log and the lines that were not read yet."""

    number: int
    sender: str
    token: Any
    watch: watching.Watch
    lines: tuple[bytes, ...] = ()
    frozen: float = 0.0  # a fault: nothing is delivered before this time
    closed: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """One committed write: what the invariants look at. before and after are whole objects; None: absent."""

    number: int
    sender: str
    request: Request | None  # None: an actor of the server
    storage: str
    before: Any
    after: Any
    state: State  # right after it


class Member(Protocol):
    """A participant with a state of its own: one of our processes, a Gatekeeper manager, a user. A value."""

    @property
    def name(self) -> str: ...

    def begin(self, now: Now) -> tuple[Member, tuple[Any, ...]]:
        """Start; gives the wishes (Ask, Watch, Unwatch) of the first step."""
        ...

    def hear(self, event: Any, now: Now) -> tuple[Member, tuple[Any, ...]]:
        """An answer, lines of a watch, the end of one, or an own move."""
        ...

    def own_moves(self, now: Now) -> tuple[Any, ...]:
        """What it can do by itself right now (a compile that ends, a snapshot that is served)."""
        ...

    def wake_at(self) -> float | None: ...

    def serve(self, call: CallWebhook, now: Now) -> Response | NoAnswer | None:
        """Answer a webhook call, None where the URL is not this member's."""
        ...

    def crashed(self) -> Member:
        """The same member after a crash: nothing remembered but its name."""
        ...

    def digest(self) -> bytes: ...


# What members wish for and hear.


@dataclass(frozen=True, slots=True)
class Ask:
    token: Any
    request: Request


@dataclass(frozen=True, slots=True)
class OpenStream:
    token: Any
    request: Request


@dataclass(frozen=True, slots=True)
class CloseStream:
    token: Any


@dataclass(frozen=True, slots=True)
class Heard:
    token: Any
    answer: Response | NoAnswer


@dataclass(frozen=True, slots=True)
class Lines:
    token: Any
    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    token: Any
    cause: str


@dataclass(frozen=True, slots=True)
class Timer:
    at: float


@dataclass(frozen=True, slots=True)
class Own:
    move: Any


_EMPTY: HashTrieMap[str, Member] = HashTrieMap()


@dataclass(frozen=True, slots=True)
class World:
    """check: called for each committed write, gives the violations of it (pure)."""

    config: Config
    state: State
    members: HashTrieMap[str, Member] = _EMPTY
    flights: tuple[Flight, ...] = ()
    replies: tuple[Reply, ...] = ()
    streams: tuple[Stream, ...] = ()
    looked: HashTrieMap[str, tuple[Any, ...]] = field(
        default_factory=HashTrieMap
    )  # actor -> what it saw at its last look
    again: HashTrieMap[str, float] = field(default_factory=HashTrieMap)  # actor -> when it wants to look again
    time: float = 1000.0  # monotonic seconds
    drawn: int = 0
    counter: int = 0
    writes: tuple[Written, ...] = ()  # of the last take only

    @property
    def now(self) -> Now:
        return Now(EPOCH + self.time, self.time)

    def joined(self, member: Member, wishes: Iterable[Any]) -> World:
        """The world with one more member, and what that one wishes for on its way."""
        world = replace(self, members=self.members.insert(member.name, member))
        return send_wishes(world, member.name, wishes)

    def left(self, name: str) -> World:
        """The world without a member that has nothing under way."""
        return replace(self, members=self.members.remove(name))

    def digest(self) -> bytes:
        """Of everything that decides what can happen next; the same under every hash seed."""
        parts: list[Any] = [self.state.digest, round(self.time, 6), restless(self), self.drawn]
        parts += [sorted(self.again.items()), sorted(self.state.doubtful)]
        parts += [(name, self.members[name].digest()) for name in sorted(self.members)]
        parts += [(one.sender, one.token, one.request, one.orphan) for one in self.flights]
        parts += [(one.sender, one.token, repr(one.answer)) for one in self.replies]
        for one in self.streams:
            place = (one.watch.cursor, one.watch.after, one.watch.initial is None)
            parts.append((one.sender, one.token, place, one.lines, one.frozen, one.closed))
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def begin(config: Config, members: Iterable[Member]) -> World:
    """A booted server without custom resources, and its members about to start."""
    world = World(config, State())
    for request, user in boot_requests(config):
        world, _ = perform(world, "boot", request, user)
    for member in members:
        started, wishes = member.begin(world.now)
        world = world.joined(started, wishes)
    return world


# --- what can happen


def moves(world: World) -> tuple[Move, ...]:
    """Everything that can happen next without a fault, in the order of the fair schedule: answers before requests
    before watch lines before
    the server's own actors, each oldest first; time passes only when nothing else can happen."""
    found: list[Move] = [("reply", one.number) for one in world.replies]
    found += [("serve", one.number) for one in world.flights]
    found += [("lines", one.number) for one in world.streams if _readable(world, one)]
    for name in sorted(world.members):
        found += [("own", name, move) for move in world.members[name].own_moves(world.now)]
    found += [("actor", name) for name in restless(world)]
    if not found:
        at = next_time(world)
        if at is not None:
            found.append(("time", at))
    return tuple(found)


def restless(world: World) -> list[str]:
    """The server's own controllers whose inputs changed since they last looked."""
    found = []
    for name in sorted(actors.ACTORS):
        before = world.looked.get(name)
        inputs = actors.ACTORS[name].inputs(world.state)
        same = before is not None and all(
            one is other or one == other for one, other in zip(before, inputs, strict=False)
        )
        if not same:
            found.append(name)
    return found


def next_time(world: World) -> float | None:
    """When something wants to happen by the clock alone."""
    times = [at for name in sorted(world.members) if (at := world.members[name].wake_at()) is not None]
    times += [world.again[name] for name in sorted(world.again)]
    times += [max(one.watch.wake_at(), one.frozen) for one in world.streams if one.closed is None]
    times += [one.frozen for one in world.streams if one.frozen > world.time]
    finite = [at for at in times if at != float("inf")]
    return min(finite) if finite else None


def _readable(world: World, stream: Stream) -> bool:
    if world.time < stream.frozen:
        return False
    if stream.lines or stream.closed is not None:
        return True
    table = world.state.table(stream.watch.storage)
    pending = stream.watch.initial is not None or stream.watch.cursor < table.next or stream.watch.too_old is not None
    return pending or world.time >= stream.watch.wake_at()


def take(world: World, move: Move) -> World:
    """The world after a move. Unknown or impossible moves leave it as it is (a shortened schedule may name them)."""
    world = replace(world, writes=())
    doing = _TAKES.get(move[0])
    return world if doing is None else doing(world, *move[1:])


def _take_reply(world: World, number: int) -> World:
    reply = numbered(world.replies, number)
    if reply is None:
        return world
    world = replace(world, replies=without(world.replies, reply))
    return tell(world, reply.sender, Heard(reply.token, reply.answer))


def _take_serve(world: World, number: int) -> World:
    flight = numbered(world.flights, number)
    if flight is None:
        return world
    world = replace(world, flights=without(world.flights, flight))
    world, answer = perform(world, flight.sender, flight.request)
    if flight.orphan:
        return world
    if isinstance(answer, watching.Watch):
        return replace(world, streams=(*world.streams, Stream(flight.number, flight.sender, flight.token, answer)))
    reply = Reply(flight.number, flight.sender, flight.token, answer, wrote=bool(world.writes))
    return replace(world, replies=(*world.replies, reply))


def _take_lines(world: World, number: int) -> World:
    """One line of a watch reaches its reader, or its end does."""
    stream = numbered(world.streams, number)
    if stream is None:
        return world
    pumped = stream
    if not stream.lines and stream.closed is None:
        watch, lines, closed = watching.pump(stream.watch, world.state, world.now)
        pumped = replace(stream, watch=watch, lines=lines, closed="" if closed else None)
    if pumped.lines:
        line, rest = pumped.lines[0], pumped.lines[1:]
        world = replace(world, streams=replaced(world.streams, stream, replace(pumped, lines=rest)))
        return tell(world, stream.sender, Lines(stream.token, line))
    if pumped.closed is not None:
        world = replace(world, streams=without(world.streams, stream))
        return tell(world, stream.sender, Ended(stream.token, pumped.closed))
    return replace(world, streams=replaced(world.streams, stream, pumped))


def _take_own(world: World, name: str, move: Any) -> World:
    return tell(world, name, Own(move))


def _take_actor(world: World, name: str) -> World:
    """An actor of the server looks and acts once."""
    step = actors.ACTORS[name].step(world.state, world.now, world.config)
    again = world.again.remove(name) if name in world.again else world.again
    if step.again is not None:
        again = again.insert(name, step.again)
    looked = world.looked.insert(name, actors.ACTORS[name].inputs(world.state))
    world = replace(world, looked=looked, again=again)
    for change in step.changes:
        world = _changed(world, f"actor:{name}", None, change)[0]
    for request, user in step.requests:
        world, _ = perform(world, f"actor:{name}", request, user)
    return world


def _take_time(world: World, at: float) -> World:
    world = replace(world, time=max(world.time, at))
    due = [name for name in sorted(world.again) if world.again[name] <= world.time]
    again, looked = world.again, world.looked
    for name in due:
        again, looked = again.remove(name), looked.discard(name)
    world = replace(world, looked=looked, again=again)
    for name in sorted(world.members):
        wake = world.members[name].wake_at()
        if wake is not None and wake <= world.time:
            world = tell(world, name, Timer(world.time))
    return world


_TAKES: dict[str, Callable[..., World]] = {
    "reply": _take_reply,
    "serve": _take_serve,
    "lines": _take_lines,
    "own": _take_own,
    "actor": _take_actor,
    "time": _take_time,
}


# --- the server


def perform(world: World, sender: str, request: Request, user: User = ADMIN) -> tuple[World, Any]:
    """Run one request through the server, its webhooks included, as one step."""
    running = handle(request, user, world.config)
    answer: Any = None
    while True:
        try:
            effect = running.send(answer)
        except StopIteration as end:
            return world, end.value
        if isinstance(effect, Look):
            answer = world.state
        elif isinstance(effect, ReadClock):
            answer = world.now
        elif isinstance(effect, Draw):
            answer = _drawn(world.drawn, effect.count)
            world = replace(world, drawn=world.drawn + 1)
        elif isinstance(effect, Commit):
            world, answer = _changed(world, sender, request, effect)
        elif isinstance(effect, CallWebhook):
            answer = _call(world, effect)
        elif isinstance(effect, Sleep):
            answer = None
        else:
            raise TypeError(f"the server asked for {effect!r}")


def _changed(world: World, sender: str, request: Request | None, change: Any) -> tuple[World, Any]:
    before = world.state.get(change.key) if isinstance(change, Commit) else None
    state, answer = world.state.change(change)
    if state is world.state:
        return world, answer
    world = replace(world, state=state)
    if isinstance(answer, Committed) and isinstance(change, Commit):
        after = None if change.remove else answer.stored.thing
        written = Written(
            len(world.writes), sender, request, change.key[0], before.thing if before else None, after, state
        )
        world = replace(world, writes=(*world.writes, written))
    return world, answer


def _call(world: World, call: CallWebhook) -> Response | NoAnswer:
    for name in sorted(world.members):
        answer = world.members[name].serve(call, world.now)
        if answer is not None:
            return answer
    return NoAnswer("dial tcp: connect: connection refused", sent=False)


def _drawn(number: int, count: int) -> bytes:
    return hashlib.blake2b(f"draw {number}".encode(), digest_size=64).digest()[:count].ljust(count, b"\x5a")


# --- members


def tell(world: World, name: str, event: Any) -> World:
    """A member hears something, and what it wishes for goes on its way."""
    if name not in world.members:
        return world
    member, wishes = world.members[name].hear(event, world.now)
    return send_wishes(replace(world, members=world.members.insert(name, member)), name, wishes)


def send_wishes(world: World, name: str, wishes: Iterable[Any]) -> World:
    for wish in wishes:
        if isinstance(wish, CloseStream):
            kept = tuple(one for one in world.streams if (one.sender, one.token) != (name, wish.token))
            world = replace(world, streams=kept)
        else:
            flight = Flight(world.counter, name, wish.token, wish.request)
            world = replace(world, flights=(*world.flights, flight), counter=world.counter + 1)
    return world


def numbered(things: tuple[Any, ...], number: int) -> Any:
    return next((one for one in things if one.number == number), None)


def without(things: tuple[Any, ...], thing: Any) -> tuple[Any, ...]:
    return tuple(one for one in things if one is not thing)


def replaced(things: tuple[Any, ...], old: Any, new: Any) -> tuple[Any, ...]:
    return tuple(new if one is old else one for one in things)
