"""The schemas of the built-in kinds, read from the file that tools/builtin_schemas.py makes.

Called by whoever starts a server (which reads the file: this room opens none) and by handlers that need a kind's types
or its merge keys.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from gatewright.apiserver.apply.types import Schema, Type, TypeMaker, Types

_OBJECT_META = "meta.v1.ObjectMeta"


class BuiltinSchemas:
    """kubernetes: the version, "1.36"; kinds: {apiVersion: {kind: definition}}; definitions: {name: schema}.

    A schema has type, properties, items, additionalProperties, required, format, default, "$ref" (a definition's name)
    and x-kubernetes-*. A default of {} marks a struct that Go always writes. Types are made at first use and kept.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.kubernetes: str = content["kubernetes"]
        self.kinds: Mapping[str, Mapping[str, str]] = content["kinds"]
        self.definitions: Mapping[str, Schema] = content["definitions"]
        self._maker = TypeMaker(self.definitions)
        self._types: dict[tuple[str, str], Types] = {}

    @staticmethod
    def read(packed: bytes) -> BuiltinSchemas:
        """Of the shipped file's bytes, `data.read("builtin-schemas.json.gz")`."""
        return BuiltinSchemas(msgspec.json.decode(zlib.decompress(packed, wbits=31)))

    @property
    def object_meta(self) -> Type:
        """The type of metadata."""
        return self._maker.named(_OBJECT_META)

    def definition(self, api_version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where it is no built-in one."""
        name = self.kinds.get(api_version, {}).get(kind)
        return None if name is None else self.definitions[name]

    def resolved(self, schema: Schema) -> Schema:
        """The definition that a schema refers to, or the schema itself."""
        return self.definitions[schema["$ref"]] if "$ref" in schema else schema

    def types(self, api_version: str, kind: str) -> Types | None:
        """The types of a kind by apiVersion: of its one version, as objects are stored; None where it is no built-in
        kind.
        """
        name = self.kinds.get(api_version, {}).get(kind)
        if name is None:
            return None
        found = self._types.get((api_version, kind))
        if found is None:
            made = self._maker.named(name)
            made.zero = self._zero(self.definitions[name])
            found = self._types[api_version, kind] = {api_version: made}
        return found

    def _zero(self, schema: Schema) -> dict[str, Any]:
        """What Go writes of a struct of which nothing is set: structs by value, and null for what is required."""
        made: dict[str, Any] = dict.fromkeys(schema.get("required", ()))
        for name, member in schema.get("properties", {}).items():
            if member.get("default") == {}:
                made[name] = self._zero(self.resolved(member))
        return made
