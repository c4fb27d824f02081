"""Names become what they mean: the first pass over parsed modules.

Given modules, makes new trees in which names of rules and imports are references to `data` or `input`, calls name a
builtin or a rule, and every declared variable has a name of its own within its rule. Called by the compiler; leaves
safety and grouping to later passes. Scopes are OPA's: `some`, `:=`, `every` and arguments declare; a variable that is
not declared belongs to the whole rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gatewright.rego.annotations import Annotations
from gatewright.rego.errors import COMPILE, TYPE, Location, Problem
from gatewright.rego.hoist import lift_negated
from gatewright.rego.syntax import (
    Array,
    Assign,
    Branch,
    Call,
    Comprehension,
    Every,
    Expr,
    FuncName,
    Module,
    Not,
    ObjectTerm,
    Ref,
    Rule,
    Scalar,
    SetTerm,
    SomeDecl,
    SomeIn,
    Template,
    Term,
    TermExpr,
    Unify,
    Var,
    With,
    walk,
)

ROOTS = ("input", "data")


class Scope:
    """The variables that one body declares: name as written -> unique name. `used` are the names read before any
    declaration.
    """

    __slots__ = ("declared", "parent", "used")

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.declared: dict[str, str] = {}
        self.used: set[str] = set()

    def find(self, name: str) -> str | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.declared:
                return scope.declared[name]
            scope = scope.parent
        return None


class Names:
    """What calls can mean: the arity of every builtin allowed (-1: any) and of every function of the modules."""

    def __init__(self, builtins: Mapping[str, int], modules: Iterable[Module]) -> None:
        self.builtins = builtins
        self.functions: dict[tuple[str, ...], int] = {}
        self.packages: dict[tuple[str, ...], set[str]] = {}
        self.rules: set[tuple[str, ...]] = set()
        self.annotations = Annotations()
        for m in modules:
            rows = {r.loc.row: r.name for r in m.rules}
            self.annotations.add(m.file, tuple(m.package[1:]), m.annotations, rows)
            names = self.packages.setdefault(tuple(m.package), set())
            for r in m.rules:
                names.add(r.name)
                if r.args is not None:
                    path = (*m.package, *(str(p.value) for p in r.path if isinstance(p, Scalar)))
                    self.functions[path] = len(r.args)
                else:
                    self.rules.add((*m.package, r.name))


class Resolver:
    """Resolves the rules of one module, or a query. `errors` collects problems."""

    def __init__(self, package: Sequence[str], imports: Mapping[str, list[str]], names: Names) -> None:
        self.package = tuple(package)
        self.imports = imports
        self.names = names
        self.own: Collection[str] = names.packages.get(self.package, ())
        self.errors: list[Problem] = []
        self.counter = 0
        self.current = ("", Location("", 1, 1))

    def fresh(self, name: str) -> str:
        """A variable's name that no source can spell."""
        self.counter += 1
        return f"{name}@{self.counter}"

    def problem(self, code: str, message: str, loc: Location) -> None:
        self.errors.append(Problem(code, message, loc))

    # -- rules
    def rule(self, rule: Rule) -> Rule:
        scope = Scope()
        self.current = (rule.name, rule.loc)
        args = None
        if rule.args is not None:
            for a in rule.args:
                self.declare_pattern(a, scope, argument=True)
            args = [self.term(a, scope) for a in rule.args]
        extra = [] if args is None else self.computed(args)
        out = Rule(
            rule.loc, [], args, None, [], rule.default, rule.assigned, rule.has_if, rule.has_body, rule.has_value
        )
        for i, branch in enumerate(rule.branches):
            inner = Scope(scope)
            body = [*self.body(branch.body, inner), *extra]
            out.branches.append(Branch(branch.loc, self.term(branch.value, inner), body))
            if i == 0:
                out.path = [self.term(p, inner) for p in rule.path]
                out.key = None if rule.key is None else self.term(rule.key, inner)
        return out

    def computed(self, args: list[Term]) -> list[Expr]:
        """Arguments that have to be computed become variables, and statements that compare them."""
        out: list[Expr] = []
        for i, a in enumerate(args):
            if any(isinstance(n, (Ref, Call, Comprehension, Template)) for n in walk(a)):
                args[i] = Var(a.loc, self.fresh("$a"), "_")
                out.append(Unify(a.loc, args[i], a))
        return out

    # -- declarations
    def declare(self, var: Var, scope: Scope, how: str = "assigned") -> None:
        name = var.name
        if var.wild:
            return
        if name in ROOTS:
            self.problem(COMPILE, f"variables must not shadow {name} (use a different variable name)", var.loc)
        elif name in scope.declared and how != "argument":
            self.problem(COMPILE, f"var {name} {how} above", var.loc)
        elif name in scope.used:
            self.problem(COMPILE, f"var {name} referenced above", var.loc)
        if not (how == "argument" and name in scope.declared):
            scope.declared[name] = self.fresh(name)

    def declare_pattern(self, t: Term, scope: Scope, argument: bool = False, how: str = "assigned") -> None:
        """Declares the variables of a pattern: those of arrays and of the values of objects."""
        match t:
            case Var():
                self.declare(t, scope, "argument" if argument else how)
            case Array(items=items):
                for x in items:
                    self.declare_pattern(x, scope, argument, how)
            case ObjectTerm(pairs=pairs):
                for _, v in pairs:
                    self.declare_pattern(v, scope, argument, how)
            case _:
                return

    # -- bodies
    def body(self, body: Sequence[Expr], scope: Scope) -> list[Expr]:
        out: list[Expr] = []
        for e in body:
            out += self.statement(e, scope)
        return out

    def statement(self, e: Expr, scope: Scope) -> list[Expr]:
        withs = [self.with_(w, scope) for w in e.withs]
        match e:
            case SomeDecl(names=names):
                for v in names:
                    self.declare(v, scope, "declared")
                return []
            case Assign(left=left, right=right):
                value = self.term(right, scope)
                self.declare_pattern(left, scope)
                if not isinstance(left, (Var, Array, ObjectTerm)):
                    what = _kind(left)
                    self.problem(COMPILE, f"cannot assign to {what}", e.loc)
                return [Unify(e.loc, self.term(left, scope), value, withs=withs)]
            case Unify(left=left, right=right):
                return [Unify(e.loc, self.term(left, scope), self.term(right, scope), withs=withs)]
            case TermExpr(term=term):
                return [self.term_statement(e.loc, self.term(term, scope), withs)]
            case SomeIn(key=key, value=value, domain=domain):
                dom = self.term(domain, scope)
                for p in (key, value):
                    if p is not None:
                        self.declare_pattern(p, scope, how="declared")
                k = None if key is None else self.term(key, scope)
                return [SomeIn(e.loc, k, self.term(value, scope), dom, withs=withs)]
            case Every():
                return [self.every(e, scope, withs)]
            case Not(body=body, scoped=scoped):
                if scoped:
                    return [Not(e.loc, self.body(body, Scope(scope)), True, withs=withs)]
                inner = self.body(body, scope)
                return lift_negated(e.loc, inner, withs, self.fresh)
        raise AssertionError(e)

    def term_statement(self, loc: Location, term: Term, withs: list[With]) -> Expr:
        """A call with one argument more than the function has gives its result to the last argument."""
        if isinstance(term, Call):
            arity = self.arity(term.name)
            if arity is not None and 0 <= arity == len(term.args) - 1 and term.name != ("print",):
                return Unify(loc, term.args[-1], Call(term.loc, term.name, term.args[:-1]), withs=withs)
        return TermExpr(loc, term, withs=withs)

    def every(self, e: Every, scope: Scope, withs: list[With]) -> Expr:
        domain = self.term(e.domain, scope)
        inner = Scope(scope)
        for p in (e.key, e.value):
            if p is not None:
                self.declare_pattern(p, inner, how="declared")
        key = None if e.key is None else self.term(e.key, inner)
        value = self.term(e.value, inner)
        return Every(e.loc, key, value, domain, self.body(e.body, Scope(inner)), withs=withs)

    def with_(self, w: With, scope: Scope) -> With:
        target = w.target
        if target[0] not in ROOTS:
            target = self.function_name(target)
        if target in self.names.functions or ".".join(target) in self.names.builtins:
            return With(w.loc, target, self.replacement(w.value, scope))
        if target[0] not in ROOTS:
            self.problem(COMPILE, "with keyword target must reference existing input, data, or a function", w.loc)
        return With(w.loc, target, self.term(w.value, scope))

    def replacement(self, value: Term, scope: Scope) -> Term:
        """The value of a With over a function: another function, or any term."""
        name: tuple[str, ...] | None = None
        if isinstance(value, Var) and scope.find(value.name) is None:
            name = (value.name,)
        elif isinstance(value, Ref) and isinstance(value.head, Var):
            parts = [p.value for p in value.path if isinstance(p, Scalar) and isinstance(p.value, str)]
            if len(parts) == len(value.path):
                name = (value.head.name, *parts)
        if name is not None:
            full = self.function_name(name)
            if full in self.names.functions or ".".join(full) in self.names.builtins:
                return FuncName(value.loc, full)
        return self.term(value, scope)

    # -- terms
    def term(self, t: Term, scope: Scope) -> Term:
        match t:
            case Scalar():
                return t
            case Var():
                return self.variable(t, scope)
            case Ref(head=head, path=path):
                base = self.term(head, scope)
                rest = [self.term(p, scope) for p in path]
                if isinstance(base, Ref):
                    return Ref(t.loc, base.head, base.path + rest)
                return Ref(t.loc, base, rest)
            case Array(items=items):
                return Array(t.loc, [self.term(x, scope) for x in items])
            case SetTerm(items=items):
                return SetTerm(t.loc, [self.term(x, scope) for x in items])
            case ObjectTerm(pairs=pairs):
                return ObjectTerm(t.loc, [(self.term(k, scope), self.term(v, scope)) for k, v in pairs])
            case Comprehension(kind=kind, key=key, value=value, body=body):
                inner = Scope(scope)
                new = self.body(body, inner)
                k = None if key is None else self.term(key, inner)
                return Comprehension(t.loc, kind, k, self.term(value, inner), new)
            case Call():
                return self.call(t, scope)
            case Template(parts=parts):
                return Template(t.loc, [p if isinstance(p, str) else self.term(p, scope) for p in parts])
        raise AssertionError(t)

    def variable(self, v: Var, scope: Scope) -> Term:
        name = v.name
        unique = scope.find(name)
        if unique is not None:
            return Var(v.loc, unique, v.shown)
        if name in ROOTS or v.wild:
            return v
        path = self.imports.get(name)
        if path is not None:
            rest: list[Term] = [Scalar(v.loc, p) for p in path[1:]]
            root = Var(v.loc, path[0], path[0])
            return Ref(v.loc, root, rest) if rest else root
        if name in self.own:
            path = [*self.package[1:], name]
            return Ref(v.loc, Var(v.loc, "data", "data"), [Scalar(v.loc, p) for p in path])
        scope.used.add(name)
        return v

    def function_name(self, name: tuple[str, ...]) -> tuple[str, ...]:
        path = self.imports.get(name[0])
        if path is not None:
            return (*path, *name[1:])
        if name[0] in self.own:
            return (*self.package, *name)
        return name

    def arity(self, name: tuple[str, ...]) -> int | None:
        if name[0] == "data":
            return self.names.functions.get(name)
        return self.names.builtins.get(".".join(name))

    def metadata(self, t: Call) -> Term:
        """The annotations of the rule that a call stands in, in place of the call."""
        name, loc = self.current
        known = self.names.annotations
        if t.name[2:] == ("rule",):
            return constant_term(known.rule(loc.file, loc.row), t.loc)
        if t.name[2:] == ("chain",):
            return constant_term(known.chain(loc.file, loc.row, self.package[1:], name), t.loc)
        self.problem(TYPE, f"undefined function {'.'.join(t.name)}", t.loc)
        return t

    def call(self, t: Call, scope: Scope) -> Term:
        args = [self.term(a, scope) for a in t.args]
        name = t.name
        if name[:2] == ("rego", "metadata") and not args and "rego" not in self.own:
            return self.metadata(t)
        if scope.find(name[0]) is None or name[0] in ROOTS:
            name = self.function_name(name)
            arity = self.arity(name)
            written = ".".join(name)
        else:
            arity, written = None, ".".join(name)
        if arity is None and not args and name[0] == "data" and name[:-1] == self.package and name[-1] in self.own:
            return Ref(t.loc, Var(t.loc, "data", "data"), [Scalar(t.loc, p) for p in name[1:]])
        if arity is None:
            self.problem(TYPE, f"undefined function {written}", t.loc)
        elif arity >= 0 and len(args) not in (arity, arity + 1):
            self.problem(TYPE, f"{written}: arity mismatch", t.loc)
        return Call(t.loc, name, args)


def constant_term(value: Any, loc: Location) -> Term:
    """A JSON value as a term."""
    if isinstance(value, dict):
        return ObjectTerm(loc, [(constant_term(k, loc), constant_term(v, loc)) for k, v in value.items()])
    if isinstance(value, list):
        return Array(loc, [constant_term(v, loc) for v in value])
    return Scalar(loc, value if value is None or isinstance(value, (bool, int, float, str)) else str(value))


def _kind(t: Term) -> str:
    names = {"Scalar": "scalar", "Ref": "ref", "Call": "call", "SetTerm": "set", "Comprehension": "comprehension"}
    return names.get(type(t).__name__, "term")


def module_imports(module: Module) -> dict[str, list[str]]:
    """name -> path of a module's imports of data and input."""
    return {i.name: i.path for i in module.imports if i.path[0] in ROOTS}
