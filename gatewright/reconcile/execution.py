"""Carrying out a plan: its branches run beside each other, each intent after the other, and answers become outcomes and
facts.

Called by `planning` (begin) and `shell` (answers, compilations, acknowledgements). A branch that waits for an answer
holds up nothing but itself and the next pass of its own key. What an answer means is `errors`'; what to do about it is
the next plan's, from what the watches show by then:

    DONE                               the branch goes on; the key isn't planned again before its caches show the write
    CONFLICT, RECREATED, GONE          the branch stops; the key is planned again after its backoff, or as soon as a
    cache shows more TRANSIENT                          the same; not before the time that the server asked to wait
    UNKNOWN (sent, no answer)          one live read first, so that the caches are waited for up to what it shows
    TERMINAL                           the branch stops; fact ("refused", ...); tried again seldom
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gatewright.control.intents import (
    Apply,
    Ask,
    Compile,
    Create,
    Delete,
    Intent,
    LiveRead,
    Load,
    Note,
    Plan,
    Refusal,
    Trouble,
    fields_digest,
)
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name, Resource, resource_version
from gatewright.kube import requests, statuses
from gatewright.reconcile import errors, publishing
from gatewright.reconcile.desk import Desk
from gatewright.reconcile.errors import Outcome, Verdict
from gatewright.reconcile.events import StartCompile
from gatewright.reconcile.holds import PATIENCE, Hold
from gatewright.reconcile.queues import QueueKey
from gatewright.reconcile.rounds import Branch, Round, Waits

TERMINAL_BASE = 1.0  # seconds before a refused write's key is planned again by itself, at first

Write = Apply | Create | Delete


def begin(desk: Desk, key: QueueKey, plan: Plan) -> None:
    """Start a round for a key that was taken from the queue."""
    branches = tuple(Branch(tuple(intents)) for intents in plan.branches if intents)
    busy = any(_asks(desk, intent) for branch in branches for intent in branch.intents)
    desk.rounds = desk.rounds.insert(key, Round(branches, busy))
    for index in range(len(branches)):
        _advance(desk, key, index)
    _end(desk, key)


def _asks(desk: Desk, intent: Intent) -> bool:
    """Whether an intent is more than a note of what is known already."""
    if isinstance(intent, Note):
        fact = desk.facts.get(intent.fact)
        return bool((None if fact is None else fact.value) != intent.value)
    return True


# --- going on


def _advance(desk: Desk, key: QueueKey, index: int) -> None:
    """Perform a branch's intents until one has to wait."""
    branch = desk.rounds[key].branches[index]
    while not branch.over:
        waits = _perform(desk, key, index, branch.intents[branch.at])
        if isinstance(waits, Verdict):
            branch = branch.stopped(waits)
            break
        if waits is not Waits.NOTHING:
            branch = replace(branch, waits=waits)
            break
        branch = branch.onward()
    _set_branch(desk, key, index, branch)


def _set_branch(desk: Desk, key: QueueKey, index: int, branch: Branch) -> None:
    desk.rounds = desk.rounds.insert(key, desk.rounds[key].with_branch(index, branch))


def _perform(desk: Desk, key: QueueKey, index: int, intent: Intent) -> Waits | Verdict:
    """Begin one intent: what it waits for, or why it can't be begun."""
    if isinstance(intent, Apply | Create | Delete | LiveRead):
        if desk.stopping or not may_write(desk, key[0]):
            return Verdict(Outcome.TRANSIENT, message="not written: this process is stopping, or has no lease")
        desk.send(_request(intent), ("branch", key, index))
        return Waits.ANSWER
    if isinstance(intent, Ask):
        desk.send(intent.request, ("branch", key, index), intent.address)
        return Waits.ANSWER
    if isinstance(intent, Note):
        desk.note(intent.fact, intent.value)
        lease = desk.setup.controller(key[0]).lease
        if lease:
            desk.facts = desk.facts.written_under(intent.fact, lease)
        return Waits.NOTHING
    if isinstance(intent, Compile):
        return _compile(desk, key, index, intent)
    if isinstance(intent, Load):
        publishing.load(desk, key, index, intent)
        return Waits.SERVICE
    return Waits.NOTHING  # Wake: its timer was set when the plan was made


def may_write(desk: Desk, controller: str) -> bool:
    """Whether the controller's lease, if it has one, is held at this moment."""
    name = desk.setup.controller(controller).lease
    if not name:
        return True
    lease = desk.leases.get(name)
    return lease is not None and lease.holds(desk.time)


