"""Parsing of Rego modules and queries: statements, bodies, rules, imports; v0 and v1 syntax.

Called by `rego.compile`, `rego.parse_term`, and by `policy`, which inspects modules before compiling them. The result
is a tree of gatewright.rego.syntax; a source that cannot be read raises CompileError with one rego_parse_error (OPA
also stops at the first).
"""

from __future__ import annotations

from gatewright.rego.annotations import collect
from gatewright.rego.errors import PARSE, CompileError, Location, Problem
from gatewright.rego.lexer import detail
from gatewright.rego.syntax import (
    Assign,
    Branch,
    Call,
    Comprehension,
    Every,
    Expr,
    Import,
    Module,
    Not,
    Ref,
    Rule,
    Scalar,
    SomeDecl,
    SomeIn,
    Term,
    TermExpr,
    Unify,
    Var,
    With,
)
from gatewright.rego.terms import FUTURE, TermParser, dotted


class Parser(TermParser):
    """Reads modules and bodies."""

    # -- modules
    def module(self) -> Module:
        if self.tok.kind == "eof":
            raise CompileError([Problem(PARSE, "empty module", Location(self.file, 1, 1))])
        if not self.at("package"):
            self.fail("package expected")
        loc = self.loc()
        self.i += 1
        package = ["data", *self._package_path()]
        imports: list[Import] = []
        rules: list[Rule] = []
        while self.tok.kind != "eof":
            if self.eat(";"):
                continue
            if self.at("import"):
                imports.append(self._import())
            else:
                rules += self.rule()
        return Module(self.file, package, loc, imports, rules, self.v1, collect(self.source))

    def _package_path(self) -> list[str]:
        t = self.tok
        if t.kind != "ident" or self.keyword():
            self.illegal("expected identifier")
        name = dotted(self.primary())
        if name is None:
            self.fail("invalid package name: path must only contain strings", t)
        return list(name)

    def _import(self) -> Import:
        loc = self.loc()
        self.want("import")
        t = self.tok
        if t.kind != "ident":
            self.illegal("expected identifier")
        self.i += 1
        term = self._finish(Var(self.loc(t), t.text, t.text))
        path = dotted(term)
        if path is None:
            self.fail("invalid path: path elements must be strings", t)
        if path[0] not in ("data", "input", "future", "rego"):
            self.fail(
                "invalid import path: must begin with one of: {data, future, input, rego}, got: " + path[0].strip(), t
            )
        alias = None
        if self.eat("as"):
            a = self.tok
            if a.kind != "ident" or a.text in self.keywords:
                self.illegal("expected var")
            self.i += 1
            alias = a.text
        self._activate(path, alias, self.loc(t))
        return Import(loc, list(path), alias)

    def _activate(self, path: tuple[str, ...], alias: str | None, loc: Location) -> None:
        """What an import of `rego.v1` or `future.keywords` does to the words that follow."""
        if path[0] == "rego":
            if path != ("rego", "v1"):
                self.fail_at(f"invalid import `{'.'.join(path)}`, must be `rego.v1`", loc)
            if alias:
                self.fail_at("`rego` imports cannot be aliased", loc)
            self.keywords |= FUTURE
            self.v1 = True
        elif path[0] == "future":
            if len(path) < 2 or path[1] != "keywords":
                self.fail_at("invalid import, must be `future.keywords`", loc)
            if alias:
                self.fail_at("`future` imports cannot be aliased", loc)
            if len(path) == 2:
                self.keywords |= FUTURE
                return
            word = path[2]
            if len(path) > 3 or word not in (FUTURE | {"not"}):
                self.fail_at(f"unexpected keyword, must be one of [{' '.join(sorted(FUTURE))}]", loc)
            if word == "not":
                self.scoped_not = True
            else:
                self.keywords.add(word)
                if word == "every":
                    self.keywords.add("in")

    # -- rules
    def rule(self) -> list[Rule]:
        """One rule statement; in v0 several bodies after one head give several rules."""
        loc = self.loc()
        default = self.eat("default")
        t = self.tok
        if t.kind != "ident" or self.keyword():
            self.illegal("expected rule name" if default else "")
        rule = self._head(loc, default)
        if default:
            if not rule.has_value:
                self.illegal("expected default rule value assignment (`:=` or `=`)")
            if self.at("if", "{", "else"):
                self.illegal("default rules cannot have a body")
            return [rule]
        return self._bodies(rule)

    def _head(self, loc: Location, default: bool) -> Rule:
        t = self.tok
        self.i += 1
        head = self._finish(Var(self.loc(t), t.text, t.text))
        args: list[Term] | None = None
        path: list[Term]
        if isinstance(head, Call):
            args = head.args or None  # `f() = x` is a rule without arguments
            path = [Scalar(head.loc, n) for n in head.name]
        elif isinstance(head, Ref):
            if not isinstance(head.head, Var):
                self.fail("rule name must be a name or a reference", t)
            path = [Scalar(head.loc, head.head.name), *head.path]
        else:
            path = [Scalar(head.loc, t.text)]
        rule = Rule(loc, path, args, None, [], default)
        if self.at("contains") and args is None and not default:
            self.i += 1
            rule.key = self.term()
        value: Term = Scalar(loc, True)
        if self.at("=", ":="):
            rule.assigned = self.tok.text == ":="
            if rule.key is not None:
                self.illegal("multi-value rules cannot have a value")
            self.i += 1
            value = self.term()
            rule.has_value = True
        rule.branches = [Branch(loc, value, [])]
        return rule

    def _bodies(self, rule: Rule) -> list[Rule]:
        first = rule.branches[0]
        if self.at("if"):
            rule.has_if = rule.has_body = True
            self.i += 1
            first.body = self._if_body()
        elif self.at("{"):
            rule.has_body = True
            self.i += 1
            first.body = self.braces()
        self._shape(rule)
        out = [rule]
        self._elses(rule)
        while rule.has_body and not rule.has_if and self.at("{") and len(rule.branches) == 1:
            self.i += 1
            more = Rule(rule.loc, rule.path, rule.args, rule.key, [], False, rule.assigned, False, True, rule.has_value)
            more.branches = [Branch(self.loc(), first.value, self.braces())]
            out.append(more)
        return out

    def _shape(self, rule: Rule) -> None:
        """A head of two parts without `if`, value or `contains` is a member of a set (`p[x]`), as it always was in
        v0.
        """
        if rule.key is None and rule.args is None and len(rule.path) == 2 and not rule.has_if and not rule.has_value:
            if self.v1:
                if not rule.has_body:
                    self.fail_at("`contains` keyword is required for partial set rules", rule.loc)
                return
            rule.key = rule.path.pop()

    def _if_body(self) -> list[Expr]:
        if self.at("{"):
            self.i += 1
            return self.braces()
        return [self.statement()]

    def _elses(self, rule: Rule) -> None:
        while self.at("else"):
            if rule.key is not None or (len(rule.path) > 1 and any(not isinstance(p, Scalar) for p in rule.path)):
                self.fail("else keyword cannot be used on partial rules")
            loc = self.loc()
            self.i += 1
            value: Term = Scalar(loc, True)
            valued = self.at("=", ":=")
            if valued:
                self.i += 1
                value = self.term()
            if self.eat("if"):
                body = self._if_body()
            elif self.at("{"):
                self.i += 1
                body = self.braces()
            elif valued:
                body = []
            else:
                self.illegal("expected else value term or rule body")
            rule.branches.append(Branch(loc, value, body))

    # -- bodies
    def braces(self) -> list[Expr]:
        return self.body("}")

    def body(self, end: str) -> list[Expr]:
        if self.at(end):
            self.fail("found empty body")
        out: list[Expr] = []
        while True:
            out.append(self.statement())
            if self.eat(end):
                return out
            if self.eat(";"):
                if self.eat(end):
                    return out
                continue
            if self.tok.kind == "eof":
                self.illegal(f"expected \\n or ; or {end}")
            if self.tok.row == self.toks[self.i - 1].row:
                self.illegal(f"expected \\n or ; or {end}")

    def part(self) -> Term:
        """An expression in a template. With `with` it is the first of the values that the statement gives."""
        expr = self.statement()
        if not isinstance(expr, TermExpr):
            self.illegal("expected a term in the template", self.toks[0])
        if not expr.withs:
            return expr.term
        self.wild += 1
        var = Var(expr.loc, f"$t{self.wild}", "_")
        body: list[Expr] = [Unify(expr.loc, var, expr.term, withs=expr.withs)]
        return Ref(expr.loc, Comprehension(expr.loc, "array", None, var, body), [Scalar(expr.loc, 0)])

    def query(self) -> list[Expr]:
        """A body that stands alone, up to the end of the text."""
        out: list[Expr] = []
        while self.tok.kind != "eof":
            if not self.eat(";"):
                out.append(self.statement())
        if not out:
            self.fail("empty query cannot be compiled")
        return out

    def statement(self) -> Expr:
        self.depth += 1
        if self.depth > 80:
            self.fail("nesting is deeper than 80 levels")
        expr = self._statement()
        while self.at("with"):
            loc = self.loc()
            self.i += 1
            t = self.tok
            if t.kind != "ident":
                self.illegal("expected with target")
            self.i += 1
            target = dotted(self._finish(Var(self.loc(t), t.text, t.text)))
            if target is None:
                self.fail("with keyword target must reference existing input, data, or a function", t)
            self.want("as", "expected as keyword")
            expr.withs.append(With(loc, target, self.term()))
        self.depth -= 1
        return expr

    def _statement(self) -> Expr:
        loc = self.loc()
        if self.eat("not"):
            return self._not(loc)
        if self.at("some"):
            return self._some(loc)
        if self.at("every"):
            return self._every(loc)
        left = self.term()
        if self.eat(":="):
            return Assign(loc, left, self.term())
        if self.eat("="):
            return Unify(loc, left, self.term())
        if self.at(",") and "in" in self.keywords:
            self.i += 1
            value = self.term(1)
            self.want("in")
            call = Call(left.loc, ("internal", "member_3"), [left, value, self.term(1)])
            return TermExpr(loc, self._infix(call, 0, True))
        return TermExpr(loc, left)

    def _not(self, loc: Location) -> Expr:
        if self.scoped_not and self.at("{"):
            saved = self.i
            self.i += 1
            try:
                return Not(loc, self.braces(), True)
            except CompileError:
                self.i = saved
        inner = self.statement()
        withs, inner.withs = inner.withs, []
        return Not(loc, [inner], self.scoped_not, withs=withs)

    def _some(self, loc: Location) -> Expr:
        self.want("some")
        terms = [self.term(1)]
        while self.eat(","):
            terms.append(self.term(1))
        if self.eat("in"):
            if len(terms) > 2:
                self.fail("some declaration must have at most a key and a value before `in`")
            return SomeIn(loc, terms[0] if len(terms) == 2 else None, terms[-1], self.term(1))
        names = []
        for t in terms:
            if not isinstance(t, Var):
                self.fail_at("illegal some declaration: expected a variable", t.loc)
            names.append(t)
        return SomeDecl(loc, names)

    def _every(self, loc: Location) -> Expr:
        self.want("every")
        terms = [self.term(1)]
        if self.eat(","):
            terms.append(self.term(1))
        self.want("in", "expected `x[, y] in xs { ... }` expression")
        domain = self.term(1)
        self.want("{", "missing body")
        return Every(loc, terms[0] if len(terms) == 2 else None, terms[-1], domain, self.braces())


def parse_module(file: str, source: str, v1: bool = False) -> Module:
    """One source as a module. Raises CompileError."""
    parser = Parser(file, source, v1)
    return parser.module()


def parse_query(source: str, v1: bool = True, file: str = "") -> list[Expr]:
    """A query: statements separated by semicolons or line breaks. Raises CompileError."""
    parser = Parser(file, source, v1)
    parser.keywords |= FUTURE
    return parser.query()


def parse_one_term(source: str) -> Term:
    """The term that a text holds, and nothing after it. Raises CompileError."""
    parser = Parser("", source, True)
    term = parser.term()
    if parser.tok.kind != "eof":
        parser.illegal()
    return term


__all__ = ["Parser", "detail", "parse_module", "parse_one_term", "parse_query"]
