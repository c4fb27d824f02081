"""Whether a template or constraint is ready, still coming, or has failed: the pure part of every waiting client.

Fed with watch events and their times; asked at any time. Reads our conditions where they are; of Gatekeeper's own
status, which has none, it reads byPod: an error counts only when it speaks of this incarnation and generation, is not
of a class that a later try mends, and has stood for a while (Gatekeeper publishes write conflicts and mends them at
its next try: lifecycle-races 1.7, 3.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from gatewright.core.objects import Object, deleting, dig, generation, metadata, uid

Outcome = Literal["ready", "progressing", "failed"]


class Nature(Enum):
    """What an error's text says of the next try."""

    PASSING = "passing"  # of a class that a later try mends: never a failure
    LASTING = "lasting"  # a function of the spec: the same again until it changes
    UNKNOWN = "unknown"


# Seconds that an error must stand to count. Measured: false alarms of any nature stood for at most 6.2 s.
STANDS = {Nature.LASTING: 1.0, Nature.UNKNOWN: 7.5}

# How errors read that a later try mends: the API server's transient classes as apimachinery and Go's net/http print
# them, and what Gatekeeper says while its own objects are on their way.
_FENCED = re.compile(r"Operation cannot be fulfilled|Precondition failed|metadata\.resourceVersion")  # Gatekeeper 3982
_PASSING = re.compile(
    r"already exists"  # 409: create beside a stale cache (lifecycle-races R2)
    r"|could not find the requested resource|not found|no matches for kind"  # 404, discovery behind its CRD
    r"|\b(?:Get|Post|Put|Patch|Delete) \"https?://"  # no answer: url.Error
    r"|connection (?:refused|reset)|[Tt]imeout|timed out|deadline exceeded|context canceled|rate limiter"
    r"|[Tt]oo many requests|currently unable to handle|try again|etcdserver|[Ii]nternal error"  # 429, 5xx
    r"|annotation to wait"  # a constraint seen before its template's annotation (lifecycle-races R5)
)
# How errors read that are a function of the spec: compiling, and a body that the API server refuses (422, 403).
_LASTING = re.compile(r"rego_\w+_error|[Ii]nvalid ConstraintTemplate|is invalid: |is forbidden|compilation failed")
_LASTING_CODES = frozenset({"ingest_error", "parse_error", "conversion_error"})  # of a template's own source


@dataclass(frozen=True, slots=True)
class State:
    outcome: Outcome
    why: str


@dataclass(slots=True)
class _Seen:
    """What was last seen of one object; errors: nature -> a text, and since when one of that nature stands without a
    break at this uid and generation (texts may change from try to try: two unsafe variables swap their order).
    """

    thing: Object
    errors: dict[Nature, tuple[str, float]] = field(default_factory=dict)


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
        errors: dict[Nature, tuple[str, float]] = {}
        for nature, text in _errors(thing):
            errors.setdefault(nature, (text, standing[nature][1] if nature in standing else t))
        self._seen[key] = _Seen(thing, errors)

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
    for nature, stands in STANDS.items():
        text, since = seen.errors.get(nature, ("", t))
        if text and t - since >= stands:
            return State("failed", text)
    if seen.errors:
        return State("progressing", f"an error that may pass: {min(text for text, _ in seen.errors.values())}")
    entries = list(_entries(thing))
    if not entries:
        return State("progressing", "no pod has reported yet")
    behind = [entry for entry in entries if entry.get("observedGeneration") != generation(thing)]
    if behind:
        return State("progressing", f"{len(behind)} of {len(entries)} pods have not seen this generation yet")
    if "templateUID" in entries[0]:
        roles = [entry.get("operations") or () for entry in entries]
        if any(roles) and not any("generate" in role for role in roles):
            return State("progressing", "no pod with the generate role has reported yet")
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


def _errors(thing: Object) -> Iterable[tuple[Nature, str]]:
    """Errors at this generation, by nature. A template that opted out of generated policies is no error at all."""
    for entry in _entries(thing):
        if entry.get("observedGeneration") != generation(thing):
            continue
        for error in entry.get("errors") or ():
            text = str(error.get("message") or "")
            if "conditions are not satisfied to generate" not in text:
                yield nature_of(str(error.get("code") or ""), text), text


def nature_of(code: str, text: str) -> Nature:
    """What an entry of byPod[].errors says of the next try, by its code and text."""
    if code in _LASTING_CODES:
        return Nature.LASTING
    if _FENCED.search(text):
        return Nature.PASSING
    if _LASTING.search(text):
        return Nature.LASTING
    return Nature.PASSING if _PASSING.search(text) else Nature.UNKNOWN
