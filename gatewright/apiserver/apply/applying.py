"""Server-side apply, and the tracking of owners by all other writes.

`apply` merges an applied configuration into the live object, finds conflicts with other owners, takes out what the
manager gave up and returns the object with its new managedFields. `track` gives the owners after a POST, PUT or patch.
Both follow the API server's field manager (apimachinery's managedfields and structured-merge-diff): the writer's sets
never hold metadata that the server itself fills; fields that the endpoint resets are owned by nobody; owners told in
another version are compared in that version.

Called by the handlers; defaulting, admission, the endpoint's own resets and the no-op check come after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.apiserver.apply import fields, last_applied, managers, merging, walking
from gatewright.apiserver.apply.comparing import Comparison, compare, same
from gatewright.apiserver.apply.fields import NOTHING, Fields, Path
from gatewright.apiserver.apply.managers import APPLY, UPDATE, ManagedFieldsError, Manager, Owned
from gatewright.apiserver.apply.types import Type, Types
from gatewright.core.objects import Object, metadata, split_api_version, uid

# Owned by nobody: what identifies the object and what the server fills.
_STRIPPED = fields.of(
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    *(
        ("f:metadata", "f:" + name)
        for name in ("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation")
    ),
    ("f:metadata", "f:managedFields"),
    ("f:metadata", "f:resourceVersion"),
)
_BEFORE_FIRST_APPLY = "before-first-apply"
_PRUNE = "failed to prune fields: "
_ADD_BACK = f"{_PRUNE}failed add back owned items: failed to convert "


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, through which endpoint, and when.

    manager:     the fieldManager parameter, or for other writes than apply `default_manager` of the User-Agent
    api_version: of the endpoint, e.g. "apps/v1"; kind: the kind it serves
    now:         the time as metav1.Time text
    subresource: "status", "scale", ... or ""
    """

    manager: str
    api_version: str
    kind: str
    now: str
    subresource: str = ""


class ApplyConflict(Exception):
    """Others own fields that the applied configuration would change: 409 Conflict.

    causes: (message, field) of each details.causes entry, whose reason is FieldManagerConflict
    """

    def __init__(self, conflicts: tuple[tuple[Manager, Path], ...]) -> None:
        self.conflicts = conflicts
        self.causes = tuple((f"conflict with {who.shown()}", fields.shown_path(path)) for who, path in conflicts)
        self.message = _conflict_message(conflicts)
        super().__init__(self.message)


class TypedPatchError(Exception):
    """The configuration, or the live object, does not fit the schema: 500 without a reason, as the real server
    answers.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class ApplyRejected(Exception):
    """A configuration of the wrong kind or with managedFields: 400 BadRequest."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class _VersionMissing(Exception):
    """An owner's version is not served any more: its entry goes."""


def default_manager(user_agent: str) -> str:
    """The manager of a write without fieldManager: the User-Agent up to its first slash, 128 bytes of printable text
    at most.
    """
    printable = "".join(char for char in user_agent.split("/")[0] if char.isprintable())
    return printable.encode()[:128].decode(errors="ignore")


def apply(
    live: Object | None,
    applied: Object,
    *,
    writer: Writer,
    force: bool,
    types: Types,
    reset: Fields = NOTHING,
) -> Object:
    """The live object (None: there is none) with the configuration merged in, and with its managedFields.

    types: by apiVersion, all versions of the kind; reset: what this endpoint resets (`reset_fields`).
    Raises ApplyConflict, TypedPatchError, ApplyRejected.
    """
    _check_kind(applied, writer)
    current: Object = live if live is not None else {"apiVersion": writer.api_version, "kind": writer.kind}
    try:
        owners = managers.read(managers.entries(current))
    except ManagedFieldsError as error:
        raise TypedPatchError(f"failed to decode managed fields: {error}") from error
    current = managers.without_entries(current)
    if not owners and live is not None:
        owners = _first_owners(current, writer, types, reset)
    merged: Object | None
    try:
        merged, after = _merge(current, applied, owners, writer, force, types, reset)
    except ApplyConflict as conflict:
        if not last_applied.excuses(writer.manager):
            raise
        allowed = last_applied.agreed_fields(current, writer.api_version, types)
        if allowed is None:
            raise
        left = tuple((who, path) for who, path in conflict.conflicts if not fields.has(allowed, path))
        if left:
            raise ApplyConflict(left) from None
        merged, after = _merge(current, applied, owners, writer, True, types, reset)
    if merged is not None:
        who = managers.manager(writer.manager, APPLY, writer.api_version, writer.subresource)
        if who in after:
            after[who] = managers.retimed(after[who], writer.now)
    result = current if merged is None else merged
    if last_applied.excuses(writer.manager):
        result = last_applied.refreshed(result, applied)
    return managers.with_entries(result, managers.write(after))


