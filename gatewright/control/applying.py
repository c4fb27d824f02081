"""When a server-side apply is due, and the fences that it carries.

Used by every plan that writes. An apply of what already stands is still an admission review on the server, so it
isn't sent: an apply is due unless each of its fields stands equal in the cached object and is ours in managedFields
(lifecycle, rule 13; server defaults are not compared).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gatewright.control.intents import Apply, Delete, LiveRead, Refusal
from gatewright.control.view import View
from gatewright.core.objects import Name, Object, Resource, dig, metadata, resource_version, uid

MANAGER = "gatewright"  # main resources that the generate role keeps
STATUS_MANAGER = "gatewright-status"  # the one writer of a template's and a constraint's status

# A version that no object has. Server-side apply creates an absent object whatever resourceVersion the body names,
# and answers 409 for one that stands at another version (measured): so this makes an apply that only creates, without
# a POST whose Update-ownership would outlive us.
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
    """The fields fenced by the version that was read: for /status of custom resources, where the server ignores
    the uid.
    """
    return {**fields, "metadata": {**metadata(fields), "resourceVersion": resource_version(held)}}


def keep(resource: Resource, held: Object | None, wanted: Object, manager: str) -> tuple[Apply, ...]:
    """The apply that makes `wanted` stand, or nothing where it stands already."""
    if held is not None and not due(held, wanted, manager):
        return ()
    return (Apply(resource, fenced(wanted, held), manager),)


def delete(resource: Resource, held: Object) -> Delete:
    return Delete(resource, Name.of(held), uid(held), resource_version(held))


def ask_owner(resource: Resource, name: Name) -> tuple[LiveRead, ...]:
    return (LiveRead(resource, name),)


def refusal(view: View, resource: Resource, name: Name, subresource: str = "") -> Refusal | None:
    """Why the last write of this object was refused for good, if it was."""
    fact = view.fact(("refused", resource, name, subresource))
    return None if fact is None else fact.value


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
    return owned is None or not _same(held, body, owned)


def _owned(held: Object, manager: str, subresource: str) -> Mapping[str, Any] | None:
    for entry in metadata(held).get("managedFields") or ():
        same = entry.get("manager") == manager and entry.get("operation") == "Apply"
        if same and (entry.get("subresource") or "") == subresource:
            return entry.get("fieldsV1") or {}
    return None


def _same(held: Any, wanted: Any, owned: Mapping[str, Any]) -> bool:
    """Whether a wanted value stands in what is held, is owned, and nothing beside it is owned that is no longer wanted.

    owned: the manager's FieldsV1 set at this place; without children the value is owned as a whole, so it must be
           equal as a whole.
    """
    children = {key: fields or {} for key, fields in owned.items() if key != "."}
    if isinstance(wanted, Mapping):
        if not isinstance(held, Mapping):
            return False
        if not children:
            return not wanted or _equal(held, wanted)
        if sorted(f"f:{key}" for key in wanted) != sorted(children):
            return False
        return all(key in held and _same(held[key], value, children[f"f:{key}"]) for key, value in wanted.items())
    if isinstance(wanted, list | tuple) and children:
        return isinstance(held, list | tuple) and _same_items(held, wanted, children)
    return _equal(held, wanted)


def _same_items(held: Iterable[Any], wanted: list[Any] | tuple[Any, ...], children: Mapping[str, Any]) -> bool:
    """Items of a map list are owned as k:{keys}, values of a set list as v:value; others' items may stand
    between them.
    """
    if len(children) != len(wanted):
        return False
    for entry, fields in children.items():
        named = json.loads(entry[2:])
        if entry.startswith("v:"):
            if not any(_equal(value, named) for value in wanted) or not any(_equal(value, named) for value in held):
                return False
            continue
        ours = _item(wanted, named)
        theirs = _item(held, named)
        if ours is None or theirs is None or not _same(theirs, ours, fields):
            return False
    return True


def _item(items: Iterable[Any], keys: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for item in items:
        if isinstance(item, Mapping) and all(item.get(name) == value for name, value in keys.items()):
            return item
    return None


def _equal(one: Any, other: Any) -> bool:
    """JSON equality: true is not 1 (Python says otherwise)."""
    if one is other:
        return True
    if type(one) is dict and type(other) is dict:
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if type(one) is list and type(other) is list:
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def condition_of(thing: Object, kind: str) -> Mapping[str, Any] | None:
    """A condition in an object's status by its type."""
    for condition in dig(thing, "status", "conditions") or ():
        if isinstance(condition, Mapping) and condition.get("type") == kind:
            return condition
    return None
