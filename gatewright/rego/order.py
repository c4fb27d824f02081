"""The order in which the statements of a body can be evaluated, and the errors of those that cannot: OPA's safety
rules.

A statement is ready when every variable it reads is bound; statements are taken in the author's order, the first that
is ready each time (OPA documentation, "Safety"). Comprehensions, `every` and scoped `not` need those of their
variables that also occur outside of them. Called by the compiler after `resolve`; the emitter relies on the order
found here, and asks the same questions while it works (`ready`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet

from gatewright.rego.errors import UNSAFE, Location, Problem
from gatewright.rego.syntax import (
    Array,
    Branch,
    Call,
    Comprehension,
    Every,
    Expr,
    FuncName,
    Node,
    Not,
    ObjectTerm,
    Ref,
    Rule,
    Scalar,
    SetTerm,
    SomeIn,
    Template,
    Term,
    TermExpr,
    Unify,
    Var,
    children,
    walk,
)

ROOTS = frozenset(["input", "data"])
NOTHING: frozenset[str] = frozenset()


def _closure(n: Node) -> bool:
    return isinstance(n, (Comprehension, Template)) or (isinstance(n, Not) and n.scoped)


def names_in(node: Node) -> set[str]:
    """Every variable in a node, closures included."""
    return {n.name for n in walk(node) if isinstance(n, Var)} - ROOTS


def plain_names(nodes: Sequence[Node]) -> set[str]:
    """The variables in nodes, those inside closures and in the bodies of `every` left out."""
    out: set[str] = set()
    for node in nodes:
        for n in walk(node, lambda x: not _closure(x) and not isinstance(x, Every)):
            if isinstance(n, Var):
                out.add(n.name)
            elif isinstance(n, Every):
                out |= plain_names([n.domain])
    return out - ROOTS


class Orderer:
    """Questions about readiness in one rule. `outside` are the variables that count as outer ones for closures."""

    def __init__(self, outside: AbstractSet[str] = NOTHING) -> None:
        self.outside: AbstractSet[str] = outside

    # -- terms: the variables that evaluating binds, or None where it cannot be evaluated yet
    def term(self, t: Term, bound: Collection[str]) -> AbstractSet[str] | None:
        match t:
            case Scalar() | FuncName():
                return NOTHING
            case Var(name=name):
                return NOTHING if name in bound or name in ROOTS else None
            case Ref(head=head, path=path):
                return self.ref(head, path, bound)
            case Array(items=items) | SetTerm(items=items) | Call(args=items):
                return self.many(items, bound)
            case ObjectTerm(pairs=pairs):
                return self.many([x for kv in pairs for x in kv], bound)
            case Comprehension() | Template():
                return NOTHING if self.closure_ready(t, bound) else None
        raise AssertionError(t)

    def closure_ready(self, node: Node, bound: Collection[str]) -> bool:
        return all(v in bound for v in names_in(node) & self.outside)

    def many(self, terms: Sequence[Term], bound: Collection[str]) -> AbstractSet[str] | None:
        new: set[str] = set()
        todo = list(terms)
        while todo:
            later = []
            for t in todo:
                got = self.term(t, bound if not new else {*bound, *new})
                if got is None:
                    later.append(t)
                else:
                    new |= got
            if len(later) == len(todo):
                return None
            todo = later
        return new

    def ref(self, head: Term, path: Sequence[Term], bound: Collection[str]) -> AbstractSet[str] | None:
        got = self.term(head, bound)
        if got is None:
            return None
        new = set(got)
        for p in path:
            if isinstance(p, Scalar):
                continue
            seen = {*bound, *new}
            got = self.pattern(p, seen)
            if got is None:
                return None
            new |= got
        return new

    def pattern(self, t: Term, bound: Collection[str]) -> AbstractSet[str] | None:
        """Like `term`, for a place where a value is matched: variables that are not bound become so."""
        match t:
            case Var(name=name):
                return NOTHING if name in bound or name in ROOTS else {name}
            case Array(items=items):
                return self.patterns(items, bound)
            case ObjectTerm(pairs=pairs):
                if self.many([k for k, _ in pairs], bound) is None:
                    return None
                return self.patterns([v for _, v in pairs], bound)
        return self.term(t, bound)

    def patterns(self, items: Sequence[Term], bound: Collection[str]) -> AbstractSet[str] | None:
        new: set[str] = set()
        for x in items:
            got = self.pattern(x, {*bound, *new})
            if got is None:
                return None
            new |= got
        return new

    def unify(self, left: Term, right: Term, bound: Collection[str]) -> AbstractSet[str] | None:
        """What solving left = right binds; None where neither side can be evaluated."""
        todo = split(left, right)
        if len(todo) > 1:
            new: set[str] = set()
            while todo:
                later = []
                for a, b in todo:
                    got = self.unify(a, b, {*bound, *new})
                    if got is None:
                        later.append((a, b))
                    else:
                        new |= got
                if len(later) == len(todo):
                    return None
                todo = later
            return new
        left, right = todo[0] if todo else (left, right)
        for value, pattern in ((right, left), (left, right)):
            got = self.term(value, bound)
            if got is not None:
                more = self.pattern(pattern, {*bound, *got})
                if more is not None:
                    return got | more
        return None

    # -- statements
    def statement(self, e: Expr, bound: Collection[str]) -> AbstractSet[str] | None:
        new: set[str] = set()
        for w in e.withs:
            got = self.term(w.value, bound)
            if got is None:
                return None
            new |= got
        if new:
            bound = {*bound, *new}
        match e:
            case TermExpr(term=term):
                got = self.term(term, bound)
            case Unify(left=left, right=right):
                got = self.unify(left, right, bound)
            case SomeIn(key=key, value=value, domain=domain):
                got = self.term(domain, bound)
                if got is not None:
                    more = self.patterns([p for p in (key, value) if p is not None], {*bound, *got})
                    got = None if more is None else got | more
            case Every(domain=domain):
                got = self.term(domain, bound)
                if got is not None and not self.closure_ready(e, {*bound, *got}):
                    got = None
            case Not(body=body, scoped=scoped):
                if scoped:
                    got = NOTHING if self.closure_ready(e, bound) else None
                else:
                    got = (
                        NOTHING
                        if all(v in bound for v in plain_names(body)) and self.inner_ready(body, bound)
                        else None
                    )
            case _:
                raise AssertionError(e)
        return None if got is None else got | new

    def inner_ready(self, body: Sequence[Expr], bound: Collection[str]) -> bool:
        return all(self.closure_ready(n, bound) for e in body for n in walk(e) if _closure(n) or isinstance(n, Every))


def split(left: Term, right: Term) -> list[tuple[Term, Term]]:
    """The equations that an equation between two composites of the same shape stands for."""
    if isinstance(left, Array) and isinstance(right, Array) and len(left.items) == len(right.items):
        return [p for a, b in zip(left.items, right.items, strict=True) for p in split(a, b)]
    if isinstance(left, ObjectTerm) and isinstance(right, ObjectTerm) and len(left.pairs) == len(right.pairs):
        a = {k.value: v for k, v in left.pairs if isinstance(k, Scalar) and isinstance(k.value, str)}
        b = {k.value: v for k, v in right.pairs if isinstance(k, Scalar) and isinstance(k.value, str)}
        if len(a) == len(left.pairs) and a.keys() == b.keys():
            return [p for k in a for p in split(a[k], b[k])]
    return [(left, right)]


class BodyOrder:
    """Orders the bodies of one rule, closures first to last, and collects the errors."""

    def __init__(self) -> None:
        self.errors: list[Problem] = []
        self.seen: set[str] = set()

    def rule(self, rule: Rule) -> None:
        """Reorders the bodies of a rule in place; head terms that read more than the body binds become statements of
        it.
        """
        args: set[str] = set()
        for a in rule.args or ():
            args |= names_in(a)
        for i, branch in enumerate(rule.branches):
            heads: list[Term] = [branch.value]
            if i == 0:
                heads += [*rule.path, *([rule.key] if rule.key is not None else [])]
            bound = self.body(branch, heads, args)
            self.head(branch, heads, bound)

    def heads(self, rule: Rule) -> None:
        """OPA's first check: the variables of a head have to occur in the body, or among the arguments, at all."""
        args: set[str] = set()
        for a in rule.args or ():
            args |= names_in(a)
        for i, branch in enumerate(rule.branches):
            seen = args | plain_names([*branch.body])
            terms = [branch.value, *([*rule.path, rule.key] if i == 0 else [])]
            for t in terms:
                if t is not None:
                    own = Orderer().term(t, seen)
                    self.unsafe([t], seen if own is None else seen | own, branch.loc)

    def body(self, branch: Branch, heads: list[Term], args: set[str]) -> set[str]:
        outside = args | plain_names([*branch.body])
        bound = set(args)
        branch.body = self.order(branch.body, bound, outside)
        orderer = Orderer(outside | plain_names(heads))
        for h in heads:
            got = orderer.term(h, bound)
            if got:
                bound |= got
        for h in heads:
            self.closures(h, bound, outside | plain_names(heads))
        return bound

    def head(self, branch: Branch, heads: list[Term], bound: set[str]) -> None:
        orderer = Orderer(plain_names([*branch.body]))
        for h in heads:
            if orderer.term(h, bound) is None:
                self.unsafe([h], bound, branch.loc)

    def order(self, body: list[Expr], bound: set[str], outside: set[str]) -> list[Expr]:
        """The statements in an order that works; `bound` grows by what they bind."""
        orderer = Orderer(outside)
        todo = list(body)
        out: list[Expr] = []
        while todo:
            for e in todo:
                got = orderer.statement(e, bound)
                if got is not None:
                    break
            else:
                for e in todo:
                    self.unsafe([e], self.possible(todo, bound), e.loc)
                return [*out, *todo]
            todo.remove(e)
            bound |= got
            self.closures(e, bound, outside)
            out.append(e)
        return out

    def possible(self, todo: Sequence[Expr], bound: set[str]) -> set[str]:
        """bound, and what the waiting statements would bind themselves: only the rest is unsafe."""
        return bound

    def closures(self, node: Node, bound: set[str], outside: set[str]) -> None:
        """Orders the bodies inside a node whose outer variables are bound."""
        match node:
            case Comprehension():
                self.comprehension(node, bound, outside)
            case Template(parts=parts):
                for p in parts:
                    if not isinstance(p, str):
                        self.part(p, bound, outside)
            case Not(body=body, scoped=True):
                node.body = self.order(body, set(bound), outside | plain_names([*body]))
                for w in node.withs:
                    self.closures(w, bound, outside)
            case Every(domain=domain, body=body):
                self.closures(domain, bound, outside)
                inner = bound | names_in(node.value) | (set() if node.key is None else names_in(node.key))
                node.body = self.order(body, set(inner), outside | inner | plain_names([*body]))
                for w in node.withs:
                    self.closures(w, bound, outside)
            case _:
                for c in children(node):
                    self.closures(c, bound, outside)

    def comprehension(self, n: Comprehension, bound: set[str], outside: set[str]) -> None:
        inner = set(bound)
        seen = outside | plain_names([*n.body])
        n.body = self.order(n.body, inner, seen)
        heads = [n.value] if n.key is None else [n.key, n.value]
        orderer = Orderer(seen | plain_names(heads))
        for h in heads:
            got = orderer.term(h, inner)
            if got is None:
                self.unsafe([h], inner, n.loc)
            else:
                inner |= got
            self.closures(h, inner, seen)

    def part(self, p: Term, bound: set[str], outside: set[str]) -> None:
        orderer = Orderer(outside)
        if orderer.term(p, bound) is None:
            self.unsafe([p], bound, p.loc)
        self.closures(p, set(bound), outside)

    def unsafe(self, nodes: Sequence[Node], bound: Collection[str], loc: Location) -> None:
        for node in nodes:
            for n in walk(node, lambda x: not _closure(x) and not isinstance(x, Every)):
                if isinstance(n, Var) and n.name not in bound and n.name not in ROOTS and n.name not in self.seen:
                    self.seen.add(n.name)
                    if not n.name.startswith("$h"):
                        self.errors.append(Problem(UNSAFE, f"var {n.shown} is unsafe", loc))
