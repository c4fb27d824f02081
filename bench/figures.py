"""A figure: what was measured, how much, under which timing; and how times are taken."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. timing: "fast" or "real" waiting times of the embedded server, "-" where none is part of
    it. value None: not measured, `note` says why. goal: the value aimed at, None where there is none.
    """

    name: str
    value: float | None
    unit: str
    timing: str = "-"
    goal: float | None = None
    note: str = ""


def skipped(name: str, unit: str, why: str, timing: str = "-") -> Figure:
    """A figure that can't be measured here."""
    return Figure(name, None, unit, timing, note=f"skipped: {why}")


def microseconds(work: Callable[[], object], rounds: int = 9, least: float = 0.04) -> float:
    """Median over the rounds of the time per call; each round runs for at least that many seconds."""
    count = 1
    while _seconds(work, count) < least:
        count *= 2
    return statistics.median(_seconds(work, count) / count for _ in range(rounds)) * 1e6


def compared(one: Callable[[], object], other: Callable[[], object], rounds: int = 9) -> tuple[float, float]:
    """Microseconds of two pieces of work, their rounds taken in turn, so that the machine's mood meets both."""
    counts = []
    for work in (one, other):
        count = 1
        while _seconds(work, count) < 0.04:
            count *= 2
        counts.append(count)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for work, count, held in zip((one, other), counts, times, strict=True):
            held.append(_seconds(work, count) / count)
    return statistics.median(times[0]) * 1e6, statistics.median(times[1]) * 1e6


def _seconds(work: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        work()
    return time.perf_counter() - began
