"""A small model of an API server and a driver on a virtual clock, for tests of the shell.

The model knows what the shell's own rules rest on: one global resourceVersion, uids, pages, watches, fences of an
apply, preconditions of a DELETE. It is no API server: `test_embedded.py` runs the same controller against the embedded
one.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gatewright.control.intents import Apply, Plan
from gatewright.control.view import Controller, Watched
from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name, Resource, uid
from gatewright.core.settings import Settings
from gatewright.reconcile import events
from gatewright.reconcile.shell import Shell, step

JSON_HEADERS = (("content-type", "application/json"),)


def status(code: int, reason: str, message: str, **more: Any) -> Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }
    return Response(code, JSON_HEADERS, json.dumps({**body, **more}).encode())


def answer(thing: Any, code: int = 200) -> Response:
    return Response(code, JSON_HEADERS, json.dumps(thing).encode())


NOT_SERVED = Response(404, (("content-type", "text/plain"),), b"404 page not found\n")


@dataclass
class Model:
    """Objects by (collection path, name) and the log of what happened to them."""

    version: int = 100
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    log: list[tuple[int, str, str, dict[str, Any]]] = field(default_factory=list)  # version, collection, type, object
    unserved: set[str] = field(default_factory=set)
    oldest: int = 0  # watches from before are too old
    uids: int = 0

    def collection(self, path: str) -> tuple[str, str, str]:
        """(collection of all namespaces, key in it, subresource) of a path."""
        parts = path.strip("/").split("/")
        root, rest = (parts[:2], parts[2:]) if parts[0] == "api" else (parts[:3], parts[3:])
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        plural, name, sub = (*rest, "", "")[:3]
        key = f"{namespace}/{name}" if namespace else name
        return "/".join((*root, plural)), key, sub

    def put(self, path: str, thing: dict[str, Any], kind: str = "") -> dict[str, Any]:
        """As a user would: created or changed, no questions asked."""
        collection, key, _ = self.collection(path)
        old = self.objects.get((collection, key))
        self.version += 1
        if old is None:
            self.uids += 1
        meta = {
            **thing.get("metadata", {}),
            "uid": old["metadata"]["uid"] if old else f"u{self.uids}",
            "resourceVersion": str(self.version),
        }
        new = {**thing, "metadata": meta}
        self.objects[collection, key] = new
        self.log.append((self.version, collection, "MODIFIED" if old else "ADDED", new))
        return new

    def remove(self, path: str) -> None:
        collection, key, _ = self.collection(path)
        old = self.objects.pop((collection, key))
        self.version += 1
        gone = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.version)}}
        self.log.append((self.version, collection, "DELETED", gone))

    def handle(self, request: Request) -> Response:
        collection, key, _ = self.collection(request.path)
        if collection in self.unserved:
            return NOT_SERVED
        held = self.objects.get((collection, key))
        if request.method == "GET":
            if key.endswith("/") or not key or request.path.endswith(collection.rsplit("/", 1)[-1]):
                return self._list(collection, key, request)
            return answer(held) if held else status(404, "NotFound", f'"{key}" not found')
        body = json.loads(request.body or b"{}")
        if request.method == "PATCH":
            return self._apply(request, held, body)
        if request.method == "POST":
            name = body["metadata"]["name"]
            if (collection, name if not key else key + name) in self.objects:
                return status(409, "AlreadyExists", f'"{name}" already exists')
            return answer(self.put(f"{request.path}/{name}", body), 201)
        if request.method == "PUT":
            if held is None:
                return status(404, "NotFound", f'"{key}" not found')
            if held["metadata"]["resourceVersion"] != body["metadata"].get("resourceVersion"):
                return status(409, "Conflict", "the object has been modified")
            return answer(self.put(request.path, body))
        return self._delete(request, held, body.get("preconditions", {}))

    def _apply(self, request: Request, held: Any, body: dict[str, Any]) -> Response:
        meta = body["metadata"]
        if held is None:
            if "uid" in meta:
                return status(409, "Conflict", f"uid mismatch: the provided object specified uid {meta['uid']}")
            return answer(self.put(request.path, body), 201)
        if meta.get("resourceVersion") not in (None, held["metadata"]["resourceVersion"]):
            return status(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        if meta.get("uid") not in (None, held["metadata"]["uid"]):
            causes = {"causes": [{"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "immutable"}]}
            return status(422, "Invalid", "metadata.uid: field is immutable", details=causes)
        new = {**held, **{name: value for name, value in body.items() if name != "metadata"}}
        return answer(held) if new == held else answer(self.put(request.path, new))

    def _delete(self, request: Request, held: Any, wanted: dict[str, str]) -> Response:
        if held is None:
            return status(404, "NotFound", "not found")
        for name in ("uid", "resourceVersion"):
            if name in wanted and wanted[name] != held["metadata"][name]:
                return status(409, "Conflict", f"the {name} in the precondition does not match")
        self.remove(request.path)
        return answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _list(self, collection: str, prefix: str, request: Request) -> Response:
        items = self.stored(collection, prefix)
        limit, start = int(request.argument("limit") or 0), int(request.argument("continue") or 0)
        page = items[start : start + limit] if limit else items
        token = str(start + limit) if limit and start + limit < len(items) else ""
        meta = {"resourceVersion": str(self.version), **({"continue": token} if token else {})}
        return answer({"kind": "List", "apiVersion": "v1", "metadata": meta, "items": page})

    def stored(self, collection: str, prefix: str) -> list[dict[str, Any]]:
        return [
            thing
            for (place, key), thing in sorted(self.objects.items())
            if place == collection and key.startswith(prefix)
        ]

    def since(self, collection: str, prefix: str, version: int) -> list[bytes]:
        """Lines of a watch for what happened after a version."""
        return [
            json.dumps({"type": kind, "object": thing}).encode() + b"\n"
            for at, place, kind, thing in self.log
            if place == collection and at > version and self.key(thing).startswith(prefix)
        ]

    def key(self, thing: dict[str, Any]) -> str:
        meta = thing["metadata"]
        return f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else meta["name"]

    def initial(self, collection: str, prefix: str) -> list[bytes]:
        lines = [
            json.dumps({"type": "ADDED", "object": thing}).encode() + b"\n" for thing in self.stored(collection, prefix)
        ]
        mark = {"resourceVersion": str(self.version), "annotations": {"k8s.io/initial-events-end": "true"}}
        return [*lines, json.dumps({"type": "BOOKMARK", "object": {"metadata": mark}}).encode() + b"\n"]


@dataclass
class Stream:
    collection: str
    prefix: str
    seen: int
    initial: bool = False


class Driver:
    """Carries effects between a shell and a model on a virtual clock. `meddle` may answer a request before the model
    does.
    """

    def __init__(self, shell: Shell, model: Model) -> None:
        self.shell, self.model = shell, model
        self.time = 1000.0
        self.alarm: float | None = None
        self.streams: dict[int, Stream] = {}
        self.todo: deque[events.Event] = deque()
        self.sent: list[Request] = []
        self.counts: dict[str, int] = {}
        self.told: list[events.Tell] = []
        self.published: list[events.Publish] = []
        self.meddle: Callable[[Request], Response | NoAnswer | None] = lambda request: None
        self.compile: Callable[[bytes], Any] = lambda source: source
        self.hold_watches = False
        self.held: list[events.Effect] = []
        self.steps = 0

    @property
    def now(self) -> Now:
        return Now(1_700_000_000.0 + self.time, self.time)

    def give(self, event: events.Event) -> tuple[events.Effect, ...]:
        self.shell, effects = step(self.shell, event, self.now)
        self.steps += 1
        for effect in effects:
            self._carry(effect)
        return effects

    def start(self) -> None:
        self.give(events.Started())
        self.settle()

    def settle(self, limit: int = 100_000) -> None:
        """Until nothing happens without time passing."""
        for _ in range(limit):
            if not self._turn():
                return
        raise AssertionError("the shell does not come to rest")

    def run(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self.time + seconds
        self.settle()
        while self.alarm is not None and self.alarm <= end:
            self.time = max(self.time, self.alarm)
            self.settle()
        self.time = end

    def _turn(self) -> bool:
        if self.todo:
            self.give(self.todo.popleft())
            return True
        if not self.hold_watches and self._pump():
            return True
        if self.alarm is not None and self.alarm <= self.time:
            at, self.alarm = self.alarm, None
            self.give(events.TimerFired(at))
            return True
        return False

    def _pump(self) -> bool:
        for number, stream in sorted(self.streams.items()):
            if stream.initial:
                lines = self.model.initial(stream.collection, stream.prefix)
                stream.initial = False
            else:
                lines = self.model.since(stream.collection, stream.prefix, stream.seen)
            if lines:
                stream.seen = self.model.version
                self.give(events.WatchLines(number, b"".join(lines)))
                return True
        return False

    def _carry(self, effect: events.Effect) -> None:
        if isinstance(effect, events.Send):
            self.sent.append(effect.request)
            answered = self.meddle(effect.request)
            self.todo.append(events.Answered(effect.request_id, answered or self.model.handle(effect.request)))
        elif isinstance(effect, events.OpenWatch):
            self._open(effect)
        elif isinstance(effect, events.CloseWatch):
            self.streams.pop(effect.stream, None)
        elif isinstance(effect, events.SetTimer):
            self.alarm = effect.at
        elif isinstance(effect, events.StartCompile):
            self.todo.append(events.CompileDone(effect.digest, self.compile(effect.source)))
        elif isinstance(effect, events.Publish):
            self.published.append(effect)
            self.todo.append(events.SnapshotServed(effect.version))
        elif isinstance(effect, events.Count):
            self.counts[effect.metric] = self.counts.get(effect.metric, 0) + effect.amount
        else:
            self.told.append(effect)

    def _open(self, effect: events.OpenWatch) -> None:
        request = effect.request
        collection, prefix, _ = self.model.collection(request.path)
        answered = self.meddle(request)
        if answered is None and collection in self.model.unserved:
            answered = NOT_SERVED
        if answered is not None:
            self.todo.append(events.Answered(effect.stream, answered))
        elif request.argument("sendInitialEvents"):
            self.streams[effect.stream] = Stream(collection, prefix, self.model.version, initial=True)
        else:
            self.streams[effect.stream] = Stream(collection, prefix, int(request.argument("resourceVersion")))

    def writes(self) -> list[Request]:
        return [request for request in self.sent if request.method != "GET"]


# --- a toy: every widget has a gadget with the same spec.x


WIDGETS = Resource("t.example.io", "v1", "widgets", "Widget")
GADGETS = Resource("t.example.io", "v1", "gadgets", "Gadget")


@dataclass(frozen=True)
class Pair:
    widget: Any
    gadget: Any
    synced: bool


def see_pair(view: Any, key: tuple[str, ...], settings: Settings) -> Pair:
    name = Name("", key[0])
    synced = view.synced(WIDGETS) and view.synced(GADGETS)
    return Pair(view.get(WIDGETS, name), view.get(GADGETS, name), synced)


def plan_pair(seen: Pair, settings: Settings, now: Now) -> Plan:
    if not seen.synced or seen.widget is None:
        return Plan()
    wanted = {"x": seen.widget["spec"]["x"]}
    if seen.gadget is not None and seen.gadget.get("spec") == wanted:
        return Plan()
    meta = {"name": seen.widget["metadata"]["name"], "labels": {"made": "yes"}}
    if seen.gadget is not None:
        meta["uid"] = uid(seen.gadget)
    fields = {"apiVersion": GADGETS.api_version, "kind": "Gadget", "metadata": meta, "spec": wanted}
    return Plan(((Apply(GADGETS, fields, "toy"),),))


def widget_roots(resource: Any, thing: Any, settings: Settings) -> Iterator[tuple[str, ...]]:
    if resource == WIDGETS:
        yield (thing["metadata"]["name"],)


PAIRS = Controller(
    name="pairs",
    operations=frozenset(),
    watches=lambda settings: (Watched(WIDGETS), Watched(GADGETS)),
    roots=widget_roots,
    see=see_pair,
    plan=plan_pair,
)


def widget(name: str, x: int, **labels: str) -> dict[str, Any]:
    meta = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "t.example.io/v1", "kind": "Widget", "metadata": meta, "spec": {"x": x}}


class Toys:
    """What tests need of this file, as one fixture."""

    Model, Driver = Model, Driver
    widgets, gadgets, pairs = WIDGETS, GADGETS, PAIRS
    widget = staticmethod(widget)
    status = staticmethod(status)
    answer = staticmethod(answer)
    not_served = NOT_SERVED

    @staticmethod
    def path(resource: Resource, name: str, namespace: str = "") -> str:
        return resource.path(namespace, name)

    @staticmethod
    def driver(
        *controllers: Controller, model: Model | None = None, settings: Settings | None = None, **more: Any
    ) -> Driver:
        shell = Shell.new(controllers or (PAIRS,), settings or Settings(), strict=True, **more)
        return Driver(shell, model or Model())


@pytest.fixture
def toys() -> type[Toys]:
    return Toys
