"""Pages and events taken apart without decoding the objects in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.core.objects import Name, Resource
from gatewright.kube import nesting
from gatewright.kube.items import Malformed, behind, ordinal, read_event, read_item, read_page
from gatewright.kube.nesting import split_list, too_deep

PODS = Resource("", "v1", "pods", "Pod", namespaced=True)


def test_items_of_built_in_lists_are_completed() -> None:
    meta = b'{"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", "labels": {"b": "1", "a": ""}}'
    raw = b' {"metadata": ' + meta + b"}"
    item = read_item(raw, PODS)
    assert (item.name, item.uid, item.version) == (Name("n", "a"), "u", "7")
    assert item.labels == (("a", ""), ("b", "1"))
    assert json.loads(item.raw) == {"apiVersion": "v1", "kind": "Pod", **json.loads(raw)}


def test_objects_that_say_what_they_are_stay_as_they_are() -> None:
    raw = b'{"apiVersion":"x/v1","kind":"X","metadata":{"name":"a","labels":null}}'
    assert read_item(raw, PODS).raw is raw


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"type":"ADDED"}', id="no object"),
        pytest.param(b'{"type":"ADDED","object":7}', id="number"),
        pytest.param(b'{"type":"ADDED","object":{}}', id="no metadata"),
        pytest.param(b'{"type":"SURPRISE","object":{"metadata":{}}}', id="unknown type"),
        pytest.param(b'{"type":"BOOKMARK","object":{"metadata":{"annotations":7}}}', id="bookmark"),
    ],
)
def test_events_that_can_not_be_read(line: bytes) -> None:
    with pytest.raises(Malformed):
        read_event(line, PODS)


def test_a_marked_bookmark() -> None:
    annotations = {"k8s.io/initial-events-end": "true"}
    body = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "5", "annotations": annotations}}}
    event = read_event(json.dumps(body).encode(), PODS)
    assert event.ends_initial
    assert event.item is not None
    assert event.item.version == "5"


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        pytest.param("9", "10", True, id="by number"),
        pytest.param("10", "9", False, id="newer"),
        pytest.param("10", "10", False, id="equal"),
        pytest.param("a", "10", False, id="no number"),
        pytest.param("9", "", False, id="nothing seen"),
    ],
)
def test_versions_are_compared_as_numbers(one: str, other: str, older: bool) -> None:
    assert behind(one, other) is older


def test_a_number_of_another_script_is_no_version() -> None:
    assert ordinal("\u0665") is None


# --- objects that nest too deeply


def deep(name: str, levels: int) -> str:
    return f'{{"metadata":{{"name":"{name}","resourceVersion":"5"}},"spec":{"[" * levels}{"]" * levels}}}'


@pytest.mark.parametrize("levels", [pytest.param(nesting.LIMIT, id="just"), pytest.param(50_000, id="far")])
def test_an_object_too_deep_is_left_out_of_its_page(levels: int) -> None:
    items = ",".join([deep("a", 3), deep("b", levels), deep("c", nesting.LIMIT - 1)])
    body = f'{{"kind":"PodList","metadata":{{"resourceVersion":"9","continue":"t"}},"items":[{items}]}}'
    page = read_page(body.encode(), PODS)
    assert [item.name.name for item in page.items] == ["a", "c"]
    assert (page.version, page.token, page.skipped) == ("9", "t", 1)
    assert read_event(f'{{"type":"ADDED","object":{deep("b", levels)}}}'.encode(), PODS).type == "SKIPPED"


_JSON = st.recursive(
    st.one_of(st.none(), st.text(alphabet='a{}[]"\\,:'), st.integers()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(("items", "x", '"')), inner)),
    max_leaves=12,
)


@given(
    st.lists(st.dictionaries(st.text(alphabet='a{"', max_size=3), _JSON, max_size=3), max_size=4), _JSON, st.booleans()
)
def test_lists_are_split_where_their_items_are(items: list[Any], other: Any, ascii_only: bool) -> None:
    body = json.dumps({"a": other, "items": items, "z": {"items": [1]}}, ensure_ascii=ascii_only).encode()
    rest, found = split_list(body)
    assert [json.loads(item) for item in found] == items
    assert json.loads(rest) == {"a": other, "items": [], "z": {"items": [1]}}


@given(_JSON)
def test_shallow_texts_are_never_too_deep(value: Any) -> None:
    assert not too_deep(json.dumps([value] * 200).encode())


def depth(value: Any) -> int:
    """The plainest count of levels, without recursion."""
    deepest, rest = 0, [(value, 1)]
    while rest:
        one, level = rest.pop()
        if isinstance(one, dict | list):
            deepest = max(deepest, level)
            rest += [(inner, level + 1) for inner in (one.values() if isinstance(one, dict) else one)]
    return deepest


_ODD = st.sampled_from(("]", "[", "}", "{{", '\\"', '"]\\', "\\\\{", "a"))


@given(st.lists(st.tuples(st.booleans(), _ODD, _ODD), min_size=1, max_size=3), st.integers(-4, 4))
def test_brackets_in_strings_neither_hide_nor_make_depth(shape: list[tuple[bool, str, str]], beside: int) -> None:
    value: Any = "end"
    for level in range(nesting.LIMIT + beside):
        listed, one, other = shape[level % len(shape)]
        value = [one, value, other] if listed else {one + "x": other, "y": value, other: one}
    assert depth(value) == nesting.LIMIT + beside
    assert too_deep(json.dumps(value).encode()) is (beside > 0)


@pytest.mark.parametrize(
    "text", [pytest.param(b"[" * 5000, id="never closed"), pytest.param(b'{"a":' * 5000, id="objects")]
)
def test_what_is_no_json_may_count_as_too_deep(text: bytes) -> None:
    assert too_deep(text)
