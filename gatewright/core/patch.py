"""JSON patch (RFC 6902) and JSON merge patch (RFC 7386) on JSON values, with the API server's liberties.

The API server applies both with evanphx/json-patch, version 4, whose readings are kept here: replacing an absent key
adds it, copying one gives null, indexes may be negative, the text before a path's first slash is not looked at. Values
are never changed in place: what is returned shares structure with what was given. Called by the API server's handlers;
decoding the body is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# More operations than these are refused unread.
MOST_OPERATIONS = 10000

_INDEX = re.compile(r"[+-]?[0-9]+")


class PatchError(Exception):
    """A patch that can't be applied; str() says why."""


class PatchMalformed(PatchError):
    """It is no patch at all: 400 BadRequest with this text."""


class PatchTooLarge(PatchError):
    """It has too many operations: 413 RequestEntityTooLarge with this text."""


class PatchNotApplicable(PatchError):
    """A test failed or a path is missing: 422, in which the API server keeps this text to itself."""


def json_patch(document: Any, operations: Any) -> Any:
    """The document after the operations, in their order.

    Raises PatchMalformed, PatchTooLarge, PatchNotApplicable.
    """
    if not isinstance(operations, Sequence) or isinstance(operations, str):
        raise PatchMalformed("a JSON patch must be an array of operations")
    if not all(isinstance(operation, Mapping) for operation in operations):
        raise PatchMalformed("each operation of a JSON patch must be an object")
    if len(operations) > MOST_OPERATIONS:
        limit = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}"
        raise PatchTooLarge(f"{limit}, got {len(operations)}")
    for operation in operations:
        kind = operation.get("op")
        apply = _OPERATIONS.get(kind) if isinstance(kind, str) else None
        if apply is None:
            raise PatchNotApplicable(f"Unexpected kind: {kind}")
        document = apply(document, operation)
    return document


def merge_patch(document: Any, patch: Any) -> Any:
    """The document with the patch merged in: null deletes, objects merge, anything else replaces. Raises
    PatchMalformed.
    """
    if not isinstance(patch, Mapping) or not isinstance(document, Mapping):
        raise PatchMalformed("Invalid JSON Patch")
    return _merged(document, patch)


def _merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = dict(document)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
            continue
        current = merged.get(name)
        if isinstance(current, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(current, value)
        elif isinstance(current, Mapping):
            merged[name] = value
        else:
            merged[name] = _without_nulls(value)
    return merged


def _without_nulls(value: Any) -> Any:
    """A value that comes in whole: null members of its objects were deletions; null items of arrays stay."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


# -- the operations of a JSON patch

_Operation = Mapping[str, Any]


class _Missing:
    """The type of _MISSING: no such key, which null is not."""


_MISSING = _Missing()


def _add(document: Any, operation: _Operation) -> Any:
    path = _text(operation, "path")
    return _changed(document, _split(path), lambda holder, key: _added(holder, key, operation.get("value")))


def _remove(document: Any, operation: _Operation) -> Any:
    return _changed(document, _split(_text(operation, "path")), _removed)


def _replace(document: Any, operation: _Operation) -> Any:
    path = _text(operation, "path")
    value = operation.get("value")
    if path == "":
        if not isinstance(value, Mapping | list):
            raise PatchNotApplicable("replace operation value must be object or array")
        return value

    def set_key(holder: Any, key: str) -> Any:
        _found(holder, key)
        if isinstance(holder, Mapping):
            return {**holder, key: value}
        items = list(holder)
        items[int(key)] = value
        return items

    return _changed(document, _split(path), set_key)


def _move(document: Any, operation: _Operation) -> Any:
    source = _split(_text(operation, "from"))
    value = _looked_up(document, source)
    document = _changed(document, source, _removed)
    target = _split(_text(operation, "path"))
    return _changed(document, target, lambda holder, key: _added(holder, key, value))


def _copy(document: Any, operation: _Operation) -> Any:
    value = _looked_up(document, _split(_text(operation, "from")))
    copied = None if value is _MISSING else value
    return _changed(document, _split(_text(operation, "path")), lambda holder, key: _added(holder, key, copied))


def _test(document: Any, operation: _Operation) -> Any:
    path = _text(operation, "path")
    wanted = operation.get("value")
    actual = document if path == "" else _looked_up(document, _split(path))
    if not _equal(None if actual is _MISSING else actual, wanted):
        raise PatchNotApplicable(f"testing value {path} failed")
    return document


_OPERATIONS: dict[str, Callable[[Any, _Operation], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "test": _test,
    "copy": _copy,
}


def _text(operation: _Operation, name: str) -> str:
    value = operation.get(name)
    if not isinstance(value, str):
        raise PatchNotApplicable(f"operation missing {name} field")
    return value


def _split(path: str) -> list[str]:
    """The keys of a path. Nothing but the whole document has none, which only replace and test can name."""
    parts = path.split("/")[1:]
    if not parts:
        raise PatchNotApplicable(f"doc is missing path: {path}")
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _changed(document: Any, keys: list[str], change: Callable[[Any, str], Any]) -> Any:
    """The document with the holder of the last key changed, copied along the way."""
    if len(keys) == 1:
        _must_hold(document, keys[0])
        return change(document, keys[0])
    inner = _found(document, keys[0])
    if not isinstance(inner, Mapping | list):
        raise PatchNotApplicable(f"doc is missing path: {keys[0]}")
    done = _changed(inner, keys[1:], change)
    if isinstance(document, Mapping):
        return {**document, keys[0]: done}
    items = list(document)
    items[_index(keys[0])] = done
    return items


def _looked_up(document: Any, keys: list[str]) -> Any:
    for key in keys[:-1]:
        document = _found(document, key)
        _must_hold(document, key)
    return _found(document, keys[-1])


def _must_hold(holder: Any, key: str) -> None:
    if not isinstance(holder, Mapping | list):
        raise PatchNotApplicable(f"doc is missing path: {key}")


def _found(holder: Any, key: str) -> Any:
    _must_hold(holder, key)
    if isinstance(holder, Mapping):
        return holder.get(key, _MISSING)
    index = _index(key)
    if not -len(holder) <= index < len(holder):
        raise PatchNotApplicable(f"Unable to access invalid index: {index}")
    return holder[index]


def _added(holder: Any, key: str, value: Any) -> Any:
    if isinstance(holder, Mapping):
        return {**holder, key: value}
    items = list(holder)
    if key == "-":
        return [*items, value]
    index = _index(key)
    room = len(items) + 1
    if not -room <= index < room:
        raise PatchNotApplicable(f"Unable to access invalid index: {index}")
    items.insert(index if index >= 0 else index + room, value)
    return items


def _removed(holder: Any, key: str) -> Any:
    if _found(holder, key) is _MISSING:
        raise PatchNotApplicable(f"Unable to remove nonexistent key: {key}")
    if isinstance(holder, Mapping):
        return {name: value for name, value in holder.items() if name != key}
    items = list(holder)
    del items[_index(key)]
    return items


def _index(key: str) -> int:
    if not _INDEX.fullmatch(key):
        raise PatchNotApplicable(f"value was not a proper array index: '{key}'")
    return int(key)


def _equal(left: Any, right: Any) -> bool:
    """Equality of JSON texts: 1, 1.0 and true are three values."""
    if isinstance(left, Mapping):
        return (
            isinstance(right, Mapping)
            and len(left) == len(right)
            and all(name in right and _equal(value, right[name]) for name, value in left.items())
        )
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(_equal, left, right))
    return type(left) is type(right) and bool(left == right)
