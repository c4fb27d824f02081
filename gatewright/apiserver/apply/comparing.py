"""The difference of two values under a type: which fields were removed, modified, added.

As structured-merge-diff compares: atomic lists and maps and scalars are leaves; empty and null containers are leaves,
so that the difference between them is seen; items of sets and map lists are found by value or key, repeated ones
compared together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from gatewright.apiserver.apply import fields
from gatewright.apiserver.apply.fields import Fields
from gatewright.apiserver.apply.fitting import handled, item_element, kind_of
from gatewright.apiserver.apply.types import UNDECLARED, ListType, MapType, Type


class Absent:
    """The type of ABSENT: no value at all, which null is not."""


ABSENT = Absent()

Node = dict[str, Any]


class Comparison(NamedTuple):
    removed: Fields
    modified: Fields
    added: Fields

    def without(self, reset: Fields) -> Comparison:
        if not reset:
            return self
        return Comparison(*(fields.recursive_difference(part, reset) for part in self))


class _Parts(NamedTuple):
    """Nodes as in a set: None nothing, {} the value itself, otherwise what is below it (and "." for itself)."""

    removed: Node | None = None
    modified: Node | None = None
    added: Node | None = None


_SAME = _Parts()
_REMOVED = _Parts(removed={})
_MODIFIED = _Parts(modified={})
_ADDED = _Parts(added={})


def compare(kind: Type, old: Any, new: Any) -> Comparison:
    """Both are valid values of the type; the roots themselves are in no set."""
    parts = _compare(kind, old, new)
    return Comparison(*(part or fields.NOTHING for part in parts))


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: a whole float equals an integer, true does not equal 1."""
    if left is right:
        return True
    if type(left) is str:
        return bool(left == right)
    # Python's own equality is right but for true and 1; equal texts rule that out. Both are much faster than a walk.
    if left != right:
        return False
    if not isinstance(left, dict | list):
        return isinstance(left, bool) == isinstance(right, bool)
    return _text(left) == _text(right) or _same_throughout(left, right)


def _text(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _same_throughout(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return all(_same_throughout(inner, right[name]) for name, inner in left.items())
    if isinstance(left, list):
        return all(map(_same_throughout, left, right))
    return isinstance(left, bool) == isinstance(right, bool)


def _compare(kind: Type, old: Any, new: Any) -> _Parts:
    if old is new:
        return _SAME
    before = "" if old is ABSENT else kind_of(kind, old)
    after = "" if new is ABSENT else kind_of(kind, new)
    if not after or not before or before == after:
        parts, leaf = _walk(kind, after or before, old, new)
    else:
        # The value changed its kind: what was below the old one went, what is below the new one came.
        first, _ = _walk(kind, before, old, new)
        parts, leaf = _walk(kind, after, old, new)
        parts = _Parts(*map(_joined, first, parts))
    if leaf:
        return parts
    if old is ABSENT:
        return parts._replace(added=_member(parts.added))
    if new is ABSENT:
        return parts._replace(removed=_member(parts.removed))
    return parts


def _walk(kind: Type, choice: str, old: Any, new: Any) -> tuple[_Parts, bool]:
    """The parts, and whether the value was taken as a leaf."""
    choice = handled(kind, choice)
    if choice == "map" and kind.map is not None:
        before = old if isinstance(old, dict) else None
        after = new if isinstance(new, dict) else None
        if kind.map.atomic or not (before or after):
            return _leaf(old, new), True
        return _maps(kind.map, before or {}, after or {}), False
    if choice == "list" and kind.list is not None:
        items = old if isinstance(old, list) else None
        others = new if isinstance(new, list) else None
        if not kind.list.associative or not (items or others):
            return _leaf(old, new), True
        return _lists(kind.list, items or [], others or []), False
    return _leaf(old, new), True


def _leaf(old: Any, new: Any) -> _Parts:
    if old is ABSENT:
        return _ADDED
    if new is ABSENT:
        return _REMOVED
    return _SAME if same(old, new) else _MODIFIED


class _Collected:
    """The parts of a container, put together from those of its elements."""

    __slots__ = ("added", "modified", "removed")

    def __init__(self) -> None:
        self.removed: Node = {}
        self.modified: Node = {}
        self.added: Node = {}

    def put(self, element: str, parts: _Parts) -> None:
        if parts is _SAME:
            return
        for mine, node in ((self.removed, parts.removed), (self.modified, parts.modified), (self.added, parts.added)):
            if node is not None:
                mine[element] = _joined(mine[element], node) if element in mine else node

    def parts(self) -> _Parts:
        return _Parts(self.removed or None, self.modified or None, self.added or None)


def _maps(kind: MapType, old: Mapping[str, Any], new: Mapping[str, Any]) -> _Parts:
    found = _Collected()
    for name, before in old.items():
        after = new.get(name, ABSENT)
        if before is not after:
            found.put("f:" + name, _compare(_member_type(kind, name), before, after))
    for name, after in new.items():
        if name not in old:
            found.put("f:" + name, _compare(_member_type(kind, name), ABSENT, after))
    return found.parts()


def _member_type(kind: MapType, name: str) -> Type:
    return kind.fields.get(name) or kind.element or UNDECLARED


def _lists(kind: ListType, old: list[Any], new: list[Any]) -> _Parts:
    before, after = _by_element(kind, old), _by_element(kind, new)
    found = _Collected()
    for element in [*before, *(element for element in after if element not in before)]:
        lefts, rights = before.get(element, ()), after.get(element, ())
        if len(lefts) <= 1 and len(rights) <= 1:
            left = lefts[0] if lefts else ABSENT
            right = rights[0] if rights else ABSENT
            found.put(element, _compare(kind.element, left, right))
        elif len(lefts) > 1 and len(rights) > 1:
            if not same(list(lefts), list(rights)):
                found.put(element, _MODIFIED)
        elif len(lefts) > 1:
            if rights:
                found.put(element, _compare(kind.element, ABSENT, rights[0]))
            found.put(element, _REMOVED)
        else:
            if lefts:
                found.put(element, _compare(kind.element, lefts[0], ABSENT))
            found.put(element, _ADDED)
    return found.parts()


def _by_element(kind: ListType, items: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for item in items:
        found.setdefault(item_element(kind, item), []).append(item)
    return found


def _member(node: Node | None) -> Node:
    if not node or "." in node:
        return node or {}
    return {".": {}, **node}


def _joined(left: Node | None, right: Node | None) -> Node | None:
    if left is None or right is None:
        return right if left is None else left
    if not left or not right:
        return _member(left or right)
    return dict(fields.union(left, right))
