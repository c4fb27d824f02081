"""apiVersion, kind and metadata of whole objects and of embedded resources inside custom resources.

`coerce` brings metadata into the shape of the server's own type before validation (unknown fields dropped, malformed
ones refused); `embedded_errors` validates it. Called by `custom` and, for defaults, by `default_values`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.core import metadata, names
from gatewright.core.field_errors import FieldError, Path, invalid, required
from gatewright.core.objects import Object
from gatewright.core.schemas import Node

# Fields of ObjectMeta: "string", "integer", "map" of strings, "strings", "time", or the fields of the objects in a
# list.
_OWNER = {
    "apiVersion": "string",
    "kind": "string",
    "name": "string",
    "uid": "string",
    "controller": "boolean",
    "blockOwnerDeletion": "boolean",
}
_MANAGED = {
    "manager": "string",
    "operation": "string",
    "apiVersion": "string",
    "time": "time",
    "fieldsType": "string",
    "fieldsV1": "any",
    "subresource": "string",
}
FIELDS: Mapping[str, str | Mapping[str, str]] = {
    "name": "string",
    "generateName": "string",
    "namespace": "string",
    "selfLink": "string",
    "uid": "string",
    "resourceVersion": "string",
    "generation": "integer",
    "creationTimestamp": "time",
    "deletionTimestamp": "time",
    "deletionGracePeriodSeconds": "integer",
    "labels": "map",
    "annotations": "map",
    "ownerReferences": _OWNER,
    "finalizers": "strings",
    "managedFields": _MANAGED,
}

_GO_NAMES = {"string": "string", "integer": "int64", "boolean": "bool"}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})")


class Malformed(Exception):
    """Metadata that can't be read; the text is that of Go's decoder."""


def read_metadata(meta: Any) -> tuple[dict[str, Any], list[str]]:
    """Metadata in the shape of the server's type, and the names of dropped fields. Empty fields are left out.

    Raises Malformed.
    """
    if not isinstance(meta, Mapping):
        raise Malformed(f"json: cannot unmarshal {_json_name(meta)} into Go value of type v1.ObjectMeta")
    made: dict[str, Any] = {}
    unknown: list[str] = []
    for key, value in meta.items():
        form = FIELDS.get(key)
        if form is None:
            unknown.append(key)
            continue
        if value is None:
            continue
        kept = _read_field(key, form, value, unknown)
        if kept or (key == "deletionGracePeriodSeconds" and kept is not None):
            made[key] = kept
    return made, unknown


def _read_field(key: str, form: str | Mapping[str, str], value: Any, unknown: list[str]) -> Any:
    where = f"ObjectMeta.{key}"
    if not isinstance(form, str):
        if not isinstance(value, list | tuple):
            raise _malformed(value, where, f"[]v1.{'OwnerReference' if form is _OWNER else 'ManagedFieldsEntry'}")
        return [_read_entry(key, form, each, position, unknown) for position, each in enumerate(value)]
    if form == "map":
        if not isinstance(value, Mapping):
            raise _malformed(value, where, "map[string]string")
        for each in value.values():
            if each is not None and not isinstance(each, str):
                raise _malformed(each, where, "string")
        return {name: each or "" for name, each in value.items()}
    if form == "strings":
        if not isinstance(value, list | tuple):
            raise _malformed(value, where, "[]string")
        for each in value:
            if each is not None and not isinstance(each, str):
                raise _malformed(each, where, "string")
        return [each or "" for each in value]
    return _read_scalar(form, value, where)


def _read_entry(key: str, form: Mapping[str, str], entry: Any, position: int, unknown: list[str]) -> dict[str, Any]:
    if entry is None:
        return {}
    if not isinstance(entry, Mapping):
        raise _malformed(
            entry, f"ObjectMeta.{key}", f"v1.{'OwnerReference' if form is _OWNER else 'ManagedFieldsEntry'}"
        )
    made: dict[str, Any] = {"apiVersion": "", "kind": "", "name": "", "uid": ""} if form is _OWNER else {}
    for name, value in entry.items():
        if name not in form:
            unknown.append(f"{key}[{position}].{name}")
        elif value is not None:
            made[name] = value if form[name] == "any" else _read_scalar(form[name], value, f"ObjectMeta.{key}.{name}")
    return made


def _read_scalar(form: str, value: Any, where: str) -> Any:
    if form == "time":
        if not isinstance(value, str):
            raise Malformed(f"json: cannot unmarshal {_json_name(value)} into Go value of type string")
        if not _TIME.fullmatch(value):
            raise Malformed(f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"')
        return value
    good = {"string": str, "integer": int, "boolean": bool}[form]
    if form == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, good) or (form == "integer" and isinstance(value, bool)):
        raise _malformed(value, where, _GO_NAMES[form])
    return value


def _malformed(value: Any, where: str, wanted: str) -> Malformed:
    return Malformed(f"json: cannot unmarshal {_json_name(value)} into Go struct field {where} of type {wanted}")


def _json_name(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def coerce(node: Node, value: Object, unknown: list[str]) -> tuple[Object, FieldError | None]:
    """The object with the metadata of embedded resources read, dropped fields added to `unknown`; or the first error.

    The object's own metadata is the request's decoder's business.
    """
    found, error = _coerce(node, value, Path(), "", unknown, False)
    return found, error


def coercion_error(node: Node, value: Any, path: Path, *, root: bool) -> FieldError | None:
    """The first embedded type or metadata that can't be read, or None."""
    return _coerce(node, value, path, "", [], root)[1]


