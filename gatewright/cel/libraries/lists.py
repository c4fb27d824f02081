"""Functions on lists: Kubernetes' own (isSorted, sum, min, max, indexOf) and cel-go's version 3 (sort, slice, ...).

Also the sets library. Source: the documentation of Kubernetes' CEL list library and of cel-go's ext.Lists and
ext.Sets.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gatewright.cel.declarations import Function, Implementation, Library, function, member, overload
from gatewright.cel.errors import EvalError
from gatewright.cel.macros import SORTING
from gatewright.cel.operators import add, compare, contains, equal, no_overload
from gatewright.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    param,
)
from gatewright.cel.values import Duration, Timestamp, Uint, type_of

_COMPARABLE = (INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES)
_SUMMABLE: tuple[tuple[Type, Any], ...] = ((INT, 0), (UINT, Uint(0)), (DOUBLE, 0.0), (DURATION, Duration(0)))
_ORDERED = frozenset({int, Uint, float, bool, Duration, Timestamp, str, bytes})
_A, _T = param("A"), param("T")
_LONGEST_RANGE = 1_000_000


def _comparable(value: Any) -> Any:
    if type(value) not in _ORDERED:
        raise no_overload()
    return value


def _is_sorted(values: list[Any]) -> bool:
    for at, one in enumerate(values):
        _comparable(one)
        if at and _order(values[at - 1], one) > 0:
            return False
    return True


def _order(left: Any, right: Any) -> int:
    """Order as Kubernetes' list functions see it: what cannot be compared counts as equal."""
    try:
        return compare(left, right, "")
    except EvalError:
        return 0


def _sum(zero: Any) -> Implementation:
    def run(values: list[Any]) -> Any:
        total = zero
        for one in values:
            total = add(total, one)
        return total

    return run


def _best(name: str, sign: int) -> Implementation:
    def run(values: list[Any]) -> Any:
        if not values:
            raise EvalError(f"{name} called on empty list")
        best = _comparable(values[0])
        for one in values[1:]:
            if _order(best, _comparable(one)) == sign:
                best = one
        return best

    return run


def _same(left: Any, right: Any) -> bool:
    try:
        return equal(left, right)
    except EvalError:
        return False


def _index_of(values: list[Any], wanted: Any) -> int:
    return next((at for at, one in enumerate(values) if _same(one, wanted)), -1)


def _last_index_of(values: list[Any], wanted: Any) -> int:
    return next((at for at in reversed(range(len(values))) if _same(values[at], wanted)), -1)


def _each(make: Callable[[str, Type], Any], kinds: tuple[Type, ...]) -> list[Any]:
    return [make(one.kind, one) for one in kinds]


def _kubernetes() -> tuple[Function, ...]:
    values = list_of(_A)
    return (
        function(
            "isSorted",
            *_each(
                lambda name, one: member(f"list_{name}_is_sorted_bool", (list_of(one),), BOOL, _is_sorted), _COMPARABLE
            ),
        ),
        function(
            "sum",
            *(member(f"list_{one.kind}_sum_{one.kind}", (list_of(one),), one, _sum(zero)) for one, zero in _SUMMABLE),
        ),
        *(
            function(
                name,
                *(
                    member(f"list_{one.kind}_{name}_{one.kind}", (list_of(one),), one, _best(name, sign))
                    for one in _COMPARABLE
                ),
            )
            for name, sign in (("max", -1), ("min", 1))
        ),
        function("indexOf", member("list_a_index_of_int", (values, _A), INT, _index_of)),
        function("lastIndexOf", member("list_a_last_index_of_int", (values, _A), INT, _last_index_of)),
    )


# -------------------------------------------------------------------- cel-go's extension


def _slice(values: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise EvalError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvalError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if len(values) < end:
        raise EvalError(f"cannot slice({start}, {end}), list is length {len(values)}")
    return values[start:end]


def _flatten(values: Any, depth: Any = 1) -> list[Any]:
    if type(values) is not list or type(depth) is not int:
        raise no_overload(f"{type_of(values)}.flatten()")
    if depth < 0:
        raise EvalError("level must be non-negative")
    found: list[Any] = []
    for one in values:
        if type(one) is not list or depth == 0:
            found.append(one)
        else:
            found += _flatten(one, depth - 1)
    return found


def _sort(values: Any) -> list[Any]:
    if type(values) is not list:
        raise no_overload("sort")
    return _sort_by(values, values)


def _sort_by(values: Any, keys: Any) -> list[Any]:
    if type(values) is not list:
        raise no_overload("@sortByAssociatedKeys")
    if len(values) != len(keys):
        text = "@sortByAssociatedKeys() expected a list of the same size as the associated keys list"
        raise EvalError(f"{text}, but got {len(values)} and {len(keys)} elements respectively")
    if not values:
        return values
    if type(keys[0]) not in _ORDERED:
        raise EvalError("list elements must be comparable")
    first = type_of(keys[0])
    if len(keys) > 1 and any(type_of(key) is not first for key in keys):
        raise EvalError("list elements must have the same type")

    def order(left: int, right: int) -> int:
        return _order(keys[left], keys[right])

    return [values[at] for at in sorted(range(len(values)), key=functools.cmp_to_key(order))]


def _range(count: int) -> list[int]:
    if count > _LONGEST_RANGE:  # the result alone would cost more than any expression may
        raise EvalError("operation cancelled: actual cost limit exceeded")
    return list(range(count))


def _distinct(values: list[Any]) -> list[Any]:
    if all(type(one) is str for one in values):
        return list(dict.fromkeys(values))
    found: list[Any] = []
    for one in values:
        if not any(_same(one, other) for other in found):
            found.append(one)
    return found


def _extension() -> tuple[Function, ...]:
    values = list_of(_T)
    return (
        function("slice", member("list_slice", (values, INT, INT), values, _slice)),
        function(
            "flatten",
            member("list_flatten", (list_of(values),), values, _flatten),
            member("list_flatten_int", (list_of(DYN), INT), list_of(DYN), _flatten),
            guarded=False,
        ),
        function(
            "sort",
            *(member(f"list_{one.name}_sort", (list_of(one),), list_of(one)) for one in _COMPARABLE),
            run=_sort,
        ),
        function(
            "@sortByAssociatedKeys",
            *(member(f"list_{one.name}_sortByAssociatedKeys", (values, list_of(one)), values) for one in _COMPARABLE),
            run=_sort_by,
        ),
        function("lists.range", overload("lists_range", (INT,), list_of(INT), _range)),
        function("reverse", member("list_reverse", (values,), values, lambda values: values[::-1])),
        function("distinct", member("list_distinct", (values,), values, _distinct)),
    )


# -------------------------------------------------------------------- sets


def _contains_all(values: list[Any], wanted: list[Any]) -> bool:
    return all(contains(one, values) for one in wanted)


def _equivalent(left: list[Any], right: list[Any]) -> bool:
    return _contains_all(left, right) and _contains_all(right, left)


def _intersects(left: list[Any], right: list[Any]) -> bool:
    return any(contains(one, right) for one in left)


def _sets() -> tuple[Function, ...]:
    values = list_of(_T)
    runs: tuple[tuple[str, Implementation], ...] = (
        ("contains", _contains_all),
        ("equivalent", _equivalent),
        ("intersects", _intersects),
    )
    return tuple(
        function(f"sets.{name}", overload(f"list_sets_{name}_list", (values, values), BOOL, run)) for name, run in runs
    )


KUBERNETES = Library(functions=_kubernetes())
EXTENSION = Library(functions=_extension(), macros=SORTING)
SETS = Library(functions=_sets())
