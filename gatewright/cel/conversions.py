"""Conversions between types of values, and how values print: string(1.0), int('7'), timestamp('2024-...').

The standard library declares them; `format` and error texts print with them. Texts follow Go: %g for doubles,
RFC 3339 for timestamps, seconds for durations.
"""

from __future__ import annotations

import datetime
import math
import re
from typing import Any

from gatewright.cel.errors import EvalError
from gatewright.cel.operators import int_of, timestamp_of, uint_of
from gatewright.cel.types import Type
from gatewright.cel.values import SECOND, Duration, Opaque, Timestamp, Uint, type_name

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_INT = re.compile(r"[+-]?[0-9]+", re.ASCII)
_UINT = re.compile(r"[0-9]+", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE
)
_HEX_FLOAT = re.compile(r"[+-]?0x[0-9a-f]*\.?[0-9a-f]*p[+-]?[0-9]+", re.ASCII | re.IGNORECASE)
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
_DURATION_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def failed(value: Any, wanted: str) -> EvalError:
    """The error of a conversion that the value does not allow."""
    return EvalError(f"type conversion error from '{type_name(value)}' to '{wanted}'")


# -------------------------------------------------------------------- printing


def double_text(value: float) -> str:
    """A double as Go's %g prints it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits, point = _digits(abs(value))
    sign = "-" if value < 0 else ""
    power = point - 1
    if power < -4 or power >= 6:
        head = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        return f"{sign}{head}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return sign + _plain(digits, point)


def _digits(value: float) -> tuple[str, int]:
    """The shortest digits of a positive double, and where its point stands among them."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    stripped = digits.rstrip("0")
    return stripped or "0", point


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def duration_text(value: Duration) -> str:
    """A duration in seconds, as a double prints without exponent."""
    whole, rest = divmod(abs(value.nanos), SECOND)
    number = whole + rest / 1e9
    text = "0" if number == 0 else _plain(*_digits(number))
    return f"{'-' if value.nanos < 0 else ''}{text}s"


def local_time(value: Timestamp, offset: int) -> datetime.datetime:
    """The wall clock that many seconds east of UTC, without fractions of a second. Years below 1 are clipped."""
    seconds = value.nanos // SECOND + offset
    return EPOCH + datetime.timedelta(seconds=min(max(seconds, -62135596800), 253402300799))


def timestamp_text(value: Timestamp) -> str:
    """A timestamp as RFC 3339, in the zone it was written in."""
    moment = local_time(value, value.offset)
    nanos = value.nanos % SECOND
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    zone = "Z"
    if value.offset:
        minutes = abs(value.offset) // 60
        zone = f"{'-' if value.offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{moment.year:04d}-{moment.strftime('%m-%dT%H:%M:%S')}{fraction}{zone}"


def to_string(value: Any) -> str:
    """string(value)"""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is Uint:
        return str(int(value))
    if kind is float:
        return double_text(value)
    if kind is bytes:
        try:
            return str(value, "utf-8")
        except UnicodeDecodeError:
            raise EvalError("invalid UTF-8 in bytes, cannot convert to string") from None
    if kind is Duration:
        return duration_text(value)
    if kind is Timestamp:
        return timestamp_text(value)
    if kind is Type:
        return str(value.name)
    if isinstance(value, Opaque):
        return str(value)
    raise failed(value, "string")


# -------------------------------------------------------------------- parsing


def to_int(value: Any) -> int:
    """int(value)"""
    kind = type(value)
    if kind is int:
        return int(value)
    if kind is Uint:
        return int_of(int(value))
    if kind is float:
        if not -9.223372036854775808e18 < value < 9.223372036854775807e18:
            raise EvalError("integer overflow")
        return int(value)
    if kind is str and _INT.fullmatch(value) and len(value) < 4000 and -(1 << 63) <= int(value) < 1 << 63:
        return int(value)
    if kind is Duration:
        return int(value.nanos)
    if kind is Timestamp:
        return int(value.nanos // SECOND)
    raise failed(value, "int")


def to_uint(value: Any) -> Uint:
    """uint(value)"""
    kind = type(value)
    if kind is Uint:
        return Uint(value)
    if kind is int:
        return uint_of(value)
    if kind is float:
        if not 0 <= value < 18446744073709551615.0:
            raise EvalError("unsigned integer overflow")
        return Uint(int(value))
    if kind is str and _UINT.fullmatch(value) and len(value) < 4000 and int(value) < 1 << 64:
        return Uint(int(value))
    raise failed(value, "uint")


def to_double(value: Any) -> float:
    """double(value)"""
    kind = type(value)
    if kind is float or kind is int or kind is Uint:
        return float(value)
    if kind is str:
        if _HEX_FLOAT.fullmatch(value):
            return float.fromhex(value)
        if _FLOAT.fullmatch(value):
            number = float(value)
            if not math.isinf(number) or "n" in value.lower():
                return number
    raise failed(value, "double")


def to_bool(value: Any) -> bool:
    """bool(value)"""
    if value is True or value is False:
        return bool(value)
    if type(value) is str:
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
    raise failed(value, "bool")


def to_bytes(value: Any) -> bytes:
    """bytes(value)"""
    if type(value) is bytes:
        return value
    if type(value) is str:
        return value.encode()
    raise failed(value, "bytes")


def to_duration(value: Any) -> Duration:
    """duration(value): a text such as 1h30m or nanoseconds are not given by number."""
    if type(value) is Duration:
        return value
    if type(value) is str:
        nanos = parse_duration(value)
        if nanos is not None:
            return Duration(nanos)
    raise failed(value, "google.protobuf.Duration")


def parse_duration(text: str) -> int | None:
    """Nanoseconds of a Go duration such as -1.5h2m, None where it is none or does not fit 64 bits."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    total, at = 0, 0
    while at < len(body):
        match = _DURATION_PART.match(body, at)
        if match is None or not (match.group(1) or match.group(2)):
            return None
        unit = _UNITS[match.group(3)]
        fraction = match.group(2) or ""
        total += int(match.group(1) or 0) * unit + (
            int(fraction[:18]) * unit // 10 ** len(fraction[:18]) if fraction else 0
        )
        at = match.end()
    if not body or total > 1 << 63:
        return None
    nanos = -total if text.startswith("-") else total
    return nanos if nanos < 1 << 63 else None


def to_timestamp(value: Any) -> Timestamp:
    """timestamp(value): RFC 3339, or seconds since 1970."""
    kind = type(value)
    if kind is Timestamp:
        return Timestamp(value.nanos, value.offset)
    if kind is int:
        return timestamp_of(value * SECOND)
    if kind is str:
        found = parse_timestamp(value)
        if found is not None:
            return timestamp_of(found[0], found[1])
    raise failed(value, "google.protobuf.Timestamp")


def parse_timestamp(text: str) -> tuple[int, int] | None:
    """Nanoseconds since 1970 and the zone's offset in seconds, None where the text is no RFC 3339 timestamp."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    offset = 0
    if match.group(8):
        hours, minutes = int(match.group(9)), int(match.group(10))
        if hours > 24 or minutes >= 60:
            return None
        offset = (hours * 3600 + minutes * 60) * (-1 if match.group(8) == "-" else 1)
    shift = 400 if year == 0 else 0  # Python knows no year 0; it repeats itself after 400 years
    try:
        moment = datetime.datetime(year + shift, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        return None
    seconds = round((moment - EPOCH).total_seconds()) - (146097 * 86400 if shift else 0) - offset
    nanos = int((match.group(7) or "0")[:9].ljust(9, "0"))
    return seconds * SECOND + nanos, offset
