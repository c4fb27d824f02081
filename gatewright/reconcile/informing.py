"""Informers at work: drives their list-and-watch machines, keeps their caches, and wakes whoever read what changed.

Called by `shell` with answers, lines and timers, and by `planning` when a plan wants other watches or mirrors. What the
protocol does next is `kube.listwatch`'s; what a change means for a key is the plan's. Here changes become wake-ups,
roots and entries of the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gatewright.control.intents import Mirror
from gatewright.core.http import NoAnswer, Response
from gatewright.core.objects import Name, Resource
from gatewright.kube import informer_events as wire
from gatewright.kube import listwatch
from gatewright.kube.informer_events import Target
from gatewright.kube.listwatch import ListWatch, State
from gatewright.reconcile import publishing
from gatewright.reconcile.caches import Cache, Change
from gatewright.reconcile.desk import Desk, Wanted, Work
from gatewright.reconcile.events import CloseWatch
from gatewright.reconcile.informers import Informer
from gatewright.reconcile.queues import QueueKey
from gatewright.reconcile.reads import Read

CHUNK = 25  # changes looked at in one step: some milliseconds
_STREAMS = (State.STREAMING, State.WATCHING)
_UNWATCHABLE = (401, 403, 404, 405)
_LEVELS = {"regressed": "warning", "lost": "warning", "garbage": "error", "stalled": "warning", "behind": "warning"}


# --- what comes in


def answered(desk: Desk, target: Target, answer: Response | NoAnswer) -> None:
    _off_channel(desk, target)
    _drive(desk, target, wire.Answer(answer))


def lines(desk: Desk, target: Target, data: bytes) -> None:
    _drive(desk, target, wire.Data(data))


def closed(desk: Desk, target: Target, cause: str) -> None:
    _off_channel(desk, target)
    _drive(desk, target, wire.Closed(cause))


def tick(desk: Desk, target: Target) -> None:
    """A timer of this informer fired; it may be an old one."""
    informer = desk.informers.by_target.get(target)
    if informer is not None and informer.alarm <= desk.time:
        desk.informers = desk.informers.put(replace(informer, alarm=0.0))
        _drive(desk, target, wire.Tick())


def stop(desk: Desk) -> None:
    for target in sorted(desk.informers.by_target):
        _drive(desk, target, wire.Stop())


# --- what is wanted


def want(desk: Desk, key: QueueKey, wanted: Wanted) -> None:
    """A key's latest plan wants these watches and mirrors, instead of those that it wanted before."""
    before = desk.wanted.get(key) or Wanted()
    if before == wanted:
        return
    empty = wanted == Wanted()
    desk.wanted = desk.wanted.discard(key) if empty else desk.wanted.insert(key, wanted)
    watch(desk, before.targets, wanted.targets)
    _mirror(desk, before.mirrors, wanted.mirrors)


def watch(desk: Desk, before: tuple[Target, ...], after: tuple[Target, ...]) -> None:
    """One user wants the targets `after` instead of `before`."""
    for target in after:
        if target not in before:
            _use(desk, target, +1)
    for target in before:
        if target not in after:
            _use(desk, target, -1)


def _use(desk: Desk, target: Target, difference: int) -> None:
    informer = _ensured(desk, target)
    users = informer.users + difference
    changed = (informer.users > 0) != (users > 0)
    desk.informers = desk.informers.put(replace(informer, users=users))
    if users == 0 and not informer.mirrored:
        _dropped(desk, target)
    if changed:  # its objects appear to plans, or disappear for them
        resource = target.resource
        _later(desk, resource, tuple(Change(item.name, None, item) for item in informer.cache.find(None)))
        desk.wake_readers(("synced", resource))


def _mirror(desk: Desk, before: tuple[Mirror, ...], after: tuple[Mirror, ...]) -> None:
    came = [mirror for mirror in after if mirror not in before]
    went = [mirror for mirror in before if mirror not in after]
    for resource in sorted({mirror.resource for mirror in came + went}):
        old = desk.informers.mirrors_of(resource)
        users = dict(desk.informers.mirrors.get(resource) or ())
        for mirror in came:
            if mirror.resource == resource:
                users[mirror] = users.get(mirror, 0) + 1
        for mirror in went:
            if mirror.resource == resource:
                users[mirror] -= 1
        left = tuple(sorted((mirror, count) for mirror, count in users.items() if count))
        mirrors = desk.informers.mirrors
        mirrors = mirrors.insert(resource, left) if left else mirrors.remove(resource)
        desk.informers = replace(desk.informers, mirrors=mirrors)
        if old != tuple(mirror for mirror, _ in left):
            _remirrored(desk, Target(resource), old, bool(left))


