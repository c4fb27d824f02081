"""Declarations: functions with their overloads, and the variables, types and fields of an environment.

Libraries declare functions with `function`, `overload` and `member`; the checker resolves calls against them and the
evaluator runs their implementations. An implementation takes the values of the arguments (the target first) and
returns a value or raises EvalError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewright.cel.macros import NO_MACROS, Macros
from gatewright.cel.types import Fields, Type

Implementation = Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Overload:
    """One signature of a function. arguments: the target's type first, where there is one."""

    id: str
    arguments: tuple[Type, ...]
    result: Type
    member: bool
    run: Implementation | None
    params: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function: its overloads in the order in which they are tried.

    run: one implementation for all overloads, which tells wrong values itself; None: each overload has its own.
    guarded: whether values are held against an overload's types before it runs, when it alone can be meant.
    """

    name: str
    overloads: tuple[Overload, ...]
    run: Implementation | None = None
    guarded: bool = True

    def merged(self, other: Function) -> Function:
        """With the overloads of both; an overload of the same id is the other's."""
        ids = {one.id for one in other.overloads}
        kept = tuple(one for one in self.overloads if one.id not in ids)
        return Function(self.name, kept + other.overloads, other.run or self.run, self.guarded and other.guarded)


def _names(one: Type) -> Iterator[str]:
    if one.kind == "param":
        yield one.name
    for part in one.parameters:
        yield from _names(part)


def _overload(
    name: str, arguments: tuple[Type, ...], result: Type, member: bool, run: Implementation | None
) -> Overload:
    found = dict.fromkeys(name for one in (result, *arguments) for name in _names(one))
    return Overload(name, arguments, result, member, run, tuple(found))


def overload(name: str, arguments: tuple[Type, ...], result: Type, run: Implementation | None = None) -> Overload:
    """A signature called as name(arguments)."""
    return _overload(name, arguments, result, False, run)


def member(name: str, arguments: tuple[Type, ...], result: Type, run: Implementation | None = None) -> Overload:
    """A signature called as target.name(arguments)."""
    return _overload(name, arguments, result, True, run)


def function(name: str, *overloads: Overload, run: Implementation | None = None, guarded: bool = True) -> Function:
    """A function with these overloads."""
    return Function(name, overloads, run, guarded)


@dataclass(frozen=True, slots=True)
class Structs:
    """Types with fields, by name."""

    fields: Mapping[str, Fields] = field(default_factory=dict)

    def __or__(self, other: Structs) -> Structs:
        return Structs({**self.fields, **other.fields})


@dataclass(frozen=True, slots=True)
class Library:
    """What a library adds to an environment. types: names that are values of the language (bool, net.IP)."""

    functions: tuple[Function, ...] = ()
    macros: Macros = NO_MACROS
    types: Mapping[str, Type] = field(default_factory=dict)


def merged(functions: Iterator[Function]) -> dict[str, Function]:
    """The functions by name, overloads of the same name together."""
    found: dict[str, Function] = {}
    for one in functions:
        known = found.get(one.name)
        found[one.name] = one if known is None else known.merged(one)
    return found
