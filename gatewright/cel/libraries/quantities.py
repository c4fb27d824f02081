"""Kubernetes' quantity library: resource.Quantity in CEL.

Parsing and the exact value are core's. Source: the documentation of Kubernetes' CEL quantity library.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from gatewright.cel.declarations import Library, function, member, overload
from gatewright.cel.errors import EvalError
from gatewright.cel.types import BOOL, DOUBLE, INT, STRING, Type, struct
from gatewright.cel.values import Opaque
from gatewright.core import quantities

QUANTITY = struct("kubernetes.Quantity")
_SUFFIX = "unable to parse quantity's suffix"
_REGEXP = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


class Amount(Opaque):
    """A quantity; equal amounts are equal, however they were written."""

    __slots__ = ("quantity",)
    cel_type: Type = QUANTITY

    def __init__(self, quantity: quantities.Quantity) -> None:
        self.quantity = quantity

    @property
    def value(self) -> Fraction:
        """The exact value."""
        return self.quantity.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Amount) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return str(self.quantity)


def _parse(text: str) -> Amount:
    try:
        return Amount(quantities.Quantity.parse(text))
    except quantities.QuantityError:
        raise EvalError(_reason(text)) from None


def _reason(text: str) -> str:
    if text == "":
        return _REGEXP
    body = text[1:] if text[0] in "+-" else text
    digits = body.lstrip("0123456789")
    whole = body[: len(body) - len(digits)]
    if digits.startswith("."):
        rest = digits[1:].lstrip("0123456789")
        whole += digits[1 : len(digits) - len(rest)]
        digits = rest
    return _SUFFIX if whole or digits.strip("eEinumkKMGTP") == "" else _REGEXP


def _is_quantity(text: str) -> bool:
    try:
        _parse(text)
    except EvalError:
        return False
    return True


def _integer(amount: Amount) -> int:
    value = amount.value
    if value.denominator != 1 or not -(1 << 63) <= value < 1 << 63:
        raise EvalError("cannot convert value to integer")
    return int(value)


def _is_integer(amount: Amount) -> bool:
    return amount.value.denominator == 1 and -(1 << 63) <= amount.value < 1 << 63


def _sign(number: Any) -> int:
    return 1 if number > 0 else -1 if number < 0 else 0


def _sum(left: Amount, right: Fraction, form: str) -> Amount:
    shown = form if left.value == 0 else left.quantity.form
    return Amount(quantities.Quantity(left.value + right, shown))


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
        function("isInteger", member("quantity_is_integer", (QUANTITY,), BOOL, _is_integer)),
        function(
            "add",
            member(
                "quantity_add",
                (QUANTITY, QUANTITY),
                QUANTITY,
                lambda one, other: _sum(one, other.value, other.quantity.form),
            ),
            member("quantity_add_int", (QUANTITY, INT), QUANTITY, lambda one, n: _sum(one, Fraction(n), "exponent")),
        ),
        function(
            "sub",
            member(
                "quantity_sub",
                (QUANTITY, QUANTITY),
                QUANTITY,
                lambda one, other: _sum(one, -other.value, other.quantity.form),
            ),
            member("quantity_sub_int", (QUANTITY, INT), QUANTITY, lambda one, n: _sum(one, Fraction(-n), "exponent")),
        ),
    )
)
