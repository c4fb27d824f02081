"""Schedules and time zones of CronJobs: whether they can be read, and Kubernetes' words for why not.

Time zones are known by their areas, not one by one: that a city is unknown is not found out.
"""

from __future__ import annotations

import re

_CRON_NAMES = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT"
_CRON_PART = re.compile(rf"(?:\*|\?|(?:[0-9]+|{_CRON_NAMES})(?:-(?:[0-9]+|{_CRON_NAMES}))?)(?:/[0-9]+)?", re.IGNORECASE)
_CRON_BOUNDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 6))
_CRON_WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


def schedule_problem(text: str) -> str:
    """Why a cron schedule can't be read, or ""."""
    if text.startswith("@"):
        return "" if text in _CRON_WORDS or text.startswith("@every ") else f"unrecognized descriptor: {text}"
    fields = text.split()
    if len(fields) != 5:
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    for field, (_, least, most) in zip(fields, _CRON_BOUNDS, strict=True):
        for part in field.split(","):
            if not _CRON_PART.fullmatch(part):
                return f'failed to parse int from {part}: strconv.Atoi: parsing "{part}": invalid syntax'
            for number in map(int, re.findall(r"(?<![/0-9])[0-9]+", part)):
                if number > most:
                    return f"end of range ({number}) above maximum ({most}): {part}"
                if number < least:
                    return f"beginning of range ({number}) below minimum ({least}): {part}"
    return ""


_AREAS = (
    "Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Etc|Europe|Indian|Mexico|Pacific|US"
)
_CITY = rf"({_AREAS})/[A-Z][A-Za-z0-9+_-]*(/[A-Z][A-Za-z_]*)?"
_PLAIN = (
    "CET|CST6CDT|Cuba|EET|EST|EST5EDT|Egypt|Eire|Factory|GB|GB-Eire|GMT|GMT[+-]?0|Greenwich|HST|Hongkong|Iceland|Iran"
    "|Israel|Jamaica|Japan|Kwajalein|Libya|MET|MST|MST7MDT|NZ|NZ-CHAT|Navajo|PRC|PST8PDT|Poland|Portugal|ROC|ROK"
    "|Singapore|Turkey|UCT|UTC|Universal|W-SU|WET|Zulu"
)


def zone_problem(name: str) -> str:
    """What is wrong with the name of a time zone, or ""."""
    if not name:
        return "timeZone must be nil or non-empty string"
    if name.lower() == "local":
        return "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
    return "" if re.fullmatch(f"{_CITY}|{_PLAIN}", name) else f"unknown time zone {name}"
