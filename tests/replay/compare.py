"""Comparing a recorded answer with the one that came now: each difference with its JSON path, wanted and got.

Called by `pairs`. The rules are those of conformance/apiserver/README.md; placeholders are bound on the way
(`placeholders`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.replay.placeholders import PLACEHOLDER, Bindings

CONFLICT = "FieldManagerConflict"


class Absent:
    """Stands for a value that is not there."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the answers differ. `note` says more where the two values do not (order of versions)."""

    path: str
    wanted: Any
    got: Any
    note: str = ""

    def lines(self, width: int = 400) -> list[str]:
        """Three short lines for a report; values longer than `width` characters are cut."""
        head = f"{self.path or '(whole answer)'}" + (f"   [{self.note}]" if self.note else "")
        return [head, f"  wanted {_show(self.wanted, width)}", f"  got    {_show(self.got, width)}"]


def _show(value: Any, width: int) -> str:
    text = repr(value) if isinstance(value, Absent) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= width else f"{text[:width]}... ({len(text)} characters)"


def _below(path: str, key: str) -> str:
    if re.fullmatch(r"[\w:/$-]+", key):
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key)}]"


def _manager(entry: Any) -> tuple[str, ...]:
    fields = entry if isinstance(entry, Mapping) else {}
    return tuple(str(fields.get(key, "")) for key in ("operation", "manager", "apiVersion", "subresource"))


def _settled(key: str, values: list[Any]) -> list[Any]:
    """A list in an order that does not hang on chance, where the server's own does.

    managedFields are sorted by second. The causes of an apply conflict come manager by manager, and the managers in the
    order in which Go walks a map, which differs from run to run; within one manager their order is fixed.
    """
    if key == "managedFields":
        return sorted(values, key=_manager)
    if key == "causes" and all(isinstance(each, dict) and each.get("reason") == CONFLICT for each in values):
        return sorted(values, key=lambda cause: str(cause.get("message")))
    return values


def differences(wanted: Any, got: Any, bindings: Bindings, *, subset: bool = False) -> list[Difference]:
    """All differences between a recorded value and the value got now, in reading order; binds placeholders seen first.

    With `subset` fields that were not recorded are no difference (answers of a set-up hold only what later steps need).
    """
    found: list[Difference] = []
    _Comparison(bindings, subset, found).compare(wanted, got, "")
    return found


@dataclass(frozen=True, slots=True)
class _Comparison:
    bindings: Bindings
    subset: bool
    found: list[Difference]

    def compare(self, wanted: Any, got: Any, path: str) -> None:
        if isinstance(wanted, str) and PLACEHOLDER.search(wanted):
            self._text(wanted, got, path)
        elif isinstance(wanted, dict) and isinstance(got, dict):
            self._object(wanted, got, path)
        elif isinstance(wanted, list) and isinstance(got, list):
            self._list(wanted, got, path)
        elif type(wanted) is not type(got) or wanted != got:  # 1, 1.0 and true are three values
            self._add(path, wanted, got)

    def _add(self, path: str, wanted: Any, got: Any, note: str = "") -> None:
        self.found.append(Difference(path, self.bindings.fill(wanted), got, note))

    def _text(self, wanted: str, got: Any, path: str) -> None:
        if wanted in ("$age", "$any", "$host"):
            return
        if wanted.startswith("$port") and PLACEHOLDER.fullmatch(wanted):
            complaint = self.bindings.bind(wanted, got) if type(got) is int else "no number"
        elif not isinstance(got, str):
            complaint = "no text"
        else:
            complaint = self.bindings.match(wanted, got)
            if complaint is None and wanted == "$time" and path.endswith(".creationTimestamp"):
                self.bindings.created_at(got)
        if complaint is not None:
            self._add(path, wanted, got, "" if complaint == "differs" else complaint)

    def _object(self, wanted: Mapping[str, Any], got: Mapping[str, Any], path: str) -> None:
        seen = set()
        # metadata and its uid first: keys inside managedFields may hold the uid that they bind
        for key in sorted(wanted, key=lambda key: (key != "metadata", key != "uid", key)):
            actual = self.bindings.fill(key)
            below = _below(path, actual)
            seen.add(actual)
            if actual not in got:
                self._add(below, wanted[key], ABSENT)
            elif isinstance(wanted[key], list) and isinstance(got[actual], list):
                self._list(_settled(key, wanted[key]), _settled(key, got[actual]), below)
            else:
                self.compare(wanted[key], got[actual], below)
        if not self.subset:
            for key in got:
                if key not in seen:
                    self._add(_below(path, key), ABSENT, got[key])

    def _list(self, wanted: list[Any], got: list[Any], path: str) -> None:
        for index, (left, right) in enumerate(zip(wanted, got, strict=False)):
            self.compare(left, right, f"{path}[{index}]")
        for index in range(len(got), len(wanted)):
            self._add(f"{path}[{index}]", wanted[index], ABSENT)
        for index in range(len(wanted), len(got)):
            self._add(f"{path}[{index}]", ABSENT, got[index])
