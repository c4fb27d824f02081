"""Holding a Lease (coordination.k8s.io/v1) as a state machine value.

Driven by `leases`: it sends the requests and tells the answers and the time. Only one process at a time should do the
work under a lease; that is a matter of economy. Safety never rests on it: every write carries its own fences
(lifecycle, rule 1).

Theory of operation
-------------------
    ASKING     a GET is under way, or due at `next_at`
    TAKING     a write that makes us the holder is under way (create, or replace with the version that was read)
    HOLDING    ours until `expires`; a renewal is due at `next_at`
    RENEWING   a renewal is under way; still ours until `expires`
    RELEASING  stopping: a write that gives the lease back is under way
    RELEASED   for good

* We hold the lease from the answer to our write until `expires` = the moment that write was SENT + duration, on our
  monotonic clock: others count from when they first saw it, which is later.
* Another's lease is free when its holder is empty or its record (holder, renewTime, transitions) has not changed for
  its own duration since WE
  first saw it: clocks of machines are never compared. A record that names us (we were restarted) is taken at once.
* A 409 on taking or renewing means that somebody wrote: read again. Any other failure: try again; past `expires` we no
  longer hold, whatever the reason. Waits after failures begin short, for a namespace that is only just being made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name, Object, Resource, dig, metadata
from gatewright.kube import requests, statuses
from gatewright.kube.backoff import next_delay

LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
MANAGER = "gatewright"


class State(Enum):
    ASKING = "asking"
    TAKING = "taking"
    HOLDING = "holding"
    RENEWING = "renewing"
    RELEASING = "releasing"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Lease:
    """name: of the Lease object; identity: of this process. Times are monotonic seconds."""

    name: Name
    identity: str
    duration: float
    renewal: float
    state: State = State.ASKING
    busy: bool = False  # a request is under way
    next_at: float = 0.0
    expires: float = 0.0
    sent_at: float = 0.0
    held: Object | None = None  # as last read or written
    record: tuple[Any, ...] = ()  # of another holder, as first seen at `record_at`
    record_at: float = 0.0
    delay: float = 0.0  # the last wait after a failure
    leaving: bool = False  # to be given back as soon as the request under way is answered

    def holds(self, now: float) -> bool:
        return self.state in (State.HOLDING, State.RENEWING) and now < self.expires

    @property
    def deadline(self) -> float | None:
        """When `tick` is due, or None."""
        if self.state in (State.RELEASING, State.RELEASED):
            return None
        if self.state is State.RENEWING:
            return self.expires
        return None if self.busy else self.next_at


Step = tuple[Lease, Request | None]


def tick(lease: Lease, now: Now) -> Step:
    """Time passed: ask, or renew, or notice that the lease has run out."""
    at = now.monotonic
    if lease.state is State.RENEWING and at >= lease.expires:
        return replace(lease, state=State.TAKING), None  # the renewal is still under way and may yet succeed
    if lease.busy or lease.state in (State.RELEASING, State.RELEASED) or at < lease.next_at:
        return lease, None
    if lease.state is State.HOLDING:
        if at >= lease.expires:
            return _ask(lease, at)
        return _write(lease, State.RENEWING, now)
    return _ask(lease, at)


def answered(lease: Lease, answer: Response | NoAnswer, now: Now, jitter: float) -> Step:
    """The answer to this lease's request. jitter in [0, 1) spreads the next question over a fifth of the period."""
    lease = replace(lease, busy=False)
    if lease.state in (State.RELEASING, State.RELEASED):
        return replace(lease, state=State.RELEASED), None
    later = now.monotonic + lease.renewal * (1.0 + 0.2 * jitter)
    if lease.state is State.ASKING:
        return _read(lease, answer, now, later, jitter)
    if isinstance(answer, Response) and answer.status < 300:
        held = statuses.decoded(answer.body)
        expires = lease.sent_at + lease.duration
        next_at = lease.sent_at + lease.renewal
        holding = replace(lease, state=State.HOLDING, held=held, expires=expires, next_at=next_at, delay=0.0)
        return release(holding, now) if lease.leaving else (holding, None)
    if lease.leaving:
        return replace(lease, state=State.RELEASED), None
    if lease.state is State.RENEWING and now.monotonic < lease.expires:
        if isinstance(answer, Response) and answer.status in (404, 409):
            return _ask(replace(lease, state=State.ASKING), now.monotonic)
        return replace(lease, state=State.HOLDING, next_at=now.monotonic + lease.renewal / 4), None
    return _failed(lease, now, jitter), None


def release(lease: Lease, now: Now) -> Step:
    """Stopping: give the lease back, so that the next holder needn't wait until it runs out."""
    if lease.busy and lease.state in (State.TAKING, State.RENEWING):
        return replace(lease, leaving=True), None
    if not lease.holds(now.monotonic):
        return replace(lease, state=State.RELEASED), None
    body = _body(lease, now)
    body["spec"] = {**body["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
    return replace(lease, state=State.RELEASING, busy=True), requests.replace(LEASES, body, manager=MANAGER)


def _ask(lease: Lease, at: float) -> Step:
    asking = replace(lease, state=State.ASKING, busy=True, sent_at=at)
    return asking, requests.get(LEASES, lease.name)


def _failed(lease: Lease, now: Now, jitter: float) -> Lease:
    """Ask again soon at first (our namespace may be on its way), then once a period."""
    delay = next_delay(lease.delay, jitter, base=0.05, cap=lease.renewal)
    return replace(lease, state=State.ASKING, delay=delay, next_at=now.monotonic + delay)


def _read(lease: Lease, answer: Response | NoAnswer, now: Now, later: float, jitter: float) -> Step:
    if isinstance(answer, Response) and answer.status == 404 and not statuses.read(answer).not_served:
        return _write(replace(lease, held=None), State.TAKING, now)
    held = statuses.decoded(answer.body) if isinstance(answer, Response) and answer.status == 200 else None
    if not isinstance(held, dict):
        return _failed(lease, now, jitter), None
    spec = held.get("spec") or {}
    holder = spec.get("holderIdentity") or ""
    record = (holder, spec.get("renewTime"), spec.get("leaseTransitions"))
    if record != lease.record:
        lease = replace(lease, record=record, record_at=now.monotonic)
    lease = replace(lease, held=held)
    free_at = lease.record_at + float(spec.get("leaseDurationSeconds") or lease.duration)
    if holder in ("", lease.identity) or now.monotonic >= free_at:
        return _write(lease, State.TAKING, now)
    return replace(lease, next_at=min(later, max(free_at, now.monotonic + 0.1))), None


def _write(lease: Lease, state: State, now: Now) -> Step:
    body = _body(lease, now)
    writing = replace(lease, state=state, busy=True, sent_at=now.monotonic)
    if lease.held is None:
        return writing, requests.create(LEASES, body, manager=MANAGER)
    return writing, requests.replace(LEASES, body, manager=MANAGER)


def _body(lease: Lease, now: Now) -> dict[str, Any]:
    stamp = datetime.fromtimestamp(now.wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # MicroTime
    spec = dict(dig(lease.held, "spec") or {})
    if (spec.get("holderIdentity") or "") != lease.identity:
        spec["acquireTime"] = stamp
        spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + (1 if lease.held is not None else 0)
    spec["holderIdentity"] = lease.identity
    spec["leaseDurationSeconds"] = max(1, round(lease.duration))
    spec["renewTime"] = stamp
    meta = {"name": lease.name.name, "namespace": lease.name.namespace}
    if lease.held is not None:
        meta = {**metadata(lease.held), **meta}
    return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": meta, "spec": spec}
