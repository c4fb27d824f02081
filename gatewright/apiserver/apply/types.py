"""Types for structured merge: which lists are sets or maps, which maps are one value, which fields are declared.

Made from the OpenAPI schemas of built-in kinds (`builtin`) and the structural schemas of custom resources. The rules
are those of Kubernetes' conversion of OpenAPI to structured-merge-diff types: an object without properties takes
anything, deduced as it comes; a list is atomic unless x-kubernetes-list-type or a patch strategy says otherwise;
x-kubernetes-map-type tells of maps.

Types are made once and then read only; they may be cyclic (JSONSchemaProps). Called by `builtin` and by whoever serves
CRDs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]


@dataclass(slots=True, eq=False, repr=False)
class ListType:
    """associative without keys: a set of scalars; with keys: a map by these fields; otherwise one value."""

    element: Type
    associative: bool = False
    keys: tuple[str, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class MapType:
    """fields: those declared, by name; element: the type of any other key, None where no other is allowed; atomic:
    one value.
    """

    fields: dict[str, Type] = field(default_factory=dict)
    element: Type | None = None
    atomic: bool = False
    defaults: dict[str, Any] = field(default_factory=dict)

    @property
    def deduced(self) -> bool:
        """A map of which nothing is declared; schema changes are not followed below it."""
        if self.fields or self.element is None:
            return False
        return self.element is DEDUCED or (self.element.inline and self.element.scalar == "untyped")


@dataclass(slots=True, eq=False, repr=False)
class Type:
    """What may stand somewhere: a scalar ("numeric", "string", "boolean" or "untyped"), a list, a map, or several of
    them.
    """

    scalar: str = ""
    list: ListType | None = None
    map: MapType | None = None
    inline: bool = True
    # Of a built-in kind: what Go writes of an object of which nothing is set.
    zero: Mapping[str, Any] = field(default_factory=dict)
    # The tests of `fitting`, with and without repeated items, made at first use.
    tests: dict[bool, Callable[[Any], bool]] = field(default_factory=dict)


Types = Mapping[str, Type]

UNTYPED = Type("untyped", inline=False)
UNTYPED.list = ListType(UNTYPED)
UNTYPED.map = MapType(element=UNTYPED, atomic=True)

DEDUCED = Type("untyped", inline=False)
DEDUCED.list = ListType(UNTYPED)
DEDUCED.map = MapType(element=DEDUCED)

# Of a field that no schema declares: one value. Validation refuses such fields before anything else looks at them.
UNDECLARED = Type("untyped")

_PRIMITIVES = {"integer": "numeric", "number": "numeric", "boolean": "boolean"}


class TypeMaker:
    """Makes types of schemas that refer to named definitions by "$ref"; each definition is made once."""

    def __init__(self, definitions: Mapping[str, Schema], object_meta: Type | None = None) -> None:
        """object_meta: the type of metadata in x-kubernetes-embedded-resource objects, of which definitions have
        none.
        """
        self._definitions = definitions
        self._object_meta = object_meta
        self._made: dict[str, Type] = {}

    def named(self, name: str) -> Type:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = Type(inline=False)
            if name == "api.resource.Quantity":
                made.scalar = "untyped"
            else:
                self._fill(made, self._definitions[name], preserve=False)
        return made

    def of(self, schema: Schema, preserve: bool = False) -> Type:
        """preserve: whether an outer schema said x-kubernetes-preserve-unknown-fields; it holds for all that is
        declared inside.
        """
        if "$ref" not in schema:
            made = Type()
            self._fill(made, schema, preserve)
            return made
        if schema["$ref"] == "runtime.RawExtension":
            return UNTYPED
        target = self.named(schema["$ref"])
        relation = schema.get("x-kubernetes-map-type")
        if relation is None or target.map is None:
            return target
        # The reference overrides what the definition says. No built-in definition does so inside its own cycle.
        own = target.map
        return Type(target.scalar, target.list, MapType(own.fields, own.element, relation == "atomic", own.defaults))

    def _fill(self, made: Type, schema: Schema, preserve: bool) -> None:
        preserve = preserve or bool(schema.get("x-kubernetes-preserve-unknown-fields"))
        kind = schema.get("type", "")
        if kind == "object":
            made.map = self._map(schema, preserve)
        elif kind == "array":
            made.list = self._list(schema, preserve)
        elif kind in _PRIMITIVES:
            made.scalar = _PRIMITIVES[kind]
        elif kind == "string":
            made.scalar = "string" if schema.get("format", "") in ("", "byte") else "untyped"
        else:
            made.scalar = "untyped"
            made.list = self._list(schema, preserve)
            made.map = self._map(schema, preserve)

    def _map(self, schema: Schema, preserve: bool) -> MapType:
        made = MapType(atomic=schema.get("x-kubernetes-map-type") == "atomic")
        for name, member in (schema.get("properties") or {}).items():
            made.fields[name] = self.of(member, preserve)
            if member.get("default") is not None:
                made.defaults[name] = member["default"]
        if self._object_meta is not None and schema.get("x-kubernetes-embedded-resource"):
            made.fields.update(apiVersion=Type("string"), kind=Type("string"), metadata=self._object_meta)
        others = schema.get("additionalProperties")
        if isinstance(others, Mapping):
            made.element = self.of(others, preserve)
        elif others is None:
            made.element = DEDUCED if preserve or not made.fields else None
        else:
            made.element = DEDUCED if others else None
        return made

    def _list(self, schema: Schema, preserve: bool) -> ListType:
        items = schema.get("items")
        made = ListType(self.of(items, preserve) if isinstance(items, Mapping) else UNTYPED)
        relation = schema.get("x-kubernetes-list-type")
        strategy = schema.get("x-kubernetes-patch-strategy")
        if relation in ("set", "map"):
            made.associative = True
            made.keys = tuple(schema.get("x-kubernetes-list-map-keys") or ()) if relation == "map" else ()
        elif relation is None and strategy in ("merge", "merge,retainKeys"):
            made.associative = True
            key = schema.get("x-kubernetes-patch-merge-key")
            made.keys = (key,) if key else ()
        return made


def crd_types(crd: Mapping[str, Any], object_meta: Type) -> Types:
    """The types of a CRD's versions by apiVersion.

    object_meta: the type of metadata, which every object has besides apiVersion and kind
    (`BuiltinSchemas.object_meta`).
    """
    spec = crd.get("spec") or {}
    found: dict[str, Type] = {}
    for version in spec.get("versions") or ():
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        root = {**schema, "type": "object", "x-kubernetes-embedded-resource": True}
        found[f"{spec.get('group')}/{version.get('name')}"] = TypeMaker({}, object_meta).of(root)
    return found
