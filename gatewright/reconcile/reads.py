"""Which key read what in its last pass, and who must be planned again when something changes.

Called by the desk. So every input of a decision has a watch edge to it (lifecycle, rule 4), without a list that could
forget one. A read is a plain tuple:

    ("object", resource, name)      one object, present or not
    ("list", resource, label)       all objects (label None), or those with a label of that value
    ("synced", resource)            whether a resource's cache is complete
    ("fact", name)                  a fact
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rpds import HashTrieMap, HashTrieSet

from gatewright.reconcile.queues import QueueKey

Read = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Reads:
    by_key: HashTrieMap[QueueKey, tuple[Read, ...]] = HashTrieMap()  # noqa: RUF009 (immutable)
    readers: HashTrieMap[Read, HashTrieSet[QueueKey]] = HashTrieMap()  # noqa: RUF009

    def of(self, key: QueueKey) -> tuple[Read, ...]:
        return self.by_key.get(key) or ()

    def readers_of(self, read: Read) -> tuple[QueueKey, ...]:
        """In order, whatever the hash seed."""
        found = self.readers.get(read)
        return () if found is None else tuple(sorted(found))

    def is_read(self, read: Read) -> bool:
        return read in self.readers

    def record(self, key: QueueKey, reads: Iterable[Read]) -> tuple[Reads, tuple[Read, ...]]:
        """The reads of the key's latest pass instead of those before; also returns what nobody reads any more."""
        new = tuple(dict.fromkeys(reads))
        old = self.of(key)
        if new == old:
            return self, ()
        readers, dropped = self.readers, []
        before, after = frozenset(old), frozenset(new)
        for read in old:
            if read not in after:
                left = readers[read].discard(key)
                readers = readers.insert(read, left) if len(left) else readers.remove(read)
                if not len(left):
                    dropped.append(read)
        for read in new:
            if read not in before:
                readers = readers.insert(read, (readers.get(read) or HashTrieSet()).insert(key))
        by_key = self.by_key.insert(key, new) if new else self.by_key.discard(key)
        return Reads(by_key, readers), tuple(dropped)

    def add(self, key: QueueKey, read: Read) -> Reads:
        """One more read of this pass."""
        return self.record(key, (*self.of(key), read))[0]