def track(old: Object | None, new: Object, *, writer: Writer, types: Types, reset: Fields = NOTHING) -> Object:
    """The new object with the managedFields that follow from writing it over the old one (None: it is created).

    `new` is the whole object as decoded and defaulted. managedFields in it are believed where they can be read, [] or
    [{}] forgets all owners. Never raises: where owners can't be told the object has no managedFields, as in the real
    server.
    """
    owners = _believed(old, new, writer.subresource)
    bare = managers.without_entries(new)
    if not owners and old is not None and uid(old):
        return bare
    try:
        before = managers.without_entries(old) if old is not None else _nothing(writer, types)
        after = _updated(before, bare, owners, writer, writer.manager, types, reset)
    except (_VersionMissing, TypedPatchError):
        return bare
    return managers.with_entries(bare, managers.write(after))


# -- what happened


def _check_kind(applied: Object, writer: Writer) -> None:
    api_version, kind = applied.get("apiVersion", ""), applied.get("kind", "")
    if api_version != writer.api_version or kind != writer.kind:
        raise ApplyRejected(f"invalid object type: {_shown_kind(api_version, kind)}")
    if isinstance(managers.entries(applied), list):
        raise ApplyRejected("metadata.managedFields must be nil")


def _shown_kind(api_version: Any, kind: Any) -> str:
    group, version = split_api_version(str(api_version or ""))
    return f"{group}/{version}, Kind={kind}"


def _shown_object(thing: Object) -> str:
    meta = metadata(thing)
    shown = _shown_kind(thing.get("apiVersion"), thing.get("kind"))
    return f"{meta.get('namespace') or ''}/{meta.get('name') or ''}; {shown}"


def _conflict_message(conflicts: tuple[tuple[Manager, Path], ...]) -> str:
    if len(conflicts) == 1:
        who, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {who.shown()}: {fields.shown_path(path)}"
    lines: list[str] = []
    for who in sorted({who for who, _ in conflicts}, key=lambda who: who.identity):
        lines.append(f"conflicts with {who.shown()}:")
        lines.extend(f"- {fields.shown_path(path)}" for other, path in conflicts if other == who)
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def _believed(old: Object | None, new: Object, subresource: str) -> dict[Manager, Owned]:
    """The owners to go on from: those of the request's object, else those of the live one."""
    given = managers.entries(new)
    if not subresource:
        if managers.asks_for_reset(given):
            return {}
        try:
            owners = managers.read(given)
        except ManagedFieldsError:
            owners = {}
        if owners:
            return owners
    try:
        return managers.read(managers.entries(old)) if old is not None else {}
    except ManagedFieldsError:
        return {}


def _first_owners(current: Object, writer: Writer, types: Types, reset: Fields) -> dict[Manager, Owned]:
    """The owners of an object that was never applied to and has none: one manager for all its fields."""
    return _updated(_nothing(writer, types), current, {}, writer, _BEFORE_FIRST_APPLY, types, reset)


def _nothing(writer: Writer, types: Types) -> Object:
    """The object before it was created."""
    return {**_type(types, writer.api_version).zero, "apiVersion": writer.api_version, "kind": writer.kind}


