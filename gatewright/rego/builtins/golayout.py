"""Go's time layouts ("2006-01-02T15:04:05Z07:00"): formatting and parsing by example. Used by the time builtins.

Rules: Go documentation, package time, constants and functions Format and Parse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from gatewright.rego.errors import BuiltinError

NAMED = {
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": "2006-01-02T15:04:05Z07:00",
    "RFC3339Nano": "2006-01-02T15:04:05.999999999Z07:00",
}
_TOKEN = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|__2|_2|002|01|02|03|04|05|06|15|PM|pm|"
    r"Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|[.,](?:0+|9+)(?!\d)|1|2|3|4|5"
)
_MONTHS = ["January", "February", "March", "April", "May", "June", "July"]
_MONTHS += ["August", "September", "October", "November", "December"]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def pieces(layout: str) -> list[tuple[bool, str]]:
    """A layout as (is it a token, text)."""
    out, i = [], 0
    for m in _TOKEN.finditer(layout):
        if m.start() > i:
            out.append((False, layout[i : m.start()]))
        out.append((True, m.group()))
        i = m.end()
    if layout[i:]:
        out.append((False, layout[i:]))
    return out


def offset_text(token: str, t: datetime) -> str:
    """A zone's offset as the token has it."""
    seconds = int((t.utcoffset() or timedelta()).total_seconds())
    if token[0] == "Z" and seconds == 0:
        return "Z"
    sign, seconds = ("-" if seconds < 0 else "+"), abs(seconds)
    h, m, s = seconds // 3600, seconds // 60 % 60, seconds % 60
    colon = ":" if ":" in token else ""
    digits = len(token.replace(":", "")) - 1
    return sign + colon.join([f"{h:02d}", f"{m:02d}", f"{s:02d}"][: digits // 2])


def format_time(t: datetime, nanos: int, layout: str) -> str:
    """A time (with zone) and the nanoseconds below the second, by a layout."""
    return "".join(_field(text, t, nanos) if is_token else text for is_token, text in pieces(layout))


def _field(token: str, t: datetime, nanos: int) -> str:
    if token[0] in "Z-":
        return offset_text(token, t)
    if token[0] in ".,":
        digits = f"{nanos:09d}"
        if token[1] == "0":
            return token[0] + digits[: len(token) - 1].ljust(len(token) - 1, "0")
        kept = digits[: len(token) - 1].rstrip("0")
        return token[0] + kept if kept else ""
    hour12 = t.hour % 12 or 12
    simple = {
        "2006": f"{t.year:04d}", "06": f"{t.year % 100:02d}", "01": f"{t.month:02d}", "1": str(t.month),
        "January": _MONTHS[t.month - 1], "Jan": _MONTHS[t.month - 1][:3], "02": f"{t.day:02d}", "2": str(t.day),
        "_2": f"{t.day:2d}", "002": f"{t.timetuple().tm_yday:03d}", "__2": f"{t.timetuple().tm_yday:3d}",
        "Monday": _DAYS[t.weekday()], "Mon": _DAYS[t.weekday()][:3], "15": f"{t.hour:02d}", "03": f"{hour12:02d}",
        "3": str(hour12), "04": f"{t.minute:02d}", "4": str(t.minute), "05": f"{t.second:02d}", "5": str(t.second),
        "PM": "AM" if t.hour < 12 else "PM", "pm": "am" if t.hour < 12 else "pm",
    }  # fmt: skip
    if token == "MST":
        return _zone_name(t)
    return simple[token]


def _zone_name(t: datetime) -> str:
    name = t.tzname() or "UTC"
    if name.startswith("UTC") and name != "UTC":
        return offset_text("-0700", t)[:3]
    return name


@dataclass
class _Parsed:
    year: int = 0
    month: int = 1
    day: int = 1
    yday: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    nanos: int = 0
    pm: bool | None = None
    offset: int | None = None


_NUMBERS = {
    "2006": ("year", r"\d{4}"), "01": ("month", r"\d\d"), "1": ("month", r"\d\d?"), "02": ("day", r"\d\d"),
    "2": ("day", r"\d\d?"), "_2": ("day", r" ?\d\d?"), "002": ("yday", r"\d{3}"), "__2": ("yday", r" {0,2}\d{1,3}"),
    "15": ("hour", r"\d\d?"), "03": ("hour", r"\d\d"), "3": ("hour", r"\d\d?"), "04": ("minute", r"\d\d"),
    "4": ("minute", r"\d\d?"), "05": ("second", r"\d\d"), "5": ("second", r"\d\d?"),
}  # fmt: skip
_ZONES = {
    "Z07:00": r"Z|[+-]\d\d:\d\d", "Z0700": r"Z|[+-]\d{4}", "Z07": r"Z|[+-]\d\d", "-07:00": r"[+-]\d\d:\d\d",
    "-0700": r"[+-]\d{4}", "-07": r"[+-]\d\d", "Z07:00:00": r"Z|[+-]\d\d:\d\d:\d\d", "Z070000": r"Z|[+-]\d{6}",
    "-07:00:00": r"[+-]\d\d:\d\d:\d\d", "-070000": r"[+-]\d{6}",
}  # fmt: skip


def parse_time(layout: str, value: str) -> tuple[datetime, int]:
    """The time that a text spells by a layout, and its nanoseconds below the second. Raises BuiltinError."""
    p, rest = _Parsed(), value
    for is_token, text in pieces(layout):
        if not is_token:
            if not rest.startswith(text):
                raise _mismatch(layout, value, text)
            rest = rest[len(text) :]
            continue
        used = _take(p, text, rest)
        if used is None:
            raise _mismatch(layout, value, text)
        rest = rest[used:]
        if text in ("05", "5") and (m := re.match(r"[.,]\d+", rest)) and not re.search(r"0?5[.,][09]", layout):
            p.nanos = int(m.group()[1:10].ljust(9, "0"))
            rest = rest[m.end() :]
    if rest:
        raise BuiltinError(f'parsing time "{value}": extra text: "{rest}"')
    return _assembled(p, value), p.nanos


def _mismatch(layout: str, value: str, at: str) -> BuiltinError:
    return BuiltinError(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "{at}"')


def _take(p: _Parsed, token: str, rest: str) -> int | None:
    """Reads one token from the beginning of the text; how many characters it took, or None."""
    if token in _NUMBERS:
        name, pattern = _NUMBERS[token]
        m = re.match(pattern, rest)
        if m:
            setattr(p, name, int(m.group()))
        return m.end() if m else None
    if token == "06":
        m = re.match(r"\d\d", rest)
        if m:
            p.year = int(m.group()) + (1900 if int(m.group()) >= 69 else 2000)
        return m.end() if m else None
    if token in _ZONES:
        m = re.match(_ZONES[token], rest)
        if m:
            p.offset = _offset(m.group())
        return m.end() if m else None
    if token[0] in ".,":
        m = re.match(r"[.,]\d+", rest)
        if m:
            p.nanos = int(m.group()[1:10].ljust(9, "0"))
        return m.end() if m else (0 if token[1] == "9" else None)
    return _take_word(p, token, rest)


def _take_word(p: _Parsed, token: str, rest: str) -> int | None:
    if token in ("PM", "pm"):
        word = rest[:2]
        if word not in (("AM", "PM") if token == "PM" else ("am", "pm")):
            return None
        p.pm = word.lower() == "pm"
        return 2
    if token == "MST":
        m = re.match(r"[A-Z]{3,5}|[+-]\d\d", rest)
        if m:
            p.offset = p.offset or 0
        return m.end() if m else None
    names = _MONTHS if token.startswith("Jan") else _DAYS
    short = token in ("Jan", "Mon")
    for i, name in enumerate(names):
        word = name[:3] if short else name
        if rest[: len(word)].lower() == word.lower():
            if names is _MONTHS:
                p.month = i + 1
            return len(word)
    return None


def _offset(text: str) -> int:
    if text == "Z":
        return 0
    digits = text[1:].replace(":", "").ljust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
    return -seconds if text[0] == "-" else seconds


def _assembled(p: _Parsed, value: str) -> datetime:
    hour = p.hour
    if p.pm is not None:
        hour = hour % 12 + (12 if p.pm else 0)
    zone = timezone(timedelta(seconds=p.offset or 0))
    try:
        t = datetime(p.year or 1, p.month, p.day, hour, p.minute, p.second, tzinfo=zone)
    except (ValueError, OverflowError):
        raise BuiltinError(f'parsing time "{value}": value out of range') from None
    if not p.year:
        raise BuiltinError("time outside of valid range")
    if p.yday:
        t = t.replace(month=1, day=1) + timedelta(days=p.yday - 1)
    return t
