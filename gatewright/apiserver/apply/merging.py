"""Putting an applied value over a live one, and taking given-up fields out again.

`merge` keeps what the applied value does not name; `remove` takes the fields of a set out of a value; `named_members`
and `reconciled` fit sets to a type. As structured-merge-diff does it, order of list items included.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_
from typing import Any

from gatewright.apiserver.apply import fields
from gatewright.apiserver.apply.comparing import ABSENT, same
from gatewright.apiserver.apply.fields import Fields
from gatewright.apiserver.apply.fitting import ItemError, handled, item_element, kind_of
from gatewright.apiserver.apply.types import UNDECLARED, ListType, MapType, Type
from gatewright.apiserver.apply.walking import Errors, as_member


class MergeError(ValueError):
    """A live list in which an item has no place."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(errors)
        self.errors = errors


def merge(kind: Type, live: Any, applied: Any) -> Any:
    """The live value with the applied one over it; both are valid values of the type. The live one where nothing
    changes.
    """
    if applied is ABSENT or live is applied:
        return live
    if live is ABSENT:
        return applied
    choice = handled(kind, kind_of(kind, applied))
    if choice == "map" and kind.map is not None and not kind.map.atomic:
        before = live if isinstance(live, dict) else None
        after = applied if isinstance(applied, dict) else None
        if before or after:
            return _merge_maps(kind.map, before or {}, after or {})
    elif choice == "list" and kind.list is not None and kind.list.associative:
        items = live if isinstance(live, list) else None
        others = applied if isinstance(applied, list) else None
        if items or others:
            return _merge_lists(kind.list, items or [], others or [])
    return live if same(live, applied) else applied


def _merge_maps(kind: MapType, live: dict[str, Any], applied: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] | None = None
    for name, inner in applied.items():
        before = live.get(name, ABSENT)
        done = merge(kind.fields.get(name) or kind.element or UNDECLARED, before, inner)
        if done is not before:
            if merged is None:
                merged = dict(live)
            merged[name] = done
    return live if merged is None else merged


def _merge_lists(kind: ListType, live: list[Any], applied: list[Any]) -> list[Any]:
    """Shared items in the order of the applied list; items of the live one alone keep their place before the next
    shared item.
    """
    rights = _elements(kind, applied)
    lefts = _elements(kind, live)
    theirs = dict(zip(rights, applied, strict=True))
    ours: dict[str, Any] = {}
    for element, item in zip(lefts, live, strict=True):
        # Repeated live items are not merged with: the applied one replaces them all.
        ours[element] = None if element in ours else item
    shared = [element for element in rights if element in ours]
    wanted = iter(shared)
    upcoming = next(wanted, None)
    done: set[str] = set()
    merged: list[Any] = []
    left = right = 0
    while left < len(lefts) or right < len(rights):
        if left < len(lefts) and right < len(rights):
            element = lefts[left]
            if element == rights[right]:
                done.add(element)
                merged.append(merge(kind.element, ours[element], theirs[element]))
                left, right = left + 1, right + 1
                upcoming = next(wanted, None)
                continue
            if element in theirs and upcoming is not None and upcoming != element:
                left += 1
                continue
        if left < len(lefts):
            element = lefts[left]
            if element not in theirs:
                merged.append(live[left])
                left += 1
                continue
            if element in done:
                left += 1
        if right < len(rights):
            element = rights[right]
            done.add(element)
            merged.append(merge(kind.element, ours.get(element, ABSENT), theirs[element]))
            right += 1
            if upcoming == element:
                upcoming = next(wanted, None)
    if len(merged) == len(live) and all(map(is_, merged, live)):
        return live
    return merged


def _elements(kind: ListType, items: list[Any]) -> list[str]:
    found = []
    for index, item in enumerate(items):
        try:
            found.append(item_element(kind, item))
        except ItemError as error:
            raise MergeError([("", f"element {index}: {error}")]) from error
    return found


