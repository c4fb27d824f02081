"""`gator test --stats`: how long each template took for each object, and for how many constraints (behaviour, 13.2).

For `auditing`. The template is run once more by itself, so the figures cost a second evaluation and hold nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gatewright.gator.workbench import Workbench
from gatewright.kinds.templates import REGO, TARGET
from gatewright.policy.enforcement import GATOR_POINT
from gatewright.policy.match import MatchError
from gatewright.policy.review import Review
from gatewright.policy.snapshot import Snapshot

Clock = Callable[[], float]  # seconds, monotonic


@dataclass(frozen=True, slots=True)
class Statistic:
    """One template's evaluation for one object."""

    kind: str
    constraints: int
    nanoseconds: int
    prints: bool

    def to_object(self) -> dict[str, object]:
        """The JSON that Gatekeeper's constraint framework gives (StatsEntry)."""
        source = {"type": "engine", "value": REGO}
        return {
            "scope": "template",
            "statsFor": self.kind,
            "stats": [
                {"name": "templateRunTimeNS", "value": self.nanoseconds, "source": source},
                {"name": "constraintCount", "value": self.constraints, "source": source},
            ],
            "labels": [
                {"name": "TracingEnabled", "value": False},
                {"name": "PrintEnabled", "value": self.prints},
                {"name": "target", "value": TARGET},
            ],
        }


class Stopwatch:
    """Measures reviews on a workbench, template by template."""

    def __init__(self, bench: Workbench, clock: Clock) -> None:
        self._bench, self._clock = bench, clock
        self._alone: dict[str, Workbench] = {}

    def measure(self, review: Review) -> list[Statistic]:
        """What each template with matching constraints took, by kind. Raises Refused as the review itself does."""
        found = []
        for kind, count in sorted(_matching(self._bench.snapshot, review).items()):
            alone = self._only(kind)
            start = self._clock()
            alone.review(review)
            nanoseconds = int((self._clock() - start) * 1e9)
            found.append(Statistic(kind, count, nanoseconds, self._bench.prints))
        return found

    def _only(self, kind: str) -> Workbench:
        """The workbench without the other templates; constraints without a template do nothing."""
        if kind not in self._alone:
            others = [name for name in self._bench.snapshot.rules.templates if name != kind.lower()]
            snapshot = self._bench.snapshot.with_entries((("template", name), None) for name in sorted(others))
            self._alone[kind] = replace(self._bench, snapshot=snapshot)
        return self._alone[kind]


def _matching(snapshot: Snapshot, review: Review) -> dict[str, int]:
    """Kind -> how many of its constraints match. What can't be matched is not evaluated, so it is not counted."""
    namespace = review.namespace
    if namespace is None and review.request_namespace:
        namespace = snapshot.namespace(review.request_namespace)
    counts: dict[str, int] = {}
    try:
        subjects = review.subjects(namespace)
    except MatchError:
        return counts
    for bound in snapshot.rules.bound(GATOR_POINT):
        try:
            fits = any(bound.matcher.fits_kind(subject.group, subject.kind) for subject in subjects)
            if fits and bound.matches(subjects, None):
                counts[bound.kind] = counts.get(bound.kind, 0) + 1
        except MatchError:
            continue
    return counts
