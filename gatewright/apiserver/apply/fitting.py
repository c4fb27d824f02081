"""Which alternative of a type a value takes, where an item belongs, and whether a value fits at all.

`fits` is the fast answer for the usual case, that all is well: tests made once per type. `walking.validate` finds the
reasons. Values are decoded JSON: dict, list, str, int, float, bool, None. Called by all walks of this folder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewright.apiserver.apply import fields
from gatewright.apiserver.apply.types import DEDUCED, UNTYPED, ListType, MapType, Type


class ItemError(ValueError):
    """A list item that has no place in its set or map."""


def kind_of(kind: Type, value: Any) -> str:
    """Which of a type's alternatives a value takes: "map", "list" or "scalar"; "any" where it is of none and there
    are several.
    """
    if value is not None:
        if isinstance(value, dict):
            if kind.map is not None:
                return "map"
        elif isinstance(value, list):
            if kind.list is not None:
                return "list"
        elif kind.scalar:
            return "scalar"
    if kind.map is not None:
        return "map" if kind.list is None and not kind.scalar else "any"
    if kind.scalar:
        return "scalar" if kind.list is None else "any"
    return "list"


def handled(kind: Type, choice: str) -> str:
    """The alternative that is walked for "any": a map before a scalar before a list."""
    if choice != "any":
        return choice
    return "map" if kind.map is not None else "scalar"


def item_element(kind: ListType, item: Any) -> str:
    """The path element of an item of a set or of a map list. Raises ItemError."""
    if not kind.keys:
        if isinstance(item, dict):
            raise ItemError("associative list without keys has an element that's a map type")
        if isinstance(item, list):
            raise ItemError("not supported: associative list with lists as elements")
        if item is None:
            raise ItemError("associative list without keys has an element that's an explicit null")
        return fields.valued(item)
    if item is None:
        raise ItemError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise ItemError("associative list with keys may not have non-map elements")
    if len(kind.keys) == 1 and type(item.get(kind.keys[0])) is str:
        return fields.keyed_by_text(kind.keys[0], item[kind.keys[0]])
    keys: dict[str, Any] = {}
    for name in kind.keys:
        if name in item:
            keys[name] = item[name]
        elif kind.element.map is None:
            raise ItemError(f"couldn't find default value for {name}: associative list may not have non-map types")
        elif name in kind.element.map.defaults:
            keys[name] = kind.element.map.defaults[name]
    if not keys:
        names = "[" + " ".join(map(fields.quoted, kind.keys)) + "]"
        raise ItemError(
            f"associative list with keys has an element that omits all key fields {names}"
            " (and doesn't have default values for any key fields)"
        )
    return fields.keyed(keys)


# -- tests made once per type

Test = Callable[[Any], bool]


def fits(kind: Type, value: Any, duplicates: bool) -> bool:
    """Whether a value is valid. duplicates: whether items of sets and map lists may repeat."""
    return _test_of(kind, duplicates)(value)


def _test_of(kind: Type, duplicates: bool) -> Test:
    made = kind.tests.get(duplicates)
    if made is None:
        made = kind.tests[duplicates] = _made(kind, duplicates)
    return made


def _made(kind: Type, duplicates: bool) -> Test:
    if kind is DEDUCED or kind is UNTYPED:
        return _anything
    scalars = _SCALARS[kind.scalar]
    if kind.map is None and kind.list is None:
        return lambda value: value is None or type(value) in scalars
    of_map = _map_test(kind.map, duplicates) if kind.map is not None else _nothing
    of_list = _list_test(kind.list, duplicates) if kind.list is not None else _nothing

    def test(value: Any) -> bool:
        if isinstance(value, dict):
            return of_map(value)
        if isinstance(value, list):
            return of_list(value)
        return value is None or type(value) in scalars

    return test


_SCALARS: dict[str, frozenset[type]] = {
    "": frozenset(),
    "numeric": frozenset({int, float}),
    "string": frozenset({str}),
    "boolean": frozenset({bool}),
    "untyped": frozenset({int, float, str, bool}),
}


def _anything(_: Any) -> bool:
    return True


def _nothing(_: Any) -> bool:
    return False


def _map_test(kind: MapType, duplicates: bool) -> Test:
    known: dict[str, Test] = {}  # filled as fields are met: types may be cyclic

    def test(value: dict[str, Any]) -> bool:
        for name, inner in value.items():
            check = known.get(name)
            if check is None:
                member = kind.fields.get(name)
                if member is not None:
                    check = known[name] = _test_of(member, duplicates)
                elif kind.element is not None:
                    check = _test_of(kind.element, duplicates)
                else:
                    return False
            if not check(inner):
                return False
        return True

    return test


def _list_test(kind: ListType, duplicates: bool) -> Test:
    def test(value: list[Any]) -> bool:
        check = _test_of(kind.element, duplicates)
        if not all(map(check, value)):
            return False
        if not kind.associative:
            return True
        try:
            elements = [item_element(kind, item) for item in value]
        except ItemError:
            return False
        return duplicates or len(set(elements)) == len(elements)

    return test
