"""What calls cost when they run: Kubernetes' actual cost, call by call.

The exact evaluator charges with it. A cost is a constant, or a function of the arguments (the target first), or of
arguments and result. Source: the documentation of Kubernetes, "Resource use by CEL functions", and the figures that a
kube-apiserver 1.36 reports for the same expressions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gatewright.cel.errors import AbortError
from gatewright.cel.values import Opaque, Optional

PER_CALL = 1_000_000
"""The limit of one expression's actual cost."""

LIST, MAP, STRUCT = 10, 30, 40
_TRAVERSAL, _PATTERN = 0.1, 0.25

Charge = Callable[[tuple[Any, ...], Any], int]
"""From the arguments and the result (None before it is known) to the cost."""


def size(value: Any) -> int:
    """How large the cost model takes a value to be: code points, bytes, elements, entries; 1 for all else."""
    kind = type(value)
    if kind is str or kind is list or kind is dict or kind is bytes:
        return len(value)
    if kind is Optional and value.present:
        return size(value.value)
    if isinstance(value, Opaque):
        return value.size()
    return 1


def _ceil(units: float) -> int:
    return math.ceil(units)


def _traversal(factor: float) -> Charge:
    return lambda args, _: _ceil(size(args[0]) * factor)


def _both(args: tuple[Any, ...], _: Any) -> int:
    return _ceil((size(args[0]) + size(args[1])) * _TRAVERSAL)


def equality(left: Any, right: Any) -> int:
    """The cost of == and !=: the smaller side's traversal."""
    if isinstance(left, Opaque):
        return 1
    return _ceil(min(size(left), size(right)) * _TRAVERSAL)


def _smaller(args: tuple[Any, ...], _: Any) -> int:
    return _ceil(min(size(args[0]), size(args[1])) * _TRAVERSAL)


def _product(args: tuple[Any, ...], _: Any) -> int:
    return _ceil(size(args[0]) * _TRAVERSAL) * _ceil(size(args[1]) * _TRAVERSAL)


def _pattern(args: tuple[Any, ...], _: Any) -> int:
    return _ceil((1 + size(args[0])) * _TRAVERSAL) * _ceil(size(args[1]) * _PATTERN)


def _elements(args: tuple[Any, ...], _: Any) -> int:
    return traversal(args[0])


def traversal(value: Any) -> int:
    """The cost of reading a value whole."""
    kind = type(value)
    if kind is str:
        return int(len(value.encode(errors="surrogatepass")) * _TRAVERSAL)
    if kind is bytes:
        return int(len(value) * _TRAVERSAL)
    if kind is list:
        return sum(map(traversal, value))
    if kind is dict:
        return sum(traversal(key) + traversal(one) for key, one in value.items())
    return 1


def _selector(args: tuple[Any, ...], _: Any) -> int:
    length = size(args[1])
    return LIST + _ceil(length * _TRAVERSAL) + _ceil(_ceil(length * 0.5) * (LIST + STRUCT))


def _contained(text: bool, nets: bool) -> Charge:
    def charge(args: tuple[Any, ...], _: Any) -> int:
        own = size(args[0])
        cost = _ceil((own + own) * _TRAVERSAL)
        if nets:
            cost += _ceil(own * _TRAVERSAL) + 1
        return cost + (_ceil(size(args[1]) * _TRAVERSAL) if text else 0)

    return charge


def _format(args: tuple[Any, ...], _: Any) -> int:
    return _ceil((1 + size(args[1])) * _TRAVERSAL) * _ceil(args[0].pattern_size * _PATTERN)


def _joined(args: tuple[Any, ...], result: Any) -> int:
    return _ceil(size(result) * 2 * _TRAVERSAL)


def _allocated(factor: float, count: int) -> int:
    return int(count * factor) + 1 + LIST


def _produced(args: tuple[Any, ...], result: Any) -> int:
    return _allocated(1, size(result))


def _flattened(args: tuple[Any, ...], _: Any) -> int:
    return max(_allocated(float(args[1]) if len(args) == 2 else 1.0, size(args[0])), 0)


def _compared(index: int) -> Charge:
    def charge(args: tuple[Any, ...], _: Any) -> int:
        values = args[index]
        if type(values) is not list:  # the API server's own cost tracker falls over it
            raise AbortError(_NO_LIST.format(_GO_NAMES.get(type(values).__name__, "*types.Err")))
        factor = 2.0
        if values and type(values[0]) in (str, bytes):
            factor += _TRAVERSAL
        return _allocated(factor, len(values) * len(values))

    return charge


