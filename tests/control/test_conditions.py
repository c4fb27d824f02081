"""Conditions: settled times, Ready from its prerequisites."""

from __future__ import annotations

import pytest

from gatewright.control.conditions import FALSE, TRUE, UNKNOWN, Condition, read, ready, settle
from tests.control.world import NOW, later


def one(kind: str, status: str, reason: str = "R", *, at: int = 2, failed: bool = False) -> Condition:
    return Condition(kind, status, reason, f"{kind} told", at, failed=failed)


GOOD = one("A", TRUE)
COMING = one("B", UNKNOWN, "Waiting")
BROKEN = one("C", FALSE, "InvalidRego", failed=True)
OPTED_OUT = one("D", FALSE, "OptedOut")
NOT_APPLICABLE = one("E", FALSE, "NotApplicable")
FALSE_FOR_NOW = one("F", FALSE, "Odd")


@pytest.mark.parametrize(
    ("prerequisites", "told"),
    [
        pytest.param((GOOD,), [("Ready", TRUE, "Ready")], id="all-true"),
        pytest.param((GOOD, OPTED_OUT, NOT_APPLICABLE), [("Ready", TRUE, "Ready")], id="what-is-not-wanted"),
        pytest.param(
            (GOOD, COMING),
            [("Ready", UNKNOWN, "Progressing"), ("Reconciling", TRUE, "Progressing")],
            id="one-is-coming",
        ),
        pytest.param(
            (GOOD, FALSE_FOR_NOW),
            [("Ready", UNKNOWN, "Progressing"), ("Reconciling", TRUE, "Progressing")],
            id="false-is-not-failed",
        ),
        pytest.param(
            (GOOD, COMING, BROKEN),
            [("Ready", FALSE, "Failed"), ("Stalled", TRUE, "InvalidRego")],
            id="a-failure-outweighs",
        ),
        pytest.param(
            (one("A", TRUE, at=1),),
            [("Ready", UNKNOWN, "Progressing"), ("Reconciling", TRUE, "Progressing")],
            id="true-of-the-generation-before",
        ),
        pytest.param(
            (one("C", FALSE, "InvalidRego", at=1, failed=True),),
            [("Ready", UNKNOWN, "Progressing"), ("Reconciling", TRUE, "Progressing")],
            id="failure-of-the-generation-before",
        ),
    ],
)
def test_ready(prerequisites: tuple[Condition, ...], told: list[tuple[str, str, str]]) -> None:
    found = ready(prerequisites, 2, "promised")
    assert [(c.type, c.status, c.reason) for c in found] == told
    assert all(c.generation == 2 for c in found)


def test_the_time_of_a_transition_is_kept_while_the_status_stays() -> None:
    first = settle((), (GOOD, COMING), NOW)
    again = settle(first, (one("A", TRUE, "Other"), one("B", TRUE)), later(60))
    stamps = {entry["type"]: entry["lastTransitionTime"] for entry in again}
    assert stamps == {"A": NOW.timestamp(), "B": later(60).timestamp()}
    assert [entry["reason"] for entry in again] == ["Other", "R"]


def test_conditions_are_stored_in_order_of_type_and_dropped_when_no_longer_told() -> None:
    first = settle((), (COMING, GOOD), NOW)
    assert [entry["type"] for entry in first] == ["A", "B"]
    assert [entry["type"] for entry in settle(first, (COMING,), NOW)] == ["B"]


@pytest.mark.parametrize("condition", [pytest.param(c, id=c.type) for c in (GOOD, COMING, BROKEN, OPTED_OUT)])
def test_a_stored_condition_is_read_back(condition: Condition) -> None:
    (entry,) = settle((), (condition,), NOW)
    assert read(entry) == condition
