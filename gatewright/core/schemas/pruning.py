"""Drops the fields that a schema does not know, and tells their paths for fieldValidation.

Called for custom resources before defaulting. Values are not changed: what keeps all its fields is shared.
apiVersion, kind and metadata of the object itself and of embedded resources stay. Source: Kubernetes "Field pruning".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.core.schemas.nodes import Node

META = frozenset({"apiVersion", "kind", "metadata"})


def prune(node: Node, value: Any, *, root: bool = True) -> tuple[Any, tuple[str, ...]]:
    """The value without unknown fields, and the sorted paths of those.

    root: the value is a whole object; False for a part such as a default.
    """
    unknown: list[str] = []
    pruned = _prune(node, value, "", unknown, root)
    return pruned, tuple(sorted(unknown))


def _prune(node: Node | bool | None, value: Any, path: str, unknown: list[str], embedded: bool = False) -> Any:
    if isinstance(value, Mapping):
        if not isinstance(node, Node):
            unknown += [_join(path, key) for key in value if path or key not in META]
            return {} if value else value
        return _prune_object(node, value, path, unknown, embedded or node.embedded)
    if isinstance(value, list | tuple):
        if isinstance(node, Node) and node.preserve:
            below: Node | None = node.items
            kept = [_skip(below, each, f"{path}[{i}]", unknown) for i, each in enumerate(value)]
        else:
            items = node.items if isinstance(node, Node) else None
            kept = [_prune(items, each, f"{path}[{i}]", unknown) for i, each in enumerate(value)]
        return value if all(new is old for new, old in zip(kept, value, strict=True)) else kept
    return value


def _skip(node: Node | None, value: Any, path: str, unknown: list[str]) -> Any:
    """Inside a part that keeps unknown fields: only declared fields are pruned further."""
    if node is None:
        return value
    if isinstance(value, Mapping):
        return _prune_object(node, value, path, unknown, node.embedded, keep=True)
    if isinstance(value, list | tuple):
        kept = [_skip(node.items, each, f"{path}[{i}]", unknown) for i, each in enumerate(value)]
        return value if all(new is old for new, old in zip(kept, value, strict=True)) else kept
    return value


def _prune_object(
    node: Node, value: Mapping[str, Any], path: str, unknown: list[str], embedded: bool, keep: bool = False
) -> Any:
    keep = keep or node.preserve
    properties = node.properties
    additional = node.additional
    changed: dict[str, Any] = {}
    dropped: list[str] = []
    for key, each in value.items():
        if embedded and key in META:
            continue
        below: Node | bool | None = properties.get(key)
        if below is None:
            if additional is None:
                if not keep:
                    dropped.append(key)
                continue
            below = additional
        if isinstance(each, Mapping | list | tuple):
            pruned = _prune(below, each, _join(path, key), unknown)
            if pruned is not each:
                changed[key] = pruned
    unknown += [_join(path, key) for key in dropped if path or key not in META]
    if not changed and not dropped:
        return value
    return {key: changed.get(key, each) for key, each in value.items() if key not in dropped}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
