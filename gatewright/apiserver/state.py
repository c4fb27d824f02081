"""The store of the embedded API server as one persistent value: objects, the global resourceVersion, a bounded log of
events, views.

A State is never changed; `commit` and `follow` give a new one that shares what did not change, so that the simulator
can keep thousands of
worlds. Objects are immutable by contract. Drivers hold the current State; requests and actors only read it and ask
for changes
(`effects.Commit`, `effects.Follow`). What the objects mean is left to the others; the few indexes here (owners,
objects under deletion) exist
so that actors look only at what may need them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from rpds import HashTrieMap

from gatewright.apiserver.effects import Change, Commit, Committed, Follow, Lost, Open, Settle
from gatewright.core.objects import Object, metadata, owner_uids

Key = tuple[str, str, str]  # storage name ("pods", "deployments.apps", "widgets.example.io"), namespace, name
LOG_LENGTH = 1000  # events kept per resource, for watches that start at an older version
_MASK = (1 << 128) - 1

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Stored:
    """An object in the store, with what can be derived from it kept beside it (encodings, the digest, compiled
    schemas).

    thing:   the object, metadata.resourceVersion included
    version: its resourceVersion as a number
    """

    __slots__ = ("_digest", "key", "memo", "thing", "version")

    def __init__(self, key: Key, thing: Object, version: int) -> None:
        self.key = key
        self.thing = thing
        self.version = version
        self.memo: dict[Any, Any] = {}  # derived values only: a pure function of `thing` and of what its key names
        self._digest: int | None = None

    @property
    def digest(self) -> int:
        """128 bits over key and content."""
        if self._digest is None:
            self._digest = _hash([list(self.key), self.thing])
        return self._digest

    def json(self) -> bytes:
        """The object as it is stored, as JSON."""
        found: bytes | None = self.memo.get("json")
        if found is None:
            found = self.memo["json"] = _encode(self.thing)
        return found

    def __repr__(self) -> str:
        return f"Stored({'/'.join(self.key)}@{self.version})"


class Event:
    """One entry of the log: what an object was and what it became. before None: created; after None: removed (then
    `last` has the version
    of the removal)."""

    __slots__ = ("after", "before", "last", "version")

    def __init__(self, version: int, before: Stored | None, after: Stored | None, last: Stored) -> None:
        self.version = version
        self.before = before
        self.after = after
        self.last = last

    def digest(self, number: int) -> int:
        """What the event adds to the digest of its log, at a place in it."""
        return self.last.digest * (2 * number + 1) + (self.after is None)


class Table:
    """All objects of one resource, over all namespaces, and the events of late.

    since:  watches from a version below this one are too old (when the log of this resource began)
    first, next: sequence numbers of the oldest event in the log and of the one to come
    """

    __slots__ = ("_digest", "_order", "events", "first", "next", "objects", "since")

    def __init__(
        self,
        objects: HashTrieMap[tuple[str, str], Stored],
        events: HashTrieMap[int, Event],
        first: int,
        following: int,
        since: int,
    ) -> None:
        self.objects = objects
        self.events = events
        self.first = first
        self.next = following
        self.since = since
        self._order: tuple[tuple[str, str], ...] | None = None
        self._digest: int | None = None

    @property
    def order(self) -> tuple[tuple[str, str], ...]:
        """(namespace, name) of all objects, as etcd orders its keys."""
        if self._order is None:
            self._order = tuple(sorted(self.objects))
        return self._order

    def get(self, namespace: str, name: str) -> Stored | None:
        return self.objects.get((namespace, name))

    def all(self, namespace: str = "") -> Iterator[Stored]:
        """The objects of a namespace ("": of all), ordered by namespace and name."""
        objects = self.objects
        for key in self.order:
            if not namespace or key[0] == namespace:
                yield objects[key]

    def after(self, version: int) -> int:
        """The sequence number of the first event that is younger than a version."""
        low, high = self.first, self.next
        while low < high:
            middle = (low + high) // 2
            if self.events[middle].version > version:
                high = middle
            else:
                low = middle + 1
        return low

    @property
    def oldest(self) -> int:
        """The lowest version that a watch may start from."""
        if self.first == 0 or self.first == self.next:
            return self.since
        return max(self.since, self.events[self.first].version - 1)

    @property
    def digest(self) -> int:
        if self._digest is None:
            total = self.since
            for key in self.order:
                total += self.objects[key].digest
            for number in range(self.first, self.next):
                total += self.events[number].digest(number)
            self._digest = total & _MASK
        return self._digest

    def with_event(self, key: Key, stored: Stored | None, event: Event) -> Table:
        name = key[1:]
        objects = self.objects.remove(name) if stored is None else self.objects.insert(name, stored)
        events, first = self.events.insert(self.next, event), self.first
        left = 0
        if self.next - first >= LOG_LENGTH:
            left = events[first].digest(first) if self._digest is not None else 0
            events, first = events.remove(first), first + 1
        table = Table(objects, events, first, self.next + 1, self.since)
        if self._digest is not None:  # known before: only what changed is added and taken away
            total = self._digest + event.digest(self.next) - left
            total += stored.digest if stored is not None else 0
            total -= event.before.digest if event.before is not None else 0
            table._digest = total & _MASK
        if stored is not None and event.before is not None:
            table._order = self._order  # the same names as before
        return table


_EMPTY: HashTrieMap[Any, Any] = HashTrieMap()


class State:
    """The whole store.

    version:   the global resourceVersion, of the last write
    tables:    storage name -> Table
    uids:      uid -> Key of every object
    dependents: owner's uid -> map of the Keys that name it in ownerReferences
    doubtful:  Keys whose owners may be gone (for the garbage collector)
    dying:     Keys of objects with a deletionTimestamp
    views:     view -> name -> Stored, what the server's informers have seen so far
    """

    __slots__ = ("_digest", "dependents", "doubtful", "dying", "tables", "uids", "version", "views")

    def __init__(
        self,
        version: int = 1,
        tables: HashTrieMap[str, Table] = _EMPTY,
        uids: HashTrieMap[str, Key] = _EMPTY,
        dependents: HashTrieMap[str, HashTrieMap[Key, None]] = _EMPTY,
        doubtful: HashTrieMap[Key, None] = _EMPTY,
        dying: HashTrieMap[Key, None] = _EMPTY,
        views: HashTrieMap[str, HashTrieMap[str, Stored]] = _EMPTY,
    ) -> None:
        self.version = version
        self.tables = tables
        self.uids = uids
        self.dependents = dependents
        self.doubtful = doubtful
        self.dying = dying
        self.views = views
        self._digest: int | None = None

    # --- reading

    def table(self, storage: str) -> Table:
        """A resource's objects; an empty table where nothing was ever stored."""
        found = self.tables.get(storage)
        return Table(_EMPTY, _EMPTY, 0, 0, 0) if found is None else found

    def get(self, key: Key) -> Stored | None:
        found = self.tables.get(key[0])
        return None if found is None else found.objects.get(key[1:])

    def view(self, view: str, name: str) -> Stored | None:
        """What an informer of the server holds under a name."""
        found = self.views.get(view)
        return None if found is None else found.get(name)

    def view_names(self, view: str) -> tuple[str, ...]:
        return tuple(sorted(self.views.get(view, _EMPTY)))

    def view_all(self, view: str) -> HashTrieMap[str, Stored]:
        """A whole view, by name. Iterate it sorted."""
        return self.views.get(view, _EMPTY)

    @property
    def digest(self) -> int:
        """128 bits over everything that answers depend on; costs what changed since the last call."""
        if self._digest is None:
            total = self.version
            for name in self.tables:
                total += _hash([name, f"{self.tables[name].digest:x}"])
            for number, view in enumerate(sorted(self.views)):
                total += sum(stored.digest for stored in self.views[view].values()) * (2 * number + 3)
            self._digest = total & _MASK
        return self._digest

    # --- changing

    def change(self, change: Change) -> tuple[State, Committed | Lost | None]:
        """Carry out what a request or an actor asks for: the state afterwards, and the answer."""
        if isinstance(change, Follow):
            return self.follow(change), None
        if isinstance(change, Settle):
            return self.settled(change.key), None
        if isinstance(change, Open):
            return self.opened(change.storage), None
        return self.commit(change)

    def commit(self, commit: Commit) -> tuple[State, Committed | Lost]:
        """The state after a write, and Committed; or the same state and Lost."""
        before = self.get(commit.key)
        if (before.version if before else 0) != commit.expected:
            return self, Lost()
        version = self.version + 1
        thing = {**commit.thing, "metadata": {**metadata(commit.thing), "resourceVersion": str(version)}}
        last = Stored(commit.key, thing, version)
        after = None if commit.remove else last
        table = self.tables.get(commit.key[0])
        if table is None:
            table = Table(_EMPTY, _EMPTY, 0, 0, 0)
        tables = self.tables.insert(
            commit.key[0], table.with_event(commit.key, after, Event(version, before, after, last))
        )
        uids, dependents, doubtful, dying = self._indexes(commit.key, before, after)
        return State(version, tables, uids, dependents, doubtful, dying, self.views), Committed(last)

    def follow(self, change: Follow) -> State:
        """The state in which a view has caught up on one name."""
        names = self.views.get(change.view, _EMPTY)
        if change.stored is not None:
            names = names.insert(change.name, change.stored)
        else:
            names = names.discard(change.name)
        views = self.views.insert(change.view, names)
        return State(self.version, self.tables, self.uids, self.dependents, self.doubtful, self.dying, views)

    def settled(self, key: Key) -> State:
        """The state in which the garbage collector has looked at a doubtful key."""
        if key not in self.doubtful:
            return self
        doubtful = self.doubtful.remove(key)
        return State(self.version, self.tables, self.uids, self.dependents, doubtful, self.dying, self.views)

    def opened(self, storage: str) -> State:
        """The state in which a resource's watch cache begins now: older versions are too old for it, its log is
        empty."""
        table = self.table(storage)
        fresh = Table(table.objects, _EMPTY, table.next, table.next, self.version)
        tables = self.tables.insert(storage, fresh)
        return State(self.version, tables, self.uids, self.dependents, self.doubtful, self.dying, self.views)

    def _indexes(self, key: Key, before: Stored | None, after: Stored | None) -> Any:
        uids, dependents, doubtful, dying = self.uids, self.dependents, self.doubtful, self.dying
        old: Mapping[str, Any] = metadata(before.thing) if before else {}
        new: Mapping[str, Any] = metadata(after.thing) if after else {}
        if old.get("uid") != new.get("uid"):
            if old:
                uids = uids.discard(old.get("uid") or "")
            if new.get("uid"):
                uids = uids.insert(new["uid"], key)
        old_owners = owner_uids(before.thing) if before and old.get("ownerReferences") else ()
        new_owners = owner_uids(after.thing) if after and new.get("ownerReferences") else ()
        if old_owners != new_owners:
            for owner in old_owners:
                if owner not in new_owners:
                    rest = dependents.get(owner, _EMPTY).discard(key)
                    dependents = dependents.insert(owner, rest) if len(rest) else dependents.discard(owner)
            for owner in new_owners:
                dependents = dependents.insert(owner, dependents.get(owner, _EMPTY).insert(key, None))
            if new_owners:
                doubtful = doubtful.insert(key, None)
        if after is None:
            doubtful = doubtful.discard(key)
            dying = dying.discard(key)
            for dependent in dependents.get(str(old.get("uid") or ""), _EMPTY):
                doubtful = doubtful.insert(dependent, None)
        elif new.get("deletionTimestamp"):
            dying = dying.insert(key, None)
            for dependent in dependents.get(str(new.get("uid") or ""), _EMPTY):
                doubtful = doubtful.insert(dependent, None)
        elif key in dying:
            dying = dying.remove(key)
        return uids, dependents, doubtful, dying


def _hash(value: Any) -> int:
    return int.from_bytes(hashlib.blake2b(_encode_sorted(value), digest_size=16).digest(), "big")