def _remirrored(desk: Desk, target: Target, old: tuple[Mirror, ...], still: bool) -> None:
    resource = target.resource
    informer = replace(_ensured(desk, target), mirrored=still)
    desk.informers = desk.informers.put(informer)
    publishing.mirror_incomplete(desk, resource)
    names = tuple((item.name, item.raw) for item in informer.cache.find(None))
    publishing.remirror(desk, resource, names, old)
    if still and informer.cache.synced:
        _complete(desk, resource)
    if not still and not informer.readable:
        _dropped(desk, target)


def _ensured(desk: Desk, target: Target) -> Informer:
    """The informer of a target, made and started where there is none."""
    if target not in desk.informers.by_target:
        machine = ListWatch(target, streaming=desk.setup.streaming)
        desk.informers = desk.informers.put(Informer(machine))
        _drive(desk, target, wire.Start())
    return desk.informers.by_target[target]


def _dropped(desk: Desk, target: Target) -> None:
    _drive(desk, target, wire.Stop())
    desk.informers = desk.informers.drop(target)
    desk.note(("unwatchable", target.resource), None)


# --- one step of a machine


def _drive(desk: Desk, target: Target, event: wire.Incoming) -> None:
    informer = desk.informers.by_target[target]
    streamed = informer.machine.state in _STREAMS

    def draw(often: int) -> float:
        return desk.draw("watch", repr(target), often)

    machine, actions = listwatch.step(informer.machine, event, desk.time, draw)
    channel, cache, tried = informer.channel, informer.cache, informer.tried
    changes: list[Change] = []
    for action in actions:
        if isinstance(action, wire.HangUp):
            if channel and channel in desk.flights:
                desk.flights = desk.flights.remove(channel)
                if streamed:
                    desk.emit(CloseWatch(channel))
            channel = 0
        elif isinstance(action, wire.Ask):
            channel = desk.send(action.request, ("informer", target))
        elif isinstance(action, wire.Open):
            channel = desk.open_watch(action.request, ("informer", target))
        elif isinstance(action, wire.Noticed):
            tried = tried or action.kind == "refused"
            _notice(desk, target, action)
        else:
            cache, more = _cached(cache, action)
            changes += more
            tried = tried or cache.synced
    after = replace(informer, machine=machine, cache=cache, channel=channel, tried=tried)
    desk.informers = desk.informers.put(_alarmed(desk, after))
    _tell_changes(desk, informer, after, tuple(changes))


def _cached(cache: Cache, action: wire.Outgoing) -> tuple[Cache, tuple[Change, ...]]:
    """What the protocol says about objects, in the cache."""
    if isinstance(action, wire.Replaced):
        return cache.replaced(action.items, action.version)
    if isinstance(action, wire.Unsynced):
        return cache.unsynced(), ()
    if isinstance(action, wire.Put):
        cache, change = cache.put(action.item)
    else:
        assert isinstance(action, wire.Removed)
        cache, change = cache.remove(action.name, action.version)
    return cache, () if change is None else (change,)


def _off_channel(desk: Desk, target: Target) -> None:
    informer = desk.informers.by_target[target]
    desk.informers = desk.informers.put(replace(informer, channel=0))


def _alarmed(desk: Desk, informer: Informer) -> Informer:
    """With a timer not later than the machine's deadline. A deadline that moves away is looked at again when the old
    timer fires.
    """
    deadline = informer.machine.deadline
    if deadline is None or (informer.alarm and informer.alarm <= deadline):
        return informer
    desk.at(deadline, ("informer", informer.machine.target))
    return replace(informer, alarm=deadline)


def _notice(desk: Desk, target: Target, notice: wire.Noticed) -> None:
    resource = target.resource
    desk.count("gatewright_watch_notices_total", kind=notice.kind, resource=f"{resource.plural}.{resource.group}")
    unserved = notice.kind == "refused" and notice.status == 404
    level = "debug" if unserved else _LEVELS.get(notice.kind, "warning" if notice.kind == "refused" else "info")
    if notice.kind != "stale":
        where = f"{resource.api_version}/{resource.plural}"
        desk.tell(level, "watch", kind=notice.kind, resource=where, status=str(notice.status), detail=notice.detail)
    if notice.kind == "refused" and notice.status in _UNWATCHABLE:
        desk.note(("unwatchable", resource), (notice.status, notice.detail))


