"""From text to syntax tree: CEL's grammar with cel-go's places, limits and error texts.

`environment` calls `parse`. Macros are expanded here (`macros` says how), so nothing after the parser knows them.
Operators and brackets are read with explicit stacks: three frames of Python's stack per nested bracket, so that the
250 levels which cel-go allows fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewright.cel.errors import CompileError, Issue, Source
from gatewright.cel.lexer import LiteralError, Token, decode_bytes, decode_text, tokens
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
from gatewright.cel.values import Uint

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
_INT_LEAST, _INT_MOST, _UINT_MOST = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


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
        self._issues = [source.issue(offset, message) for offset, message in lexical]
        self._make = Maker()

    def tree(self) -> Tree:
        root: Node | None = None
        try:
            root = self._expr()
            if self._kind() != "EOF":
                self._extra(("<EOF>",))
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

    def _need(self, *kinds: str) -> Token:
        """The next token, which must be of the first kind; the others could have stood here too."""
        if self._tokens[self._at].kind == kinds[0]:
            return self._next()
        raise self._unexpected(kinds)

    def _unexpected(self, kinds: tuple[str, ...]) -> _Stop:
        token = self._tokens[self._at]
        following = self._tokens[self._at + 1].kind if token.kind != "EOF" else ""
        if following in kinds or (following == "EOF" and "<EOF>" in kinds):
            return self._extra(kinds)
        return self._syntax(f"mismatched input '{token.text}' expecting {_expected(kinds)}")

    def _extra(self, kinds: tuple[str, ...]) -> _Stop:
        token = self._tokens[self._at]
        following = self._tokens[self._at + 1].kind if token.kind != "EOF" else ""
        alone = following in kinds or (following == "EOF" and "<EOF>" in kinds)
        return self._syntax(
            f"{'extraneous' if alone else 'mismatched'} input '{token.text}' expecting {_expected(kinds)}"
        )

    def _syntax(self, message: str) -> _Stop:
        self._note(self._tokens[self._at].offset, f"Syntax error: {message}")
        return _Stop()

    def _note(self, offset: int, message: str) -> None:
        self._issues.append(self._source.issue(offset, message))

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
        self._level += 1
        level = self._level
        pending: list[tuple[Token, Node, Node]] = []
        while True:
            if self._level > DEPTH:
                raise self._limit(f"expression recursion limit exceeded: {DEPTH}")
            condition = self._operators()
            question = self._skip("?")
            if question is None:
                break
            chosen = self._operators()
            self._need(":")
            pending.append((question, condition, chosen))
            self._level += 1
        node = condition
        for question, condition, chosen in reversed(pending):
            made = self._call(question.offset, "_?_:_", condition, chosen, node)
            node = self._deeper(made, condition, chosen, node)
        self._level = level - 1
        return node

    def _operators(self) -> Node:
        operands: list[Node | _Chain] = [self._operand()]
        waiting: list[Token] = []
        while True:
            token = self._tokens[self._at]
            strength = _BINARY.get(token.kind, 0)
            while waiting and _BINARY[waiting[-1].kind] >= max(strength, 1):
                self._reduce(operands, waiting.pop())
            if not strength:
                return self._whole(operands[0])
            self._at += 1
            waiting.append(token)
            operands.append(self._operand())

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
        odd = False
        if first.kind == "!":
            while self._skip("!"):
                odd = not odd
        elif first.kind == "-" and self._tokens[self._at + 1].kind not in ("NUM_INT", "NUM_FLOAT"):
            while self._kind() == "-":
                self._at += 1
                odd = not odd
        start = self._tokens[self._at]
        if start.kind in ("IDENTIFIER", "."):
            node = self._named()
        elif start.kind == "(":
            self._at += 1
            node = self._expr()
            self._need(")", *self._after())
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

    def _after(self) -> tuple[str, ...]:
        """What may go on an operand."""
        return (*_BINARY, "?", ".", "[")

    def _members(self, node: Node) -> Node:
        while True:
            if dot := self._skip("."):
                made = self._selected(node, dot)
            elif bracket := self._skip("["):
                optional = self._skip("?") is not None
                index = self._expr()
                self._need("]", *self._after())
                made = self._call(bracket.offset, "_[?_]" if optional else "_[_]", node, index)
                self._deeper(made, index)
            else:
                return node
            node = self._deeper(made, node)

    def _selected(self, node: Node, dot: Token) -> Node:
        optional = self._skip("?") is not None
        name = self._tokens[self._at]
        if name.kind not in ("IDENTIFIER", "ESC_IDENTIFIER"):
            self._no_name(optional)
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

    def _no_name(self, optional: bool) -> None:
        token = self._tokens[self._at]
        if not optional and token.kind not in ("EOF",) and token.text not in RESERVED:
            kinds: tuple[str, ...] = ("?", "IDENTIFIER", "ESC_IDENTIFIER")
        else:
            kinds = ("IDENTIFIER", "ESC_IDENTIFIER") if optional else ("?", "IDENTIFIER", "ESC_IDENTIFIER")
        if not optional:
            seen = "." + (token.text if token.kind != "EOF" else "")
            raise self._syntax(f"no viable alternative at input '{seen}'")
        raise self._syntax(f"mismatched input '{token.text}' expecting {_expected(kinds)}")

    def _called(self, function: str, target: Node | None) -> Node:
        """A call, from its bracket on."""
        bracket = self._next()
        args: list[Node] = []
        if self._kind() == ")":
            self._at += 1
        else:
            if self._kind() not in _EXPR_START:
                raise self._unexpected((")", *_EXPR_START))
            args.append(self._expr())
            while self._skip(","):
                args.append(self._expr())
            self._need(")", ",", *self._after())
        below = [*args] if target is None else [target, *args]
        try:
            made = self._macros.expand(self._make, bracket.offset, function, target, args)
        except MacroError as error:
            self._note(error.offset, error.message)
            made = Literal(self._make.id(), bracket.offset, None)
        if made is None:
            made = Call(self._make.id(), bracket.offset, function, target, tuple(args))
        return self._deeper(made, *below, counts=False)

    def _named(self) -> Node:
        """A name, a global call, or a message of a qualified name."""
        dot = self._skip(".")
        name = self._need("IDENTIFIER")
        prefix = "." if dot else ""
        if self._message_follows():
            names = [name.text]
            while self._skip("."):
                names.append(self._next().text)
            return self._message(prefix + ".".join(names))
        start = dot or name
        if name.text in RESERVED:
            self._note(start.offset, f"reserved identifier: {name.text}")
        if self._kind() == "(":
            return self._called(prefix + name.text, None)
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
        while self._kind() not in ("]", ","):
            if self._skip("?"):
                optional.add(len(elements))
            elements.append(self._expr())
            if not self._skip(","):
                break
        else:
            self._skip(",")
        self._need("]", ",", *self._after())
        made = ListLiteral(self._make.id(), bracket.offset, tuple(elements), frozenset(optional))
        return self._deeper(made, *elements, counts=False)

    def _map(self) -> Node:
        bracket = self._next()
        entries: list[Entry] = []
        while self._kind() not in ("}", ","):
            optional = self._skip("?") is not None
            key = self._expr()
            colon = self._need(":", *self._after())
            entries.append(Entry(self._make.id(), colon.offset, key, self._expr(), optional))
            if not self._skip(","):
                break
        else:
            self._skip(",")
        self._need("}", ",", *self._after())
        made = MapLiteral(self._make.id(), bracket.offset, tuple(entries))
        below = [node for entry in entries for node in (entry.key, entry.value)]
        return self._deeper(made, *below, counts=False)

    def _message(self, name: str) -> Node:
        bracket = self._next()
        entries: list[Entry] = []
        while self._kind() not in ("}", ","):
            optional = self._skip("?") is not None
            field = self._skip("ESC_IDENTIFIER") or self._need("IDENTIFIER", "}", ",", "?", "ESC_IDENTIFIER")
            colon = self._need(":")
            key = Literal(self._make.id(), field.offset, field.text.strip("`"))
            entries.append(Entry(self._make.id(), colon.offset, key, self._expr(), optional))
            if not self._skip(","):
                break
        else:
            self._skip(",")
        self._need("}", ",", *self._after())
        made = StructLiteral(self._make.id(), bracket.offset, name, tuple(entries))
        return self._deeper(made, *(entry.value for entry in entries), counts=False)

    # ---------------------------------------------------------------- literals

    def _literal(self) -> Node:
        sign = self._skip("-")
        token = self._tokens[self._at]
        start = (sign or token).offset
        if token.kind not in _LITERALS:
            previous = self._tokens[self._at - 1].kind if self._at else ""
            raise self._unexpected(_MEMBER_START if previous == "!" else _EXPR_START)
        self._at += 1
        value: Any = None
        try:
            value = _value(token, "-" if sign else "")
        except LiteralError as error:
            self._note(start, str(error))
        return Literal(self._make.id(), start, value)


def _value(token: Token, sign: str) -> Any:
    text = token.text
    match token.kind:
        case "true" | "false":
            return token.kind == "true"
        case "null":
            return None
        case "STRING":
            return decode_text(text)
        case "BYTES":
            return decode_bytes(text)
        case "NUM_FLOAT":
            number = float(sign + text)
            if number in (float("inf"), float("-inf")):
                raise LiteralError("invalid double literal")
            return number
        case "NUM_UINT":
            whole = _integer(text[:-1])
            if whole > _UINT_MOST:
                raise LiteralError("invalid uint literal")
            return Uint(whole)
        case _:
            whole = _integer(text) * (-1 if sign else 1)
            if not _INT_LEAST <= whole <= _INT_MOST:
                raise LiteralError("invalid int literal")
            return whole


def _integer(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:], 16)
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) < 25 else 1 << 80  # Python refuses to read thousands of digits


def _expected(kinds: tuple[str, ...]) -> str:
    shown = [
        kind if kind[0].isupper() or kind == "<EOF>" else f"'{kind}'"
        for kind in sorted(set(kinds), key=lambda kind: _RANK[kind])
    ]
    return shown[0] if len(shown) == 1 else "{" + ", ".join(shown) + "}"
