"""The standard library: operators, conversions, sizes, texts and times.

The order of overloads is that in which the checker tries them. Operators whose evaluation is special (&&, ||, ?:, ==,
indexing) are declared without implementation: the evaluators know them. Source: CEL's specification, "List of
Standard Definitions".
"""

from __future__ import annotations

import zoneinfo
from typing import Any

from gatewright.cel import conversions, operators
from gatewright.cel.declarations import Function, Implementation, Library, Overload, function, member, overload
from gatewright.cel.errors import EvalError
from gatewright.cel.macros import STANDARD
from gatewright.cel.regular import search
from gatewright.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    LIST,
    MAP,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Type,
    list_of,
    map_of,
    param,
    type_type,
)
from gatewright.cel.values import SECOND, Duration, Timestamp, type_of

A, B = param("A"), param("B")
_LIST, _MAP = list_of(A), map_of(A, B)


def _arithmetic() -> list[Function]:
    def same(operator: str, *types: Type) -> list[Overload]:
        names = {INT: "int64", UINT: "uint64"}
        return [overload(f"{operator}_{names.get(one, one.kind)}", (one, one), one) for one in types]

    return [
        function(
            "_+_",
            *same("add", BYTES, DOUBLE),
            overload("add_duration_duration", (DURATION, DURATION), DURATION),
            overload("add_duration_timestamp", (DURATION, TIMESTAMP), TIMESTAMP),
            overload("add_timestamp_duration", (TIMESTAMP, DURATION), TIMESTAMP),
            *same("add", INT),
            overload("add_list", (_LIST, _LIST), _LIST),
            *same("add", STRING, UINT),
            run=operators.add,
        ),
        function("_/_", *same("divide", DOUBLE, INT, UINT), run=operators.divide),
        function("_%_", *same("modulo", INT, UINT), run=operators.modulo),
        function("_*_", *same("multiply", DOUBLE, INT, UINT), run=operators.multiply),
        function(
            "-_",
            overload("negate_double", (DOUBLE,), DOUBLE),
            overload("negate_int64", (INT,), INT),
            run=operators.negate,
        ),
        function(
            "_-_",
            *same("subtract", DOUBLE),
            overload("subtract_duration_duration", (DURATION, DURATION), DURATION),
            *same("subtract", INT),
            overload("subtract_timestamp_duration", (TIMESTAMP, DURATION), TIMESTAMP),
            overload("subtract_timestamp_timestamp", (TIMESTAMP, TIMESTAMP), DURATION),
            *same("subtract", UINT),
            run=operators.subtract,
        ),
    ]


def _logic() -> list[Function]:
    return [
        function("_?_:_", overload("conditional", (BOOL, A, A), A)),
        function("_&&_", overload("logical_and", (BOOL, BOOL), BOOL)),
        function("_||_", overload("logical_or", (BOOL, BOOL), BOOL)),
        function("!_", overload("logical_not", (BOOL,), BOOL), run=operators.invert),
        function("@not_strictly_false", overload("not_strictly_false", (BOOL,), BOOL)),
        function("_==_", overload("equals", (A, A), BOOL)),
        function("_!=_", overload("not_equals", (A, A), BOOL)),
    ]


def _order(name: str, operator: str, run: Implementation) -> Function:
    pairs = [(BOOL, BOOL), (INT, INT), (INT, DOUBLE), (INT, UINT), (UINT, UINT), (UINT, DOUBLE), (UINT, INT)]
    pairs += [(DOUBLE, DOUBLE), (DOUBLE, INT), (DOUBLE, UINT), (STRING, STRING), (BYTES, BYTES)]
    pairs += [(TIMESTAMP, TIMESTAMP), (DURATION, DURATION)]
    names = {INT: "int64", UINT: "uint64"}

    def id_of(left: Type, right: Type) -> str:
        first = names.get(left, left.kind)
        return f"{operator}_{first}" if left is right else f"{operator}_{first}_{names.get(right, right.kind)}"

    return function(name, *(overload(id_of(*pair), pair, BOOL) for pair in pairs), run=run)


def _aggregates() -> list[Function]:
    return [
        function("_[_]", overload("index_list", (_LIST, INT), A), overload("index_map", (_MAP, A), B)),
        function(
            "@in",
            overload("in_list", (A, _LIST), BOOL),
            overload("in_map", (A, _MAP), BOOL),
            run=operators.contains,
        ),
        function(
            "size",
            *(
                made(f"{prefix}{name}", (one,), INT)
                for one, plain, bound in (
                    (BYTES, "size_bytes", "bytes_size"),
                    (_LIST, "size_list", "list_size"),
                    (_MAP, "size_map", "map_size"),
                    (STRING, "size_string", "string_size"),
                )
                for made, prefix, name in ((overload, "", plain), (member, "", bound))
            ),
            run=operators.size,
        ),
    ]


def _conversion(name: str, result: Type, run: Implementation, *sources: Type) -> Function:
    names = {INT: "int64", UINT: "uint64"}
    target = names.get(result, result.kind)
    return function(
        name, *(overload(f"{names.get(one, one.kind)}_to_{target}", (one,), result, run) for one in sources)
    )


