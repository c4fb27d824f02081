"""What `verify` found, as values, and their text in the layout of Go's test runner (Gatekeeper behaviour, 12.3).

Made by `verifying`, printed by `cli`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """error "" means that all assertions hold; `printed` is what Rego's print() wrote; seconds of real time."""

    name: str
    skipped: bool = False
    error: str = ""
    seconds: float = 0.0
    printed: str = ""
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """`error` is set where the test itself could not be run."""

    name: str
    skipped: bool = False
    error: str = ""
    seconds: float = 0.0
    cases: tuple[CaseOutcome, ...] = ()

    @property
    def failed(self) -> bool:
        return bool(self.error) or any(case.error for case in self.cases)


@dataclass(frozen=True, slots=True)
class SuiteOutcome:
    """`path` as the suite was named."""

    path: str
    skipped: bool = False
    seconds: float = 0.0
    tests: tuple[TestOutcome, ...] = ()

    @property
    def failed(self) -> bool:
        return any(test.failed for test in self.tests)


def report(outcomes: Iterable[SuiteOutcome], *, verbose: bool = False) -> str:
    """The whole output of `verify`: lines per suite, PASS or FAIL, and an empty line."""
    held = tuple(outcomes)
    lines = [line for outcome in held for line in _suite(outcome, verbose)]
    lines.append("FAIL" if any(outcome.failed for outcome in held) else "PASS")
    return "\n".join((*lines, "", ""))


def _suite(outcome: SuiteOutcome, verbose: bool) -> Iterator[str]:
    for test in outcome.tests:
        yield from _test(test, verbose)
    yield f"{'FAIL' if outcome.failed else 'ok'}\t{outcome.path}\t{_time(outcome.seconds)}"


def _test(test: TestOutcome, verbose: bool) -> Iterator[str]:
    if verbose:
        if test.skipped:
            yield f"=== SKIP  {test.name}"
            return
        yield f"=== RUN   {test.name}"
    for case in test.cases:
        yield from _case(case, verbose)
    if test.failed:
        yield f"--- FAIL: {test.name}\t({_time(test.seconds)})"
        if test.error:
            yield f"  {test.error}"
    elif verbose:
        yield f"--- PASS: {test.name}\t({_time(test.seconds)})"


def _case(case: CaseOutcome, verbose: bool) -> Iterator[str]:
    if verbose:
        if case.skipped:
            yield f"    === SKIP  {case.name}"
            return
        yield f"    === RUN   {case.name}"
        if case.printed:
            yield "        === PRINT ==="
            yield from (f"        {line}" for line in case.printed.removesuffix("\n").split("\n"))
    if case.error:
        yield f"    --- FAIL: {case.name}\t({_time(case.seconds)})"
        yield f"        {case.error}"
    elif verbose:
        yield f"    --- PASS: {case.name}\t({_time(case.seconds)})"
    if case.trace is not None:
        prefix = "    --- " if verbose else ""
        text = case.trace.replace("\n", f"\n{prefix}")
        yield f"{prefix}TRACE: {case.name}\t{text}"


def _time(seconds: float) -> str:
    return f"{seconds:.3f}s"
