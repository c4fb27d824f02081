"""The strings library, version 2: searching, cutting, replacing, joining and quoting texts by code point.

Source: the documentation of cel-go's ext.Strings. `format` is in `formatting`.
"""

from __future__ import annotations

from typing import Any

from gatewright.cel.declarations import Function, Library, function, member, overload
from gatewright.cel.errors import EvalError
from gatewright.cel.libraries.formatting import format_text
from gatewright.cel.selection import shown
from gatewright.cel.types import DYN, INT, STRING, list_of

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_SPACE = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_SPACE += "\u2028\u2029\u202f\u205f\u3000"
_QUOTED = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        '"': '\\"',
    }
)


def _out_of_range(index: int) -> EvalError:
    return EvalError(f"index out of range: {index}")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if part == "":
        return start
    if start < 0:
        raise _out_of_range(start)
    return text.find(part, start) if start < len(text) else -1


def _last_index_of(text: str, part: str) -> int:
    return len(text) if part == "" else text.rfind(part)


def _last_index_before(text: str, part: str, start: int) -> int:
    if part == "":
        return start
    if start < 0:
        raise _out_of_range(start)
    return -1 if start >= len(text) else text.rfind(part, 0, start + len(part))


def _replace(text: str, old: str, new: str, most: int = -1) -> str:
    return text.replace(old, new, most) if most >= 0 else text.replace(old, new)


def _split(text: str, separator: str, most: int = -1) -> list[str]:
    if most == 0:
        return []
    if separator:
        return text.split(separator, most - 1) if most > 0 else text.split(separator)
    if 0 < most < len(text):
        return [*text[: most - 1], text[most - 1 :]]
    return list(text)


def _substring(text: str, start: int) -> str:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    return text[start:]


def _between(text: str, start: int, end: int) -> str:
    if start > end:
        raise EvalError(f"invalid substring range. start: {start}, end: {end}")
    for index in (start, end):
        if not 0 <= index <= len(text):
            raise _out_of_range(index)
    return text[start:end]


def join(values: list[Any], separator: str = "") -> str:
    """The texts with the separator between them. Raises EvalError where one is no text."""
    for one in values:
        if type(one) is not str:
            raise EvalError(f"join: invalid input: {shown(one)}")
    return separator.join(values)


def _quote(text: str) -> str:
    return f'"{text.translate(_QUOTED)}"'


def _functions() -> list[Function]:
    texts = list_of(STRING)
    pair = (STRING, STRING)
    return [
        function("charAt", member("string_char_at_int", (STRING, INT), STRING, _char_at)),
        function(
            "indexOf",
            member("string_index_of_string", pair, INT, _index_of),
            member("string_index_of_string_int", (*pair, INT), INT, _index_of),
        ),
        function(
            "lastIndexOf",
            member("string_last_index_of_string", pair, INT, _last_index_of),
            member("string_last_index_of_string_int", (*pair, INT), INT, _last_index_before),
        ),
        function("lowerAscii", member("string_lower_ascii", (STRING,), STRING, lambda text: text.translate(_LOWER))),
        function(
            "replace",
            member("string_replace_string_string", (STRING, *pair), STRING, _replace),
            member("string_replace_string_string_int", (STRING, *pair, INT), STRING, _replace),
        ),
        function(
            "split",
            member("string_split_string", pair, texts, _split),
            member("string_split_string_int", (*pair, INT), texts, _split),
        ),
        function(
            "substring",
            member("string_substring_int", (STRING, INT), STRING, _substring),
            member("string_substring_int_int", (STRING, INT, INT), STRING, _between),
        ),
        function("trim", member("string_trim", (STRING,), STRING, lambda text: text.strip(_SPACE))),
        function("upperAscii", member("string_upper_ascii", (STRING,), STRING, lambda text: text.translate(_UPPER))),
        function("format", member("string_format", (STRING, list_of(DYN)), STRING, format_text)),
        function("strings.quote", overload("strings_quote", (STRING,), STRING, _quote)),
        function(
            "join",
            member("list_join", (texts,), STRING, join),
            member("list_join_string", (texts, STRING), STRING, join),
        ),
    ]


LIBRARY = Library(functions=tuple(_functions()))
