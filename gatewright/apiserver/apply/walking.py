"""A value under its type: whether it fits, and which fields it has.

`validate` finds what does not fit a type, with the texts of structured-merge-diff; `field_set` tells the fields that an
applied value owns. Called by `applying` and `last_applied`.
"""

from __future__ import annotations

import json
from typing import Any

from gatewright.apiserver.apply import fields
from gatewright.apiserver.apply.fields import Fields
from gatewright.apiserver.apply.fitting import ItemError, fits, handled, item_element, kind_of
from gatewright.apiserver.apply.types import UNDECLARED, ListType, MapType, Type

Errors = list[tuple[str, str]]

_NO_ERRORS: Errors = []


# -- validation


def validate(kind: Type, value: Any, *, duplicates: bool = False) -> Errors:
    """What of a value does not fit, as (path, text). duplicates: whether items of sets and map lists may repeat."""
    return _NO_ERRORS if fits(kind, value, duplicates) else _validate(kind, value, duplicates)


def _validate(kind: Type, value: Any, duplicates: bool) -> Errors:
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
    if not isinstance(value, dict):
        return [("", f"expected map, got {_plain(value)}")]
    errors: Errors = []
    for name, inner in value.items():
        member = kind.fields.get(name) or kind.element
        if member is None:
            errors.append(("." + name, "field not declared in schema"))
            # The real server stops at the first undeclared field of a level.
            break
        below = _validate(member, inner, duplicates)
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
        below = _validate(kind.element, item, duplicates)
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
    if isinstance(value, dict):
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
    if isinstance(value, dict):
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
        return _map_node(kind.map, value) if isinstance(value, dict) else None
    if kind.list is None or not kind.list.associative:
        return {}
    return _list_node(kind.list, value) if isinstance(value, list) else None


def _map_node(kind: MapType, value: dict[str, Any]) -> dict[str, Any] | None:
    node: dict[str, Any] = {}
    declared = kind.fields
    for name, inner in value.items():
        member = declared.get(name)
        below = _node(member or kind.element or UNDECLARED, inner)
        if member is None or inner is None or (isinstance(inner, dict) and not inner):
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
