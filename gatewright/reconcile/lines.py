"""A persistent first-in first-out line: adding and taking cost O(1) on average, and every older version stays as it
was.

Used by `queues` and `facts`. (Two chains of pairs: one to take from, one to add to, turned round when the first is
empty.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_Chain = tuple[Any, "_Chain"] | None  # (value, rest)


@dataclass(frozen=True, slots=True)
class Line(Generic[T]):
    front: _Chain = None
    back: _Chain = None
    size: int = 0

    def put(self, value: T) -> Line[T]:
        """One more at the end."""
        if self.front is None:
            return Line((value, None), None, 1)
        return replace(self, back=(value, self.back), size=self.size + 1)

    def take(self) -> tuple[T, Line[T]]:
        """The first, and the line without it. IndexError when empty."""
        if self.front is None:
            raise IndexError("an empty line")
        value, rest = self.front
        if rest is not None:
            return value, replace(self, front=rest, size=self.size - 1)
        turned: _Chain = None
        back = self.back
        while back is not None:
            turned, back = (back[0], turned), back[1]
        return value, Line(turned, None, self.size - 1)

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[T]:
        line = self
        while line.size:
            value, line = line.take()
            yield value
