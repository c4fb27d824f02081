"""JSON patch and merge patch as the API server reads them: RFC cases, its liberties, and the recorded ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.core.patch import (
    MOST_OPERATIONS,
    PatchMalformed,
    PatchNotApplicable,
    PatchTooLarge,
    json_patch,
    merge_patch,
)

DOCUMENT = {"a": {"b": 1, "c~/d": 2}, "list": [1, 2, 3], "nothing": None}


def op(kind: str, path: str, *value: Any, **more: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **({"value": value[0]} if value else {}), **more}


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        pytest.param(op("add", "/a/x", 5), ("a", "x"), 5, id="add key"),
        pytest.param(op("add", "/list/1", 9), ("list",), [1, 9, 2, 3], id="insert"),
        pytest.param(op("add", "/list/3", 9), ("list",), [1, 2, 3, 9], id="insert at the end"),
        pytest.param(op("add", "/list/-", 9), ("list",), [1, 2, 3, 9], id="append"),
        pytest.param(
            op("add", "/list/-1", 9), ("list",), [1, 2, 3, 9], id="negative insert counts from behind the end"
        ),
        pytest.param(op("add", "/a/x"), ("a", "x"), None, id="add without value is null"),
        pytest.param(op("remove", "/list/0"), ("list",), [2, 3], id="remove item"),
        pytest.param(op("remove", "/list/-1"), ("list",), [1, 2], id="remove the last"),
        pytest.param(op("remove", "/a/c~0~1d"), ("a",), {"b": 1}, id="escapes"),
        pytest.param(op("replace", "/a/b", [1]), ("a", "b"), [1], id="replace"),
        pytest.param(op("replace", "/a/new", 1), ("a", "new"), 1, id="replace of an absent key adds"),
        pytest.param(op("replace", "/list/-1", 7), ("list",), [1, 2, 7], id="replace item"),
        pytest.param(op("replace", "", {"z": 1}), (), {"z": 1}, id="replace all"),
        pytest.param(op("move", "/a/m", **{"from": "/a/b"}), ("a",), {"c~/d": 2, "m": 1}, id="move"),
        pytest.param(op("copy", "/list/0", **{"from": "/a/b"}), ("list",), [1, 1, 2, 3], id="copy"),
        pytest.param(op("copy", "/x", **{"from": "/absent"}), ("x",), None, id="copy of an absent key is null"),
        pytest.param(op("test", "/a/b", 1), (), DOCUMENT, id="test"),
        pytest.param(op("test", "/absent", None), (), DOCUMENT, id="absent equals null"),
        pytest.param(op("test", "/nothing"), (), DOCUMENT, id="null equals no value"),
        pytest.param(op("test", "", DOCUMENT), (), DOCUMENT, id="test of all"),
        pytest.param(op("add", "ignored/x", 1), ("x",), 1, id="text before the first slash"),
    ],
)
def test_json_patch(operation: dict[str, Any], path: tuple[str, ...], expected: Any) -> None:
    before = json.dumps(DOCUMENT)
    result = json_patch(DOCUMENT, [operation])
    for key in path:
        result = result[key]
    assert result == expected
    assert json.dumps(DOCUMENT) == before


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(op("test", "/a/b", 2), id="test fails"),
        pytest.param(op("test", "/a/b", 1.0), id="1 is not 1.0"),
        pytest.param(op("test", "/a/b", True), id="1 is not true"),
        pytest.param(op("test", "/absent", 1), id="absent is not 1"),
        pytest.param(op("remove", "/absent"), id="remove absent"),
        pytest.param(op("remove", "/list/3"), id="remove beyond"),
        pytest.param(op("remove", "/list/-"), id="remove dash"),
        pytest.param(op("replace", "/list/3", 1), id="replace beyond"),
        pytest.param(op("replace", "", 5), id="replace all by a number"),
        pytest.param(op("add", "", {}), id="add all"),
        pytest.param(op("add", "/list/4", 1), id="add beyond"),
        pytest.param(op("add", "/list/x", 1), id="no index"),
        pytest.param(op("add", "/list/1_0", 1), id="index in Python's own form"),
        pytest.param(op("add", "/absent/x", 1), id="below absent"),
        pytest.param(op("add", "/nothing/x", 1), id="below null"),
        pytest.param(op("add", "/a/b/c", 1), id="below a number"),
        pytest.param(op("move", "/x", **{"from": "/absent"}), id="move absent"),
        pytest.param(op("move", "/x"), id="move from nowhere"),
        pytest.param({"op": "add", "value": 1}, id="no path"),
        pytest.param({"op": "nope", "path": "/a"}, id="unknown op"),
        pytest.param({"path": "/a"}, id="no op"),
        pytest.param({"op": [], "path": "/a"}, id="op is no text"),
        pytest.param({"op": "add", "path": 1}, id="path is no text"),
    ],
)
def test_json_patch_that_does_not_apply(operation: dict[str, Any]) -> None:
    with pytest.raises(PatchNotApplicable):
        json_patch(DOCUMENT, [operation])


def test_json_patch_that_is_none() -> None:
    with pytest.raises(PatchMalformed):
        json_patch(DOCUMENT, {"op": "add"})
    with pytest.raises(PatchMalformed):
        json_patch(DOCUMENT, [1])
    with pytest.raises(PatchTooLarge, match="is 10000, got 10001"):
        json_patch(DOCUMENT, [op("test", "/a/b", 1)] * (MOST_OPERATIONS + 1))


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        pytest.param({"a": 1}, {"a": None}, {}, id="delete"),
        pytest.param({"a": 1}, {"b": None}, {"a": 1}, id="delete absent"),
        pytest.param({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}, id="merge"),
        pytest.param({"a": {"b": 1}}, {"a": [1]}, {"a": [1]}, id="object to array"),
        pytest.param({"a": [1]}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}, id="array to object without nulls"),
        pytest.param({}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}, id="nulls in what is new"),
        pytest.param({}, {"a": [None, {"b": None}]}, {"a": [None, {}]}, id="null items stay"),
        pytest.param({"a": {}}, {"a": [{"b": None}]}, {"a": [{"b": None}]}, id="array over an object comes as it is"),
        pytest.param({"a": None}, {"a": {"b": None}}, {"a": {}}, id="over null"),
    ],
)
def test_merge_patch(document: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merge_patch(document, patch) == expected


def test_merge_patch_that_is_none() -> None:
    with pytest.raises(PatchMalformed):
        merge_patch({}, [1])


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab~/", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~/", max_size=2), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text("ab~/", max_size=2), values, max_size=4)


@given(objects, objects)
def test_merge_patch_comes_to_rest(document: dict[str, Any], patch: dict[str, Any]) -> None:
    """The second time may still differ: an array over an object comes with its nulls, over an array without."""
    twice = merge_patch(merge_patch(document, patch), patch)
    assert merge_patch(twice, patch) == twice


def pointers(value: Any, prefix: str = "") -> list[str]:
    found = []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        pointer = f"{prefix}/{str(key).replace('~', '~0').replace('/', '~1')}"
        found += [pointer, *pointers(below, pointer)]
    return found


@given(st.data(), objects)
def test_remove_and_add_again(data: st.DataObject, document: dict[str, Any]) -> None:
    paths = pointers(document)
    if paths:
        path = data.draw(st.sampled_from(paths))
        copied = json_patch(document, [{"op": "copy", "from": path, "path": "/saved"}])["saved"]
        again = json_patch(document, [op("test", path, copied), op("remove", path), op("add", path, copied)])
        assert again == document


@pytest.mark.needs("conformance")
def test_recorded_patches(conformance: Path) -> None:
    """Each recorded JSON or merge patch of a custom resource gives the spec that the real server answered with."""
    scenario = json.loads((conformance / "apiserver" / "20-patch-json-merge.json").read_text())
    live: dict[str, Any] = {}
    tried = 0
    for step in scenario["steps"]:
        request, answer = step["request"], step["answer"]
        if "widgets" not in request["path"] or not isinstance(answer["body"], dict):
            continue
        kind = (request.get("headers") or {}).get("Content-Type", "")
        if kind in ("application/json-patch+json", "application/merge-patch+json") and "body" in request and live:
            apply = json_patch if "json-patch" in kind else merge_patch
            if answer["status"] == 200:
                patched = apply(live, request["body"])["spec"]
                patched.pop("nope", None)
                assert patched == answer["body"]["spec"], step["name"]
                tried += 1
            elif "details" in answer["body"] and answer["body"]["details"] == {}:
                with pytest.raises(PatchNotApplicable):
                    apply(live, request["body"])
                tried += 1
        if answer["status"] in (200, 201) and "spec" in answer["body"]:
            live = answer["body"]
    assert tried > 20
