"""Kubernetes quantities: "100m", "1.5Gi", "2e3", with the canonical form in which the API server writes them.

`apiserver` decodes and validates with it; evaluating engines compare with it. Source: the documentation of
k8s.io/apimachinery resource.Quantity (three formats; canonical: no fraction, the largest suffix that keeps it so).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_FORM = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_NANO = Fraction(1, 10**9)


class QuantityError(ValueError):
    """The text is no quantity."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """value: exact, at nano precision rounded up; form: "decimal", "binary" or "exponent"."""

    value: Fraction
    form: str

    @staticmethod
    def parse(text: str) -> Quantity:
        """Read a quantity. Raises QuantityError."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise QuantityError(text)
        sign, digits, suffix = found.group(1), found.group(2), found.group(3) or ""
        value = Fraction(digits)
        form = "decimal"
        if suffix in _BINARY:
            value *= 1 << _BINARY[suffix]
            form = "binary"
        elif suffix in _DECIMAL:
            value *= Fraction(10) ** _DECIMAL[suffix]
        else:
            exponent = int(suffix[1:])
            if abs(exponent) > 30:
                raise QuantityError(text)
            value *= Fraction(10) ** exponent
            form = "exponent"
        scaled = value / _NANO
        if scaled.denominator != 1:  # finer than a nano: rounded away from zero
            value = (scaled.numerator // scaled.denominator + 1) * _NANO
        return Quantity(-value if sign == "-" else value, form)

    def __lt__(self, other: Quantity) -> bool:
        return self.value < other.value

    def __str__(self) -> str:
        if self.value == 0:
            return "0"
        if self.form == "binary" and abs(self.value) >= 1024 and self.value.denominator == 1:
            return self._binary()
        exponent = -9
        amount = self.value / _NANO
        number = int(amount)
        while exponent < 18 and number % 1000 == 0:
            number //= 1000
            exponent += 3
        if self.form == "exponent":
            return f"{number}e{exponent}" if exponent else str(number)
        suffix = next(name for name, power in _DECIMAL.items() if power == exponent)
        return f"{number}{suffix}"

    def _binary(self) -> str:
        number, power = int(self.value), 0
        while power < 60 and number % 1024 == 0:
            number //= 1024
            power += 10
        return f"{number}{next((name for name, bits in _BINARY.items() if bits == power), '')}"
