"""metadata.managedFields: who owns which fields of an object.

An entry belongs to a manager, an operation (Apply or Update), a subresource and, for updates, an apiVersion. `read` and
`write` change between entries and owners; `merge_oldest` keeps the updates few. As the API server's field manager does
it. Called by `applying`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from gatewright.apiserver.apply import fields
from gatewright.apiserver.apply.fields import Fields, FieldsError
from gatewright.core.objects import Object, metadata

APPLY = "Apply"
UPDATE = "Update"

# More updates than these are folded into one entry of their apiVersion.
_MOST_UPDATES = 10
_FOLDED = "ancient-changes"


class ManagedFieldsError(ValueError):
    """Entries that can't be read."""


class Manager(NamedTuple):
    """Who an entry belongs to. api_version is "" for Apply: an applier keeps its entry when it moves to another
    version.
    """

    name: str
    operation: str
    api_version: str = ""
    subresource: str = ""

    @property
    def identity(self) -> str:
        """The text by which the real server sorts managers."""
        parts = {"manager": self.name, "operation": self.operation, "apiVersion": self.api_version}
        parts["subresource"] = self.subresource
        return json.dumps({key: part for key, part in parts.items() if part}, separators=(",", ":"), ensure_ascii=False)

    def shown(self) -> str:
        """The manager in the text of a conflict."""
        text = fields.quoted(self.name)
        if self.subresource:
            text += f" with subresource {fields.quoted(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


@dataclass(frozen=True, slots=True)
class Owned:
    """What a manager owns: the fields, in which apiVersion they are told, and when it last changed (None: not told)."""

    fields: Fields
    api_version: str
    time: str | None = None


Owners = Mapping[Manager, Owned]


def manager(name: str, operation: str, api_version: str, subresource: str) -> Manager:
    return Manager(name or "unknown", operation, "" if operation == APPLY else api_version, subresource)


def entries(thing: Object) -> Any:
    """metadata.managedFields as it stands; None where there is none."""
    return metadata(thing).get("managedFields")


def without_entries(thing: Object) -> Object:
    if "managedFields" not in metadata(thing):
        return thing
    rest = {name: value for name, value in metadata(thing).items() if name != "managedFields"}
    return {**thing, "metadata": rest}


def with_entries(thing: Object, listed: Sequence[Mapping[str, Any]]) -> Object:
    """The object with these entries; with none it has no managedFields at all."""
    if not listed:
        return without_entries(thing)
    return {**thing, "metadata": {**metadata(thing), "managedFields": list(listed)}}


def asks_for_reset(listed: Any) -> bool:
    """Whether a request's managedFields mean: forget all owners ([] or [{}])."""
    return isinstance(listed, list) and (not listed or (len(listed) == 1 and listed[0] == {}))


def read(listed: Any) -> dict[Manager, Owned]:
    """Raises ManagedFieldsError for entries that the real server can't read either."""
    owners: dict[Manager, Owned] = {}
    for index, entry in enumerate(listed or ()):
        if not isinstance(entry, Mapping):
            raise ManagedFieldsError(f"managed fields entry {index} must be an object")
        for name in ("manager", "operation", "apiVersion", "time", "fieldsType", "subresource"):
            if not isinstance(entry.get(name), str | None):
                raise ManagedFieldsError(f"{name} of managed fields entry {index} must be a string")
        operation, api_version = entry.get("operation"), entry.get("apiVersion")
        if operation not in (APPLY, UPDATE):
            raise ManagedFieldsError("operation must be `Apply` or `Update`")
        if not api_version:
            raise ManagedFieldsError("apiVersion must not be empty")
        kind = entry.get("fieldsType")
        if kind != "FieldsV1":
            wrong = f"invalid fieldsType {fields.quoted(kind)}" if kind else "missing fieldsType"
            raise ManagedFieldsError(f"{wrong} in managed fields entry {index}")
        try:
            owned = fields.parse(entry.get("fieldsV1") or {})
        except FieldsError as error:
            raise ManagedFieldsError(f"error decoding set: {error}") from error
        # The name is kept as it is: an entry may have none.
        subresource = entry.get("subresource") or ""
        who = Manager(entry.get("manager") or "", operation, "" if operation == APPLY else api_version, subresource)
        owners[who] = Owned(owned, api_version, entry.get("time"))
    return owners


def write(owners: Owners) -> list[dict[str, Any]]:
    """Entries in the server's order: Apply before Update, then by time, name, apiVersion and subresource."""
    return write_all(owners.items())


def write_all(owners: Iterable[tuple[Manager, Owned]]) -> list[dict[str, Any]]:
    """As `write`, of owners that may repeat."""

    def place(pair: tuple[Manager, Owned]) -> tuple[str, str, str, str, str]:
        who, owned = pair
        return (who.operation, owned.time or "", who.name, owned.api_version, who.subresource)

    return [_entry(who, owned) for who, owned in sorted(owners, key=place)]


def _entry(who: Manager, owned: Owned) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "apiVersion": owned.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields.sort_tree(owned.fields),
    }
    if who.name:
        entry["manager"] = who.name
    entry["operation"] = who.operation
    if who.subresource:
        entry["subresource"] = who.subresource
    if owned.time is not None:
        entry["time"] = owned.time
    return entry


def merge_oldest(owners: dict[Manager, Owned]) -> None:
    """Fold the oldest updates of an apiVersion into one entry, until there are few enough."""
    updates = [who for who in owners if who.operation == UPDATE]
    count = len(updates)
    if count <= _MOST_UPDATES:
        return
    updates.sort(key=lambda who: (owners[who].time or "", who.identity))
    first: dict[str, Manager] = {}
    for who in updates:
        if count <= _MOST_UPDATES:
            return
        owned = owners[who]
        bucket = Manager(_FOLDED, UPDATE, owned.api_version)
        if owned.api_version not in first:
            first[owned.api_version] = who
            continue
        if bucket not in owners:
            owners[bucket] = owners.pop(first[owned.api_version])
        joined = fields.union(owned.fields, owners[bucket].fields)
        del owners[who]
        owners[bucket] = Owned(joined, owned.api_version, owned.time)
        count -= 1


def settle_times(old: Object, new: Object) -> Object:
    """The new object with the old times, where it differs from the old one in nothing but times of its managedFields.

    Source: IgnoreManagedFieldsTimestampsTransformer. The last step before the no-op check, so that an apply that
    changes nothing writes nothing.
    """
    before, after = entries(old), entries(new)
    if not before or not after or len(before) != len(after) or before == after:
        return new
    if any(_timeless(left) != _timeless(right) for left, right in zip(before, after, strict=True)):
        return new
    # Compared loosely here (true equals 1): a change from one to the other changes the type, which the schema forbids.
    if without_entries(old) != without_entries(new):
        return new
    return with_entries(new, before)


def _timeless(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "time"}


def retimed(owned: Owned, now: str) -> Owned:
    return replace(owned, time=now)
