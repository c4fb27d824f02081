"""Kubernetes' quantity library: resource.Quantity in CEL.

Parsing and the exact value are core's. Source: the documentation of Kubernetes' CEL quantity library.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from gatewright.cel.declarations import Library, function, member, overload
from gatewright.cel.errors import EvalError
from gatewright.cel.types import BOOL, DOUBLE, INT, STRING, Type, struct
from gatewright.cel.values import Opaque
from gatewright.core import quantities

QUANTITY = struct("kubernetes.Quantity")
_SHAPE = re.compile(r"[+-]?[0-9]*(?:\.[0-9]*)?[eEinumkKMGTP]*[-+]?[0-9]*", re.ASCII)
_PARTS = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?", re.ASCII)
_POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SUFFIX = "unable to parse quantity's suffix"
_REGEXP = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


class Amount(Opaque):
    """A quantity; equal amounts are equal, however they were written.

    scaled: (number, power of ten) where Kubernetes holds it as a 64-bit number; None where it holds a decimal, which
    counts as no integer whatever its value.
    """

    __slots__ = ("quantity", "scaled")
    cel_type: Type = QUANTITY

    def __init__(self, quantity: quantities.Quantity, scaled: tuple[int, int] | None) -> None:
        self.quantity = quantity
        self.scaled = scaled

    @property
    def value(self) -> Fraction:
        """The exact value."""
        return self.quantity.value

    @property
    def integer(self) -> int | None:
        """The value as Kubernetes' AsInt64 gives it, None where it gives none."""
        if self.scaled is None or self.scaled[1] < 0:
            return None
        number = self.scaled[0] * 10 ** self.scaled[1]
        return number if _fits(number) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Amount) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return str(self.quantity)


def _fits(number: int) -> bool:
    return -(1 << 63) <= number < 1 << 63


def _parse(text: str) -> Amount:
    found = _PARTS.fullmatch(text)
    if found is None or text == "":
        raise EvalError(_reason(text))
    sign, whole, fraction, suffix = (part or "" for part in found.groups())
    try:
        quantity = quantities.Quantity.parse(f"{sign}{whole or '0'}.{fraction or '0'}{suffix}")
    except quantities.QuantityError:
        raise EvalError(_reason(text)) from None
    return Amount(quantity, _scaled(sign, whole.lstrip("0") or "0", fraction, suffix))


def _scaled(sign: str, whole: str, fraction: str, suffix: str) -> tuple[int, int] | None:
    """How Kubernetes holds the amount: 18 digits at most, of binary amounts fewer and no fraction."""
    number = int(f"{sign}{whole}{fraction}")
    if suffix.endswith("i"):
        bits = 10 * ("KMGTPE".index(suffix[0]) + 1)
        room = 15 - len(whole) - int(bits * 0.3) - 1
        number <<= bits
        return (number, 0) if room >= 0 and not fraction and _fits(number) else None
    power = int(suffix[1:]) if len(suffix) > 1 else _POWERS[suffix]
    power -= len(fraction)
    return (number, power) if len(whole) + len(fraction) <= 18 and power >= -9 else None


def _reason(text: str) -> str:
    return _SUFFIX if text and _SHAPE.fullmatch(text) else _REGEXP


def _is_quantity(text: str) -> bool:
    try:
        _parse(text)
    except EvalError:
        return False
    return True


def _integer(amount: Amount) -> int:
    number = amount.integer
    if number is None:
        raise EvalError("cannot convert value to integer")
    return number


def _sign(number: Any) -> int:
    return 1 if number > 0 else -1 if number < 0 else 0


def _sum(left: Amount, right: Amount, sign: int) -> Amount:
    form = right.quantity.form if left.value == 0 else left.quantity.form
    quantity = quantities.Quantity(left.value + sign * right.value, form)
    if left.scaled is None or right.scaled is None:
        return Amount(quantity, None)
    power = min(left.scaled[1], right.scaled[1])
    parts = [number * 10 ** (own - power) for number, own in (left.scaled, right.scaled)]
    total = parts[0] + sign * parts[1]
    return Amount(quantity, (total, power) if all(map(_fits, (*parts, total))) else None)


def _whole(number: int) -> Amount:
    return Amount(quantities.Quantity(Fraction(number), "exponent"), (number, 0))


LIBRARY = Library(
    functions=(
        function("quantity", overload("string_to_quantity", (STRING,), QUANTITY, _parse)),
        function("isQuantity", overload("is_quantity_string", (STRING,), BOOL, _is_quantity)),
        function("sign", overload("quantity_sign", (QUANTITY,), INT, lambda one: _sign(one.value))),
        function(
            "isGreaterThan",
            member("quantity_is_greater_than", (QUANTITY, QUANTITY), BOOL, lambda one, other: one.value > other.value),
        ),
        function(
            "isLessThan",
            member("quantity_is_less_than", (QUANTITY, QUANTITY), BOOL, lambda one, other: one.value < other.value),
        ),
        function(
            "compareTo",
            member("quantity_compare_to", (QUANTITY, QUANTITY), INT, lambda one, other: _sign(one.value - other.value)),
        ),
        function("asApproximateFloat", member("quantity_get_float", (QUANTITY,), DOUBLE, lambda one: float(one.value))),
        function("asInteger", member("quantity_get_int", (QUANTITY,), INT, _integer)),
        function("isInteger", member("quantity_is_integer", (QUANTITY,), BOOL, lambda one: one.integer is not None)),
        function(
            "add",
            member(
                "quantity_add",
                (QUANTITY, QUANTITY),
                QUANTITY,
                lambda one, other: _sum(one, other, 1),
            ),
            member("quantity_add_int", (QUANTITY, INT), QUANTITY, lambda one, n: _sum(one, _whole(n), 1)),
        ),
        function(
            "sub",
            member(
                "quantity_sub",
                (QUANTITY, QUANTITY),
                QUANTITY,
                lambda one, other: _sum(one, other, -1),
            ),
            member("quantity_sub_int", (QUANTITY, INT), QUANTITY, lambda one, n: _sum(one, _whole(n), -1)),
        ),
    )
)
