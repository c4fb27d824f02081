"""The rules of metadata that all kinds share, at create and update.

Called by the strategies of built-in kinds and custom resources. Source: Kubernetes API conventions ("Metadata") and
the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.core import names
from gatewright.core.field_errors import (
    FieldError,
    Marshalled,
    Path,
    forbidden,
    internal,
    invalid,
    required,
    too_long,
)
from gatewright.core.go_text import Struct, quote, same
from gatewright.core.objects import Object
from gatewright.core.selectors import validate_labels

METADATA = Path("metadata")

ANNOTATIONS_LIMIT = 256 * 1024  # bytes of all keys and values
OWNER_FIELDS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
STANDARD_FINALIZERS = frozenset({"orphan", "foregroundDeletion", "kubernetes"})


def validate_create(
    meta: Mapping[str, Any],
    *,
    namespaced: bool,
    rule: names.NameRule = names.name_is_subdomain,
    path: Path = METADATA,
    generated_too: bool = True,
) -> list[FieldError]:
    """Errors of an object's metadata before it is stored; a name has been generated already.

    generated_too: whether generateName is checked beside the name it gave (kinds validated declaratively leave it out)
    """
    errors: list[FieldError] = []
    generate_name, name = meta.get("generateName") or "", meta.get("name") or ""
    if generate_name and generated_too:
        at = path.child("generateName")
        errors += [invalid(at, generate_name, text) for text in rule(generate_name, True)]
    if name:
        errors += [invalid(path.child("name"), name, text) for text in rule(name, False)]
    else:
        if generate_name and not generated_too:
            told = f"generateName was specified ({quote(generate_name)}), but no name was generated"
            errors.append(internal(path.child("name"), told))
        errors.append(required(path.child("name"), "name or generateName is required"))
    errors += _validate_namespace(meta.get("namespace") or "", namespaced, path.child("namespace"))
    generation = meta.get("generation") or 0
    if generation < 0:
        errors.append(invalid(path.child("generation"), generation, "must be greater than or equal to 0"))
    errors += validate_labels(meta.get("labels") or {}, path.child("labels"))
    errors += validate_annotations(meta.get("annotations") or {}, path.child("annotations"))
    errors += _validate_owners(meta.get("ownerReferences") or (), path.child("ownerReferences"))
    errors += _validate_finalizers(meta.get("finalizers") or (), path.child("finalizers"))
    return errors + _validate_managed_fields(meta.get("managedFields") or (), path.child("managedFields"))


def validate_update(new: Mapping[str, Any], old: Mapping[str, Any], path: Path = METADATA) -> list[FieldError]:
    """Errors of a change of metadata. new, old: the metadata of both."""
    errors: list[FieldError] = []
    if old.get("deletionTimestamp"):
        before = set(old.get("finalizers") or ())
        added = sorted(set(new.get("finalizers") or ()) - before)
        if added:
            listed = ", ".join(map(quote, added))
            told = f"found new finalizers []string{{{listed}}}"
            told = f"no new finalizers can be added if the object is being deleted, {told}"
            errors.append(forbidden(path.child("finalizers"), told))
    if not new.get("resourceVersion"):
        errors.append(invalid(path.child("resourceVersion"), "", "must be specified for an update"))
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        errors.append(invalid(path.child("generation"), new.get("generation") or 0, "must not be decremented"))
    for name in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        errors += _immutable(new.get(name), old.get(name), name, path.child(name))
    errors += validate_labels(new.get("labels") or {}, path.child("labels"))
    errors += validate_annotations(new.get("annotations") or {}, path.child("annotations"))
    errors += _validate_owners(new.get("ownerReferences") or (), path.child("ownerReferences"))
    return errors + _validate_managed_fields(new.get("managedFields") or (), path.child("managedFields"))


def common_update(new: Object, old: Object, *, namespaced: bool) -> list[FieldError]:
    """What the server checks at every update before it asks the kind. new, old: whole objects."""
    meta = new.get("metadata") or {}
    errors = validate_create(meta, namespaced=namespaced, rule=names.name_is_path_segment)
    return errors + validate_update(meta, old.get("metadata") or {})


def _immutable(new: Any, old: Any, name: str, path: Path) -> list[FieldError]:
    if name in ("name", "namespace", "uid"):
        new, old = new or "", old or ""
    if new == old:
        return []
    # Times and uids are no plain Go strings: they are printed as JSON.
    return [invalid(path, new if name in ("name", "namespace") else Marshalled(new), "field is immutable")]


def _validate_namespace(namespace: str, namespaced: bool, path: Path) -> list[FieldError]:
    if not namespaced:
        return [forbidden(path, "not allowed on this type")] if namespace else []
    if not namespace:
        return [required(path)]
    return [invalid(path, namespace, text) for text in names.name_is_label(namespace)]


def validate_annotations(annotations: Mapping[str, str], path: Path) -> list[FieldError]:
    """Keys are qualified names in whatever case; their whole size is bounded."""
    errors: list[FieldError] = []
    size = 0
    for key in sorted(annotations):
        errors += [invalid(path, key, text) for text in names.label_key(key.lower())]
        size += len(key.encode()) + len(str(annotations[key] or "").encode("utf-8", "replace"))
    if size > ANNOTATIONS_LIMIT:
        errors.append(too_long(path, ANNOTATIONS_LIMIT))
    return errors


def _validate_owners(owners: Sequence[Object], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    controller = ""
    for owner in owners:
        api_version, kind = owner.get("apiVersion") or "", owner.get("kind") or ""
        if not api_version.rpartition("/")[2] or api_version.count("/") > 1:
            errors.append(invalid(path.child("apiVersion"), api_version, "version must not be empty"))
        told = "must not be empty"
        errors += [invalid(path.child(name), "", told) for name in ("kind", "name", "uid") if not owner.get(name)]
        if (api_version, kind) == ("v1", "Event"):
            shown = _owner(owner)
            errors.append(invalid(path, shown, "/v1, Kind=Event is disallowed from being an owner"))
        if owner.get("controller"):
            this = f"{kind}/{owner.get('name') or ''}"
            if controller:
                told = "Only one reference can have Controller set to true. "
                told += f'Found "true" in references for {controller} and {this}'
                errors.append(invalid(path, [_owner(each) for each in owners], told))
            else:
                controller = this
    return errors


def _owner(owner: Object) -> Struct:
    return Struct.of({"apiVersion": "", "kind": "", "name": "", "uid": "", **owner}, OWNER_FIELDS)


def _validate_finalizers(finalizers: Sequence[str], path: Path) -> list[FieldError]:
    errors = [invalid(path, each, text) for each in finalizers for text in names.label_key(each)]
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        told = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid(path, list(finalizers), told))
    return errors


def _validate_managed_fields(entries: Sequence[Object], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, entry in enumerate(entries):
        at = path.index(position)
        operation, form = entry.get("operation") or "", entry.get("fieldsType") or ""
        if operation not in ("Apply", "Update"):
            errors.append(invalid(at.child("operation"), Marshalled(operation), "must be `Apply` or `Update`"))
        if form and form != "FieldsV1":
            errors.append(invalid(at.child("fieldsType"), form, "must be `FieldsV1`"))
        errors += validate_manager(entry.get("manager") or "", at.child("manager"))
        if len(entry.get("subresource") or "") > 256:
            errors.append(too_long(at.child("subresource"), 256))
    return errors


def validate_manager(manager: str, path: Path) -> list[FieldError]:
    """Errors of a field manager's name: up to 128 bytes, printable."""
    errors = [too_long(path, 128)] if len(manager.encode("utf-8", "replace")) > 128 else []
    if any(not char.isprintable() for char in manager):
        errors.append(invalid(path, manager, "should only contain printable characters"))
    return errors