def _conversions() -> list[Function]:
    return [
        function("type", overload("type", (A,), type_type(A)), run=type_of),
        function("dyn", overload("to_dyn", (A,), DYN), run=lambda value: value),
        _conversion("bool", BOOL, conversions.to_bool, BOOL, STRING),
        _conversion("bytes", BYTES, conversions.to_bytes, BYTES, STRING),
        _conversion("double", DOUBLE, conversions.to_double, DOUBLE, INT, STRING, UINT),
        _conversion("duration", DURATION, conversions.to_duration, DURATION, INT, STRING),
        _conversion("int", INT, conversions.to_int, INT, DOUBLE, DURATION, STRING, TIMESTAMP, UINT),
        _conversion(
            "string", STRING, conversions.to_string, STRING, BOOL, BYTES, DOUBLE, DURATION, INT, TIMESTAMP, UINT
        ),
        _conversion("timestamp", TIMESTAMP, conversions.to_timestamp, TIMESTAMP, INT, STRING),
        _conversion("uint", UINT, conversions.to_uint, UINT, DOUBLE, INT, STRING),
    ]


# -------------------------------------------------------------------- texts


def _text(check: Implementation) -> Implementation:
    def run(text: Any, part: Any) -> bool:
        if type(text) is not str or type(part) is not str:
            raise operators.no_overload()
        return bool(check(text, part))

    return run


def _matches(text: Any, pattern: Any) -> bool:
    if type(text) is not str:
        raise operators.no_overload("matches")
    if type(pattern) is not str:
        raise operators.no_overload()
    return search(pattern, text)


def _texts() -> list[Function]:
    pair = (STRING, STRING)
    checks = (("contains", str.__contains__), ("endsWith", str.endswith), ("startsWith", str.startswith))
    ids = {"contains": "contains_string", "endsWith": "ends_with_string", "startsWith": "starts_with_string"}
    found = [function(name, member(ids[name], pair, BOOL, _text(check)), guarded=False) for name, check in checks]
    both = (overload("matches", pair, BOOL), member("matches_string", pair, BOOL))
    return [*found, function("matches", *both, run=_matches)]


# -------------------------------------------------------------------- times


def _offset(value: Timestamp, zone: str) -> int:
    """Seconds east of UTC of a zone's name or of +HH:MM at a point in time."""
    hours, colon, minutes = zone.partition(":")
    if colon:
        try:
            hour, minute = int(hours), int(minutes)
        except ValueError:
            bad = hours if not _whole(hours) else minutes
            raise EvalError(f'strconv.Atoi: parsing "{bad}": invalid syntax') from None
        return (hour * 60 - minute if zone.startswith("-") else hour * 60 + minute) * 60
    if zone in ("", "UTC", "Local"):
        return 0
    try:
        found = conversions.local_time(value, 0).astimezone(zoneinfo.ZoneInfo(zone)).utcoffset()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise EvalError(f"unknown time zone {zone}") from None
    return 0 if found is None else round(found.total_seconds())


def _whole(text: str) -> bool:
    return text.lstrip("+-").isdigit()


def _part(read: Implementation) -> tuple[Implementation, Implementation]:
    def plain(value: Timestamp) -> int:
        return int(read(conversions.local_time(value, 0), value))

    def zoned(value: Timestamp, zone: str) -> int:
        return int(read(conversions.local_time(value, _offset(value, zone)), value))

    return plain, zoned


_PARTS: tuple[tuple[str, str, Implementation], ...] = (
    ("getFullYear", "year", lambda clock, _: clock.year),
    ("getMonth", "month", lambda clock, _: clock.month - 1),
    ("getDayOfYear", "day_of_year", lambda clock, _: clock.timetuple().tm_yday - 1),
    ("getDayOfMonth", "day_of_month", lambda clock, _: clock.day - 1),
    ("getDate", "day_of_month_1_based", lambda clock, _: clock.day),
    ("getDayOfWeek", "day_of_week", lambda clock, _: clock.isoweekday() % 7),
    ("getHours", "hours", lambda clock, _: clock.hour),
    ("getMinutes", "minutes", lambda clock, _: clock.minute),
    ("getSeconds", "seconds", lambda clock, _: clock.second),
    ("getMilliseconds", "milliseconds", lambda _, value: value.nanos % SECOND // 1_000_000),
)
_LENGTHS = {"getHours": 3600 * SECOND, "getMinutes": 60 * SECOND, "getSeconds": SECOND, "getMilliseconds": 1_000_000}


def _length(unit: int) -> Implementation:
    def run(value: Duration) -> int:
        whole = abs(value.nanos) // unit
        return -whole if value.nanos < 0 else whole

    return run


def _times() -> list[Function]:
    found = []
    for name, part, read in _PARTS:
        plain, zoned = _part(read)
        overloads = [
            member(f"timestamp_to_{part}", (TIMESTAMP,), INT, plain),
            member(f"timestamp_to_{part}_with_tz", (TIMESTAMP, STRING), INT, zoned),
        ]
        if name in _LENGTHS:
            overloads.append(member(f"duration_to_{part}", (DURATION,), INT, _length(_LENGTHS[name])))
        found.append(function(name, *overloads))
    return found


LIBRARY = Library(
    functions=(
        *_logic(),
        *_arithmetic(),
        _order("_<_", "less", operators.less),
        _order("_<=_", "less_equals", operators.less_equal),
        _order("_>_", "greater", operators.greater),
        _order("_>=_", "greater_equals", operators.greater_equal),
        *_aggregates(),
        *_conversions(),
        *_texts(),
        *_times(),
    ),
    macros=STANDARD,
    types={
        one.name: one for one in (BOOL, BYTES, DOUBLE, DURATION, INT, LIST, MAP, NULL, STRING, TIMESTAMP, TYPE, UINT)
    },
)
