"""The leases of this process at work: sends what `lease` asks for, and lets controllers run while they are held.

Called by `shell` and `planning`. Fact ("lease", name) is True while a lease is held. When one is lost, the notes that
its controllers wrote are removed (another process speaks for them now); when it comes back, all of their keys are
planned.
"""

from __future__ import annotations

from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name
from gatewright.reconcile import lease as machine
from gatewright.reconcile.desk import Desk
from gatewright.reconcile.lease import Lease


def start(desk: Desk) -> None:
    settings, setup = desk.setup.settings, desk.setup
    for name in sorted({controller.lease for controller in setup.controllers if controller.lease}):
        place = Name(settings.namespace, name)
        lease = Lease(place, setup.identity, settings.lease_duration, settings.lease_renewal, next_at=desk.time)
        desk.leases = desk.leases.insert(name, lease)
        tick(desk, name)


def tick(desk: Desk, name: str) -> None:
    lease = desk.leases.get(name)
    if lease is not None:
        _after(desk, name, lease, machine.tick(lease, desk.now))


def answered(desk: Desk, name: str, answer: Response | NoAnswer) -> None:
    lease = desk.leases[name]
    jitter = desk.draw("lease", name, int(lease.sent_at * 1000))
    _after(desk, name, lease, machine.answered(lease, answer, desk.now, jitter))


def stop(desk: Desk) -> None:
    for name in sorted(desk.leases):
        lease = desk.leases[name]
        _after(desk, name, lease, machine.release(lease, desk.now))


def holds(desk: Desk, name: str) -> bool:
    lease = desk.leases.get(name)
    return lease is not None and lease.holds(desk.time)


def _after(desk: Desk, name: str, before: Lease, step: tuple[Lease, Request | None]) -> None:
    after, request = step
    desk.leases = desk.leases.insert(name, after)
    if request is not None:
        desk.send(request, ("lease", name))
    if after.deadline is not None and (after.deadline != before.deadline or after.busy != before.busy):
        desk.at(after.deadline, ("lease", name))
    held = after.holds(desk.time)
    known = desk.facts.get(("lease", name)) is not None
    if held == known:
        return
    desk.note(("lease", name), True if held else None)
    desk.tell("info", "lease held" if held else "lease not held", lease=name, holder=_holder(after, desk.now))
    if not held:
        for fact in desk.facts.of_lease(name):
            desk.note(fact, None)
    for controller in desk.setup.controllers:
        if controller.lease == name:
            desk.wake_known(controller.name)  # without the lease they are parked
            desk.unpark(controller.name)


def _holder(lease: Lease, now: Now) -> str:
    return lease.identity if lease.holds(now.monotonic) else str(lease.record[0] if lease.record else "")
