"""Macros: calls that the parser rewrites into tests, loops and bindings.

`parser` calls `Macros.expand` for every call it reads. Each expansion has the nodes, the places and the refusals of
cel-go's, since the checker's errors point into it; `Comprehension.macro` tells the evaluators the short form.
Source: CEL's specification, "Macros", and the documentation of cel-go's extensions (comprehensions, optional types,
lists).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gatewright.cel.syntax import Call, Comprehension, Ident, ListLiteral, Literal, MapLiteral, Node, Select

ACCUMULATOR = "@result"
_OLD_ACCUMULATOR = "__result__"
UNUSED = "#unused"
_SORT_INPUT = "@__sortBy_input__"


class MacroError(Exception):
    """The macro's name and number of arguments fit, an argument does not."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class Maker:
    """Makes nodes with new ids, all at the place of the call that is expanded."""

    def __init__(self) -> None:
        self.count = 0
        self.offset = 0

    def id(self) -> int:
        """A new id."""
        self.count += 1
        return self.count

    def literal(self, value: Any) -> Literal:
        """A constant."""
        return Literal(self.id(), self.offset, value)

    def ident(self, name: str) -> Ident:
        """A name."""
        return Ident(self.id(), self.offset, name)

    def accumulator(self) -> Ident:
        """The name of the loop's accumulator."""
        return self.ident(ACCUMULATOR)

    def call(self, function: str, *args: Node) -> Call:
        """A global call or an operator."""
        return Call(self.id(), self.offset, function, None, args)

    def member(self, function: str, target: Node, *args: Node) -> Call:
        """A call with a target."""
        return Call(self.id(), self.offset, function, target, args)

    def list(self, *elements: Node) -> ListLiteral:
        """A list."""
        return ListLiteral(self.id(), self.offset, elements, frozenset())

    def copy(self, node: Node) -> Node:
        """The same tree with ids of its own, at its own places; what is shared stays shared."""
        return self._copy(node, {})

    def _copy(self, node: Node, made: dict[int, Node]) -> Node:
        if node.id in made:
            return made[node.id]
        copied = replace(node, id=self.id())
        made[node.id] = copied
        for name in copied.__dataclass_fields__:
            value = getattr(copied, name)
            if isinstance(value, Node):
                setattr(copied, name, self._copy(value, made))
            elif isinstance(value, tuple):
                setattr(copied, name, tuple(self._copy(one, made) if isinstance(one, Node) else one for one in value))
        return copied


Expander = Callable[[Maker, Node | None, list[Node]], Node]
_Key = tuple[str, int, bool]


@dataclass(frozen=True)
class Macros:
    """A set of macros, by name, number of arguments and whether there is a target."""

    expanders: Mapping[_Key, Expander]

    def expand(self, make: Maker, offset: int, function: str, target: Node | None, args: list[Node]) -> Node | None:
        """The expansion of a call, None where it is no macro. Raises MacroError."""
        expander = self.expanders.get((function, len(args), target is not None))
        if expander is None:
            return None
        make.offset = offset
        return expander(make, target, args)

    def __or__(self, other: Macros) -> Macros:
        return Macros({**self.expanders, **other.expanders})


def _name(node: Node, message: str) -> str:
    if not isinstance(node, Ident) or node.name.startswith("."):
        raise MacroError(node.offset, message)
    if node.name in (ACCUMULATOR, _OLD_ACCUMULATOR):
        raise MacroError(node.offset, "iteration variable overwrites accumulator variable")
    return node.name


def _pair(args: list[Node]) -> tuple[str, str]:
    first = _plain(args[0])
    second = _plain(args[1])
    if first == second:
        raise MacroError(args[1].offset, f"duplicate variable name: {first}")
    for node, name in ((args[0], first), (args[1], second)):
        if name in (ACCUMULATOR, _OLD_ACCUMULATOR):
            raise MacroError(node.offset, "iteration variable overwrites accumulator variable")
    return first, second


def _plain(node: Node) -> str:
    if not isinstance(node, Ident):
        raise MacroError(node.offset, "argument must be a simple name")
    return node.name


def _has(make: Maker, target: Node | None, args: list[Node]) -> Node:
    chosen = args[0]
    if not isinstance(chosen, Select) or chosen.test:
        raise MacroError(chosen.offset, "invalid argument to has() macro")
    return Select(make.id(), make.offset, chosen.operand, chosen.field, test=True)


def _loop(
    make: Maker,
    target: Node | None,
    names: tuple[str, str],
    macro: str,
    predicate: Node | None,
    transform: Node | None = None,
) -> Comprehension:
    """The general form of a loop of one kind."""
    assert target is not None
    init, condition, step, result = _PARTS[macro](make, names[0], predicate, transform)
    return Comprehension(
        make.id(),
        make.offset,
        target,
        names[0],
        names[1],
        ACCUMULATOR,
        init,
        condition,
        step,
        result,
        macro,
        predicate,
        transform,
    )


_Parts = tuple[Node, Node, Node, Node]


def _all(make: Maker, var: str, predicate: Node | None, transform: Node | None) -> _Parts:
    assert predicate is not None
    condition = make.call("@not_strictly_false", make.accumulator())
    return make.literal(True), condition, make.call("_&&_", make.accumulator(), predicate), make.accumulator()


def _exists(make: Maker, var: str, predicate: Node | None, transform: Node | None) -> _Parts:
    assert predicate is not None
    condition = make.call("@not_strictly_false", make.call("!_", make.accumulator()))
    return make.literal(False), condition, make.call("_||_", make.accumulator(), predicate), make.accumulator()


