"""What a schema of a CustomResourceDefinition may say, keyword by keyword, beside being structural.

Called by `definition` for each schema. Validation rules (CEL) are checked here for their form only; a `RuleCheck`
given by the caller compiles them. Source: Kubernetes "CustomResourceDefinition" reference and the answers of a real
API server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gatewright.core.crds.field_paths import find_field
from gatewright.core.crds.hub import shown_items
from gatewright.core.crds.structural import (
    EMBEDDED,
    LIST_KEYS,
    LIST_TYPE,
    MAP_TYPE,
    PRESERVE,
    RULES,
)
from gatewright.core.field_errors import FieldError, Marshalled, Path, forbidden, invalid, not_supported, required
from gatewright.core.objects import Object

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_META = frozenset({"metadata", "kind", "apiVersion"})


class RuleCheck(Protocol):
    """Compiles the x-kubernetes-validations of one schema (the seam for CEL).

    schema: the schema that carries them; path: its field; steps: the way to it from the root schema, as
    ("properties", name), ("items",), ("additionalProperties",); uncorrelatable: the nearest list or map above whose
    parts can't be followed over an update, where oldSelf is refused. Returns the errors of the rules, in order.
    """

    def __call__(
        self, schema: Object, path: Path, steps: tuple[tuple[str, ...], ...], uncorrelatable: Path | None
    ) -> Sequence[FieldError]: ...


@dataclass(frozen=True, slots=True)
class Demands:
    """Which rules hold; an update does not demand what the old object broke already."""

    known_types: bool = True
    atomic_sets: bool = True
    sound_keys: bool = True


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a schema stands. no_default: why defaults are refused here."""

    no_default: str = ""
    in_meta: bool = False
    uncorrelatable: Path | None = None
    steps: tuple[tuple[str, ...], ...] | None = ()  # None: rules are not compiled here (branches)

    def down(self, *step: str) -> _Place:
        return replace(self, steps=None if self.steps is None else (*self.steps, step))

    def cut(self, path: Path) -> _Place:
        return self if self.uncorrelatable is not None else replace(self, uncorrelatable=path)


@dataclass(slots=True)
class _Found:
    schema: list[FieldError]
    rules: list[FieldError]

    def take(self, other: _Found) -> None:
        self.schema += other.schema
        self.rules += other.rules


def schema_errors(schema: Object, path: Path, demands: Demands, compile_rules: RuleCheck | None) -> list[FieldError]:
    """All errors of the schema at the root. compile_rules: None where rules can't or need not be compiled."""
    found = _check(schema, path, _Place(), True, demands, compile_rules)
    return found.schema + found.rules


def _check(schema: Object, path: Path, place: _Place, root: bool, demands: Demands, rules: RuleCheck | None) -> _Found:
    found = _Found(_keyword_errors(schema, path, place, demands), [])
    if schema.get("uniqueItems"):
        told = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        found.schema.append(forbidden(path.child("uniqueItems"), told))
    for below, at, there in _parts(schema, path, place, root, found):
        found.take(_check(below, at, there, False, demands, rules))
    found.schema += _own_errors(schema, path, demands)
    for position, rule in enumerate(schema.get(RULES) or ()):
        found.schema += _rule_errors(rule, schema, path.child(RULES).index(position))
    if schema.get(RULES) and not found.schema and rules is not None and place.steps is not None:
        found.rules += rules(schema, path, place.steps, place.uncorrelatable)
    return found


