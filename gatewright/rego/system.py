"""The clock and the seed of queries whose caller gives none: the one place of this package that reads the world.
Called by Program.query only.
"""

from __future__ import annotations

import secrets
import time


def now_ns() -> int:
    """Nanoseconds since 1970."""
    return time.time_ns()


def seed() -> int:
    """A seed for the generator behind rand.intn and uuid."""
    return secrets.randbits(64)
