"""What the operators do to values: equality, order, arithmetic and membership, exact to the error.

Evaluators and libraries call these; nothing else in the room decides what equals what. Numbers of different types
compare by value; integers have 64 bits and overflow is an error. Source: CEL's specification and cel-go's answers.
"""

from __future__ import annotations

import math
from typing import Any

from gatewright.cel.errors import EvalError
from gatewright.cel.types import Type
from gatewright.cel.values import SECOND, Duration, Opaque, Optional, Timestamp, Uint, plain_key

_LEAST, _MOST, _UMOST = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1
_EARLIEST, _LATEST = -62135596800 * SECOND, 253402300799 * SECOND + SECOND - 1
NUMBERS = frozenset({int, float, Uint})


def no_overload(name: str = "") -> EvalError:
    """The error for operands that an operator does not take."""
    return EvalError(f"no such overload: {name}" if name else "no such overload")


def _untaken(value: Any, name: str) -> EvalError:
    """The error for a first operand of the wrong type: texts and times are asked themselves, and say less."""
    return no_overload("" if type(value) in (str, Timestamp, Duration) else name)


# -------------------------------------------------------------------- equality


def equal(left: Any, right: Any) -> bool:
    """left == right. Values of different types are unequal, except numbers. Raises EvalError for opaque values."""
    kind, other = type(left), type(right)
    if kind is other:
        if kind is list:
            return len(left) == len(right) and all(map(equal, left, right))
        if kind is dict:
            return _equal_maps(left, right)
        if kind is Optional:
            return left.present == right.present and (not left.present or equal(left.value, right.value))
        if kind is Type:
            return bool(left.name == right.name)
        return bool(left == right)
    if kind in NUMBERS and other in NUMBERS:
        return bool(float(left) == float(right) if kind is float or other is float else left == right)
    if isinstance(left, Opaque) and right is not None:
        raise no_overload()
    return False


