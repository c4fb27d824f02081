"""Placeholders of recorded answers: what each may stand for, what it was bound to, and how it goes back into requests.

Called by `compare` (which binds) and `pairs` (which fills requests). The rules, from the README of the recordings:
`$uidN $genN $ipN $portN $contN $rvN` keep their first value, `$rvN` are ordered like their numbers, `$lrvN` is at least
every `$rvK` with K <= N, `$time` is a timestamp, `$age $host $any` are anything.
"""

from __future__ import annotations

import re
from typing import Any

PLACEHOLDER = re.compile(r"\$(?:(uid|rv|lrv|gen|ip|cont|port)(\d+)|(time|age|host|any)(?![a-zA-Z]))")
_SHAPES = {
    "uid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "rv": r"\d+",
    "lrv": r"\d+",
    "gen": r"\S+?",
    "ip": r"\d+\.\d+\.\d+\.\d+",
    "port": r"\d+",
    "cont": r"\S+?",
    "time": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d| \+0000 UTC)",
    "age": r".*?",
    "host": r".+?",
    "any": r".*?",
}


class Bindings:
    """The values that the placeholders of one scenario have taken so far."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def fill(self, recorded: Any) -> Any:
        """`recorded` with each bound placeholder, in keys as in values, replaced by its value; unbound ones stay."""
        if isinstance(recorded, dict):
            return {self.fill(key): self.fill(value) for key, value in recorded.items()}
        if isinstance(recorded, list):
            return [self.fill(value) for value in recorded]
        if not isinstance(recorded, str):
            return recorded
        if recorded in self._values:
            return self._values[recorded]  # whole: a port stays a number
        return PLACEHOLDER.sub(lambda found: str(self._values.get(found.group(0), found.group(0))), recorded)

    def created_at(self, timestamp: str) -> None:
        """Remember a creationTimestamp: `$time` in a later request is the one read last (a PUT of what was read)."""
        self._values["$time"] = timestamp

    def match(self, recorded: str, got: str) -> str | None:
        """Match a text that holds placeholders, binding those seen first. The complaint, or None when it agrees."""
        pattern, names, last = "", [], 0
        for found in PLACEHOLDER.finditer(recorded):
            name, kind = found.group(0), found.group(1) or found.group(3)
            pattern += re.escape(recorded[last : found.start()])
            if kind == "rv" and recorded[: found.start()].endswith("current: "):
                kind, name = "any", f"current {name}"
            known = self._values.get(name) if kind not in ("lrv", "time") else None
            pattern += f"({_SHAPES[kind] if known is None else re.escape(str(known))})"
            names.append(name)
            last = found.end()
        matched = re.fullmatch(pattern + re.escape(recorded[last:]), got, re.DOTALL)
        if matched is None:
            return "differs"
        complaints = [self.bind(name, value) for name, value in zip(names, matched.groups(), strict=True)]
        return next(filter(None, complaints), None)

    def bind(self, name: str, value: Any) -> str | None:
        """Give a placeholder its value. The complaint if it had another one or breaks the order, else None."""
        if name.startswith("current "):
            return self._bind_current_version(name.removeprefix("current "), value)
        found = PLACEHOLDER.fullmatch(name)
        if found is None or found.group(1) is None:
            return None
        if found.group(1) == "lrv":
            return self._bind_list_version(name, int(found.group(2)), value)
        if name in self._values:
            return None if self._values[name] == value else f"{name} was {self._values[name]}"
        complaint = self._misordered(int(found.group(2)), int(value), name) if found.group(1) == "rv" else None
        self._values[name] = value  # even out of order: one mistake is told once
        return complaint

    def _versions(self) -> list[tuple[int, int]]:
        return sorted((int(name[3:]), int(value)) for name, value in self._values.items() if name.startswith("$rv"))

    def _misordered(self, number: int, version: int, name: str) -> str | None:
        for other, known in self._versions():
            if (other < number and known >= version) or (other > number and known <= version):
                return f"{name} is out of order: $rv{other} is {known}"
        return None

    def _bind_current_version(self, name: str, value: str) -> str | None:
        """`current: $rvN` tells how far the server's cache of one kind has come: it may lag or lead every object.

        Later requests may list at `$rvN`, which in the recording was newer than all before it: so take at least those.
        """
        if not value.isdigit():
            return f"{name} is no number"
        number = int(name.removeprefix("$rv"))
        older = [known for other, known in self._versions() if other < number]
        self._values.setdefault(name, str(max([int(value), *older])))
        return None

    def _bind_list_version(self, name: str, number: int, value: Any) -> str | None:
        for other, known in self._versions():
            if other <= number and known > int(value):
                return f"{name} is older than $rv{other}, which is {known}"
        self._values[name] = value
        return None