def _exists_one(make: Maker, var: str, predicate: Node | None, transform: Node | None) -> _Parts:
    assert predicate is not None
    more = make.call("_+_", make.accumulator(), make.literal(1))
    step = make.call("_?_:_", predicate, more, make.accumulator())
    return make.literal(0), make.literal(True), step, make.call("_==_", make.accumulator(), make.literal(1))


def _filtered(make: Maker, step: Node, predicate: Node | None) -> Node:
    return step if predicate is None else make.call("_?_:_", predicate, step, make.accumulator())


def _appending(make: Maker, var: str, predicate: Node | None, transform: Node | None) -> _Parts:
    assert transform is not None
    step: Node = make.call("_+_", make.accumulator(), make.list(transform))
    return make.list(), make.literal(True), _filtered(make, step, predicate), make.accumulator()


def _inserting(make: Maker, var: str, predicate: Node | None, transform: Node | None) -> _Parts:
    assert transform is not None
    step: Node = make.call("cel.@mapInsert", make.accumulator(), make.ident(var), transform)
    empty = MapLiteral(make.id(), make.offset, ())
    return empty, make.literal(True), _filtered(make, step, predicate), make.accumulator()


def _merging(make: Maker, var: str, predicate: Node | None, transform: Node | None) -> _Parts:
    assert transform is not None
    step: Node = make.call("cel.@mapInsert", make.accumulator(), transform)
    empty = MapLiteral(make.id(), make.offset, ())
    return empty, make.literal(True), _filtered(make, step, predicate), make.accumulator()


_PARTS: dict[str, Callable[[Maker, str, Node | None, Node | None], _Parts]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "list": _appending,
    "map": _inserting,
    "entries": _merging,
}


def _quantifier(macro: str) -> Expander:
    def expand(make: Maker, target: Node | None, args: list[Node]) -> Node:
        if len(args) == 2:
            return _loop(make, target, (_name(args[0], "argument must be a simple name"), ""), macro, args[1])
        return _loop(make, target, _pair(args), macro, args[2])

    return expand


def _map(make: Maker, target: Node | None, args: list[Node]) -> Node:
    name = _name(args[0], "argument is not an identifier")
    predicate = args[1] if len(args) == 3 else None
    return _loop(make, target, (name, ""), "list", predicate, args[-1])


def _filter(make: Maker, target: Node | None, args: list[Node]) -> Node:
    name = _name(args[0], "argument is not an identifier")
    return _loop(make, target, (name, ""), "list", args[1], args[0])


def _transform(macro: str) -> Expander:
    def expand(make: Maker, target: Node | None, args: list[Node]) -> Node:
        predicate = args[2] if len(args) == 4 else None
        return _loop(make, target, _pair(args), macro, predicate, args[-1])

    return expand


def bind(make: Maker, name: str, value: Node, body: Node) -> Comprehension:
    """A loop over nothing, which binds a name to a value in its result."""
    return Comprehension(
        make.id(),
        make.offset,
        make.list(),
        UNUSED,
        "",
        name,
        value,
        make.literal(False),
        make.ident(name),
        body,
        "bind",
    )


def _optional(function: str) -> Expander:
    def expand(make: Maker, target: Node | None, args: list[Node]) -> Node:
        assert target is not None
        if not isinstance(args[0], Ident):
            raise MacroError(args[0].offset, f"{function}() variable name must be a simple identifier")
        there = make.member("hasValue", target)
        mapped: Node = bind(make, args[0].name, make.member("value", make.copy(target)), args[1])
        if function == "optMap":
            mapped = make.call("optional.of", mapped)
        return make.call("_?_:_", there, mapped, make.call("optional.none"))

    return expand


def _sort_by(make: Maker, target: Node | None, args: list[Node]) -> Node:
    assert target is not None
    if not isinstance(target, ListLiteral | Select | Ident | Comprehension | Call):
        text = "sortBy can only be applied to a list, identifier, comprehension, call or select expression"
        raise MacroError(target.offset, text)
    keys = _map(make, make.ident(_SORT_INPUT), args)
    return bind(make, _SORT_INPUT, target, make.member("@sortByAssociatedKeys", make.ident(_SORT_INPUT), keys))


STANDARD = Macros(
    {
        ("has", 1, False): _has,
        ("all", 2, True): _quantifier("all"),
        ("exists", 2, True): _quantifier("exists"),
        ("exists_one", 2, True): _quantifier("exists_one"),
        ("map", 2, True): _map,
        ("map", 3, True): _map,
        ("filter", 2, True): _filter,
    }
)

TWO_VARIABLES = Macros(
    {
        ("all", 3, True): _quantifier("all"),
        ("exists", 3, True): _quantifier("exists"),
        ("exists_one", 3, True): _quantifier("exists_one"),
        ("existsOne", 3, True): _quantifier("exists_one"),
        **{
            (name, count, True): _transform(macro)
            for name, macro in (("transformList", "list"), ("transformMap", "map"), ("transformMapEntry", "entries"))
            for count in (3, 4)
        },
    }
)

OPTIONALS = Macros(
    {("optMap", 2, True): _optional("optMap"), ("optFlatMap", 2, True): _optional("optFlatMap")},
)

SORTING = Macros({("sortBy", 2, True): _sort_by})

NO_MACROS = Macros({})

__all__ = ["NO_MACROS", "OPTIONALS", "SORTING", "STANDARD", "TWO_VARIABLES", "MacroError", "Macros", "Maker"]