def _sets(factor: float) -> Charge:
    return lambda args, _: 1 + int(size(args[0]) * size(args[1]) * factor)


_NO_LIST = "internal error: interface conversion: {} is not traits.Lister: missing method Add"
_GO_NAMES = {
    "dict": "*types.baseMap",
    "bool": "types.Bool",
    "int": "types.Int",
    "Uint": "types.Uint",
    "float": "types.Double",
    "str": "types.String",
    "bytes": "types.Bytes",
    "NoneType": "types.Null",
    "Optional": "*types.Optional",
    "Duration": "types.Duration",
    "Timestamp": "types.Timestamp",
    "Type": "*types.Type",
}

_BY_RESULT = frozenset({"join", "list_slice", "lists_range", "list_reverse"})

_BY_FUNCTION: dict[str, int | Charge] = {
    "check": 350_000,
    "fieldSelector": _selector,
    "labelSelector": _selector,
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _elements),
    **dict.fromkeys(("url", "lowerAscii", "upperAscii", "substring", "trim"), _traversal(_TRAVERSAL)),
    **dict.fromkeys(("replace", "split", "ip.isCanonical"), _traversal(2 * _TRAVERSAL)),
    "join": _joined,
    **dict.fromkeys(("find", "findAll"), _pattern),
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "ip"), _traversal(_TRAVERSAL)),
    **dict.fromkeys(("quantity", "isQuantity", "semver", "isSemver"), _traversal(_TRAVERSAL)),
    "validate": _format,
}

_BY_OVERLOAD: dict[str, int | Charge] = {
    **dict.fromkeys(
        (
            "starts_with_string",
            "ends_with_string",
            "string_to_bytes",
            "bytes_to_string",
            "strings_quote",
            "string_format",
        ),
        _traversal(_TRAVERSAL),
    ),
    "in_list": lambda args, _: size(args[1]),
    **dict.fromkeys(
        (
            f"{order}_{kind}"
            for order in ("less", "less_equals", "greater", "greater_equals")
            for kind in ("string", "bytes")
        ),
        _smaller,
    ),
    "add_string": _both,
    "add_bytes": _both,
    "matches_string": _pattern,
    "contains_string": _product,
}

_TRACKED: dict[str, int | Charge] = {
    "list_sets_contains_list": _sets(1),
    "list_sets_intersects_list": _sets(1),
    "list_sets_equivalent_list": _sets(2),
    "list_slice": _produced,
    "lists_range": _produced,
    "list_reverse": _produced,
    "list_flatten": _flattened,
    "list_flatten_int": _flattened,
    "list_distinct": _compared(0),
    **{
        f"list_{kind}_{name}": _compared(index)
        for kind in (
            "int",
            "uint",
            "double",
            "bool",
            "google.protobuf.Duration",
            "google.protobuf.Timestamp",
            "string",
            "bytes",
        )
        for name, index in (("sort", 0), ("sortByAssociatedKeys", 1))
    },
}

_OVERLOADS_OF_FUNCTIONS: dict[str, int | Charge] = {
    "cidr_ip": 1,
    "cidr_contains_ip_string": _contained(True, False),
    "cidr_contains_ip_ip": _contained(False, False),
    "cidr_contains_cidr_string": _contained(True, True),
    "cidr_contains_cidr": _contained(False, True),
}


def charged(charge: int | Charge, args: tuple[Any, ...], result: Any) -> int:
    """The cost of one call. An argument may be an error: it is of size 1, or the call costs 1 where that is no use."""
    if isinstance(charge, int):
        return charge
    try:
        return charge(args, result)
    except (TypeError, AttributeError, LookupError, ValueError):
        return 1


def call_cost(function: str, overloads: tuple[str, ...]) -> tuple[int | Charge, bool]:
    """What a call costs, and whether its result must be known for that.

    Only a call that can mean one overload is charged by it; any other costs what its function's name says, or 1.
    """
    alone = overloads[0] if len(overloads) == 1 else ""
    found = _TRACKED.get(alone)
    if found is None:
        found = _OVERLOADS_OF_FUNCTIONS.get(alone)
    if found is None:
        found = _BY_FUNCTION.get(function)
        if found is None and function in ("containsIP", "containsCIDR"):
            found = _contained(False, function == "containsCIDR")
    if found is None:
        found = _BY_OVERLOAD.get(alone, 1)
    return found, function in _BY_RESULT or alone in _BY_RESULT
