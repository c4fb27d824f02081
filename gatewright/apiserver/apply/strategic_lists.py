"""Lists in strategic merge patch: finding items, deletions and replacement, and the order of what comes out.

Helpers of `strategic`, which says when a list merges and by which key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.apiserver.apply.comparing import same
from gatewright.apiserver.apply.walking import go_plain

DIRECTIVE = "$patch"
DELETE = "delete"
REPLACE = "replace"


class StrategicPatchError(Exception):
    """A patch that can't be applied. status: 500 without a reason, 400 BadRequest, or 422 whose text the server keeps
    to itself ("the server rejected our request due to an error in our request")."""

    def __init__(self, message: str, *, status: int = 500) -> None:
        self.message = message
        self.status = status
        super().__init__(message)


def bad_directive(directive: Any, patch: Mapping[str, Any]) -> StrategicPatchError:
    return StrategicPatchError(f"unknown patch type: {go_plain(directive)} in map: {go_plain(patch)}")


def bad_type(wanted: str, value: Any) -> StrategicPatchError:
    return StrategicPatchError(f"expected a {wanted}, but received a {type_name(value)}")


def type_name(value: Any) -> str:
    """The Go type of a decoded JSON value."""
    if value is None:
        return "%!s(<nil>)"
    for kind, name in ((bool, "bool"), (int, "int64"), (float, "float64"), (str, "string"), (list, "[]interface {}")):
        if isinstance(value, kind):
            return name
    return "map[string]interface {}"


def item_type(*lists: list[Any]) -> type:
    """The one type of all items. Raises StrategicPatchError."""
    types = {type(item) for items in lists for item in items}
    if list in types:
        raise StrategicPatchError("lists of lists are not supported", status=422)
    if len(types) > 1:
        raise StrategicPatchError(f"list element types are not identical: {go_plain(list(lists))}")
    if not types:
        raise StrategicPatchError("no elements in any of the given slices")
    return types.pop()


def key_of(item: Mapping[str, Any], merge_key: str) -> Any:
    if merge_key not in item:
        raise StrategicPatchError(f"map: {go_plain(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def find(items: list[Any], merge_key: str, value: Any) -> int | None:
    """The index of the first item with this key."""
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise StrategicPatchError(f"value for key {index} is not a map")
        if merge_key in item and same(item[merge_key], value):
            return index
    return None


def same_item(left: Any, right: Any, merge_key: str) -> bool:
    """Whether two items are one: equal scalars, or objects with the same key."""
    if not merge_key:
        return same(left, right)
    for item in (left, right):
        if not isinstance(item, dict):
            raise bad_type("map[string]interface {}", item)
    return same(key_of(left, merge_key), key_of(right, merge_key))


def special_items(original: list[Any], patch: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """The original without what the patch's directives delete, and the patch's ordinary items; if a directive replaces
    the list, those are the original and nothing is left to merge."""
    rest: list[Any] = []
    replaced = False
    for item in patch:
        if DIRECTIVE not in item:
            rest.append(item)
        elif item[DIRECTIVE] == DELETE:
            value = key_of(item, merge_key)
            while (index := find(original, merge_key, value)) is not None:
                original = [*original[:index], *original[index + 1 :]]
        elif item[DIRECTIVE] == REPLACE:
            replaced = True
        elif item[DIRECTIVE] == "merge":
            raise StrategicPatchError("merging lists cannot yet be specified in the patch")
        else:
            raise bad_directive(item[DIRECTIVE], item)
    return (rest, []) if replaced else (original, rest)


def deduplicated(items: list[Any]) -> list[Any]:
    """Without repeated scalars. As in the original, the last item takes the place of a repeated one."""
    items = list(items)
    left = 0
    while left < len(items):
        right = left + 1
        while right < len(items):
            if same(items[left], items[right]):
                items[right] = items[-1]
                items.pop()
            else:
                right += 1
        left += 1
    return items


def in_order(merged: list[Any], wanted: list[Any], before: list[Any], merge_key: str) -> list[Any]:
    """The merged list: items named by `wanted` in that order, the others in that of `before`; where both lists are in
    step with `before` they interleave as they stood there, else the wanted come first."""
    if merge_key:
        for item in (*merged, *wanted, *before):
            if not isinstance(item, dict):
                raise bad_type("map[string]interface {}", item)
            key_of(item, merge_key)
    named = [item for item in merged if _index(wanted, item, merge_key) >= 0]
    others = [item for item in merged if _index(wanted, item, merge_key) < 0]
    named = _sorted(named, wanted, merge_key)
    others = _sorted(others, before, merge_key)
    result: list[Any] = []
    while named and others:
        first, second = _index(before, others[0], merge_key), _index(before, named[0], merge_key)
        result.append((others if 0 <= first < second else named).pop(0))
    return [*result, *named, *others]


def _sorted(items: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    """Items in an order. One that the order lacks goes before all that came earlier: the original's comparison says
    so.
    """
    done: list[Any] = []
    places: list[int] = []
    for item in items:
        place = _index(order, item, merge_key)
        at = len(done)
        while at > 0 and (place < 0 or places[at - 1] < 0 or place < places[at - 1]):
            at -= 1
        done.insert(at, item)
        places.insert(at, place)
    return done


def _index(order: list[Any], item: Any, merge_key: str) -> int:
    if not merge_key:
        return next((index for index, other in enumerate(order) if same(other, item)), -1)
    key = item.get(merge_key)
    return next((index for index, other in enumerate(order) if same(other.get(merge_key), key)), -1)
