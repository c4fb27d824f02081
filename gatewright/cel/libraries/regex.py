"""Kubernetes' regular expression library: find and findAll.

Source: the documentation of Kubernetes' CEL regex library. RE2's syntax and semantics, Go's error texts.
"""

from __future__ import annotations

from gatewright.cel import regular
from gatewright.cel.declarations import Library, function, member
from gatewright.cel.errors import EvalError
from gatewright.cel.types import INT, STRING, list_of


def _find(text: str, pattern: str) -> str:
    try:
        return regular.find(pattern, text)
    except regular.PatternError as error:
        raise EvalError(f"Illegal regex: {error}") from None


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    try:
        return regular.find_all(pattern, text, most)
    except regular.PatternError as error:
        raise EvalError(f"Illegal regex: {error}") from None


LIBRARY = Library(
    functions=(
        function("find", member("string_find_string", (STRING, STRING), STRING, _find)),
        function(
            "findAll",
            member("string_find_all_string", (STRING, STRING), list_of(STRING), _find_all),
            member("string_find_all_string_int", (STRING, STRING, INT), list_of(STRING), _find_all),
        ),
    )
)
