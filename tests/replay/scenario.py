"""The recorded scenarios of a real API server, as data: what to ask, in which order, and what came back.

Called by `pairs` (which replays them) and by tests that pick scenarios. Knows the file format of the recordings, and
nothing about placeholders, comparing or how a request travels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Until:
    """When a repeated request is done: the answer has this status and its JSON text contains this text."""

    status: int | None = None
    contains: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded exchange; `during` holds the requests that are sent while a watch is open."""

    name: str
    request: Mapping[str, Any]
    answer: Mapping[str, Any]
    until: Until | None = None
    during: tuple[Step, ...] | None = None
    flaky: str | None = None

    @property
    def line(self) -> str:
        """The request in one line, for reports."""
        query = "&".join(f"{key}={value}" for key, value in (self.request.get("query") or {}).items())
        return f"{self.request['method']} {self.request['path']}" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One file: a set-up whose answers are compared loosely, then steps whose answers must be equal."""

    name: str
    what: str
    needs: str | None
    setup: Sequence[Step]
    steps: Sequence[Step]


def _step(entry: Mapping[str, Any], fallback: str) -> Step:
    during = entry.get("during")
    return Step(
        name=entry.get("name", fallback),
        request=entry["request"],
        answer=entry["answer"],
        until=Until(**entry["until"]) if "until" in entry else None,
        during=None if during is None else tuple(_step(each, f"during {n}") for n, each in enumerate(during, 1)),
        flaky=entry.get("flaky"),
    )


def load(path: Path) -> Scenario:
    """Read one scenario file. Raises KeyError or ValueError where it is not of the known shape."""
    entry = json.loads(path.read_text(encoding="utf-8"))
    return Scenario(
        name=entry["scenario"],
        what=entry["what"],
        needs=entry.get("needs"),
        setup=[_step(each, f"setup {n}") for n, each in enumerate(entry["setup"], 1)],
        steps=[_step(each, f"step {n}") for n, each in enumerate(entry["steps"], 1)],
    )


def scenarios(folder: Path, name_part: str = "") -> Iterator[Scenario]:
    """The scenarios of a folder whose file name contains `name_part`, in the order of replay."""
    for path in sorted(folder.glob("*.json")):
        if name_part in path.name:
            yield load(path)
