"""Resource quantities: 100m, 1Gi, 1e3 as exact numbers, and their canonical text.

`pods` compares them, `pod_defaults` rounds them up to thousandths. That a text is a quantity at all is the decoder's
business. Source: Kubernetes "Quantity" (resource.Quantity).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

_FORM = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?[0-9]+)?")
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def parse(value: Any) -> Decimal | None:
    """The exact value of a quantity, or None where it is none (or no text or number)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    found = _FORM.fullmatch(str(value))
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix in _BINARY:
        return number * (1 << _BINARY[suffix])
    if suffix in _DECIMAL:
        return number.scaleb(_DECIMAL[suffix])
    return number.scaleb(int(suffix[1:]))


def rounded_up(amounts: Mapping[str, Any]) -> Mapping[str, Any]:
    """A resource list in which nothing is finer than a thousandth."""
    made: dict[str, Any] = {}
    for name, value in amounts.items():
        exact = parse(value)
        fine = exact is not None and exact != exact.quantize(Decimal("0.001"), rounding=ROUND_CEILING)
        made[name] = canonical(exact.quantize(Decimal("0.001"), rounding=ROUND_CEILING)) if fine and exact else value
    return amounts if made == dict(amounts) else made


def canonical(value: Decimal) -> str:
    """A decimal value as Kubernetes writes it: whole thousands by suffix, no fraction."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    digits = abs(value)
    for suffix, power in sorted(_DECIMAL.items(), key=lambda pair: -pair[1]):
        scaled = digits.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{sign}{int(scaled)}{suffix}"
    return f"{sign}{digits}"
