"""The syntax tree of Rego: terms, expressions, rules, modules. Plain values; built by the parser, rewritten by the
compiler's passes.

`policy` reads and rewrites modules through these classes (package path, imports, references to `data`); nothing here
knows of evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gatewright.rego.annotations import Annotation
from gatewright.rego.errors import Location


@dataclass(slots=True, eq=False)
class Term:
    """Base of everything that has a value."""

    loc: Location


@dataclass(slots=True, eq=False)
class Scalar(Term):
    """null, a boolean, a number (int, float or Decimal) or a string."""

    value: Any


@dataclass(slots=True, eq=False)
class Var(Term):
    """A variable. After resolving, `name` is unique in its rule; `shown` is what the author wrote."""

    name: str
    shown: str = ""

    @property
    def wild(self) -> bool:
        """True for `_`, of which every occurrence is a variable of its own."""
        return self.name.startswith("$_")


@dataclass(slots=True, eq=False)
class Ref(Term):
    """head[path[0]][path[1]]...; the head is a variable (`input` and `data` among them), a call or a composite term."""

    head: Term
    path: list[Term]


@dataclass(slots=True, eq=False)
class Array(Term):
    items: list[Term]


@dataclass(slots=True, eq=False)
class SetTerm(Term):
    items: list[Term]


@dataclass(slots=True, eq=False)
class ObjectTerm(Term):
    pairs: list[tuple[Term, Term]]


@dataclass(slots=True, eq=False)
class Comprehension(Term):
    """kind is "array", "set" or "object"; `key` only for objects."""

    kind: str
    key: Term | None
    value: Term
    body: list[Expr]


@dataclass(slots=True, eq=False)
class Call(Term):
    """A call of a builtin or a function. `name` is the dotted path; a path that begins with "data" is a rule (after
    resolving).
    """

    name: tuple[str, ...]
    args: list[Term]


@dataclass(slots=True, eq=False)
class Template(Term):
    """An interpolated string: texts and terms in turn."""

    parts: list[str | Term]


@dataclass(slots=True, eq=False)
class With:
    """`with target as value`; the target is a path whose first part is "input" or "data", or a function's name."""

    loc: Location
    target: tuple[Any, ...]
    value: Term


@dataclass(slots=True, eq=False)
class Expr:
    """Base of the statements of a body."""

    loc: Location
    withs: list[With] = field(default_factory=list, kw_only=True)


@dataclass(slots=True, eq=False)
class TermExpr(Expr):
    term: Term


@dataclass(slots=True, eq=False)
class Unify(Expr):
    left: Term
    right: Term


@dataclass(slots=True, eq=False)
class Assign(Expr):
    left: Term
    right: Term


@dataclass(slots=True, eq=False)
class Not(Expr):
    """`not` over a body. `scoped` is true where nothing inside is lifted out (`import future.keywords.not`)."""

    body: list[Expr]
    scoped: bool = False


@dataclass(slots=True, eq=False)
class SomeDecl(Expr):
    names: list[Var]


@dataclass(slots=True, eq=False)
class SomeIn(Expr):
    key: Term | None
    value: Term
    domain: Term


@dataclass(slots=True, eq=False)
class Every(Expr):
    key: Term | None
    value: Term
    domain: Term
    body: list[Expr]


@dataclass(slots=True, eq=False)
class Branch:
    """One way of a rule: a value and the body that must hold. A rule's first branch, then its `else` branches."""

    loc: Location
    value: Term
    body: list[Expr]


@dataclass(slots=True, eq=False)
class Rule:
    """One rule. `path` is the head's reference below the package (first part a string scalar); `key` is set for
    `contains` rules.
    """

    loc: Location
    path: list[Term]
    args: list[Term] | None
    key: Term | None
    branches: list[Branch]
    default: bool = False
    assigned: bool = False  # the head had `:=`
    has_if: bool = False
    has_body: bool = False
    has_value: bool = False

    @property
    def name(self) -> str:
        """The first part of the head."""
        head = self.path[0]
        assert isinstance(head, Scalar)
        return str(head.value)


@dataclass(slots=True, eq=False)
class Import:
    """`import path as alias`; path[0] is "data", "input", "rego" or "future"."""

    loc: Location
    path: list[str]
    alias: str | None

    @property
    def name(self) -> str:
        """The name that the import brings into the module."""
        return self.alias or self.path[-1]


@dataclass(slots=True, eq=False)
class Module:
    """One source: package path (begins with "data"), imports, rules. `v1` tells which syntax it was read as."""

    file: str
    package: list[str]
    package_loc: Location
    imports: list[Import]
    rules: list[Rule]
    v1: bool
    annotations: list[Annotation] = field(default_factory=list)


Node = Term | Expr | With | Branch | Rule


def _some(*parts: Node | None) -> list[Node]:
    return [p for p in parts if p is not None]


def _of_rule(r: Rule) -> list[Node]:
    return [*r.path, *(r.args or ()), *_some(r.key), *r.branches]


# What stands right below a node of each class, in the order of the source; other classes have nothing below.
_BELOW: dict[type, Callable[[Any], list[Node]]] = {
    Ref: lambda n: [n.head, *n.path],
    Array: lambda n: n.items,
    SetTerm: lambda n: n.items,
    ObjectTerm: lambda n: [x for pair in n.pairs for x in pair],
    Comprehension: lambda n: [*_some(n.key), n.value, *n.body],
    Call: lambda n: n.args,
    Template: lambda n: [p for p in n.parts if not isinstance(p, str)],
    With: lambda n: [n.value],
    Branch: lambda n: [n.value, *n.body],
    Rule: _of_rule,
    TermExpr: lambda n: [n.term, *n.withs],
    Unify: lambda n: [n.left, n.right, *n.withs],
    Assign: lambda n: [n.left, n.right, *n.withs],
    Not: lambda n: [*n.body, *n.withs],
    SomeDecl: lambda n: [*n.names, *n.withs],
    SomeIn: lambda n: [*_some(n.key), n.value, n.domain, *n.withs],
    Every: lambda n: [*_some(n.key), n.value, n.domain, *n.body, *n.withs],
}


def children(node: Node) -> list[Node]:
    """The nodes right below a node, in the order of the source."""
    below = _BELOW.get(node.__class__)
    return list(below(node)) if below is not None else []


def walk(node: Node, enter: Callable[[Node], bool] | None = None) -> Iterator[Node]:
    """The node and everything below it, parents first; below a node for which `enter` says no, nothing."""
    stack: list[Node] = [node]
    while stack:
        n = stack.pop()
        yield n
        below = _BELOW.get(n.__class__)
        if below is not None and (enter is None or enter(n)):
            stack.extend(below(n)[::-1])


def constant_prefix(path: list[Term]) -> list[Any]:
    """The values of the scalars at the beginning of a path."""
    out = []
    for p in path:
        if not isinstance(p, Scalar):
            break
        out.append(p.value)
    return out


NATIVE_ROOTS = ("input", "data")


@dataclass(slots=True, eq=False)
class FuncName(Term):
    """A function that stands in for another one (`with f as g`); only as the value of a With, and only after
    resolving.
    """

    name: tuple[str, ...]
