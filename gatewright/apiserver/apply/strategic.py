"""Strategic merge patch of built-in kinds: lists merged by key, directives, as Kubernetes' strategicpatch applies them.

Directives: `$patch` (replace, delete, merge), `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`,
`$retainKeys`. Which lists merge, and by which key, says the kind's schema (x-kubernetes-patch-strategy and -merge-key).
Values are copied along the path. Texts of errors are the real server's, which answers most of them with 500. Called by
the handlers; what comes out is yet to be decoded and defaulted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.apiserver.apply import strategic_lists
from gatewright.apiserver.apply.builtin import BuiltinSchemas
from gatewright.apiserver.apply.strategic_lists import (
    DELETE,
    DIRECTIVE,
    REPLACE,
    StrategicPatchError,
    bad_directive,
    bad_type,
)
from gatewright.apiserver.apply.types import Schema
from gatewright.apiserver.apply.walking import go_plain
from gatewright.core.objects import Object

_DELETE_FROM = "$deleteFromPrimitiveList"
_ORDER = "$setElementOrder"
_RETAIN = "$retainKeys"
_BAD_RETAIN = "invalid patch format of retainKeys"
_BAD_ORDER = "invalid patch format of setElementOrder list"
_BAD_DELETE = "invalid patch format of primitive list"


def strategic_merge(schemas: BuiltinSchemas, api_version: str, kind: str, live: Object, patch: Any) -> Object:
    """The live object with the patch merged in. Raises StrategicPatchError, and KeyError for a kind that is not
    built in.
    """
    name = schemas.kinds[api_version][kind]
    return _map(live, patch, _Place({"$ref": name}, schemas))


class _Place:
    """A schema on the way down, with what Kubernetes' Go type would say of it."""

    def __init__(self, schema: Schema, schemas: BuiltinSchemas) -> None:
        self._schemas = schemas
        self._schema = schemas.resolved(schema)
        self._name = str(schema.get("$ref", "")).rpartition(".")[2]

    def field(self, name: str) -> tuple[_Place, str, str]:
        """The place of a field, its merge strategy ("merge", "replace" or "") and its merge key. Raises
        StrategicPatchError.
        """
        member = self.member(name)
        strategies = member.get("x-kubernetes-patch-strategy", "").split(",")
        strategy = next((each for each in strategies if each not in ("", "retainKeys")), "")
        return _Place(member, self._schemas), strategy, member.get("x-kubernetes-patch-merge-key", "")

    def items(self, name: str) -> tuple[_Place, str, str]:
        """As `field`, for a list: the place is that of its items."""
        _, strategy, key = self.field(name)
        member = self._schemas.resolved(self.member(name))
        if "items" not in member:
            raise StrategicPatchError(f"expected slice or array type, but got: {self.go_kind()}")
        return _Place(member["items"], self._schemas), strategy, key

    def member(self, name: str) -> Schema:
        properties: Mapping[str, Schema] = self._schema.get("properties") or {}
        if not properties:
            raise StrategicPatchError(
                f"merging an object in json but data type is not struct, instead is: {self.go_kind()}"
            )
        found = properties.get(name)
        if found is None:
            raise StrategicPatchError(f'unable to find api field in struct {self._name} for the json field "{name}"')
        return found

    def go_kind(self) -> str:
        if self._schema.get("properties"):
            return "struct"
        return {"array": "slice", "object": "map", "string": "string"}.get(self._schema.get("type", ""), "struct")


def _map(original: Mapping[str, Any], patch: Mapping[str, Any], place: _Place) -> dict[str, Any]:
    if DIRECTIVE in patch:
        directive = patch[DIRECTIVE]
        if directive == REPLACE:
            return {name: value for name, value in patch.items() if name != DIRECTIVE}
        if directive == DELETE:
            return {}
        raise bad_directive(directive, patch)
    merged, rest = dict(original), dict(patch)
    _retain(merged, rest)
    _ordered_lists(merged, rest, place)
    for key, value in rest.items():
        _member(merged, key, value, place)
    return merged


def _member(merged: dict[str, Any], key: str, value: Any, place: _Place) -> None:
    deletes = key.startswith(_DELETE_FROM)
    if deletes:
        key = _target(key, _DELETE_FROM, _BAD_DELETE)
    if value is None:
        merged.pop(key, None)
        return
    if key not in merged or type(merged[key]) is not type(value):
        if not deletes:
            came, kept = _without_directives(_without_nulls(value))
            if kept:
                merged[key] = came
            else:
                merged.pop(key, None)
        return
    if isinstance(value, dict):
        below, strategy, _ = place.field(key)
        merged[key] = value if strategy == REPLACE else _map(merged[key], value, below)
    elif isinstance(value, list):
        merged[key] = _list(merged[key], value, place, key, deletes=deletes)
    else:
        merged[key] = value


