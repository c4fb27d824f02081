"""A value under its type: whether it fits, and which fields it has.

`validate` finds what does not fit a type, with the texts of structured-merge-diff; `field_set` tells the fields that an
applied value owns. Both choose among a type's alternatives by what the value is, as `kind_of` does for all walks of
this folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gatewright.apiserver.apply import fields
from gatewright.apiserver.apply.fields import Fields
from gatewright.apiserver.apply.types import ListType, MapType, Type

Errors = list[tuple[str, str]]

_NO_ERRORS: Errors = []


class ItemError(ValueError):
    """A list item that has no place in its set or map."""


def kind_of(kind: Type, value: Any) -> str:
    """Which of a type's alternatives a value takes: "map", "list" or "scalar"; "any" where it is of none and there
    are several.
    """
    if value is not None:
        if isinstance(value, Mapping):
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
        if isinstance(item, Mapping):
            raise ItemError("associative list without keys has an element that's a map type")
        if isinstance(item, list):
            raise ItemError("not supported: associative list with lists as elements")
        if item is None:
            raise ItemError("associative list without keys has an element that's an explicit null")
        return fields.valued(item)
    if item is None:
        raise ItemError("associative list with keys may not have a null element")
    if not isinstance(item, Mapping):
        raise ItemError("associative list with keys may not have non-map elements")
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


# -- validation


def validate(kind: Type, value: Any, *, duplicates: bool = False) -> Errors:
    """What of a value does not fit, as (path, text). duplicates: whether items of sets and map lists may repeat."""
    choice = handled(kind, kind_of(kind, value))
    if choice == "scalar":
        text = scalar_error(kind.scalar, value)
        return [("", text)] if text else _NO_ERRORS
    if choice == "map":
        return _validate_map(kind.map, value, duplicates) if kind.map else _NO_ERRORS
    return _validate_list(kind.list, value, duplicates) if kind.list else _NO_ERRORS


def _validate_map(kind: MapType, value: Any, duplicates: bool) -> Errors:
    if value is None:
        return _NO_ERRORS
    if not isinstance(value, Mapping):
        return [("", f"expected map, got {_plain(value)}")]
    errors: Errors = []
    for name, inner in value.items():
        member = kind.fields.get(name) or kind.element
        if member is None:
            errors.append(("." + name, "field not declared in schema"))
            # The real server stops at the first undeclared field of a level.
            break
        below = validate(member, inner, duplicates=duplicates)
        if below:
            errors.extend((f".{name}{path}", text) for path, text in below)
    return errors


def _validate_list(kind: ListType, value: Any, duplicates: bool) -> Errors:
    if value is None:
        return _NO_ERRORS
    if not isinstance(value, list):
        return [("", f"expected list, got {_plain(value)}")]
    errors: Errors = []
    seen: set[str] = set()
    for index, item in enumerate(value):
        element = fields.indexed(index)
        if kind.associative:
            try:
                element = item_element(kind, item)
            except ItemError as error:
                errors.append(("", f"element {index}: {error}"))
                return errors
            if element in seen and not duplicates:
                errors.append(("", f"duplicate entries for key {fields.shown(element)}"))
            seen.add(element)
        below = validate(kind.element, item, duplicates=duplicates)
        if below:
            errors.extend((fields.shown(element) + path, text) for path, text in below)
    return errors


def error_text(errors: Errors) -> str:
    """Errors as one text: one alone on a line, several under a heading."""
    lines = [f"{path}: {text}" if path else text for path, text in errors]
    return lines[0] if len(lines) == 1 else "\n".join(["errors:", *(f"  {line}" for line in lines)])


def scalar_error(scalar: str, value: Any) -> str:
    if value is None:
        return ""
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if scalar == "numeric":
        return "" if numeric else f"expected numeric (int or float), got {_go_type(value)}"
    if scalar == "string":
        return (
            ""
            if isinstance(value, str)
            else f"expected string, got &value.valueUnstructured{{Value:{_go_syntax(value)}}}"
        )
    if scalar == "boolean":
        return "" if isinstance(value, bool) else f"expected boolean, got {_plain(value)}"
    return "" if numeric or isinstance(value, str | bool) else f"expected any scalar, got {_plain(value)}"


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"


def _go_syntax(value: Any) -> str:
    """Go's %#v of a decoded JSON value."""
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, str):
        return fields.quoted(value)
    if isinstance(value, Mapping):
        return (
            "map[string]interface {}{"
            + ", ".join(f"{fields.quoted(k)}:{_go_syntax(value[k])}" for k in sorted(value))
            + "}"
        )
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(_go_syntax, value)) + "}"
    return json.dumps(value)


def _plain(value: Any) -> str:
    return "&{" + go_plain(value) + "}"


def go_plain(value: Any) -> str:
    """Go's %v of a decoded JSON value."""
    if value is None:
        return "<nil>"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{name}:{go_plain(value[name])}" for name in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_plain, value)) + "]"
    return json.dumps(value)


# -- the fields of a value


def field_set(kind: Type, value: Any) -> Fields:
    """The fields of a valid value; the root itself is no member."""
    return _node(kind, value) or fields.NOTHING


def _node(kind: Type, value: Any) -> dict[str, Any] | None:
    """The node of a value: None nothing, {} the value itself, otherwise what is below it."""
    choice = handled(kind, kind_of(kind, value))
    if choice == "scalar":
        return {}
    if choice == "map":
        if kind.map is None or kind.map.atomic:
            return {}
        return _map_node(kind.map, value) if isinstance(value, Mapping) else None
    if kind.list is None or not kind.list.associative:
        return {}
    return _list_node(kind.list, value) if isinstance(value, list) else None


def _map_node(kind: MapType, value: Mapping[str, Any]) -> dict[str, Any] | None:
    node: dict[str, Any] = {}
    declared = kind.fields
    for name, inner in value.items():
        member = declared.get(name)
        below = _node(member or kind.element or fields_fallback, inner)
        if member is None or inner is None or (isinstance(inner, Mapping) and not inner):
            below = as_member(below)
        if below is not None:
            node["f:" + name] = below
    return node or None


def _list_node(kind: ListType, value: list[Any]) -> dict[str, Any] | None:
    node: dict[str, Any] = {}
    repeated: set[str] = set()
    for item in value:
        element = item_element(kind, item)
        if element in node:
            repeated.add(element)
        else:
            node[element] = as_member(_node(kind.element, item))
    for element in repeated:
        node[element] = {}
    return node or None


def as_member(node: dict[str, Any] | None) -> dict[str, Any]:
    """The same node, itself a member."""
    if not node or "." in node:
        return node or {}
    return {".": {}, **node}


# A field that no schema declares owns itself only; `validate` has refused it before.
fields_fallback = Type("untyped")
