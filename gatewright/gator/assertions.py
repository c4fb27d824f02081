"""Whether the messages of a review are what a case expects (Gatekeeper behaviour, 12.3)."""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.core.go_text import quote
from gatewright.gator.patterns import PatternError, compile_pattern
from gatewright.gator.suites import Assertion

_NEITHER = 'invalid yaml: assertion.violation, if set, must be a nonnegative integer, "yes", or "no"'


def check(assertion: Assertion, messages: Sequence[str]) -> str:
    """Gatekeeper's text of what is wrong, or "" where the assertion holds."""
    matching = len(messages)
    if assertion.message is not None and messages:  # the expression is compiled at the first result
        try:
            pattern = compile_pattern(assertion.message)
        except PatternError as error:
            return f"message contains invalid regular expression: {error.what}"
        matching = sum(map(pattern, messages))
    problem = _count(assertion, matching)
    return f"{problem}: got messages [{' '.join(messages)}]" if problem else ""


def _count(assertion: Assertion, matching: int) -> str:
    wanted = assertion.violations
    if isinstance(wanted, int):
        if wanted < 0:
            return _NEITHER
        return "" if matching == wanted else _told(assertion, matching, f"exactly {wanted}")
    if wanted == "yes":
        return "" if matching else _told(assertion, matching, "at least 1")
    if wanted == "no":
        return "" if not matching else _told(assertion, matching, "none")
    return _NEITHER


def _told(assertion: Assertion, matching: int, wanted: str) -> str:
    containing = f" containing {quote(assertion.message)}" if assertion.message is not None else ""
    return f"unexpected number of violations: got {matching} violations{containing} but want {wanted}"
