"""Owners seen through the scale subresource: the replicas of an object are spec.replicas of its Scale.

A handler of /scale calls `write_through` with its Scale and a function that applies or tracks; `to_scale` and
`to_parent` carry the owners there and back. Source: apimachinery's ScaleHandler, whose entries of new owners have no
time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gatewright.apiserver.apply import fields, managers
from gatewright.apiserver.apply.fields import Path
from gatewright.apiserver.apply.managers import ManagedFieldsError, Manager, Owned
from gatewright.core.objects import Object

SCALE_VERSION = "autoscaling/v1"
_REPLICAS: Path = ("f:spec", "f:replicas")

# Where each version of the parent keeps its replicas, as elements: {"apps/v1": ("f:spec", "f:replicas")}; None where it
# has no scale.
ReplicasPaths = Mapping[str, Path | None]


def write_through(
    parent: Object,
    scale: Object,
    write: Callable[[Object], Object],
    *,
    api_version: str,
    replicas: tuple[str, ...] = ("spec", "replicas"),
) -> tuple[Object, list[dict[str, Any]]]:
    """The written Scale, and the managedFields that its parent has then.

    scale: the parent's Scale, without managedFields; write: gives the new Scale of it, by `apply` or `track` with the
    Scale's own types and a writer of SCALE_VERSION and the subresource "scale"; what it raises goes through.
    api_version: of the parent; replicas: where the parent keeps them.
    """
    paths: ReplicasPaths = {api_version: tuple(map(fields.field, replicas))}
    owners = managers.entries(parent)
    written = write(managers.with_entries(scale, to_scale(owners, paths)))
    return written, to_parent(owners, managers.entries(written), api_version, paths)


def to_scale(parent: Any, paths: ReplicasPaths) -> list[dict[str, Any]]:
    """The managedFields of a Scale: the entries of the parent's that own its replicas. None where the parent's can't
    be read.
    """
    found: dict[Manager, Owned] = {}
    for who, owned in _readable(parent).items():
        path = paths.get(owned.api_version)
        if path and fields.has(owned.fields, path):
            found[who] = Owned(fields.of(_REPLICAS), SCALE_VERSION, owned.time)
    return managers.write(found)


def to_parent(parent: Any, scale: Any, api_version: str, paths: ReplicasPaths) -> list[dict[str, Any]]:
    """The parent's managedFields after its Scale got these: who no longer owns the replicas there gives them up."""
    by_scale = _readable(scale)
    found: dict[tuple[Manager, bool], Owned] = {}
    for who, owned in _readable(parent).items():
        if owned.api_version not in paths:
            continue
        path = paths[owned.api_version]
        if path and fields.has(owned.fields, path):
            if who in by_scale:
                del by_scale[who]
            else:
                owned = Owned(fields.difference(owned.fields, fields.of(path)), owned.api_version, owned.time)
        if owned.fields:
            found[who, False] = owned
    own_path = paths.get(api_version)
    times = {who: owned.time for who, owned in _readable(parent).items()}
    for who, owned in by_scale.items():
        if own_path and fields.has(owned.fields, _REPLICAS):
            found[who, True] = Owned(fields.of(own_path), api_version, times.get(who))
    # An updater is named with its version, which differs between Scale and parent: it may have an entry from each.
    mixed = [(who, owned) for (who, _), owned in found.items()]
    return managers.write_all(mixed)


def _readable(listed: Any) -> dict[Manager, Owned]:
    try:
        return managers.read(listed)
    except ManagedFieldsError:
        return {}
