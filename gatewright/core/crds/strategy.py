"""What the API server itself does to CustomResourceDefinitions before it stores them: defaults, status, generation.

Called by the strategy of the kind, before validation. Source: the answers of a real API server.
"""

from __future__ import annotations

from typing import Any

from gatewright.core.crds.conditions import with_condition
from gatewright.core.metadata import unchanged
from gatewright.core.objects import Object

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"  # the finalizer under which instances are deleted


def default_crd(crd: Object) -> Object:
    """The object with its defaults: names, conversion, ports, and a first stored version."""
    spec: dict[str, Any] = {**(crd.get("spec") or {})}
    names: dict[str, Any] = {**(spec.get("names") or {})}
    kind = names.get("kind") or ""
    if not names.get("singular") and kind:
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = f"{kind}List"
    spec["names"] = names
    spec["conversion"] = _default_conversion(spec.get("conversion"))
    if spec.get("preserveUnknownFields") is False:
        del spec["preserveUnknownFields"]
    made: dict[str, Any] = {**crd, "spec": spec}
    status: dict[str, Any] = {**(crd.get("status") or {})}
    stored = _storage_version(spec)
    if not status.get("storedVersions") and stored:
        status["storedVersions"] = [stored]
    made["status"] = _whole_status(status)
    return made


def _default_conversion(conversion: Object | None) -> Object:
    if conversion is None:
        return {"strategy": "None"}
    webhook = conversion.get("webhook") or {}
    client = webhook.get("clientConfig") or {}
    service = client.get("service")
    if service is None or service.get("port") is not None:
        return conversion
    client = {**client, "service": {**service, "port": 443}}
    return {**conversion, "webhook": {**webhook, "clientConfig": client}}


def _storage_version(spec: Object) -> str:
    return next((str(each.get("name") or "") for each in spec.get("versions") or () if each.get("storage")), "")


def _whole_status(status: Object) -> dict[str, Any]:
    """A status with the fields that are always written, in their order."""
    accepted = {"plural": "", "kind": "", **(status.get("acceptedNames") or {})}
    return {
        "conditions": status.get("conditions"),
        "acceptedNames": accepted,
        "storedVersions": status.get("storedVersions"),
        **{key: value for key, value in status.items() if key not in ("conditions", "acceptedNames", "storedVersions")},
    }


def prepare_create(crd: Object) -> Object:
    """A new object: a fresh status that knows its storage version, generation 1."""
    stored = _storage_version(crd.get("spec") or {})
    status = _whole_status({"storedVersions": [stored] if stored else None})
    return {**crd, "metadata": {**(crd.get("metadata") or {}), "generation": 1}, "status": status}


def prepare_update(crd: Object, old: Object) -> Object:
    """A changed object: the old status, with the storage version among the stored ones; the generation counts changes
    of spec."""
    meta: dict[str, Any] = {**(crd.get("metadata") or {})}
    before = (old.get("metadata") or {}).get("generation")
    spec = crd.get("spec") or {}
    if unchanged(spec, old.get("spec") or {}):
        if before is not None:
            meta["generation"] = before
    else:
        meta["generation"] = (before or 0) + 1
    status = {**(old.get("status") or {})}
    stored, current = list(status.get("storedVersions") or ()), _storage_version(spec)
    if current and current not in stored:
        status["storedVersions"] = [*stored, current]
    return {**crd, "metadata": meta, "status": _whole_status(status)}


def prepare_status_update(crd: Object, old: Object) -> Object:
    """A write to /status: the old spec and metadata stay (managedFields are the caller's business)."""
    return {**crd, "spec": old.get("spec") or {}, "status": _whole_status(crd.get("status") or {})}


def prepare_delete(crd: Object, now: str) -> Object:
    """The object when its deletion begins: under the finalizer that cleans up, with a condition that tells. now: RFC
    3339.

    The object is stored and answered instead of being removed; `naming.finalize` goes on.
    """
    meta: dict[str, Any] = {**(crd.get("metadata") or {})}
    meta.setdefault("deletionTimestamp", now)
    finalizers = list(meta.get("finalizers") or ())
    if CLEANUP not in finalizers:
        finalizers.append(CLEANUP)
    meta["finalizers"] = finalizers
    told = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    return with_condition({**crd, "metadata": meta}, "Terminating", "True", "InstanceDeletionPending", told, now)