def _coerce(
    node: Node | None, value: Any, path: Path, text: str, unknown: list[str], embedded: bool
) -> tuple[Any, FieldError | None]:
    if node is None:
        return value, None
    if isinstance(value, Mapping):
        changed: dict[str, Any] = {}
        for key in sorted(value):
            each = value[key]
            at = path.child(key) if key in node.properties else path.key(key)
            inner = f"{text}.{key}" if text else key
            if embedded or node.embedded:
                made, error = _coerce_meta(key, each, path.child(key), inner, unknown)
                if error is not None:
                    return value, error
                if made is not each:
                    changed[key] = made
            made, error = _coerce(node.below(key), each, at, inner, unknown, False)
            if error is not None:
                return value, error
            if made is not each and key not in changed:
                changed[key] = made
        return ({**value, **changed} if changed else value), None
    if isinstance(value, list | tuple) and node.items is not None:
        kept: list[Any] = []
        for position, each in enumerate(value):
            made, error = _coerce(node.items, each, path.index(position), f"{text}[{position}]", unknown, False)
            if error is not None:
                return value, error
            kept.append(made)
        return (value if all(new is old for new, old in zip(kept, value, strict=True)) else kept), None
    return value, None


def _coerce_meta(key: str, value: Any, path: Path, text: str, unknown: list[str]) -> tuple[Any, FieldError | None]:
    if key in ("apiVersion", "kind") and not isinstance(value, str):
        return value, invalid(path, value, "must be a string")
    if key != "metadata":
        return value, None
    try:
        made, dropped = read_metadata(value)
    except Malformed as error:
        return value, invalid(path, value, str(error))
    unknown += [f"{text}.{name}" for name in dropped]
    return (value if made == value else made), None


def embedded_errors(node: Node, value: Any, path: Path | None = None, *, root: bool = False) -> list[FieldError]:
    """Errors of apiVersion, kind and metadata of embedded resources. root: the value itself counts as one."""
    errors: list[FieldError] = []
    _walk(node, value, path or Path(), errors, root)
    return errors


def _walk(node: Node | None, value: Any, path: Path, errors: list[FieldError], embedded: bool) -> None:
    if node is None:
        return
    if isinstance(value, Mapping):
        if embedded or node.embedded:
            errors += _resource_errors(value, path)
        for key in sorted(value):
            each = value[key]
            if isinstance(each, Mapping | list | tuple):
                at = path.child(key) if key in node.properties else path.key(key)
                _walk(node.below(key), each, at, errors, False)
    elif isinstance(value, list | tuple):
        for position, each in enumerate(value):
            _walk(node.items, each, path.index(position), errors, False)


def _resource_errors(value: Object, path: Path) -> list[FieldError]:
    errors = [required(path.child(key)) for key in ("apiVersion", "kind") if key not in value]
    for key in sorted(value):
        each, at = value[key], path.child(key)
        if key in ("apiVersion", "kind"):
            if not isinstance(each, str):
                errors.append(invalid(at, each, "must be a string"))
            elif not each:
                errors.append(invalid(at, each, "must not be empty"))
            elif key == "apiVersion" and each.count("/") > 1:
                errors.append(invalid(at, each, f"unexpected GroupVersion string: {each}"))
            elif key == "kind" and (texts := names.dns_1035_label(each.lower())):
                told = "may have mixed case, but should otherwise match: " + ",".join(texts)
                errors.append(invalid(at, each, told))
        elif key == "metadata":
            errors += _metadata_errors(each, at)
    return errors


def _metadata_errors(value: Any, path: Path) -> Sequence[FieldError]:
    try:
        meta, _ = read_metadata(value)
    except Malformed as error:
        return [invalid(path, value, str(error))]
    meta.setdefault("name", "fakename")
    return metadata.validate_create(
        meta, namespaced=bool(meta.get("namespace")), rule=names.name_is_path_segment, path=path
    )
