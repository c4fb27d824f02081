"""From text to syntax tree: CEL's grammar with cel-go's places, limits and error texts.

`environment` calls `parse`. Macros are expanded here (`macros` says how), so nothing after the parser knows them.
Operators and brackets are read with explicit stacks: three frames of Python's stack per nested bracket, so that the
250 levels which cel-go allows fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewright.cel.errors import CompileError, Issue, Source
from gatewright.cel.lexer import LiteralError, Token, tokens, value_of
from gatewright.cel.macros import MacroError, Macros, Maker
from gatewright.cel.syntax import (
    Call,
    Entry,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Node,
    Select,
    StructLiteral,
    Tree,
)

CODE_POINTS = 100_000
DEPTH = 250

_RESERVED = """as break const continue else false for function if import in let loop package namespace null return
true var void while"""
RESERVED = frozenset(_RESERVED.split())

_BINARY = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3}
_BINARY |= {"+": 4, "-": 4, "*": 5, "/": 5, "%": 5}
_FUNCTIONS = {"||": "_||_", "&&": "_&&_", "in": "@in"}

# The order in which cel-go lists what it expected.
_ORDER = """<EOF> == != in < <= >= > && || [ ] { } ( ) . , - ! ? : + * / % true false null NUM_FLOAT NUM_INT NUM_UINT
STRING BYTES IDENTIFIER ESC_IDENTIFIER"""
_RANK = {kind: rank for rank, kind in enumerate(_ORDER.split())}
_LITERALS = ("true", "false", "null", "NUM_FLOAT", "NUM_INT", "NUM_UINT", "STRING", "BYTES")
_MEMBER_START = ("[", "{", "(", ".", "-", *_LITERALS, "IDENTIFIER")
_EXPR_START = (*_MEMBER_START, "!")
_FOLLOWING = frozenset({*_BINARY, "?", ".", "[", "EOF"})  # what may follow an operand


class _Stop(Exception):
    """Nothing sensible can be read from here on; the issue is noted already."""


@dataclass(slots=True)
class _Chain:
    """Terms of one && or || before they become a balanced tree."""

    function: str
    terms: list[Node]
    offsets: list[int]


def parse(source: Source, macros: Macros, escaped_names: bool = True) -> Tree:
    """The tree of an expression. escaped_names: whether a.`b-c` is allowed. Raises CompileError."""
    if len(source.text) > CODE_POINTS:
        text = f"expression code point size exceeds limit: size: {len(source.text)}, limit {CODE_POINTS}"
        raise source.error([Issue(-1, 0, text)])
    return _Parser(source, macros, escaped_names).tree()


class _Parser:
    def __init__(self, source: Source, macros: Macros, escaped_names: bool) -> None:
        self._escaped_names = escaped_names
        self._source = source
        self._macros = macros
        self._tokens, lexical = tokens(source.text)
        self._at = 0
        self._level = 0
        self._depths: dict[int, int] = {}
        self._closers: list[str] = []
        self._issues = [source.issue(offset, message) for offset, message in lexical]
        self._make = Maker()

    def tree(self) -> Tree:
        root: Node | None = None
        try:
            root = self._expr()
            token = self._tokens[self._at]
            if token.kind != "EOF":
                alone = self._tokens[self._at + 1].kind == "EOF"
                self._syntax(f"{'extraneous' if alone else 'mismatched'} input '{token.text}' expecting <EOF>")
        except _Stop:
            pass
        except RecursionError:
            self._issues = [Issue(-1, 0, f"expression recursion limit exceeded: {DEPTH}")]
        if self._issues or root is None:
            raise self._error()
        return Tree(root, self._make.count)

    def _error(self) -> CompileError:
        return self._source.error(self._issues)

    # ---------------------------------------------------------------- tokens

    def _kind(self) -> str:
        return self._tokens[self._at].kind

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _skip(self, kind: str) -> Token | None:
        return self._next() if self._tokens[self._at].kind == kind else None

    def _need(self, kind: str) -> Token:
        """The next token, which must be of this kind.

        As ANTLR mends: one token too many is skipped, one that is missing is thought to be there where what follows
        it may follow; both are noted.
        """
        token = self._tokens[self._at]
        if token.kind == kind:
            return self._next()
        if token.kind != "EOF" and self._tokens[self._at + 1].kind == kind:
            self._syntax(f"extraneous input '{token.text}' expecting {_expected((kind,))}")
            self._at += 1
            return self._next()
        starts = kind == ":" and token.kind in _EXPR_START
        if starts or (kind != ":" and (token.kind in _FOLLOWING or token.kind in self._closers[-1:])):
            self._syntax(f"missing {_expected((kind,))} at '{token.text}'")
            return Token(kind, "", token.offset)
        raise self._syntax(f"mismatched input '{token.text}' expecting {_expected((kind,))}")

    def _close(self, kind: str, comma: bool) -> None:
        """The end of a list or a map, after its elements; comma: another element could have come."""
        token = self._tokens[self._at]
        if token.kind == kind:
            self._at += 1
            return
        wanted = _expected((kind, ",") if comma else (kind,))
        if token.kind != "EOF" and self._tokens[self._at + 1].kind == kind:
            self._syntax(f"extraneous input '{token.text}' expecting {wanted}")
            self._at += 2
            return
        raise self._syntax(f"mismatched input '{token.text}' expecting {wanted}")

    def _no_alternative(self, first: str) -> _Stop:
        token = self._tokens[self._at]
        seen = first + (token.text if token.kind != "EOF" else "")
        return self._syntax(f"no viable alternative at input '{seen}'")

    def _syntax(self, message: str) -> _Stop:
        self._note(self._tokens[self._at].offset, f"Syntax error: {message}")
        return _Stop()

    def _note(self, offset: int, message: str) -> None:
        issue = self._source.issue(offset, message)
        self._issues.append(issue if self._source.text else Issue(1, 0, message))

    def _limit(self, message: str) -> _Stop:
        self._issues = [Issue(-1, 0, message)]
        return _Stop()

    def _deeper(self, node: Node, *below: Node, counts: bool = True) -> Node:
        """Note how deep the tree below the node is, in the nodes that cel-go counts."""
        depth = max((self._depths.get(one.id, 0) for one in below), default=0) + counts
        if depth > DEPTH:
            raise self._limit("max recursion depth exceeded")
        if depth:
            self._depths[node.id] = max(depth, self._depths.get(node.id, 0))
        return node

    # ---------------------------------------------------------------- operators

    def _expr(self) -> Node:
        """An expression: operators by strength, then ?: from the right."""
        self._level += 1
        level = self._level
        pending: list[tuple[Token, Node, Node]] = []
        question: Token | None = None
        condition: Node | None = None
        operands: list[Node | _Chain] = []
        waiting: list[Token] = []
        while True:
            if self._level > DEPTH:
                raise self._limit(f"expression recursion limit exceeded: {DEPTH}")
            operands.append(self._operand())
            token = self._tokens[self._at]
            strength = _BINARY.get(token.kind, 0)
            while waiting and _BINARY[waiting[-1].kind] >= max(strength, 1):
                self._reduce(operands, waiting.pop())
            if strength:
                self._at += 1
                waiting.append(token)
                continue
            node = self._whole(operands.pop())
            if question is not None and condition is not None:
                self._need(":")
                pending.append((question, condition, node))
                question = None
                self._level += 1
            elif token.kind == "?":
                question, condition = self._next(), node
            else:
                break
        for asked, tested, chosen in reversed(pending):
            made = self._call(asked.offset, "_?_:_", tested, chosen, node)
            node = self._deeper(made, tested, chosen, node)
        self._level = level - 1
        return node

    def _reduce(self, operands: list[Node | _Chain], operator: Token) -> None:
        right = self._whole(operands.pop())
        left = operands.pop()
        function = _FUNCTIONS.get(operator.kind, f"_{operator.kind}_")
        if operator.kind not in ("&&", "||"):
            whole = self._whole(left)
            made = self._call(operator.offset, function, whole, right)
            operands.append(self._deeper(made, whole, right))
            return
        if not isinstance(left, _Chain) or left.function != function:
            left = _Chain(function, [self._whole(left)], [])
        left.terms.append(right)
        left.offsets.append(operator.offset)
        operands.append(left)

    def _whole(self, operand: Node | _Chain) -> Node:
        if not isinstance(operand, _Chain):
            return operand
        node = self._balanced(operand, 0, len(operand.offsets) - 1)
        return self._deeper(node, *operand.terms, counts=False)

    def _balanced(self, chain: _Chain, first: int, last: int) -> Node:
        middle = (first + last + 1) // 2
        left = chain.terms[middle] if middle == first else self._balanced(chain, first, middle - 1)
        right = chain.terms[middle + 1] if middle == last else self._balanced(chain, middle + 1, last)
        return self._call(chain.offsets[middle], chain.function, left, right)

    def _call(self, offset: int, function: str, *args: Node) -> Node:
        return Call(self._make.id(), offset, function, None, args)

    # ---------------------------------------------------------------- operands

    def _operand(self) -> Node:
        first = self._tokens[self._at]
        odd = self._signs(first)
        start = self._tokens[self._at]
        if start.kind in ("IDENTIFIER", "."):
            node = self._named()
            if isinstance(node, str):
                node = self._called(node, None)
        elif start.kind == "(":
            self._at += 1
            self._closers.append(")")
            node = self._expr()
            self._closers.pop()
            self._need(")")
        elif start.kind == "[":
            node = self._list()
        elif start.kind == "{":
            node = self._map()
        else:
            node = self._literal()
        node = self._members(node)
        if not odd:
            return node
        made = self._call(first.offset, "!_" if first.kind == "!" else "-_", node)
        return self._deeper(made, node, counts=False)

    def _signs(self, first: Token) -> bool:
        """Skip the operators before an operand; whether their number is odd."""
        odd = False
        if first.kind == "!":
            while self._skip("!"):
                odd = not odd
            following = self._tokens[self._at]
            if following.kind not in _MEMBER_START:
                raise self._syntax(f"extraneous input '{following.text}' expecting {_expected(_EXPR_START)}")
        elif first.kind == "-" and self._tokens[self._at + 1].kind not in ("NUM_INT", "NUM_FLOAT"):
            while self._kind() == "-":
                self._at += 1
                odd = not odd
            following = self._tokens[self._at]
            if following.kind not in _MEMBER_START:
                stop = self._no_alternative("-")
                if following.kind == "EOF":
                    self._syntax(f"mismatched input '<EOF>' expecting {_expected(_EXPR_START)}")
                raise stop
        return odd

    def _members(self, node: Node) -> Node:
        while True:
            if dot := self._skip("."):
                made = self._selected(node, dot)
            elif bracket := self._skip("["):
                optional = self._skip("?") is not None
                if not optional and self._kind() not in _EXPR_START:
                    token = self._tokens[self._at]
                    raise self._syntax(f"mismatched input '{token.text}' expecting {_expected((*_EXPR_START, '?'))}")
                self._closers.append("]")
                index = self._expr()
                self._closers.pop()
                self._need("]")
                made = self._call(bracket.offset, "_[?_]" if optional else "_[_]", node, index)
                self._deeper(made, index)
            else:
                return node
            node = self._deeper(made, node)

    def _selected(self, node: Node, dot: Token) -> Node:
        optional = self._skip("?") is not None
        name = self._tokens[self._at]
        if name.kind not in ("IDENTIFIER", "ESC_IDENTIFIER"):
            self._no_name(name, optional)
            return node
        self._at += 1
        text = name.text
        if name.kind == "ESC_IDENTIFIER":
            text = text[1:-1]
            if not self._escaped_names:
                self._note(name.offset, "unsupported syntax: '`'")
        if optional:
            field = Literal(self._make.id(), name.offset, text)
            return self._call(dot.offset, "_?._", node, field)
        if name.kind == "IDENTIFIER" and self._kind() == "(":
            return self._called(text, node)
        return Select(self._make.id(), dot.offset, node, text)

    def _no_name(self, token: Token, optional: bool) -> None:
        """Note that no name follows a dot; goes on where an operator does."""
        if optional:
            self._syntax(f"mismatched input '{token.text}' expecting {_expected(('IDENTIFIER', 'ESC_IDENTIFIER'))}")
            self._note(token.offset, "unsupported ident kind")
            raise _Stop
        if token.kind in ("true", "false", "null"):
            raise self._syntax(f"mismatched input '{token.text}' expecting IDENTIFIER")
        stop = self._no_alternative(".")
        if token.kind != "in":
            raise stop

    def _called(self, function: str, target: Node | None) -> Node:
        """A call, from its bracket on."""
        bracket = self._next()
        args: list[Node] = []
        token = self._tokens[self._at]
        if token.kind == ")":
            self._at += 1
        else:
            if token.kind not in _EXPR_START and self._tokens[self._at + 1 : self._at + 2] == []:
                raise self._syntax(f"mismatched input '{token.text}' expecting {_expected((')', *_EXPR_START))}")
            self._closers.append(")")
            args.append(self._expr())
            while self._skip(","):
                args.append(self._expr())
            self._closers.pop()
            self._need(")")
        below = [*args] if target is None else [target, *args]
        try:
            made = self._macros.expand(self._make, bracket.offset, function, target, args)
        except MacroError as error:
            self._note(error.offset, error.message)
            made = Literal(self._make.id(), bracket.offset, None)
        if made is None:
            made = Call(self._make.id(), bracket.offset, function, target, tuple(args))
        return self._deeper(made, *below, counts=False)

    def _named(self) -> Node | str:
        """A name or a message of a qualified name; of a global call only the function's name."""
        dot = self._skip(".")
        if dot and self._kind() != "IDENTIFIER":
            raise self._no_alternative(".")
        name = self._next()
        prefix = "." if dot else ""
        if self._message_follows():
            names = [name.text]
            while self._skip("."):
                names.append(self._next().text)
            return self._message(prefix + ".".join(names))
        if name.text in RESERVED:
            self._note((dot or name).offset, f"reserved identifier: {name.text}")
        if self._kind() == "(":
            return prefix + name.text
        return Ident(self._make.id(), name.offset, prefix + name.text)

    def _message_follows(self) -> bool:
        at = self._at
        while self._tokens[at].kind == "." and self._tokens[at + 1].kind == "IDENTIFIER":
            at += 2
        return self._tokens[at].kind == "{"

    # ---------------------------------------------------------------- aggregates

    def _list(self) -> Node:
        bracket = self._next()
        elements: list[Node] = []
        optional: set[int] = set()
        comma = False
        self._closers.append("]")
        while self._kind() not in ("]", ","):
            if self._skip("?"):
                optional.add(len(elements))
            elements.append(self._expr())
            comma = self._skip(",") is None
            if comma:
                break
        else:
            if not elements:
                self._skip(",")
        self._closers.pop()
        self._close("]", comma)
        made = ListLiteral(self._make.id(), bracket.offset, tuple(elements), frozenset(optional))
        return self._deeper(made, *elements, counts=False)

    def _map(self) -> Node:
        bracket = self._next()
        entries: list[Entry] = []
        comma = False
        self._closers.append("}")
        while self._kind() not in ("}", ","):
            optional = self._skip("?") is not None
            key = self._expr()
            colon = self._need(":")
            entries.append(Entry(self._make.id(), colon.offset, key, self._expr(), optional))
            comma = self._skip(",") is None
            if comma:
                break
        else:
            if not entries:
                self._skip(",")
        self._closers.pop()
        self._close("}", comma)
        made = MapLiteral(self._make.id(), bracket.offset, tuple(entries))
        below = [node for entry in entries for node in (entry.key, entry.value)]
        return self._deeper(made, *below, counts=False)

    def _message(self, name: str) -> Node:
        bracket = self._next()
        entries: list[Entry] = []
        comma = False
        while self._kind() not in ("}", ","):
            optional = self._skip("?") is not None
            field = self._tokens[self._at]
            if field.kind not in ("IDENTIFIER", "ESC_IDENTIFIER"):
                wanted = (
                    ("IDENTIFIER", "ESC_IDENTIFIER") if optional else ("}", ",", "?", "IDENTIFIER", "ESC_IDENTIFIER")
                )
                raise self._syntax(f"mismatched input '{field.text}' expecting {_expected(wanted)}")
            self._at += 1
            colon = self._need(":")
            key = Literal(self._make.id(), field.offset, field.text.strip("`"))
            entries.append(Entry(self._make.id(), colon.offset, key, self._expr(), optional))
            comma = self._skip(",") is None
            if comma:
                break
        else:
            if not entries:
                self._skip(",")
        self._close("}", comma)
        made = StructLiteral(self._make.id(), bracket.offset, name, tuple(entries))
        return self._deeper(made, *(entry.value for entry in entries), counts=False)

    # ---------------------------------------------------------------- literals

    def _literal(self) -> Node:
        sign = self._skip("-")
        token = self._tokens[self._at]
        start = (sign or token).offset
        if token.kind not in _LITERALS:
            if sign:
                raise self._no_alternative("-")
            wanted = _expected(_EXPR_START)
            if token.kind != "EOF" and self._tokens[self._at + 1].kind in _EXPR_START:
                self._syntax(f"extraneous input '{token.text}' expecting {wanted}")
                self._at += 1
                return self._operand()
            stop = self._syntax(f"mismatched input '{token.text}' expecting {wanted}")
            if token.kind not in _BINARY:
                raise stop
            return Literal(self._make.id(), start, None)  # an operand is missing: the operator is read all the same
        self._at += 1
        value: Any = None
        try:
            value = value_of(token, "-" if sign else "")
        except LiteralError as error:
            self._note(start, str(error))
        return Literal(self._make.id(), start, value)


def _expected(kinds: tuple[str, ...]) -> str:
    shown = [
        kind if kind[0].isupper() or kind == "<EOF>" else f"'{kind}'"
        for kind in sorted(set(kinds), key=lambda kind: _RANK[kind])
    ]
    return shown[0] if len(shown) == 1 else "{" + ", ".join(shown) + "}"
