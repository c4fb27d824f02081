"""Uniqueness in lists of type set and map.

Called for custom resources behind the schema's own checks. Source: Kubernetes "Merge strategy"
(x-kubernetes-list-type) and the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.core import go_text
from gatewright.core.field_errors import FieldError, Path, duplicate, invalid
from gatewright.core.schemas.nodes import Node


def duplicates(node: Node, value: Any, path: Path | None = None) -> list[FieldError]:
    """Errors at items that repeat an earlier one; each repeated item is told once."""
    errors: list[FieldError] = []
    _walk(node, value, path or Path(), errors)
    return errors


def _walk(node: Node | None, value: Any, path: Path, errors: list[FieldError]) -> None:
    if node is None:
        return
    if isinstance(value, Mapping):
        if isinstance(node.additional, Node):
            for key in sorted(value):
                _walk(node.additional, value[key], path.key(key), errors)
        for key, below in node.properties.items():
            each = value.get(key)
            if isinstance(each, Mapping | list | tuple):
                _walk(below, each, path.child(key), errors)
    elif isinstance(value, list | tuple):
        if node.list_type == "set":
            errors += [duplicate(path.index(i), value[i]) for i in _repeated(value)]
        elif node.list_type == "map":
            errors += _map_errors(node, value, path)
        if node.items is not None:
            for i, each in enumerate(value):
                if isinstance(each, Mapping | list | tuple):
                    _walk(node.items, each, path.index(i), errors)


def _map_errors(node: Node, value: Sequence[Any], path: Path) -> list[FieldError]:
    for i, item in enumerate(value):
        if item is not None and not isinstance(item, Mapping):
            return [invalid(path.index(i), item, "must be an object for an array of list-type map")]
    keys = [{name: item[name] for name in node.list_keys if name in item} if item else {} for item in value]
    return [duplicate(path.index(i), keys[i]) for i in _repeated(keys)]


def _repeated(items: Sequence[Any]) -> list[int]:
    """Where an item stands for the second time."""
    seen: dict[str, int] = {}
    found: list[int] = []
    for i, item in enumerate(items):
        text = go_text.json_text(item)
        if isinstance(item, float):
            text = f"float {text}"  # Go tells 1 and 1.0 apart
        times = seen.get(text, 0)
        if times == 1:
            found.append(i)
        seen[text] = times + 1
    return found
