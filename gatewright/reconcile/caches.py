"""What one informer knows: objects as bytes under a small index, decoded when read.

Called by `informing`, which applies what the protocol says, and by `views`. A decoded Pod is six times its bytes; so
bytes are kept, and decoding is remembered for the objects read last (a bounded cache of a pure function). Values share
structure: a clone costs nothing. The digest is kept up to date with each change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b

import msgspec
from rpds import HashTrieMap, HashTrieSet

from gatewright.core.objects import Name, Object
from gatewright.kube.items import Item, behind

Label = tuple[str, str]
_WORD = 1 << 128


@lru_cache(maxsize=2048)
def decode(raw: bytes) -> Object:
    """An object from its bytes. Shared by all readers: immutable by contract."""
    found: Object = msgspec.json.decode(raw)
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """One object came, changed or went; before and after are never both None."""

    name: Name
    before: Item | None
    after: Item | None


@dataclass(frozen=True, slots=True)
class Cache:
    """synced: the objects are the complete state at `version`; before that, absent means unknown."""

    items: HashTrieMap[Name, Item] = HashTrieMap()  # noqa: RUF009 (immutable)
    by_label: HashTrieMap[Label, HashTrieSet[Name]] = HashTrieMap()  # noqa: RUF009
    synced: bool = False
    version: str = ""
    digest: int = 0  # sum over items: the same for the same state, whatever way led there

    def get(self, name: Name) -> Item | None:
        return self.items.get(name)

    def find(self, label: Label | None) -> Iterator[Item]:
        """All items, or those with a label of that value, ordered by name."""
        if label is None:
            yield from (self.items[name] for name in sorted(self.items))
        else:
            yield from (self.items[name] for name in sorted(self.by_label.get(label) or ()))

    def has(self, label: Label) -> bool:
        return label in self.by_label

    def put(self, item: Item) -> tuple[Cache, Change | None]:
        """An item that came by the watch; one that is older than what is held changes nothing."""
        before = self.items.get(item.name)
        version = _later(self.version, item.version)
        if before is not None and (before == item or behind(item.version, before.version)):
            return replace(self, version=version), None
        return replace(self._with(item.name, before, item), version=version), Change(item.name, before, item)

    def remove(self, name: Name, version: str) -> tuple[Cache, Change | None]:
        before = self.items.get(name)
        later = _later(self.version, version)
        if before is None or behind(version, before.version):
            return replace(self, version=later), None
        return replace(self._with(name, before, None), version=later), Change(name, before, None)

    def replaced(self, items: HashTrieMap[Name, Item], version: str) -> tuple[Cache, tuple[Change, ...]]:
        """The whole state at a version: what differs, ordered by name."""
        changes = []
        for name, item in items.items():
            before = self.items.get(name)
            if before is None or before.version != item.version or before.uid != item.uid:
                changes.append(Change(name, before, item))
        if len(self.items) + sum(change.before is None for change in changes) > len(items):
            changes += [Change(name, before, None) for name, before in self.items.items() if name not in items]
        changes.sort(key=lambda change: change.name)
        by_label, digest = self.by_label, self.digest
        for change in changes:
            before, after = change.before, change.after
            old, new = before.labels if before is not None else (), after.labels if after is not None else ()
            if old != new:
                by_label = _reindexed(by_label, change.name, old, new)
            digest += (_digest(after) if after is not None else 0) - (_digest(before) if before is not None else 0)
        whole = Cache(items, by_label, synced=True, version=version, digest=digest % _WORD)
        return whole, tuple(changes)

    def unsynced(self) -> Cache:
        return replace(self, synced=False)

    def _with(self, name: Name, before: Item | None, after: Item | None) -> Cache:
        old = before.labels if before is not None else ()
        new = after.labels if after is not None else ()
        by_label = self.by_label if old == new else _reindexed(self.by_label, name, old, new)
        digest = self.digest
        if before is not None:
            digest -= _digest(before)
        if after is not None:
            digest += _digest(after)
        items = self.items.remove(name) if after is None else self.items.insert(name, after)
        return replace(self, items=items, by_label=by_label, digest=digest % _WORD)


def tampered(cache: Cache) -> tuple[Name, ...]:
    """Objects whose shared decoded form was changed by a reader: must be empty (checked by tests and the simulator)."""
    return tuple(
        name
        for name in sorted(cache.items)
        if decode(cache.items[name].raw) != msgspec.json.decode(cache.items[name].raw)
    )


def _reindexed(
    index: HashTrieMap[Label, HashTrieSet[Name]], name: Name, old: tuple[Label, ...], new: tuple[Label, ...]
) -> HashTrieMap[Label, HashTrieSet[Name]]:
    for label in old:
        if label not in new:
            left = index[label].discard(name)
            index = index.insert(label, left) if len(left) else index.remove(label)
    for label in new:
        if label not in old:
            index = index.insert(label, (index.get(label) or HashTrieSet()).insert(name))
    return index


def _digest(item: Item) -> int:
    text = f"{item.name.namespace}/{item.name.name}/{item.uid}/{item.version}".encode()
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "big")


def _later(one: str, other: str) -> str:
    return one if behind(other, one) else other
