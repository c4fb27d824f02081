"""Builtins of globs: glob.match, glob.quote_meta, and regex.globs_match (do two glob-like patterns have a text in
common?).

Syntax of glob.match: `*` goes over anything but delimiters, `**` over everything, `?` one character that is no
delimiter, [abc], [!a-z], {one,two}, and a backslash before a special character (OPA documentation, "Glob").
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from gatewright.rego.builtins.regex import compiled
from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import type_name

SPECIAL = "*?[]{}\\!-,"


def _escape(c: str) -> str:
    return "\\" + c if c in r"\.+*?()|[]{}^$-" else c


class _Translator:
    """A glob as an RE2 pattern."""

    def __init__(self, pattern: str, delimiters: str) -> None:
        self.p = pattern
        self.i = 0
        self.one = "[^" + "".join(map(_escape, delimiters)) + "]" if delimiters else "(?s:.)"

    def translate(self, inside: bool = False) -> str:
        out: list[str] = []
        while self.i < len(self.p):
            c = self.p[self.i]
            if inside and c in ",}":
                break
            self.i += 1
            if c == "*":
                double = self.p.startswith("*", self.i)
                while self.p.startswith("*", self.i):
                    self.i += 1
                out.append("(?s:.)*" if double else self.one + "*")
            elif c == "?":
                out.append(self.one)
            elif c == "[":
                out.append(self._class())
            elif c == "{":
                out.append(self._alternatives())
            elif c == "\\" and self.i < len(self.p):
                out.append(_escape(self.p[self.i]))
                self.i += 1
            else:
                out.append(_escape(c))
        return "".join(out)

    def _class(self) -> str:
        end = self.p.find("]", self.i + 1)
        if end < 0:
            raise BuiltinError("invalid glob pattern: missing ]")
        body = self.p[self.i : end]
        self.i = end + 1
        negated = body.startswith("!")
        body = body[1:] if negated else body
        if len(body) == 3 and body[1] == "-":
            inner = f"{_escape(body[0])}-{_escape(body[2])}"
        else:
            inner = "".join(map(_escape, body))
        return "[" + ("^" if negated else "") + inner + "]"

    def _alternatives(self) -> str:
        parts = []
        while True:
            parts.append(self.translate(inside=True))
            if self.i >= len(self.p):
                raise BuiltinError("invalid glob pattern: missing }")
            c = self.p[self.i]
            self.i += 1
            if c == "}":
                return "(?:" + "|".join(parts) + ")"


@lru_cache(2048)
def _glob(pattern: str, delimiters: str) -> Any:
    return compiled("^" + _Translator(pattern, delimiters).translate() + "$")


@builtin("glob.match", "string", "null|array", "string", result="boolean")
def glob_match(pattern: str, delimiters: Any, text: str) -> bool:
    if delimiters is None:
        chars = ""
    else:
        for d in delimiters:
            if not isinstance(d, str):
                raise BuiltinError(
                    f"operand 2 must be array of strings but got array containing {type_name(d)}", "eval_type_error"
                )
        chars = "".join(delimiters) or "."
    return _glob(pattern, chars).search(text) is not None


@builtin("glob.quote_meta", "string", result="string")
def quote_meta(pattern: str) -> str:
    return re.sub(r"[*?\\\[\]{}]", lambda m: "\\" + m.group(), pattern)


# -- regex.globs_match: patterns of characters, classes, dots, each with *, + or nothing
_Piece = tuple[frozenset[str] | None, str]  # characters (None: any), and "", "*" or "+"


def _pieces(pattern: str) -> list[_Piece]:
    out: list[_Piece] = []
    i = 0
    while i < len(pattern):
        c = pattern[i]
        i += 1
        chars: frozenset[str] | None
        if c == "\\":
            if i >= len(pattern):
                raise BuiltinError("the input provided is invalid")
            chars = frozenset(pattern[i])
            i += 1
        elif c == ".":
            chars = None
        elif c == "[":
            end = pattern.find("]", i)
            if end < 0:
                raise BuiltinError("the input provided is invalid")
            chars = _range(pattern[i:end])
            i = end + 1
        elif c in "*+]":
            raise BuiltinError("the input provided is invalid")
        else:
            chars = frozenset(c)
        flag = pattern[i] if i < len(pattern) and pattern[i] in "*+" else ""
        i += len(flag)
        out.append((chars, flag))
    return out


def _range(body: str) -> frozenset[str]:
    out: set[str] = set()
    i = 0
    while i < len(body):
        if i + 2 < len(body) and body[i + 1] == "-":
            if ord(body[i + 2]) - ord(body[i]) > 4096:
                raise BuiltinError("the input provided is invalid")
            out |= {chr(n) for n in range(ord(body[i]), ord(body[i + 2]) + 1)}
            i += 3
        else:
            out.add(body[i])
            i += 1
    return frozenset(out)


@builtin("regex.globs_match", "string", "string", result="boolean", context=True)
def globs_match(c: Any, left: str, right: str) -> bool:
    """Walks both patterns together: is there a text that both match?"""
    a, b = _pieces(left), _pieces(right)
    c.charge(len(a) * len(b) * 4)
    seen: set[tuple[int, int, bool, bool]] = set()
    todo = [(0, 0, False, False)]
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        i, j, used_a, used_b = state  # used: the piece has matched at least once
        if i == len(a) and j == len(b):
            return True
        if i < len(a) and (a[i][1] == "*" or (a[i][1] == "+" and used_a)):
            todo.append((i + 1, j, False, used_b))
        if j < len(b) and (b[j][1] == "*" or (b[j][1] == "+" and used_b)):
            todo.append((i, j + 1, used_a, False))
        if i < len(a) and j < len(b):
            x, y = a[i][0], b[j][0]
            if x is None or y is None or x & y:
                todo.append((i if a[i][1] else i + 1, j if b[j][1] else j + 1, bool(a[i][1]), bool(b[j][1])))
    return False
