"""Digests of the shell's state, at a cost of what changed.

Called by `Shell.digest`, for the simulator: two schedules that lead to the same state meet there. Most parts of a state
are the very same values as in the state before, so what was computed for a value is remembered by its identity (a
bounded cache of a pure function; it keeps the value alive, so an identity is never taken over by another one).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from rpds import HashTrieMap

from gatewright.reconcile.desk import Desk
from gatewright.reconcile.facts import Facts
from gatewright.reconcile.informers import Informer
from gatewright.reconcile.publication import Publication
from gatewright.reconcile.queues import Queue
from gatewright.reconcile.timers import Timers


class _Same:
    """A value compared by identity."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value


@lru_cache(maxsize=1 << 15)
def _known(same: _Same, render: Callable[[Any], bytes]) -> bytes:
    return render(same.value)


def of_desk(desk: Desk) -> bytes:
    """Of the whole state; absolute times are part of it. Effects of the last step and numbers of requests are not."""
    books = (desk.rounds, desk.holds, desk.wakes, desk.wanted, desk.compiling, desk.leases, desk.root_counts)
    parts = [_known(_Same(book), _book) for book in books]
    parts.append(_known(_Same(desk.reads.by_key), _book))
    parts.append(_known(_Same(desk.informers.by_target), _informers))
    parts.append(_known(_Same(desk.facts), _facts))
    parts.append(_known(_Same(desk.queue), _queue))
    parts.append(_known(_Same(desk.timers), _timers))
    parts.append(_known(_Same(desk.flights), _owners))
    parts.append(_known(_Same(desk.publication), _publication))
    parked = tuple(sorted((name, tuple(sorted(keys))) for name, keys in desk.parked.items()))
    rest = (desk.alarm, desk.stopping, parked, tuple(sorted(desk.open)), tuple(desk.backlog))
    return blake2b(b"".join(parts) + repr(rest).encode(), digest_size=16).digest()


def _text(value: Any) -> bytes:
    return blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _book(book: HashTrieMap[Any, Any]) -> bytes:
    entries = sorted(repr(key).encode() + _known(_Same(value), _text) for key, value in book.items())
    return blake2b(b"".join(entries), digest_size=16).digest()


def _informers(informers: HashTrieMap[Any, Informer]) -> bytes:
    entries = [_known(_Same(informers[target]), _informer) for target in sorted(informers)]
    return blake2b(b"".join(entries), digest_size=16).digest()


def _informer(informer: Informer) -> bytes:
    cache = informer.cache
    state = (informer.alarm, informer.users, informer.mirrored, informer.tried, informer.channel > 0)
    return _text((informer.machine.signature(), cache.digest, cache.synced, cache.version, state))


def _facts(facts: Facts) -> bytes:
    books = (sorted(map(repr, facts.answers)), list(facts.unread), sorted(map(repr, facts.under_lease.items())))
    return _known(_Same(facts.known), _book) + _text(books)


def _queue(queue: Queue) -> bytes:
    return _text(queue.signature())


def _timers(timers: Timers) -> bytes:
    return _text(timers.entries())


def _owners(flights: HashTrieMap[int, Any]) -> bytes:
    return _text(sorted(repr(owner) for owner in flights.values()))


def _publication(publication: Publication) -> bytes:
    """Without the snapshot: it follows from the caches and from what was loaded."""
    waiting = (publication.version - publication.served, publication.changed, publication.at)
    return _text((waiting, [(number - publication.version, repr(one)) for number, one in publication.waiting]))
