"""JSON text of values, as Go's encoder writes it. Called by the builtins of the json family and where keys become
texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gatewright.rego.texts import number_from_text, number_text
from gatewright.rego.values import MAX_NODES, NUMBERS, SETS, sorted_items_of, sorted_members, too_large

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def string(text: str) -> str:
    """A string as Go writes it: with `<`, `>` and `&` escaped."""
    out = json.dumps(text, ensure_ascii=False)
    for c, escaped in _HTML.items():
        if c in out:
            out = out.replace(c, escaped)
    if "\x7f" in out:
        out = out.replace("\\u007f", "\x7f")
    return out


def number(x: int | float | Decimal) -> str:
    """A number as Go's encoder writes a float64: an exponent only from 1e21 and below 1e-6."""
    if (isinstance(x, float) and 1e6 <= abs(x) < 1e21) or (isinstance(x, float) and 1e-6 <= abs(x) < 1e-4):
        text = format(Decimal(repr(x)), "f")
        return text[:-2] if text.endswith(".0") else text
    return number_text(x)


def dumps(x: Any, indent: str = "", prefix: str = "") -> str:
    """The JSON text of a value; with `indent`, each item on a line of its own that begins with `prefix`."""
    return _dumps(x, indent, prefix, 0, [MAX_NODES])


def _dumps(x: Any, indent: str, prefix: str, level: int, left: list[int]) -> str:
    if x is None:
        return "null"
    if x.__class__ is bool:
        return "true" if x else "false"
    if isinstance(x, str):
        return string(x)
    if isinstance(x, NUMBERS):
        return number(x)
    left[0] -= len(x)
    if left[0] < 0:
        raise too_large("written as JSON")
    if isinstance(x, (list, *SETS)):
        items = x if isinstance(x, list) else sorted_members(x)
        return _wrap("[", "]", [_dumps(v, indent, prefix, level + 1, left) for v in items], indent, prefix, level)
    assert isinstance(x, Mapping)
    entries = list(sorted_items_of(x))
    if _mixed(x):
        entries = sorted((k if isinstance(k, str) else dumps(k), v) for k, v in entries)
    colon = ": " if indent or prefix else ":"
    parts = [string(k) + colon + _dumps(v, indent, prefix, level + 1, left) for k, v in entries]
    return _wrap("{", "}", parts, indent, prefix, level)


def _mixed(x: Mapping[Any, Any]) -> bool:
    return any(k.__class__ is not str for k in x)


def _wrap(start: str, end: str, parts: list[str], indent: str, prefix: str, level: int) -> str:
    if not parts:
        return start + end
    if not (indent or prefix):
        return start + ",".join(parts) + end
    inner = "\n" + prefix + indent * (level + 1)
    return start + inner + ("," + inner).join(parts) + "\n" + prefix + indent * level + end


def _integer(text: str) -> Any:
    return int(text) if len(text) < 4000 else Decimal(text)


def _constant(text: str) -> Any:
    raise ValueError(f"invalid number {text}")


def loads(text: str) -> Any:
    """The value of a JSON text, numbers exact. Raises ValueError."""
    return _DECODER.decode(text)


_DECODER = json.JSONDecoder(parse_float=number_from_text, parse_int=_integer, parse_constant=_constant)
