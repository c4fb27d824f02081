"""What a review answers: one Result per violation, in Gatekeeper's order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gatewright.core.objects import Object
from gatewright.kinds.templates import TARGET
from gatewright.policy.enforcement import SCOPED


@dataclass(frozen=True, slots=True)
class Result:
    """One violation.

    metadata:       {"details": ...}; None where matching failed before the policy ran
    constraint:     the whole constraint with its defaults, without status
    action:         its enforcementAction ("scoped" too); scoped_actions: those that hold at the point of this review
    """

    msg: str
    kind: str
    name: str
    action: str
    scoped_actions: tuple[str, ...]
    metadata: dict[str, Any] | None
    constraint: Object
    target: str = TARGET

    @property
    def actions(self) -> tuple[str, ...]:
        """What is to be done: the scoped actions, or the one action."""
        return self.scoped_actions if self.action == SCOPED else (self.action,)


def in_order(results: Iterable[Result]) -> tuple[Result, ...]:
    """By enforcement action, then message, then kind and name (Gatekeeper behaviour 2.2: the first two; its sort
    leaves the rest open)."""
    return tuple(sorted(results, key=lambda result: (result.action, result.msg, result.kind, result.name)))
