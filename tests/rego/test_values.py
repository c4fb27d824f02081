"""Equality, order, hash and freezing of values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.rego import values
from gatewright.rego.errors import EvalError

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.lists(inner, max_size=3).map(values.make_set)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        pytest.param(True, 1, False, id="true is not 1"),
        pytest.param(1, 1.0, True, id="1 equals 1.0"),
        pytest.param([True], [1], False, id="nested true"),
        pytest.param({"a": [1]}, {"a": [1.0]}, True, id="nested number"),
        pytest.param({"a": {"b": False}}, {"a": {"b": 0}}, False, id="nested false"),
        pytest.param([], {}, False, id="types differ"),
        pytest.param(None, False, False, id="null"),
        pytest.param(2**70, Decimal(2**70), True, id="big"),
        pytest.param("1", 1, False, id="text"),
        pytest.param(values.make_set([True, [1]]), values.make_set([[1.0], True]), True, id="sets"),
        pytest.param(values.make_set([True]), values.make_set([1]), False, id="set of true"),
    ],
)
def test_equality(a: Any, b: Any, same: bool) -> None:
    assert values.equal(a, b) is same
    assert values.equal(b, a) is same
    assert (values.freeze(a) == values.freeze(b)) is same


def test_a_set_keeps_true_and_one_apart() -> None:
    s = values.make_set([True, 1, 1.0, False, 0, [True], [1]])
    assert len(s) == 6
    assert values.sorted_members(s) == [False, True, 0, 1, [True], [1]]
    assert values.get(s, True) is True


def test_types_are_ordered_as_rego_orders_them() -> None:
    items = [values.make_set([1]), {"a": 1}, [1], "a", 3, True, None]
    assert values.sort(items) == list(reversed(items))


@given(VALUES, VALUES)
def test_equal_values_have_equal_hashes_and_keys(a: Any, b: Any) -> None:
    same = values.equal(a, b)
    assert (values.order_key(a) == values.order_key(b)) is same
    if same:
        assert hash(values.freeze(a)) == hash(values.freeze(b))


@given(VALUES, VALUES, VALUES)
def test_the_order_is_total(a: Any, b: Any, c: Any) -> None:
    assert values.less(a, b) + values.less(b, a) + values.equal(a, b) == 1
    if values.less(a, b) and values.less(b, c):
        assert values.less(a, c)


@given(st.lists(VALUES, max_size=6))
def test_a_set_has_each_value_once(items: list[Any]) -> None:
    s = values.make_set(items)
    distinct: list[Any] = []
    for x in items:
        if not any(values.equal(x, y) for y in distinct):
            distinct.append(x)
    assert len(s) == len(distinct)
    assert all(values.freeze(x) in s for x in items)


def doubled(depth: int) -> Any:
    """A small value that is huge when it is gone through: each level holds the one below twice."""
    x: Any = [1, 2]
    for _ in range(depth):
        x = [x, x]
    return x


def test_comparing_values_with_shared_parts_is_bounded() -> None:
    a, b = doubled(40), doubled(40)
    with pytest.raises(EvalError, match="too large to be compared"):
        values.equal(a, b)


def test_sorting_values_with_shared_parts_is_bounded() -> None:
    items = [doubled(40), 1]
    with pytest.raises(EvalError, match="too large to be sorted"):
        values.sort(items)


@pytest.mark.parametrize(
    ("base", "key", "want"),
    [
        pytest.param([1, 2], 1, 2, id="array"),
        pytest.param([1, 2], 1.0, 2, id="array, float"),
        pytest.param([1, 2], True, values.U, id="array, boolean"),
        pytest.param([1, 2], -1, values.U, id="array, negative"),
        pytest.param({"a": 1}, "a", 1, id="object"),
        pytest.param({values.T: 1, 1: 2}, True, 1, id="object, true"),
        pytest.param({values.T: 1, 1: 2}, 1, 2, id="object, one"),
        pytest.param(values.make_set(["a"]), "a", "a", id="set"),
        pytest.param("abc", 0, values.U, id="string"),
    ],
)
def test_looking_into_values(base: Any, key: Any, want: Any) -> None:
    assert values.get(base, key) is want or values.get(base, key) == want


@pytest.mark.parametrize("other", ["a", 1, True, None, [1], values.make_set([1])])
def test_a_frozen_object_differs_from_everything_else(other: Any) -> None:
    frozen = values.freeze({"a": "b"})
    assert not values.equal(frozen, other)
    assert not values.equal(other, frozen)
    assert frozen != other
