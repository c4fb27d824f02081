"""What a reconcile of the peer may do, and small objects that its controllers share.

A reconcile is a generator of these steps. It is made afresh and fed the recorded answers whenever its world moves on,
so it may depend on nothing but its key and those answers.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name, Object, Resource, metadata

JSON_HEADERS = (("content-type", "application/json"), ("accept", "application/json"), ("user-agent", "gatekeeper"))


@dataclass(frozen=True, slots=True)
class CachedGet:
    """Read one object from the informer cache. Answer: Object or None."""

    resource: Resource
    name: Name


@dataclass(frozen=True, slots=True)
class CachedList:
    """All objects of a resource in the informer cache. Answer: tuple of objects."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the API server. Answer: Response or NoAnswer."""

    request: Request


@dataclass(frozen=True, slots=True)
class Pause:
    """Sleep inside a reconcile (a retry's delay), in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Remember:
    """A change of the process's memory: what the engine holds, what is watched. Answer: the memory before it.

    add, drop: words such as "template:x" and "watching:K"
    """

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Hand keys to another controller (its channel)."""

    controller: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """How a reconcile ended. error: back off and try again; after: look again that many seconds later (lost
    where there is an error).
    """

    error: bool = False
    after: float | None = None


Step = CachedGet | CachedList | Call | Pause | Remember | Enqueue
Reconcile = Generator[Step, Any, Done]


def put(resource: Resource, thing: Object, subresource: str = "") -> Call:
    """A full-object update, as all writes of the peer are."""
    name = Name.of(thing)
    path = resource.path(name.namespace, name.name, subresource)
    return Call(Request("PUT", path, (("fieldManager", "gatekeeper"),), JSON_HEADERS, json.dumps(thing).encode()))


def post(resource: Resource, thing: Object) -> Call:
    path = resource.path(Name.of(thing).namespace)
    return Call(Request("POST", path, (("fieldManager", "gatekeeper"),), JSON_HEADERS, json.dumps(thing).encode()))


def remove(resource: Resource, name: Name) -> Call:
    """A delete by name, without preconditions."""
    return Call(Request("DELETE", resource.path(name.namespace, name.name), (), JSON_HEADERS))


def failed(answer: Response | NoAnswer) -> str:
    """ "" for a success, else the error's text as Go's client tells it."""
    if isinstance(answer, NoAnswer):
        return answer.cause
    if answer.status < 300:
        return ""
    return message(answer)


def thing(answer: Response) -> Object:
    """The object in the answer of a successful write."""
    found: Object = json.loads(answer.body)
    return found


def message(answer: Response) -> str:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return answer.body.decode("utf-8", "replace").strip()
    return str(found.get("message") or "")


def conflict(answer: Response | NoAnswer) -> bool:
    return isinstance(answer, Response) and answer.status == 409


def changed_metadata(thing: Object, annotations: Mapping[str, str]) -> dict[str, Any]:
    """A copy of an object with more annotations."""
    meta = metadata(thing)
    held = dict(meta.get("annotations") or {})
    return {**thing, "metadata": {**meta, "annotations": {**held, **annotations}}}
