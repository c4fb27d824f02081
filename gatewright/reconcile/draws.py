"""Randomness as a function: a number drawn from a seed and the name of what it is for.

Used for jitter only. Because nothing is counted globally, two schedules that lead to the same state draw the same
numbers from there on: the simulator can tell that they met. Two processes differ by their seeds.
"""

from __future__ import annotations

from hashlib import blake2b


def draw(seed: int, *what: str | int) -> float:
    """A number in [0, 1), the same for the same arguments under every hash seed."""
    text = "\x1f".join([str(seed), *map(str, what)])
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "big") / (1 << 56)
