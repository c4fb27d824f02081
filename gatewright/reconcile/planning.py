"""From a dirty key to its plan: takes keys from the queue, lets their controllers see and plan, and forgets keys that
are over.

Called by `shell` at the end of each step. One plan is a pure computation; at most `burst` of them are made per step, so
that a step stays short.
"""

from __future__ import annotations

from gatewright.control.intents import Plan, Wake
from gatewright.control.view import Controller, Watched
from gatewright.kube.informer_events import Target
from gatewright.reconcile import execution, informing
from gatewright.reconcile.desk import Desk, Wanted
from gatewright.reconcile.errors import Outcome, Verdict
from gatewright.reconcile.queues import QueueKey
from gatewright.reconcile.views import RecordingView

SOONEST = 0.001  # seconds: a Wake in the past is not yet another pass at the same instant


def target(watched: Watched) -> Target:
    return Target(watched.resource, watched.namespace, watched.label_selector, watched.field_selector)


def start(desk: Desk) -> None:
    """The static watches, and the keys that always exist."""
    settings = desk.setup.settings
    for controller in desk.setup.controllers:
        informing.watch(desk, (), _static(desk, controller))
        for key in controller.roots(None, None, settings):
            informing.root_count(desk, (controller.name, key), +1)
            desk.wake((controller.name, key))


def run(desk: Desk) -> None:
    """Settle what has finished, then plan what is ready, up to the burst."""
    _settle(desk)
    for _ in range(desk.setup.burst):
        if desk.stopping or len(desk.flights) - len(desk.informers.by_target) >= desk.setup.in_flight:
            return
        desk.queue, key = desk.queue.take()
        if key is None:
            return
        if not _may_run(desk, desk.setup.controller(key[0])):
            desk.park(key)
        elif not desk.hold_over(key):
            desk.queue = desk.queue.hold(key)
            desk.at(max(hold.until for hold in desk.holds[key]), ("hold", key))
        else:
            desk.holds = desk.holds.discard(key)
            _plan(desk, key)
        _settle(desk)


def _static(desk: Desk, controller: Controller) -> tuple[Target, ...]:
    return tuple(dict.fromkeys(target(watched) for watched in controller.watches(desk.setup.settings)))


def _may_run(desk: Desk, controller: Controller) -> bool:
    """Whether its lease is held, and each of its static watches was answered once: deciding earlier is deciding from
    nothing. One that is
    refused counts as answered: what it would show is unknown then, which the plan sees (`View.synced`)."""
    if controller.name not in desk.open:
        if not all(desk.informers.by_target[one].tried for one in _static(desk, controller)):
            return False
        desk.open = desk.open.insert(controller.name)
    return execution.may_write(desk, controller.name)


def _plan(desk: Desk, key: QueueKey) -> None:
    controller = desk.setup.controller(key[0])
    view = RecordingView(desk.informers, desk.facts)
    try:
        seen = controller.see(view, key[1], desk.setup.settings)
        plan = controller.plan(seen, desk.setup.settings, desk.now)
    except Exception as error:  # a fault of ours with one key must not stop the others
        if desk.setup.strict:
            raise
        desk.record(key, tuple(view.reads))
        desk.tell("error", "plan failed", controller=key[0], key="/".join(key[1]), error=repr(error))
        desk.count("gatewright_plan_failures_total", controller=key[0])
        execution.retry_later(desk, key, [Verdict(Outcome.TRANSIENT, message=f"internal error: {error!r}")])
        desk.finished.append(key)
        return
    desk.record(key, tuple(view.reads))
    informing.want(desk, key, _wanted(plan))
    _set_wake(desk, key, plan)
    execution.begin(desk, key, plan)


def _wanted(plan: Plan) -> Wanted:
    targets = tuple(Target(resource) for resource in sorted(set(plan.watches)))
    return Wanted(targets, tuple(sorted(set(plan.mirrors))))


def _set_wake(desk: Desk, key: QueueKey, plan: Plan) -> None:
    """The earliest Wake of the plan, wherever in a branch it stands: no failure swallows it."""
    times = [intent.at for branch in plan.branches for intent in branch if isinstance(intent, Wake)]
    if not times:
        desk.wakes = desk.wakes.discard(key)
        return
    at = max(min(times), desk.time + SOONEST)
    if desk.wakes.get(key) != at:
        desk.wakes = desk.wakes.insert(key, at)
        desk.at(at, ("wake", key))


def fired(desk: Desk, kind: str, key: QueueKey) -> None:
    """A timer of a key: its Wake, its retry, or the end of its hold."""
    if kind == "wake":
        at = desk.wakes.get(key)
        if at is not None and at <= desk.time:
            desk.wakes = desk.wakes.discard(key)
            desk.wake(key)
    elif kind == "retry":
        retry = desk.queue.retries.get(key)
        if retry is not None and retry.at <= desk.time:
            desk.wake(key)
    elif desk.queue.held(key) and desk.hold_over(key):
        desk.holds = desk.holds.discard(key)
        desk.queue = desk.queue.release(key)


# --- ends


def _settle(desk: Desk) -> None:
    """Rounds that have ended: free their keys, and forget those that are over."""
    while desk.finished:
        key = desk.finished.pop(0)
        held = desk.rounds.get(key)
        desk.rounds = desk.rounds.discard(key)
        desk.queue = desk.queue.done(key)
        if held is not None and not held.busy and _over(desk, key):
            _forget(desk, key)


def _over(desk: Desk, key: QueueKey) -> bool:
    """A key with no roots, nothing to do, and nothing left of what it read."""
    if key in desk.root_counts or key in desk.queue.marks or key in desk.queue.retries or key in desk.wakes:
        return False
    wanted = desk.wanted.get(key)
    if wanted is not None and wanted.mirrors:
        return False
    for read in desk.reads.of(key):
        if read[0] == "object" and desk.informers.has(read[1], read[2]):
            return False
        if read[0] == "list" and read[2] is not None and desk.informers.has_any(read[1], read[2]):
            return False
    return True


def _forget(desk: Desk, key: QueueKey) -> None:
    desk.record(key, ())
    desk.holds = desk.holds.discard(key)
    desk.note(("trouble", key[0], key[1]), None, but=key)
    informing.want(desk, key, Wanted())
