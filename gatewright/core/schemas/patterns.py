"""Regular expressions of schemas: Go's dialect, which RE2 shares, and Go's words for what is wrong with one.

`nodes` compiles the patterns of a schema; the validation of CustomResourceDefinitions tells why one can't be.
"""

from __future__ import annotations

from typing import Any

import re2

# RE2's words for an error and those of Go's regexp/syntax. The offending part follows both.
_WORDS = {
    "invalid character class range": "invalid character class range",
    "invalid character class": "invalid character class",
    "invalid escape sequence": "invalid escape sequence",
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid UTF-8": "invalid UTF-8",
    "invalid named capture group": "invalid named capture",
}


def _quiet() -> Any:
    options = re2.Options()
    options.log_errors = False  # RE2 would write to stderr itself
    return options


_OPTIONS = _quiet()


class Pattern:
    """A compiled pattern; `problem` tells, in Go's words, why it can't be compiled (it then matches nothing)."""

    __slots__ = ("_compiled", "problem", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.problem = ""
        self._compiled: Any = None
        try:
            self._compiled = re2.compile(text, _OPTIONS)
        except re2.error as error:
            self.problem = _go_words(error, text)

    def found_in(self, value: str) -> bool:
        return self._compiled is not None and self._compiled.search(value) is not None


def problem_of(text: str) -> str:
    """Why a pattern can't be compiled, as Go prints it, or ""."""
    return Pattern(text).problem


def _go_words(error: Exception, pattern: str) -> str:
    told = error.args[0] if error.args else ""
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    for words, go_words in _WORDS.items():
        if text.startswith(words):
            part = "" if go_words.startswith("trailing") else text[len(words) :].removeprefix(": ")
            return f"error parsing regexp: {go_words}: `{part}`"
    return f"error parsing regexp: {text}: `{pattern}`"
