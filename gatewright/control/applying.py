"""When a server-side apply is due, and the fences that it carries.

Used by every plan that writes. An apply of what already stands is still an admission review on the server, so it isn't sent: an apply is due
unless each of its fields stands equal in the cached object and is ours in managedFields (lifecycle, rule 13; server defaults are not compared).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gatewright.control.intents import Apply, Delete, LiveRead, Refusal
from gatewright.control.view import View
from gatewright.core.objects import Name, Object, Resource, dig, metadata, resource_version, uid

MANAGER = "gatewright"  # main resources that the generate role keeps
STATUS_MANAGER = "gatewright-status"  # the one writer of a template's and a constraint's status

# A version that no object has. Server-side apply creates an absent object whatever resourceVersion the body names, and answers 409 for one that
# stands at another version (measured): so this makes an apply that only creates, without a POST whose Update-ownership would outlive us.
ABSENT = "1"


def pod_manager(pod: str) -> str:
    """The field manager of one process's own pod statuses."""
    return f"gatewright-pod-{pod}"[:128]


def fenced(fields: Object, held: Object | None) -> dict[str, Any]:
    """The fields with the fence for what is held: that incarnation, or none at all."""
    meta = dict(metadata(fields))
    if held is None:
        meta["resourceVersion"] = ABSENT
    else:
        meta["uid"] = uid(held)
    return {**fields, "metadata": meta}


def at_version(fields: Object, held: Object) -> dict[str, Any]:
    """The fields fenced by the version that was read: for /status of custom resources, where the server ignores the uid."""
    return {**fields, "metadata": {**metadata(fields), "resourceVersion": resource_version(held)}}


def keep(resource: Resource, held: Object | None, wanted: Object, manager: str) -> tuple[Apply, ...]:
    """The apply that makes `wanted` stand, or nothing where it stands already."""
    if held is not None and not due(held, wanted, manager):
        return ()
    return (Apply(resource, fenced(wanted, held), manager),)


def delete(resource: Resource, held: Object) -> Delete:
    return Delete(resource, Name.of(held), uid(held), resource_version(held))


def owner_is_gone(view: View, resource: Resource, name: Name, owner_uid: str) -> bool | None:
    """Whether a live read says that this incarnation of an owner is gone; None: not asked yet (see `ask_owner`)."""
    fact = view.fact(("live", resource, name))
    if fact is None:
        return None
    return fact.value is None or uid(fact.value) != owner_uid


def ask_owner(resource: Resource, name: Name) -> tuple[LiveRead, ...]:
    return (LiveRead(resource, name),)


def refusal(view: View, resource: Resource, name: Name, subresource: str = "") -> Refusal | None:
    """Why the last write of this object was refused for good, if it was."""
    fact = view.fact(("refused", resource, name, subresource))
    return None if fact is None else fact.value


def digest(value: Any) -> str:
    """A short digest of a JSON value, the same under every hash seed."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def refused_digest(fields: Object) -> str:
    """What tells one refused wish from the next: the fields without their fences."""
    meta = {key: value for key, value in metadata(fields).items() if key not in ("uid", "resourceVersion")}
    return digest({**fields, "metadata": meta})


# --- due

_IDENTITY = frozenset({"name", "namespace", "uid", "resourceVersion"})


def due(held: Object, wanted: Object, manager: str, subresource: str = "") -> bool:
    """Whether an apply of `wanted` would change the held object or its ownership.

    held: as the API server stores it, with managedFields; wanted: the body of the apply.
    """
    body = {key: value for key, value in wanted.items() if key not in ("apiVersion", "kind", "metadata")}
    meta = {key: value for key, value in metadata(wanted).items() if key not in _IDENTITY}
    if meta:
        body["metadata"] = meta
    owned = _owned(held, manager, subresource)
    if owned is None:
        return True
    return not (_stands(held, body) and _covers(owned, body) and not _gives_up(owned, body))


def _owned(held: Object, manager: str, subresource: str) -> Mapping[str, Any] | None:
    for entry in metadata(held).get("managedFields") or ():
        same = entry.get("manager") == manager and entry.get("operation") == "Apply"
        if same and (entry.get("subresource") or "") == subresource:
            return entry.get("fieldsV1") or {}
    return None


def _stands(held: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(held, Mapping) and all(key in held and _stands(held[key], value) for key, value in wanted.items())
    if isinstance(wanted, list | tuple):
        if not isinstance(held, list | tuple):
            return False
        if len(held) == len(wanted):
            return all(_stands(one, other) for one, other in zip(held, wanted, strict=True))
        return bool(wanted) and all(any(_stands(one, other) for one in held) for other in wanted) and _is_keyed(wanted)
    return bool(held == wanted) and isinstance(held, bool) == isinstance(wanted, bool)


def _is_keyed(items: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a longer list may be a map list with others' entries in it (ownerReferences, conditions)."""
    return all(isinstance(item, Mapping) for item in items)


def _covers(owned: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether each wanted field is in the manager's field set. An atomic value is owned as a whole (its set has no children)."""
    for key, value in wanted.items():
        fields = owned.get(f"f:{key}")
        if fields is None:
            return False
        if isinstance(value, Mapping) and value and fields and not _covers(fields, value):
            return False
        if isinstance(value, list | tuple) and fields and not _covers_items(fields, value):
            return False
    return True


def _covers_items(owned: Mapping[str, Any], items: list[Any] | tuple[Any, ...]) -> bool:
    """A map list's set has one k:{...} per item, a set list's one v:... per value."""
    entries = [key for key in owned if key[:2] in ("k:", "v:")]
    if len(entries) < len(items):
        return False
    for item in items:
        if not isinstance(item, Mapping):
            continue
        fields = _item_fields(owned, entries, item)
        if fields is None or not _covers({key: value for key, value in fields.items() if key != "."}, item):
            return False
    return True


def _item_fields(owned: Mapping[str, Any], entries: list[str], item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for entry in entries:
        if not entry.startswith("k:"):
            continue
        keys = json.loads(entry[2:])
        if all(item.get(name) == value for name, value in keys.items()):
            return owned[entry] or {}
    return None


def _gives_up(owned: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the manager owns a field that it no longer wants: then the apply would release it."""
    for key, fields in owned.items():
        if key == ".":
            continue
        if not key.startswith("f:"):
            continue
        name = key[2:]
        if name not in wanted:
            return True
        value = wanted[name]
        if isinstance(value, Mapping) and fields and _gives_up(fields, value):
            return True
        if isinstance(value, list | tuple) and fields and _gives_up_items(fields, value):
            return True
    return False


def _gives_up_items(owned: Mapping[str, Any], items: list[Any] | tuple[Any, ...]) -> bool:
    entries = [key for key in owned if key[:2] in ("k:", "v:")]
    if len(entries) > len(items):
        return True
    for item in items:
        if isinstance(item, Mapping):
            fields = _item_fields(owned, entries, item)
            if fields is not None and _gives_up(fields, item):
                return True
    return False


def condition_of(thing: Object, kind: str) -> Mapping[str, Any] | None:
    """A condition in an object's status by its type."""
    for condition in dig(thing, "status", "conditions") or ():
        if isinstance(condition, Mapping) and condition.get("type") == kind:
            return condition
    return None
