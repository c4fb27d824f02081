"""Fills in defaults and drops nulls that a schema does not allow.

Called for custom resources on requests and when objects are read from storage. Values are not changed: untouched
parts are shared, and defaults are shared with the schema (values are immutable by contract). Source: Kubernetes
"Defaulting and Nullable".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.core.schemas.nodes import NO_DEFAULT, Node


def default(node: Node | None, value: Any) -> Any:
    """The value with defaults; a null that may not be null counts as absent where there is a default."""
    if node is None:
        return value
    if isinstance(value, Mapping):
        return _default_object(node, value)
    if isinstance(value, list | tuple) and node.items is not None:
        items = node.items
        made = [default(items, _instead_of_null(items, each)) for each in value]
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made
    return value


def _default_object(node: Node, value: Mapping[str, Any]) -> Any:
    changed: dict[str, Any] = {}
    for key, below in node.properties.items():
        if below.default is not NO_DEFAULT and (key not in value or (value[key] is None and not below.nullable)):
            changed[key] = default(below, below.default)
    for key, each in value.items():
        if key in changed:
            continue
        found = node.below(key)
        if found is None or (each is not None and not isinstance(each, Mapping | list | tuple)):
            continue
        made = default(found, each if key in node.properties else _instead_of_null(found, each))
        if made is not each:
            changed[key] = made
    return {**value, **changed} if changed else value


def _instead_of_null(node: Node, value: Any) -> Any:
    return node.default if value is None and not node.nullable and node.default is not NO_DEFAULT else value


def drop_nulls(node: Node | None, value: Any) -> Any:
    """The value without fields that are null, may not be and have no default; nulls of unknown fields stay."""
    if isinstance(value, Mapping):
        changed: dict[str, Any] = {}
        dropped: list[str] = []
        for key, each in value.items():
            below = node.below(key) if node is not None else None
            if each is None:
                if below is not None and not below.nullable and below.default is NO_DEFAULT:
                    dropped.append(key)
            elif isinstance(each, Mapping | list | tuple):
                made = drop_nulls(below, each)
                if made is not each:
                    changed[key] = made
        if not changed and not dropped:
            return value
        return {key: changed.get(key, each) for key, each in value.items() if key not in dropped}
    if isinstance(value, list | tuple):
        items = node.items if node is not None else None
        kept = [drop_nulls(items, each) for each in value]
        return value if all(new is old for new, old in zip(kept, value, strict=True)) else kept
    return value
