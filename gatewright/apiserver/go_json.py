"""JSON as the real server reads it: the error texts of Go's encoding/json for malformed bytes, and keys that stand
twice.

`decoding` is the caller. Well-formed bodies without repeated keys never come here for long: msgspec reads them.
Source of the texts: the
state machine that the documentation of encoding/json's SyntaxError describes, held by the recorded answers of the
real server.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_SPACE = frozenset(b" \t\r\n")
_DIGITS = frozenset(b"0123456789")
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")
_ESCAPES = frozenset(b'"\\/bfnrt')
_FRACTION = re.compile(rb"[\[:,\s]-?[0-9]+(?:\.[0-9]|[eE])")  # perhaps a number with a fraction or an exponent
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_EXPONENT = frozenset(b"eE")
_SIGNS = frozenset(b"+-")


MAX_DEPTH = 150  # of nesting (Go: 10000): what is deeper would exhaust the recursion of those who walk the value


class SyntaxFault(Exception):
    """The bytes are no JSON; str() is Go's text."""


def load(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """The value, and the paths of keys that stand twice in an object ("spec.size"). Raises SyntaxFault."""
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise SyntaxFault("exceeded max depth")
    try:
        value = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _slow(data)
    if _FRACTION.search(data):
        value = _whole(value)
    if len(_encode(value)) == len(data):
        return value, ()  # a key that stands twice would have made the bytes longer than what is left of them
    return _slow(data, well_formed=True)


def _depth(data: bytes) -> int:
    """How deep brackets nest, those in strings not counted."""
    deepest = depth = 0
    for token in _BRACKETS.finditer(data):
        text = token.group()
        if text in (b"{", b"["):
            depth += 1
            deepest = max(deepest, depth)
        elif text in (b"}", b"]"):
            depth -= 1
    return deepest


def _whole(value: Any) -> Any:
    """The value with 2.0 as 2: Go writes a whole float64 without a fraction, up to 1e21."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, dict):
        return {key: _whole(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_whole(child) for child in value]
    return value


class _Pairs(list[tuple[str, Any]]):
    """An object as its pairs."""


def _slow(data: bytes, *, well_formed: bool = False) -> tuple[Any, tuple[str, ...]]:
    fault = "" if well_formed else syntax_fault(data)
    if fault:
        raise SyntaxFault(fault)
    try:
        read = json.loads(data.decode("utf-8", "replace"), object_pairs_hook=_Pairs, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SyntaxFault("exceeded max depth" if isinstance(error, RecursionError) else str(error)) from None
    twice: list[str] = []
    return _whole(_plain(read, "", twice)), tuple(dict.fromkeys(twice))


def _refuse(name: str) -> Any:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


def _plain(value: Any, path: str, twice: list[str]) -> Any:
    if isinstance(value, _Pairs):
        made: dict[str, Any] = {}
        for key, child in value:
            place = f"{path}.{key}" if path else key
            if key in made:
                twice.append(place)
            made[key] = _plain(child, place, twice)
        return made
    if isinstance(value, list):
        return [_plain(child, f"{path}[{index}]", twice) for index, child in enumerate(value)]
    return value


def syntax_fault(data: bytes) -> str:
    """Go's text for malformed JSON; "" for well-formed."""
    scanner = _Scanner(data)
    try:
        scanner.space()
        scanner.value("looking for beginning of value")
        scanner.space()
        if scanner.at < len(data):
            scanner.fail("after top-level value")
    except SyntaxFault as fault:
        return str(fault)
    except RecursionError:
        return "exceeded max depth"
    return ""


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def fail(self, context: str) -> None:
        if self.at >= len(self.data):
            raise SyntaxFault("unexpected end of JSON input")
        raise SyntaxFault(f"invalid character {_character(self.data[self.at])} {context}")

    def peek(self) -> int:
        return self.data[self.at] if self.at < len(self.data) else -1

    def space(self) -> None:
        while self.peek() in _SPACE:
            self.at += 1

    def value(self, context: str) -> None:
        char = self.peek()
        if char == ord("{"):
            self.object()
        elif char == ord("["):
            self.array()
        elif char == ord('"'):
            self.string()
        elif char == ord("-") or char in _DIGITS:
            self.number()
        else:
            for word in (b"true", b"false", b"null"):
                if char == word[0]:
                    self.literal(word)
                    return
            self.fail(context)

    def literal(self, word: bytes) -> None:
        for index, expected in enumerate(word):
            if self.peek() != expected:
                context = f"in literal {word.decode()} (expecting {_character(expected)})"
                if index:
                    self.fail(context)
            self.at += 1

    def object(self) -> None:
        self.at += 1
        self.space()
        if self.peek() == ord("}"):
            self.at += 1
            return
        while True:
            if self.peek() != ord('"'):
                self.fail("looking for beginning of object key string")
            self.string()
            self.space()
            if self.peek() != ord(":"):
                self.fail("after object key")
            self.at += 1
            self.space()
            self.value("looking for beginning of value")
            self.space()
            if self.peek() == ord("}"):
                self.at += 1
                return
            if self.peek() != ord(","):
                self.fail("after object key:value pair")
            self.at += 1
            self.space()

    def array(self) -> None:
        self.at += 1
        self.space()
        if self.peek() == ord("]"):
            self.at += 1
            return
        while True:
            self.value("looking for beginning of value")
            self.space()
            if self.peek() == ord("]"):
                self.at += 1
                return
            if self.peek() != ord(","):
                self.fail("after array element")
            self.at += 1
            self.space()

    def string(self) -> None:
        self.at += 1
        while True:
            char = self.peek()
            if char == ord('"'):
                self.at += 1
                return
            if char == ord("\\"):
                self.at += 1
                self.escape()
            elif char < 0x20:  # the end of the bytes (-1) too
                self.fail("in string literal")
            else:
                self.at += 1

    def escape(self) -> None:
        if self.peek() == ord("u"):
            self.at += 1
            for _ in range(4):
                if self.peek() not in _HEXADECIMAL:
                    self.fail("in \\u hexadecimal character escape")
                self.at += 1
        elif self.peek() in _ESCAPES:
            self.at += 1
        else:
            self.fail("in string escape code")

    def number(self) -> None:
        if self.peek() == ord("-"):
            self.at += 1
            if self.peek() not in _DIGITS:
                self.fail("in numeric literal")
        if self.peek() == ord("0"):
            self.at += 1
        else:
            self.digits()
        if self.peek() == ord("."):
            self.at += 1
            if self.peek() not in _DIGITS:
                self.fail("after decimal point in numeric literal")
            self.digits()
        if self.peek() in _EXPONENT:
            self.at += 1
            if self.peek() in _SIGNS:
                self.at += 1
            if self.peek() not in _DIGITS:
                self.fail("in exponent of numeric literal")
            self.digits()

    def digits(self) -> None:
        while self.peek() in _DIGITS:
            self.at += 1


def _character(code: int) -> str:
    if code == ord("'"):
        return r"'\''"
    if code == ord('"'):
        return "'\"'"
    char = chr(code)
    if code < 0x20 or code == 0x7F:
        named = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(char)
        return f"'{named}'" if named else f"'\\x{code:02x}'"
    return f"'{char}'"
