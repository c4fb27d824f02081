"""Conditions in the status of a CustomResourceDefinition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.core.objects import Object


def condition(crd: Object, kind: str) -> Mapping[str, Any] | None:
    """The condition of a type, or None."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == kind), None)


def condition_true(crd: Object, kind: str) -> bool:
    """Whether a condition is there and True."""
    found = condition(crd, kind)
    return found is not None and found.get("status") == "True"


def with_condition(crd: Object, kind: str, status: str, reason: str, message: str, now: str) -> Object:
    """The object with a condition set; its time changes only with its status. now: RFC 3339."""
    old = condition(crd, kind)
    since = now
    if old is not None and old.get("status") == status and old.get("lastTransitionTime"):
        since = old["lastTransitionTime"]
    made = {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}
    before = (crd.get("status") or {}).get("conditions") or ()
    conditions = [made if each is old else each for each in before]
    if old is None:
        conditions.append(made)
    return {**crd, "status": {**(crd.get("status") or {}), "conditions": conditions}}
