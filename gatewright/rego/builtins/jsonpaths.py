"""Builtins that cut and change JSON documents by paths: json.filter, json.remove, json.patch."""

from __future__ import annotations

from typing import Any

from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import SETS, U, equal, freeze, is_object, sorted_members, thaw, type_name

Path = list[Any]


def _paths(x: Any) -> list[Path]:
    """Paths given as texts ("a/b", with ~0 and ~1) or as arrays."""
    items = x if isinstance(x, list) else sorted_members(x)
    out = []
    for p in items:
        if isinstance(p, str):
            out.append(_pointer(p))
        elif isinstance(p, list):
            out.append(list(p))
        else:
            raise BuiltinError(
                "operand 2 must be one of {set, array} containing string paths or array of path segments "
                f"but got {type_name(p)}",
                "eval_type_error",
            )
    return out


def _pointer(text: str) -> Path:
    return [s.replace("~1", "/").replace("~0", "~") for s in text.lstrip("/").split("/")] if text else []


Tree = dict[Any, Any]


def _tree(paths: list[Path]) -> Tree:
    """The paths as nested dicts; an empty dict ends a path, and what is above a longer one wins."""
    root: Tree = {}
    for path in sorted(paths, key=len, reverse=True):
        node = root
        for i, p in enumerate(path):
            key = freeze(p)
            if i == len(path) - 1:
                node[key] = {}
            else:
                node = node.setdefault(key, {})
    return root


def _index(key: Any) -> int | None:
    if key.__class__ is int:
        return int(key)
    return int(key) if isinstance(key, str) and key.isdigit() and (key == "0" or key[0] != "0") else None


def _filter(x: Any, tree: Tree) -> Any:
    if not tree:
        return x
    if is_object(x):
        return {k: _filter(x[k], sub) for k, sub in tree.items() if k in x}
    if isinstance(x, SETS):
        return frozenset([k for k in tree if k in x])
    if isinstance(x, list):
        wanted = {_index(k): sub for k, sub in tree.items()}
        return [_filter(v, wanted[i]) for i, v in enumerate(x) if i in wanted]
    return x


def _remove(x: Any, tree: Tree) -> Any:
    if is_object(x):
        return {k: _remove(v, tree[k]) if k in tree else v for k, v in x.items() if tree.get(k, x) != {}}
    if isinstance(x, SETS):
        return frozenset([k for k in x if k not in tree])
    if isinstance(x, list):
        wanted = {_index(k): sub for k, sub in tree.items()}
        return [_remove(v, wanted[i]) if i in wanted else v for i, v in enumerate(x) if wanted.get(i, x) != {}]
    return x


@builtin("json.filter", "object", "set|array", result="object")
def json_filter(o: Any, paths: Any) -> Any:
    tree = _tree(_paths(paths))
    return {k: _filter(o[k], sub) for k, sub in tree.items() if k in o}


@builtin("json.remove", "object", "set|array", result="object")
def json_remove(o: Any, paths: Any) -> Any:
    return _remove(o, _tree(_paths(paths)))


# -- json.patch (RFC 6902, and sets as OPA has them)
class _Unfit(Exception):
    """A patch does not fit the document: the result is undefined."""


def _step(x: Any, key: Any) -> Any:
    if is_object(x):
        v = x.get(freeze(key), U)
    elif isinstance(x, SETS):
        v = key if freeze(key) in x else U
    elif isinstance(x, list):
        i = _index(key)
        v = x[i] if i is not None and i < len(x) else U
    else:
        v = U
    if v is U:
        raise _Unfit
    return v


def _look(x: Any, path: Path) -> Any:
    for key in path:
        x = _step(x, key)
    return x


def _change(x: Any, path: Path, how: str, value: Any = None) -> Any:
    """A copy of x with one place added to, removed or replaced."""
    key = path[0]
    if len(path) > 1:
        new = _change(_step(x, key), path[1:], how, value)
        if is_object(x):
            return {**x, freeze(key): new}
        if isinstance(x, SETS):
            return (x - {freeze(key)}) | {freeze(new)}
        i = _index(key)
        assert i is not None
        return [*x[:i], new, *x[i + 1 :]]
    if is_object(x):
        return _change_object(x, freeze(key), how, value)
    if isinstance(x, SETS):
        return _change_set(x, key, how, value)
    if isinstance(x, list):
        return _change_list(x, key, how, value)
    raise _Unfit


def _change_object(x: Any, key: Any, how: str, value: Any) -> Any:
    if how != "add" and key not in x:
        raise _Unfit
    if how == "remove":
        return {k: v for k, v in x.items() if k != key}
    return {**x, key: value}


def _change_set(x: Any, key: Any, how: str, value: Any) -> Any:
    if how == "remove":
        if freeze(key) not in x:
            raise _Unfit
        return x - {freeze(key)}
    if not equal(key, value):
        raise _Unfit
    if how == "replace" and freeze(key) not in x:
        raise _Unfit
    return x | {freeze(value)}


def _change_list(x: list[Any], key: Any, how: str, value: Any) -> Any:
    i = len(x) if key == "-" and how == "add" else _index(key)
    if i is None or i > len(x) or (how != "add" and i == len(x)):
        raise _Unfit
    if how == "add":
        return [*x[:i], value, *x[i:]]
    return [*x[:i], *x[i + 1 :]] if how == "remove" else [*x[:i], value, *x[i + 1 :]]


def _operation(x: Any, op: Any) -> Any:
    name = op.get("op", U)
    if name is U:
        raise BuiltinError("missing 'op' attribute")
    path = _patch_path(op, "path")
    if name in ("add", "replace", "test") and "value" not in op:
        raise BuiltinError("missing 'value' attribute")
    if name == "add":
        return _change(x, path, "add", op["value"]) if path else op["value"]
    if name == "remove":
        _look(x, path)
        return _change(x, path, "remove") if path else U
    if name == "replace":
        _look(x, path)
        return _change(x, path, "replace", op["value"]) if path else op["value"]
    if name in ("move", "copy"):
        origin = _patch_path(op, "from")
        value = _look(x, origin)
        if name == "move":
            x = _change(x, origin, "remove") if origin else U
        return _change(x, path, "add", value) if path else value
    if name == "test":
        if not equal(_look(x, path), op["value"]):
            raise _Unfit
        return x
    raise BuiltinError(f"unrecognized op '{name}'")


def _patch_path(op: Any, name: str) -> Path:
    path = op.get(name, U)
    if isinstance(path, str):
        return _pointer(path)
    if isinstance(path, list):
        return [thaw(p) for p in path]
    raise BuiltinError(f"missing '{name}' attribute")


@builtin("json.patch", "any", "array", context=True)
def json_patch(c: Any, x: Any, operations: Any) -> Any:
    try:
        for op in operations:
            if not is_object(op):
                raise BuiltinError("must be an array of JSON-Patch objects, but at least one element is not an object")
            c.charge(16)
            x = _operation(x, op)
            if x is U:
                return U
    except _Unfit:
        return U
    return x