# -- the two ways of writing


def _merge(
    live: Object,
    applied: Object,
    owners: Mapping[Manager, Owned],
    writer: Writer,
    force: bool,
    types: Types,
    reset: Fields,
) -> tuple[Object | None, dict[Manager, Owned]]:
    """The merged object, None where it equals the live one, and the owners."""
    kind = _type(types, writer.api_version)
    _check(kind, applied, duplicates=False, failed=f"failed to create typed patch object ({_shown_object(applied)}): ")
    _check(kind, live, duplicates=True, failed=f"failed to create typed live object ({_shown_object(live)}): ")
    known = _fitted(live, owners, types)
    try:
        merged: Object = merging.merge(kind, live, applied)
    except merging.MergeError as error:
        raise TypedPatchError(f"failed to merge config: {walking.error_text(error.errors)}") from error
    who = managers.manager(writer.manager, APPLY, writer.api_version, writer.subresource)
    last = known.get(who)
    owned = fields.recursive_difference(walking.field_set(kind, applied), reset)
    known[who] = Owned(owned, writer.api_version, last.time if last else None)
    if last is not None:
        merged = _pruned(merged, known, who, last, types)
    after, _ = _compared(live, merged, known, who, writer, force, types, reset)
    _strip(after, who)
    return (None if merged is live or same(live, merged) else merged), after


def _updated(
    old: Object,
    new: Object,
    owners: Mapping[Manager, Owned],
    writer: Writer,
    name: str,
    types: Types,
    reset: Fields,
) -> dict[Manager, Owned]:
    """The owners after an update by the manager of this name."""
    kind = _type(types, writer.api_version)
    _check(kind, new, duplicates=True, failed=f"failed to convert new object ({_shown_object(new)}) to smd typed: ")
    if old:
        _check(
            kind, old, duplicates=True, failed=f"failed to convert live object ({_shown_object(old)}) to smd typed: "
        )
    known = _fitted(old, owners, types)
    after, difference = _compared(old, new, known, None, writer, True, types, reset)
    taken = fields.union(difference.modified, difference.added)
    taken = fields.difference(fields.recursive_difference(taken, reset), _STRIPPED)
    if taken:
        who = managers.manager(name, UPDATE, writer.api_version, writer.subresource)
        mine = fields.union(taken, after[who].fields) if who in after else taken
        after[who] = Owned(mine, writer.api_version, writer.now)
    managers.merge_oldest(after)
    return after


def _compared(
    old: Object,
    new: Object,
    owners: dict[Manager, Owned],
    applier: Manager | None,
    writer: Writer,
    force: bool,
    types: Types,
    reset: Fields,
) -> tuple[dict[Manager, Owned], Comparison]:
    """The owners after the object changed, and the change in the writer's version. Raises ApplyConflict unless
    forced.
    """
    kind = _type(types, writer.api_version)
    changes = {writer.api_version: compare(kind, old, new).without(reset)}
    conflicts: dict[Manager, Fields] = {}
    after: dict[Manager, Owned] = {}
    for who, owned in owners.items():
        if who == applier:
            after[who] = owned
            continue
        version = owned.api_version
        try:
            if version not in changes:
                older = _converted(old, version, types, "failed to convert old object: ")
                newer = _converted(new, version, types, "failed to convert new object: ")
                # The main endpoint of a custom resource resets its own version's status only; a status endpoint all.
                elsewhere = reset if writer.subresource else NOTHING
                changes[version] = compare(_type(types, version), older, newer).without(elsewhere)
        except _VersionMissing:
            continue
        change = changes[version]
        overlap = fields.intersection(owned.fields, fields.union(change.modified, change.added))
        if overlap:
            conflicts[who] = overlap
        rest = fields.difference(fields.difference(owned.fields, overlap), change.removed)
        if rest:
            after[who] = Owned(rest, version, owned.time)
    if conflicts and not force:
        ordered = sorted(conflicts, key=lambda who: who.identity)
        raise ApplyConflict(tuple((who, path) for who in ordered for path in fields.iterate(conflicts[who])))
    if applier is not None and not after[applier].fields:
        del after[applier]
    return after, changes[writer.api_version]


