"""From text to tokens, with the errors that cel-go's lexer reports for what is no token.

`parser` is the only caller. Literals are decoded here (`decode_text`); the parser asks for it where it needs the
value, since a bad escape is an error of the literal and not of the lexer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gatewright.cel.values import Uint

_ESCAPE = r"""\\(?:[abfnrtv"'\\?`]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"""
_TEXT = "|".join(
    (
        rf'"""(?:{_ESCAPE}|[^\\])*?"""',
        rf"'''(?:{_ESCAPE}|[^\\])*?'''",
        rf'"(?:{_ESCAPE}|[^\\"\n\r])*"',
        rf"'(?:{_ESCAPE}|[^\\'\n\r])*'",
    )
)
_RAW = r'''[rR](?:"""(?s:.)*?"""|\'\'\'(?s:.)*?\'\'\'|"[^"\n\r]*"|'[^'\n\r]*')'''
_TOKEN = re.compile(
    rf"(?P<skip>[\t \r\n\f]+|//[^\n]*)"
    rf"|(?P<BYTES>[bB](?:{_TEXT}|{_RAW}))|(?P<STRING>{_TEXT}|{_RAW})"
    r"|(?P<NUM_FLOAT>(?:[0-9]+\.[0-9]+|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)"
    r"|(?P<NUM_UINT>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])|(?P<NUM_INT>0x[0-9a-fA-F]+|[0-9]+)"
    r"|(?P<IDENTIFIER>[A-Za-z_][A-Za-z0-9_]*)|(?P<ESC_IDENTIFIER>`[A-Za-z0-9_./ -]+`)"
    r"|(?P<op>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])"
)
_ESCAPED = re.compile(r"\\([xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|[^xXuU0-3])", re.DOTALL)
_CONTROL = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_INT_LEAST, _INT_MOST, _UINT_MOST = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1
_KEYWORDS = frozenset({"in", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Token:
    """kind: "op", "EOF" or a kind of literal or name; keywords and operators have their text as kind."""

    kind: str
    text: str
    offset: int


def tokens(text: str) -> tuple[list[Token], list[tuple[int, str]]]:
    """The tokens, ending with EOF, and the lexer's errors as (offset, message)."""
    found: list[Token] = []
    errors: list[tuple[int, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            stop = _stuck(text, at)
            errors.append((at, f"Syntax error: token recognition error at: '{text[at : stop + 1]}'"))
            at = stop + 1
            continue
        kind = match.lastgroup or ""
        word = match.group()
        if kind == "op" or word in _KEYWORDS:
            kind = word
        if kind != "skip":
            found.append(Token(kind, word, at))
        at = match.end()
    found.append(Token("EOF", "<EOF>", len(text)))
    return found, errors


def _stuck(text: str, at: int) -> int:
    """The offset of the code point at which no token can go on."""
    quote = text[at]
    if quote in "\"'":
        triple = text.startswith(quote * 3, at)
        index = at + (3 if triple else 1)
        escape = re.compile(_ESCAPE)
        while index < len(text):
            if text[index] == "\\":
                match = escape.match(text, index)
                if match is None:
                    return _stuck_escape(text, index)
                index = match.end()
            elif text[index] in "\n\r" and not triple:
                return index
            else:
                index += 1
        return len(text)
    if quote == "`":
        index = at + 1
        while index < len(text) and re.match(r"[A-Za-z0-9_./ -]", text[index]):
            index += 1
        return index
    return at + 1 if quote in "=&|" else at


def _stuck_escape(text: str, at: int) -> int:
    kind = text[at + 1 : at + 2]
    digits = {"x": 2, "X": 2, "u": 4, "U": 8}.get(kind, 0)
    index = at + 2 if digits else at + 1
    allowed = "0123456789abcdefABCDEF"
    if kind and kind in "0123":
        index, digits, allowed = at + 2, 2, "01234567"
    while digits and index < len(text) and text[index] in allowed:
        index, digits = index + 1, digits - 1
    return index


class LiteralError(ValueError):
    """The literal holds no text: a bad code point."""


def decode_text(literal: str) -> str:
    """The value of a STRING token. Raises LiteralError for a surrogate or a code point beyond Unicode."""
    raw, body = _body(literal)
    return body if raw else _ESCAPED.sub(_char, body)


def decode_bytes(literal: str) -> bytes:
    """The value of a BYTES token: its text as UTF-8, numeric escapes of two or three digits as single bytes."""
    raw, body = _body(literal[1:])
    if raw:
        return body.encode()
    parts: list[bytes] = []
    at = 0
    for match in _ESCAPED.finditer(body):
        parts.append(body[at : match.start()].encode())
        code = match.group(1)
        if code[0] in "xX":
            parts.append(bytes([int(code[1:], 16)]))
        elif code[0] in "0123":
            parts.append(bytes([int(code, 8)]))
        elif code[0] in "uU":
            raise LiteralError("unable to unescape string")
        else:
            parts.append(_char(match).encode())
        at = match.end()
    parts.append(body[at:].encode())
    return b"".join(parts)


def _body(literal: str) -> tuple[bool, str]:
    raw = literal[0] in "rR"
    if raw:
        literal = literal[1:]
    marks = 3 if literal[:3] in ('"""', "'''") else 1
    body = literal[marks:-marks].replace("\r\n", "\n").replace("\r", "\n")
    return raw, body


def _char(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "xXuU":
        return _code_point(int(code[1:], 16))
    if code[0] in "0123":
        return chr(int(code, 8))
    control = _CONTROL.get(code)
    return chr(control) if control is not None else code


def _code_point(number: int) -> str:
    if 0xD800 <= number < 0xE000 or number > 0x10FFFF:
        raise LiteralError("invalid unicode code point")
    return chr(number)


def value_of(token: Token, sign: str) -> Any:
    """The value of a literal's token; sign: "-" or "". Raises LiteralError."""
    text = token.text
    match token.kind:
        case "true" | "false":
            return token.kind == "true"
        case "null":
            return None
        case "STRING":
            return decode_text(text)
        case "BYTES":
            return decode_bytes(text)
        case "NUM_FLOAT":
            number = float(sign + text)
            if number in (float("inf"), float("-inf")):
                raise LiteralError("invalid double literal")
            return number
        case "NUM_UINT":
            whole = _integer(text[:-1])
            if whole > _UINT_MOST:
                raise LiteralError("invalid uint literal")
            return Uint(whole)
        case _:
            whole = _integer(text) * (-1 if sign else 1)
            if not _INT_LEAST <= whole <= _INT_MOST:
                raise LiteralError("invalid int literal")
            return whole


def _integer(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:], 16)
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) < 25 else 1 << 80  # Python refuses to read thousands of digits
