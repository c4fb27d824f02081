"""Values as texts and as JSON, and numbers from and to texts. Called by builtins, by generated code for messages,
and for results.

Formats are those of OPA: numbers as Go's strconv and encoding/json write them, values inside messages as Rego terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from gatewright.rego.errors import EvalError
from gatewright.rego.values import (
    MAX_NODES,
    NUMBERS,
    SETS,
    FrozenDict,
    order_key,
    sorted_items_of,
    sorted_members,
    thaw,
    too_large,
)


def number_from_text(text: str) -> int | float | Decimal | None:
    """The number that a JSON text spells, exactly; None where it is none."""
    try:
        if text.lstrip("-").isdigit():
            return int(text)
        f = float(text)
        d = Decimal(text)
    except (ValueError, InvalidOperation):
        return None
    return from_decimal(d, f)


def from_decimal(d: Decimal, f: float | None = None) -> int | float | Decimal | None:
    """A decimal as the simplest number type that holds it exactly: float where the shortest text is the same, else
    Decimal.
    """
    if not d.is_finite():
        return None
    if f is None:
        f = float(d)
    if f - f == 0 and Decimal(repr(f)) == d:
        return f
    return d


def number_text(x: int | float | Decimal) -> str:
    """A number as OPA prints it (Go's %g with the shortest digits for those that are not integers)."""
    if x.__class__ is int:
        return str(x)
    sign, digits, exponent = Decimal(repr(x) if isinstance(x, float) else x).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    exp = len(text) + exponent - 1
    minus = "-" if sign and text != "0" else ""
    if exp < -4 or exp >= (21 if isinstance(x, Decimal) else 6):
        mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
        if isinstance(x, Decimal):
            return f"{minus}{mantissa}e{exp}"
        return f"{minus}{mantissa}e{'-' if exp < 0 else '+'}{abs(exp):02d}"
    if exponent >= 0:
        return minus + text + "0" * exponent
    if exp < 0:
        return f"{minus}0.{'0' * (-exp - 1)}{text}"
    return f"{minus}{text[: exp + 1]}.{text[exp + 1 :]}"


_GO_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
}


def quote(text: str) -> str:
    """A string as Go's %q writes it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    out = []
    for c in text:
        if c in _GO_ESCAPES:
            out.append(_GO_ESCAPES[c])
        elif c.isprintable():
            out.append(c)
        elif ord(c) < 0x80:
            out.append(f"\\x{ord(c):02x}")
        else:
            out.append(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}")
    return '"' + "".join(out) + '"'


def text_of(x: Any) -> str:
    """A value as a Rego term, as OPA prints it inside messages."""
    return _text(x, [MAX_NODES])


def _text(x: Any, left: list[int]) -> str:
    c = x.__class__
    if c is str:
        return quote(x)
    if c is bool:
        return "true" if x else "false"
    if x is None:
        return "null"
    if isinstance(x, NUMBERS):
        return number_text(x)
    left[0] -= len(x)
    if left[0] < 0:
        raise too_large("written out")
    if isinstance(x, list):
        return "[" + ", ".join([_text(v, left) for v in x]) + "]"
    if isinstance(x, SETS):
        return "{" + ", ".join([_text(v, left) for v in sorted_members(x)]) + "}" if x else "set()"
    return "{" + ", ".join([f"{_text(k, left)}: {_text(v, left)}" for k, v in sorted_items_of(x)]) + "}"


_JSON_SCALARS = frozenset([str, int, float, bool, type(None)])


def to_json(x: Any) -> Any:
    """A value as JSON has it: sets as sorted lists, keys as texts, decimals as the nearest number that JSON has."""
    return x if x.__class__ in _JSON_SCALARS else _to_json(x, [MAX_NODES])


def _json_number(x: Decimal) -> int | float:
    if abs(x.adjusted()) < 400 and x == x.to_integral_value():
        return int(x)
    f = float(x)
    if f - f != 0:
        raise EvalError("eval_builtin_error", f"number {x} is too large to be given back")
    return f


def _to_json(x: Any, left: list[int]) -> Any:
    c = x.__class__
    if c in _JSON_SCALARS:
        return x
    if isinstance(x, Decimal):
        return _json_number(x)
    left[0] -= len(x)
    if left[0] < 0:
        raise too_large("given back")
    if c is dict or c is FrozenDict or isinstance(x, Mapping):
        return {
            (k if k.__class__ is str else key_text(thaw(k))): (v if v.__class__ is str else _to_json(v, left))
            for k, v in x.items()
        }
    if isinstance(x, list):
        return [v if v.__class__ is str else _to_json(v, left) for v in x]
    return [_to_json(v, left) for v in sorted_members(x)]


def result_list(items: list[Any]) -> list[Any]:
    """The members of a set, given as a list in which some may come twice, as JSON values in Rego's order."""
    if len(items) > 1:
        keyed = sorted([(order_key(x), i) for i, x in enumerate(items)])
        items = [items[i] for n, (k, i) in enumerate(keyed) if not n or k != keyed[n - 1][0]]
    return [to_json(x) for x in items]


def key_text(key: Any) -> str:
    """A key of an object as JSON has it."""
    from gatewright.rego.jsontext import dumps

    return key if key.__class__ is str else dumps(key)