def _strip(owners: dict[Manager, Owned], who: Manager) -> None:
    owned = owners.get(who)
    if owned is None:
        return
    rest = fields.difference(owned.fields, _STRIPPED)
    if rest:
        owners[who] = Owned(rest, owned.api_version, owned.time)
    else:
        del owners[who]


# -- given-up fields


def _pruned(merged: Object, owners: Mapping[Manager, Owned], who: Manager, last: Owned, types: Types) -> Object:
    """The merged object without what the applier owned, applies no more, and no other manager owns."""
    if last.api_version == owners[who].api_version and fields.covers(owners[who].fields, last.fields):
        for other in sorted({owned.api_version for owned in owners.values()} & types.keys()):
            _converted(merged, other, types, f"{_ADD_BACK}merged object at version {other}: ")
        return merged
    version = last.api_version
    try:
        whole = _converted(merged, version, types, f"{_PRUNE}failed to convert merged object to last applied version: ")
    except _VersionMissing:
        return merged
    kind = _type(types, version)
    mine = merging.named_members(kind, last.fields)
    pruned = merging.remove(kind, whole, mine)
    for other in sorted({owned.api_version for owned in owners.values()}, key=lambda other: (other != version, other)):
        claimed: Fields = NOTHING
        for owned in owners.values():
            if owned.api_version == other:
                claimed = fields.union(claimed, owned.fields)
        try:
            whole = _converted(whole, other, types, f"{_ADD_BACK}merged object at version {other}: ")
            pruned = _converted(pruned, other, types, f"{_ADD_BACK}pruned object at version {other}: ")
        except _VersionMissing:
            continue
        there = _type(types, other)
        kept = fields.union(_members(there, pruned), merging.named_members(there, claimed))
        pruned = merging.remove(there, whole, fields.difference(_members(there, whole), kept))
    whole, pruned = _converted(whole, version, types), _converted(pruned, version, types)
    gone = fields.difference(_members(kind, whole), _members(kind, pruned))
    result = merging.remove(kind, whole, fields.intersection(gone, mine))
    final: Object = _converted(result or {}, owners[who].api_version, types)
    return final


def _members(kind: Type, thing: Any) -> Fields:
    return merging.named_members(kind, walking.field_set(kind, thing))


# -- versions and schemas


def _type(types: Types, version: str) -> Type:
    kind = types.get(version)
    if kind is None:
        raise _VersionMissing(version)
    return kind


def _converted(thing: Any, version: str, types: Types, failed: str = "") -> Any:
    """The object in another version (custom resources are converted by their apiVersion alone). Raises TypedPatchError
    where it does not fit that version's schema."""
    if not thing or thing.get("apiVersion") == version:
        return thing
    kind = _type(types, version)
    moved = {**thing, "apiVersion": version}
    _check(kind, moved, duplicates=False, failed=failed)
    return moved


def _check(kind: Type, thing: Object, *, duplicates: bool, failed: str) -> None:
    errors = walking.validate(kind, thing, duplicates=duplicates)
    if errors:
        raise TypedPatchError(f"{failed}{walking.error_text(errors)}")


def _fitted(live: Object, owners: Mapping[Manager, Owned], types: Types) -> dict[Manager, Owned]:
    """The owners with sets that follow the schema as it is now; without those of versions that are gone.

    The live object must fit each of their versions, though nothing but the schema is looked at.
    """
    fitted: dict[Manager, Owned] = {}
    for version in dict.fromkeys(owned.api_version for owned in owners.values()):
        if version in types:
            _converted(live, version, types)
    for who, owned in owners.items():
        kind = types.get(owned.api_version)
        if kind is None:
            continue
        known = merging.reconciled(kind, owned.fields)
        fitted[who] = owned if known is owned.fields else Owned(known, owned.api_version, owned.time)
    return fitted
