"""'%s is %d'.format([...]): clauses, precision and how values print in them.

`strings` declares it at run time; `literal_checks` walks the clauses of a constant text with the types of its
arguments. Source: the documentation of cel-go's ext.Strings version 2 (locale en_US).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gatewright.cel.conversions import to_string
from gatewright.cel.errors import EvalError
from gatewright.cel.types import Type
from gatewright.cel.values import Duration, Timestamp, Uint, plain_key, type_name

_PRECISION = 6
_DIGITS = re.compile(r"[0-9]*", re.ASCII)
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

# What each clause takes, as its error says.
WANTED = {
    "s": "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations,"
    " and timestamps, was given {}",
    "d": "decimal clause can only be used on integers, was given {}",
    "f": "fixed-point clause can only be used on doubles, was given {}",
    "e": "scientific clause can only be used on doubles, was given {}",
    "b": "only integers and bools can be formatted as binary, was given {}",
    "x": "only integers, byte buffers, and strings can be formatted as hex, was given {}",
    "o": "octal clause can only be used on integers, was given {}",
}


class ClauseError(ValueError):
    """A clause that cannot be read, or an argument that it does not take."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One %-clause. verb: s, d, f, e, b, x, X or o; precision: of f and e, None where it is not written."""

    verb: str
    precision: int | None


def clauses(text: str, arguments: int) -> Iterator[str | Clause]:
    """The parts of a format: plain texts and clauses. Raises ClauseError."""
    at = used = 0
    while at < len(text):
        found = text.find("%", at)
        if found < 0:
            yield text[at:]
            return
        if found > at:
            yield text[at:found]
        if text.startswith("%%", found):
            yield "%"
            at = found + 2
            continue
        if used >= arguments:
            raise ClauseError(f"index {used} out of range")
        if found + 1 >= len(text):
            raise ClauseError("unexpected end of string")
        clause, at = _clause(text, found + 1)
        used += 1
        yield clause


def _clause(text: str, at: int) -> tuple[Clause, int]:
    precision: int | None = None
    wrong = "could not parse formatting clause: "
    if text[at] == ".":
        match = _DIGITS.match(text, at + 1)
        digits = match.group() if match else ""
        at += 1 + len(digits)
        if at >= len(text):
            raise ClauseError(f"{wrong}error while parsing precision: could not find end of precision specifier")
        if not digits:
            reason = 'error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax'
            raise ClauseError(f"{wrong}error while parsing precision: {reason}")
        precision = min(int(digits[:9]), 10_000)
    verb = text[at]
    if verb not in "sdfebxXo":
        raise ClauseError(f'{wrong}unrecognized formatting clause "{verb}"')
    return Clause(verb, precision), at + 1


def format_text(text: str, arguments: list[Any]) -> str:
    """The text with its clauses filled in. Raises EvalError."""
    parts: list[str] = []
    used = 0
    try:
        for part in clauses(text, len(arguments)):
            if isinstance(part, str):
                parts.append(part)
                continue
            parts.append(_VERBS[part.verb](arguments[used], part))
            used += 1
    except ClauseError as error:
        raise EvalError(str(error)) from None
    return "".join(parts)


def _refused(verb: str, value: Any) -> ClauseError:
    return ClauseError(f"error during formatting: {WANTED[verb].format(type_name(value))}")


# -------------------------------------------------------------------- clauses


def _string(value: Any, clause: Clause) -> str:
    kind = type(value)
    if value is None:
        return "null"
    if kind is list:
        return _list(value)
    if kind is dict:
        return _map(value)
    if kind in (int, Uint, float, bool, str, bytes, Timestamp, Duration, Type):
        return to_string(value)
    raise _refused("s", value)


def _decimal(value: Any, clause: Clause) -> str:
    if type(value) is int or type(value) is Uint:
        return str(int(value))
    raise _refused("d", value)


def _number(value: Any, verb: str) -> float:
    if type(value) is float:
        return value
    if type(value) is str and value in _SPECIAL:
        return _SPECIAL[value]
    raise _refused(verb, value)


def _special(number: float) -> str | None:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    return None


def _fixed(value: Any, clause: Clause) -> str:
    number = _number(value, "f")
    precision = _PRECISION if clause.precision is None else clause.precision
    return _special(number) or f"{number:,.{precision}f}"


def _scientific(value: Any, clause: Clause) -> str:
    """As the locale en_US writes it: 1.5×10⁰³; what is no number is as wide as the precision."""
    number = _number(value, "e")
    precision = _PRECISION if clause.precision is None else clause.precision
    special = _special(number)
    if special is not None:
        return special.rjust(precision)
    mantissa, _, exponent = f"{number:.{precision or _PRECISION}e}".partition("e")
    return f"{mantissa}×10{exponent.replace('+', '').translate(_SUPERSCRIPT)}"


_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def _binary(value: Any, clause: Clause) -> str:
    if type(value) is bool:
        return "1" if value else "0"
    if type(value) is int or type(value) is Uint:
        return f"{int(value):b}"
    raise _refused("b", value)


def _hex(value: Any, clause: Clause) -> str:
    if type(value) is str:
        text = value.encode().hex()
    elif type(value) is bytes:
        text = value.hex()
    elif type(value) is int or type(value) is Uint:
        text = f"{int(value):x}"
    else:
        raise _refused("x", value)
    return text.upper() if clause.verb == "X" else text


def _octal(value: Any, clause: Clause) -> str:
    if type(value) is int or type(value) is Uint:
        return f"{int(value):o}"
    raise _refused("o", value)


_VERBS: dict[str, Callable[[Any, Clause], str]] = {
    "s": _string,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "x": _hex,
    "X": _hex,
    "o": _octal,
}


# -------------------------------------------------------------------- inside lists and maps


def _list(values: list[Any]) -> str:
    return f"[{', '.join(map(_inner, values))}]"


def _map(values: dict[Any, Any]) -> str:
    pairs = []
    for raw, value in values.items():
        key = plain_key(raw)
        if type(key) is str:
            shown = quote(key)
        elif type(key) in (bool, int, Uint):
            shown = to_string(key)
        else:
            raise ClauseError(f"error during formatting: no formatting function for map key of type {type_name(key)}")
        pairs.append((shown, _inner(value)))
    return "{" + ", ".join(f"{key}:{value}" for key, value in sorted(pairs, key=lambda pair: pair[0])) + "}"


def _inner(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return quote(value)
    if kind is bytes:
        return f"b{quote(to_string(value))}"
    if kind is float:
        if math.isnan(value) or math.isinf(value):
            return quote(_go_special(value))
        return f"{value:.{_PRECISION}f}"
    if kind is Timestamp:
        return f"timestamp({quote(to_string(value))})"
    if kind is Duration:
        return f"duration({quote(to_string(value))})"
    if kind is list:
        return _list(value)
    if kind is dict:
        return _map(value)
    if value is None or kind in (bool, int, Uint, Type):
        return "null" if value is None else to_string(value)
    raise ClauseError(f"error during formatting: no formatting function for {type_name(value)}")


def _go_special(value: float) -> str:
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def quote(text: str) -> str:
    """The text in Go's double quotes."""
    shown = []
    for char in text:
        if char == "\a" or char == "\v":
            shown.append("\\a" if char == "\a" else "\\v")
        elif char in '"\\\b\f\n\r\t':
            shown.append(json.dumps(char)[1:-1])
        elif char.isprintable():
            shown.append(char)
        else:
            code = ord(char)
            form = f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
            shown.append(form)
    return f'"{"".join(shown)}"'
