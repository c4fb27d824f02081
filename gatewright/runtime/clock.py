"""The machine's clocks and randomness, handed as arguments to everything that needs them."""

from __future__ import annotations

import secrets
import time

from gatewright.core.clock import Now


def now() -> Now:
    return Now(wall=time.time(), monotonic=time.monotonic())


def draw(count: int) -> bytes:
    """That many random bytes, fit for tokens and uids."""
    return secrets.token_bytes(count)


def seed() -> int:
    """A seed for the jitter of one process."""
    return secrets.randbits(63)
