"""What can go wrong with an expression, and how it is shown: cel-go's layout of errors with a snippet and a caret.

Raised by the parser, the checker and the environment (CompileError) and by evaluation (EvalError, CostError); callers
outside the room read `str()` or `.issues`. Source of the layout: the texts that cel-go prints, as the API server
answers them.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

_MOST_ISSUES = 100
_LONGEST_SNIPPET = 16384
_WIDE_DOT, _WIDE_CARET = "\uff0e", "\uff3e"


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding. line: from 1, or -1 where it has no place; column: from 1, or 0 without place."""

    line: int
    column: int
    message: str


class CompileError(Exception):
    """The expression is refused. issues: in the order of their places; str(): cel-go's layout of all of them."""

    def __init__(self, issues: tuple[Issue, ...], text: str) -> None:
        super().__init__(text)
        self.issues = issues


class InstantiationError(CompileError):
    """The expression is well-typed, but a constant in it cannot be computed (int('x')): no program can be made."""


class EvalError(Exception):
    """Evaluation failed: what cel-go reports as the error of a program. message: its text without a place."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AbortError(EvalError):
    """The evaluation as a whole ended; no operator absorbs it."""


class CostError(AbortError):
    """The limit of the actual cost was passed."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


class Source:
    """The text of an expression, with its lines."""

    __slots__ = ("_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0]
        self._starts += [index + 1 for index, char in enumerate(text) if char == "\n"]

    def place(self, offset: int) -> tuple[int, int]:
        """Line from 1 and column from 1 of a code point's offset; (-1, 0) for a negative one."""
        if offset < 0:
            return -1, 0
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str | None:
        """The text of a line, without its end; None where there is no such line or no text at all."""
        if not self.text or not 1 <= number <= len(self._starts):
            return None
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end]

    def issue(self, offset: int, message: str) -> Issue:
        """An issue at a code point's offset."""
        line, column = self.place(offset)
        return Issue(line, column, message)

    def error(self, issues: list[Issue]) -> CompileError:
        """The error that shows these issues in the order of their places; a hundred at most."""
        shown = sorted(issues[:_MOST_ISSUES], key=lambda one: (one.line, one.column))
        texts = [self._shown(issue) for issue in shown]
        if len(issues) > _MOST_ISSUES:
            texts.append(f"{len(issues) - _MOST_ISSUES} more errors were truncated")
        return CompileError(tuple(shown), "\n".join(texts))

    def _shown(self, issue: Issue) -> str:
        text = f"ERROR: <input>:{issue.line}:{issue.column}: {issue.message}"
        line = self.line(issue.line)
        if line is None or len(line.encode()) > _LONGEST_SNIPPET:
            return text
        line = line.replace("\t", " ")
        before = issue.column - 1
        dots = "".join("." if char.isascii() else _WIDE_DOT for char in line[:before])
        caret = "^" if len(line) <= before or line[before].isascii() else _WIDE_CARET
        return f"{text}\n | {line}\n | {dots}{caret}"
