"""A structural schema read once into a tree of nodes, which checking, pruning and defaulting walk.

`Node` is what JSONSchemaProps of a CustomResourceDefinition says about one value. It is built by `read` from JSON
that the CRD's own validation let through (or that Gatekeeper accepts in a template): a field of a wrong type reads as
absent here, complaints are `apiserver.crds`' business. Nodes are not changed after reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gatewright.core.schemas import formats
from gatewright.core.schemas.patterns import Pattern

NO_DEFAULT: Any = object()  # a schema without a default; null is none either, as Kubernetes reads it


class Node:
    """What a schema says of one value. Limits are None where absent; `types` is () for any type."""

    __slots__ = (
        "additional",
        "all_of",
        "any_of",
        "default",
        "embedded",
        "enum",
        "exclusive_maximum",
        "exclusive_minimum",
        "fits",
        "format",
        "format_check",
        "int_or_string",
        "items",
        "list_keys",
        "list_type",
        "map_type",
        "max_items",
        "max_length",
        "max_properties",
        "maximum",
        "min_items",
        "min_length",
        "min_properties",
        "minimum",
        "multiple_of",
        "not_",
        "nullable",
        "one_of",
        "pattern",
        "preserve",
        "properties",
        "required",
        "rules",
        "types",
        "unique",
    )

    additional: Node | bool | None  # None: not said; True and None allow any further field, False none
    items: Node | None
    fits: Callable[[Any], bool] | None  # filled by `fast` when first asked

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._read_value_rules(schema)
        self._read_extensions(schema)
        self.items = _node(schema.get("items"))
        properties = schema.get("properties")
        found = properties.items() if isinstance(properties, Mapping) else ()
        self.properties = {name: Node(each) for name, each in sorted(found) if isinstance(each, Mapping)}
        additional = schema.get("additionalProperties")
        self.additional = additional if isinstance(additional, bool) else _node(additional)
        self.all_of = _nodes(schema.get("allOf"))
        self.any_of = _nodes(schema.get("anyOf"))
        self.one_of = _nodes(schema.get("oneOf"))
        self.not_ = _node(schema.get("not"))
        self.fits = None

    def _read_value_rules(self, schema: Mapping[str, Any]) -> None:
        kind = schema.get("type")
        self.types: tuple[str, ...] = (kind,) if isinstance(kind, str) and kind else ()
        self.int_or_string = schema.get("x-kubernetes-int-or-string") is True
        if self.int_or_string:
            self.types = ("integer", "string")
        self.nullable = schema.get("nullable") is True
        name = schema.get("format")
        self.format: str = name if isinstance(name, str) and formats.counts(name, self.types) else ""
        self.format_check = formats.check_of(self.format) if self.format else None
        enum = schema.get("enum")
        self.enum: list[Any] = list(enum) if isinstance(enum, list) else []
        self.minimum = _number(schema.get("minimum"))
        self.maximum = _number(schema.get("maximum"))
        self.exclusive_minimum = schema.get("exclusiveMinimum") is True
        self.exclusive_maximum = schema.get("exclusiveMaximum") is True
        self.multiple_of = _number(schema.get("multipleOf"))
        self.min_length = _count(schema.get("minLength"))
        self.max_length = _count(schema.get("maxLength"))
        self.min_items = _count(schema.get("minItems"))
        self.max_items = _count(schema.get("maxItems"))
        self.min_properties = _count(schema.get("minProperties"))
        self.max_properties = _count(schema.get("maxProperties"))
        self.unique = schema.get("uniqueItems") is True
        pattern = schema.get("pattern")
        self.pattern = Pattern(pattern) if isinstance(pattern, str) and pattern else None
        self.required: tuple[str, ...] = tuple(schema.get("required") or ())

    def _read_extensions(self, schema: Mapping[str, Any]) -> None:
        default = schema.get("default")
        self.default: Any = NO_DEFAULT if default is None else default
        self.preserve = schema.get("x-kubernetes-preserve-unknown-fields") is True
        self.embedded = schema.get("x-kubernetes-embedded-resource") is True
        self.list_type = str(schema.get("x-kubernetes-list-type") or "")
        self.list_keys: tuple[str, ...] = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        self.map_type = str(schema.get("x-kubernetes-map-type") or "")
        self.rules: tuple[Mapping[str, Any], ...] = tuple(schema.get("x-kubernetes-validations") or ())

    def below(self, name: str) -> Node | None:
        """The node of a field, declared or by additionalProperties; None where nothing is said."""
        found = self.properties.get(name)
        if found is not None:
            return found
        return self.additional if isinstance(self.additional, Node) else None


def read(schema: Mapping[str, Any]) -> Node:
    """The tree of a JSONSchemaProps object (the value of openAPIV3Schema)."""
    return Node(schema)


def _node(schema: Any) -> Node | None:
    return Node(schema) if isinstance(schema, Mapping) else None


def _nodes(schemas: Any) -> tuple[Node, ...]:
    return tuple(Node(each) for each in schemas if isinstance(each, Mapping)) if isinstance(schemas, list) else ()


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
