"""Whether a type can stand for another, and what that says of type parameters: the algebra of the checker.

`checker` is the only caller. Gradual typing: dyn and error fit everything; null fits what can be absent. Source: CEL's
specification, "Gradual Type Checking", and the answers of cel-go where it is not exact.
"""

from __future__ import annotations

from gatewright.cel.types import DYN, PRIMITIVES, Type

Mapping = dict[str, Type]

_NULLABLE = frozenset({"opaque", "struct", "any", "duration", "timestamp", "wrapper"})
_DYNAMIC = frozenset({"dyn", "any", "error"})


def unify(mapping: Mapping, wanted: list[Type], given: list[Type]) -> Mapping | None:
    """The mapping with what it takes for each `given` to fit `wanted`; None where one does not. Nothing is changed."""
    if len(wanted) != len(given):
        return None
    found = dict(mapping)
    for one, other in zip(wanted, given, strict=True):
        if not _fits(found, one, other):
            return None
    return found


def _fits(mapping: Mapping, left: Type, right: Type) -> bool:
    if right.kind == "param":
        valid, known = _substitutes(mapping, left, right)
        if valid or known:
            return valid
    if left.kind == "param":
        return _substitutes(mapping, right, left)[0]
    if left.kind in _DYNAMIC or right.kind in _DYNAMIC:
        return True
    if left.kind == "null" or right.kind == "null":
        other = right if left.kind == "null" else left
        return other.kind in _NULLABLE or other.kind == "null"
    if left.kind == "wrapper" or right.kind == "wrapper":
        return left.name == right.name
    if left.kind in PRIMITIVES or left.kind in ("duration", "timestamp", "struct"):
        return left.kind == right.kind and left.name == right.name
    if left.kind == "type":
        return right.kind == "type"
    same = left.kind == right.kind and left.name == right.name and len(left.parameters) == len(right.parameters)
    return same and all(_fits(mapping, a, b) for a, b in zip(left.parameters, right.parameters, strict=True))


def _substitutes(mapping: Mapping, one: Type, name: Type) -> tuple[bool, bool]:
    """Whether the parameter can stand for the type, and whether it stood for something already."""
    if one == name:
        return True, True
    known = mapping.get(name.name)
    if known is not None:
        if one == known:
            return True, True
        if _fits(mapping, one, known):
            general = most_general(one, known)
            if _free_of(mapping, name, general):
                mapping[name.name] = general
            return True, True
        return False, True
    if _free_of(mapping, name, one):
        mapping[name.name] = one
        return True, False
    return False, False


def _free_of(mapping: Mapping, name: Type, within: Type) -> bool:
    if name == within:
        return False
    if within.kind == "param":
        known = mapping.get(within.name)
        return known is None or _free_of(mapping, name, known)
    return all(_free_of(mapping, name, part) for part in within.parameters)


def most_general(one: Type, other: Type) -> Type:
    """The less specific of two types that fit each other."""
    return one if _no_more_specific(one, other) else other


def _no_more_specific(one: Type, other: Type) -> bool:
    if one.kind in ("dyn", "any", "param"):
        return True
    if other.kind in ("dyn", "any", "param") or one.kind != other.kind:
        return False
    if one.kind == "type":
        return True
    if one.kind in ("opaque", "list", "map"):
        return (
            one.name == other.name
            and len(one.parameters) == len(other.parameters)
            and all(_no_more_specific(a, b) for a, b in zip(one.parameters, other.parameters, strict=True))
        )
    return one == other


def substitute(mapping: Mapping, one: Type, free_to_dyn: bool) -> Type:
    """The type with its bound parameters replaced; free ones become dyn if asked."""
    if one.kind == "param":
        known = mapping.get(one.name)
        if known is not None:
            return substitute(mapping, known, free_to_dyn)
        return DYN if free_to_dyn else one
    if not one.parameters:
        return one
    parts = tuple(substitute(mapping, part, free_to_dyn) for part in one.parameters)
    return one if parts == one.parameters else Type(one.kind, one.name, parts)
