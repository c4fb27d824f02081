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

from gatewright.control.intents import Compile, FactName, Intent, Load
from gatewright.control.view import Fact
from gatewright.reconcile.desk import Desk
from gatewright.reconcile.facts import Facts
from gatewright.reconcile.informers import Informer
from gatewright.reconcile.publication import Publication
from gatewright.reconcile.queues import Queue
from gatewright.reconcile.rounds import Round
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
    books = (desk.holds, desk.wakes, desk.wanted, desk.compiling, desk.leases, desk.root_counts)
    parts = [_known(_Same(book), _book) for book in books]
    parts.append(_known(_Same(desk.rounds), _rounds))
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


def _rounds(rounds: HashTrieMap[Any, Round]) -> bytes:
    entries = sorted(repr(key).encode() + _known(_Same(value), _round) for key, value in rounds.items())
    return blake2b(b"".join(entries), digest_size=16).digest()


def _round(held: Round) -> bytes:
    branches = [
        (branch.at, branch.waits, branch.failed, branch.doubt, [_known(_Same(one), _intent) for one in branch.intents])
        for branch in held.branches
    ]
    return _text((held.busy, held.holds, branches))


def _intent(intent: Intent) -> bytes:
    """What is loaded or compiled is told by its name: the thing itself is the policy room's, and large."""
    if isinstance(intent, Load):
        return _text(("Load", intent.slot, intent.identity, intent.entry is None))
    return _text(("Compile", intent.digest) if isinstance(intent, Compile) else intent)


def _informers(informers: HashTrieMap[Any, Informer]) -> bytes:
    entries = [_known(_Same(informers[target]), _informer) for target in sorted(informers)]
    return blake2b(b"".join(entries), digest_size=16).digest()


def _informer(informer: Informer) -> bytes:
    cache = informer.cache
    state = (informer.alarm, informer.users, informer.mirrored, informer.tried, informer.channel > 0)
    return _text((informer.machine.signature(), cache.digest, cache.synced, cache.version, state))


def _facts(facts: Facts) -> bytes:
    books = (sorted(map(repr, facts.answers)), list(facts.unread), sorted(map(repr, facts.under_lease.items())))
    return _known(_Same(facts.known), _known_facts) + _text(books)


def _known_facts(known: HashTrieMap[FactName, Fact]) -> bytes:
    """An outcome of compiling is told by its name, which is the digest of what it was made from."""
    entries = sorted(
        repr(name).encode() + (_text(fact.at) if name[0] == "compiled" else _known(_Same(fact), _text))
        for name, fact in known.items()
    )
    return blake2b(b"".join(entries), digest_size=16).digest()


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
