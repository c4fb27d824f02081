"""How the Go types of the built-in kinds stand on the wire: the shipped table, made by tools/builtin_wire.py.

`typed_decoding` reads JSON by it, `protobuf` binary bodies. Types are written "string", "int32", "*T" (pointer),
"[]T", "map:T" and
"core.v1.PodSpec" for structs and named types.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec


@dataclass(frozen=True, slots=True)
class Field:
    """name: in JSON; omit: "" always written, "o" left out when empty, "z" left out when zero; number: in protobuf;
    inline: its fields
    stand in the outer object in JSON (in protobuf it is a message of its own)."""

    name: str
    type: str
    omit: str
    number: int
    inline: bool


class Struct:
    """A Go struct. fields: as declared; flat: by JSON name, inlined ones included."""

    def __init__(self, name: str, fields: tuple[Field, ...], wire: Wire) -> None:
        self.name = name
        self.fields = fields
        self._wire = wire

    @cached_property
    def flat(self) -> dict[str, Field]:
        found: dict[str, Field] = {}
        for field in self.fields:
            if not field.inline:
                found[field.name] = field
                continue
            inner = self._wire.struct(field.type.lstrip("*"))
            if inner is not None:
                for name, one in inner.flat.items():
                    found.setdefault(name, one)
        return found

    @cached_property
    def by_number(self) -> dict[int, Field]:
        return {field.number: field for field in self.fields if field.number}

    @cached_property
    def always(self) -> tuple[Field, ...]:
        """The fields that stand in every encoded object: those not left out, and structs by value."""
        return tuple(
            field
            for field in self.flat.values()
            if field.omit == "" or (field.omit == "o" and self._wire.by_value(field.type))
        )


_LEAVES = frozenset({"api.resource.Quantity", "util.intstr.IntOrString", "runtime.RawExtension"})
_TIMES = frozenset({"meta.v1.Time", "meta.v1.MicroTime"})


class Wire:
    """The table.

    >>> Wire.read(data).struct("core.v1.Pod").flat["spec"].type
    'core.v1.PodSpec'
    """

    def __init__(self, types: Mapping[str, list[list[str | int]]], named: Mapping[str, str]) -> None:
        self._types = types
        self.named = named
        self._structs: dict[str, Struct] = {}

    @staticmethod
    def read(packed: bytes) -> Wire:
        """From the bytes of the shipped file builtin-wire.json.gz."""
        content = msgspec.json.decode(gzip.decompress(packed))
        return Wire(content["types"], content["named"])

    def struct(self, name: str) -> Struct | None:
        found = self._structs.get(name)
        if found is None:
            raw = self._types.get(name)
            if raw is None:
                return None
            fields = tuple(
                Field(str(one[0]), str(one[1]), str(one[2]), int(one[3]), one[0] == ":inline") for one in raw
            )
            found = self._structs[name] = Struct(name, fields, self)
        return found

    def resolved(self, kind: str) -> str:
        """A named type's own type, e.g. core.v1.PodPhase -> string."""
        while kind in self.named:
            kind = self.named[kind]
        return kind

    def by_value(self, kind: str) -> bool:
        """Whether Go's omitempty never leaves a field of this type out: a struct that is no pointer."""
        kind = self.resolved(kind)
        return kind in self._types or kind in _LEAVES or kind in _TIMES
