"""Compiles a schema's tree into closures that say quickly that a value is good.

A closure may say no to a good value (`checking` then finds no complaint), but never yes to a bad one; so callers ask
here first and walk `checking` only on no. Nodes are compiled when first asked and remember the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gatewright.core.schemas import checking, numbers
from gatewright.core.schemas.nodes import Node
from gatewright.core.schemas.patterns import Pattern

Test = Callable[[Any], bool]


def test_of(node: Node) -> Test:
    """The node's closure."""
    if node.fits is None:
        node.fits = _build(node)
    return node.fits


def _yes(_: Any) -> bool:
    return True


def _build(node: Node) -> Test:
    by_kind = _own_test(node)
    others = _branch_tests(node)
    if node.enum:
        others.append(_enum_test(node.enum))
    if not others:
        return by_kind
    if by_kind is _yes and len(others) == 1:
        return others[0]
    if len(others) == 1:
        other = others[0]
        return lambda value: by_kind(value) and other(value)
    return lambda value: by_kind(value) and all(other(value) for other in others)


def _own_test(node: Node) -> Test:
    """Type, limits and fields."""
    types = node.types
    if types == ("object",) and not node.nullable:
        return _object_test(node)
    if types == ("string",) and not node.nullable:
        return _string_test(node)
    if types == ("boolean",) and not node.nullable:
        return lambda value: value is True or value is False
    if types == ("array",) and not node.nullable:
        return _list_test(node)
    if types == ("integer",) and not node.nullable and _plain_number(node):
        return lambda value: type(value) is int and numbers.is_int64(value)
    if not types and not _limits(node):
        return _yes
    return _careful_test(node)


def _limits(node: Node) -> bool:
    return bool(
        node.format
        or node.properties
        or node.required
        or node.additional is False
        or isinstance(node.additional, Node)
        or node.items is not None
        or node.pattern
        or node.unique
        or not _plain_number(node)
        or node.min_length is not None
        or node.max_length is not None
        or node.min_items is not None
        or node.max_items is not None
        or node.min_properties is not None
        or node.max_properties is not None
    )


def _plain_number(node: Node) -> bool:
    return node.minimum is None and node.maximum is None and node.multiple_of is None and node.format in ("", "int64")


def _careful_test(node: Node) -> Test:
    """Rare shapes (nullable, int-or-string, numbers with limits): by value kind, the compiled test or the careful
    walk."""
    bare = _bare(node)
    as_object, as_string, as_list = _object_test(node), _string_test(node), _list_test(node)
    kinds = node.types

    def test(value: Any) -> bool:
        if isinstance(value, str):
            if kinds and "string" not in kinds:
                return False
            return as_string(value)
        if isinstance(value, Mapping):
            return (not kinds or "object" in kinds) and as_object(value)
        if isinstance(value, list | tuple):
            return (not kinds or "array" in kinds) and as_list(value)
        return not checking.check(bare, value).findings

    return test


def _bare(node: Node) -> Node:
    """The node with nothing but its rules for scalars: branches and enums are tested beside it."""
    bare = Node({})
    for name in (
        "types",
        "nullable",
        "format",
        "format_check",
        "minimum",
        "maximum",
        "exclusive_minimum",
        "exclusive_maximum",
        "multiple_of",
    ):
        setattr(bare, name, getattr(node, name))
    return bare


def _string_test(node: Node) -> Test:
    least, most = node.min_length, node.max_length
    pattern: Pattern | None = node.pattern
    form = node.format_check
    if least is None and most is None and pattern is None and form is None:
        return lambda value: type(value) is str

    def test(value: Any) -> bool:
        if type(value) is not str:
            return False
        size = len(value)
        return (
            (most is None or size <= most)
            and (least is None or size >= least)
            and (pattern is None or pattern.found_in(value))
            and (form is None or form(value))
        )

    return test


def _list_test(node: Node) -> Test:
    least, most = node.min_items or 0, node.max_items
    each = test_of(node.items) if node.items is not None else _yes
    unique = node.unique

    def test(value: Any) -> bool:
        if not isinstance(value, list | tuple) or len(value) < least or (most is not None and len(value) > most):
            return False
        if unique and len(value) > 1:
            return False
        if each is _yes:
            return True
        for item in value:  # noqa: SIM110 - a loop: this runs for every list of every write
            if not each(item):
                return False
        return True

    return test


def _object_test(node: Node) -> Test:
    tests = {name: test_of(below) for name, below in node.properties.items()}
    tests_of = tests.get
    required = node.required
    additional = test_of(node.additional) if isinstance(node.additional, Node) else _yes
    closed = node.additional is False
    least, most = node.min_properties or 0, node.max_properties

    def test(value: Any) -> bool:
        if type(value) is not dict and not isinstance(value, Mapping):
            return False
        for name in required:
            if name not in value:
                return False
        if len(value) < least or (most is not None and len(value) > most):
            return False
        for name, below in value.items():
            found = tests_of(name)
            if found is not None:
                if not found(below):
                    return False
            elif closed or (additional is not _yes and not additional(below)):
                return False
        return True

    return test


def _enum_test(choices: list[Any]) -> Test:
    if all(isinstance(choice, str) for choice in choices):
        texts = frozenset(choices)
        return lambda value: type(value) is str and value in texts
    return lambda value: checking.in_enum(choices, value)


def _branch_tests(node: Node) -> list[Test]:
    tests: list[Test] = [test_of(branch) for branch in node.all_of]
    if node.any_of:
        any_tests = [test_of(branch) for branch in node.any_of]
        tests.append(lambda value: any(test(value) for test in any_tests))
    if node.one_of:
        one_of = node.one_of
        tests.append(lambda value: sum(not checking.check(branch, value).findings for branch in one_of) == 1)
    if node.not_ is not None:
        refused = node.not_
        tests.append(lambda value: bool(checking.check(refused, value).findings))
    # A null is only asked for its type and enum, never for branches.
    return [_null_passes(test) for test in tests]


def _null_passes(test: Test) -> Test:
    return lambda value: value is None or test(value)
