"""Regular expressions of users (RE2, as Go's regexp), with Go's words for what is wrong with one.

For `selection` (--run) and `assertions` (message).
"""

from __future__ import annotations

from collections.abc import Callable

import re2

from gatewright.core.errors import UserError

Pattern = Callable[[str], bool]  # whether the expression is found anywhere in a text

# RE2's messages -> those of Go's regexp/syntax, which prints the offending part in backquotes behind them.
_GO_WORDS = {
    "invalid escape sequence": "invalid escape sequence",
    "invalid character class": "invalid character class",
    "invalid character class range": "invalid character class range",
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


class PatternError(UserError):
    """An expression that RE2 refuses."""


def _quiet() -> re2.Options:
    options = re2.Options()
    options.log_errors = False  # the library would print on stderr by itself
    return options


_OPTIONS = _quiet()


def compile_pattern(expression: str) -> Pattern:
    """Raises PatternError with Go's text, e.g. "error parsing regexp: missing closing ]: `[`"."""
    try:
        compiled = re2.compile(expression, _OPTIONS)
    except re2.error as error:
        raise PatternError(f"error parsing regexp: {_go_text(_told(error), expression)}") from None
    return lambda text: compiled.search(text) is not None


def _told(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _go_text(told: str, expression: str) -> str:
    for words, go_words in sorted(_GO_WORDS.items(), key=lambda pair: -len(pair[0])):
        if told.startswith(words):
            part = told[len(words) :].removeprefix(":").strip() or expression
            if words == "trailing \\":
                return f"{go_words}: ``"
            return f"{go_words}: `{part}`"
    return f"{told}: `{expression}`"
