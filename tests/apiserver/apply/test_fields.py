"""The algebra of field sets against plain sets of paths, and their forms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.apiserver.apply import fields
from gatewright.apiserver.apply.fields import Fields, FieldsError, Path

elements = st.sampled_from(["f:a", "f:b", 'k:{"id":1}', 'v:"x"', "i:0"])
paths = st.lists(elements, min_size=1, max_size=3).map(tuple)
path_sets = st.frozensets(paths, max_size=8)


def listed(owned: Fields) -> frozenset[Path]:
    return frozenset(fields.iterate(owned))


def tree(members: frozenset[Path]) -> Fields:
    return fields.of(*sorted(members))


@given(path_sets)
def test_a_set_holds_its_paths(members: frozenset[Path]) -> None:
    owned = tree(members)
    assert listed(owned) == members
    assert all(fields.has(owned, path) for path in members)
    assert fields.parse(owned) is owned
    assert listed(fields.sort_tree(owned)) == members


@given(path_sets, path_sets)
def test_algebra(left: frozenset[Path], right: frozenset[Path]) -> None:
    one, two = tree(left), tree(right)
    assert listed(fields.union(one, two)) == left | right
    assert listed(fields.intersection(one, two)) == left & right
    assert listed(fields.difference(one, two)) == left - right
    assert fields.covers(one, two) == (right <= left)
    below = {path for path in left if any(path[: len(other)] == other for other in right)}
    assert listed(fields.recursive_difference(one, two)) == left - below


@given(path_sets, path_sets)
def test_nothing_empty_is_left(left: frozenset[Path], right: frozenset[Path]) -> None:
    """A node without members below would read as a member: there must be none."""
    for result in (
        fields.difference(tree(left), tree(right)),
        fields.intersection(tree(left), tree(right)),
        fields.recursive_difference(tree(left), tree(right)),
    ):
        assert result == tree(listed(result))


@pytest.mark.parametrize(
    ("raw", "parsed"),
    [
        pytest.param({'k:{"b": 1, "a":2}': {}}, {'k:{"a":2,"b":1}': {}}, id="keys sorted and compact"),
        pytest.param({"v:1.0": {}, "f:x": {}}, {"v:1": {}, "f:x": {}}, id="whole floats"),
        pytest.param({"z:?": {}, "f:x": {}}, {"f:x": {}}, id="unknown kinds are left out"),
        pytest.param({"f:x": None}, {"f:x": {}}, id="null is a member"),
        pytest.param({"f:a": {'k:{ "id":1}': {}, ".": {}}}, {"f:a": {'k:{"id":1}': {}, ".": {}}}, id="below"),
        pytest.param({'v:"<"': {}}, {'v:"\\u003c"': {}}, id="Go's escapes"),
    ],
)
def test_parse(raw: Any, parsed: Any) -> None:
    assert fields.parse(raw) == parsed


@pytest.mark.parametrize(
    "raw", [[], "x", {"x": {}}, {"k:": {}}, {"k:[]": {}}, {"v:": {}}, {"i:x": {}}, {"f:a": 1}, {"f:a": {"f:b": "x"}}]
)
def test_what_is_no_set(raw: Any) -> None:
    with pytest.raises(FieldsError):
        fields.parse(raw)


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ("f:a.b", ".a.b"),
        ('k:{"port":1,"protocol":"TCP"}', '[port=1,protocol="TCP"]'),
        ('v:"a\\"b"', '[="a\\"b"]'),
        ("v:true", "[=true]"),
        ("v:1.5", "[=1.5]"),
        ("i:3", "[3]"),
        ('k:{"id":null}', "[id=null]"),
    ],
)
def test_shown(element: str, text: str) -> None:
    assert fields.shown(element) == text


def test_order_of_listing() -> None:
    """Members of a level before what is below; names before keys before values; numbers by size."""
    owned = fields.of(
        ("f:b", "f:x"),
        ("f:c",),
        ("f:a", "v:10"),
        ("f:a", "v:9"),
        ("f:a", 'v:"z"'),
        ("f:a", 'k:{"id":1}'),
        ("f:a", "f:q"),
    )
    assert ["".join(map(fields.shown, path)) for path in fields.iterate(owned)] == [
        ".c",
        ".a.q",
        ".a[id=1]",
        ".a[=9]",
        ".a[=10]",
        '.a[="z"]',
        ".b.x",
    ]


def test_quoted() -> None:
    assert fields.quoted('a"\\\n\t\x01\u200b\U000e0001é') == '"a\\"\\\\\\n\\t\\x01\\u200b\\U000e0001é"'