def _request(intent: Write | LiveRead) -> Request:
    if isinstance(intent, Apply):
        return requests.apply(intent.resource, intent.fields, manager=intent.manager, subresource=intent.subresource)
    if isinstance(intent, Create):
        return requests.create(intent.resource, intent.fields, manager=intent.manager)
    if isinstance(intent, Delete):
        return requests.delete(
            intent.resource,
            intent.name,
            uid=intent.uid,
            resource_version=intent.resource_version,
            propagation=intent.propagation,
        )
    return requests.get(intent.resource, intent.name)


def _compile(desk: Desk, key: QueueKey, index: int, intent: Compile) -> Waits:
    if desk.facts.get(("compiled", intent.digest)) is not None:
        return Waits.NOTHING
    waiting = desk.compiling.get(intent.digest)
    if waiting is None:
        desk.emit(StartCompile(intent.digest, intent.source))
    desk.compiling = desk.compiling.insert(intent.digest, (*(waiting or ()), (key, index)))
    return Waits.COMPILATION


# --- answers


def compiled(desk: Desk, digest: str, outcome: Any) -> None:
    """A compilation ended; outcome None: without one."""
    waiting = desk.compiling.get(digest) or ()
    desk.compiling = desk.compiling.discard(digest)
    if outcome is not None:
        desk.answer(("compiled", digest), outcome)
    for key, index in waiting:
        if outcome is None:
            _fail(desk, key, index, Verdict(Outcome.TRANSIENT, message="the compilation ended without an outcome"))
        else:
            _succeed(desk, key, index)


def served(desk: Desk, version: int) -> None:
    """A snapshot is served everywhere."""
    for key, index in publishing.served(desk, version):
        _succeed(desk, key, index)


def answered(desk: Desk, key: QueueKey, index: int, answer: Response | NoAnswer) -> None:
    """The answer to a branch's request."""
    branch = desk.rounds[key].branches[index]
    intent = branch.intents[branch.at]
    if branch.waits is Waits.CONFIRMATION:
        _confirmed(desk, key, index, answer)
    elif isinstance(intent, Ask):
        if isinstance(answer, NoAnswer):
            _failure(desk, key, intent, Verdict(Outcome.TRANSIENT, message=answer.cause))
        desk.answer(intent.fact, answer)
        _succeed(desk, key, index)
    elif isinstance(intent, LiveRead):
        _read(desk, key, index, intent, answer)
    else:
        assert isinstance(intent, Apply | Create | Delete)
        _written(desk, key, index, intent, answer)


def _read(desk: Desk, key: QueueKey, index: int, intent: LiveRead, answer: Response | NoAnswer) -> None:
    verdict = errors.of_read(answer)
    absent = verdict.outcome is Outcome.GONE and verdict.reason == "NotFound"
    thing = statuses.decoded(answer.body) if isinstance(answer, Response) else None
    if verdict.outcome is Outcome.DONE and not isinstance(thing, dict):
        verdict = Verdict(Outcome.TRANSIENT, message="the answer is no object that can be read")
    if verdict.outcome is not Outcome.DONE and not absent:
        _failure(desk, key, intent, verdict)
        _fail(desk, key, index, verdict)
        return
    desk.answer(("live", intent.resource, intent.name), None if absent else thing)
    _succeed(desk, key, index)


def _written(desk: Desk, key: QueueKey, index: int, intent: Write, answer: Response | NoAnswer) -> None:
    verdict = errors.of_delete(answer) if isinstance(intent, Delete) else errors.of_write(answer)
    resource, name = intent.resource, _name(intent)
    if verdict.outcome is Outcome.DONE:
        desk.note(_refused(intent), None)
        assert isinstance(answer, Response)
        body = statuses.decoded(answer.body)
        version = resource_version(body) if isinstance(body, dict) else ""
        gone = intent.uid if isinstance(intent, Delete) and not version else ""
        _wait_for(desk, key, resource, name, version, gone)
        _succeed(desk, key, index)
        return
    _failure(desk, key, intent, verdict)
    if verdict.outcome is Outcome.UNKNOWN:
        desk.send(requests.get(resource, name), ("branch", key, index))
        branch = desk.rounds[key].branches[index]
        _set_branch(desk, key, index, replace(branch, waits=Waits.CONFIRMATION, doubt=verdict))
        return
    if verdict.outcome is Outcome.TERMINAL:
        _refuse(desk, intent, verdict)
    _fail(desk, key, index, verdict)


def _confirmed(desk: Desk, key: QueueKey, index: int, answer: Response | NoAnswer) -> None:
    """What stands after a write without an answer. The branch stops in any case; the caches are waited for up to
    here.
    """
    branch = desk.rounds[key].branches[index]
    intent = branch.intents[branch.at]
    assert isinstance(intent, Apply | Create | Delete)
    assert branch.doubt is not None
    if isinstance(answer, Response) and answer.status == 200:
        body = statuses.decoded(answer.body)
        if isinstance(body, dict):
            _wait_for(desk, key, intent.resource, _name(intent), resource_version(body), "")
    elif isinstance(intent, Delete) and isinstance(answer, Response) and statuses.read(answer).reason == "NotFound":
        _wait_for(desk, key, intent.resource, intent.name, "", intent.uid)
    _fail(desk, key, index, branch.doubt)


