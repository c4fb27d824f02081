"""One Gatekeeper process as a member of a world: informer caches, work queues with one worker each, and the reconciles
in flight.

A reconcile in flight is held as (key, answers so far) and replayed when it moves on, like a request of the server.
Work queue and backoff are controller-runtime's: dedupe, dirty while processing, 5 ms doubled per failure without
jitter; an error discards the wish to look again later.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from rpds import HashTrieMap

from gatewright.apiserver.effects import CallWebhook
from gatewright.core.clock import Now, rfc3339
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Object, Resource, labels, metadata
from gatewright.kinds import podstatus
from gatewright.kinds.resources import (
    ADMISSION_POLICIES,
    ADMISSION_POLICY_BINDINGS,
    CONSTRAINT_POD_STATUSES,
    CONSTRAINT_TEMPLATE_POD_STATUSES,
    CONSTRAINT_TEMPLATES,
    CRDS,
    constraint_resource,
)
from gatewright.sim.gatekeeper import constraints, steps, templates
from gatewright.sim.world import Ask, Ended, Heard, Lines, Member, OpenStream, Own, Timer

WATCHED = (
    CONSTRAINT_TEMPLATES,
    CONSTRAINT_TEMPLATE_POD_STATUSES,
    CONSTRAINT_POD_STATUSES,
    CRDS,
    ADMISSION_POLICIES,
    ADMISSION_POLICY_BINDINGS,
)
TEMPLATE, TEMPLATE_STATUS, CONSTRAINT, CONSTRAINT_STATUS = (
    "template",
    "template-status",
    "constraint",
    "constraint-status",
)
BACKOFF = 0.005
REWATCH = 1.0

Cache: TypeAlias = "HashTrieMap[tuple[str, str, str], Any]"  # (resource path, namespace, name) -> object
_CACHE: Cache = HashTrieMap()


@dataclass(frozen=True, slots=True)
class Work:
    """A reconcile in flight. waiting: a token of a call, or the time a pause ends."""

    key: str
    answers: tuple[Any, ...] = ()
    token: int | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """One controller's work queue with its one worker."""

    ready: tuple[str, ...] = ()
    dirty: frozenset[str] = frozenset()
    work: Work | None = None
    later: tuple[tuple[float, str], ...] = ()
    failures: tuple[tuple[str, int], ...] = ()

    def add(self, key: str) -> Queue:
        if self.work is not None and self.work.key == key:
            return replace(self, dirty=self.dirty | {key})
        return self if key in self.ready else replace(self, ready=(*self.ready, key))

    def add_at(self, at: float, key: str) -> Queue:
        return replace(self, later=tuple(sorted((*self.later, (at, key)))))

    def due(self, time: float) -> Queue:
        queue = replace(self, later=tuple(one for one in self.later if one[0] > time))
        for at, key in self.later:
            if at <= time:
                queue = queue.add(key)
        return queue


