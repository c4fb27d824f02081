"""data.inventory as a persistent value."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from gatewright.policy.inventory import Entry, Inventory, InventoryError, path_of


def pod(name: str, namespace: str = "shop") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}}


ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}


def filled() -> Inventory:
    things = [pod("b"), pod("a"), pod("c", "other"), ROLE]
    return Inventory().with_objects((path_of(thing), json.dumps(thing).encode()) for thing in things)


def test_layout() -> None:
    document = filled().document
    assert list(document) == ["cluster", "namespace"]
    assert document["cluster"]["rbac.authorization.k8s.io/v1"]["ClusterRole"]["r"] == ROLE
    assert list(document["namespace"]["shop"]["v1"]["Pod"].items()) == [("a", pod("a")), ("b", pod("b"))]
    assert document.get("nothing") is None
    assert len(document["namespace"]) == 2


def test_versions_are_independent() -> None:
    before = filled()
    after = before.with_object(path_of(pod("a")), None).with_object(path_of(ROLE), None)
    assert (before.size, after.size) == (4, 2)
    assert list(before.document["namespace"]["shop"]["v1"]["Pod"]) == ["a", "b"]
    assert list(after.document["namespace"]["shop"]["v1"]["Pod"]) == ["b"]
    assert list(after.document) == ["namespace"], "empty levels are absent"


def test_untouched_parts_are_shared() -> None:
    before = filled()
    other = before.document["namespace"]["other"]
    after = before.with_object(path_of(pod("z")), pod("z"))
    assert after.document["namespace"]["other"] is other
    assert other["v1"]["Pod"] is before.document["namespace"]["other"]["v1"]["Pod"]


def test_an_object_is_decoded_once() -> None:
    inventory = filled()
    first = inventory.find(path_of(pod("a")))
    assert inventory.document["namespace"]["shop"]["v1"]["Pod"]["a"] is first
    assert inventory.with_object(path_of(pod("z")), pod("z")).find(path_of(pod("a"))) is first


def test_replacing_and_removing_what_is_not_there() -> None:
    inventory = filled()
    changed = inventory.with_object(path_of(pod("a")), {**pod("a"), "spec": {}})
    assert changed.size == inventory.size
    assert changed.find(path_of(pod("a")))["spec"] == {}
    assert inventory.with_object(path_of(pod("nope")), None) is inventory


def test_entries_travel() -> None:
    entry = Entry(json.dumps(pod("a")).encode())
    assert pickle.loads(pickle.dumps(entry)).object == pod("a")


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        pytest.param({"kind": "Pod", "metadata": {"name": "a"}}, "resource a has no version", id="no version"),
        pytest.param({"apiVersion": "v1", "metadata": {"name": "a"}}, "resource a has no kind", id="no kind"),
    ],
)
def test_objects_that_have_no_place(thing: dict[str, Any], text: str) -> None:
    with pytest.raises(InventoryError, match=text):
        path_of(thing)
