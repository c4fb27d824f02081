"""JSONPath of printer columns and selectable fields: {.a.b[0].c}, wildcards, filters, slices, unions, recursive
descent.

`compile_path` reads a path once; the result finds values in objects. Missing fields are no errors. Source: Kubernetes
"JSONPath Support" and the JSONPath package of client-go, whose results it follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Values = list[Any]
Step = Callable[[Values], Values]

_NAME = re.compile(r"(?:\\.|[^.\[\]\s(){}@$'\"|&<>=!,?*\\])+")


class BadPath(ValueError):
    """A path that can't be read; the text says why."""


class JsonPath:
    """A compiled path."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str, steps: Sequence[Step]) -> None:
        self.text = text
        self._steps = tuple(steps)

    def find(self, thing: Any) -> Values:
        """All values that the path leads to, in order; [] where there are none."""
        found: Values = [thing]
        for step in self._steps:
            found = step(found)
            if not found:
                return []
        return found

    def first(self, thing: Any) -> Any:
        """The first value, or None."""
        found = self.find(thing)
        return found[0] if found else None


def compile_path(text: str) -> JsonPath:
    """Reads a path as columns have it (".spec.a[0]", with or without braces). Raises BadPath."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1].strip()
    reader = _Reader(inner)
    steps = reader.steps()
    if reader.rest:
        raise BadPath(f"unrecognized character in path: {reader.rest}")
    return JsonPath(text, steps)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def rest(self) -> str:
        return self._text[self._at :]

    def steps(self) -> list[Step]:
        """Steps until a character that belongs to none."""
        steps: list[Step] = []
        if self.rest.startswith(("$", "@")):
            self._at += 1
        while self.rest:
            if self.rest.startswith(".."):
                self._at += 2
                steps.append(_descend)
                if not self.rest.startswith(("[", "*")):
                    steps.append(_field(self._name()))
                elif self.rest.startswith("*"):
                    self._at += 1
                    steps.append(_all)
            elif self.rest.startswith("."):
                self._at += 1
                if self.rest.startswith("*"):
                    self._at += 1
                    steps.append(_all)
                elif self.rest and not self.rest.startswith("["):
                    steps.append(_field(self._name()))
            elif self.rest.startswith("["):
                self._at += 1
                steps.append(self._bracket())
            elif steps:
                break
            else:
                steps.append(_field(self._name()))
        return steps

    def _name(self) -> str:
        found = _NAME.match(self._text, self._at)
        if found is None:
            raise BadPath(f"unexpected character in path: {self.rest[:1]!r}")
        self._at = found.end()
        return re.sub(r"\\(.)", r"\1", found.group())

    def _bracket(self) -> Step:
        if self.rest.startswith("?("):
            self._at += 2
            return self._filter()
        closing = self._closing()
        inner = self._text[self._at : closing].strip()
        self._at = closing + 1
        if inner == "*":
            return _all
        parts = _split(inner, ",")
        steps = [_element(part.strip()) for part in parts]
        if len(steps) == 1:
            return steps[0]
        return lambda values: [found for value in values for step in steps for found in step([value])]

    def _closing(self) -> int:
        quote = ""
        for position in range(self._at, len(self._text)):
            char = self._text[position]
            if quote:
                if char == quote and self._text[position - 1] != "\\":
                    quote = ""
            elif char in "'\"":
                quote = char
            elif char == "]":
                return position
        raise BadPath("unterminated array")

    def _filter(self) -> Step:
        left = self._operand()
        self._blank()
        operator = next((each for each in ("==", "!=", "<=", ">=", "<", ">") if self.rest.startswith(each)), "")
        right: Callable[[Any], Values] | None = None
        if operator:
            self._at += len(operator)
            right = self._operand()
            self._blank()
        if not self.rest.startswith(")]"):
            raise BadPath("unterminated filter")
        self._at += 2
        return lambda values: [
            each for value in values for each in _items(value) if _holds(left, operator, right, each)
        ]

    def _blank(self) -> None:
        while self.rest[:1] in (" ", "\t") and self.rest:
            self._at += 1

    def _operand(self) -> Callable[[Any], Values]:
        self._blank()
        if self.rest.startswith(("@", "$")):
            start = self._at
            steps = self.steps()
            path = JsonPath(self._text[start : self._at], steps)
            return path.find
        literal = self._literal()
        return lambda _: [literal]

    def _literal(self) -> Any:
        quoted = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"").match(self._text, self._at)
        if quoted:
            self._at = quoted.end()
            return re.sub(r"\\(.)", r"\1", quoted[1] if quoted[1] is not None else quoted[2])
        plain = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?|true|false").match(self._text, self._at)
        if plain is None:
            raise BadPath(f"unrecognized operand: {self.rest}")
        self._at = plain.end()
        text = plain.group()
        if text in ("true", "false"):
            return text == "true"
        return float(text) if "." in text else int(text)


def _holds(left: Callable[[Any], Values], operator: str, right: Callable[[Any], Values] | None, item: Any) -> bool:
    lefts = left(item)
    if right is None:
        return bool(lefts)
    rights = right(item)
    if len(lefts) != 1 or len(rights) != 1:
        return False
    a, b = lefts[0], rights[0]
    if isinstance(a, bool) or isinstance(b, bool):
        same = a is b
    else:
        same = a == b
    if operator in ("==", "!="):
        return same == (operator == "==")
    numbers = isinstance(a, int | float) and isinstance(b, int | float)
    if not numbers and not (isinstance(a, str) and isinstance(b, str)):
        return False
    return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator])


def _split(text: str, sign: str) -> list[str]:
    parts, quote, start = [], "", 0
    for position, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == sign:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def _field(name: str) -> Step:
    return lambda values: [value[name] for value in values if isinstance(value, Mapping) and name in value]


def _element(text: str) -> Step:
    if text[:1] in ("'", '"') and text[-1:] == text[:1] and len(text) > 1:
        return _field(re.sub(r"\\(.)", r"\1", text[1:-1]))
    if re.fullmatch(r"-?[0-9]+", text):
        index = int(text)
        return lambda values: [
            value[index] for value in values if isinstance(value, list | tuple) and -len(value) <= index < len(value)
        ]
    found = re.fullmatch(r"(-?[0-9]*):(-?[0-9]*)(?::(-?[0-9]*))?", text)
    if found is None:
        raise BadPath(f"invalid array index {text}")
    start, stop, step = (int(part) if part else None for part in found.groups())
    part = slice(start, stop, step)
    return lambda values: [each for value in values if isinstance(value, list | tuple) for each in value[part]]


def _items(value: Any) -> Values:
    if isinstance(value, Mapping):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list | tuple) else []


def _all(values: Values) -> Values:
    return [each for value in values for each in _items(value)]


def _descend(values: Values) -> Values:
    found: Values = []
    for value in values:
        if isinstance(value, Mapping | list | tuple):
            found.append(value)
            found += _descend(_items(value))
    return found
