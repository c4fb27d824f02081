"""The syntax tree of an expression: what the parser makes, the checker annotates by id and the evaluators walk.

Each node has an id of its own and the offset (code points) that errors about it point at, as cel-go chooses it: the
operator of an operation, the bracket of a call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Node:
    """A node of the tree."""

    id: int
    offset: int


@dataclass(slots=True, eq=False)
class Literal(Node):
    """A constant: None, bool, int, Uint, float, str or bytes."""

    value: Any


@dataclass(slots=True, eq=False)
class Ident(Node):
    """A name; a leading dot asks for the root container."""

    name: str


@dataclass(slots=True, eq=False)
class Select(Node):
    """operand.field, or has(operand.field) where `test` is set."""

    operand: Node
    field: str
    test: bool = False


@dataclass(slots=True, eq=False)
class Call(Node):
    """function(args) or target.function(args); operators are calls of names such as `_+_`."""

    function: str
    target: Node | None
    args: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class ListLiteral(Node):
    """[a, ?b]; optional: the indexes of elements that may be absent."""

    elements: tuple[Node, ...]
    optional: frozenset[int]


@dataclass(slots=True, eq=False)
class Entry(Node):
    """key: value, or ?key: value. In a struct the key is a Literal with the field's name."""

    key: Node
    value: Node
    optional: bool


@dataclass(slots=True, eq=False)
class MapLiteral(Node):
    """{key: value}"""

    entries: tuple[Entry, ...]


@dataclass(slots=True, eq=False)
class StructLiteral(Node):
    """name{field: value}"""

    name: str
    entries: tuple[Entry, ...]


@dataclass(slots=True, eq=False)
class Comprehension(Node):
    """A loop, as every macro over a range expands to it; the checker reads this general form.

    macro, predicate and transform tell the evaluators what it was: "all", "exists", "exists_one", "list" (map, filter
    and transformList: transform the elements that the predicate lets pass), "map" (transformMap), "entries"
    (transformMapEntry), "bind" (no range: `accu` is bound to `init` in `result`).
    """

    range: Node
    var: str
    var2: str
    accu: str
    init: Node
    condition: Node
    step: Node
    result: Node
    macro: str
    predicate: Node | None = None
    transform: Node | None = None


@dataclass(slots=True)
class Tree:
    """A parsed expression. kinds: what the checker fills in is kept beside the tree, by node id."""

    root: Node
    count: int
    folded: dict[int, Any] = field(default_factory=dict)


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in the order of the text; for a loop, those of its general form."""
    if isinstance(node, Select):
        yield node.operand
    elif isinstance(node, Call):
        if node.target is not None:
            yield node.target
        yield from node.args
    elif isinstance(node, ListLiteral):
        yield from node.elements
    elif isinstance(node, MapLiteral | StructLiteral):
        for entry in node.entries:
            yield entry.key
            yield entry.value
    elif isinstance(node, Comprehension):
        yield from (node.range, node.init, node.condition, node.step, node.result)
