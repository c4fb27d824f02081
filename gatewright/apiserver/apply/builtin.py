"""The schemas of the built-in kinds, read from the file that tools/builtin_schemas.py makes.

Called by whoever starts a server (which reads the file: this room opens none) and by handlers that need a kind's types,
its merge keys or the fields that Go always writes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from gatewright.apiserver.apply.types import Schema, Type, TypeMaker, Types
from gatewright.core.objects import Object

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

    def filled(self, api_version: str, kind: str, thing: Object) -> Object:
        """An object as Go decodes and writes it: structs by value are there, at least as {}; null stands for an absent
        field, or for the zero value inside a map of scalars. Unknown fields are kept. Of other kinds the object
        itself."""
        schema = self.definition(api_version, kind)
        if schema is None:
            return thing
        return _as_object(self._filled(schema, thing), thing)

    def _filled(self, schema: Schema, value: Any) -> Any:
        schema = self.resolved(schema)
        if isinstance(value, Mapping):
            properties = schema.get("properties")
            if properties:
                return self._filled_struct(properties, value)
            others = schema.get("additionalProperties")
            if isinstance(others, Mapping):
                return _kept(value, {name: self._filled_entry(others, inner) for name, inner in value.items()})
        elif isinstance(value, list) and "items" in schema:
            items = schema["items"]
            done = [self._filled(items, {} if inner is None and self._is_struct(items) else inner) for inner in value]
            return value if all(new is old for new, old in zip(done, value, strict=True)) else done
        return value

    def _filled_struct(self, properties: Mapping[str, Schema], value: Mapping[str, Any]) -> Mapping[str, Any]:
        done: dict[str, Any] = {}
        for name, inner in value.items():
            member = properties.get(name)
            if member is None:
                done[name] = inner
            elif inner is not None:
                done[name] = self._filled(member, inner)
        for name, member in properties.items():
            if member.get("default") == {} and name not in done:
                done[name] = self._filled(member, {})
        return _kept(value, done)

    def _filled_entry(self, schema: Schema, value: Any) -> Any:
        if value is not None:
            return self._filled(schema, value)
        zero = {"string": "", "integer": 0, "number": 0, "boolean": False}
        return zero.get(self.resolved(schema).get("type", ""))

    def _is_struct(self, schema: Schema) -> bool:
        return bool(self.resolved(schema).get("properties"))


def _kept(old: Mapping[str, Any], new: dict[str, Any]) -> Mapping[str, Any]:
    """The old mapping where nothing changed, so that structure stays shared."""
    if len(old) == len(new) and all(name in old and old[name] is inner for name, inner in new.items()):
        return old
    return new


def _as_object(filled: Any, given: Object) -> Object:
    return filled if isinstance(filled, Mapping) else given
