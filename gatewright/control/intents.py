"""What a plan may ask for. Intents are values; `reconcile` carries them out and turns answers into facts.

A plan is a tuple of independent branches. A branch runs in order; a failure stops its own branch only, and every
prefix of a branch is safe to stop at. Nothing is decided because "my own write succeeded": what follows a write is
decided from what the watches show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from gatewright.core.http import Request
from gatewright.core.objects import Name, Object, Resource, metadata

FactName = tuple[Any, ...]  # hashable; its first element is the family, e.g. ("compiled", digest)


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of our fields, forced. `fields` carries apiVersion, kind, metadata.name (and namespace) and, as
    fences, metadata.uid for an object that must be this incarnation and metadata.resourceVersion for one that must be
    this version (on /status of custom resources the server ignores the uid: there the version is the fence)."""

    resource: Resource
    fields: Object
    manager: str
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Create:
    """POST; 409 AlreadyExists is a conflict like any other: look again."""

    resource: Resource
    fields: Object
    manager: str


@dataclass(frozen=True, slots=True)
class Delete:
    """With both preconditions, after a live read of the owner (lifecycle, rule 7)."""

    resource: Resource
    name: Name
    uid: str
    resource_version: str
    propagation: str = "Background"


@dataclass(frozen=True, slots=True)
class LiveRead:
    """GET past every cache. Fact ("live", resource, name): the object, or None for 404 NotFound."""

    resource: Resource
    name: Name


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request that changes nothing (a discovery read, a dry run) to one API server; the fact `fact` becomes its
    Response or NoAnswer.

    address: HOST:PORT, or "" for the one that we talk to.
    """

    fact: FactName
    request: Request
    address: str = ""


@dataclass(frozen=True, slots=True)
class Wake:
    """Plan this key again at a monotonic time (a timer: no error can swallow it)."""

    at: float


@dataclass(frozen=True, slots=True)
class Note:
    """Something this process now knows and other plans read: fact `fact` becomes `value` (None removes it)."""

    fact: FactName
    value: Any


@dataclass(frozen=True, slots=True)
class Compile:
    """Compile a template's code outside of the loop. Fact ("compiled", digest): policy.compiling.Compiled or Failed.

    source: what `policy.compiling.compile_source` takes (bytes that travel to a worker process).
    """

    digest: str
    source: bytes


@dataclass(frozen=True, slots=True)
class Load:
    """Put an entry into the policy snapshot that reviews run on, or take it out (entry None).

    slot: ("template", name) | ("constraint", kind, name) | ("exclusions",)
    Fact ("loaded", slot): the `identity` of the entry that every worker of this process now serves.
    """

    slot: tuple[str, ...]
    identity: tuple[str, int]  # uid and generation of what the entry was made from
    entry: Any  # policy.snapshot's entry value, or None


Intent = Apply | Create | Delete | LiveRead | Ask | Wake | Note | Compile | Load


@dataclass(frozen=True, slots=True, order=True)
class Mirror:
    """All cached objects of a resource stand in the policy snapshot, without an intent per object.

    slot: "object" -> ("object", group, version, kind, namespace, name), "namespace" -> ("namespace", name).
          An entry is the object's JSON bytes.
    skip: namespaces whose objects are left out (for Namespace objects: their names); "x*", "*x", "*x*" are wildcards.
    Fact ("mirrored", resource): True once every worker of this process serves the complete list.
    """

    resource: Resource
    slot: str = "object"
    skip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for a key.

    watches: resources that must be watched because of this key (kept watched while some key's last plan names them)
    mirrors: what is mirrored into the policy snapshot; a mirror is watched by itself, and its objects call no `roots`
    """

    branches: tuple[tuple[Intent, ...], ...] = ()
    watches: tuple[Resource, ...] = ()
    mirrors: tuple[Mirror, ...] = ()


def fields_digest(fields: Object) -> str:
    """What `Refusal.digest` holds: equal for equal fields, whatever their order and their fences (uid, version)."""
    meta = {key: value for key, value in metadata(fields).items() if key not in ("uid", "resourceVersion")}
    text = json.dumps({**fields, "metadata": meta}, sort_keys=True, separators=(",", ":"), default=dict)
    return blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a write can't work as it stands. Fact ("refused", resource, name, subresource), removed by the next write
    that works.

    digest: of the refused fields, so that a plan can tell "the same again" from a new wish.
    """

    status: int
    reason: str
    message: str
    digest: str
    at: float  # monotonic


@dataclass(frozen=True, slots=True)
class Trouble:
    """A transient failure that lasts. Fact ("trouble", controller, key), removed by the next pass without one."""

    message: str
    conflict: bool
    since: float  # monotonic
