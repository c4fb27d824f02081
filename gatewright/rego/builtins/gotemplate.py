"""strings.render_template: the part of Go's text/template that policies use: fields, variables, if, range, with, and
the comparing functions.

Rules: Go documentation, package text/template; as in OPA, a key that is missing is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gatewright.rego.builtins.registry import builtin
from gatewright.rego.builtins.sprintf import operand, sprintf
from gatewright.rego.errors import BuiltinError
from gatewright.rego.jsontext import loads
from gatewright.rego.texts import number_text, to_json
from gatewright.rego.values import U, equal, get, is_object, less, sorted_items_of

_ACTION = re.compile(r"\{\{(-\s)?\s*(.*?)\s*(\s-)?\}\}", re.DOTALL)
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|\(|\)|\||:=|=|,|[^\s()|,]+')
MAX_DEPTH = 40
Node = tuple[Any, ...]


class _Scope:
    def __init__(self, dot: Any, variables: dict[str, Any], charge: Callable[[int], None]) -> None:
        self.dot = dot
        self.variables = variables
        self.charge = charge

    def inner(self, dot: Any, **variables: Any) -> _Scope:
        return _Scope(dot, {**self.variables, **variables}, self.charge)


def _pieces(text: str) -> list[tuple[str, str]]:
    out, i, trim = [], 0, False
    for m in _ACTION.finditer(text):
        literal = text[i : m.start()]
        literal = literal.lstrip() if trim else literal
        out.append(("text", literal.rstrip() if m.group(1) else literal))
        out.append(("action", m.group(2)))
        i, trim = m.end(), bool(m.group(3))
    rest = text[i:]
    if "{{" in rest:
        raise BuiltinError("template: unclosed action")
    out.append(("text", rest.lstrip() if trim else rest))
    return out


def _parse(pieces: list[tuple[str, str]], at: int, depth: int) -> tuple[list[Node], str, int]:
    """Nodes up to `end` or `else`: (nodes, what ended them, where to go on)."""
    if depth > MAX_DEPTH:
        raise BuiltinError("template is nested too deeply")
    out: list[Node] = []
    while at < len(pieces):
        kind, text = pieces[at]
        at += 1
        if kind == "text":
            out.append(("text", text))
            continue
        word, _, rest = text.partition(" ")
        if text.startswith("/*"):
            continue
        if word in ("end", "else"):
            return out, text, at
        if word not in ("if", "range", "with"):
            out.append(("value", text))
            continue
        body, ended, at = _parse(pieces, at, depth + 1)
        other: list[Node] = []
        if ended.startswith("else if"):
            pieces = [*pieces[:at], ("action", ended[5:]), *pieces[at:]]
            nested, ended, at = _parse_one(pieces, at, depth + 1)
            other = nested
        elif ended == "else":
            other, ended, at = _parse(pieces, at, depth + 1)
        out.append((word, rest, body, other))
    if depth:
        raise BuiltinError("template: unexpected EOF")
    return out, "", at


def _parse_one(pieces: list[tuple[str, str]], at: int, depth: int) -> tuple[list[Node], str, int]:
    """An `else if`: an if that shares the end of the one around it."""
    _, text = pieces[at]
    body, ended, at = _parse(pieces, at + 1, depth + 1)
    other: list[Node] = []
    if ended == "else":
        other, ended, at = _parse(pieces, at, depth + 1)
    elif ended.startswith("else if"):
        other, ended, at = _parse_one([*pieces[:at], ("action", ended[5:]), *pieces[at:]], at, depth + 1)
    return [("if", text[3:], body, other)], ended, at


def _field(value: Any, path: str) -> Any:
    for name in [p for p in path.split(".") if p]:
        value = get(value, name) if is_object(value) else U
        if value is U:
            raise BuiltinError(f'template: map has no entry for key "{name}"')
    return value


def _operand(word: str, s: _Scope) -> Any:
    if word == ".":
        return s.dot
    if word[0] == ".":
        return _field(s.dot, word)
    if word[0] == "$":
        name, _, path = word.partition(".")
        if name not in s.variables:
            raise BuiltinError(f'template: undefined variable "{name}"')
        return _field(s.variables[name], path)
    if word[0] == "`":
        return word[1:-1]
    try:
        return loads(word)
    except ValueError:
        raise BuiltinError(f"template: function {word!r} not defined") from None


def _truth(x: Any) -> bool:
    return x is not U and bool(x) if not (is_object(x) or isinstance(x, list)) else len(x) > 0


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "eq": lambda a, *bs: any(equal(a, b) for b in bs),
    "ne": lambda a, b: not equal(a, b),
    "lt": less,
    "le": lambda a, b: not less(b, a),
    "gt": lambda a, b: less(b, a),
    "ge": lambda a, b: not less(a, b),
    "not": lambda a: not _truth(a),
    "and": lambda *xs: next((x for x in xs if not _truth(x)), xs[-1]),
    "or": lambda *xs: next((x for x in xs if _truth(x)), xs[-1]),
    "len": len,
}


def _pipeline(text: str, s: _Scope) -> Any:
    words = _WORD.findall(text)
    if len(words) > 2 and words[0].startswith("$") and words[1] in (":=", "="):
        s.variables[words[0]] = _evaluate(words[2:], s)
        return None
    return _evaluate(words, s)


def _evaluate(words: list[str], s: _Scope) -> Any:
    value: Any = U
    stage: list[Any] = []
    command: str | None = None
    i = 0
    if not words:
        raise BuiltinError("template: missing value for command")
    while i <= len(words):
        if i == len(words) or words[i] == "|":
            if value is not U:
                stage.append(value)
            value = _call(command, stage, s)
            command, stage = None, []
        elif words[i] == "(":
            depth, j = 1, i + 1
            while j < len(words) and depth:
                depth += {"(": 1, ")": -1}.get(words[j], 0)
                j += 1
            stage.append(_evaluate(words[i + 1 : j - 1], s))
            i = j - 1
        elif command is None and not stage and words[i] in (*_FUNCTIONS, "printf", "print", "index"):
            command = words[i]
        else:
            stage.append(_operand(words[i], s))
        i += 1
    return value


def _call(command: str | None, args: list[Any], s: _Scope) -> Any:
    if command is None:
        if len(args) != 1:
            raise BuiltinError("template: expected one value")
        return args[0]
    try:
        if command == "printf":
            return sprintf(s, str(args[0]), args[1:])
        if command == "print":
            return "".join(_shown(a) for a in args)
        if command == "index":
            value = args[0]
            for k in args[1:]:
                value = get(value, k)
            if value is U:
                raise BuiltinError("template: index out of range or key missing")
            return value
        return _FUNCTIONS[command](*args)
    except (TypeError, IndexError):
        raise BuiltinError(f"template: wrong arguments for {command}") from None


def _shown(x: Any) -> str:
    """A value as Go's fmt prints it with %v."""
    if x is None:
        return "<nil>"
    if x.__class__ is bool:
        return "true" if x else "false"
    if isinstance(x, list):
        return "[" + " ".join(_shown(v) for v in x) + "]"
    if is_object(x):
        return "map[" + " ".join(f"{_shown(k)}:{_shown(v)}" for k, v in sorted_items_of(x)) + "]"
    o = operand(x)
    return o if isinstance(o, str) else number_text(o)


