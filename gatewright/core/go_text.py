"""Go's renderings of values, for texts that must equal those of Kubernetes byte by byte.

`field_errors`, `schemas` and `apiserver` build messages with these; what the messages say is theirs. Sources: the
documentation of Go's packages strconv (Quote), fmt (the verb v) and encoding/json (Marshal).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_QUOTED = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def quote(text: str) -> str:
    """The text as strconv.Quote (the verb q) prints it.

    >>> quote('a"b')
    '"a\\\\"b"'
    """
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_quoted, text))}"'


def _quoted(char: str) -> str:
    found = _QUOTED.get(char)
    if found is not None:
        return found
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xD800 <= code < 0xE000:  # a lone surrogate is no Go string: it reads as the replacement character
        return "\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def number(value: float) -> str:
    """A float64 as the verb v prints it: shortest digits, with an exponent below -4 and from 6 on."""
    return _float(value, -4, 6)


def _float(value: float, least: int, most: int) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    mantissa, _, exponent = f"{value!r}".lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    power = point - 1  # the exponent of the first digit
    if power < least or power >= most:
        head = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        mark = "-" if power < 0 else "+"
        width = 1 if least == -6 else 2  # encoding/json writes e-7, fmt writes e-07
        return f"{sign}{head}e{mark}{abs(power):0{width if power < 0 else 2}d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    return f"{sign}{digits[:point]}.{digits[point:]}"


def json_text(value: Any) -> str:
    """The value as json.Marshal writes it: no blanks, map keys sorted, <, > and & escaped.

    Mappings read as Go maps. A Go struct keeps the order of its fields: give it as `Struct`.
    """
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return json_string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value, -6, 21)
    if isinstance(value, Verbatim):
        return value.text
    if isinstance(value, Struct):
        return "{" + ",".join(f"{json_string(k)}:{json_text(v)}" for k, v in value.fields) + "}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json_string(k)}:{json_text(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(map(json_text, value)) + "]"
    raise TypeError(f"no JSON value: {type(value).__name__}")


def json_string(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    if any(char in written for char in "<>&\u2028\u2029"):
        written = "".join(_HTML.get(char, char) for char in written)
    return written


class Struct:
    """A value whose JSON keeps the given order of fields, as a Go struct's does."""

    __slots__ = ("fields",)

    def __init__(self, fields: Sequence[tuple[str, Any]]) -> None:
        self.fields = tuple(fields)

    @staticmethod
    def of(value: Mapping[str, Any], order: Sequence[str]) -> Struct:
        """The fields that the mapping has, in this order; fields outside it are left out."""
        return Struct([(name, value[name]) for name in order if name in value])


class Verbatim:
    """A value whose JSON text is known already."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are deeply equal, telling true from 1 but not 1 from 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping):
        return (
            isinstance(right, Mapping)
            and left.keys() == right.keys()
            and all(same(value, right[key]) for key, value in left.items())
        )
    if isinstance(left, list | tuple):
        return (
            isinstance(right, list | tuple)
            and len(left) == len(right)
            and all(same(a, b) for a, b in zip(left, right, strict=True))
        )
    return bool(left == right)
