"""What can go wrong with Rego: places in a source, compile errors, evaluation errors, and the call for answers from
outside.

Raised by every part of this package, caught by its callers (`policy`, the command line). The codes and the layout of
the texts are OPA's (OPA documentation, "Errors"; texts measured in the conformance goldens).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

PARSE = "rego_parse_error"
COMPILE = "rego_compile_error"
TYPE = "rego_type_error"
UNSAFE = "rego_unsafe_var_error"
RECURSION = "rego_recursion_error"


class Location(NamedTuple):
    """A place in a source: file name, line and column, both from 1."""

    file: str
    row: int
    col: int

    def __str__(self) -> str:
        return f"{self.file}:{self.row}" if self.file else f"{self.row}:{self.col}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of a compilation. `details` are the indented lines that OPA prints under it (source line and caret,
    or what was had).
    """

    code: str
    message: str
    location: Location
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{self.location}: {self.code}: {self.message}"
        return "\n\t".join((head, *self.details))


class CompileError(Exception):
    """A policy does not compile. `.errors` has every problem found, in the order of the source; str() is laid out as
    OPA's.
    """

    def __init__(self, errors: Sequence[Problem]) -> None:
        self.errors: tuple[Problem, ...] = tuple(errors)
        super().__init__(self.errors)

    def __str__(self) -> str:
        n = len(self.errors)
        if n == 1:
            return f"1 error occurred: {self.errors[0]}"
        return f"{n} errors occurred:\n" + "\n".join(str(e) for e in self.errors)


class EvalError(Exception):
    """An evaluation ended in an error: `.code` is OPA's (eval_conflict_error, eval_type_error, eval_builtin_error,
    eval_cancel_error).
    """

    def __init__(self, code: str, message: str, location: Location | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.location = location

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location else ""
        return f"{place}{self.code}: {self.message}"


class BuiltinError(Exception):
    """A builtin was given a value it cannot work with: undefined, or an EvalError under strict errors. Never leaves
    this package.
    """

    def __init__(self, message: str, code: str = "eval_builtin_error") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Needs(Exception):
    """The evaluation needs answers that the review's answer book lacks.

    `.keys` is a sorted tuple of (builtin name, request) pairs, where the request is a JSON text with sorted keys. The
    caller fetches them, puts them into the book under the same keys, and evaluates again on the same snapshot.
    """

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        self.keys: tuple[tuple[str, str], ...] = tuple(sorted(keys))
        super().__init__(self.keys)


def conflict(message: str) -> EvalError:
    """The error of rules that give different answers."""
    return EvalError("eval_conflict_error", message)


def shown(value: Any, limit: int = 60) -> str:
    """A short text of a value for a message."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
