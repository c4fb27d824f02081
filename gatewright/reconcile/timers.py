"""A persistent priority queue of times: who is to be woken when.

Used by the shell's desk for all of its timers (keys, retries, informers, leases). Entries are never taken back: whoever
pops one asks its owner whether it is still meant. So setting a timer anew is one push, and stale entries cost a
comparison each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Token = tuple[Any, ...]  # who: e.g. ("retry", key); tokens of one first element are comparable
_Node = tuple[int, float, Token, "_Node | None", "_Node | None"]  # rank, at, token, left, right (a leftist heap)


@dataclass(frozen=True, slots=True)
class Timers:
    root: _Node | None = None

    @property
    def earliest(self) -> float | None:
        return None if self.root is None else self.root[1]

    def push(self, at: float, token: Token) -> Timers:
        return Timers(_merge(self.root, (1, at, token, None, None)))

    def pop_due(self, now: float) -> tuple[Timers, tuple[Token, ...]]:
        """The tokens due at `now`, by time and then by token, each once."""
        root, due = self.root, []
        while root is not None and root[1] <= now:
            due.append(root[2])
            root = _merge(root[3], root[4])
        return Timers(root), tuple(dict.fromkeys(due))

    def entries(self) -> tuple[tuple[float, Token], ...]:
        """All entries in order, for digests and tests."""
        found, rest = [], [self.root]
        while rest:
            node = rest.pop()
            if node is not None:
                found.append((node[1], node[2]))
                rest += [node[3], node[4]]
        return tuple(sorted(set(found)))


def _merge(one: _Node | None, other: _Node | None) -> _Node | None:
    """O(log n) deep: both right spines of a leftist heap are short."""
    if one is None:
        return other
    if other is None:
        return one
    if (other[1], other[2]) < (one[1], one[2]):
        one, other = other, one
    left, right = one[3], _merge(one[4], other)
    if _rank(left) < _rank(right):
        left, right = right, left
    return (_rank(right) + 1, one[1], one[2], left, right)


def _rank(node: _Node | None) -> int:
    return 0 if node is None else node[0]
