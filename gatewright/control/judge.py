"""Whether a template or constraint is ready, still coming, or has failed: the pure part of every waiting client.

Fed with watch events and their times; asked at any time. Reads our conditions where they are; of Gatekeeper's own
status, which has none, it reads byPod: an error counts only when it speaks of this incarnation and generation, is no
known false alarm, and has stood for a while (Gatekeeper publishes write conflicts and mends them at its next try:
lifecycle-races 1.7, 3.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gatewright.core.objects import Object, deleting, dig, generation, metadata, uid

Outcome = Literal["ready", "progressing", "failed"]

STANDS = 10.0  # seconds that an error of Gatekeeper's must stand; measured false alarms stood for at most 6.2 s

# Errors that Gatekeeper publishes although a later try mends them: text -> source.
FALSE_ALARMS: Mapping[str, str] = {
    r"Operation cannot be fulfilled": "optimistic concurrency, any object (Gatekeeper issue 3982)",
    r"already exists": "create beside a stale cache (lifecycle-races R2)",
    r"annotation to wait": "constraint seen before its template's annotation (lifecycle-races R5)",
    r"conditions are not satisfied to generate": "template opted out of generated policies (constraint controller)",
}


@dataclass(frozen=True, slots=True)
class State:
    outcome: Outcome
    why: str


@dataclass(slots=True)
class _Seen:
    """What was last seen of one object; errors: text -> since when it stands at this uid and generation."""

    thing: Object
    errors: dict[str, float] = field(default_factory=dict)


class Judge:
    """Keeps what was seen and judges it. Times are monotonic seconds of the caller's choice of zero."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], _Seen] = {}

    def see(self, t: float, event: str, thing: Object) -> None:
        """One watch event: ADDED, MODIFIED or DELETED."""
        key = (str(thing.get("kind") or ""), str(metadata(thing).get("name") or ""))
        if event == "DELETED":
            self._seen.pop(key, None)
            return
        before = self._seen.get(key)
        same = before is not None and (uid(before.thing), generation(before.thing)) == (uid(thing), generation(thing))
        standing = before.errors if before is not None and same else {}
        self._seen[key] = _Seen(thing, {text: standing.get(text, t) for text in _errors(thing)})

    def state(self, kind: str, name: str, t: float) -> State:
        """The state of one object at a time; an object that was not seen is progressing."""
        seen = self._seen.get((kind, name))
        if seen is None:
            return State("progressing", "not there yet")
        if deleting(seen.thing):
            return State("progressing", "being deleted")
        condition = _ready_condition(seen.thing)
        if condition is not None:
            return _by_condition(seen.thing, condition)
        return _by_pods(seen, t)


def _ready_condition(thing: Object) -> Mapping[str, Any] | None:
    for condition in dig(thing, "status", "conditions") or ():
        if isinstance(condition, Mapping) and condition.get("type") == "Ready":
            return condition
    return None


def _by_condition(thing: Object, condition: Mapping[str, Any]) -> State:
    message = str(condition.get("message") or condition.get("reason") or "")
    if condition.get("observedGeneration") != generation(thing):
        return State("progressing", "the status speaks of an earlier generation")
    if condition.get("status") == "True":
        return State("ready", message)
    if condition.get("status") == "False" and condition.get("reason") == "Failed":
        return State("failed", message)
    return State("progressing", message)


def _by_pods(seen: _Seen, t: float) -> State:
    thing = seen.thing
    stood = sorted(text for text, since in seen.errors.items() if t - since >= STANDS)
    if stood:
        return State("failed", stood[0])
    if seen.errors:
        return State("progressing", f"an error that may pass: {min(seen.errors)}")
    entries = list(_entries(thing))
    if not entries:
        return State("progressing", "no pod has reported yet")
    behind = [entry for entry in entries if entry.get("observedGeneration") != generation(thing)]
    if behind:
        return State("progressing", f"{len(behind)} of {len(entries)} pods have not seen this generation yet")
    if "templateUID" in entries[0]:
        created = dig(thing, "status", "created") is True
        return State("ready", "created, without errors") if created else State("progressing", "not created yet")
    points = [point for entry in entries for point in entry.get("enforcementPointsStatus") or ()]
    waiting = [point for point in points if point.get("state") == "waiting"]
    if waiting:
        return State("progressing", str(waiting[0].get("message") or "waiting"))
    enforced = all(entry.get("enforced") for entry in entries)
    return State("ready", "enforced by every pod") if enforced else State("progressing", "not enforced by every pod")


def _entries(thing: Object) -> Iterable[Mapping[str, Any]]:
    """The entries of byPod that speak of this incarnation."""
    for entry in dig(thing, "status", "byPod") or ():
        if isinstance(entry, Mapping) and (entry.get("templateUID") or entry.get("constraintUID")) == uid(thing):
            yield entry


def _errors(thing: Object) -> Iterable[str]:
    """Texts of errors at this generation that are no known false alarm."""
    for entry in _entries(thing):
        if entry.get("observedGeneration") != generation(thing):
            continue
        for error in entry.get("errors") or ():
            text = str(error.get("message") or "")
            if not any(re.search(pattern, text) for pattern in FALSE_ALARMS):
                yield text
