"""Whether a schema is structural: what the API server demands so that it can prune and default by it.

Called by `definition`. Source: Kubernetes "Specifying a structural schema" and the answers of a real API server.
Schemas are JSON values, of the types that decoding guarantees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from gatewright.core.field_errors import FieldError, Path, forbidden, invalid, required
from gatewright.core.objects import Object
from gatewright.core.schemas.patterns import problem_of

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_KEYS = "x-kubernetes-list-map-keys"
LIST_TYPE = "x-kubernetes-list-type"
MAP_TYPE = "x-kubernetes-map-type"
RULES = "x-kubernetes-validations"

_UNSUPPORTED = ("id", "$schema", "$ref", "patternProperties", "dependencies", "additionalItems", "definitions")

_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]


class Level(Enum):
    ROOT = "at the root"
    ITEM = "for specified array items"
    FIELD = "for specified object fields"


def unreadable(schema: Object) -> str:
    """Why the schema can't be read as a structural one at all ("" where it can): a keyword that has no place in it."""
    for key in _UNSUPPORTED:
        value = schema.get(key)
        if (key == "additionalItems" and value is not None) or value:
            return f"OpenAPIV3Schema '{key.removeprefix('$') if key == '$schema' else key}' is not supported"
    for branch in below(schema):
        if found := unreadable(branch):
            return found
    if schema.get(PRESERVE) is False:
        return f"internal error: '{PRESERVE}' must be true or undefined"
    if isinstance(schema.get("items"), list) and schema["items"]:
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    return ""


def below(schema: Object) -> list[Object]:
    """All schemas directly inside one."""
    found: list[Object] = []
    for key in ("allOf", "anyOf", "oneOf"):
        found += schema.get(key) or ()
    for key in ("properties", "patternProperties", "definitions"):
        parts = schema.get(key) or {}
        found += [parts[name] for name in sorted(parts)]
    for key in ("not", "additionalProperties", "additionalItems", "items"):
        value = schema.get(key)
        if isinstance(value, Mapping):
            found.append(value)
        elif isinstance(value, list):
            found += value
    return found


def structural_errors(schema: Object, path: Path) -> list[FieldError]:
    """Everything that keeps a readable schema from being structural, sorted by text."""
    errors = _invariants(schema, Level.ROOT, path)
    for branch, at in _branches(schema, path):
        errors += _undeclared(branch, schema, path, at)
    return sorted(errors, key=str)


def _branches(schema: Object, path: Path) -> list[tuple[Object, Path]]:
    found = [(schema["not"], path.child("not"))] if schema.get("not") is not None else []
    for key in ("allOf", "anyOf", "oneOf"):
        found += [(each, path.child(key).index(i)) for i, each in enumerate(schema.get(key) or ())]
    return found


def _undeclared(branch: Object, schema: Object | None, path: Path, at: Path) -> list[FieldError]:
    """Fields that a branch at the root (and only there) names although the schema beside it does not."""
    if schema is None:
        return [required(path, f"because it is defined in {at}")]
    errors: list[FieldError] = []
    for each, below_at in _branches(branch, at):
        errors += _undeclared(each, schema, path, below_at)
    if isinstance(branch.get("items"), Mapping):
        errors += _undeclared(branch["items"], schema.get("items"), path.child("items"), at.child("items"))
    declared = schema.get("properties") or {}
    for name, each in (branch.get("properties") or {}).items():
        there, here = path.child("properties").key(name), at.child("properties").key(name)
        errors += _undeclared(each, declared.get(name), there, here)
    return errors