def _list(original: list[Any], patch: list[Any], place: _Place, key: str, *, deletes: bool) -> list[Any]:
    below, strategy, merge_key = place.items(key)
    if strategy != "merge" and not deletes:
        return patch
    if not original and not patch:
        return original
    if strategic_lists.item_type(original, patch) is not dict:
        if deletes:
            return [item for item in original if item not in patch]
        merged = strategic_lists.deduplicated([*original, *patch])
        return strategic_lists.in_order(merged, patch, original, "")
    if not merge_key:
        raise StrategicPatchError(f"cannot merge lists without merge key for {below.go_kind()}")
    base, rest = strategic_lists.special_items(original, patch, merge_key)
    merged = list(base)
    for item in rest:
        index = strategic_lists.find(merged, merge_key, strategic_lists.key_of(item, merge_key))
        if index is None:
            merged.append(item)
        else:
            merged[index] = _map(merged[index], item, below)
    return strategic_lists.in_order(merged, rest, base, merge_key)


def _ordered_lists(merged: dict[str, Any], rest: dict[str, Any], place: _Place) -> None:
    """Merge the lists for which the patch gives an order, and put them in it."""
    for directive in sorted(name for name in rest if name.startswith(_ORDER)):
        order = rest.pop(directive)
        if not isinstance(order, list):
            raise bad_type("[]interface {}", order)
        key = _target(directive, _ORDER, _BAD_ORDER)
        original, patch = merged.get(key), rest.get(key)
        for value, there in ((original, key in merged), (patch, key in rest)):
            if there and not isinstance(value, list):
                raise bad_type("[]interface {}", value)
        _, _, merge_key = place.items(key)
        _check_order(patch or [], order, merge_key)
        if patch is None:
            if original is None:
                continue
            both = original
        elif original is None:
            both, _ = _without_directives(patch)
        else:
            both = _list(original, patch, place, key, deletes=False)
        strategic_lists.item_type(original or [], patch or [])
        merged[key] = strategic_lists.in_order(both, order, original or [], merge_key)
        rest.pop(key, None)


def _retain(merged: dict[str, Any], rest: dict[str, Any]) -> None:
    """Drop what $retainKeys does not name."""
    if _RETAIN not in rest:
        return
    keys = rest.pop(_RETAIN)
    if not isinstance(keys, list):
        raise StrategicPatchError(_BAD_RETAIN, status=400)
    for name, value in rest.items():
        if value is not None and not name.startswith((_DELETE_FROM, _ORDER)) and name not in keys:
            raise StrategicPatchError(_BAD_RETAIN, status=400)
    for name in [name for name in merged if name not in keys]:
        del merged[name]


def _target(directive: str, prefix: str, complaint: str) -> str:
    start, slash, key = directive.partition("/")
    if not slash or start != prefix:
        raise StrategicPatchError(complaint, status=400)
    return key


def _check_order(patch: list[Any], order: list[Any], merge_key: str) -> None:
    """The items that a patch brings must stand in the order list, in the same order."""
    if not patch or not order:
        return
    brought = patch
    if merge_key:
        for item in patch:
            if not isinstance(item, dict):
                raise bad_type("map[string]interface {}", item)
        brought = [item for item in patch if item.get(DIRECTIVE) != DELETE]
    at = 0
    for place in order:
        while at < len(brought) and isinstance(brought[at], dict) and DIRECTIVE in brought[at]:
            at += 1
        if at == len(brought):
            return
        if strategic_lists.same_item(brought[at], place, merge_key):
            at += 1
    if at < len(brought):
        raise StrategicPatchError(
            f"The order in patch list:\n{go_plain(patch)}\n doesn't match {_ORDER} list:\n{go_plain(order)}\n"
        )


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _without_directives(value: Any) -> tuple[Any, bool]:
    """A value that comes in whole, without objects that are directives; whether anything is left of it."""
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return None, False
        members = {name: _without_directives(inner) for name, inner in value.items()}
        return {name: inner for name, (inner, kept) in members.items() if kept}, True
    if isinstance(value, list):
        return [inner for inner, kept in map(_without_directives, value) if kept], True
    return value, True
