"""The policies that the bench has written by hand say what the compiled ones say: else the ratio would mean nothing."""

from __future__ import annotations

import pytest

from bench import by_hand, inputs, reviews


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in by_hand.POLICIES])
def test_the_function_agrees_with_the_compiled_policy(name: str) -> None:
    case = inputs.case(name)
    assert reviews.agree(case)


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in by_hand.POLICIES])
def test_the_samples_hold_violations_and_none(name: str) -> None:
    """A reference that is measured on clean objects alone would look better than it is."""
    case = inputs.case(name)
    counts = [len(found) for found in reviews.told(case)]
    assert len(counts) >= 2
    assert max(counts) > 0
    assert min(counts) == 0


def test_the_function_may_disagree() -> None:
    """agree() is no formality: other parameters give another answer."""
    case = inputs.case("trusted-registries")
    other = inputs.Case(case.name, case.loaded, {"registries": ["nowhere.example.com"]}, case.reviews)
    assert reviews.told(case) != reviews.told(other)
