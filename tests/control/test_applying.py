"""When an apply is due, and which fences it carries."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.control import applying
from gatewright.control.intents import Apply
from gatewright.kinds.resources import CRDS
from tests.control.world import applied, stamped

WANTED = {
    "apiVersion": "v1",
    "kind": "Thing",
    "metadata": {"name": "t", "labels": {"a": "b"}, "ownerReferences": [{"uid": "o1", "name": "o"}]},
    "spec": {"count": 1, "flag": True, "list": [{"x": 1}, {"x": 2}], "empty": {}},
    "status": {"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "False"}]},
}
HELD = applied(Apply(CRDS, WANTED, "me"))


def changed(path: str, value: Any) -> dict[str, Any]:
    """WANTED with another value at a dotted path; None takes it out."""

    def at(thing: Any, names: list[str]) -> Any:
        head, *rest = names
        if isinstance(thing, list):
            return [at(item, rest) if index == int(head) and rest else item for index, item in enumerate(thing)]
        inner = at(thing[head], rest) if rest else value
        out = {**thing, head: inner}
        return {key: part for key, part in out.items() if part is not None}

    return dict(at(WANTED, path.split(".")))


def test_an_apply_of_what_stands_is_not_due() -> None:
    assert not applying.due(HELD, WANTED, "me")
    assert applying.keep(CRDS, HELD, WANTED, "me") == ()


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(changed("spec.count", 2), id="value"),
        pytest.param(changed("spec.count", None), id="field-no-longer-wanted"),
        pytest.param(changed("spec.more", 1), id="field-added"),
        pytest.param(changed("spec.flag", 1), id="true-is-not-1"),
        pytest.param(changed("spec.list", [{"x": 1}]), id="atomic-list-shorter"),
        pytest.param(changed("status.conditions.0.status", "False"), id="item-of-a-map-list"),
        pytest.param(changed("status.conditions", [{"type": "A", "status": "True"}]), id="item-no-longer-wanted"),
        pytest.param(changed("metadata.labels", {"a": "c"}), id="label"),
        pytest.param(changed("metadata.ownerReferences", [{"uid": "o2", "name": "o"}]), id="owner"),
    ],
)
def test_an_apply_of_a_change_is_due(wanted: dict[str, Any]) -> None:
    assert applying.due(HELD, wanted, "me")


@pytest.mark.parametrize(
    "held",
    [
        pytest.param({**HELD, "spec": {**HELD["spec"], "default": 7}}, id="server-default-beside"),
        pytest.param({**HELD, "metadata": {**HELD["metadata"], "labels": {"a": "b", "x": "y"}}}, id="another's-label"),
        pytest.param(
            {**HELD, "status": {"conditions": [{"type": "Z"}, *reversed(HELD["status"]["conditions"])]}},
            id="another's-item-and-order",
        ),
    ],
)
def test_what_others_add_is_not_ours_to_mend(held: dict[str, Any]) -> None:
    assert not applying.due(held, WANTED, "me")


@pytest.mark.parametrize(
    "held",
    [
        pytest.param({**HELD, "spec": {**HELD["spec"], "count": 5}}, id="value-taken-over"),
        pytest.param({**HELD, "metadata": {**HELD["metadata"], "managedFields": []}}, id="ownership-lost"),
        pytest.param(stamped({**WANTED}), id="never-applied"),
    ],
)
def test_what_others_took_is_applied_again(held: dict[str, Any]) -> None:
    assert applying.due(held, WANTED, "me")


def test_ownership_is_by_manager_and_subresource() -> None:
    assert applying.due(HELD, WANTED, "other")
    assert applying.due(HELD, WANTED, "me", "status")


def test_an_absent_object_is_only_created() -> None:
    (intent,) = applying.keep(CRDS, None, WANTED, "me")
    assert intent.fields["metadata"]["resourceVersion"] == applying.ABSENT == "1"
    assert "uid" not in intent.fields["metadata"]


def test_a_held_object_is_fenced_by_its_uid_alone() -> None:
    (intent,) = applying.keep(CRDS, HELD, changed("spec.count", 2), "me")
    assert intent.fields["metadata"]["uid"] == "u1"
    assert "resourceVersion" not in intent.fields["metadata"]


def test_a_status_is_fenced_by_the_version_that_was_read() -> None:
    assert applying.at_version(WANTED, HELD)["metadata"]["resourceVersion"] == "50"


def test_a_delete_carries_both_preconditions() -> None:
    intent = applying.delete(CRDS, HELD)
    assert (intent.uid, intent.resource_version) == ("u1", "50")