def _invariants(schema: Object, level: Level, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    items = schema.get("items")
    kind = schema.get("type") or ""
    if kind == "array" and items is None:
        errors.append(required(path.child("items"), "must be specified"))
    if isinstance(items, Mapping):
        errors += _invariants(items, Level.ITEM, path.child("items"))
    properties: Mapping[str, Object] = schema.get("properties") or {}
    for name, each in properties.items():
        errors += _invariants(each, Level.FIELD, path.child("properties").key(name))
    additional = schema.get("additionalProperties")
    if additional is not None and level is Level.ROOT:
        errors.append(forbidden(path.child("additionalProperties"), "must not be used at the root"))
    if isinstance(additional, Mapping):
        errors += _invariants(additional, Level.FIELD, path.child("additionalProperties"))
    errors += _extension_errors(schema, path)
    skip = _is_int_or_string(schema.get("anyOf"))
    all_of: Sequence[Object] = schema.get("allOf") or ()
    skip_first = any(_is_int_or_string(each.get("anyOf")) for each in all_of[:1])
    errors += _branch_errors(schema, skip, skip_first, path)
    errors += _type_errors(schema, level, path)
    return errors + _meta_errors(schema, level, path)


def _extension_errors(schema: Object, path: Path) -> list[FieldError]:
    if not schema.get(INT_OR_STRING):
        return []
    told = f"must be false if {INT_OR_STRING} is true"
    return [invalid(path.child(key), True, told) for key in (PRESERVE, EMBEDDED) if schema.get(key)]


def _type_errors(schema: Object, level: Level, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = schema.get("type") or ""
    embedded = bool(schema.get(EMBEDDED))
    at = path.child("type")
    if embedded and kind != "object":
        told = f"must be object if {EMBEDDED} is true"
        errors.append(invalid(at, kind, told) if kind else required(at, told))
    elif not kind and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        errors.append(required(at, f"must not be empty {level.value}"))
    if embedded and schema.get("additionalProperties") is not None:
        told = f"must not be used if {EMBEDDED} is set"
        errors.append(forbidden(path.child("additionalProperties"), told))
    if level is Level.ROOT and kind not in ("", "object"):
        errors.append(invalid(at, kind, "must be object at the root"))
    return errors


def _meta_errors(schema: Object, level: Level, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    properties: Mapping[str, Object] = schema.get("properties") or {}
    embedded = bool(schema.get(EMBEDDED))
    checked = level is Level.ROOT or embedded
    for name in ("kind", "apiVersion"):
        if checked and name in properties and properties[name].get("type") != "string":
            at = path.child("properties").key(name).child("type")
            errors.append(invalid(at, properties[name].get("type") or "", "must be string"))
    if "metadata" in properties:
        at = path.child("properties").key("metadata")
        meta = properties["metadata"]
        if checked and meta.get("type") != "object":
            errors.append(invalid(at.child("type"), meta.get("type") or "", "must be object"))
        if level is Level.ROOT and not _plain_metadata(meta):
            told = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            errors.append(forbidden(at, told))
    if embedded and not schema.get(PRESERVE) and not properties:
        told = f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
        errors.append(required(path.child("properties"), told))
    return errors


def _plain_metadata(schema: Object) -> bool:
    """Whether the schema of an object's own metadata says nothing but rules for name and generateName."""
    properties = schema.get("properties") or {}
    if set(properties) - {"name", "generateName"}:
        return False
    return not any(
        value not in (None, "", False, [], {})
        for key, value in schema.items()
        if key not in ("type", "properties", "default")
    )


def _is_int_or_string(branches: Any) -> bool:
    return bool(branches == _INT_OR_STRING)


def _branch_errors(schema: Object, skip_any: bool, skip_first: bool, path: Path) -> list[FieldError]:
    """Rules for the values of a schema: its branches and its pattern."""
    errors: list[FieldError] = []
    if not skip_any:
        for position, each in enumerate(schema.get("anyOf") or ()):
            errors += _nested_errors(each, False, path.child("anyOf").index(position))
    for position, each in enumerate(schema.get("allOf") or ()):
        errors += _nested_errors(each, skip_first and position == 0, path.child("allOf").index(position))
    for position, each in enumerate(schema.get("oneOf") or ()):
        errors += _nested_errors(each, False, path.child("oneOf").index(position))
    if schema.get("not") is not None:
        errors += _nested_errors(schema["not"], False, path.child("not"))
    pattern = schema.get("pattern") or ""
    if pattern and (problem := problem_of(pattern)):
        told = f"must be a valid regular expression, but isn't: {problem}"
        errors.append(invalid(path.child("pattern"), pattern, told))
    return errors


# What may not stand inside a branch, in the order of the server's own checks (the result is sorted anyhow).
_NOT_IN_BRANCHES: Sequence[tuple[str, str]] = (
    ("type", "must be empty to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (PRESERVE, "must be false to be structural"),
    (EMBEDDED, "must be false to be structural"),
    (INT_OR_STRING, "must be false to be structural"),
    (LIST_KEYS, "must be empty to be structural"),
    (LIST_TYPE, "must be undefined to be structural"),
    (MAP_TYPE, "must be undefined to be structural"),
    (RULES, "must be empty to be structural"),
)


def _nested_errors(schema: Object, skip_any: bool, path: Path) -> list[FieldError]:
    errors = _branch_errors(schema, skip_any, False, path)
    if isinstance(schema.get("items"), Mapping):
        errors += _nested_errors(schema["items"], False, path.child("items"))
    properties: Mapping[str, Object] = schema.get("properties") or {}
    for name, each in properties.items():
        errors += _nested_errors(each, False, path.child("properties").key(name))
    additional = schema.get("additionalProperties")
    if isinstance(additional, Mapping) or additional is True:
        errors.append(forbidden(path.child("additionalProperties"), "must be undefined to be structural"))
    for key, told in _NOT_IN_BRANCHES:
        value = schema.get(key)
        present = value is not None if told.startswith("must be undefined") else bool(value)
        if present:
            errors.append(forbidden(path.child(key), told))
    if "metadata" in properties:
        errors.append(forbidden(path.child("properties").key("metadata"), "must not be specified in a nested context"))
    return errors
