"""What policies see of an admission request and of a bare object."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.policy.review import ReviewError, go_numbers, review_of_object, review_of_request

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}


def test_a_bare_object() -> None:
    review = review_of_object(POD)
    assert review.value == {
        "uid": "",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "", "resource": ""},
        "name": "web",
        "namespace": "shop",
        "operation": "",
        "userInfo": {},
        "object": POD,
        "oldObject": None,
        "options": None,
        "namespaceObject": {},
    }
    assert (review.is_admission, review.request_namespace, review.old_object) == (False, "shop", None)


def test_names_that_are_absent_are_left_out() -> None:
    value = review_of_object({"apiVersion": "apps/v1", "kind": "X", "metadata": {}}).value
    assert "name" not in value
    assert "namespace" not in value
    assert value["kind"] == {"group": "apps", "version": "v1", "kind": "X"}


def test_gator_matches_by_a_namespace_that_policies_do_not_see() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    assert review_of_object(POD, namespace=namespace).value["namespaceObject"] == namespace
    hidden = review_of_object(POD, namespace=namespace, show_namespace=False)
    assert hidden.value["namespaceObject"] == {}
    assert hidden.namespace is namespace


REQUEST: dict[str, Any] = {
    "uid": "u-1",
    "kind": {"group": "", "version": "v1", "kind": "Pod"},
    "resource": {"group": "", "version": "v1", "resource": "pods"},
    "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
    "name": "web",
    "namespace": "shop",
    "operation": "CREATE",
    "userInfo": {"username": "me", "groups": ["g"], "extra": {}},
    "object": POD,
    "oldObject": None,
    "dryRun": False,
    "options": {"kind": "CreateOptions"},
    "unknown": 1,
}


def test_a_request() -> None:
    value = review_of_request(REQUEST).value
    wanted = {key: item for key, item in REQUEST.items() if key != "unknown"}
    wanted |= {"userInfo": {"username": "me", "groups": ["g"]}, "namespaceObject": {}}
    assert value == wanted


def test_delete_reviews_the_old_object() -> None:
    review = review_of_request({**REQUEST, "operation": "DELETE", "object": None, "oldObject": POD})
    assert review.value["object"] == review.value["oldObject"] == POD
    assert len(review.subjects(None)) == 1


def test_delete_without_an_old_object() -> None:
    with pytest.raises(ReviewError, match="oldObject cannot be nil for DELETE operations"):
        review_of_request({**REQUEST, "operation": "DELETE"})


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        pytest.param(1, 1, id="small int"),
        pytest.param(-999_999, -999_999, id="largest plain int"),
        pytest.param(1_000_000, 1e6, id="a million has an exponent"),
        pytest.param(9007199254740993, 9007199254740992.0, id="precision is lost"),
        pytest.param(2.0, 2, id="whole float"),
        pytest.param(0.5, 0.5, id="fraction"),
        pytest.param(True, True, id="bool"),
        pytest.param(["a", 3.0, {"b": 10**7}], ["a", 3, {"b": 1e7}], id="nested"),
    ],
)
def test_numbers_pass_through_a_float64(given: Any, seen: Any) -> None:
    got = go_numbers({"n": given})["n"]
    assert got == seen
    assert repr(got) == repr(seen)


def test_what_needs_no_change_is_not_copied() -> None:
    thing = {"a": [1, 2, {"b": 0.5}], "c": {"d": None}}
    assert go_numbers(thing) is thing


def test_a_number_beyond_float64() -> None:
    with pytest.raises(ReviewError, match="does not fit a float64"):
        go_numbers({"n": 10**400})


def test_a_value_nested_too_deeply() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    try:
        with pytest.raises(ReviewError, match="nested too deeply"):
            go_numbers(deep)
    finally:
        while deep:  # taken apart by hand: letting it go at once would nest as deeply
            deep = deep.pop("a")
