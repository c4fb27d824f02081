"""Values of CEL that Python lacks, and the types of all values as they are at run time.

A value is None, bool, int, Uint, float, str, bytes, list, dict, Duration, Timestamp, Type, Optional or an Opaque of a
library. Every part of the room works on these; callers give and get them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewright.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    LIST,
    MAP,
    NULL,
    OPTIONAL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Type,
)

SECOND = 1_000_000_000


class Uint(int):
    """An unsigned integer of 64 bits: equal to an int of the same value, but of another type."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Uint({int(self)})"


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time. nanos: 64 bits, signed."""

    nanos: int


class Timestamp:
    """A point in time. nanos: since 1970 in UTC; offset: seconds east of UTC of the zone it was written in."""

    __slots__ = ("nanos", "offset")

    def __init__(self, nanos: int, offset: int = 0) -> None:
        self.nanos = nanos
        self.offset = offset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and self.nanos == other.nanos

    def __lt__(self, other: Timestamp) -> bool:
        return self.nanos < other.nanos

    def __hash__(self) -> int:
        return hash(self.nanos)

    def __repr__(self) -> str:
        return f"Timestamp({self.nanos}, {self.offset})"


class Optional:
    """A value that may be absent. `NONE` is the absent one."""

    __slots__ = ("_value", "present")

    def __init__(self, value: Any = None, present: bool = True) -> None:
        self._value = value
        self.present = present

    @property
    def value(self) -> Any:
        """The value; None where it is absent (ask `present`)."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Optional) or self.present != other.present:
            return False
        return bool(not self.present or self._value == other._value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Optional({self._value!r})" if self.present else "NONE"


NONE = Optional(None, False)


@dataclass(frozen=True, slots=True)
class BoolKey:
    """A bool as the key of a map that has an equal number as a key too: Python takes True and 1 for the same key."""

    value: bool


def plain_key(key: Any) -> Any:
    """A map's key as a value of CEL."""
    return key.value if type(key) is BoolKey else key


def put(mapping: dict[Any, Any], key: Any, value: Any) -> None:
    """Set mapping[key], telling true from 1 and false from 0."""
    if key in (0, 1) and type(key) is not str and key in mapping:
        own = next(one for one in mapping if one == key)
        if type(key) is bool and type(own) is not bool:
            key = BoolKey(key)
        elif type(own) is bool and type(key) is not bool:
            mapping[BoolKey(own)] = mapping.pop(own)
    mapping[key] = value


class Opaque:
    """A value of a library's own type (a quantity, an address). `cel_type` is its type; `size` what its cost counts."""

    __slots__ = ()
    cel_type: Type

    def size(self) -> int:
        """How large the cost model takes the value to be."""
        return 1


class LazyFields:
    """A value whose fields are computed when they are read, such as a policy's `variables`."""

    __slots__ = ()
    cel_type: Type = Type("struct", "kubernetes.variables")

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        raise NotImplementedError

    def read(self, name: str) -> Any:
        """The field's value. Raises EvalError."""
        raise NotImplementedError


TYPES: dict[type, Type] = {
    bool: BOOL,
    int: INT,
    Uint: UINT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    type(None): NULL,
    list: LIST,
    dict: MAP,
    Duration: DURATION,
    Timestamp: TIMESTAMP,
    Type: TYPE,
    Optional: OPTIONAL,
}


def type_of(value: Any) -> Type:
    """The type of a value at run time, without parameters."""
    found = TYPES.get(type(value))
    if found is not None:
        return found
    kind: Type = value.cel_type
    return kind


def type_name(value: Any) -> str:
    """The type's name at run time, as errors print it."""
    return type_of(value).name
