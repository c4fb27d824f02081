"""Arithmetic of Rego: exact integers; other numbers as decimals rounded to the 64 bits of precision that OPA's
big.Float has.

Called by the builtins of the numeric and aggregate families. Results take the simplest number type that holds them
(see `values`).
"""

from __future__ import annotations

from decimal import Context as DecimalContext
from decimal import Decimal, DecimalException
from typing import Any

from gatewright.rego.errors import BuiltinError
from gatewright.rego.texts import from_decimal

_EXACT = DecimalContext(prec=60)
_ROUNDED = DecimalContext(prec=19)
MAX_BITS = 40_000


MAX_EXPONENT = 5000


def decimal(x: Any) -> Decimal:
    """A number as a decimal, exactly as its text spells it. Raises BuiltinError for exponents that no one can work
    with.
    """
    d = Decimal(repr(x)) if x.__class__ is float else Decimal(x)
    if abs(d.adjusted()) >= MAX_EXPONENT:
        raise BuiltinError("number out of range")
    return d


def number(d: Decimal) -> Any:
    """The number that a result is: an integer where it is one of less than seven digits, else rounded as OPA rounds."""
    d = _ROUNDED.plus(d)
    if not d.is_finite():
        raise BuiltinError("number out of range")
    if d == d.to_integral_value() and abs(d) < 1_000_000:
        return int(d)
    if d == d.to_integral_value() and 6 <= d.adjusted() < 400 and Decimal(float(d)) != d:
        return int(d)
    return from_decimal(d)


def _work(operation: Any, a: Any, b: Any) -> Any:
    try:
        return number(operation(decimal(a), decimal(b)))
    except DecimalException:
        raise BuiltinError("number out of range") from None


def _limit(x: int) -> int:
    if x.bit_length() > MAX_BITS:
        raise BuiltinError(f"integer has more than {MAX_BITS} bits")
    return x


def plus(a: Any, b: Any) -> Any:
    if a.__class__ is int and b.__class__ is int:
        return a + b
    return _work(_EXACT.add, a, b)


def minus(a: Any, b: Any) -> Any:
    if a.__class__ is int and b.__class__ is int:
        return a - b
    return _work(_EXACT.subtract, a, b)


def times(a: Any, b: Any) -> Any:
    if a.__class__ is int and b.__class__ is int:
        return _limit(a * b) if a.bit_length() + b.bit_length() > 1000 else a * b
    return _work(_EXACT.multiply, a, b)


def divide(a: Any, b: Any) -> Any:
    if b == 0:
        raise BuiltinError("divide by zero")
    if a.__class__ is int and b.__class__ is int:
        q, r = divmod(a, b)
        if r == 0:
            return q
    return _work(_EXACT.divide, a, b)


def remainder(a: Any, b: Any) -> Any:
    a, b = whole(a), whole(b)
    if a is None or b is None:
        raise BuiltinError("modulo on floating-point number")
    if b == 0:
        raise BuiltinError("modulo by zero")
    r = abs(a) % abs(b)
    return -r if a < 0 else r


def whole(x: Any) -> int | None:
    """The integer that a number is, or None."""
    if x.__class__ is int:
        return int(x)
    if x.__class__ is float:
        return int(x) if x.is_integer() else None
    return int(x) if abs(x.adjusted()) < MAX_EXPONENT and x == x.to_integral_value() else None
