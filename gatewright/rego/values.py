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
from decimal import Decimal, InvalidOperation
from typing import Any


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
    """An object as a member of a set or as a key."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return _hash(self, 3)

    def __eq__(self, other: object) -> bool:
        return equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not equal(self, other)


class FrozenList(list[Any]):
    """An array as a member of a set or as a key."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return _hash(self, 3)

    def __eq__(self, other: object) -> bool:
        return equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not equal(self, other)


_PLAIN = frozenset([str, int, float, type(None)])


def _hash(x: Any, depth: int) -> int:
    """Equal values have equal hashes at any depth limit; the order of an object's keys does not count."""
    if x.__class__ is str:
        return hash(x)
    if isinstance(x, dict):
        if not depth:
            return len(x)
        h = 0
        for k, v in x.items():
            h ^= hash((k, v if v.__class__ in _PLAIN else _hash(v, depth - 1)))
        return h
    if isinstance(x, list):
        return hash(tuple([_hash(v, depth - 1) for v in x])) if depth else len(x)
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


def sorted_pairs(o: Any) -> list[tuple[Any, Any]]:
    """(key, value) of an object in Rego's order of keys."""
    try:
        return sorted(o.items())  # only where all keys are strings that differ, or numbers
    except TypeError:
        return sorted(pairs(o), key=lambda kv: order_key(kv[0]))


def make_set(items: Iterable[Any]) -> frozenset[Any]:
    """A set of values."""
    return frozenset([freeze(x) for x in items])


def make_object(items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """An object of (key, value)."""
    return {freeze(k): v for k, v in items}


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
def equal(a: Any, b: Any) -> bool:
    """Rego's equality: exact at any depth, numbers by value."""
    ca = a.__class__
    cb = b.__class__
    if ca is str or cb is str:
        return bool(a == b)
    if ca in _NUMBER:
        return cb in _NUMBER and bool(a == b)
    if ca is bool or cb is bool or a is None or b is None:
        return a is b
    if isinstance(a, list):
        if not isinstance(b, list) or len(a) != len(b):
            return False
        return all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, SETS):
        return isinstance(b, SETS) and a == b
    if isinstance(a, Mapping):
        if not isinstance(b, Mapping) or len(a) != len(b):
            return False
        for k, v in a.items():
            other = b.get(k, U)
            if other is U or not equal(v, other):
                return False
        return True
    return a is b


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
    if r is None:
        r = rank(x)
    if r == 0:
        return (0,)
    if r <= 3:
        return (r, x)
    if r == 4:
        return (4, [order_key(v) for v in x])
    if r == 5:
        if x.__class__ is dict or x.__class__ is FrozenDict:
            if not x:
                return _EMPTY_OBJECT
            try:
                return (5, [((3, k), (3, v) if v.__class__ is str else order_key(v)) for k, v in sorted(x.items())])
            except TypeError:
                pass
        return (5, [(order_key(k), order_key(v)) for k, v in sorted_pairs(x)])
    return (6, [order_key(v) for v in sorted_members(x)])


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


def result_list(items: list[Any]) -> list[Any]:
    """The members of a set, given as a list in which some may come twice, as JSON values in Rego's order."""
    if len(items) > 1:
        keyed = sorted([(order_key(x), i) for i, x in enumerate(items)])
        items = [items[i] for n, (k, i) in enumerate(keyed) if not n or k != keyed[n - 1][0]]
    return [to_json(x) for x in items]


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
        return iter(sorted(pairs(base), key=lambda kv: order_key(kv[0])))
    return iter(())


def sorted_values_of(base: Any) -> Any:
    """What `base[_]` goes through, in Rego's order."""
    if isinstance(base, list):
        return base
    return [v for _, v in sorted_items_of(base)]


# -- numbers and texts
def number_from_text(text: str) -> int | float | Decimal | None:
    """The number that a JSON text spells, exactly; None where it is none."""
    try:
        if text.lstrip("-").isdigit():
            return int(text)
        f = float(text)
        d = Decimal(text)
    except (ValueError, InvalidOperation):
        return None
    return from_decimal(d, f)


def from_decimal(d: Decimal, f: float | None = None) -> int | float | Decimal | None:
    """A decimal as the simplest number type that holds it exactly: float where the shortest text is the same, else
    Decimal.
    """
    if not d.is_finite():
        return None
    if f is None:
        f = float(d)
    if f - f == 0 and Decimal(repr(f)) == d:
        return f
    return d


def number_text(x: int | float | Decimal) -> str:
    """A number as OPA prints it (Go's %g with the shortest digits for those that are not integers)."""
    if x.__class__ is int:
        return str(x)
    sign, digits, exponent = Decimal(repr(x) if isinstance(x, float) else x).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    exp = len(text) + exponent - 1
    minus = "-" if sign and text != "0" else ""
    if exp < -4 or exp >= (21 if isinstance(x, Decimal) else 6):
        mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
        if isinstance(x, Decimal):
            return f"{minus}{mantissa}e{exp}"
        return f"{minus}{mantissa}e{'-' if exp < 0 else '+'}{abs(exp):02d}"
    if exponent >= 0:
        return minus + text + "0" * exponent
    if exp < 0:
        return f"{minus}0.{'0' * (-exp - 1)}{text}"
    return f"{minus}{text[: exp + 1]}.{text[exp + 1 :]}"


_GO_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
}


def quote(text: str) -> str:
    """A string as Go's %q writes it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    out = []
    for c in text:
        if c in _GO_ESCAPES:
            out.append(_GO_ESCAPES[c])
        elif c.isprintable():
            out.append(c)
        elif ord(c) < 0x80:
            out.append(f"\\x{ord(c):02x}")
        else:
            out.append(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}")
    return '"' + "".join(out) + '"'


def text_of(x: Any) -> str:
    """A value as a Rego term, as OPA prints it inside messages."""
    c = x.__class__
    if c is str:
        return quote(x)
    if c is bool:
        return "true" if x else "false"
    if x is None:
        return "null"
    if isinstance(x, NUMBERS):
        return number_text(x)
    if isinstance(x, list):
        return "[" + ", ".join([text_of(v) for v in x]) + "]"
    if isinstance(x, SETS):
        return "{" + ", ".join([text_of(v) for v in sorted_members(x)]) + "}" if x else "set()"
    if isinstance(x, Mapping):
        return "{" + ", ".join([f"{text_of(k)}: {text_of(v)}" for k, v in sorted_items_of(x)]) + "}"
    return str(x)


def to_json(x: Any) -> Any:
    """A value as JSON has it: sets as sorted lists, keys as texts, decimals as the nearest number JSON libraries
    write.
    """
    c = x.__class__
    if c in _JSON_SCALARS:
        return x
    if c is dict or c is FrozenDict or isinstance(x, Mapping):
        return {
            (k if k.__class__ is str else key_text(thaw(k))): (v if v.__class__ is str else to_json(v))
            for k, v in x.items()
        }
    if isinstance(x, list):
        return [v if v.__class__ is str else to_json(v) for v in x]
    if isinstance(x, SETS):
        return [to_json(v) for v in sorted_members(x)]
    if isinstance(x, Decimal):
        return int(x) if x == x.to_integral_value() and x.adjusted() < 400 else float(x)
    return x


_JSON_SCALARS = frozenset([str, int, float, bool, type(None)])


def key_text(key: Any) -> str:
    """A key of an object as JSON has it."""
    from gatewright.rego.jsontext import dumps

    return key if key.__class__ is str else dumps(key)
