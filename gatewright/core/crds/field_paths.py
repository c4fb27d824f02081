"""The small JSON paths of CustomResourceDefinitions: .spec.color, .metadata.labels['a.b'].

Used for the fieldPath of validation rules and for selectable fields. Source: Kubernetes "Field paths" of validation
rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gatewright.core.objects import Object

_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|[.\[\]]|[^.\[\]']?[^.\[\]]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """A field that a path leads to: its names from the root, how the path is printed, and the field's schema."""

    names: tuple[str, ...]
    text: str
    schema: Object


def find_field(schema: Object, path: str, *, brackets: bool = True) -> Found | str:
    """The field, or why there is none, in the API server's words. brackets: whether ['name'] is allowed."""
    tokens = [token for token in _TOKEN.findall(path) if token]
    names: list[str] = []
    text = ""
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token == "[":
            if not brackets:
                return "array notation is not allowed"
            name = _quoted(tokens, position + 1)
            if isinstance(name, Problem):
                return name.text
            position += 3
        elif token == ".":
            if position + 1 >= len(tokens):
                return "unexpected end of JSON path"
            name = tokens[position + 1]
            position += 2
        else:
            return f"expected [ or . but got: {token}"
        properties, additional = schema.get("properties"), schema.get("additionalProperties")
        if properties:
            below = properties.get(name)
            text = f"{text}.{name}" if text else name
        elif additional is not None:
            below = additional if isinstance(additional, Mapping) else {}
            text = f"{text}[{name}]"
        else:
            below = None
        if below is None:
            return "does not refer to a valid field"
        schema = below
        names.append(name)
        if token == "[" and tokens[position - 1] != "]":
            return f"expected ] but got {tokens[position - 1]}"
    return Found(tuple(names), text, schema)


@dataclass(frozen=True, slots=True)
class Problem:
    text: str


def _quoted(tokens: list[str], position: int) -> str | Problem:
    if position >= len(tokens):
        return Problem("unexpected end of JSON path")
    token = tokens[position]
    if len(token) < 2 or token[0] != "'" or token[-1] != "'":
        return Problem(f"expected single quoted string but got {token}")
    if position + 1 >= len(tokens):
        return Problem("unexpected end of JSON path")
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)
