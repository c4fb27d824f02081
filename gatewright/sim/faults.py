"""What can go wrong, as moves: faults 1 to 5 of lifecycle-races 4.2.

A fault is a move like any other, but only a schedule that wants it takes it. Each is offered where it can make a
difference: at writes, at watches with something to tell, at processes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gatewright.core.http import NoAnswer, Request
from gatewright.core.objects import metadata
from gatewright.sim.process import Process
from gatewright.sim.world import (
    Flight,
    Move,
    Reply,
    Stream,
    World,
    numbered,
    perform,
    replaced,
    send_wishes,
    take,
    without,
)

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LAG = 0.5  # seconds; upstream's mend of issue 3982 reads its cache for 0.31 s
TURN = "turn"  # no fault, but a choice of the explorer: something else than the fair schedule wants comes first
KINDS = ("foreign", "freeze", "expire", "crash", "lose", "drop", "late")


def faults(world: World, kinds: tuple[str, ...] = KINDS) -> tuple[Move, ...]:
    """The faults that could happen now, in a fixed order.

    foreign: somebody else writes the object just before a write on its way reaches it (1)
    freeze:  a watch tells nothing for LAG seconds: its reader's cache is stale (2, 3)
    expire:  a watch ends with 410, so that its reader lists again and misses what lay between (3)
    crash:   a process is restarted with empty caches; what it had sent may still arrive (4)
    lose:    the answer of a committed write is lost (5)
    drop:    a write is lost on its way, its sender is told that there is no answer (5)
    late:    the same, but the write arrives after its sender gave up (5)
    """
    found: list[Move] = []
    for flight in world.flights:
        if not _is_write(flight) or flight.orphan:
            continue
        found += [
            (kind, flight.number) for kind in ("foreign", "drop", "late") if kind in kinds and _apt(world, kind, flight)
        ]
    if "lose" in kinds:
        found += [("lose", reply.number) for reply in world.replies if reply.wrote]
    for kind in ("freeze", "expire"):
        if kind in kinds:
            found += [(kind, one.number) for one in world.streams if _tells(world, one)]
    if "crash" in kinds:
        found += [("crash", name) for name in sorted(world.members) if isinstance(world.members[name], Process)]
    return tuple(found)


def inject(world: World, move: Move) -> World:
    """The world after a fault, or after an ordinary move."""
    doing = _TAKES.get(move[0])
    return take(world, move) if doing is None else doing(replace(world, writes=()), *move[1:])


# --- where a fault makes a difference


def _is_write(flight: Flight) -> bool:
    dry = any(name == "dryRun" for name, _ in flight.request.query)
    return flight.request.method in WRITES and not dry


def _apt(world: World, kind: str, flight: Flight) -> bool:
    return kind != "foreign" or _object(world, flight.request) is not None


def _tells(world: World, stream: Stream) -> bool:
    if world.time < stream.frozen or stream.closed is not None:
        return False
    return bool(stream.lines) or stream.watch.cursor < world.state.table(stream.watch.storage).next


def _object(world: World, request: Request) -> Any:
    """What stands at the URL of a write, by a read through the server."""
    path = request.path.removesuffix("/status")
    if request.method == "POST":
        return None
    _, answer = perform(world, "fault", Request("GET", path, (), (("accept", "application/json"),)))
    return json.loads(answer.body) if answer.status == 200 else None


# --- taking them


def _foreign(world: World, number: int) -> World:
    """A foreign writer sets an annotation of its own: the object moves, nothing that we care for changes."""
    flight = numbered(world.flights, number)
    if flight is None:
        return world
    held = _object(world, flight.request)
    if held is None:
        return world
    stamp = str(metadata(held).get("resourceVersion"))
    body = json.dumps({"metadata": {"annotations": {"example.com/foreign": stamp}}}).encode()
    path = flight.request.path.removesuffix("/status")
    headers = (("content-type", "application/merge-patch+json"), ("accept", "application/json"))
    world, _ = perform(world, "foreign", Request("PATCH", path, (("fieldManager", "foreign"),), headers, body))
    return world


def _freeze(world: World, number: int, lag: float = LAG) -> World:
    stream = numbered(world.streams, number)
    return world if stream is None else _with_stream(world, stream, replace(stream, frozen=world.time + lag))


def _expire(world: World, number: int) -> World:
    stream = numbered(world.streams, number)
    if stream is None:
        return world
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": "Expired",
        "code": 410,
    }
    line = json.dumps({"type": "ERROR", "object": {**status, "message": "too old resource version"}}).encode() + b"\n"
    return _with_stream(world, stream, replace(stream, lines=(line,), closed=""))


def _crash(world: World, name: str) -> World:
    """The process forgets everything; its watches end, its requests on the way arrive without a listener."""
    member = world.members[name].crashed()
    flights = tuple(
        replace(one, orphan=True) if one.sender == name and _is_write(one) else one for one in world.flights
    )
    world = replace(
        world,
        flights=tuple(one for one in flights if one.sender != name or one.orphan),
        replies=tuple(one for one in world.replies if one.sender != name),
        streams=tuple(one for one in world.streams if one.sender != name),
    )
    started, wishes = member.begin(world.now)
    return send_wishes(replace(world, members=world.members.insert(name, started)), name, wishes)


def _lose(world: World, number: int) -> World:
    reply = numbered(world.replies, number)
    if reply is None:
        return world
    lost = replace(reply, answer=NoAnswer("context deadline exceeded"))
    return replace(world, replies=replaced(world.replies, reply, lost))


def _drop(world: World, number: int) -> World:
    flight = numbered(world.flights, number)
    if flight is None:
        return world
    return _unanswered(replace(world, flights=without(world.flights, flight)), flight)


def _late(world: World, number: int) -> World:
    """Its sender hears that there is no answer; the write itself waits at the end of the line."""
    flight = numbered(world.flights, number)
    if flight is None:
        return world
    rest = (*without(world.flights, flight), replace(flight, orphan=True))
    return _unanswered(replace(world, flights=rest), flight)


def _unanswered(world: World, flight: Flight) -> World:
    reply = Reply(flight.number, flight.sender, flight.token, NoAnswer("context deadline exceeded"))
    return replace(world, replies=(*world.replies, reply))


def _with_stream(world: World, old: Stream, new: Stream) -> World:
    return replace(world, streams=replaced(world.streams, old, new))


_TAKES: dict[str, Callable[..., World]] = {
    "foreign": _foreign,
    "freeze": _freeze,
    "expire": _expire,
    "crash": _crash,
    "lose": _lose,
    "drop": _drop,
    "late": _late,
}
