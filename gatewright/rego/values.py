"""Values of Rego as Python objects, and the one place that decides their equality, order, hash and JSON form.

    null None, boolean bool, number int | float | Decimal, string str
    array list, object dict, set set | frozenset; undefined is UNDEFINED

Python says True == 1 and cannot hash lists and dicts, Rego says the opposite. So what is kept as a member of a set or
as a key of an object is frozen first (`freeze`): booleans become one of two marks, arrays and objects become
subclasses with an exact `==` and a hash, sets become frozensets. `thaw` undoes the marks, and is all that reading
needs. Decimal appears only where no float has the number's shortest text, so equal numbers are always equal in Python
and have one hash. Mappings that are not dicts (documents read lazily) count as objects.

Used by everything in this package. Order of types and of composites: OPA documentation, "Policy Reference",
comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from gatewright.rego.errors import EvalError


class _Undefined:
    """The type of UNDEFINED."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED = _Undefined()
U = UNDEFINED


class BoolMember:
    """A boolean as a set's member or an object's key: never equal to a number."""

    __slots__ = ("value",)

    def __init__(self, value: bool) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "true" if self.value else "false"


T = BoolMember(True)
F = BoolMember(False)
SETS = (set, frozenset)
NUMBERS = (int, float, Decimal)
_NUMBER = frozenset([int, float, Decimal])


class FrozenDict(dict[Any, Any]):
    """An object as a member of a set or as a key. Its hash is computed once."""

    __slots__ = ("_hash",)

    def __hash__(self) -> int:  # type: ignore[override]
        try:
            return self._hash  # type: ignore[no-any-return, has-type]
        except AttributeError:
            self._hash = h = _hash(self, 3)
            return h

    def __eq__(self, other: object) -> bool:
        return equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not equal(self, other)


class FrozenList(list[Any]):
    """An array as a member of a set or as a key. Its hash is computed once."""

    __slots__ = ("_hash",)

    def __hash__(self) -> int:  # type: ignore[override]
        try:
            return self._hash  # type: ignore[no-any-return, has-type]
        except AttributeError:
            self._hash = h = _hash(self, 3)
            return h

    def __eq__(self, other: object) -> bool:
        return equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not equal(self, other)


_TEXT = frozenset([str])
_PLAIN = frozenset([str, int, float, type(None)])
WIDE = 64  # of a longer array or object only a part decides the hash, below the first level


def _hash(x: Any, depth: int) -> int:
    """Equal values have equal hashes at any depth limit; the order of an object's keys does not count."""
    if x.__class__ is str:
        return hash(x)
    if isinstance(x, dict):
        if not depth or (depth < 3 and len(x) > WIDE):
            return len(x)
        h = 0
        for k, v in x.items():
            h ^= hash((k, v if v.__class__ in _PLAIN else _hash(v, depth - 1)))
        return h
    if isinstance(x, list):
        part = x if depth == 3 or len(x) <= WIDE else x[:WIDE]
        return hash((len(x), *[v if v.__class__ in _PLAIN else _hash(v, depth - 1) for v in part])) if depth else len(x)
    if isinstance(x, SETS):
        return hash(frozenset(x))
    if isinstance(x, Mapping):
        return _hash(plain(x), depth)
    return hash(x)


def freeze(x: Any) -> Any:
    """A value as it is kept in a set or as a key."""
    c = x.__class__
    if c is str or c is int:
        return x
    if c is dict:
        return FrozenDict(x)
    if c is list:
        return FrozenList(x)
    if c is bool:
        return T if x else F
    if c is set:
        return frozenset(x)
    if isinstance(x, Mapping) and not isinstance(x, dict):
        return FrozenDict(plain(x))
    return x


def thaw(x: Any) -> Any:
    """A member or key as a value."""
    return x.value if x.__class__ is BoolMember else x