def _equal_maps(left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    if len(left) != len(right):
        return False
    for key, value in left.items():
        found, other = find(right, plain_key(key))
        if not found or not equal(value, other):
            return False
    return True


def find(mapping: dict[Any, Any], key: Any) -> tuple[bool, Any]:
    """Whether a map has a key, and its value. Numbers are found by value, never a bool for a number."""
    kind = type(key)
    if kind is str:
        return (True, mapping[key]) if key in mapping else (False, None)
    if kind is bool or (kind in NUMBERS and key in (0, 1)):
        for raw, value in mapping.items():
            own = plain_key(raw)
            if (type(own) is bool) is (kind is bool) and type(own) is not str and own == key:
                return True, value
        return False, None
    if kind in NUMBERS:
        return (True, mapping[key]) if key in mapping else (False, None)
    return False, None


def contains(value: Any, among: Any) -> bool:
    """value in among, a list or a map."""
    if type(among) is list:
        if type(value) is str:
            return value in among
        for one in among:
            try:
                if equal(value, one):
                    return True
            except EvalError:
                continue
        return False
    if type(among) is dict:
        return find(among, value)[0]
    raise no_overload()


# -------------------------------------------------------------------- order


def compare(left: Any, right: Any, name: str) -> int:
    """-1, 0 or 1. name: the operator's, for the error. Raises EvalError for what has no order."""
    kind, other = type(left), type(right)
    if kind in NUMBERS:
        if other not in NUMBERS:
            raise no_overload()
        if kind is float or other is float:
            left, right = _as_floats(left, right)
        return -1 if left < right else 1 if left > right else 0
    if kind not in _ORDERED:
        raise no_overload(name)
    if kind is not other:
        raise no_overload()
    return -1 if left < right else 1 if right < left else 0


_ORDERED = frozenset({str, bool, bytes, Timestamp, Duration})


def _as_floats(left: Any, right: Any) -> tuple[float, float]:
    left, right = float(left), float(right)
    if math.isnan(left) or math.isnan(right):
        raise EvalError("NaN values cannot be ordered")
    return left, right


def less(left: Any, right: Any) -> bool:
    """left < right"""
    return compare(left, right, "_<_") < 0


def less_equal(left: Any, right: Any) -> bool:
    """left <= right"""
    return compare(left, right, "_<=_") <= 0


def greater(left: Any, right: Any) -> bool:
    """left > right"""
    return compare(left, right, "_>_") > 0


def greater_equal(left: Any, right: Any) -> bool:
    """left >= right"""
    return compare(left, right, "_>=_") >= 0


# -------------------------------------------------------------------- arithmetic


def int_of(number: int) -> int:
    """The number as an int. Raises EvalError beyond 64 bits."""
    if _LEAST <= number <= _MOST:
        return number
    raise EvalError("integer overflow")


def uint_of(number: int) -> Uint:
    """The number as a uint. Raises EvalError when it is negative or beyond 64 bits."""
    if 0 <= number <= _UMOST:
        return Uint(number)
    raise EvalError("unsigned integer overflow")


def duration_of(nanos: int) -> Duration:
    """A duration. Raises EvalError beyond 64 bits of nanoseconds."""
    return Duration(int_of(nanos))


def timestamp_of(nanos: int, offset: int = 0) -> Timestamp:
    """A timestamp between the years 1 and 9999. Raises EvalError outside."""
    if _EARLIEST <= nanos <= _LATEST:
        return Timestamp(nanos, offset)
    raise EvalError("timestamp overflow")


def add(left: Any, right: Any) -> Any:
    """left + right"""
    kind = type(left)
    if kind is int or kind is Uint:
        if type(right) is kind:
            return int_of(left + right) if kind is int else uint_of(int(left) + int(right))
    elif kind is str or kind is list or kind is float or kind is bytes:
        if type(right) is kind:
            return left + right
    elif kind is Duration:
        if type(right) is Duration:
            return duration_of(left.nanos + right.nanos)
        if type(right) is Timestamp:
            return timestamp_of(left.nanos + right.nanos, right.offset)
    elif kind is Timestamp:
        if type(right) is Duration:
            return timestamp_of(left.nanos + right.nanos, left.offset)
    else:
        raise no_overload("_+_")
    raise no_overload()


def subtract(left: Any, right: Any) -> Any:
    """left - right"""
    kind = type(left)
    if kind not in _SUBTRACTED:
        raise _untaken(left, "_-_")
    if kind is Timestamp:
        if type(right) is Duration:
            return timestamp_of(left.nanos - int_of(right.nanos), left.offset)
        if type(right) is Timestamp:
            return duration_of(left.nanos - right.nanos)
    elif type(right) is kind:
        if kind is int:
            return int_of(left - right)
        if kind is Uint:
            return uint_of(int(left) - int(right))
        return left - right if kind is float else duration_of(left.nanos - right.nanos)
    raise no_overload()


_SUBTRACTED = frozenset({int, Uint, float, Duration, Timestamp})


def multiply(left: Any, right: Any) -> Any:
    """left * right"""
    kind = type(left)
    if kind not in NUMBERS:
        raise _untaken(left, "_*_")
    if type(right) is not kind:
        raise no_overload()
    if kind is float:
        return left * right
    return int_of(left * right) if kind is int else uint_of(int(left) * int(right))


def divide(left: Any, right: Any) -> Any:
    """left / right; integers are truncated toward zero."""
    kind = type(left)
    if kind not in NUMBERS:
        raise _untaken(left, "_/_")
    if type(right) is not kind:
        raise no_overload()
    if kind is float:
        return _divide_floats(left, right)
    if right == 0:
        raise EvalError("division by zero")
    quotient = abs(int(left)) // abs(int(right))
    if kind is Uint:
        return Uint(quotient)
    return int_of(quotient if (left < 0) is (right < 0) else -quotient)


def _divide_floats(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def modulo(left: Any, right: Any) -> Any:
    """left % right, with the sign of left."""
    kind = type(left)
    if kind is not int and kind is not Uint:
        raise _untaken(left, "_%_")
    if type(right) is not kind:
        raise no_overload()
    if right == 0:
        raise EvalError("modulus by zero")
    rest = abs(int(left)) % abs(int(right))
    if kind is Uint:
        return Uint(rest)
    if left == _LEAST and right == -1:
        raise EvalError("integer overflow")
    return -rest if left < 0 else rest


def negate(value: Any) -> Any:
    """-value"""
    kind = type(value)
    if kind is int:
        return int_of(-value)
    if kind is float:
        return -value
    if kind is Duration:
        return duration_of(-value.nanos)
    raise no_overload() if kind is bool else _untaken(value, "-_")


def invert(value: Any) -> bool:
    """!value"""
    if value is True:
        return False
    if value is False:
        return True
    raise no_overload()


def size(value: Any) -> int:
    """How many code points, bytes, elements or entries a value has."""
    if type(value) in (str, bytes, list, dict):
        return len(value)
    raise _untaken(value, "size")
