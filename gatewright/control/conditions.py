"""Conditions: the words in which a status speaks, and how they are settled into a stored list.

Types and reasons are those of the lifecycle design (what a client sees; lifecycle-races 3.6). Every condition carries
the generation that it speaks of; its lastTransitionTime moves only when its status does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.clock import Now

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"

# Reasons that a client may rely on: a False with one of these is no failure, and no prerequisite of Ready.
NOT_WANTED = frozenset({"OptedOut", "NotApplicable"})
PROGRESSING = "Progressing"
FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Condition:
    """One metav1.Condition without its time.

    failed: False because the same would fail again (a terminal error), not because something is still coming
    """

    type: str
    status: str
    reason: str
    message: str
    generation: int
    failed: bool = False

    @property
    def wanted(self) -> bool:
        """Whether Ready depends on it."""
        return not (self.status == FALSE and self.reason in NOT_WANTED)

    def fields(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": self.generation,
        }


def settle(previous: Iterable[Mapping[str, Any]], wanted: Iterable[Condition], now: Now) -> list[dict[str, Any]]:
    """The conditions as they are to be stored, in order of type; the time of one whose status stays is kept."""
    before = {entry.get("type"): entry for entry in previous}
    settled = []
    for condition in sorted(wanted, key=lambda condition: condition.type):
        old = before.get(condition.type)
        kept = old is not None and old.get("status") == condition.status and old.get("lastTransitionTime")
        stamp = str(old["lastTransitionTime"]) if old is not None and kept else now.timestamp()
        settled.append({**condition.fields(), "lastTransitionTime": stamp})
    return settled


def read(entry: Mapping[str, Any]) -> Condition:
    """A stored condition back as a value. `failed` is told by the reason's place in FAILURES."""
    reason, status = str(entry.get("reason") or ""), str(entry.get("status") or UNKNOWN)
    return Condition(
        type=str(entry.get("type") or ""),
        status=status,
        reason=reason,
        message=str(entry.get("message") or ""),
        generation=int(entry.get("observedGeneration") or 0),
        failed=status == FALSE and reason in FAILURES,
    )


# Reasons of a False that means: it will fail again the same way until the spec (or the permission) changes.
FAILURES = frozenset(
    {
        "InvalidRego",
        "InvalidCEL",
        "InvalidSchema",
        "InvalidTemplate",
        "TargetMismatch",
        "NamesConflict",
        "NonStructuralSchema",
        "NotOurs",
        "Refused",
        "Forbidden",
        "TransformError",
        "Invalid",
        "BadEnforcementAction",
        "InvalidConstraint",
        FAILED,
    }
)


def ready(prerequisites: Iterable[Condition], generation: int, promise: str) -> tuple[Condition, ...]:
    """Ready and its kstatus companions from the conditions that it rests on.

    Ready is True when every wanted prerequisite is True at this generation, False with reason Failed when one has
    failed at it, and otherwise Unknown with reason Progressing. `promise` is the message of a True Ready. Reconciling
    and Stalled are there only while True.
    """
    wanted = [condition for condition in prerequisites if condition.wanted]
    failed = [one for one in wanted if one.failed and one.generation == generation]
    if failed:
        text = "; ".join(f"{one.type}: {one.reason}: {one.message}" for one in failed)
        return (
            Condition("Ready", FALSE, FAILED, text, generation, failed=True),
            Condition("Stalled", TRUE, failed[0].reason, failed[0].message, generation),
        )
    waiting = [one for one in wanted if one.status != TRUE or one.generation != generation]
    if waiting:
        text = "; ".join(f"{one.type}: {one.reason}" + (f": {one.message}" if one.message else "") for one in waiting)
        return (
            Condition("Ready", UNKNOWN, PROGRESSING, text, generation),
            Condition("Reconciling", TRUE, PROGRESSING, text, generation),
        )
    return (Condition("Ready", TRUE, "Ready", promise, generation),)