def _parts(schema: Object, path: Path, place: _Place, root: bool, found: _Found) -> list[tuple[Object, Path, _Place]]:
    """The schemas inside one, in the order in which the server visits them."""
    parts: list[tuple[Object, Path, _Place]] = []
    additional = schema.get("additionalProperties")
    if additional is not None:
        if schema.get("properties") and additional is not True:
            told = "additionalProperties and properties are mutual exclusive"
            found.schema.append(forbidden(path.child("additionalProperties"), told))
        if isinstance(additional, Mapping):
            there = place.down("additionalProperties")
            if place.in_meta:
                there = replace(there, no_default="inside additionalProperties applying to object metadata")
            parts.append((additional, path.child("additionalProperties"), there))
    properties: Mapping[str, Object] = schema.get("properties") or {}
    for name in sorted(properties):
        there = place.down("properties", name)
        if schema.get(MAP_TYPE) == "atomic":
            there = there.cut(path)
        if (root or schema.get(EMBEDDED)) and name in _META:
            there = replace(there, in_meta=True)
            if root:
                there = replace(there, no_default=f"in top-level {name}")
        parts.append((properties[name], path.child("properties").key(name), there))
    branch = replace(place, steps=None)
    if schema.get("not") is not None:
        parts.append((schema["not"], path.child("not"), branch))
    for key in ("allOf", "oneOf", "anyOf"):
        parts += [(each, path.child(key).index(i), branch) for i, each in enumerate(schema.get(key) or ())]
    definitions: Mapping[str, Object] = schema.get("definitions") or {}
    parts += [(definitions[name], path.child("definitions").key(name), branch) for name in sorted(definitions)]
    items = schema.get("items")
    if items is not None:
        there = place.down("items") if schema.get(LIST_TYPE) == "map" else place.down("items").cut(path)
        if isinstance(items, Mapping):
            parts.append((items, path.child("items"), there))
        else:
            parts += [(each, path.child("items").index(i), there) for i, each in enumerate(items)]
    for name, each in sorted((schema.get("dependencies") or {}).items()):
        if isinstance(each, Mapping):
            parts.append((each, path.child("dependencies").key(name), branch))
    return parts


def _keyword_errors(schema: Object, path: Path, place: _Place, demands: Demands) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = schema.get("type") or ""
    if demands.known_types and kind and kind not in TYPES:
        errors.append(not_supported(path.child("type"), kind, TYPES))
    if schema.get("default") is not None and place.no_default:
        errors.append(forbidden(path.child("default"), f"must not be set {place.no_default}"))
    for key in ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"):
        value = schema.get(key)
        if value or (value is not None and key in ("additionalItems", "dependencies", "$ref")):
            errors.append(forbidden(path.child(key), f"{key} is not supported"))
    if kind == "null":
        told = "type cannot be set to null, use nullable as an alternative"
        errors.append(forbidden(path.child("type"), told))
    if isinstance(schema.get("items"), list) and schema["items"]:
        errors.append(forbidden(path.child("items"), "items must be a schema object and not an array"))
    if place.in_meta and schema.get(EMBEDDED):
        errors.append(forbidden(path.child(EMBEDDED), "must not be used inside of resource meta"))
    return errors


def _own_errors(schema: Object, path: Path, demands: Demands) -> list[FieldError]:
    """Errors of the extensions of one schema, told behind those of the schemas inside it."""
    errors: list[FieldError] = []
    if schema.get(PRESERVE) is False:
        errors.append(invalid(path.child(PRESERVE), False, "must be true or undefined"))
    map_type, list_type = schema.get(MAP_TYPE), schema.get(LIST_TYPE)
    if map_type is not None:
        errors += _needs_type(schema, "object", MAP_TYPE, path)
        if map_type not in ("atomic", "granular"):
            errors.append(not_supported(path.child(MAP_TYPE), map_type, ("atomic", "granular")))
    if list_type is not None:
        wrong_type = _needs_type(schema, "array", LIST_TYPE, path)
        errors += wrong_type
        if not wrong_type and demands.atomic_sets and list_type == "set":
            errors += _set_errors(schema.get("items"), path)
        if list_type not in ("atomic", "set", "map"):
            errors.append(not_supported(path.child(LIST_TYPE), list_type, ("atomic", "set", "map")))
    if schema.get(LIST_KEYS):
        told = f"must be map if {LIST_KEYS} is non-empty"
        if list_type is None:
            errors.append(required(path.child(LIST_TYPE), told))
        elif list_type != "map":
            errors.append(invalid(path.child(LIST_TYPE), list_type, told))
    if list_type == "map":
        errors += _map_errors(schema, path)
    if demands.sound_keys and list_type in ("set", "map") and isinstance(schema.get("items"), Mapping):
        errors += key_errors(schema, path)
    return errors


def _needs_type(schema: Object, wanted: str, key: str, path: Path) -> list[FieldError]:
    kind = schema.get("type") or ""
    told = f"must be {wanted} if {key} is specified"
    if kind == wanted:
        return []
    return [invalid(path.child("type"), kind, told) if kind else required(path.child("type"), told)]


def breaks_atomic_sets(schema: Object) -> bool:
    """Whether items of a set are lists or maps that are not atomic."""
    return schema.get(LIST_TYPE) == "set" and bool(_set_errors(schema.get("items"), Path()))


