"""PersistentVolumeClaims, also those that Pods and StatefulSets ask for: validation.

Called by `kinds`, `volumes` and `workload_rules`. Source: the Kubernetes API reference ("PersistentVolumeClaim") and
the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.apiserver.builtin import forms, quantities
from gatewright.core import names
from gatewright.core.field_errors import FieldError, Path, forbidden, invalid, required
from gatewright.core.metadata import unchanged
from gatewright.core.objects import Object
from gatewright.core.selectors import validate_label_selector

SPEC = Path("spec")
_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")


def claim_spec_errors(spec: Object, path: Path) -> list[FieldError]:
    """Errors of the spec of a claim."""
    modes: Sequence[str] = spec.get("accessModes") or ()
    at = path.child("accessModes")
    errors = [] if modes else [required(at, "at least 1 access mode is required")]
    errors += validate_label_selector(spec.get("selector"), path.child("selector"))
    for mode in modes:
        errors += forms.choice(mode, _MODES, at)
    if "ReadWriteOncePod" in modes and any(mode in _MODES[:3] for mode in modes):
        errors.append(forbidden(at, "may not use ReadWriteOncePod with other access modes"))
    errors += _storage_errors(spec.get("resources") or {}, path.child("resources").key("storage"))
    name: str = spec.get("storageClassName") or ""
    errors += [
        invalid(path.child("storageClassName"), name, text) for text in (names.dns_subdomain(name) if name else ())
    ]
    if spec.get("volumeMode") is not None:
        errors += forms.choice(spec["volumeMode"], ("Block", "Filesystem"), path.child("volumeMode"))
    for key in ("dataSource", "dataSourceRef"):
        if spec.get(key) is not None:
            errors += _source_errors(spec[key], path.child(key))
    return errors


def _storage_errors(resources: Object, path: Path) -> list[FieldError]:
    asked = (resources.get("requests") or {}).get("storage")
    if asked is None:
        return [required(path)]
    exact = quantities.parse(asked)
    return [invalid(path, str(asked), "must be greater than zero")] if exact is not None and exact <= 0 else []


def _source_errors(source: Object, path: Path) -> list[FieldError]:
    errors = [required(path.child(key)) for key in ("name", "kind") if not source.get(key)]
    group, kind, space = source.get("apiGroup") or "", source.get("kind") or "", source.get("namespace") or ""
    if group:
        errors += [invalid(path.child("apiGroup"), group, text) for text in names.dns_subdomain(group)]
    elif kind != "PersistentVolumeClaim":
        told = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid(path, kind, told))
    return errors + (forms.label(space, path.child("namespace")) if space else [])


def validate_claim(thing: Object) -> list[FieldError]:
    """Errors of a claim beside those of metadata."""
    return claim_spec_errors(thing.get("spec") or {}, SPEC)


def validate_claim_update(new: Object, old: Object) -> list[FieldError]:
    """Errors of a changed claim. What differs is not told line by line, as the real server does."""
    errors = validate_claim(new)
    spec, before = dict(new.get("spec") or {}), dict(old.get("spec") or {})
    if not before.get("volumeName"):
        before["volumeName"] = spec.get("volumeName")
    if (new.get("status") or {}).get("phase") == "Bound":
        for key in ("resources", "volumeAttributesClassName"):
            before[key] = spec.get(key)
    if not unchanged(spec, before):
        told = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        errors.append(forbidden(SPEC, f"{told}\n"))
    return errors
