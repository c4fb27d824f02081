"""The actors behind a CustomResourceDefinition: accepting its names, establishing it, finishing its deletion.

Each is a pure function from what is stored to the object that it would write; the server's actors decide when each
runs and commit the results as writes to /status. Source: Kubernetes "CustomResourceDefinition" conditions and the
answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gatewright.core.crds.conditions import condition, condition_true, with_condition
from gatewright.core.crds.strategy import CLEANUP
from gatewright.core.field_errors import aggregate
from gatewright.core.go_text import quote
from gatewright.core.metadata import unchanged
from gatewright.core.objects import Object

_KEYS = ("plural", "singular", "shortNames", "kind", "listKind", "categories")  # in the order of writing


def accept_names(crd: Object, others: Iterable[Object], now: str) -> Object | None:
    """The object with its names accepted or refused, or None where nothing is to be written.

    others: all CustomResourceDefinitions (itself may be among them); now: RFC 3339
    """
    requested: Object = (crd.get("spec") or {}).get("names") or {}
    accepted: Object = (crd.get("status") or {}).get("acceptedNames") or {}
    if unchanged(requested, accepted):
        return None
    resources, kinds = _taken(str((crd.get("spec") or {}).get("group")), others)
    made: dict[str, Any] = {**accepted}
    reason, message = "", ""
    for key, title, used in (
        ("plural", "Plural", resources),
        ("singular", "Singular", resources),
        ("shortNames", "ShortNames", resources),
        ("kind", "Kind", kinds),
        ("listKind", "ListKind", kinds),
    ):
        problem = _conflict(requested.get(key), accepted.get(key), used)
        if problem:
            reason, message = f"{title}Conflict", problem
        else:
            made[key] = requested.get(key)
    made["categories"] = requested.get("categories")
    made = {key: made[key] for key in _KEYS if made.get(key) or key in ("plural", "kind")}
    made.setdefault("plural", "")
    made.setdefault("kind", "")
    status = "False" if reason else "True"
    reason, message = reason or "NoConflicts", message or "no conflicts found"
    if _same_names(made, accepted) and _equivalent(condition(crd, "NamesAccepted"), status, reason, message):
        return None
    result: Object = {**crd, "status": {**(crd.get("status") or {}), "acceptedNames": made}}
    result = with_condition(result, "NamesAccepted", status, reason, message, now)
    return _not_yet_established(result, status == "True", now)


def _not_yet_established(crd: Object, accepted: bool, now: str) -> Object:
    old = condition(crd, "Established")
    if old is not None and (old.get("status") == "True" or not accepted):
        return crd
    if accepted:
        told = "the initial names have been accepted"
        return with_condition(crd, "Established", "False", "Installing", told, now)
    return with_condition(crd, "Established", "False", "NotAccepted", "not all names are accepted", now)


def _taken(group: str, others: Iterable[Object]) -> tuple[set[str], set[str]]:
    """Names of resources and of kinds that are accepted in a group."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        if (other.get("spec") or {}).get("group") != group:
            continue
        names = (other.get("status") or {}).get("acceptedNames") or {}
        resources.update((names.get("plural") or "", names.get("singular") or "", *(names.get("shortNames") or ())))
        kinds.update((names.get("kind") or "", names.get("listKind") or ""))
    return resources, kinds


def _conflict(requested: Any, accepted: Any, used: set[str]) -> str:
    if isinstance(requested, list) or isinstance(accepted, list):
        ours = set(accepted or ())
        wanted: Sequence[str] = requested or ()
        return aggregate(_in_use(name) for name in wanted if name not in ours and name in used)
    if (requested or "") == (accepted or "") or (requested or "") not in used:
        return ""
    return _in_use(requested or "")


def _in_use(name: str) -> str:
    return f"{quote(name)} is already in use"


def _same_names(new: Object, old: Object) -> bool:
    return unchanged({key: value for key, value in new.items() if value}, {k: v for k, v in old.items() if v})


def _equivalent(old: Object | None, status: str, reason: str, message: str) -> bool:
    return old is not None and (old.get("status"), old.get("reason"), old.get("message")) == (status, reason, message)


def establish(crd: Object, now: str) -> Object | None:
    """The object established, or None where it can't be or is. From then on its resource is served."""
    if not condition_true(crd, "NamesAccepted") or condition_true(crd, "Established"):
        return None
    told = "the initial names have been accepted"
    return with_condition(crd, "Established", "True", "InitialNamesAccepted", told, now)


def begin_finalizing(crd: Object, now: str) -> Object | None:
    """The object of which deletion of instances is going on, or None where none is to begin.

    The caller then deletes the instances of an established one (as DELETE of the collection, with their finalizers in
    force).
    """
    meta = crd.get("metadata") or {}
    if not meta.get("deletionTimestamp") or CLEANUP not in (meta.get("finalizers") or ()):
        return None
    found = condition(crd, "Terminating")
    if found is not None and found.get("reason") == "InstanceDeletionInProgress":
        return None
    told = "CustomResource deletion is in progress"
    return with_condition(crd, "Terminating", "True", "InstanceDeletionInProgress", told, now)


def finish_finalizing(crd: Object, instances: int, now: str) -> Object | None:
    """The object without its finalizer once no instance is left, or None while some are. It is removed when it has
    none."""
    meta = crd.get("metadata") or {}
    finalizers = list(meta.get("finalizers") or ())
    found = condition(crd, "Terminating")
    if CLEANUP not in finalizers or found is None or found.get("reason") != "InstanceDeletionInProgress":
        return None
    if condition_true(crd, "Established"):
        if instances:
            return None
        reason, told = "InstanceDeletionCompleted", "removed all instances"
    else:
        reason, told = "NeverEstablished", "resource was never established"
    finalizers.remove(CLEANUP)
    made = {key: value for key, value in meta.items() if key != "finalizers"}
    if finalizers:
        made["finalizers"] = finalizers
    return with_condition({**crd, "metadata": made}, "Terminating", "False", reason, told, now)


def terminating(crd: Object) -> bool:
    """Whether creates of its instances are refused."""
    return condition_true(crd, "Terminating")
