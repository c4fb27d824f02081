"""Sets of field paths in the form of FieldsV1, and their algebra.

A set is the very JSON that managedFields carry (Kubernetes: metav1.FieldsV1): nested dicts whose keys are path
elements, `f:<name>`, `k:<keys as JSON>`, `v:<value as JSON>`, `i:<index>`. The node {} is a member without children; a
node with children is a member only if it holds ".". The outermost {} is the empty set. Sets are immutable by contract
and share structure. Elements are canonical, so that equal elements are equal strings: `parse` makes them so for sets
that others wrote.

Called by the rest of `apply`; knows nothing of types or managers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

Fields = Mapping[str, Any]
Path = tuple[str, ...]

NOTHING: Fields = {}
_MEMBER: dict[str, Any] = {}
_SELF = "."
_HTML_CHARS = re.compile("[<>&\u2028\u2029]")
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class FieldsError(ValueError):
    """A set that can't be read."""


# -- path elements


def field(name: str) -> str:
    return "f:" + name


def keyed(keys: Mapping[str, Any]) -> str:
    """The element of a list item with these key fields; they are sorted by name."""
    names = sorted(keys) if len(keys) > 1 else keys
    return "k:{" + ",".join([f"{go_json(name)}:{go_json(keys[name])}" for name in names]) + "}"


@lru_cache(maxsize=16384)
def keyed_by_text(name: str, value: str) -> str:
    """As `keyed`, for the usual case of one key that is text."""
    return f"k:{{{go_json(name)}:{go_json(value)}}}"


def valued(value: Any) -> str:
    return "v:" + go_json(value)


def indexed(index: int) -> str:
    return f"i:{index}"


def go_json(value: Any) -> str:
    """JSON as Go writes it: no spaces, sorted keys, whole floats without a point, HTML escaped."""
    if isinstance(value, str):
        text = encode_basestring(value)
        return text.translate(_HTML) if _HTML_CHARS.search(text) else text
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        value = int(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).translate(_HTML)


def shown(element: str) -> str:
    """An element as it stands in the texts of conflicts and errors: .name, [id="a"], [="a"], [0]."""
    kind, rest = element[:2], element[2:]
    if kind == "f:":
        return "." + rest
    if kind == "k:":
        keys = json.loads(rest)
        return "[" + ",".join(f"{name}={shown_value(keys[name])}" for name in sorted(keys)) + "]"
    if kind == "v:":
        return f"[={shown_value(json.loads(rest))}]"
    return f"[{rest}]"


def shown_path(path: Path) -> str:
    return "".join(map(shown, path))


def shown_value(value: Any) -> str:
    """A value as structured merge prints it inside an element."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "[" + ",".join(map(shown_value, value)) + "]"
    if isinstance(value, Mapping):
        return "".join(f"{name}={shown_value(inner)}" for name, inner in value.items())
    return go_json(value)


_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def quoted(text: str) -> str:
    """Go's %q."""
    return '"' + "".join(_ESCAPES.get(char) or (char if char.isprintable() else _escaped(char)) for char in text) + '"'


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# -- reading and asking


def parse(raw: Any) -> Fields:
    """FieldsV1 as it came over the wire. Elements of unknown kinds are left out, as the real server leaves them.

    Raises FieldsError where it is no tree of objects or an element can't be read.
    """
    if not isinstance(raw, dict):
        raise FieldsError("FieldsV1 must be an object")
    changed: dict[str, Any] | None = None
    for key, inner in raw.items():
        element = key if key[:2] == "f:" or key == _SELF else _canonical(key)
        below = parse(inner) if inner else _leaf(key, inner)
        if changed is None and element == key and below is inner:
            continue
        if changed is None:
            # The elements before this one are good as they are.
            changed = {}
            for earlier, node in raw.items():
                if earlier == key:
                    break
                changed[earlier] = node
        if element:
            changed[element] = _joined(changed[element], below) if element in changed else below
    return raw if changed is None else changed


def _leaf(key: str, inner: Any) -> Any:
    if inner is None:
        return _MEMBER
    if not isinstance(inner, dict):
        raise FieldsError(f"the value of {key} must be an object")
    return inner


@lru_cache(maxsize=16384)
def _canonical(key: str) -> str:
    """An element in the one form that `keyed` and `valued` give it; "" where it is of no known kind."""
    if len(key) < 2 or key[1] != ":":
        raise FieldsError(f"missing colon: {key}")
    try:
        if key.startswith("k:"):
            keys = json.loads(key[2:])
            if not isinstance(keys, dict):
                raise FieldsError(f"keys must be an object: {key}")
            return keyed(keys)
        if key.startswith("v:"):
            return valued(json.loads(key[2:]))
        if key.startswith("i:"):
            return indexed(int(key[2:]))
    except ValueError as error:
        raise FieldsError(f"parsing key as path element: {key}") from error
    return ""


