"""Each way in which two answers can differ is found, named by its path, and nothing else is."""

from typing import Any

import pytest

from tests.replay.compare import ABSENT, Difference, differences
from tests.replay.placeholders import Bindings

UID = "0a1b2c3d-1111-2222-3333-0123456789ab"


def entry(manager: str, operation: str = "Update", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", **more}


@pytest.mark.parametrize(
    ("wanted", "got", "paths"),
    [
        pytest.param({"a": {"b": 1}}, {"a": {"b": 1}}, [], id="equal"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b"], id="value"),
        pytest.param({"a": 1}, {"a": 1.0}, ["a"], id="integer and float"),
        pytest.param({"a": 1}, {"a": True}, ["a"], id="number and boolean"),
        pytest.param({"a": None}, {}, ["a"], id="null and absent"),
        pytest.param({"a": {}}, {"a": []}, ["a"], id="object and list"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, ["b"], id="too much"),
        pytest.param({"a": [1, 2]}, {"a": [1, 2, 3]}, ["a[2]"], id="list too long"),
        pytest.param({"a": [1, 2, 3]}, {"a": [1]}, ["a[1]", "a[2]"], id="list too short"),
        pytest.param({"a": [1, 2]}, {"a": [2, 1]}, ["a[0]", "a[1]"], id="order of a list"),
        pytest.param({"x.io/y": 1}, {"x.io/y": 2}, ['["x.io/y"]'], id="key with a dot"),
        pytest.param({"a": "$age"}, {"a": None}, [], id="anything, even null"),
        pytest.param({"a": "$uid1"}, {"a": 5}, ["a"], id="placeholder for a text, number there"),
        pytest.param({"a": "$port1", "b": "$port1"}, {"a": 30001, "b": 30001}, [], id="port"),
        pytest.param({"a": "$port1", "b": "$port1"}, {"a": 30001, "b": 30002}, ["b"], id="port changed"),
        pytest.param({"a": "$port1"}, {"a": "30001"}, ["a"], id="port as text"),
    ],
)
def test_paths_of_differences(wanted: Any, got: Any, paths: list[str]) -> None:
    assert [each.path for each in differences(wanted, got, Bindings())] == paths


def test_managed_fields_are_a_set() -> None:
    wanted = {"managedFields": [entry("a"), entry("b"), entry("b", subresource="status")]}
    got = {"managedFields": [entry("b", subresource="status"), entry("b"), entry("a")]}
    assert differences(wanted, got, Bindings()) == []
    assert differences({"items": wanted["managedFields"]}, {"items": got["managedFields"]}, Bindings()) != []


def cause(manager: str, field: str, reason: str = "FieldManagerConflict") -> dict[str, str]:
    return {"reason": reason, "message": f'conflict with "{manager}"', "field": field}


@pytest.mark.parametrize(
    ("got", "count"),
    [
        pytest.param([cause("b", ".z"), cause("b", ".y"), cause("a", ".x")], 0, id="managers in another order"),
        pytest.param([cause("a", ".x"), cause("b", ".y"), cause("b", ".z")], 2, id="fields of one in another order"),
        pytest.param([cause("a", ".x"), cause("b", ".z")], 1, id="one missing"),
    ],
)
def test_conflicts_are_listed_manager_by_manager_in_any_order(got: list[dict[str, str]], count: int) -> None:
    wanted = [cause("a", ".x"), cause("b", ".z"), cause("b", ".y")]
    assert len(differences({"causes": wanted}, {"causes": got}, Bindings())) == count


def test_other_causes_have_an_order() -> None:
    first, second = cause("a", ".x", "FieldValueInvalid"), cause("b", ".y", "FieldValueInvalid")
    assert differences({"causes": [first, second]}, {"causes": [second, first]}, Bindings()) != []


def test_a_missing_manager_is_a_difference() -> None:
    wanted, got = {"managedFields": [entry("a"), entry("b")]}, {"managedFields": [entry("a")]}
    assert [each.path for each in differences(wanted, got, Bindings())] == ["managedFields[1]"]


def test_keys_of_managed_fields_take_the_uid_of_the_same_object() -> None:
    fields = {"f:ownerReferences": {'k:{"uid":"$uid1"}': {}}}
    wanted = {"a": fields, "metadata": {"managedFields": [entry("a", fieldsV1=fields)], "uid": "$uid1"}}
    actual = {"f:ownerReferences": {f'k:{{"uid":"{UID}"}}': {}}}
    got = {"a": actual, "metadata": {"managedFields": [entry("a", fieldsV1=actual)], "uid": UID}}
    assert differences(wanted, got, Bindings()) == []


def test_a_subset_may_hold_more_but_not_other_things() -> None:
    assert differences({"a": 1}, {"a": 1, "b": 2}, Bindings(), subset=True) == []
    assert [each.path for each in differences({"a": 1}, {"a": 2, "b": 2}, Bindings(), subset=True)] == ["a"]


def test_the_time_of_creation_goes_into_later_requests() -> None:
    bindings = Bindings()
    wanted = {"metadata": {"creationTimestamp": "$time"}, "z": "$time"}
    got = {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "z": "2027-01-01T00:00:00Z"}
    assert differences(wanted, got, bindings) == []
    assert bindings.fill({"creationTimestamp": "$time"}) == {"creationTimestamp": "2026-01-01T00:00:00Z"}


def test_a_difference_shows_what_the_placeholder_stood_for() -> None:
    bindings = Bindings()
    differences({"a": "$rv1"}, {"a": "7"}, bindings)
    (found,) = differences({"a": "at $rv1"}, {"a": "at 9"}, bindings)
    assert (found.wanted, found.got) == ("at 7", "at 9")


def test_lines_are_readable_and_short() -> None:
    assert Difference("a.b", ABSENT, {"x": 1}, "why").lines() == [
        "a.b   [why]",
        "  wanted (absent)",
        '  got    {"x": 1}',
    ]
    assert Difference("a", "x" * 500, 1).lines(10)[1] == '  wanted "xxxxxxxxx... (502 characters)'
