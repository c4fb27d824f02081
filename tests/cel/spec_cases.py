"""cel-spec's cases read for the engine: values, types, declarations, and when two values are the same."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from gatewright import cel
from gatewright.cel import messages
from gatewright.cel.conversions import parse_duration, parse_timestamp
from gatewright.cel.declarations import Function, Library, function, member, overload
from gatewright.cel.types import TYPE, opaque, param, type_type

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
        case "message_type":
            return messages.TYPES[inner]
        case "abstract_type":
            return opaque(inner["name"], *map(read_type, inner.get("parameter_types", [])))
    raise KeyError(kind)


def read_function(declaration: Mapping[str, Any]) -> Function:
    """A function of a cel.expr.Decl, without implementation."""
    overloads = []
    for one in declaration["function"]["overloads"]:
        make = member if one.get("is_instance_function") else overload
        arguments = tuple(map(read_type, one.get("params", [])))
        overloads.append(make(one["overload_id"], arguments, read_type(one["result_type"])))
    return function(declaration["name"], *overloads)


def read_environment(case: Mapping[str, Any]) -> cel.Environment:
    """The environment of a case: Kubernetes' libraries and the case's declarations. Raises KeyError as read_value."""
    variables: dict[str, cel.Type] = {}
    functions = []
    for one in case.get("type_env", []):
        if "ident" in one:
            variables[one["name"]] = read_type(one["ident"]["type"])
        else:
            functions.append(read_function(one))
    if case.get("disable_check"):
        for name in case.get("bindings", {}):
            variables.setdefault(name, cel.DYN)
    libraries = cel.KUBERNETES | [Library(functions=tuple(functions))]
    return cel.Environment(variables, libraries=libraries, container=case.get("container", ""))


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
