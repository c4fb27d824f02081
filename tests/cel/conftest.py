"""Fixtures of the CEL tests: cel-spec's values as values of the engine, and environments from its declarations."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gatewright import cel
from gatewright.cel.conversions import parse_duration, parse_timestamp
from gatewright.cel.types import TYPE, optional_of, param, type_type

PRIMITIVES = {
    "BOOL": cel.BOOL,
    "INT64": cel.INT,
    "UINT64": cel.UINT,
    "DOUBLE": cel.DOUBLE,
    "STRING": cel.STRING,
    "BYTES": cel.BYTES,
}


def read_value(value: Mapping[str, Any]) -> Any:
    """A cel.expr.Value in protojson. Raises KeyError for a message that Kubernetes does not know."""
    ((kind, inner),) = value.items()
    match kind:
        case "null_value":
            return None
        case "int64_value":
            return int(inner)
        case "uint64_value":
            return cel.Uint(int(inner))
        case "double_value":
            return float(inner)
        case "bytes_value":
            return base64.b64decode(inner)
        case "list_value":
            return [read_value(one) for one in inner.get("values", [])]
        case "map_value":
            return {read_value(one["key"]): read_value(one["value"]) for one in inner.get("entries", [])}
        case "type_value":
            return cel.Type("", inner)
        case "object_value":
            return _object(inner)
        case "bool_value" | "string_value":
            return inner
    raise KeyError(kind)


def _object(value: Mapping[str, Any]) -> Any:
    name = value["@type"].rpartition("/")[2].removeprefix("google.protobuf.")
    inner = value.get("value")
    if name == "Duration":
        nanos = parse_duration(str(inner))
        assert nanos is not None
        return cel.Duration(nanos)
    if name == "Timestamp":
        found = parse_timestamp(str(inner))
        assert found is not None
        return cel.Timestamp(*found)
    if name in ("Int32Value", "Int64Value"):
        return int(str(inner))
    if name in ("UInt32Value", "UInt64Value"):
        return cel.Uint(int(str(inner)))
    if name in ("DoubleValue", "FloatValue"):
        return float(str(inner))
    if name == "BytesValue":
        return base64.b64decode(str(inner))
    if name in ("BoolValue", "StringValue", "Struct", "Value", "ListValue"):
        return _json(inner)
    raise KeyError(name)


def _json(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return float(value)
    return [_json(one) for one in value] if isinstance(value, list) else {k: _json(v) for k, v in value.items()}


def read_type(value: Mapping[str, Any]) -> cel.Type:
    """A cel.expr.Type in protojson."""
    ((kind, inner),) = value.items()
    match kind:
        case "primitive":
            return PRIMITIVES[inner]
        case "null":
            return cel.NULL
        case "dyn":
            return cel.DYN
        case "list_type":
            return cel.list_of(read_type(inner["elem_type"]))
        case "map_type":
            return cel.map_of(read_type(inner["key_type"]), read_type(inner["value_type"]))
        case "type":
            return type_type(read_type(inner)) if inner else TYPE
        case "well_known":
            return {"TIMESTAMP": cel.TIMESTAMP, "DURATION": cel.DURATION, "ANY": cel.DYN}[inner]
        case "wrapper":
            return cel.Type("wrapper", PRIMITIVES[inner].name)
        case "type_param":
            return param(inner)
        case "abstract_type":
            assert inner["name"] == "optional_type"
            return optional_of(read_type(inner["parameter_types"][0]))
    raise KeyError(kind)


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of the same type, at any depth; NaN equals NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right or (left != left and right != right)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        keys = {(type(key), key): value for key, value in right.items()}
        return len(left) == len(right) and all(
            (type(key), key) in keys and same(value, keys[type(key), key]) for key, value in left.items()
        )
    if isinstance(left, cel.Type):
        return bool(left.name == right.name)
    return bool(left == right)


@pytest.fixture
def kubernetes() -> Callable[..., cel.Environment]:
    """An environment with Kubernetes' libraries and the given variables."""

    def make(container: str = "", **variables: cel.Type) -> cel.Environment:
        return cel.Environment(variables, libraries=cel.KUBERNETES, container=container)

    return make
