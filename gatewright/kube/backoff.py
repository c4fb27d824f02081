"""Decorrelated jitter: how long to wait after another failure (lifecycle, rule 12).

Called by `listwatch` and by `reconcile` (work queues, leases). Randomness is an argument: `draw` is a number in [0, 1).
"""

from __future__ import annotations

BASE = 0.02  # seconds
CAP = 30.0


def next_delay(previous: float, draw: float, *, base: float = BASE, cap: float = CAP) -> float:
    """The next delay in seconds: uniform between base and three times the previous one (0 after a success), at most
    cap.
    """
    longest = max(base, 3.0 * previous)
    return min(cap, base + draw * (longest - base))
