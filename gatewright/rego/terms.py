"""Parsing of terms: scalars, references, calls, composites, comprehensions, operators. The base class of the module
parser.

Precedence and layout rules are OPA's (OPA documentation, "Policy Reference", grammar): a call's parenthesis, a
bracket or a dot must touch what they belong to; a `|` right after the first item of a composite begins a
comprehension.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NoReturn

from gatewright.rego.errors import PARSE, CompileError, Location, Problem
from gatewright.rego.lexer import RESERVED, Lexer, Token, detail, failure, string_value
from gatewright.rego.syntax import (
    Array,
    Call,
    Comprehension,
    Expr,
    ObjectTerm,
    Ref,
    Scalar,
    SetTerm,
    Template,
    Term,
    Var,
)
from gatewright.rego.texts import number_from_text

OPERATORS = {
    "==": "equal", "!=": "neq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "|": "or", "&": "and",
    "+": "plus", "-": "minus", "*": "mul", "/": "div", "%": "rem", "in": "internal.member_2",
}  # fmt: skip
_LEVELS = [{"in"}, {"==", "!=", "<", "<=", ">", ">="}, {"|"}, {"&"}, {"+", "-"}, {"*", "/", "%"}]
PRECEDENCE = {op: level for level, ops in enumerate(_LEVELS) for op in sorted(ops)}
FUTURE = frozenset(["in", "every", "if", "contains"])
MAX_DEPTH = 80
MAX_DIGITS = 4000


class TermParser:
    """Reads terms from the tokens of one source. `keywords` are the words that are keywords right now."""

    def __init__(self, file: str, source: str, v1: bool, row: int = 1) -> None:
        self.file = file
        self.source = source
        self.v1 = v1
        self.lexer = Lexer(file, source)
        self.toks = self.lexer.tokens(row=row)
        self.i = 0
        self.keywords: set[str] = set(RESERVED | FUTURE) if v1 else set(RESERVED)
        self.scoped_not = False
        self.wild = 0
        self.depth = 0

    # -- tokens
    @property
    def tok(self) -> Token:
        return self.toks[self.i]

    def at(self, *texts: str) -> bool:
        """Is the current token an operator or an active keyword with one of these texts?"""
        t = self.toks[self.i]
        if t.kind == "op":
            return t.text in texts
        return t.text in texts and self.keyword()

    def keyword(self) -> bool:
        """Is the current token a keyword here? A keyword that a dot touches is the name that begins a reference
        (`else.foo`).
        """
        t = self.toks[self.i]
        if t.kind != "ident" or t.text not in self.keywords:
            return False
        after = self.toks[self.i + 1]
        return not (after.text == "." and after.start == t.end)

    def eat(self, text: str) -> bool:
        if self.at(text):
            self.i += 1
            return True
        return False

    def want(self, text: str, reason: str = "") -> Token:
        if not self.at(text):
            self.illegal(reason)
        self.i += 1
        return self.toks[self.i - 1]

    def touching(self) -> bool:
        """Does the current token follow the one before without space?"""
        return self.i > 0 and self.toks[self.i].start == self.toks[self.i - 1].end

    def loc(self, token: Token | None = None) -> Location:
        t = token or self.tok
        return Location(self.file, t.row, t.col)

    def illegal(self, reason: str = "", token: Token | None = None) -> NoReturn:
        t = token or self.tok
        text = f"unexpected {t.name} token" + (f": {reason}" if reason else "")
        if t.kind == "ident" and t.text in self.keywords and t.text not in RESERVED:
            text = f"unexpected {t.text} keyword" + (f": {reason}" if reason else "")
        raise failure(self.file, self.source, t.start, t.row, t.col, text)

    def fail(self, message: str, token: Token | None = None) -> NoReturn:
        t = token or self.tok
        raise failure(self.file, self.source, t.start, t.row, t.col, message)

    def fail_at(self, message: str, loc: Location) -> NoReturn:
        lines = self.source.split("\n")
        offset = sum(len(x) + 1 for x in lines[: loc.row - 1]) + loc.col - 1
        raise CompileError([Problem(PARSE, message, loc, detail(self.source, offset))])

    # -- terms
    def term(self, level: int = 0, pipe: bool = True) -> Term:
        """A term with operators of at least this precedence; without `pipe` a `|` ends it."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"nesting is deeper than {MAX_DEPTH} levels")
        left = self.primary()
        left = self._infix(left, level, pipe)
        self.depth -= 1
        return left

    def _infix(self, left: Term, level: int, pipe: bool) -> Term:
        while True:
            t = self.tok
            if not (t.kind == "op" or (t.text == "in" and self.keyword())):
                return left
            power = PRECEDENCE.get(t.text)
            if power is None or power < level or (t.text == "|" and not pipe):
                return left
            self.i += 1
            right = self.term(power + 1, pipe)
            left = Call(left.loc, tuple(OPERATORS[t.text].split(".")), [left, right])

    def primary(self) -> Term:
        t = self.tok
        loc = self.loc(t)
        head: Term
        if t.kind == "ident":
            head = self._word(t, loc)
        elif t.kind == "string":
            self.i += 1
            head = Scalar(loc, self._string(t))
        elif t.kind == "raw":
            self.i += 1
            head = Scalar(loc, t.text[1:-1])
        elif t.kind == "number":
            self.i += 1
            head = Scalar(loc, self._number(t))
        elif t.kind == "template":
            self.i += 1
            head = self._interpolated(t, loc)
        elif t.text == "-" and self.toks[self.i + 1].kind == "number":
            self.i += 2
            head = Scalar(loc, -self._number(self.toks[self.i - 1]))
        elif t.text == "(":
            head = self._parenthesised()
        elif t.text == "[":
            head = self._array(loc)
        elif t.text == "{":
            head = self._brace(loc)
        else:
            self.illegal()
        return self._finish(head)

    def _string(self, t: Token) -> str:
        value = string_value(t.text)
        if value is None:
            self.fail("illegal string literal: check the escape sequences", t)
        return value

    def _number(self, t: Token) -> int | float | Decimal:
        text = t.text
        if len(text) > MAX_DIGITS:
            self.fail(f"number has more than {MAX_DIGITS} digits", t)
        if len(text) > 1 and text[0] == "0" and text[1].isdigit():
            self.fail("illegal number format: expected number without leading zero", t)
        nxt = self.tok
        if nxt.start == t.end and nxt.kind in ("ident", "number"):
            self.fail("illegal number format", t)
        value = number_from_text(text)
        if value is None:
            self.fail("illegal number format", t)
        return value

    def _word(self, t: Token, loc: Location) -> Term:
        if self.keyword():
            if t.text in ("true", "false", "null"):
                self.i += 1
                return Scalar(loc, {"true": True, "false": False, "null": None}[t.text])
            after = self.toks[self.i + 1]
            if not (t.text == "contains" and after.text == "(" and after.start == t.end):
                self.illegal()
        self.i += 1
        if t.text == "_":
            self.wild += 1
            return Var(loc, f"$_{self.wild}", "_")
        return Var(loc, t.text, t.text)

    def _finish(self, head: Term) -> Term:
        """The dots, brackets and calls that touch a term."""
        while self.touching() and self.at(".", "[", "("):
            t = self.tok
            self.i += 1
            if t.text == "(":
                head = self._call(head)
                continue
            if t.text == ".":
                name = self.tok
                if name.kind != "ident":
                    self.illegal("expected identifier")
                self.i += 1
                part: Term = Scalar(self.loc(name), name.text)
            else:
                part = self.term()
                self.want("]")
            if isinstance(head, Ref):
                head.path.append(part)
            else:
                if isinstance(head, Scalar):
                    self.illegal("", t)
                head = Ref(head.loc, head, [part])
        return head

    def _call(self, head: Term) -> Term:
        args = self.items(")")
        if isinstance(head, Var) and head.name == "set" and not args:
            return SetTerm(head.loc, [])
        name = dotted(head)
        if name is None:
            self.fail_at("expected a function's name before the parenthesis", head.loc)
        return Call(head.loc, name, args)

    def items(self, end: str, first: list[Term] | None = None) -> list[Term]:
        """Terms with commas up to the closing token, which is consumed. A comma before it is allowed."""
        out = first or []
        while not self.eat(end):
            out.append(self.term())
            if not self.at(end):
                self.want(
                    ",", f"expected {', '.join(chr(34) + x + chr(34) for x in (',',))} or {chr(34)}{end}{chr(34)}"
                )
        return out

    def _parenthesised(self) -> Term:
        self.want("(")
        term = self.term()
        if self.at(",") and "in" in self.keywords:
            self.i += 1
            value = self.term(1)
            self.want("in")
            term = Call(term.loc, ("internal", "member_3"), [term, value, self.term(1)])
        self.want(")")
        return term

    def _array(self, loc: Location) -> Term:
        self.want("[")
        if self.eat("]"):
            return Array(loc, [])
        first = self.term(pipe=False)
        if self.eat("|"):
            return Comprehension(loc, "array", None, first, self.body("]"))
        if not self.at("]"):
            self.want(",")
        return Array(loc, self.items("]", [first]))

    def _brace(self, loc: Location) -> Term:
        self.want("{")
        if self.eat("}"):
            return ObjectTerm(loc, [])
        first = self.term(pipe=False)
        if self.eat("|"):
            return Comprehension(loc, "set", None, first, self.body("}"))
        if self.eat(":"):
            value = self.term(pipe=False)
            if self.eat("|"):
                return Comprehension(loc, "object", first, value, self.body("}"))
            return ObjectTerm(loc, self._pairs(first, value))
        if not self.at("}"):
            self.want(",")
        return SetTerm(loc, self.items("}", [first]))

    def _pairs(self, key: Term, value: Term) -> list[tuple[Term, Term]]:
        pairs = [(key, value)]
        while not self.eat("}"):
            self.want(",")
            if self.at("}"):
                continue
            key = self.term()
            self.want(":")
            pairs.append((key, self.term()))
        return pairs

    def _interpolated(self, t: Token, loc: Location) -> Term:
        """A template: each expression is read by the same parser on its part of the source."""
        parts: list[str | Term] = []
        for part in t.parts:
            if isinstance(part, str):
                if part:
                    parts.append(part)
                continue
            start, end = part
            row = t.row + self.source.count("\n", t.start, start)
            line = self.source.rfind("\n", 0, start) + 1
            saved = self.toks, self.i
            self.toks, self.i = self.lexer.tokens(start, end, row, line), 0
            if self.tok.kind == "eof":
                self.fail("invalid template-string expression")
            parts.append(self.part())
            if self.tok.kind != "eof":
                self.illegal()
            self.toks, self.i = saved
        return Template(loc, parts)

    def part(self) -> Term:
        """An expression in a template; the module parser knows `with`."""
        return self.term()

    def body(self, end: str) -> list[Expr]:
        """Statements up to a closing token; the module parser knows them."""
        raise NotImplementedError


def dotted(head: Term) -> tuple[str, ...] | None:
    """The name that a variable or a reference of strings spells; None for other terms."""
    if isinstance(head, Var):
        return (head.name,)
    if isinstance(head, Ref) and isinstance(head.head, Var):
        names = [head.head.name]
        for p in head.path:
            if not (isinstance(p, Scalar) and isinstance(p.value, str)):
                return None
            names.append(p.value)
        return tuple(names)
    return None