def plain(x: Any) -> Any:
    """A value without lazily read documents: mappings become dicts, all the way down. Values without them are
    returned as they are.
    """
    if isinstance(x, Mapping) and not isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    return x


def members(s: Any) -> Any:
    """The values in a set, in no order. (Values that no boolean is among are the set itself.)"""
    if T in s or F in s:
        return [thaw(v) for v in s]
    return s


def sorted_members(s: Any) -> list[Any]:
    """The values in a set in Rego's order."""
    return sort(members(s))


def pairs(o: Any) -> Any:
    """(key, value) of an object, keys as values."""
    if T in o or F in o:
        return [(thaw(k), v) for k, v in o.items()]
    return o.items()


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def sorted_pairs(o: Any) -> list[tuple[Any, Any]]:
    """(key, value) of an object in Rego's order of keys."""
    if set(map(type, o)) <= _TEXT:
        return sorted(o.items(), key=_first)
    return sorted(pairs(o), key=lambda kv: order_key(kv[0]))


def make_set(items: Iterable[Any]) -> frozenset[Any]:
    """A set of values."""
    return frozenset([freeze(x) for x in items])


def is_object(x: Any) -> bool:
    return isinstance(x, (dict, Mapping))


def is_set(x: Any) -> bool:
    return isinstance(x, SETS)


def is_number(x: Any) -> bool:
    return x.__class__ in _NUMBER


def type_name(x: Any) -> str:
    """The name that `type_name` gives and that messages use."""
    if x is None:
        return "null"
    if x.__class__ is bool:
        return "boolean"
    if isinstance(x, str):
        return "string"
    if isinstance(x, NUMBERS):
        return "number"
    if isinstance(x, list):
        return "array"
    return "set" if isinstance(x, SETS) else "object"


# -- equality and order
MAX_NODES = 2_000_000  # of a value that is compared, sorted or written out; shared parts count each time


def too_large(what: str) -> EvalError:
    """The error for values that are small in memory, because their parts are shared, but not when gone through."""
    return EvalError("eval_cancel_error", f"a value is too large to be {what}")


def equal(a: Any, b: Any) -> bool:
    """Rego's equality: exact at any depth, numbers by value."""
    ca = a.__class__
    cb = b.__class__
    if ca is str or cb is str:
        return ca is cb and bool(a == b)
    if ca in _NUMBER:
        return cb in _NUMBER and bool(a == b)
    if a is b:
        return True
    if ca is bool or cb is bool or a is None or b is None:
        return False
    return _equal(a, b, [MAX_NODES])


def _equal(a: Any, b: Any, left: list[int]) -> bool:
    """Equality of composites; `left` is how many more values may be looked at."""
    if isinstance(a, list):
        if not isinstance(b, list) or len(a) != len(b):
            return False
        pairs_ = zip(a, b, strict=True)
    elif isinstance(a, SETS):
        return isinstance(b, SETS) and a == b
    elif isinstance(a, Mapping):
        if not isinstance(b, Mapping) or len(a) != len(b):
            return False
        pairs_ = ((v, b.get(k, U)) for k, v in a.items())  # type: ignore[assignment]
    else:
        return a is b
    left[0] -= len(a)
    if left[0] < 0:
        raise too_large("compared")
    for x, y in pairs_:
        if x is y:
            continue
        cx, cy = x.__class__, y.__class__
        if cx is str or cy is str:
            if cx is not cy or x != y:
                return False
        elif cx in _NUMBER:
            if cy not in _NUMBER or x != y:
                return False
        elif y is U or cx is bool or cy is bool or x is None or y is None or not _equal(x, y, left):
            return False
    return True


_RANK = {type(None): 0, bool: 1, int: 2, float: 2, Decimal: 2, str: 3, list: 4, FrozenList: 4, dict: 5, FrozenDict: 5}


def rank(x: Any) -> int:
    """The place of a value's type in Rego's order."""
    r = _RANK.get(x.__class__)
    if r is not None:
        return r
    if isinstance(x, SETS):
        return 6
    if isinstance(x, Mapping):
        return 5
    return 4 if isinstance(x, list) else 3 if isinstance(x, str) else 2


