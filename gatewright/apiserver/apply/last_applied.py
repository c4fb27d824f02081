"""Moving from kubectl's client-side apply to server-side apply.

The manager "kubectl" alone (kubectl apply --server-side) may take over, without force, fields that kubectl's
last-applied annotation shows it applied before and that nobody changed since; and where that annotation exists it is
kept up to date. Source: apimachinery's lastAppliedManager and lastAppliedUpdater. Called by `applying`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gatewright.apiserver.apply import fields, walking
from gatewright.apiserver.apply.comparing import compare
from gatewright.apiserver.apply.fields import Fields
from gatewright.apiserver.apply.types import Types
from gatewright.core.objects import Object, metadata

_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
_LONGEST = 256 * 1024


def excuses(manager: str) -> bool:
    """Whether a manager of this name is kubectl's own."""
    return manager == "kubectl"


def agreed_fields(live: Object, api_version: str, types: Types) -> Fields | None:
    """The fields that the annotation applied and that the live object still holds unchanged; None where there is no
    usable annotation.
    """
    text = _notes(live).get(_ANNOTATION)
    kind = types.get(api_version)
    if not text or kind is None:
        return None
    try:
        applied: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, TypeError):
        return None
    if not isinstance(applied, dict) or applied.get("apiVersion") != api_version:
        return None
    if walking.validate(kind, live) or walking.validate(kind, applied):
        return None
    change = compare(kind, applied, live)
    agreed = walking.field_set(kind, applied)
    for part in change:
        agreed = fields.difference(agreed, part)
    return agreed


def refreshed(result: Object, applied: Object) -> Object:
    """The object with the annotation telling what was applied now, where it has one; without it where the new one
    would be too long.
    """
    if not _notes(result).get(_ANNOTATION):
        return result
    meta = dict(metadata(applied))
    if "annotations" in meta:
        meta["annotations"] = {name: value for name, value in _notes(applied).items() if name != _ANNOTATION}
    kept = dict(_notes(result))
    kept[_ANNOTATION] = fields.go_json({**applied, "metadata": meta}) + "\n"
    if sum(len(name.encode()) + len(value.encode()) for name, value in kept.items()) > _LONGEST:
        del kept[_ANNOTATION]
    return {**result, "metadata": {**metadata(result), "annotations": kept}}


def _notes(thing: Object) -> Mapping[str, Any]:
    found = metadata(thing).get("annotations")
    return found if isinstance(found, Mapping) else {}
