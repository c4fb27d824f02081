"""Builtins of time. Times are nanoseconds since 1970 that fit 64 bits; zones come from the zone database that Python
finds (package tzdata).
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from gatewright.rego.arithmetic import whole
from gatewright.rego.builtins.golayout import NAMED, format_time, parse_time
from gatewright.rego.builtins.registry import builtin, wrong_type
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import is_number

SECOND = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OUTSIDE = "time outside of valid range"


def _in_range(ns: int) -> int:
    if not -(2**63) <= ns < 2**63:
        raise BuiltinError(OUTSIDE)
    return ns


def _nanoseconds(t: datetime, nanos: int) -> int:
    d = t - EPOCH
    return _in_range((d.days * 86400 + d.seconds) * SECOND + nanos)


@lru_cache(256)
def _zone(name: str) -> tzinfo:
    if name in ("", "UTC", "Local"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BuiltinError(f"unknown time zone {name}") from None


def _moment(x: Any) -> tuple[datetime, int, str]:
    """A time given as ns, [ns, zone] or [ns, zone, layout]: (time in its zone, nanoseconds below the second,
    layout).
    """
    layout = zone = ""
    ns = x
    if isinstance(x, list):
        if not x:
            raise BuiltinError("operand 1 must be either number (ns) or [number (ns), string (tz)] but got empty array")
        ns = x[0]
        rest = [v if isinstance(v, str) else None for v in x[1:3]]
        if None in rest or len(x) > 3:
            raise BuiltinError(
                "operand 1 must be [number (ns), string (tz)] but got array of other types", "eval_type_error"
            )
        zone, layout = [*[str(v) for v in rest], "", ""][:2]
    if not is_number(ns):
        raise wrong_type(1, "number", ns)
    n = whole(ns)
    if n is None:
        raise BuiltinError("timestamp is not an integer")
    if not -(2**63) <= n < 2**63:
        raise BuiltinError("timestamp too big")
    seconds, nanos = divmod(n, SECOND)
    return (EPOCH + timedelta(seconds=seconds)).astimezone(_zone(zone)), nanos, NAMED.get(layout, layout)


@builtin("time.parse_ns", "string", "string", result="number")
def parse_ns(layout: str, value: str) -> int:
    return _nanoseconds(*parse_time(NAMED.get(layout, layout), value))


@builtin("time.parse_rfc3339_ns", "string", result="number")
def parse_rfc3339_ns(value: str) -> int:
    return _nanoseconds(*parse_time(NAMED["RFC3339"], value))


_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
_UNITS |= {"d": 86400 * SECOND, "w": 7 * 86400 * SECOND}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)")


@builtin("time.parse_duration_ns", "string", result="number")
def parse_duration_ns(value: str) -> int:
    sign, rest = (-1 if value[:1] == "-" else 1), value.lstrip("+-") if value[:1] in ("+", "-") else value
    if rest == "0":
        return 0
    total, end = 0, 0
    for m in _DURATION.finditer(rest):
        if m.start() != end:
            break
        total += int(Decimal(m.group(1)) * _UNITS[m.group(2)])
        end = m.end()
    if not rest or end != len(rest):
        raise BuiltinError(f'time: invalid duration "{value}"')
    return _in_range(sign * total)


@builtin("time.format", "any", result="string")
def time_format(x: Any) -> str:
    t, nanos, layout = _moment(x)
    return format_time(t, nanos, layout or NAMED["RFC3339Nano"])


@builtin("time.date", "any", result="array")
def date(x: Any) -> list[int]:
    t, _, _ = _moment(x)
    return [t.year, t.month, t.day]


@builtin("time.clock", "any", result="array")
def clock(x: Any) -> list[int]:
    t, _, _ = _moment(x)
    return [t.hour, t.minute, t.second]


@builtin("time.weekday", "any", result="string")
def weekday(x: Any) -> str:
    t, _, _ = _moment(x)
    return calendar.day_name[t.weekday()]


def _counted(position: int, x: Any) -> int:
    n = whole(x)
    if n is None:
        raise BuiltinError(
            f"operand {position} must be integer number but got floating-point number", "eval_type_error"
        )
    return n


@builtin("time.add_date", "number", "number", "number", "number", result="number")
def add_date(ns: Any, years: Any, months: Any, days: Any) -> int:
    """The date moved; a day that the month lacks runs over into the next (Go's AddDate)."""
    t, nanos, _ = _moment(ns)
    month = t.month - 1 + _counted(3, months)
    year = t.year + _counted(2, years) + month // 12
    if not 1 <= year <= 9998 or abs(_counted(4, days)) > 10**6:
        raise BuiltinError(OUTSIDE)
    first = t.replace(year=year, month=month % 12 + 1, day=1)
    try:
        return _nanoseconds(first + timedelta(days=t.day - 1 + _counted(4, days)), nanos)
    except OverflowError:
        raise BuiltinError(OUTSIDE) from None


@builtin("time.diff", "any", "any", result="array")
def diff(a: Any, b: Any) -> list[int]:
    """[years, months, days, hours, minutes, seconds] between two times, the second in the zone of the first."""
    x, _, _ = _moment(a)
    y, _, _ = _moment(b)
    y = y.astimezone(x.tzinfo)
    if x > y:
        x, y = y, x
    fields = [
        y.year - x.year,
        y.month - x.month,
        y.day - x.day,
        y.hour - x.hour,
        y.minute - x.minute,
        y.second - x.second,
    ]
    year, month, day, hour, minute, second = fields
    if second < 0:
        second, minute = second + 60, minute - 1
    if minute < 0:
        minute, hour = minute + 60, hour - 1
    if hour < 0:
        hour, day = hour + 24, day - 1
    if day < 0:
        day += calendar.monthrange(x.year, x.month)[1]
        month -= 1
    if month < 0:
        month, year = month + 12, year - 1
    return [year, month, day, hour, minute, second]