# --- what a change means


def _tell_changes(desk: Desk, before: Informer, after: Informer, changes: tuple[Change, ...]) -> None:
    resource = after.machine.target.resource
    _later(desk, resource, changes)
    if before.cache.synced != after.cache.synced:
        if after.cache.synced:
            desk.note(("unwatchable", resource), None)
        if after.readable:
            desk.wake_readers(("synced", resource))
        if after.mirrored and after.cache.synced:
            _complete(desk, resource)
        elif after.mirrored:
            publishing.mirror_incomplete(desk, resource)
    if after.tried and not before.tried:
        for controller in sorted(desk.parked):
            if controller not in desk.open:
                desk.unpark(controller)


def _later(desk: Desk, resource: Resource, changes: tuple[Change, ...]) -> None:
    """Look at a few changes at once; many, as of a first list, some per step: a step stays short."""
    if not desk.backlog.size and len(changes) <= CHUNK:
        _work(desk, Work(resource, changes))
        return
    for start in range(0, len(changes), CHUNK):
        desk.backlog = desk.backlog.put(Work(resource, changes[start : start + CHUNK]))


def _complete(desk: Desk, resource: Resource) -> None:
    """A mirrored resource's list is whole, once all of it was looked at."""
    if desk.backlog.size:
        desk.backlog = desk.backlog.put(Work(resource, complete=True))
    else:
        publishing.mirror_complete(desk, resource)


def work_off(desk: Desk) -> None:
    """The next piece of the backlog."""
    if desk.backlog.size:
        work, desk.backlog = desk.backlog.take()
        _work(desk, work)


def _work(desk: Desk, work: Work) -> None:
    """What stands in the caches by now counts, so work that waited does no harm."""
    if work.changes:
        _changed(desk, work.resource, work.changes)
    if desk.informers.mirrors_of(work.resource):
        publishing.mirror_changes(desk, work.resource, [change.name for change in work.changes])
    if work.complete and desk.informers.mirror_synced(work.resource):
        publishing.mirror_complete(desk, work.resource)


def _changed(desk: Desk, resource: Resource, changes: Iterable[Change]) -> None:
    """Wake the keys that read what changed, each read once, and the keys that the objects are roots of."""
    reads: dict[Read, None] = {}
    for change in changes:
        reads["object", resource, change.name] = None
        reads["list", resource, None] = None
        for item in (change.before, change.after):
            for label in item.labels if item is not None else ():
                reads["list", resource, label] = None
        _root(desk, resource, change.name)
    for read in reads:
        desk.wake_readers(read)


def _root(desk: Desk, resource: Resource, name: Name) -> None:
    """The keys that exist because of an object, as it stands now in the readable caches."""
    thing = desk.informers.get(resource, name)
    found: dict[QueueKey, None] = {}
    if thing is not None:
        settings = desk.setup.settings
        for controller in desk.setup.controllers:
            try:
                keys = tuple(controller.roots(resource, thing, settings))
            except Exception as error:  # a controller's fault with one object must not stop the others
                if desk.setup.strict:
                    raise
                desk.tell("error", "roots failed", controller=controller.name, object=str(name), error=repr(error))
                keys = ()
            found.update(dict.fromkeys((controller.name, key) for key in keys))
    old = desk.roots.get((resource, name)) or ()
    new = tuple(found)
    if new != old:
        place = (resource, name)
        desk.roots = desk.roots.insert(place, new) if new else desk.roots.discard(place)
        for key in new:
            if key not in old:
                root_count(desk, key, +1)
        for key in old:
            if key not in found:
                root_count(desk, key, -1)
    for key in dict.fromkeys(old + new):
        desk.wake(key)


def root_count(desk: Desk, key: QueueKey, difference: int) -> None:
    """How many objects (and starts) a key exists because of."""
    count = (desk.root_counts.get(key) or 0) + difference
    desk.root_counts = desk.root_counts.insert(key, count) if count else desk.root_counts.discard(key)
