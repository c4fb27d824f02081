"""A State made from objects that were kept elsewhere: the start of a server whose store outlived it.

Called by `runtime` with what its file holds. As after a restart of the real server the watch caches begin now: a watch
from an older version is too old and its client lists again; informers of the server's own controllers are empty and
catch up; the garbage collector looks at every dependent once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rpds import HashTrieMap

from gatewright.apiserver.state import Key, State, Stored, Table
from gatewright.core.objects import Object, metadata, owner_uids

_EMPTY: HashTrieMap[Any, Any] = HashTrieMap()


def restored(version: int, storages: Iterable[str], objects: Iterable[tuple[Key, Object]]) -> State:
    """The state of a store at a version.

    version: the global resourceVersion of its last write; storages: every resource that ever held an object;
    objects: with their metadata.resourceVersion. Raises ValueError for an object without one.
    """
    tables: dict[str, HashTrieMap[tuple[str, str], Stored]] = dict.fromkeys(storages, _EMPTY)
    uids: HashTrieMap[str, Key] = _EMPTY
    dependents: HashTrieMap[str, HashTrieMap[Key, None]] = _EMPTY
    doubtful: HashTrieMap[Key, None] = _EMPTY
    dying: HashTrieMap[Key, None] = _EMPTY
    for key, thing in objects:
        meta = metadata(thing)
        stored = Stored(key, thing, int(str(meta.get("resourceVersion") or "")))
        tables[key[0]] = tables.get(key[0], _EMPTY).insert(key[1:], stored)
        if meta.get("uid"):
            uids = uids.insert(meta["uid"], key)
        owners = owner_uids(thing)
        for owner in owners:
            dependents = dependents.insert(owner, dependents.get(owner, _EMPTY).insert(key, None))
        if owners:
            doubtful = doubtful.insert(key, None)
        if meta.get("deletionTimestamp"):
            dying = dying.insert(key, None)
    made = HashTrieMap({name: Table(things, _EMPTY, 0, 0, version) for name, things in tables.items()})
    return State(version, made, uids, dependents, doubtful, dying)