def is_member(node: Mapping[str, Any]) -> bool:
    return not node or _SELF in node


def children(node: Mapping[str, Any]) -> Fields:
    """What is below a node, as a set of its own."""
    if _SELF in node:
        return {key: inner for key, inner in node.items() if key != _SELF}
    return node


def has(fields: Fields, path: Path) -> bool:
    node: Any = fields
    for element in path:
        node = node.get(element)
        if node is None:
            return False
    return bool(path) and is_member(node)


def of(*paths: Path) -> Fields:
    """The set of these paths."""
    whole: Fields = NOTHING
    for path in paths:
        node: dict[str, Any] = {}
        for element in reversed(path):
            node = {element: node}
        whole = union(whole, node)
    return whole


def iterate(fields: Fields, prefix: Path = ()) -> Iterator[Path]:
    """Every member: those of a level in the order of their elements, then those below, as structured merge lists
    conflicts.
    """
    ordered = sorted((key for key in fields if key != _SELF), key=order)
    for key in ordered:
        if is_member(fields[key]):
            yield (*prefix, key)
    for key in ordered:
        below = children(fields[key])
        if below:
            yield from iterate(below, (*prefix, key))


def order(element: str) -> tuple[Any, ...]:
    """A sort key: names, then keys, then values, then indexes; numbers before text before booleans."""
    kind, rest = element[:2], element[2:]
    if kind == "f:":
        return (0, rest)
    if kind == "k:":
        keys = json.loads(rest)
        return (1, tuple((name, _value_order(keys[name])) for name in sorted(keys)))
    if kind == "v:":
        return (2, _value_order(json.loads(rest)))
    return (3, int(rest))


def _value_order(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, value)
    if isinstance(value, str):
        return (1, value)
    return (3, go_json(value))


def sort_tree(fields: Fields) -> Fields:
    """The same set with its elements in one order, for writing."""
    if not fields:
        return _MEMBER
    return {key: sort_tree(fields[key]) for key in sorted(fields)}


# -- algebra


def union(left: Fields, right: Fields) -> Fields:
    if not right or left is right:
        return left
    if not left:
        return right
    joined = dict(left)
    for key, node in right.items():
        mine = joined.get(key)
        joined[key] = node if mine is None else _joined(mine, node)
    return joined


def _joined(left: Mapping[str, Any], right: Mapping[str, Any]) -> Mapping[str, Any]:
    if left is right or (not left and not right):
        return left
    if not left:
        return right if _SELF in right else {_SELF: _MEMBER, **right}
    if not right:
        return left if _SELF in left else {_SELF: _MEMBER, **left}
    return union(left, right)


def intersection(left: Fields, right: Fields) -> Fields:
    common: dict[str, Any] = {}
    for key, node in left.items():
        other = right.get(key)
        if other is None or key == _SELF:
            continue
        below = intersection(node, other) if node and other else NOTHING
        kept = _node(is_member(node) and is_member(other), below)
        if kept is not None:
            common[key] = kept
    return common


def difference(left: Fields, right: Fields) -> Fields:
    """Members of `left` that are not members of `right`; a member's children stay."""
    if not right or not left:
        return left
    rest: dict[str, Any] = {}
    changed = False
    for key, node in left.items():
        other = right.get(key)
        if other is None or key == _SELF:
            rest[key] = node
            continue
        below = difference(children(node), children(other))
        kept = _node(is_member(node) and not is_member(other), below)
        changed = True
        if kept is not None:
            rest[key] = kept
    return rest if changed else left


def recursive_difference(left: Fields, right: Fields) -> Fields:
    """`left` without the members of `right` and without anything below them."""
    if not right or not left:
        return left
    rest: dict[str, Any] = {}
    for key, node in left.items():
        other = right.get(key)
        if other is None or key == _SELF:
            rest[key] = node
        elif not is_member(other):
            kept = _node(is_member(node), recursive_difference(children(node), other))
            if kept is not None:
                rest[key] = kept
    return rest


def covers(larger: Fields, smaller: Fields) -> bool:
    """Whether every member of `smaller` is one of `larger`."""
    if larger is smaller:
        return True
    for key, node in smaller.items():
        other = larger.get(key)
        if other is None:
            return False
        if node is other or key == _SELF:
            continue
        if is_member(node) and not is_member(other):
            return False
        if node and not covers(other, children(node)):
            return False
    return True


def _node(member: bool, below: Fields) -> Mapping[str, Any] | None:
    """A node from its two parts; None where nothing is left."""
    if not member:
        return below or None
    if not below:
        return _MEMBER
    return below if _SELF in below else {_SELF: _MEMBER, **below}
