"""Builtins of arrays, objects and sets, and walk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewright.rego.arithmetic import whole
from gatewright.rego.builtins.registry import builtin, wrong_type
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import (
    SETS,
    U,
    equal,
    freeze,
    get,
    is_object,
    members,
    plain,
    sorted_items_of,
    type_name,
)


@builtin("array.concat", "array", "array", result="array", context=True)
def array_concat(c: Any, a: Any, b: Any) -> list[Any]:
    c.charge(len(a) + len(b))
    return [*a, *b]


@builtin("array.slice", "array", "number", "number", result="array")
def array_slice(a: Any, start: Any, stop: Any) -> list[Any]:
    i, j = whole(start), whole(stop)
    if i is None or j is None:
        raise BuiltinError("operand must be integer number but got floating-point number", "eval_type_error")
    i, j = max(i, 0), min(j, len(a))
    return list(a[i:j]) if i < j else []


@builtin("array.reverse", "array", result="array")
def array_reverse(a: Any) -> list[Any]:
    return list(a[::-1])


@builtin("array.flatten", "array", result="array")
def array_flatten(a: Any) -> list[Any]:
    out: list[Any] = []
    for x in a:
        if isinstance(x, list):
            out += x
        else:
            out.append(x)
    return out


# -- objects
@builtin("object.get", "any", "any", "any")
def object_get(o: Any, key: Any, default: Any) -> Any:
    if not is_object(o):
        raise wrong_type(1, "object", o)
    if isinstance(key, list):
        value = o
        for k in key:
            value = get(value, k)
            if value is U:
                return default
        return value
    value = get(o, key)
    return default if value is U else value


@builtin("object.keys", "object", result="set")
def object_keys(o: Any) -> Any:
    return frozenset(o)


def _keys(x: Any, position: int = 2) -> set[Any]:
    """The keys that an array, set or object names, as they are kept."""
    if isinstance(x, SETS):
        return set(x)
    if isinstance(x, list):
        return {freeze(v) for v in x}
    if is_object(x):
        return set(x)
    raise wrong_type(position, "object|string|array", x)


@builtin("object.remove", "object", "object|set|array", result="object")
def object_remove(o: Any, keys: Any) -> dict[Any, Any]:
    gone = _keys(keys)
    return {k: v for k, v in o.items() if k not in gone}


@builtin("object.filter", "object", "object|set|array", result="object")
def object_filter(o: Any, keys: Any) -> dict[Any, Any]:
    kept = _keys(keys)
    return {k: v for k, v in o.items() if k in kept}


def merged(a: Any, b: Any) -> Any:
    """b over a: objects recursively, everything else replaced."""
    if not is_object(a) or not is_object(b):
        return b
    out = dict(a)
    for k, v in b.items():
        out[k] = merged(out[k], v) if k in out else v
    return out


@builtin("object.union", "object", "object", result="object")
def object_union(a: Any, b: Any) -> Any:
    return merged(a, b)


@builtin("object.union_n", "array", result="object")
def object_union_n(objects: Any) -> Any:
    out: Any = {}
    for o in objects:
        if not is_object(o):
            raise BuiltinError(
                f"operand 1 must be array of objects but got array containing {type_name(o)}", "eval_type_error"
            )
        out = merged(out, plain(o))
    return out


@builtin("object.subset", "object|set|array", "object|set|array", result="boolean")
def object_subset(big: Any, small: Any) -> bool:
    if is_object(big) and is_object(small):
        return _object_contains(big, small)
    if isinstance(big, SETS) and isinstance(small, SETS):
        return bool(set(small) <= set(big))
    if isinstance(big, list) and isinstance(small, list):
        n = len(small)
        return any(
            all(_subset(x, y) for x, y in zip(big[i : i + n], small, strict=True)) for i in range(len(big) - n + 1)
        )
    if isinstance(big, list) and isinstance(small, SETS):
        return set(small) <= {freeze(x) for x in big}
    raise BuiltinError("both arguments object.subset must be of the same type or array and set", "eval_type_error")


def _subset(big: Any, small: Any) -> bool:
    if is_object(big) and is_object(small):
        return _object_contains(big, small)
    if isinstance(big, SETS) and isinstance(small, SETS):
        return bool(set(small) <= set(big))
    if isinstance(big, list) and isinstance(small, list):
        return bool(object_subset(big, small))
    return equal(big, small)


def _object_contains(big: Any, small: Any) -> bool:
    return all(k in big and _subset(big[k], v) for k, v in small.items())


# -- sets
def _sets(x: Any) -> list[Any]:
    out = list(members(x))
    for s in out:
        if not isinstance(s, SETS):
            raise BuiltinError(
                f"operand 1 must be set of sets but got set containing {type_name(s)}", "eval_type_error"
            )
    return out


@builtin("intersection", "set", result="set")
def intersection(x: Any) -> Any:
    sets = _sets(x)
    return frozenset.intersection(*map(frozenset, sets)) if sets else frozenset()


@builtin("union", "set", result="set")
def union(x: Any) -> Any:
    return frozenset().union(*_sets(x))


builtin("set_diff", "set", "set", result="set")(lambda a, b: a - b)


# -- walk
@builtin("walk", "any", relation=True, context=True)
def walk(c: Any, x: Any) -> Iterator[list[Any]]:
    """[path, value] of a value and everything in it, parents first."""
    stack: list[tuple[list[Any], Any]] = [([], x)]
    while stack:
        path, value = stack.pop()
        c.charge(8 + len(path))
        yield [path, value]
        if isinstance(value, (list, *SETS)) or is_object(value):
            stack += reversed([([*path, k], v) for k, v in sorted_items_of(value)])
