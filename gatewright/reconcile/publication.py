"""The policy snapshot on its way to the workers, as a value.

Changed by `publishing`. One version is on its way at a time; changes made meanwhile go together into the next, so a
start with hundreds of templates costs a few publications. A version that nobody acknowledges within PATIENCE seconds
doesn't hold up the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gatewright.core.objects import Resource
from gatewright.reconcile.queues import QueueKey

PATIENCE = 2.0
GATHERING = 0.02


@dataclass(frozen=True, slots=True)
class LoadWaiter:
    """A branch that waits until an entry is served. present: the entry was put in, not taken out."""

    key: QueueKey
    branch: int
    slot: tuple[str, ...]
    identity: tuple[str, int]
    present: bool


Waiter = LoadWaiter | Resource  # a Resource: its mirror is complete


@dataclass(frozen=True, slots=True)
class Publication:
    """snapshot: with all changes so far. version: last published; served: last acknowledged; at: when it was published.
    changed: the snapshot differs from the published one. waiting: with the version that each waits for."""

    snapshot: Any
    version: int = 0
    served: int = 0
    at: float = 0.0
    changed: bool = False
    waiting: tuple[tuple[int, Waiter], ...] = ()

    def entry(self, slot: tuple[str, ...], entry: Any) -> Publication:
        snapshot = self.snapshot if self.snapshot is None else self.snapshot.with_entry(slot, entry)
        return replace(self, snapshot=snapshot, changed=True)

    def waits(self, waiter: Waiter) -> Publication:
        """The waiter wants the next version to be served."""
        return replace(self, changed=True, waiting=(*self.waiting, (self.version + 1, waiter)))

    def due(self, now: float, busy: bool) -> bool:
        """busy: keys are ready that may change more; then not before GATHERING has passed since the last one."""
        if not self.changed or (busy and self.at <= now < self.at + GATHERING):
            return False
        return self.served >= self.version or now >= self.at + PATIENCE

    def published(self, now: float) -> Publication:
        return replace(self, version=self.version + 1, at=now, changed=False)

    def acknowledged(self, version: int) -> tuple[Publication, tuple[Waiter, ...]]:
        """Every worker serves this version: who waited for it or for one before."""
        version = min(version, self.version)
        over = tuple(waiter for wanted, waiter in self.waiting if wanted <= version)
        left = tuple(one for one in self.waiting if one[0] > version)
        return replace(self, served=max(self.served, version), waiting=left), over
