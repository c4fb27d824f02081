"""Types of CEL: what declarations state, what the checker deduces, and values of the language themselves.

`checker` unifies them, `declarations` writes signatures with them, `values` tells which type a value has. The two
printed forms are cel-go's: `format_type` is that of the checker's errors, `str()` that of result types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Type:
    """A type. kind: its sort; name: its name at run time; parameters: of list, map, type, optional_type.

    Kinds: bool, int, uint, double, string, bytes, null, dyn, any, error, list, map, timestamp, duration, type, opaque,
    struct, param.
    """

    kind: str
    name: str
    parameters: tuple[Type, ...] = ()

    def __str__(self) -> str:
        if not self.parameters:
            return f"wrapper({self.name})" if self.kind == "wrapper" else self.name
        return f"{self.name}({', '.join(map(str, self.parameters))})"


BOOL = Type("bool", "bool")
INT = Type("int", "int")
UINT = Type("uint", "uint")
DOUBLE = Type("double", "double")
STRING = Type("string", "string")
BYTES = Type("bytes", "bytes")
NULL = Type("null", "null_type")
DYN = Type("dyn", "dyn")
ANY = Type("any", "google.protobuf.Any")
ERROR = Type("error", "!error!")
TIMESTAMP = Type("timestamp", "google.protobuf.Timestamp")
DURATION = Type("duration", "google.protobuf.Duration")
TYPE = Type("type", "type")
LIST = Type("list", "list", (DYN,))
MAP = Type("map", "map", (DYN, DYN))
OPTIONAL = Type("opaque", "optional_type")

PRIMITIVES = frozenset({"bool", "int", "uint", "double", "string", "bytes"})


def list_of(element: Type) -> Type:
    """list(element)"""
    return Type("list", "list", (element,))


def map_of(key: Type, value: Type) -> Type:
    """map(key, value)"""
    return Type("map", "map", (key, value))


def optional_of(value: Type) -> Type:
    """optional_type(value)"""
    return Type("opaque", "optional_type", (value,))


def type_type(one: Type) -> Type:
    """type(one): the type of a type."""
    return Type("type", "type", (one,))


def opaque(name: str, *parameters: Type) -> Type:
    """A type that only a library's functions look into."""
    return Type("opaque", name, parameters)


def struct(name: str) -> Type:
    """A type with declared fields; `Structs` of the environment tells them."""
    return Type("struct", name)


def param(name: str) -> Type:
    """A type parameter."""
    return Type("param", name)


Fields = Mapping[str, Type]

_SHORT = {"any": "any", "duration": "duration", "error": "!error!", "null": "null", "timestamp": "timestamp"}


def format_type(one: Type) -> str:
    """The type as the checker's errors print it: timestamps and null by their short names."""
    short = _SHORT.get(one.kind)
    if short is not None:
        return short
    if not one.parameters:
        return str(one)
    return f"{one.name}({', '.join(map(format_type, one.parameters))})"


def format_call(arguments: list[Type], member: bool) -> str:
    """The types of a call's arguments: `(int, string)` or `string.(int)`."""
    target = ""
    if member:
        target, arguments = f"{format_type(arguments[0])}.", arguments[1:]
    return f"{target}({', '.join(map(format_type, arguments))})"
