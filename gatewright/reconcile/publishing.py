"""Loading policies: entries and mirrored objects go into the snapshot, the snapshot to the workers, their
acknowledgement becomes facts.

Called by `execution` (Load), `informing` (changes of mirrored resources, mirrors coming and going) and `shell`. What an
entry is, only the policy room knows; a mirrored object goes in as its JSON bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from gatewright.control.intents import Load, Mirror
from gatewright.core.objects import Name, Resource
from gatewright.kube.informer_events import Target
from gatewright.policy.wildcards import wildcard
from gatewright.reconcile.desk import Desk
from gatewright.reconcile.events import Publish
from gatewright.reconcile.publication import PATIENCE, LoadWaiter
from gatewright.reconcile.queues import QueueKey

Slot = tuple[str, ...]


def load(desk: Desk, key: QueueKey, branch: int, intent: Load) -> None:
    """Put the entry in (or take it out); the branch waits until that is served."""
    waiter = LoadWaiter(key, branch, intent.slot, intent.identity, intent.entry is not None)
    desk.publication = desk.publication.entry(intent.slot, intent.entry).waits(waiter)


def flush(desk: Desk) -> None:
    """Publish what has changed, unless an earlier version is still on its way."""
    if desk.publication.due(desk.time, busy=desk.queue.queued > 0):
        desk.publication = desk.publication.published(desk.time)
        desk.emit(Publish(desk.publication.version, desk.publication.snapshot))
        desk.at(desk.time + PATIENCE, ("publish",))


def served(desk: Desk, version: int) -> tuple[tuple[QueueKey, int], ...]:
    """A version is served everywhere: facts for what it brought. Returns the branches that waited for it."""
    desk.publication, waiters = desk.publication.acknowledged(version)
    branches = []
    for waiter in waiters:
        if isinstance(waiter, Resource):
            if _mirror_stands(desk, waiter):
                desk.note(("mirrored", waiter), True)
        else:
            desk.note(("loaded", waiter.slot), waiter.identity if waiter.present else None)
            branches.append((waiter.key, waiter.branch))
    return tuple(branches)


# --- mirrors


def mirror_changes(desk: Desk, resource: Resource, names: Iterable[Name]) -> None:
    """Changed objects of a mirrored resource into their slots, as they stand by now."""
    publication = desk.publication
    mirrors = desk.informers.mirrors_of(resource)
    informer = desk.informers.by_target.get(Target(resource))
    if informer is None:
        return
    for mirror in mirrors:
        skips = _Skipper(mirror)
        for name in names:
            if not skips(name):
                item = informer.cache.get(name)
                publication = publication.entry(_slot(mirror, name), item.raw if item is not None else None)
    desk.publication = publication


def mirror_complete(desk: Desk, resource: Resource) -> None:
    """The mirrored resource's list is complete: a fact once it is served."""
    desk.publication = desk.publication.waits(resource)


def mirror_incomplete(desk: Desk, resource: Resource) -> None:
    desk.note(("mirrored", resource), None)


def remirror(desk: Desk, resource: Resource, names: tuple[tuple[Name, bytes], ...], before: tuple[Mirror, ...]) -> None:
    """The mirrors of a resource changed: entries that no mirror wants go, those newly wanted come."""
    after = desk.informers.mirrors_of(resource)
    old = [(mirror, _Skipper(mirror)) for mirror in before]
    new = [(mirror, _Skipper(mirror)) for mirror in after]
    publication = desk.publication
    for name, raw in names:
        had = {_slot(mirror, name) for mirror, skips in old if not skips(name)}
        wants = {_slot(mirror, name) for mirror, skips in new if not skips(name)}
        for slot in sorted(had - wants):
            publication = publication.entry(slot, None)
        for slot in sorted(wants - had):
            publication = publication.entry(slot, raw)
    desk.publication = publication


def _mirror_stands(desk: Desk, resource: Resource) -> bool:
    """Whether the resource is still mirrored and complete by the time it is served."""
    return bool(desk.informers.mirrors_of(resource)) and desk.informers.mirror_synced(resource)


def _slot(mirror: Mirror, name: Name) -> Slot:
    if mirror.slot == "namespace":
        return ("namespace", name.name)
    resource = mirror.resource
    return ("object", resource.group, resource.version, resource.kind, name.namespace, name.name)


class _Skipper:
    """Whether a mirror leaves an object out: by its namespace, and a Namespace by its own name."""

    def __init__(self, mirror: Mirror) -> None:
        self._fits = tuple(wildcard(pattern) for pattern in mirror.skip)
        self._by_name = mirror.resource.group == "" and mirror.resource.kind == "Namespace"

    def __call__(self, name: Name) -> bool:
        place = name.name if self._by_name else name.namespace
        return bool(place) and any(fits(place) for fits in self._fits)
