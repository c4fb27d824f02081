"""The server's own controllers: names and life of CRDs, what its informers have seen, the garbage collector,
namespaces.

Each actor is a pure function of a State to changes and requests; the driver calls it when its inputs changed, after a
lag of its choice, and
again at the time it asks for. The garbage collector and the namespace actor are clients in the real cluster and so
send requests, which are
admitted like any other; the rest writes to the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.apiserver import admission, collecting, namespaces, resources
from gatewright.apiserver.apply import Writer, track
from gatewright.apiserver.calls import with_metadata
from gatewright.apiserver.config import Config
from gatewright.apiserver.crds import naming
from gatewright.apiserver.effects import Change, Commit, Follow, Open
from gatewright.apiserver.resources import CRDS
from gatewright.apiserver.state import State, Stored
from gatewright.apiserver.steps import NOTHING, Step
from gatewright.core.clock import Now
from gatewright.core.crds.conditions import condition_true
from gatewright.core.objects import Object, metadata, uid


@dataclass(frozen=True, slots=True)
class Actor:
    """One controller.

    inputs: what it looks at; it need not run again while all of these are the very same values
    lag:    which field of Timing says how long it takes to see a change
    """

    name: str
    step: Callable[[State, Now, Config], Step]
    inputs: Callable[[State], tuple[Any, ...]]
    lag: str = "actor_lag"


def _crd_table(state: State) -> tuple[Any, ...]:
    return (state.tables.get(CRDS),)


def accept_names(state: State, now: Now, config: Config) -> Step:
    """NamesAccepted, and Established=False beside it: one definition at a time, since they compete."""
    table = state.table(CRDS)
    every = [stored.thing for stored in table.all()]
    for stored in table.all():
        if metadata(stored.thing).get("deletionTimestamp"):
            continue
        made = naming.accept_names(stored.thing, every, now.timestamp())
        if made is not None:
            return Step((_status_write(stored, made, now, config),))
    return NOTHING


def establish(state: State, now: Now, config: Config) -> Step:
    """Established=True."""
    changes: list[Change] = []
    for stored in state.table(CRDS).all():
        made = naming.establish(stored.thing, now.timestamp())
        if made is not None and not metadata(stored.thing).get("deletionTimestamp"):
            changes.append(_status_write(stored, made, now, config))
    return Step(tuple(changes))


def _status_write(stored: Stored, made: Object, now: Now, config: Config) -> Commit:
    """A write to the status of a CRD by the server itself."""
    endpoint = config.registry.by_path["apiextensions.k8s.io", "v1", "customresourcedefinitions"]
    types = config.schemas.types(endpoint.api_version, endpoint.kind) or {}
    writer = Writer("kube-apiserver", endpoint.api_version, endpoint.kind, now.timestamp(), "status")
    owned = track(stored.thing, made, writer=writer, types=types)
    return Commit(stored.key, stored.version, owned)


def follow_crds(state: State, now: Now, config: Config) -> Step:
    """The server learns of new, changed and deleted definitions: from then on it serves accordingly."""
    view = resources.view_of(config.server)
    changes = _follow(state, view, CRDS)
    opened: list[Change] = []
    for change in changes:
        if isinstance(change, Follow) and change.stored is not None and resources.endpoints_of(change.stored):
            known = state.view(view, change.name)
            served = known is not None and resources.endpoints_of(known)
            if not served or (known is not None and uid(known.thing) != uid(change.stored.thing)):
                opened.append(Open(change.name))
    return Step((*changes, *opened))


def _follow(state: State, view: str, storage: str) -> list[Change]:
    table, known = state.table(storage), state.view_all(view)
    changes: list[Change] = []
    for stored in table.all():
        name = stored.key[2]
        if known.get(name) is not stored:
            changes.append(Follow(view, name, stored))
    changes.extend(Follow(view, name, None) for name in sorted(known) if table.get("", name) is None)
    return changes


def finish_crds(state: State, now: Now, config: Config) -> Step:
    """A definition under deletion: its instances go first, then its finalizer."""
    changes: list[Change] = []
    for key in sorted(state.dying):
        stored = state.get(key)
        if key[0] != CRDS or stored is None:
            continue
        begun = naming.begin_finalizing(stored.thing, now.timestamp())
        if begun is not None:
            changes.append(_status_write(stored, begun, now, config))
            continue
        instances = list(state.table(_instances_of(stored.thing)).all())
        served = condition_true(stored.thing, "Established")
        for instance in instances if served else ():
            change = _delete_instance(instance, now)
            if change is not None:
                changes.append(change)
        made = naming.finish_finalizing(stored.thing, len(instances), now.timestamp())
        if made is not None and not changes:
            if metadata(made).get("finalizers"):
                changes.append(_status_write(stored, made, now, config))
            else:
                changes.append(Commit(stored.key, stored.version, made, remove=True))
    return Step(tuple(changes))


def _instances_of(crd: Object) -> str:
    spec: Mapping[str, Any] = crd.get("spec") or {}
    return f"{(spec.get('names') or {}).get('plural')}.{spec.get('group')}"


def _delete_instance(stored: Stored, now: Now) -> Commit | None:
    meta = metadata(stored.thing)
    if not meta.get("finalizers"):
        return Commit(stored.key, stored.version, stored.thing, remove=True)
    if meta.get("deletionTimestamp"):
        return None
    marked = with_metadata(
        stored.thing,
        deletionTimestamp=now.timestamp(),
        deletionGracePeriodSeconds=0,
        generation=(meta.get("generation") or 0) + 1,
    )
    return Commit(stored.key, stored.version, marked)


def follow_webhooks(state: State, now: Now, config: Config) -> Step:
    """The server learns of webhook configurations."""
    changes: list[Change] = []
    for storage in (admission.VALIDATING, admission.MUTATING):
        changes.extend(_follow(state, admission.view_of(config.server, storage), storage))
    return Step(tuple(changes))


def _webhook_tables(state: State) -> tuple[Any, ...]:
    return (state.tables.get(admission.VALIDATING), state.tables.get(admission.MUTATING))


def _dying_crds(state: State) -> tuple[Any, ...]:
    watched: list[Any] = [state.dying]
    for key in sorted(state.dying):
        stored = state.get(key) if key[0] == CRDS else None
        if stored is not None:
            watched.extend((stored, state.tables.get(_instances_of(stored.thing))))
    return tuple(watched)


ACTORS: Mapping[str, Actor] = {
    actor.name: actor
    for actor in (
        Actor("crd-names", accept_names, _crd_table),
        Actor("crd-establishing", establish, _crd_table),
        Actor("crd-finalizer", finish_crds, _dying_crds),
        Actor("crd-follower", follow_crds, _crd_table),
        Actor("webhook-follower", follow_webhooks, _webhook_tables),
        Actor("garbage-collector", collecting.step, collecting.inputs, "collector_lag"),
        Actor("namespaces", namespaces.step, namespaces.inputs, "namespace_lag"),
    )
}
