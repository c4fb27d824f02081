"""Regular expressions with RE2's semantics, compiled once, with Go's error texts.

The standard library's matches(), Kubernetes' find() and the checks of literals use it. Compiled patterns are kept in
a bounded cache: a policy has few.
"""

from __future__ import annotations

import functools
from typing import Any

import re2

from gatewright.cel.errors import EvalError

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False

# What RE2 says, and what Go's package regexp/syntax says of the same fault.
_GO = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid character class range": "invalid character class range",
    "invalid escape sequence": "invalid escape sequence",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "trailing \\": "trailing backslash at end of expression",
    "trailing \\ at end of regexp": "trailing backslash at end of expression",
    "invalid named capture group": "invalid named capture",
    "invalid character class": "invalid character class",
    "invalid UTF-8": "invalid UTF-8",
}


class PatternError(ValueError):
    """The text is no regular expression; str() is Go's error."""


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    try:
        return re2.compile(pattern, options=_OPTIONS)
    except re2.error as error:
        return PatternError(_go_error(pattern, error))


def _go_error(pattern: str, error: Exception) -> str:
    said = error.args[0] if error.args else ""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    reason, _, detail = text.partition(": ")
    known = _GO.get(reason, reason)
    if known == "missing closing )" or known == "unexpected )":
        detail = pattern
    if known == "trailing backslash at end of expression":
        return f"error parsing regexp: {known}: ``"
    return f"error parsing regexp: {known}: `{detail}`"


def compiled(pattern: str) -> Any:
    """The compiled pattern. Raises PatternError."""
    found = _compiled(pattern)
    if isinstance(found, PatternError):
        raise found
    return found


def search(pattern: str, text: str) -> bool:
    """Whether the pattern matches anywhere in the text. Raises EvalError for a bad pattern."""
    try:
        return compiled(pattern).search(text) is not None
    except PatternError as error:
        raise EvalError(str(error)) from None


def find(pattern: str, text: str) -> str:
    """The leftmost match, "" where there is none. Raises PatternError."""
    found = compiled(pattern).search(text)
    return found.group() if found is not None else ""


def find_all(pattern: str, text: str, most: int) -> list[str]:
    """The matches that do not overlap, in order; negative: all of them. Raises PatternError."""
    results: list[str] = []
    at, last_end = 0, -1
    expression = compiled(pattern)
    while (most < 0 or len(results) < most) and at <= len(text):
        found = expression.search(text, at)
        if found is None:
            break
        start, end = found.span()
        # Go leaves out an empty match that touches the match before it.
        if not (start == end == last_end):
            results.append(found.group())
        last_end = end
        at = end + 1 if start == end else end
    return results
