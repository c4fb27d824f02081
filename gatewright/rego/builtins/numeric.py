"""Builtins of numbers: operators (which also work on sets), rounding, ranges, bits, random integers; and the
comparisons by name.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP
from typing import Any

from gatewright.rego.arithmetic import MAX_BITS, decimal, divide, minus, plus, remainder, times, whole
from gatewright.rego.builtins.registry import builtin, wrong_type
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import (
    SETS,
    equal,
    freeze,
    get,
    is_number,
    less,
    less_equal,
    values_of,
)

builtin("plus", "number", "number", result="number")(plus)
builtin("mul", "number", "number", result="number")(times)
builtin("div", "number", "number", result="number")(divide)
builtin("rem", "number", "number", result="number")(remainder)
builtin("or", "set", "set", result="set")(lambda a, b: a | b)
builtin("and", "set", "set", result="set")(lambda a, b: a & b)
builtin("equal", "any", "any", result="boolean")(equal)
builtin("eq", "any", "any", result="boolean")(equal)
builtin("neq", "any", "any", result="boolean")(lambda a, b: not equal(a, b))
builtin("lt", "any", "any", result="boolean")(less)
builtin("lte", "any", "any", result="boolean")(less_equal)
builtin("gt", "any", "any", result="boolean")(lambda a, b: less(b, a))
builtin("gte", "any", "any", result="boolean")(lambda a, b: less_equal(b, a))


@builtin("minus", "number|set", "number|set")
def difference(a: Any, b: Any) -> Any:
    if is_number(a):
        if not is_number(b):
            raise wrong_type(2, "number", b)
        return minus(a, b)
    if not isinstance(b, SETS):
        raise wrong_type(2, "set", b)
    return a - b


def member(x: Any, xs: Any) -> bool:
    """x in xs: among the values of an array or object, or the members of a set."""
    if isinstance(xs, SETS):
        return freeze(x) in xs
    if x.__class__ is str and isinstance(xs, list):
        return x in xs
    return any(equal(x, v) for v in values_of(xs))


builtin("internal.member_2", "any", "any", result="boolean")(member)


@builtin("internal.member_3", "any", "any", "any", result="boolean")
def member_with_key(k: Any, v: Any, xs: Any) -> bool:
    found = get(xs, k)
    return equal(found, v)


@builtin("abs", "number", result="number")
def absolute(x: Any) -> Any:
    return abs(x)


def _rounded(x: Any, how: str) -> Any:
    return x if x.__class__ is int else int(decimal(x).to_integral_value(how))


@builtin("round", "number", result="number")
def rounded(x: Any) -> Any:
    return _rounded(x, ROUND_HALF_UP)


@builtin("ceil", "number", result="number")
def ceiling(x: Any) -> Any:
    return _rounded(x, ROUND_CEILING)


@builtin("floor", "number", result="number")
def floor(x: Any) -> Any:
    return _rounded(x, ROUND_FLOOR)


def _integer(position: int, x: Any) -> int:
    n = whole(x)
    if n is None:
        raise BuiltinError(
            f"operand {position} must be integer number but got floating-point number", "eval_type_error"
        )
    return n


@builtin("numbers.range", "number", "number", result="array", context=True)
def number_range(c: Any, a: Any, b: Any) -> list[int]:
    first, last = _integer(1, a), _integer(2, b)
    c.charge(abs(last - first) + 1)
    return list(range(first, last + 1) if first <= last else range(first, last - 1, -1))


@builtin("numbers.range_step", "number", "number", "number", result="array", context=True)
def number_range_step(c: Any, a: Any, b: Any, step: Any) -> list[int]:
    first, last, by = _integer(1, a), _integer(2, b), _integer(3, step)
    if by <= 0:
        raise BuiltinError("step must be a positive integer")
    c.charge(abs(last - first) // by + 1)
    return list(range(first, last + 1, by) if first <= last else range(first, last - 1, -by))


def _bits(name: str, work: Any) -> None:
    builtin(f"bits.{name}", "number", "number", result="number")(lambda a, b: work(_integer(1, a), _integer(2, b)))


_bits("and", lambda a, b: a & b)
_bits("or", lambda a, b: a | b)
_bits("xor", lambda a, b: a ^ b)
builtin("bits.negate", "number", result="number")(lambda a: ~_integer(1, a))


@builtin("bits.lsh", "number", "number", result="number")
def shift_left(a: Any, b: Any) -> int:
    x, s = _integer(1, a), _integer(2, b)
    if s < 0:
        raise BuiltinError("operand 2 must be an unsigned integer number but got a negative integer", "eval_type_error")
    if s + x.bit_length() > MAX_BITS:
        raise BuiltinError(f"integer has more than {MAX_BITS} bits")
    return x << s


@builtin("bits.rsh", "number", "number", result="number")
def shift_right(a: Any, b: Any) -> int:
    x, s = _integer(1, a), _integer(2, b)
    if s < 0:
        raise BuiltinError("operand 2 must be an unsigned integer number but got a negative integer", "eval_type_error")
    return x >> min(s, x.bit_length() + 1)


@builtin("format_int", "number", "number", result="string")
def format_int(x: Any, base: Any) -> str:
    if base not in (2, 8, 10, 16):
        raise BuiltinError("operand 2 must be one of {2, 8, 10, 16}", "eval_type_error")
    n = math.floor(decimal(x)) if decimal(x) >= 0 else math.ceil(decimal(x))
    return format(n, {2: "b", 8: "o", 10: "d", 16: "x"}[int(base)])


@builtin("rand.intn", "string", "number", result="number", context=True)
def rand_intn(c: Any, name: str, n: Any) -> int:
    limit = abs(_integer(2, n))
    if limit == 0:
        return 0
    import hashlib

    digest = hashlib.sha256(f"{c.e.seed}:{name}:{limit}".encode()).digest()
    return int.from_bytes(digest[:16], "big") % limit
