"""Python source for statements and bodies. Between the term emitter and the rule emitter.

Bodies arrive in an order in which each statement can be evaluated (see `order`). Statements are written one after the
other; those that bind several values open loops, and the rest of the body stands inside.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.rego.code import MAX_BLOCKS, Env
from gatewright.rego.emit_calls import CallEmitter
from gatewright.rego.order import Orderer, plain_names, split
from gatewright.rego.syntax import Call, Every, Expr, FuncName, Not, Ref, SomeIn, Term, TermExpr, Unify, Var, With


class BodyEmitter(CallEmitter):
    """Emits statements."""

    def body(self, exprs: Sequence[Expr], env: Env) -> None:
        """Writes the statements; afterwards the position is where all of them hold, with their variables in env."""
        start, base, blocks, loops = len(self.lines), self.ind, self.blocks, self.loops
        before = set(env.values())
        self.pending = todo = list(exprs)
        while todo:
            self.statement(todo.pop(0), env)
            if self.blocks - blocks > 2 and self.blocks > MAX_BLOCKS:
                self.spill(start, base, env, before)
                self.blocks = blocks + 1
                start, base = len(self.lines), self.ind
                before = set(env.values())
                blocks = self.blocks
        self.loops = loops

    def statement(self, e: Expr, env: Env) -> None:
        outer = self.orderer
        self.orderer = Orderer(plain_names([e]))
        self.mark(e)
        if e.withs:
            saved, self.ctx = self.ctx, self.with_context(e.withs, env)
            pending, self.pending = self.pending, []
            self.plain_statement(e, env)
            self.ctx, self.pending = saved, pending
        else:
            self.plain_statement(e, env)
        self.orderer = outer

    def early(self, env: Env) -> None:
        for e in list(self.pending):
            if self.movable(e) and self.orderer.statement(e, env) == frozenset():
                self.pending.remove(e)
                self.statement(e, env)

    def movable(self, e: Expr) -> bool:
        """Is a statement a test of values alone, which cannot raise and may be made any number of times?"""
        if e.withs or self.variant.strict:
            return False
        match e:
            case Unify(left=left, right=right):
                return all(isinstance(x, Var) or self.is_constant(x) for x in (left, right))
            case Not(body=[TermExpr(withs=[]) as inner], scoped=False):
                return self.movable(inner)
            case TermExpr(term=Call(name=name, args=args)):
                b = self.builtins.get(".".join(name))
                if b is None or b.context or b.relation or b.void or self.mocked(name):
                    return False
                return all(isinstance(a, Var) or self.is_constant(a) for a in args)
        return False

    def mark(self, e: Expr) -> None:
        """Where a variant of the program counts or traces statements."""

    def with_context(self, withs: Sequence[With], env: Env) -> str:
        changes = []
        for w in withs:
            if isinstance(w.value, FuncName):
                value = f"Mock({'.'.join(w.value.name)!r})"
            else:
                value = self.ev(w.value, env)
                if w.target[0] != "input" and self.is_function(w.target):
                    value = f"Mock(None, {value})"
            changes.append(f"({w.target!r}, {value}), ")
        return self.let(f"with_({self.ctx}, ({''.join(changes)}))", prefix="C")

    def plain_statement(self, e: Expr, env: Env) -> None:
        match e:
            case TermExpr(term=term):
                self.truth(term, env)
            case Unify(left=left, right=right):
                self.unify(left, right, env)
            case SomeIn(key=key, value=value, domain=domain):
                self.iterate(self.ev(domain, env), key, value, env)
            case Not():
                self.negation(e, env)
            case Every():
                self.every(e, env)

    # -- truth
    def truth(self, t: Term, env: Env) -> None:
        if isinstance(t, Call):
            if t.name == ("print",) and not self.mocked(t.name):
                self.print_call(t, env)
                return
            condition = self.condition(t, env)
            if condition:
                if condition != "True":
                    self.fail_if(
                        condition[4:]
                        if condition.startswith("not ") and " " not in condition[4:]
                        else f"not ({condition})"
                    )
                return
        if isinstance(t, Ref):
            self.ref(t.head, t.path, env, test=True)
            return
        code = self.ev(t, env)
        if isinstance(t, Var) or self.kinds.get(code, "bool") == "bool":
            self.fail_if(f"{code} is False")

    def unify(self, left: Term, right: Term, env: Env) -> None:
        todo = split(left, right)
        while todo:
            for pair in todo:
                if self.orderer.unify(*pair, env) is not None:
                    break
            else:
                raise AssertionError("equation cannot be solved")
            todo.remove(pair)
            self.solve(*pair, env)

    def solve(self, left: Term, right: Term, env: Env) -> None:
        orderer = self.orderer
        for value, pattern in ((right, left), (left, right)):
            got = orderer.term(value, env)
            if got is not None and orderer.pattern(pattern, {*env, *got}) is not None:
                if self.is_constant(value) and not self.is_constant(pattern) and orderer.term(pattern, env) is not None:
                    value, pattern = pattern, value
                self.match(pattern, self.ev(value, env), env)
                return
        raise AssertionError("equation cannot be solved")

    def is_constant(self, t: Term) -> bool:
        return type(t).__name__ == "Scalar"

    # -- negation and every
    def negation(self, e: Not, env: Env) -> None:
        if len(e.body) == 1 and isinstance(e.body[0], TermExpr) and not e.body[0].withs and not e.scoped:
            inner = e.body[0].term
            if isinstance(inner, Call) and all(isinstance(a, Var) or self.is_constant(a) for a in inner.args):
                condition = self.condition(inner, env)
                if condition:
                    self.fail_if(condition)
                    return
        found = self.tmp("n")
        self.isolated(found, lambda: self.exists(e.body, found, dict(env)))
        self.fail_if(found)

    def exists(self, body: Sequence[Expr], found: str, env: Env) -> None:
        """found = the body holds for some values of its variables."""
        self.emit(f"{found} = False")
        saved = self.open_block()
        loops, bags = self.loops, self.bags
        self.bags = True
        self.body(body, env)
        self.emit(f"{found} = True")
        self.emit("break")
        self.unwind(saved[0] + 1, found)
        self.loops, self.bags = loops, bags
        self.close_block(saved)

    def every(self, e: Every, env: Env) -> None:
        domain = self.ev(e.domain, env)
        if not domain.isidentifier():
            domain = self.let(domain)
        self.fail_if(f"not isinstance({domain}, COLLECTION)")
        all_hold = self.tmp("n")
        self.isolated(all_hold, lambda: self.all_of(e, domain, all_hold, dict(env)))
        self.fail_if(f"not {all_hold}")

    def all_of(self, e: Every, domain: str, all_hold: str, env: Env) -> None:
        self.emit(f"{all_hold} = True")
        saved = (self.ind, self.blocks, self.fail, self.ctx, dict(self.known), self.loops)
        lookups = self.lookups()
        self.pending = []
        bags, self.bags = self.bags, True
        self.iterate(domain, e.key, e.value, env)
        inner = self.ind
        found = self.tmp("n")
        self.exists(e.body, found, env)
        self.ind = inner
        self.emit(f"if not {found}:")
        self.emit(f"    {all_hold} = False")
        self.emit("    break")
        self.bags = bags
        self.ind, self.blocks, self.fail, self.ctx, self.known, self.loops = saved
        self.restore(lookups)
