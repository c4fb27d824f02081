"""Stored objects as clients see them: in the version they ask for, as JSON bytes, as metadata only. Kept beside the
stored object.

`reading` and `watching` answer with these; Tables are in `tables`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.apiserver.answers import encode
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import Stored
from gatewright.core.objects import Object


def thing_of(stored: Stored, endpoint: Endpoint) -> Object:
    """The object in an endpoint's version, with that version's defaults."""
    thing = stored.thing
    if endpoint.custom is None:
        if thing.get("apiVersion") == endpoint.api_version:
            return thing
        as_asked: Object = _kept(stored, ("as", endpoint.api_version), lambda: convert(thing, endpoint.api_version))
        return as_asked
    key = ("as", endpoint.api_version, id(endpoint.custom))
    found = stored.memo.get(key)
    if found is None:
        served = endpoint.custom
        made: Object = (
            thing if thing.get("apiVersion") == endpoint.api_version else convert(thing, endpoint.api_version)
        )
        made, _ = served.schema.prune(made)  # as the real decoder does on every read
        # The endpoint stands beside the object so that its identity can't be reused while this entry lives.
        found = stored.memo[key] = (served.default(made), served)
    shown: Object = found[0]
    return shown


def _kept(stored: Stored, key: Any, make: Any) -> Any:
    found = stored.memo.get(key)
    if found is None:
        found = stored.memo[key] = make()
    return found


_EVENT_NAMES = {  # core/v1 -> events.k8s.io/v1
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_EVENT_NAMES_BACK = {new: old for old, new in _EVENT_NAMES.items()}


def convert(thing: Object, api_version: str) -> Object:
    """An object in another version: the apiVersion changes; Events change the names of their fields too."""
    made: dict[str, Any] = {**thing, "apiVersion": api_version}
    if made.get("kind") != "Event" or api_version not in ("v1", "events.k8s.io/v1"):
        return made
    newer = api_version != "v1"
    names = _EVENT_NAMES if newer else _EVENT_NAMES_BACK
    made = {names.get(key, key): value for key, value in made.items()}
    if newer:  # fields that core/v1 always writes and events.k8s.io/v1 leaves out when empty
        made = {key: value for key, value in made.items() if value != "" and (value != {} or key == "deprecatedSource")}
    else:
        made.setdefault("reportingComponent", "")
        made.setdefault("reportingInstance", "")
        made.setdefault("involvedObject", {})
    return made


def json_of(stored: Stored, endpoint: Endpoint) -> bytes:
    """The whole object as JSON."""
    thing = thing_of(stored, endpoint)
    if thing is stored.thing:
        return stored.json()
    return _kept(stored, ("json", id(thing)), lambda: encode(thing))  # type: ignore[no-any-return]


def item_of(stored: Stored, endpoint: Endpoint) -> bytes:
    """The object as a list holds it: items of built-in kinds lack apiVersion and kind."""
    if endpoint.custom is not None:
        return json_of(stored, endpoint)
    thing = thing_of(stored, endpoint)
    key = ("item", endpoint.api_version)
    return _kept(stored, key, lambda: encode({name: value for name, value in thing.items() if name not in _TYPE_META}))  # type: ignore[no-any-return]


_TYPE_META = frozenset({"apiVersion", "kind"})


def partial(thing: Object, version: str) -> dict[str, Any]:
    """PartialObjectMetadata of an object."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": thing.get("metadata") or {},
    }


_FIELDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (
        "metadata.name",
        "metadata.namespace",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    ("", "nodes"): ("metadata.name", "spec.unschedulable"),
    ("", "replicationcontrollers"): ("metadata.name", "metadata.namespace", "status.replicas"),
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
        "metadata.name",
        "metadata.namespace",
    ),
    ("events.k8s.io", "events"): (
        "regarding.kind",
        "regarding.namespace",
        "regarding.name",
        "regarding.uid",
        "regarding.apiVersion",
        "regarding.resourceVersion",
        "regarding.fieldPath",
        "reason",
        "reportingController",
        "type",
        "metadata.name",
        "metadata.namespace",
    ),
    ("", "namespaces"): ("metadata.name", "status.phase"),
    ("", "secrets"): ("metadata.name", "metadata.namespace", "type"),
    ("", "services"): ("metadata.name", "metadata.namespace", "spec.clusterIP", "spec.type"),
    ("batch", "jobs"): ("metadata.name", "metadata.namespace", "status.successful"),
    ("certificates.k8s.io", "certificatesigningrequests"): ("metadata.name", "spec.signerName"),
    ("apps", "replicasets"): ("metadata.name", "metadata.namespace", "status.replicas"),
}
_COMMON = ("metadata.name", "metadata.namespace")


def field_refusal(endpoint: Endpoint, field: str) -> str:
    """The text that refuses a field selector's field; "" for a field that can be selected by."""
    if endpoint.custom is not None:
        selectable = (*_COMMON, *(path.removeprefix(".") for path in endpoint.custom.selectable))
        return "" if field in selectable else f"field label not supported: {field}"
    own = _FIELDS.get((endpoint.group, endpoint.plural))
    if own is None:
        only = ", ".join(f'"{name}"' for name in _COMMON)
        return "" if field in _COMMON else f'"{field}" is not a known field selector: only {only}'
    return "" if field in own else f"field label not supported: {field}"


def field_value(thing: Object, field: str) -> str:
    """What a field selector compares with."""
    if field == "source":  # of an Event
        source = thing.get("source") or {}
        return str(source.get("component") or thing.get("reportingComponent") or "")
    if field == "status.successful":
        return str((thing.get("status") or {}).get("succeeded") or 0)
    found: Any = thing
    for step in field.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, bool):
        return "true" if found else "false"
    if found is None:
        return {"spec.hostNetwork": "false", "spec.unschedulable": "false", "status.replicas": "0"}.get(field, "")
    return str(found)
