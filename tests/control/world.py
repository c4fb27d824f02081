"""A dict-backed `control.view.View` and the objects that tests of plans are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gatewright.control.intents import Apply, Intent, Plan
from gatewright.control.view import Controller, Fact, Key
from gatewright.core.clock import Now
from gatewright.core.http import Response
from gatewright.core.objects import Name, Object, Resource, labels
from gatewright.core.settings import Settings
from gatewright.kinds.resources import (
    CONSTRAINT_TEMPLATES,
    CRDS,
    ENDPOINT_SLICES,
    NAMESPACES,
    PODS,
    constraint_resource,
)

NOW = Now(wall=1_800_000_000.0, monotonic=1000.0)
SETTINGS = Settings()
NS = SETTINGS.namespace
KIND = "Widget"
WIDGETS = constraint_resource(KIND)
REGO = 'package widget\nviolation[{"msg": "no"}] { input.review.object.bad }\n'
LIST_KEYS = {"conditions": "type", "byPod": "id", "ownerReferences": "uid"}


def later(seconds: float) -> Now:
    return Now(NOW.wall + seconds, NOW.monotonic + seconds)


class World:
    """Caches and facts. Everything counts as synced unless it is in `unsynced`."""

    def __init__(self) -> None:
        self.objects: dict[tuple[Resource, Name], Object] = {}
        self.unsynced: set[Resource] = set()
        self.facts: dict[Any, Fact] = {}
        self.versions: dict[Resource, int] = {}

    def put(self, resource: Resource, thing: Object) -> Object:
        self.objects[resource, Name.of(thing)] = thing
        return thing

    def remove(self, resource: Resource, name: str, namespace: str = "") -> None:
        del self.objects[resource, Name(namespace, name)]

    def know(self, *name: Any, value: Any, at: float = NOW.monotonic) -> None:
        self.facts[name] = Fact(value, at)

    # --- View

    def synced(self, resource: Resource) -> bool:
        return resource not in self.unsynced

    def get(self, resource: Resource, name: Name) -> Object | None:
        return self.objects.get((resource, name))

    def list(self, resource: Resource, label: tuple[str, str] | None = None) -> tuple[Object, ...]:
        found = [thing for (kind, _), thing in sorted(self.objects.items()) if kind == resource]
        return tuple(thing for thing in found if label is None or labels(thing).get(label[0]) == label[1])

    def fact(self, name: Any) -> Fact | None:
        return self.facts.get(name)

    def version(self, resource: Resource) -> int:
        return self.versions.get(resource, 10_000)

    # --- planning

    def plan(self, controller: Controller, *key: str, settings: Settings = SETTINGS, now: Now = NOW) -> Plan:
        return controller.plan(controller.see(self, key, settings), settings, now)

    def intents(
        self, controller: Controller, *key: str, settings: Settings = SETTINGS, now: Now = NOW
    ) -> tuple[Intent, ...]:
        """All intents of the plan, without its branches."""
        return flat(self.plan(controller, *key, settings=settings, now=now))


def flat(plan: Plan) -> tuple[Intent, ...]:
    return tuple(intent for branch in plan.branches for intent in branch)


def of_type(intents: tuple[Intent, ...], kind: type) -> list[Any]:
    return [intent for intent in intents if isinstance(intent, kind)]


def roots(controller: Controller, resource: Resource | None, thing: Object | None) -> set[Key]:
    return set(controller.roots(resource, thing, SETTINGS))


# --- objects


def stamped(thing: Mapping[str, Any], **meta: Any) -> dict[str, Any]:
    """A stored object: with uid, generation and resourceVersion, or those given."""
    whole = {"uid": "u1", "generation": 1, "resourceVersion": "50", **thing.get("metadata", {}), **meta}
    return {**thing, "metadata": whole}


def template(name: str = "widget", kind: str = KIND, rego: str = REGO, **meta: Any) -> dict[str, Any]:
    names = {"kind": kind}
    schema = {"type": "object", "properties": {"values": {"type": "array", "items": {"type": "string"}}}}
    body = {
        "apiVersion": CONSTRAINT_TEMPLATES.api_version,
        "kind": "ConstraintTemplate",
        "metadata": {"name": name},
        "spec": {
            "crd": {"spec": {"names": names, "validation": {"openAPIV3Schema": schema}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    }
    return stamped(body, **meta)


def constraint(name: str = "only", spec: Mapping[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    body = {"apiVersion": WIDGETS.api_version, "kind": KIND, "metadata": {"name": name}, "spec": spec or {}}
    return stamped(body, **{"uid": "c1", **meta})


def pod(name: str = "gatewright", **meta: Any) -> dict[str, Any]:
    marks = {"gatekeeper.sh/system": "yes"}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NS, "labels": marks}}
    return stamped(body, **{"uid": f"pod-{name}", **meta})


def home(world: World) -> None:
    """Our Namespace and Pod stand."""
    world.put(NAMESPACES, stamped({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}}))
    world.put(PODS, pod())


def servers(world: World, *hosts: str) -> None:
    """EndpointSlice default/kubernetes with these API servers."""
    marks = {"kubernetes.io/service-name": "kubernetes"}
    slice_ = {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": marks},
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}} for host in hosts],
        "ports": [{"name": "https", "port": 6443}],
    }
    world.put(ENDPOINT_SLICES, slice_)


def applied(intent: Apply, before: Object | None = None, **meta: Any) -> dict[str, Any]:
    """The object that an API server stores after this apply: its fields, owned by their manager."""
    fields = {key: value for key, value in intent.fields.items() if key not in ("apiVersion", "kind")}
    own_meta = {k: v for k, v in intent.fields["metadata"].items() if k not in ("name", "namespace", "uid")}
    own_meta.pop("resourceVersion", None)
    owned = _fields({key: value for key, value in fields.items() if key != "metadata"})
    if own_meta:
        owned["f:metadata"] = _fields(own_meta)
    entry = {
        "manager": intent.manager,
        "operation": "Apply",
        "fieldsType": "FieldsV1",
        "fieldsV1": owned,
        **({"subresource": intent.subresource} if intent.subresource else {}),
    }
    base: dict[str, Any] = dict(before or {})
    kept = {**base.get("metadata", {}), **own_meta, "name": intent.fields["metadata"]["name"]}
    if intent.fields["metadata"].get("namespace"):
        kept["namespace"] = intent.fields["metadata"]["namespace"]
    others = [one for one in kept.get("managedFields", ()) if one["manager"] != intent.manager]
    kept["managedFields"] = [*others, entry]
    return stamped({**base, **intent.fields, "metadata": kept}, **meta)


def _fields(value: Any, key: str = "") -> dict[str, Any]:
    """FieldsV1 of a value: maps by field, the map lists of LIST_KEYS by key, other lists whole."""
    if isinstance(value, Mapping):
        return {f"f:{name}": _fields(part, name) for name, part in value.items()}
    if isinstance(value, list) and key in LIST_KEYS:
        named = LIST_KEYS[key]
        return {
            "k:" + json.dumps({named: item[named]}, separators=(",", ":")): {".": {}, **_fields(item)} for item in value
        }
    return {}


def served_crd(world: World, crd: dict[str, Any], *conditions: tuple[str, str]) -> dict[str, Any]:
    """Put a CRD with these conditions (type, status)."""
    told = [{"type": kind, "status": status, "message": f"{kind} is {status}"} for kind, status in conditions]
    return dict(world.put(CRDS, {**crd, "status": {"conditions": told}}))


def json_answer(body: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    return Response(status, (("content-type", "application/json"), *headers), json.dumps(body).encode())


def kinds_answer(*kinds: str) -> Response:
    """Discovery of a group version that serves these kinds."""
    return json_answer({"resources": [{"name": kind.lower(), "kind": kind, "namespaced": False} for kind in kinds]})


def conditions_of(thing: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for one in thing["status"]["conditions"]:
        yield one["type"], one["status"], one["reason"]