@dataclass(frozen=True, slots=True)
class Manager:
    """fixed: with the upstream mend of issue 3982. status_role: whether the status controllers run (the foreign
    writer).
    """

    name: str
    namespace: str = "gatekeeper-system"
    fixed: bool = True
    status_role: bool = True
    pod_uid: str = "00000000-0000-0000-0000-000000000001"
    cache: Cache = _CACHE
    memory: frozenset[str] = frozenset()
    queues: tuple[tuple[str, Queue], ...] = tuple(
        (name, Queue()) for name in (TEMPLATE, TEMPLATE_STATUS, CONSTRAINT, CONSTRAINT_STATUS)
    )
    streams: tuple[tuple[int, Resource], ...] = ()
    calls: int = 0
    rewatch: tuple[tuple[float, Resource], ...] = ()
    partial: tuple[tuple[int, bytes], ...] = field(default=())

    # --- a member's face

    def begin(self, now: Now) -> tuple[Member, tuple[Any, ...]]:
        manager, wishes = self, []
        for resource in WATCHED:
            manager, wish = manager._watch(resource)
            wishes.append(wish)
        return manager, tuple(wishes)

    def hear(self, event: Any, now: Now) -> tuple[Member, tuple[Any, ...]]:
        match event:
            case Lines():
                return self._line(event, now)
            case Ended():
                resource = dict(self.streams).get(event.token)
                if resource is None:
                    return self, ()
                kept = tuple(one for one in self.streams if one[0] != event.token)
                return replace(self, streams=kept, rewatch=(*self.rewatch, (now.monotonic + REWATCH, resource))), ()
            case Heard():
                return self._answered(event, now)
            case Timer():
                return self._timer(now)
            case Own():
                return self._start(event.move[1], now)
        raise TypeError(f"the peer can't hear {event!r}")

    def own_moves(self, now: Now) -> tuple[Any, ...]:
        return tuple(("start", name) for name, queue in self.queues if queue.ready and queue.work is None)

    def wake_at(self) -> float | None:
        times = [at for _, queue in self.queues for at, _ in queue.later]
        times += [
            queue.work.until for _, queue in self.queues if queue.work is not None and queue.work.until is not None
        ]
        times += [at for at, _ in self.rewatch]
        return min(times) if times else None

    def serve(self, call: CallWebhook, now: Now) -> Response | NoAnswer | None:
        return None

    def crashed(self) -> Manager:
        return Manager(self.name, self.namespace, self.fixed, self.status_role, self.pod_uid)

    def digest(self) -> bytes:
        cached = sorted((key, str(metadata(thing).get("resourceVersion"))) for key, thing in self.cache.items())
        return repr((cached, sorted(self.memory), self.queues, sorted(self.streams), self.rewatch)).encode()

    # --- caches

    def _watch(self, resource: Resource) -> tuple[Manager, OpenStream]:
        token = self.calls
        namespace = self.namespace if resource.namespaced else ""
        request = Request("GET", resource.path(namespace), (("watch", "true"),), (("accept", "application/json"),))
        streams = (*self.streams, (token, resource))
        return replace(self, calls=token + 1, streams=streams), OpenStream(token, request)

    def _line(self, event: Lines, now: Now) -> tuple[Member, tuple[Any, ...]]:
        resource = dict(self.streams).get(event.token)
        if resource is None:
            return self, ()
        told = json.loads(event.data)
        thing: Object = told["object"]
        if told["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            return self, ()
        key = (resource.path(), str(metadata(thing).get("namespace") or ""), str(metadata(thing).get("name")))
        gone = told["type"] == "DELETED"
        cache = self.cache.discard(key) if gone else self.cache.insert(key, thing)
        manager = replace(self, cache=cache)
        for controller, name in _keys(resource, thing, self.name):
            if self.status_role or controller not in (TEMPLATE_STATUS, CONSTRAINT_STATUS):
                manager = manager._add(controller, name)
        return manager, ()

    # --- queues

    def _queue(self, name: str) -> Queue:
        return dict(self.queues)[name]

    def _with(self, name: str, queue: Queue) -> Manager:
        return replace(self, queues=tuple((one, queue if one == name else held) for one, held in self.queues))

    def _add(self, controller: str, key: str) -> Manager:
        if key.endswith("/*"):
            prefix = constraint_resource(key[:-2]).path()
            names = sorted(one[2] for one in self.cache if one[0] == prefix)
            manager = self
            for name in names:
                manager = manager._add(controller, f"{key[:-2]}/{name}")
            return manager
        return self._with(controller, self._queue(controller).add(key))

    def _timer(self, now: Now) -> tuple[Member, tuple[Any, ...]]:
        manager = self
        wishes: list[Any] = []
        for name, queue in self.queues:
            manager = manager._with(name, queue.due(now.monotonic))
        due = [resource for at, resource in self.rewatch if at <= now.monotonic]
        manager = replace(manager, rewatch=tuple(one for one in self.rewatch if one[0] > now.monotonic))
        for resource in due:
            manager, wish = manager._watch(resource)
            wishes.append(wish)
        for name, queue in manager.queues:
            work = queue.work
            if work is not None and work.until is not None and work.until <= now.monotonic:
                resumed = replace(work, answers=(*work.answers, None), until=None)
                manager, more = manager._with(name, replace(queue, work=resumed))._run(name, now)
                wishes += more
        return manager, tuple(wishes)

    def _start(self, name: str, now: Now) -> tuple[Member, tuple[Any, ...]]:
        queue = self._queue(name)
        if not queue.ready or queue.work is not None:
            return self, ()
        key, *rest = queue.ready
        return self._with(name, replace(queue, ready=tuple(rest), work=Work(key)))._run(name, now)

    def _answered(self, event: Heard, now: Now) -> tuple[Member, tuple[Any, ...]]:
        for name, queue in self.queues:
            work = queue.work
            if work is not None and work.token == event.token:
                resumed = replace(work, answers=(*work.answers, event.answer), token=None)
                return self._with(name, replace(queue, work=resumed))._run(name, now)
        resource = dict(self.streams).get(event.token)
        if resource is None:
            return self, ()
        kept = tuple(one for one in self.streams if one[0] != event.token)  # the watch was refused: not served yet
        return replace(self, streams=kept, rewatch=(*self.rewatch, (now.monotonic + REWATCH, resource))), ()

    # --- reconciles

    def _coroutine(self, name: str, key: str, now: Now) -> steps.Reconcile:
        if name == TEMPLATE:
            until = rfc3339(now.wall + templates.WAIT)
            return templates.reconcile(key, self.name, self.namespace, self.pod_uid, fixed=self.fixed, until=until)
        if name == TEMPLATE_STATUS:
            return templates.reconcile_status(key)
        if name == CONSTRAINT:
            return constraints.reconcile(key, self.name, self.namespace, self.pod_uid)
        return constraints.reconcile_status(key)

    def _run(self, name: str, now: Now) -> tuple[Manager, tuple[Any, ...]]:
        """Replay a reconcile to where it stood, and on until it must wait or ends."""
        queue = self._queue(name)
        work = queue.work
        if work is None:
            return self, ()
        manager: Manager = self
        wishes: list[Any] = []
        running = self._coroutine(name, work.key, now)
        answers = list(work.answers)
        position, answer = 0, None
        while True:
            try:
                step = running.send(answer)
            except StopIteration as end:
                return manager._ended(name, work.key, end.value, now), tuple(wishes)
            if position < len(answers):
                answer = answers[position]
                position += 1
                continue
            position += 1
            manager, answer, wait = manager._answer(step, now, wishes)
            if wait is not None:
                token, until = wait
                held = Work(work.key, tuple(answers), token, until)
                return manager._with(name, replace(manager._queue(name), work=held)), tuple(wishes)
            answers.append(answer)

    def _answer(
        self, step: steps.Step, now: Now, wishes: list[Any]
    ) -> tuple[Manager, Any, tuple[int | None, float | None] | None]:
        """The manager after a step, its answer, and what it waits for (None: it goes on at once)."""
        match step:
            case steps.CachedGet():
                return self, self.cache.get((step.resource.path(), step.name.namespace, step.name.name)), None
            case steps.CachedList():
                prefix = step.resource.path()
                found = [self.cache[key] for key in sorted(self.cache) if key[0] == prefix]
                return self, tuple(found), None
            case steps.Remember():
                changed = replace(self, memory=(self.memory - set(step.drop)) | set(step.add))
                return changed._watch_kinds(step.add, wishes), self.memory, None
            case steps.Enqueue():
                manager = self
                for key in step.keys:
                    manager = manager._add(step.controller, key)
                return manager, None, None
            case steps.Pause():
                return self, None, (None, now.monotonic + step.seconds)
            case steps.Call():
                wishes.append(Ask(self.calls, step.request))
                return replace(self, calls=self.calls + 1), None, (self.calls, None)
        raise TypeError(f"unknown step {step!r}")

    def _watch_kinds(self, added: tuple[str, ...], wishes: list[Any]) -> Manager:
        manager = self
        for word in added:
            kind = word.removeprefix("watching:")
            if kind == word or any(held == constraint_resource(kind) for _, held in self.streams):
                continue
            manager, wish = manager._watch(constraint_resource(kind))
            wishes.append(wish)
        return manager

    def _ended(self, name: str, key: str, outcome: steps.Done, now: Now) -> Manager:
        queue = self._queue(name)
        failures = dict(queue.failures)
        again = key in queue.dirty
        queue = replace(queue, work=None, dirty=queue.dirty - {key})
        if outcome.error:
            failures[key] = failures.get(key, 0) + 1
            delay = min(BACKOFF * float(2 ** (failures[key] - 1)), 1000.0)
            queue = queue.add_at(now.monotonic + delay, key)
        else:
            failures.pop(key, None)
            if outcome.after is not None:
                queue = queue.add_at(now.monotonic + outcome.after, key)
        queue = replace(queue, failures=tuple(sorted(failures.items())))
        return self._with(name, queue.add(key) if again else queue)


def _keys(resource: Resource, thing: Object, pod: str) -> list[tuple[str, str]]:
    """Which controllers hear of an object, under which keys (lifecycle-races 1.2 to 1.5, "Triggers")."""
    name = str(metadata(thing).get("name"))
    if resource == CONSTRAINT_TEMPLATES:
        return [(TEMPLATE, name), (TEMPLATE_STATUS, name)]
    about = podstatus.described(thing)
    own = labels(thing).get(podstatus.POD_LABEL) == pod
    if resource == CONSTRAINT_TEMPLATE_POD_STATUSES and about:
        found = [(TEMPLATE_STATUS, about[1])]
        return [*found, (TEMPLATE, about[1])] if own else found
    if resource == CONSTRAINT_POD_STATUSES and len(about) == 3:
        found = [(CONSTRAINT_STATUS, f"{about[1]}/{about[2]}")]
        return [*found, (CONSTRAINT, f"{about[1]}/{about[2]}")] if own else found
    owners = [ref for ref in metadata(thing).get("ownerReferences") or () if ref.get("controller")]
    if resource in (CRDS, ADMISSION_POLICIES):
        return [(TEMPLATE, str(ref.get("name"))) for ref in owners if ref.get("kind") == "ConstraintTemplate"]
    if resource == ADMISSION_POLICY_BINDINGS:
        return [(CONSTRAINT, f"{ref.get('kind')}/{ref.get('name')}") for ref in owners]
    if resource.group == "constraints.gatekeeper.sh":
        return [(CONSTRAINT, f"{resource.kind}/{name}")]
    return []
