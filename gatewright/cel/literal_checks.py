"""Checks of literals after the types are right: texts that are no pattern, no duration, no format, mixed lists.

`environment` runs them as Kubernetes does for what it stores. Source of the texts: cel-go's validators
(ValidateRegexLiterals, ValidateDurationLiterals, ValidateTimestampLiterals, ValidateHomogeneousAggregateLiterals and
that of string.format).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gatewright.cel import conversions, regular
from gatewright.cel.checker import Checked
from gatewright.cel.errors import EvalError, Issue, Source
from gatewright.cel.libraries import formatting
from gatewright.cel.syntax import Call, Entry, ListLiteral, Literal, MapLiteral, Node, children
from gatewright.cel.types import Type, format_type

_PLAIN = frozenset({"list", "map", "int", "uint", "double", "bool", "string", "timestamp", "bytes", "duration"})
_TAKEN = {
    "s": _PLAIN | {"type", "null"},
    "d": frozenset({"int", "uint"}),
    "f": frozenset({"double", "string"}),
    "e": frozenset({"double", "string"}),
    "b": frozenset({"int", "uint", "bool"}),
    "x": frozenset({"int", "uint", "string", "bytes"}),
    "o": frozenset({"int", "uint"}),
}


def check_literals(checked: Checked, source: Source) -> list[Issue]:
    """All findings, in the order in which the checks run."""
    nodes = list(_walk(checked.tree.root, False))
    issues: list[Issue] = []
    for name, test in _TESTS:
        issues += _constants(nodes, source, name, test)
    issues += _mixed(nodes, checked, source)
    issues += _formats(nodes, checked, source)
    return issues


def _walk(node: Node, in_format: bool) -> Iterator[tuple[Node, bool]]:
    """All nodes, each with whether it stands inside a call of format."""
    yield node, in_format
    inside = in_format or (isinstance(node, Call) and node.function == "format")
    for child in children(node):
        yield from _walk(child, inside)


def _raises(convert: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        try:
            convert(value)
        except (EvalError, regular.PatternError):
            return True
        return False

    return test


_TESTS = (
    ("duration", _raises(conversions.to_duration)),
    ("timestamp", _raises(conversions.to_timestamp)),
    ("matches", _raises(regular.compiled)),
)


def _constants(
    nodes: list[tuple[Node, bool]], source: Source, name: str, test: Callable[[Any], bool]
) -> Iterator[Issue]:
    for node, _ in nodes:
        if isinstance(node, Call) and node.function == name and node.args:
            argument = node.args[0]
            if isinstance(argument, Literal) and test(argument.value):
                yield source.issue(argument.offset, f"invalid {name} argument")


# -------------------------------------------------------------------- mixed literals


def _mixed(nodes: list[tuple[Node, bool]], checked: Checked, source: Source) -> Iterator[Issue]:
    types = checked.types
    for node, exempt in nodes:
        if isinstance(node, ListLiteral) and not exempt:
            first: Type | None = None
            for index, element in enumerate(node.elements):
                one = _present(types[element.id], index in node.optional)
                if first is None:
                    first = one
                elif not _equivalent(first, one):
                    yield _mismatch(source, element, first, one)
                    break
    for node, exempt in nodes:
        if isinstance(node, MapLiteral) and not exempt and node.entries:
            yield from _mixed_entries(node.entries, types, source)


def _mixed_entries(entries: tuple[Entry, ...], types: dict[int, Type], source: Source) -> Iterator[Issue]:
    key, value = types[entries[0].key.id], _present(types[entries[0].value.id], entries[0].optional)
    for entry in entries[1:]:
        other_key, other_value = types[entry.key.id], _present(types[entry.value.id], entry.optional)
        if not _equivalent(key, other_key):
            yield _mismatch(source, entry.key, key, other_key)
        if not _equivalent(value, other_value):
            yield _mismatch(source, entry.value, value, other_value)


def _present(one: Type, optional: bool) -> Type:
    return one.parameters[0] if optional and one.parameters else one


def _equivalent(one: Type, other: Type) -> bool:
    return (
        one.kind == other.kind
        and one.name == other.name
        and len(one.parameters) == len(other.parameters)
        and all(_equivalent(a, b) for a, b in zip(one.parameters, other.parameters, strict=True))
    )


def _mismatch(source: Source, node: Node, expected: Type, actual: Type) -> Issue:
    text = f"expected type '{format_type(expected)}' but found '{format_type(actual)}'"
    return source.issue(node.offset, text)


# -------------------------------------------------------------------- formats


def _formats(nodes: list[tuple[Node, bool]], checked: Checked, source: Source) -> Iterator[Issue]:
    for node, _ in nodes:
        if not (isinstance(node, Call) and node.function == "format" and len(node.args) == 1):
            continue
        text, arguments = node.target, node.args[0]
        found = checked.calls.get(node.id)
        if found is not None and "string_format" not in found.overloads:
            continue
        if isinstance(text, Literal) and type(text.value) is str and isinstance(arguments, ListLiteral):
            yield from _format(node, text.value, arguments.elements, checked, source)


def _format(node: Call, text: str, arguments: tuple[Node, ...], checked: Checked, source: Source) -> Iterator[Issue]:
    used = 0
    try:
        for part in formatting.clauses(text, len(arguments)):
            if isinstance(part, str):
                continue
            argument = arguments[used]
            used += 1
            wrong = _refused(part.verb.lower(), argument, checked)
            if wrong is not None:
                message = formatting.WANTED[part.verb.lower()].format(checked.types[wrong.id].name)
                yield source.issue(wrong.offset, f"error during formatting: {message}")
                return
    except formatting.ClauseError as error:
        yield source.issue(node.offset, str(error))
        return
    if len(arguments) > used:
        text = f"too many arguments supplied to string.format (expected {used}, got {len(arguments)})"
        yield source.issue(node.offset, text)


def _refused(verb: str, node: Node, checked: Checked) -> Node | None:
    """The node whose type the clause does not take: the argument, or an element inside it."""
    kind = checked.types[node.id].kind
    if kind != "dyn" and kind not in _TAKEN[verb]:
        return node
    if verb == "s":
        parts: list[Node] = []
        if isinstance(node, ListLiteral):
            parts = list(node.elements)
        elif isinstance(node, MapLiteral):
            parts = [part for entry in node.entries for part in (entry.key, entry.value)]
        for part in parts:
            wrong = _refused(verb, part, checked)
            if wrong is not None:
                return wrong
    return None
