"""Builtins of strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewright.rego.arithmetic import whole
from gatewright.rego.builtins.registry import builtin, wrong_type
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import SETS, members, sorted_items_of, sorted_members, type_name

builtin("startswith", "string", "string", result="boolean")(str.startswith)
builtin("endswith", "string", "string", result="boolean")(str.endswith)
builtin("contains", "string", "string", result="boolean")(str.__contains__)
builtin("lower", "string", result="string")(str.lower)
builtin("upper", "string", result="string")(str.upper)
builtin("trim", "string", "string", result="string")(lambda s, cut: s.strip(cut) if cut else s)
builtin("trim_left", "string", "string", result="string")(lambda s, cut: s.lstrip(cut) if cut else s)
builtin("trim_right", "string", "string", result="string")(lambda s, cut: s.rstrip(cut) if cut else s)
builtin("trim_prefix", "string", "string", result="string")(str.removeprefix)
builtin("trim_suffix", "string", "string", result="string")(str.removesuffix)
builtin("trim_space", "string", result="string")(
    lambda s: s.strip(" \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000")
)
builtin("split", "string", "string", result="array")(lambda s, sep: s.split(sep) if sep else list(s))
builtin("strings.reverse", "string", result="string")(lambda s: s[::-1])


@builtin("replace", "string", "string", "string", result="string", context=True)
def replace(c: Any, s: str, old: str, new: str) -> str:
    c.charge_text(len(s) + (s.count(old) if old else len(s) + 1) * len(new))
    return s.replace(old, new)


@builtin("concat", "string", "array|set", result="string", context=True)
def concat(c: Any, delimiter: str, items: Any) -> str:
    parts = items if isinstance(items, list) else sorted_members(items)
    for p in parts:
        if p.__class__ is not str:
            raise BuiltinError(
                f"operand 2 must be {type_name(items)} of strings but got {type_name(items)} containing {type_name(p)}",
                "eval_type_error",
            )
    c.charge_text(len(delimiter) * len(parts) + sum(map(len, parts)))
    return delimiter.join(parts)


def _offset(position: int, x: Any) -> int:
    n = whole(x)
    if n is None:
        raise wrong_type(position, "integer", x)
    return n


@builtin("indexof", "string", "string", result="number")
def index_of(s: str, search: str) -> int:
    if not search:
        raise BuiltinError("empty search character")
    return s.find(search)


@builtin("indexof_n", "string", "string", result="array")
def index_of_all(s: str, search: str) -> list[int]:
    if not search:
        raise BuiltinError("empty search character")
    out, i = [], s.find(search)
    while i >= 0:
        out.append(i)
        i = s.find(search, i + 1)
    return out


@builtin("substring", "string", "number", "number", result="string")
def substring(s: str, offset: Any, length: Any) -> str:
    start, n = _offset(2, offset), _offset(3, length)
    if start < 0:
        raise BuiltinError("negative offset")
    return s[start:] if n < 0 else s[start : start + n]


@builtin("strings.count", "string", "string", result="number")
def count(s: str, search: str) -> int:
    return s.count(search)


@builtin("strings.replace_n", "object", "string", result="string", context=True)
def replace_n(c: Any, patterns: Any, s: str) -> str:
    """All replacements in one pass over the text; at each place the first pattern in the order of the keys."""
    table = []
    for k, v in sorted_items_of(patterns):
        if not isinstance(k, str):
            raise BuiltinError("operand 1 non-string key found in pattern object", "eval_type_error")
        if not isinstance(v, str):
            raise BuiltinError("operand 1 non-string value found in pattern object", "eval_type_error")
        table.append((k, v))
    c.charge((len(s) + 1) * len(table))
    c.charge_text(len(s) * max([1, *(len(v) for _, v in table)]))
    out, i = [], 0
    while i <= len(s):
        for k, v in table:
            if s.startswith(k, i):
                out.append(v)
                if k:
                    i += len(k)
                else:
                    out.append(s[i : i + 1])
                    i += 1
                break
        else:
            out.append(s[i : i + 1])
            i += 1
    return "".join(out)


def _strings(position: int, x: Any) -> list[str]:
    """One string, or those of an array or set."""
    if isinstance(x, str):
        return [x]
    if not isinstance(x, (list, *SETS)):
        raise wrong_type(position, "string|set|array", x)
    out = list(x if isinstance(x, list) else members(x))
    for v in out:
        if not isinstance(v, str):
            kind = type_name(x)
            raise BuiltinError(
                f"operand {position} must be {kind} of strings but got {kind} containing {type_name(v)}",
                "eval_type_error",
            )
    return out


def _any_match(name: str, test: Callable[[str, tuple[str, ...]], bool]) -> None:
    def match(search: Any, base: Any) -> bool:
        texts, parts = _strings(1, search), tuple(_strings(2, base))
        return any(test(t, parts) for t in texts)

    builtin(name, "any", "any", result="boolean")(match)


_any_match("strings.any_prefix_match", str.startswith)
_any_match("strings.any_suffix_match", str.endswith)