def order_key(x: Any) -> tuple[Any, ...]:
    """A key under which Python sorts values as Rego does. Equal values have equal keys."""
    r = _RANK.get(x.__class__)
    if r is not None and r <= 3:
        return (r, x) if r else (0,)
    return _order_key(x, [MAX_NODES])


def _order_key(x: Any, left: list[int]) -> tuple[Any, ...]:
    r = _RANK.get(x.__class__)
    if r is None:
        r = rank(x)
    if r <= 3:
        return (r, x) if r else (0,)
    left[0] -= len(x)
    if left[0] < 0:
        raise too_large("sorted")
    if r == 4:
        return (4, [_order_key(v, left) for v in x])
    if r == 5:
        if not x:
            return _EMPTY_OBJECT
        if set(map(type, x)) <= _TEXT:
            items = sorted(x.items(), key=_first)
            return (5, [((3, k), (3, v) if v.__class__ is str else _order_key(v, left)) for k, v in items])
        return (5, [(_order_key(k, left), _order_key(v, left)) for k, v in sorted_pairs(x)])
    return (6, sorted([_order_key(v, left) for v in members(x)]))


_EMPTY_OBJECT: tuple[Any, ...] = (5, [])


def sort(items: Iterable[Any]) -> list[Any]:
    """Values in Rego's order."""
    out = list(items)
    kinds = {x.__class__ for x in out}
    if len(kinds) <= 1 and kinds <= {str, int}:
        out.sort()
        return out
    out.sort(key=order_key)
    return out


def less(a: Any, b: Any) -> bool:
    """a < b in Rego's order."""
    if a.__class__ is b.__class__ and (a.__class__ is str or a.__class__ is int):
        return bool(a < b)
    return order_key(a) < order_key(b)


def less_equal(a: Any, b: Any) -> bool:
    """a <= b in Rego's order."""
    return not less(b, a)


# -- looking into values
def get(base: Any, key: Any) -> Any:
    """base[key]: the value, or UNDEFINED. A set gives the key itself where it is a member."""
    if isinstance(base, dict):
        return base.get(key if key.__class__ is str else freeze(key), U)
    if isinstance(base, list):
        if key.__class__ is int:
            return base[key] if 0 <= key < len(base) else U
        if key.__class__ is float and key.is_integer():
            return base[int(key)] if 0 <= key < len(base) else U
        return U
    if isinstance(base, SETS):
        return key if freeze(key) in base else U
    if isinstance(base, Mapping):
        return base.get(key if key.__class__ is str else freeze(key), U)
    return U


def values_of(base: Any) -> Any:
    """What `base[_]` goes through, in no order."""
    if base.__class__ is dict or isinstance(base, Mapping):
        return base.values()
    if isinstance(base, list):
        return base
    return members(base) if isinstance(base, SETS) else ()


def items_of(base: Any) -> Any:
    """What `base[k]` goes through, as (key, value), in no order."""
    if isinstance(base, (dict, Mapping)):
        return pairs(base)
    if isinstance(base, list):
        return enumerate(base)
    if isinstance(base, SETS):
        ms = members(base)
        return zip(ms, ms, strict=True)
    return ()


def sorted_items_of(base: Any) -> Iterator[tuple[Any, Any]]:
    """What `base[k]` goes through, in Rego's order."""
    if isinstance(base, list):
        return iter(enumerate(base))
    if isinstance(base, SETS):
        ms = sorted_members(base)
        return iter(zip(ms, ms, strict=True))
    if isinstance(base, (dict, Mapping)):
        return iter(sorted_pairs(base))
    return iter(())


def sorted_values_of(base: Any) -> Any:
    """What `base[_]` goes through, in Rego's order."""
    if isinstance(base, list):
        return base
    return [v for _, v in sorted_items_of(base)]
