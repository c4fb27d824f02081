"""Numbers against a schema: ranges of types and formats, limits, multiples.

`checking` asks for complaints, `fast` for the same rules as a yes or no. Integers beyond 64 bits are floating point
numbers, as the API server's decoder makes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from gatewright.core import go_text
from gatewright.core.field_errors import Reason
from gatewright.core.schemas.nodes import Node

Complaint = tuple[str, str | None, Reason, Any]  # message, name, reason, value: the fields of checking.Finding

_LARGEST_EXACT = float(2**53 - 1)
_LARGEST_FLOAT32 = 3.4028235677973366e38


def is_int64(value: int) -> bool:
    return -(2**63) <= value < 2**63


def is_json_integer(value: float) -> bool:
    """Whether a number counts as an integer: whole (nearly), and small enough to be exact."""
    value = float(value)
    if math.isnan(value) or abs(value) > _LARGEST_EXACT:
        return False
    whole = float(int(value))
    if value == whole:
        return True
    return whole != 0 and abs(value - whole) / (abs(value) + abs(whole)) < 1e-9


def complaints(node: Node, value: float, name: str) -> Iterator[Complaint]:
    """Complaints about a number, in the API server's order; none of them stops the others."""
    if isinstance(value, int) and not is_int64(value):
        value = float(value)
    kind = node.types[0] if len(node.types) == 1 and node.types[0] in ("integer", "number") else ""
    if problem := _out_of_range(value, kind, node.format, "Checked", name):
        yield problem, None, Reason.INVALID, ""
    limits = (
        (node.multiple_of, "MultipleOf", _not_multiple),
        (node.minimum, "Minimum boundary", _too_small),
        (node.maximum, "Maximum boundary", _too_large),
    )
    for limit, prefix, rule in limits:
        if limit is None:
            continue
        problem = _out_of_range(limit, kind, node.format, prefix, name)
        if problem:
            yield problem, None, Reason.INVALID, ""
        # A limit that the type can't hold is compared as a general number.
        found = rule(node, float(value) if problem else value, limit, name)
        if found is not None:
            yield found


def _out_of_range(value: float, kind: str, form: str, prefix: str, name: str) -> str:
    if kind == "integer":
        whole = int(value) if isinstance(value, int) or (math.isfinite(value) and value == int(value)) else None
        bits = 31 if form == "int32" else 63
        if whole is None or not -(2**bits) <= whole < 2**bits:
            told = f"of type integer with format {form}" if form else "of type integer (default format)"
            return f"{prefix} value must be {told} in {name}"
    elif form == "float" and math.isfinite(value) and abs(value) >= _LARGEST_FLOAT32:
        return f"{prefix} value must be of type {kind} with format {form} in {name}"
    return ""


def _shown(limit: float, value: float) -> tuple[float, str]:
    """The limit in the value's own type, and as it is printed."""
    if isinstance(value, int):
        return int(limit), str(int(limit))
    return limit, go_text.number(limit)


def _not_multiple(node: Node, value: float, limit: float, name: str) -> Complaint | None:
    factor, shown = _shown(limit, value)
    if factor <= 0:
        return f"factor MultipleOf declared for {name} must be positive: {shown}", name, Reason.INVALID, factor
    if isinstance(value, int):
        good = value % int(factor) == 0
    else:
        good = is_json_integer(1 / factor * value if factor < 1 else value / factor)
    return None if good else (f"{name} in body should be a multiple of {shown}", name, Reason.INVALID, value)


def _too_small(node: Node, value: float, limit: float, name: str) -> Complaint | None:
    least, shown = _shown(limit, value)
    if value > least or (value == least and not node.exclusive_minimum):
        return None
    told = "greater than" if node.exclusive_minimum else "greater than or equal to"
    return f"{name} in body should be {told} {shown}", name, Reason.INVALID, value


def _too_large(node: Node, value: float, limit: float, name: str) -> Complaint | None:
    most, shown = _shown(limit, value)
    if value < most or (value == most and not node.exclusive_maximum):
        return None
    told = "less than" if node.exclusive_maximum else "less than or equal to"
    return f"{name} in body should be {told} {shown}", name, Reason.INVALID, value
