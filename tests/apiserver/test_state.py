"""The store: versions, lost writes, the log, indexes, digests."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.apiserver import state as stating
from gatewright.apiserver.effects import Commit, Committed, Follow, Lost, Open, Settle
from gatewright.apiserver.state import Key, State


def thing(name: str, uid: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": uid, **more}}


def key(name: str) -> Key:
    return ("pods", "demo", name)


def write(state: State, name: str, *, expected: int = 0, remove: bool = False, **more: Any) -> State:
    state, answer = state.commit(Commit(key(name), expected, thing(name, f"uid-{name}", **more), remove))
    assert isinstance(answer, Committed)
    return state


def test_the_first_version_is_above_one_and_each_write_counts() -> None:
    state = write(write(State(), "a"), "b")
    assert [state.get(key(name)).version for name in "ab"] == [2, 3]  # type: ignore[union-attr]
    assert state.get(key("b")).thing["metadata"]["resourceVersion"] == "3"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "expected", [pytest.param(0, id="is there already"), pytest.param(7, id="is at another version")]
)
def test_a_write_from_an_old_view_is_lost(expected: int) -> None:
    state = write(State(), "a")
    after, answer = state.commit(Commit(key("a"), expected, thing("a", "other")))
    assert isinstance(answer, Lost)
    assert after is state


def test_old_states_stay_as_they_were() -> None:
    first = write(State(), "a")
    second = write(first, "a", expected=2, remove=True)
    assert first.get(key("a")) is not None
    assert second.get(key("a")) is None


def test_digests_follow_content_whatever_the_way() -> None:
    one = write(write(State(), "a"), "b")
    two = State()
    assert two.digest != one.digest  # and computing it early must not change what follows
    two = write(two, "a")
    assert two.digest
    two = write(two, "b")
    assert two.digest == one.digest
    assert write(one, "b", expected=3, labels={"x": "y"}).digest != one.digest


def test_the_digest_is_the_same_computed_whole_or_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stating, "LOG_LENGTH", 3)
    whole, stepped = State(), State()
    for number in range(6):
        name = "ab"[number % 2]
        expected = whole.get(key(name)).version if whole.get(key(name)) else 0  # type: ignore[union-attr]
        whole = write(whole, name, expected=expected, labels={"n": str(number)})
        stepped = write(stepped, name, expected=expected, labels={"n": str(number)})
        assert stepped.digest
    assert whole.digest == stepped.digest


def test_the_log_is_bounded_and_knows_how_far_it_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stating, "LOG_LENGTH", 2)
    state = State()
    for name in "abc":
        state = write(state, name)
    table = state.table("pods")
    assert table.next - table.first == 2
    assert table.oldest == 2
    assert [table.events[number].version for number in range(table.after(2), table.next)] == [3, 4]


def test_a_resource_that_is_opened_forgets_what_was_before() -> None:
    state, _ = write(State(), "a").change(Open("pods"))
    table = state.table("pods")
    assert table.oldest == 2
    assert table.first == table.next
    assert state.get(key("a")) is not None


def test_objects_whose_owner_goes_become_doubtful() -> None:
    state = write(State(), "owner")
    state = write(state, "child", ownerReferences=[{"uid": "uid-owner"}])
    state, _ = state.change(Settle(key("child")))
    assert not len(state.doubtful)
    state = write(state, "owner", expected=2, remove=True)
    assert list(state.doubtful) == [key("child")]
    state = write(state, "child", expected=3, remove=True)
    assert not len(state.doubtful)
    assert not len(state.dependents)


def test_objects_under_deletion_are_known() -> None:
    state = write(State(), "a", deletionTimestamp="2026-01-01T00:00:00Z")
    assert list(state.dying) == [key("a")]
    assert not len(write(state, "a", expected=2, remove=True).dying)


def test_a_view_lags_until_it_follows() -> None:
    state = write(State(), "a")
    stored = state.get(key("a"))
    assert state.view("server", "a") is None
    state, _ = state.change(Follow("server", "a", stored))
    assert state.view("server", "a") is stored
    assert state.view_names("server") == ("a",)
    state, _ = state.change(Follow("server", "a", None))
    assert state.view("server", "a") is None