def core_finalizer_errors(meta: Mapping[str, Any]) -> list[FieldError]:
    """What kinds of the core group add: finalizers must be known, or have a domain."""
    path = METADATA.child("finalizers")
    told = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        invalid(path.index(position), each, told)
        for position, each in enumerate(meta.get("finalizers") or ())
        if "/" not in each and each not in STANDARD_FINALIZERS
    ]


def finalizer_warnings(meta: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> list[str]:
    """Warnings for finalizers added to a custom resource that have no domain."""
    added = set(meta.get("finalizers") or ()) - set((old or {}).get("finalizers") or ())
    warnings: list[str] = []
    for each in sorted(added):
        head = f"metadata.finalizers: {quote(each)}: "
        warnings += [head + text for text in names.label_key(each)]
        if "/" not in each and each not in STANDARD_FINALIZERS:
            path = " including a path (/)" if "." in each else ""
            told = f"prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other "
            warnings.append(f"{head}{told}finalizer writers")
    return warnings


def unchanged(new: Any, old: Any) -> bool:
    """Deep equality in which an empty map or list equals none (Kubernetes' semantic equality)."""
    if not new and not old and not isinstance(new, bool | int | float) and not isinstance(old, bool | int | float):
        return True
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        return all(unchanged(new.get(key), old.get(key)) for key in {**new, **old})
    if isinstance(new, list | tuple) and isinstance(old, list | tuple):
        return len(new) == len(old) and all(unchanged(a, b) for a, b in zip(new, old, strict=True))
    return same(new, old)
