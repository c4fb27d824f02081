"""What is synced into data.inventory, which namespaces are left alone, and whether the inventory is complete.

Run by every process that evaluates; one key. Reads the Config named `config` in our namespace and every SyncSet
(Gatekeeper behaviour, 8), finds by discovery where their kinds are served, and asks for mirrors. Namespaces are
always mirrored: matching needs them.

The note ("inventory",) holds what is still lacking, one text for each kind; it is () once every wanted kind is mirrored
in every worker. A template that reads data.inventory is not told as ingested before, and tells what it waits for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from gatewright.control.intents import Ask, FactName, Intent, Load, Mirror, Note, Plan, Wake
from gatewright.control.template_ingest import EVALUATES
from gatewright.control.view import Controller, Fact, Key, View, Watched
from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Kind, Name, Object, Resource, generation, uid
from gatewright.core.settings import Settings
from gatewright.kinds.config import CONFIG_NAME, read_config, read_sync_set
from gatewright.kinds.resources import CONFIGS, NAMESPACES, SYNC_SETS
from gatewright.policy.exclusion import Exclusions

NOTE: FactName = ("inventory",)
LOOK_AGAIN = 5.0  # seconds until a kind that is not served is looked for again
SYNC_PROCESSES = ("sync", "*")


@dataclass(frozen=True, slots=True)
class Seen:
    """found: for each wanted kind, the answer of discovery for its group and version, if there is one yet."""

    synced: bool
    config: Object | None
    wanted: tuple[Kind, ...]
    skip: tuple[str, ...]
    found: tuple[tuple[Kind, Fact | None], ...]
    mirrored: frozenset[Resource]
    loaded: Fact | None


def see(view: View, _key: Key, settings: Settings) -> Seen:
    config = view.get(CONFIGS, Name(settings.namespace, CONFIG_NAME))
    kinds: set[Kind] = set()
    skip: set[str] = set()
    if config is not None:
        record = read_config(config)
        kinds.update(record.sync_only)
        for exclusion in record.exclusions:
            if any(process in SYNC_PROCESSES for process in exclusion.processes):
                skip.update(exclusion.namespaces)
    for sync_set in view.list(SYNC_SETS):
        kinds.update(read_sync_set(sync_set).kinds)
    wanted = tuple(sorted(kinds))
    found = tuple((kind, view.fact(_discovery(kind))) for kind in wanted)
    resources = [resource for kind, fact in found if (resource := _served(kind, fact)) is not None]
    return Seen(
        synced=view.synced(CONFIGS) and view.synced(SYNC_SETS),
        config=config,
        wanted=wanted,
        skip=tuple(sorted(skip)),
        found=found,
        mirrored=frozenset(one for one in resources if view.fact(("mirrored", one)) is not None),
        loaded=view.fact(("loaded", ("exclusions",))),
    )


def plan(seen: Seen, _settings: Settings, now: Now) -> Plan:
    namespaces = Mirror(NAMESPACES, slot="namespace")
    if not seen.synced:
        return Plan(mirrors=(namespaces,))
    mirrors = [namespaces]
    questions: list[Intent] = []
    lacking: list[str] = []
    for kind, fact in seen.found:
        resource = _served(kind, fact)
        if resource is None:
            lacking.append(f"{_shown(kind)} ({_unserved(fact)})")
            questions += _look(kind, fact, now)
            continue
        mirrors.append(Mirror(resource, skip=seen.skip))
        if resource not in seen.mirrored:
            lacking.append(f"{_shown(kind)} (being read)")
    return Plan((_exclusions(seen), (Note(NOTE, tuple(lacking)),), tuple(questions)), mirrors=tuple(mirrors))


def _shown(kind: Kind) -> str:
    return f"{kind.kind} of {kind.api_version}"


def _unserved(fact: Fact | None) -> str:
    """Why a kind can't be mirrored. Only the API server's own word says that it isn't served."""
    if fact is None:
        return "being looked for"
    if isinstance(fact.value, NoAnswer) or fact.value.status not in (200, 404):
        return "discovery does not answer"
    return "not served: correct Config or SyncSet, or install its CRD"


def _exclusions(seen: Seen) -> tuple[Intent, ...]:
    if seen.config is None:
        return (Load(("exclusions",), ("", 0), None),) if seen.loaded is not None else ()
    identity = (uid(seen.config), generation(seen.config))
    if seen.loaded is not None and seen.loaded.value == identity:
        return ()
    return (Load(("exclusions",), identity, Exclusions.of(read_config(seen.config))),)


def _discovery(kind: Kind) -> FactName:
    return ("api", kind.group, kind.version)


def _served(kind: Kind, fact: Fact | None) -> Resource | None:
    """Where discovery says that a kind is served; None while that is unknown or it isn't."""
    if fact is None or isinstance(fact.value, NoAnswer) or fact.value.status != 200:
        return None
    answer: Response = fact.value
    for entry in json.loads(answer.body).get("resources") or ():
        if entry.get("kind") == kind.kind and "/" not in str(entry.get("name")):
            return Resource(kind.group, kind.version, str(entry["name"]), kind.kind, bool(entry.get("namespaced")))
    return None


def _look(kind: Kind, fact: Fact | None, now: Now) -> tuple[Intent, ...]:
    if fact is not None and now.monotonic < fact.at + LOOK_AGAIN:
        return (Wake(fact.at + LOOK_AGAIN),)
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    request = Request("GET", root, headers=(("accept", "application/json"),))
    return (Ask(_discovery(kind), request), Wake(now.monotonic + LOOK_AGAIN))


def _watches(settings: Settings) -> tuple[Watched, ...]:
    return (Watched(CONFIGS, settings.namespace), Watched(SYNC_SETS))


def _roots(resource: Resource | None, _thing: Object | None, _settings: Settings) -> Iterable[Key]:
    return (("sync",),) if resource is None else ()


CONTROLLER = Controller(name="sync", operations=EVALUATES, watches=_watches, roots=_roots, see=see, plan=plan)
