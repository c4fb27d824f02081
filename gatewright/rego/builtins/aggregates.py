"""Builtins over whole collections: count, sum, product, max, min, sort, any, all."""

from __future__ import annotations

from typing import Any

from gatewright.rego.arithmetic import plus, times
from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import U, is_number, members, order_key, sort, sorted_members, type_name

builtin("count", "array|object|set|string", result="number")(len)


def _items(x: Any) -> Any:
    return x if isinstance(x, list) else members(x)


def _numbers(x: Any) -> list[Any]:
    out = list(_items(x))
    for v in out:
        if not is_number(v):
            raise BuiltinError(
                f"operand 1 must be array of number but got array containing {type_name(v)}", "eval_type_error"
            )
    return out


@builtin("sum", "array|set", result="number")
def total(x: Any) -> Any:
    xs = _numbers(x)
    if all(v.__class__ is int for v in xs):
        return sum(xs)
    out: Any = 0
    for v in xs:
        out = plus(out, v)
    return out


@builtin("product", "array|set", result="number", context=True)
def product(c: Any, x: Any) -> Any:
    out: Any = 1
    for v in _numbers(x):
        if out.__class__ is int:
            c.charge(out.bit_length() // 64)
        out = times(out, v)
    return out


@builtin("max", "array|set")
def maximum(x: Any) -> Any:
    return max(_items(x), key=order_key) if x else U


@builtin("min", "array|set")
def minimum(x: Any) -> Any:
    return min(_items(x), key=order_key) if x else U


@builtin("sort", "array|set", result="array")
def sorted_array(x: Any) -> list[Any]:
    return sort(x) if isinstance(x, list) else sorted_members(x)


@builtin("any", "array|set", result="boolean")
def some_true(x: Any) -> bool:
    return any(v is True for v in _items(x))


@builtin("all", "array|set", result="boolean")
def all_true(x: Any) -> bool:
    return all(v is True for v in _items(x))
