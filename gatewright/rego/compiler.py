"""Modules to a program, stage by stage: names, groups, checks, order, emission. Called by `program`; each stage has
its own module.

Errors of one stage are collected and raised together, as OPA does: a stage with errors is the last one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewright.rego import check
from gatewright.rego.builtins import library
from gatewright.rego.builtins.registry import Builtin
from gatewright.rego.emit import Request, Unit, emit
from gatewright.rego.emit_calls import Variant
from gatewright.rego.errors import COMPILE, CompileError, Location, Problem
from gatewright.rego.groups import Groups
from gatewright.rego.order import BodyOrder, plain_names
from gatewright.rego.resolve import Names, Resolver, module_imports
from gatewright.rego.syntax import Branch, Expr, FuncName, Module, Rule, Scalar, Var, With, walk


@dataclass(slots=True)
class Options:
    """What a policy may use: `builtins` is the set of names allowed (None: all but those named in `without`)."""

    builtins: Collection[str] | None = None
    without: Collection[str] = ("external_data",)
    variant: Variant = field(default_factory=Variant)


def allowed(options: Options) -> Mapping[str, Builtin]:
    """The builtins that a policy may call."""
    names = library()
    if options.builtins is not None:
        return {n: b for n, b in names.items() if n in options.builtins or n.startswith("internal.")}
    return {n: b for n, b in names.items() if n not in options.without}


def _raise(errors: Iterable[Problem]) -> None:
    found = sorted(set(errors), key=lambda p: (p.location, p.code, p.message))
    if found:
        raise CompileError(found)


class Compilation:
    """One run of the compiler over modules that have been parsed."""

    def __init__(self, modules: Sequence[Module], options: Options) -> None:
        self.modules = modules
        self.options = options
        self.builtins = allowed(options)
        self.names = Names({n: b.arity for n, b in self.builtins.items()}, modules)
        self.groups = Groups()
        self.query: tuple[list[Expr], dict[str, str]] | None = None
        self.withs: list[With] = []

    def run(self, query: Sequence[Expr] | None = None, name: str = "policy") -> Unit:
        try:
            return self._run(query, name)
        except RecursionError:
            where = self.modules[0].file if self.modules else ""
            raise CompileError([Problem(COMPILE, "the policy is nested too deeply", Location(where, 1, 1))]) from None

    def _run(self, query: Sequence[Expr] | None, name: str) -> Unit:
        rules = self.resolve()
        body = None if query is None else self.resolve_query(query)
        self.groups.build(rules, [tuple(m.package[1:]) for m in self.modules])
        _raise([*self.groups.errors, *check.packages(self.modules, self.groups)])
        _raise(self.groups.check_recursion())
        self.order(rules)
        if body is not None:
            self.query = (self.order_query(body), self.shown(body))
        return emit(self.request(name))

    # -- stages
    def resolve(self) -> list[tuple[tuple[Any, ...], Rule]]:
        errors: list[Problem] = []
        out: list[tuple[tuple[Any, ...], Rule]] = []
        for m in self.modules:
            errors += check.module(m)
            resolver = Resolver(m.package, module_imports(m), self.names)
            package = tuple(m.package[1:])
            out += [(package, resolver.rule(r)) for r in m.rules]
            errors += resolver.errors
        _raise(errors)
        for _, r in out:
            self.withs += [n for n in walk(r) if isinstance(n, With)]
        return out

    def resolve_query(self, query: Sequence[Expr]) -> list[Expr]:
        resolver = Resolver((), {}, self.names)
        from gatewright.rego.resolve import Scope

        body = resolver.body(query, Scope())
        _raise(resolver.errors)
        self.withs += [n for e in body for n in walk(e) if isinstance(n, With)]
        return body

    def order(self, rules: Iterable[tuple[Any, Rule]]) -> None:
        passes = [(r, BodyOrder()) for _, r in rules]
        for r, order in passes:
            order.heads(r)
        _raise(p for _, order in passes for p in order.errors)
        for r, order in passes:
            order.rule(r)
        _raise(p for _, order in passes for p in order.errors)

    def order_query(self, body: list[Expr]) -> list[Expr]:
        pass_ = BodyOrder()
        loc = body[0].loc
        branch = Branch(loc, Scalar(loc, True), body)
        pass_.rule(Rule(loc, [Scalar(loc, "query")], None, None, [branch]))
        _raise(pass_.errors)
        return branch.body

    def shown(self, body: Sequence[Expr]) -> dict[str, str]:
        names: dict[str, str] = {}
        visible = plain_names([*body])
        for e in body:
            for n in walk(e):
                if isinstance(n, Var) and n.name in visible and not n.wild and not n.name.startswith("$"):
                    names[n.name] = n.shown
        return names

    def request(self, name: str) -> Request:
        targets, mocks, stand_ins = set(), set(), set()
        functions = {g.path for g in self.groups.by_path.values() if g.kind == "function"}
        for w in self.withs:
            if w.target[0] == "data" and w.target[1:] not in functions:
                targets.add(w.target[1:])
            elif w.target[0] != "input":
                mocks.add(".".join(w.target))
            if isinstance(w.value, FuncName):
                stand_ins.add(".".join(w.value.name))
        return Request(self.groups, self.options.variant, self.builtins, self.query, targets, mocks, stand_ins, name)
