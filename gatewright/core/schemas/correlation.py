"""Which part of an old object a part of the new one corresponds to: what ratcheting of validation rests on.

Fields correspond by name, items of a list of type map by their keys; items of other lists correspond to nothing, and
such a list is compared as a whole. Used by `checking`; later by the transition rules of x-kubernetes-validations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.core import go_text
from gatewright.core.schemas.nodes import Node


class Correlation:
    """A new value, the old one it replaces, and their schema."""

    __slots__ = ("_below", "_by_key", "_unchanged", "node", "old", "value")

    def __init__(self, node: Node, value: Any, old: Any) -> None:
        self.node = node
        self.value = value
        self.old = old
        self._below: dict[str | int, Correlation | None] = {}
        self._by_key: dict[tuple[str, ...], Any] | None = None
        self._unchanged: bool | None = None

    def field(self, name: str) -> Correlation | None:
        """The correlation of a field that both values have and the schema knows, or None."""
        if name not in self._below:
            self._below[name] = self._field(name)
        return self._below[name]

    def _field(self, name: str) -> Correlation | None:
        old, value = self.old, self.value
        if not isinstance(old, Mapping) or not isinstance(value, Mapping) or name not in old or name not in value:
            return None
        below = self.node.below(name)
        return None if below is None else Correlation(below, value[name], old[name])

    def index(self, position: int) -> Correlation | None:
        """The correlation of an item of a list of type map, or None."""
        if position not in self._below:
            self._below[position] = self._index(position)
        return self._below[position]

    def _index(self, position: int) -> Correlation | None:
        node = self.node
        if node.list_type != "map" or node.items is None or not isinstance(self.old, list | tuple):
            return None
        item = self.value[position]
        if not isinstance(item, Mapping):
            return None
        if self._by_key is None:
            self._by_key = {}
            for old in self.old:
                if isinstance(old, Mapping):
                    self._by_key.setdefault(_key(node, old), old)
        found = self._by_key.get(_key(node, item))
        return None if found is None else Correlation(node.items, item, found)

    def unchanged(self) -> bool:
        """Whether the new value equals the old; items of maps may have moved."""
        if self._unchanged is None:
            self._unchanged = self._compare()
        return self._unchanged

    def _compare(self) -> bool:
        old, value = self.old, self.value
        if isinstance(value, Mapping):
            if not isinstance(old, Mapping) or len(old) != len(value):
                return False
            links = [self.field(name) for name in value]
            return all(link is not None and link.unchanged() for link in links)
        if isinstance(value, list | tuple):
            if not isinstance(old, list | tuple) or len(old) != len(value):
                return False
            if self.node.list_type != "map":
                return go_text.same(old, value)
            below = [self.index(position) for position in range(len(value))]
            return all(link is not None and link.unchanged() for link in below)
        return go_text.same(old, value)


def _key(node: Node, item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(go_text.json_text(item.get(name)) for name in node.list_keys)