def remove(kind: Type, value: Any, removed: Fields) -> Any:
    """The value without the members of a set; null where a container lost everything."""
    if not removed:
        return value
    choice = handled(kind, kind_of(kind, value))
    if choice == "map":
        if not isinstance(value, dict) or not value or kind.map is None or kind.map.atomic:
            return None
        return _remove_from_map(kind.map, value, removed)
    if choice == "list":
        if not isinstance(value, list) or not value or kind.list is None or not kind.list.associative:
            return None
        return _remove_from_list(kind.list, value, removed)
    return value


def _remove_from_map(kind: MapType, value: Mapping[str, Any], removed: Fields) -> Mapping[str, Any] | None:
    rest: dict[str, Any] = {}
    for name, inner in value.items():
        node = removed.get("f:" + name)
        if node is None:
            rest[name] = inner
        elif not fields.is_member(node):
            rest[name] = remove(kind.fields.get(name) or kind.element or UNDECLARED, inner, node)
    return rest or None


def _remove_from_list(kind: ListType, value: list[Any], removed: Fields) -> list[Any] | None:
    rest = []
    for item in value:
        node = removed.get(item_element(kind, item))
        if node is None:
            rest.append(item)
        elif not fields.is_member(node):
            rest.append(remove(kind.element, item, node))
    return rest or None


def named_members(kind: Type | None, owned: Fields) -> Fields:
    """The set with every declared field above a member made a member."""
    ensured: dict[str, Any] = {}
    for element, node in owned.items():
        below = fields.children(node)
        if not below:
            ensured[element] = node
            continue
        inner, declared = _below(kind, element)
        deeper = named_members(inner, below)
        ensured[element] = as_member(dict(deeper)) if declared or fields.is_member(node) else deeper
    return ensured


def _below(kind: Type | None, element: str) -> tuple[Type | None, bool]:
    """The type of an element of this type, and whether it is a declared field."""
    if kind is None:
        return None, False
    if element.startswith("f:") and kind.map is not None:
        member = kind.map.fields.get(element[2:])
        return (member or kind.map.element), member is not None
    if element.startswith("k:") and kind.list is not None:
        return kind.list.element, False
    return None, False


def reconciled(kind: Type, owned: Fields) -> Fields:
    """The set after lists or maps of the schema became atomic: who owned parts now owns the whole. The same set
    where nothing changed.
    """
    done = _reconciled(kind, owned, whole=False)
    return fields.NOTHING if done is None else done


def _reconciled(kind: Type, owned: Fields, *, whole: bool) -> Fields | None:
    """whole: whether the path is owned as one value. None: own it as one value from now on."""
    choice = handled(kind, "any") if kind.map is not None else handled(kind, kind_of(kind, None))
    if choice == "map" and kind.map is not None:
        if kind.map.deduced:
            return owned
        if kind.map.atomic and not whole:
            return None if owned else owned
        return _reconciled_below(owned, lambda element: _map_member(kind, element))
    if choice == "list" and kind.list is not None:
        if not whole and not kind.list.associative:
            return None
        element_type = kind.list.element
        return _reconciled_below(owned, lambda element: element_type)
    return owned


def _map_member(kind: Type, element: str) -> Type | None:
    if kind.map is None:
        return None
    return (kind.map.fields.get(element[2:]) if element.startswith("f:") else None) or kind.map.element


def _reconciled_below(owned: Fields, type_of: Any) -> Fields:
    changed: dict[str, Any] | None = None
    for element, node in owned.items():
        kind = type_of(element) if element != "." else None
        if kind is None:
            continue
        below = fields.children(node)
        fitted = _reconciled(kind, below, whole=fields.is_member(node) and not below)
        if fitted is below:
            continue
        if changed is None:
            changed = dict(owned)
        if fitted is None:
            changed[element] = {}
        else:
            changed[element] = as_member(dict(fitted)) if fields.is_member(node) else fitted
    return owned if changed is None else changed
