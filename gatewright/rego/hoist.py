"""What OPA evaluates before a negation rather than under it: the operands of a negated call, and brackets inside
references.

`not f(x.y)` fails where x.y is undefined, because the compiler of OPA gives operands names of their own before it
looks at `not` (OPA source, rewriting of expression terms and of dynamic terms; measured in the Rego engine report,
"operand hoisting"). Called by `resolve` for every negation that is not scoped (`import future.keywords.not`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gatewright.rego.errors import Location
from gatewright.rego.syntax import (
    Array,
    Call,
    Comprehension,
    Every,
    Expr,
    Not,
    ObjectTerm,
    Ref,
    SetTerm,
    SomeIn,
    Template,
    Term,
    TermExpr,
    Unify,
    Var,
    With,
)

EQUALITY = ("equal",)


class _Lifter:
    """Collects the statements that come before the negation."""

    def __init__(self, fresh: Callable[[str], str]) -> None:
        self.before: list[Expr] = []
        self.fresh = fresh

    def name(self, t: Term) -> Term:
        var = Var(t.loc, self.fresh("$h"), "_")
        self.before.append(Unify(t.loc, var, t))
        return var

    def one(self, t: Term) -> Term:
        """An operand: whatever has to be evaluated gets a name."""
        match t:
            case Ref():
                return self.name(self.inside(t))
            case Var(name="input" | "data"):
                return self.name(t)
            case Array() | SetTerm() | ObjectTerm():
                return self.inside(t)
            case Call(args=args):
                return self.name(Call(t.loc, t.name, [self.one(a) for a in args]))
            case Comprehension() | Template():
                return self.name(t)
        return t

    def inside(self, t: Term) -> Term:
        """A side of an equality, or a reference that is tested: only its parts get names."""
        match t:
            case Ref(head=head, path=path):
                if isinstance(head, (Call, Comprehension)):
                    head = self.one(head)
                return Ref(t.loc, head, [self.one(p) for p in path])
            case Array(items=items):
                return Array(t.loc, [self.one(x) for x in items])
            case SetTerm(items=items):
                return SetTerm(t.loc, [self.one(x) for x in items])
            case ObjectTerm(pairs=pairs):
                return ObjectTerm(t.loc, [(self.one(k), self.one(v)) for k, v in pairs])
            case Call():
                return self.one(t)
        return t


def lift_negated(loc: Location, body: Sequence[Expr], withs: list[With], fresh: Callable[[str], str]) -> list[Expr]:
    """The statements that replace `not body`: those lifted out, then the negation. All of them under the same
    `with`s.
    """
    lifter = _Lifter(fresh)
    inner = [e if e.withs else _lift(e, lifter) for e in body]
    for e in lifter.before:
        e.withs = list(withs)
    return [*lifter.before, Not(loc, inner, False, withs=withs)]


def _lift(e: Expr, lifter: _Lifter) -> Expr:
    match e:
        case TermExpr(term=Call(name=name, args=args) as call):
            if name == EQUALITY:
                return TermExpr(e.loc, Call(call.loc, name, [lifter.inside(a) for a in args]))
            return TermExpr(e.loc, Call(call.loc, name, [lifter.one(a) for a in args]))
        case TermExpr(term=term):
            return TermExpr(e.loc, lifter.inside(term))
        case Unify(left=left, right=Call(args=args) as call):
            return Unify(e.loc, lifter.one(left), Call(call.loc, call.name, [lifter.one(a) for a in args]))
        case Unify(left=left, right=right):
            return Unify(e.loc, lifter.inside(left), lifter.inside(right))
        case Every() | SomeIn():
            return e
    return e
