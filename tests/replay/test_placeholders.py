"""Placeholders keep their first value, versions keep their order, and requests get the values back."""

from typing import Any

import pytest

from tests.replay.placeholders import Bindings

UID = "0a1b2c3d-1111-2222-3333-0123456789ab"
OTHER = "ffffffff-1111-2222-3333-0123456789ab"


def bound(*pairs: tuple[str, str]) -> Bindings:
    bindings = Bindings()
    for recorded, got in pairs:
        assert bindings.match(recorded, got) is None
    return bindings


@pytest.mark.parametrize(
    ("before", "recorded", "got", "complaint"),
    [
        pytest.param([], "$uid1", UID, None, id="first sight"),
        pytest.param([("$uid1", UID)], "$uid1", UID, None, id="same again"),
        pytest.param([("$uid1", UID)], "$uid1", OTHER, "differs", id="another uid"),
        pytest.param([], "$uid1", "abc", "differs", id="no uid"),
        pytest.param([("$uid1", UID)], "$uid11", OTHER, None, id="longer number is another name"),
        pytest.param([("$rv1", "7")], "$rv2", "8", None, id="later version"),
        pytest.param([("$rv1", "7")], "$rv2", "7", "$rv2 is out of order: $rv1 is 7", id="later version not larger"),
        pytest.param([("$rv3", "7")], "$rv2", "9", "$rv2 is out of order: $rv3 is 7", id="earlier version larger"),
        pytest.param([("$rv9", "9")], "$rv10", "10", None, id="compared as numbers"),
        pytest.param([], "$rv1", "abc", "differs", id="version no number"),
        pytest.param([("$rv3", "7")], "$lrv3", "7", None, id="list version equal"),
        pytest.param([("$rv3", "7")], "$lrv5", "900", None, id="list version newer"),
        pytest.param([("$rv3", "7")], "$lrv3", "6", "$lrv3 is older than $rv3, which is 7", id="list version older"),
        pytest.param([("$rv4", "7")], "$lrv3", "6", None, id="list version before a later write"),
        pytest.param([("$lrv3", "9")], "$lrv3", "11", None, id="list version anew each time"),
        pytest.param([], "$time", "2026-11-23T22:20:01Z", None, id="timestamp"),
        pytest.param([], "$time", "2026-11-23T22:20:01.123456Z", None, id="timestamp with fraction"),
        pytest.param([], "$time", "yesterday", "differs", id="no timestamp"),
        pytest.param(
            [], "at $time and $time", "at 2026-01-01T00:00:00Z and 2027-01-01T00:00:00Z", None, id="two times"
        ),
        pytest.param([("$uid1", UID)], "uid $uid1 (rv $rv1)", f"uid {UID} (rv 12)", None, id="inside a text"),
        pytest.param(
            [("$uid1", UID)], "uid $uid1 (rv $rv1)", f"uid {OTHER} (rv 12)", "differs", id="text, another uid"
        ),
        pytest.param([], "a.b (x)", "aXb (x)", "differs", id="text is no pattern"),
        pytest.param([], "too old ($any)", "too old ()", None, id="anything"),
        pytest.param([], "$gen1", "web-x7k2p", None, id="generated name"),
        pytest.param([], "$ip1", "10.0.0.12", None, id="address"),
        pytest.param([], "$ip1", "none", "differs", id="no address"),
        pytest.param([], "line\n$any", "line\none\ntwo", None, id="over lines"),
    ],
)
def test_matching(before: list[tuple[str, str]], recorded: str, got: str, complaint: str | None) -> None:
    assert bound(*before).match(recorded, got) == complaint


def test_a_mistake_in_order_is_told_once() -> None:
    bindings = bound(("$rv1", "7"))
    assert bindings.match("$rv2", "3") is not None
    assert bindings.match("$rv2", "3") is None


@pytest.mark.parametrize(
    ("current", "taken"),
    [pytest.param("5", "7", id="lags"), pytest.param("7", "7", id="equal"), pytest.param("9", "9", id="leads")],
)
def test_the_current_version_is_that_of_no_object(current: str, taken: str) -> None:
    bindings = bound(("$rv1", "7"), ("$rv3", "12"))
    assert bindings.match("Too large: 99, current: $rv2", f"Too large: 99, current: {current}") is None
    assert bindings.fill("$rv2") == taken
    assert bindings.match("current: $rv2", "current: 100") is None
    assert bindings.match("current: $rv2", "current: none") is not None


@pytest.mark.parametrize(
    ("recorded", "filled"),
    [
        pytest.param({"uid": "$uid1"}, {"uid": UID}, id="value"),
        pytest.param({'k:{"uid":"$uid1"}': {}}, {f'k:{{"uid":"{UID}"}}': {}}, id="key"),
        pytest.param(["x/$rv1", 3, None], ["x/7", 3, None], id="list"),
        pytest.param("$port1", 30123, id="a port stays a number"),
        pytest.param(":$port1", ":30123", id="a port in a text"),
        pytest.param("$uid2", "$uid2", id="not seen yet"),
        pytest.param("$time", "2026-11-23T22:20:01Z", id="the creation time read last"),
        pytest.param("$5 and $name", "$5 and $name", id="no placeholder"),
    ],
)
def test_filling_requests(recorded: Any, filled: Any) -> None:
    bindings = bound(("$uid1", UID), ("$rv1", "7"))
    assert bindings.bind("$port1", 30123) is None
    bindings.created_at("2026-11-23T22:20:01Z")
    assert bindings.fill(recorded) == filled
