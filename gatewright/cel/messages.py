"""Messages of google.protobuf that CEL knows by itself: wrappers, Struct, Value, ListValue, Duration and Timestamp.

They can be written as literals (`google.protobuf.Int32Value{value: 1}`) and are plain values at once. The checker asks
for their fields, the planner makes them. No other message exists in Kubernetes. Source: CEL's specification,
"Dynamic Values" and "Wrapper types".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from gatewright.cel.errors import EvalError
from gatewright.cel.operators import duration_of, timestamp_of
from gatewright.cel.types import (
    ANY,
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    LIST,
    STRING,
    UINT,
    Fields,
    Type,
    list_of,
    map_of,
)
from gatewright.cel.values import SECOND, Optional, Uint

_P = "google.protobuf."


def _wrapper(name: str, inner: Type) -> Type:
    return Type("wrapper", inner.name)


_WRAPPED: dict[str, Type] = {
    "BoolValue": BOOL,
    "BytesValue": BYTES,
    "DoubleValue": DOUBLE,
    "FloatValue": DOUBLE,
    "Int32Value": INT,
    "Int64Value": INT,
    "StringValue": STRING,
    "UInt32Value": UINT,
    "UInt64Value": UINT,
}
_ZERO: dict[str, Any] = {"bool": False, "bytes": b"", "double": 0.0, "int": 0, "string": "", "uint": Uint(0)}


TYPES: dict[str, Type] = {
    **{_P + name: _wrapper(name, inner) for name, inner in _WRAPPED.items()},
    _P + "Struct": map_of(STRING, DYN),
    _P + "Value": DYN,
    _P + "ListValue": LIST,
    _P + "Any": ANY,
    _P + "NullValue": INT,
}
FIELDS: dict[str, Fields] = {
    **{_P + name: {"value": inner} for name, inner in _WRAPPED.items()},
    _P + "Struct": {"fields": map_of(STRING, DYN)},
    _P + "Value": {
        "null_value": INT,
        "number_value": DOUBLE,
        "string_value": STRING,
        "bool_value": BOOL,
        "struct_value": map_of(STRING, DYN),
        "list_value": list_of(DYN),
    },
    _P + "ListValue": {"values": list_of(DYN)},
    _P + "Any": {"type_url": STRING, "value": BYTES},
    _P + "Duration": {"seconds": INT, "nanos": INT},
    _P + "Timestamp": {"seconds": INT, "nanos": INT},
}


def _bounded(value: Any, least: int, most: int, text: str) -> Any:
    if not least <= value <= most:
        raise EvalError(text)
    return value


def _float32(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _scalar(name: str, fields: dict[str, Any]) -> Any:
    value = fields.get("value", _ZERO[_WRAPPED[name].kind])
    if name == "Int32Value":
        return _bounded(value, -(1 << 31), (1 << 31) - 1, "integer overflow")
    if name == "UInt32Value":
        return _bounded(value, 0, (1 << 32) - 1, "unsigned integer overflow")
    return _float32(value) if name == "FloatValue" else value


def _value(fields: dict[str, Any]) -> Any:
    if not fields:
        return None
    name, value = next(reversed(fields.items()))
    if name == "null_value":
        return None
    return float(value) if name == "number_value" else value


def _json(value: Any) -> Any:
    """A value inside Struct or ListValue: numbers are doubles there."""
    if type(value) in (int, Uint):
        whole = int(value)
        return float(whole) if abs(whole) < 1 << 53 else str(whole)
    if type(value) is list:
        return [_json(one) for one in value]
    if type(value) is dict:
        return {str(key): _json(one) for key, one in value.items()}
    if type(value) is Optional:
        raise EvalError("unsupported conversion of an optional value")
    return value


_MAKERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Struct": lambda fields: _json(fields.get("fields", {})),
    "Value": lambda fields: _json(_value(fields)),
    "ListValue": lambda fields: _json(fields.get("values", [])),
    "Duration": lambda fields: duration_of(fields.get("seconds", 0) * SECOND + fields.get("nanos", 0)),
    "Timestamp": lambda fields: timestamp_of(fields.get("seconds", 0) * SECOND + fields.get("nanos", 0)),
}


def make_message(name: str, fields: dict[str, Any]) -> Any:
    """The value of a message literal. Raises EvalError."""
    short = name.removeprefix(_P)
    if short in _WRAPPED:
        return _scalar(short, fields)
    made = _MAKERS.get(short)
    if made is None:
        raise EvalError(f"unknown type: '{name}'")
    return made(fields)
