"""Rego text to tokens. Called by the parser; knows no grammar.

Keywords are tokens of kind "ident" here: which words are keywords depends on the syntax version and on imports, so
the parser decides.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from gatewright.rego.errors import PARSE, CompileError, Location, Problem

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|\#[^\n]*)
    |(?P<raw>`[^`]*`)
    |(?P<string>"(?:\\.|[^"\\\n])*")
    |(?P<template>\$"|\$`)
    |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<ident>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<op>:=|==|!=|<=|>=|[-+*/%&|<>=.,;:(){}\[\]])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
MAX_SOURCE = 16 * 1024 * 1024


class Token(NamedTuple):
    """kind: ident, string, raw, number, op, template or eof; text as written; start and end offsets; row and col
    from 1.

    A template token's `parts` are its texts and, for each expression, a tuple (offset of the expression's first
    character, its end).
    """

    kind: str
    text: str
    start: int
    end: int
    row: int
    col: int
    parts: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        """The token as OPA's messages call it."""
        if self.kind == "ident":
            return self.text if self.text in RESERVED else "identifier"
        if self.kind in ("string", "raw"):
            return "string"
        return {"number": "number", "eof": "eof", "template": "template-string"}.get(self.kind, self.text)


RESERVED = frozenset(["package", "import", "as", "default", "else", "not", "with", "some", "true", "false", "null"])


def detail(source: str, offset: int) -> tuple[str, ...]:
    """The source line of an offset and a caret under it, as OPA prints them below a parse error."""
    if not source:
        return ("", "^")
    offset = min(offset, len(source) - 1)
    while offset > 0 and source[offset].isspace():
        offset -= 1
    begin = max(source.rfind("\n", 0, offset), source.rfind("\r", 0, offset)) + 1
    end = offset
    while end < len(source) and source[end] not in "\r\n":
        end += 1
    line = source[begin:end]
    text = line.lstrip("\t")
    return (text, " " * max(0, offset - begin - (len(line) - len(text))) + "^")


def failure(file: str, source: str, offset: int, row: int, col: int, message: str) -> CompileError:
    """A parse error at an offset."""
    return CompileError([Problem(PARSE, message, Location(file, row, col), detail(source, offset))])


class Lexer:
    """Tokens of one source. `tokens(start, stop)` can be called for a part, as templates need."""

    def __init__(self, file: str, source: str) -> None:
        self.file = file
        self.source = source
        if len(source) > MAX_SOURCE:
            raise CompileError([Problem(PARSE, f"source is larger than {MAX_SOURCE} characters", Location(file, 1, 1))])

    def tokens(self, start: int = 0, stop: int | None = None, row: int = 1, line: int = 0) -> list[Token]:
        """All tokens from start to stop, ending with one of kind "eof"; `line` is the offset at which row begins."""
        source, out = self.source, []
        i, end = start, len(source) if stop is None else stop
        while i < end:
            m = _TOKEN.match(source, i, end)
            if m is None:
                self._illegal(i, row, i - line + 1)
            assert m is not None
            kind, text = str(m.lastgroup), m.group()
            if kind == "template":
                token = self._template(i, text[1], row, line)
                out.append(token)
                text, m_end = token.text, token.end
            else:
                m_end = m.end()
                if kind != "space":
                    out.append(Token(kind, text, i, m_end, row, i - line + 1))
            breaks = text.count("\n")
            if breaks:
                row += breaks
                line = i + text.rfind("\n") + 1
            i = m_end
        out.append(Token("eof", "", end, end, row, end - line + 1))
        return out

    def _illegal(self, i: int, row: int, col: int) -> None:
        c = self.source[i]
        if c == '"' or c == "`":
            message = "non-terminated string"
        else:
            message = f"illegal token: illegal {_named(c)} character"
        raise failure(self.file, self.source, i, row, col, message)

    def _template(self, start: int, quote: str, row: int, line: int) -> Token:
        """A template string: texts, and where its expressions lie. Braces inside an expression nest; strings in it
        are skipped whole.
        """
        source, i = self.source, start + 2
        parts: list[Any] = []
        text: list[str] = []
        while i < len(source):
            c = source[i]
            if c == quote:
                parts.append("".join(text))
                whole = source[start : i + 1]
                return Token("template", whole, start, i + 1, row, start - line + 1, tuple(parts))
            if c == "\n" and quote == '"':
                break
            if c == "\\" and i + 1 < len(source) and (quote == '"' or source[i + 1] == "{"):
                if source[i + 1] == "{":
                    text.append("{")
                    i += 2
                    continue
                m = _ESCAPE.match(source, i)
                if m is None:
                    raise failure(self.file, source, i, row, i - line + 1, "illegal escape sequence")
                text.append(_unescape_one(m))
                i = m.end()
            elif c == "{":
                end = self._closing(i + 1, row, line)
                parts.append("".join(text))
                parts.append((i + 1, end))
                text = []
                i = end + 1
            else:
                text.append(c)
                i += 1
        raise failure(self.file, source, start, row, start - line + 1, "non-terminated string")

    def _closing(self, i: int, row: int, line: int) -> int:
        """The offset of the brace that closes a template's expression."""
        source, depth, begin = self.source, 0, i
        while i < len(source):
            m = _TOKEN.match(source, i)
            if m is None:
                break
            if m.lastgroup == "template":
                i = self._template(i, m.group()[1], row, line).end
                continue
            text = m.group()
            if text == "{":
                depth += 1
            elif text == "}":
                if depth == 0:
                    return i
                depth -= 1
            i = m.end()
        raise failure(self.file, source, begin, row, begin - line + 1, "non-terminated string interpolation")


def _named(c: str) -> str:
    return repr(c)[1:-1]


def _unescape_one(m: re.Match[str]) -> str:
    return chr(int(m.group(1), 16)) if m.group(1) else _ESCAPES[m.group(2)]


def string_value(token: str) -> str | None:
    """The value of a quoted string token; None where an escape is illegal. Surrogate pairs become one character,
    lone ones U+FFFD.
    """
    body = token[1:-1]
    if "\\" not in body:
        return body if not _control(body) else None
    out, i = [], 0
    while True:
        j = body.find("\\", i)
        if j < 0:
            out.append(body[i:])
            break
        out.append(body[i:j])
        m = _ESCAPE.match(body, j)
        if m is None:
            return None
        out.append(_unescape_one(m))
        i = m.end()
    text = "".join(out)
    if any("\ud800" <= c <= "\udfff" for c in text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _control(text: str) -> bool:
    return any(c < " " and c != "\t" for c in text)
