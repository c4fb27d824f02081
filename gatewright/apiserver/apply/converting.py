"""Whether a merged object fits the Go structs of its kind, and with which text the real server says that it does not.

A strategic merge patch is turned from maps into structs without JSON in between, so its complaints differ from those of
decoding. Source: apimachinery's runtime converter. Called by the handler of strategic merge patches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gatewright.apiserver.apply.builtin import BuiltinSchemas
from gatewright.apiserver.apply.types import Schema
from gatewright.core.objects import Object

# Types that read themselves; what they refuse is found when the object is decoded.
_OWN_READING = frozenset(
    {
        "api.resource.Quantity",
        "apiextensions.v1.JSON",
        "apiextensions.v1.JSONSchemaPropsOrArray",
        "apiextensions.v1.JSONSchemaPropsOrBool",
        "apiextensions.v1.JSONSchemaPropsOrStringArray",
        "meta.v1.FieldsV1",
        "meta.v1.MicroTime",
        "meta.v1.Time",
        "runtime.RawExtension",
        "util.intstr.IntOrString",
    }
)
_CONVERTIBLE = {
    ("int64", "string"): False,
    ("int64", "int32"): True,
    ("int64", "float64"): True,
    ("float64", "float32"): True,
}


def conversion_fault(schemas: BuiltinSchemas, api_version: str, kind: str, thing: Object) -> str:
    """The text of the first field of a wrong type; "" where all fit. Raises KeyError for a kind that is not built
    in.
    """
    return _fault(schemas, {"$ref": schemas.kinds[api_version][kind]}, thing)


def _fault(schemas: BuiltinSchemas, schema: Schema, value: Any) -> str:
    if value is None or schema.get("$ref") in _OWN_READING:
        return ""
    schema = schemas.resolved(schema)
    kind = schema.get("type", "")
    properties = schema.get("properties")
    pairs: Iterable[tuple[Any, Any]] = ()
    if properties:
        if not isinstance(value, dict):
            return f"cannot restore struct from: {_go_kind(value)}"
        pairs = ((member, value[name]) for name, member in properties.items() if name in value)
    elif kind == "object":
        if not isinstance(value, dict):
            return f"cannot restore map from {_go_kind(value)}"
        others = schema.get("additionalProperties")
        if isinstance(others, dict):
            pairs = ((others, inner) for inner in value.values())
    elif kind == "array":
        if not isinstance(value, list):
            return f"cannot restore slice from {_go_kind(value)}"
        pairs = ((schema["items"], item) for item in value)
    else:
        return _scalar_fault(schema, value)
    return next(filter(None, (_fault(schemas, member, inner) for member, inner in pairs)), "")


def _scalar_fault(schema: Schema, value: Any) -> str:
    wanted = _go_scalar(schema)
    if wanted == "[]byte":
        return "" if isinstance(value, str) else f"cannot restore slice from {_go_kind(value)}"
    given = _go_kind(value)
    if not wanted or given == wanted:
        return ""
    if given == "float64" and wanted in ("int32", "int64"):
        return "" if value == int(value) else f"cannot convert float64 to {wanted}"
    converts = _CONVERTIBLE.get((given, wanted))
    if converts is None:
        return f"unrecognized type: {wanted}"
    return "" if converts else f"cannot convert {given} to {wanted}"


def _go_scalar(schema: Schema) -> str:
    kind, form = schema.get("type", ""), schema.get("format", "")
    if kind == "integer":
        return "int32" if form == "int32" else "int64"
    if kind == "number":
        return "float64"
    if kind == "string":
        return "[]byte" if form == "byte" else "string"
    return "bool" if kind == "boolean" else ""


def _go_kind(value: Any) -> str:
    for kind, name in ((bool, "bool"), (int, "int64"), (float, "float64"), (str, "string"), (list, "slice")):
        if isinstance(value, kind):
            return name
    return "map"