def _run(nodes: list[Node], s: _Scope, out: list[str]) -> None:
    for node in nodes:
        s.charge(1)
        if node[0] == "text":
            out.append(node[1])
        elif node[0] == "value":
            value = _pipeline(node[1], s)
            if not re.match(r"\$\w* *:?=", node[1]):
                out.append(_shown(value))
        elif node[0] == "range":
            _range(node, s, out)
        else:
            value = _pipeline(node[1], s)
            inner = s.inner(value) if node[0] == "with" and _truth(value) else s.inner(s.dot)
            _run(node[2] if _truth(value) else node[3], inner, out)


def _range(node: Node, s: _Scope, out: list[str]) -> None:
    m = re.match(r"(\$\w+)(?:\s*,\s*(\$\w+))?\s*:=\s*(.*)", node[1], re.DOTALL)
    value = _pipeline(m.group(3) if m else node[1], s)
    items = list(sorted_items_of(value))
    if not items:
        _run(node[3], s.inner(s.dot), out)
    for k, v in items:
        names = {}
        if m:
            names = {m.group(1): k, m.group(2): v} if m.group(2) else {m.group(1): v}
        _run(node[2], s.inner(v, **names), out)


@builtin("strings.render_template", "string", "object", result="string", context=True)
def render_template(c: Any, template: str, values: Any) -> str:
    nodes, ended, _ = _parse(_pieces(template), 0, 0)
    if ended:
        raise BuiltinError(f"template: unexpected {{{{{ended}}}}}")
    out: list[str] = []
    dot = to_json(values)
    _run(nodes, _Scope(dot, {"$": dot}, c.charge), out)
    return "".join(out)