def _wait_for(desk: Desk, key: QueueKey, resource: Resource, name: Name, version: str, gone: str) -> None:
    """Don't plan the key before the caches show this write. A key is woken by what it wrote as by what it read."""
    hold = Hold(desk.time + PATIENCE, resource, name, version, gone)
    desk.reads = desk.reads.add(key, ("object", resource, name))
    if (version or gone) and not hold.over(desk.informers, desk.time):
        held = desk.rounds[key]
        desk.rounds = desk.rounds.insert(key, replace(held, holds=(*held.holds, hold)))


def _refuse(desk: Desk, intent: Write, verdict: Verdict) -> None:
    """A terminal answer as a fact. The same refusal again is no news: its readers aren't woken, or they would only
    write again.
    """
    digest = "" if isinstance(intent, Delete) else fields_digest(intent.fields)
    refusal = Refusal(verdict.status, verdict.reason, verdict.message, digest, desk.time)
    before = desk.facts.get(_refused(intent))
    if before is not None and replace(before.value, at=refusal.at) == refusal:
        desk.refresh(_refused(intent), refusal)
    else:
        desk.note(_refused(intent), refusal)


def _refused(intent: Write) -> tuple[Any, ...]:
    return ("refused", intent.resource, _name(intent), intent.subresource if isinstance(intent, Apply) else "")


def _name(intent: Write) -> Name:
    return intent.name if isinstance(intent, Delete) else Name.of(intent.fields)


def _failure(desk: Desk, key: QueueKey, intent: Intent, verdict: Verdict) -> None:
    """Every failure is counted and told, whatever becomes of it."""
    what = type(intent).__name__.lower()
    desk.count("gatewright_intent_failures_total", controller=key[0], intent=what, outcome=verdict.outcome.value)
    level = "warning" if verdict.outcome is Outcome.TERMINAL else "info"
    fields = {"controller": key[0], "key": "/".join(key[1]), "intent": what, "outcome": verdict.outcome.value}
    desk.tell(level, "intent failed", **fields, status=str(verdict.status), cause=verdict.message)


# --- ends


def _succeed(desk: Desk, key: QueueKey, index: int) -> None:
    _set_branch(desk, key, index, desk.rounds[key].branches[index].onward())
    _advance(desk, key, index)
    _end(desk, key)


def _fail(desk: Desk, key: QueueKey, index: int, verdict: Verdict) -> None:
    _set_branch(desk, key, index, desk.rounds[key].branches[index].stopped(verdict))
    _end(desk, key)


def _end(desk: Desk, key: QueueKey) -> None:
    """When all branches are over: backoff, trouble and holds; then the key is free (`planning.settle` looks at it)."""
    held = desk.rounds[key]
    if not held.over:
        return
    verdicts = [branch.failed for branch in held.branches if branch.failed is not None]
    retry_later(desk, key, verdicts)
    pauses = [verdict.retry_after for verdict in verdicts if verdict.retry_after]
    holds = held.holds + tuple(Hold(desk.time + seconds) for seconds in pauses[:1] and [max(pauses)])
    desk.holds = desk.holds.insert(key, holds) if holds else desk.holds.discard(key)
    desk.finished.append(key)


def retry_later(desk: Desk, key: QueueKey, verdicts: list[Verdict]) -> None:
    """The key's backoff and its trouble after a pass with these failures."""
    settings = desk.setup.settings
    passing = [verdict for verdict in verdicts if verdict.outcome is not Outcome.TERMINAL]
    if not verdicts:
        desk.queue = desk.queue.succeeded(key)
    else:
        base, cap = TERMINAL_BASE, settings.terminal_retry
        if passing:
            base, cap = settings.backoff_base, settings.backoff_cap
        draw = desk.draw("retry", key[0], *key[1], desk.queue.failures(key))
        desk.queue = desk.queue.failed(key, desk.time, draw, base=base, cap=cap)
        desk.at(desk.queue.retries[key].at, ("retry", key))
    name = ("trouble", key[0], key[1])
    if not passing:
        desk.note(name, None, but=key)
        return
    grave = [verdict for verdict in passing if verdict.outcome is not Outcome.CONFLICT]
    message, conflict = (grave or passing)[0].message, not grave
    before = desk.facts.get(name)
    same = before is not None and before.value.conflict == conflict
    since = before.value.since if before is not None and same else desk.time
    desk.note(name, Trouble(message, conflict, since), but=key)
