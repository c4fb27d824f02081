"""One key's plan while it is carried out: its branches, and how far each has come.

Values only; `execution` moves them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from gatewright.control.intents import Intent
from gatewright.reconcile.errors import Verdict
from gatewright.reconcile.holds import Hold


class Waits(Enum):
    """What a branch waits for before its intent at `at` is over."""

    NOTHING = "nothing"
    ANSWER = "answer"
    CONFIRMATION = "confirmation"  # a live read after a write whose answer was lost
    COMPILATION = "compilation"
    SERVICE = "service"  # every worker serves the snapshot


@dataclass(frozen=True, slots=True)
class Branch:
    """failed: why it stopped; a stopped branch goes no further in this round. doubt: the unanswered write being
    confirmed.
    """

    intents: tuple[Intent, ...]
    at: int = 0
    waits: Waits = Waits.NOTHING
    failed: Verdict | None = None
    doubt: Verdict | None = None

    @property
    def over(self) -> bool:
        return self.failed is not None or self.at >= len(self.intents)

    def onward(self) -> Branch:
        return replace(self, at=self.at + 1, waits=Waits.NOTHING)

    def stopped(self, verdict: Verdict) -> Branch:
        return replace(self, waits=Waits.NOTHING, failed=verdict, doubt=None)


@dataclass(frozen=True, slots=True)
class Round:
    """busy: whether the plan asked for anything but timers and notes that stand already. holds: what its writes wait
    for.
    """

    branches: tuple[Branch, ...]
    busy: bool
    holds: tuple[Hold, ...] = ()

    @property
    def over(self) -> bool:
        return all(branch.over for branch in self.branches)

    def with_branch(self, index: int, branch: Branch) -> Round:
        return replace(self, branches=(*self.branches[:index], branch, *self.branches[index + 1 :]))