def _set_errors(items: Any, path: Path) -> list[FieldError]:
    if not isinstance(items, Mapping):
        return []
    told = f"must be atomic as item of a list with {LIST_TYPE}=set"
    shown = Marshalled(items.get(LIST_TYPE))  # the server prints the list type in both cases
    if items.get("type") == "array" and items.get(LIST_TYPE) not in (None, "atomic"):
        return [invalid(path.child("items", LIST_TYPE), shown, told)]
    if items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
        return [invalid(path.child("items", MAP_TYPE), shown, told)]
    return []


def _map_errors(schema: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    keys: Sequence[str] = schema.get(LIST_KEYS) or ()
    items = schema.get("items")
    if not keys:
        errors.append(required(path.child(LIST_KEYS), f"must not be empty if {LIST_TYPE} is map"))
    if items is None:
        errors.append(required(path.child("items"), f"must have a schema if {LIST_TYPE} is map"))
        return errors
    if not isinstance(items, Mapping):
        told = f"must only have a single schema if {LIST_TYPE} is map"
        return [*errors, invalid(path.child("items"), shown_items(items), told)]
    if items.get("type") != "object":
        told = f"must be object if parent array's {LIST_TYPE} is map"
        return [*errors, invalid(path.child("items", "type"), items.get("type") or "", told)]
    properties = items.get("properties") or {}
    seen: set[str] = set()
    for key in keys:
        if key not in properties:
            errors.append(invalid(path.child(LIST_KEYS), list(keys), "entries must all be names of item properties"))
        elif properties[key].get("type") in ("array", "object"):
            at = path.child("items", "properties").key(key).child("type")
            errors.append(invalid(at, "object", f"must be a scalar type if parent array's {LIST_TYPE} is map"))
        if key in seen:
            errors.append(invalid(path.child(LIST_KEYS), list(keys), "must not contain duplicate entries"))
        seen.add(key)
    return errors


def key_errors(schema: Object, path: Path) -> list[FieldError]:
    """Errors of items that may lack a key or be null; [] for lists of other types."""
    items, list_type = schema.get("items"), schema.get(LIST_TYPE)
    if not isinstance(items, Mapping) or list_type not in ("set", "map"):
        return []
    errors: list[FieldError] = []
    at = path.child("items")
    if items.get("nullable"):
        errors.append(forbidden(at.child("nullable"), f"cannot be nullable when {LIST_TYPE} is {list_type}"))
    if list_type == "set":
        return errors
    for key in schema.get(LIST_KEYS) or ():
        found = (items.get("properties") or {}).get(key)
        if found is None:
            continue
        told = f"this property is in {LIST_KEYS}, so it "
        if key not in (items.get("required") or ()) and found.get("default") is None:
            where = at.child("properties").key(key).child("default")
            errors.append(required(where, told + "must have a default or be a required property"))
        if found.get("nullable"):
            errors.append(forbidden(at.child("properties").key(key).child("nullable"), told + "cannot be nullable"))
    return errors


def _rule_errors(rule: Object, schema: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    text, message = rule.get("rule") or "", rule.get("message") or ""
    if not text.strip():
        errors.append(required(path.child("rule"), "rule is not specified"))
    elif message and not message.strip():
        errors.append(invalid(path.child("message"), message, "must be non-empty if specified"))
    elif re.search("[\n\r]", message.strip()):
        errors.append(invalid(path.child("message"), message, "must not contain line breaks"))
    elif re.search("[\n\r]", text.strip()) and not message.strip():
        told = "message must be specified if rule contains line breaks"
        errors.append(required(path.child("message"), told))
    expression = rule.get("messageExpression") or ""
    if expression and not expression.strip():
        told = "messageExpression must be non-empty if specified"
        errors.append(required(path.child("messageExpression"), told))
    reason = rule.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(path.child("reason"), Marshalled(reason), _REASONS))
    field = rule.get("fieldPath") or ""
    at = path.child("fieldPath")
    if field and not field.strip():
        errors.append(invalid(at, field, "must be non-empty if specified"))
    if re.search("[\n\r]", field):
        errors.append(invalid(at, field, "must not contain line breaks"))
    if field and isinstance(find_field(schema, field), str):
        errors.append(invalid(at, field, "must be a valid path"))
    return errors
