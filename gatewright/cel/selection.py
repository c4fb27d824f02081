"""Reading inside values: fields, indexes, presence and optional chains, with cel-go's rules for what is absent.

Both evaluators call these. Notable: selecting on a scalar or on null misses the key, and has() on them is false; an
index into a list may be any number that is whole.
"""

from __future__ import annotations

from typing import Any

from gatewright.cel.conversions import double_text
from gatewright.cel.errors import EvalError
from gatewright.cel.operators import find
from gatewright.cel.types import Type
from gatewright.cel.values import NONE, LazyFields, Optional, Uint, type_name

_KEYS = frozenset({str, int, Uint, bool, float})
_MISSING = object()


def shown(value: Any) -> str:
    """A key or an index as errors print it."""
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is float:
        return double_text(value)
    return str(int(value)) if type(value) is Uint else str(value)


def _probe(value: Any, key: Any) -> Any:
    """The value at a key or an index; _MISSING where it is absent. Raises EvalError for a key of no use."""
    check_key(key)
    if type(value) is dict:
        found, inner = find(value, key)
        return inner if found else _MISSING
    if type(value) is list:
        index = _index(key)
        return value[index] if 0 <= index < len(value) else _MISSING
    if isinstance(value, LazyFields):
        return value.read(key) if value.has(key) else _MISSING
    return _MISSING


def check_key(key: Any) -> None:
    """Raise EvalError for what can be neither a key nor an index."""
    if type(key) not in _KEYS:
        raise EvalError(f"invalid qualifier type: {_go_type(key)}")


def _index(key: Any) -> int:
    if type(key) is int:
        return key
    if type(key) is Uint or type(key) is float:
        if key != key or key in (float("inf"), float("-inf")) or int(key) != key or abs(int(key)) >= 1 << 63:
            raise EvalError(f"unsupported index value {shown(key)} in list")
        return int(key)
    raise EvalError(f"unsupported index type '{type_name(key)}' in list")


def _go_type(key: Any) -> str:
    names = {type(None): "types.Null", bytes: "types.Bytes", Type: "*types.Type", list: "*types.baseList"}
    names |= {dict: "*types.baseMap", Optional: "*types.Optional"}
    return names.get(type(key), f"types.{type(key).__name__}")


def missing(value: Any, key: Any) -> EvalError:
    """The error for a key or an index that is not there."""
    if type(value) is list:
        return EvalError(f"index out of bounds: {shown(key)}")
    return EvalError(f"no such key: {shown(key)}")


def get(value: Any, key: Any) -> Any:
    """value[key] or value.key, of what is no optional."""
    if type(value) is dict and type(key) is str:
        if key in value:
            return value[key]
        raise EvalError(f"no such key: {key}")
    found = _probe(value, key)
    if found is _MISSING:
        raise missing(value, key)
    return found


def get_optional(value: Any, key: Any) -> Optional:
    """value[?key] or value.?key, of what is no optional."""
    found = _probe(value, key)
    return NONE if found is _MISSING else Optional(found)


def has(value: Any, key: str) -> bool:
    """has(value.key), of what is no optional."""
    if type(value) is dict:
        return key in value
    return _probe(value, key) is not _MISSING
