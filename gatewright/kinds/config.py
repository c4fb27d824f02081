"""Config and SyncSet as records: which kinds are synced into data.inventory, and which namespaces which process
leaves alone.

Read by `control.sync`, `policy.exclusion` and `gator`. Fields of the wrong JSON type read as absent: the API server's
schema refuses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.objects import Kind, Object, dig, generation, metadata, uid

CONFIG_NAME = "config"  # the only name that acts (Gatekeeper behaviour, 2.3)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Namespaces (globs) that the named processes leave alone: audit, webhook, mutation-webhook, sync or "*"."""

    processes: tuple[str, ...]
    namespaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """Whose requests for which kind are traced; dump "All" (any case) also logs the engines' state."""

    user: str
    kind: Kind
    dump: str


@dataclass(frozen=True, slots=True)
class Config:
    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    sync_only: tuple[Kind, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    traces: tuple[Trace, ...] = ()
    stats: bool = False


@dataclass(frozen=True, slots=True)
class SyncSet:
    name: str
    uid: str = ""
    generation: int = 0
    kinds: tuple[Kind, ...] = ()


def read_config(thing: Object) -> Config:
    """The record of a Config object."""
    meta = metadata(thing)
    exclusions = tuple(
        Exclusion(_texts(entry.get("processes")), _texts(entry.get("excludedNamespaces")))
        for entry in _entries(dig(thing, "spec", "match"))
    )
    traces = tuple(
        Trace(str(entry.get("user") or ""), _kind(entry.get("kind")), str(entry.get("dump") or ""))
        for entry in _entries(dig(thing, "spec", "validation", "traces"))
    )
    return Config(
        name=str(meta.get("name") or ""),
        namespace=str(meta.get("namespace") or ""),
        uid=uid(thing),
        generation=generation(thing),
        sync_only=tuple(_kind(entry) for entry in _entries(dig(thing, "spec", "sync", "syncOnly"))),
        exclusions=exclusions,
        traces=traces,
        stats=dig(thing, "spec", "readiness", "statsEnabled") is True,
    )


def read_sync_set(thing: Object) -> SyncSet:
    """The record of a SyncSet object."""
    kinds = tuple(_kind(entry) for entry in _entries(dig(thing, "spec", "gvks")))
    return SyncSet(str(metadata(thing).get("name") or ""), uid(thing), generation(thing), kinds)


def _entries(found: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _texts(found: Any) -> tuple[str, ...]:
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def _kind(found: Any) -> Kind:
    found = found if isinstance(found, Mapping) else {}
    return Kind(str(found.get("group") or ""), str(found.get("version") or ""), str(found.get("kind") or ""))
