"""What admission adds to Pods and forbids: priorities, runtime classes."""

from __future__ import annotations

import json
from typing import Any

import pytest

PODS = "/api/v1/namespaces/default/pods"
COMPUTED = "must not be provided in pod spec; priority admission controller computed"


def body(**spec: Any) -> Any:
    return {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "image": "i:1"}], **spec}}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
        ({"priority": 7}, f"the integer value of priority (7) {COMPUTED} 0 from the given PriorityClass name"),
        (
            {"preemptionPolicy": "Never"},
            f"the string value of PreemptionPolicy (Never) {COMPUTED} PreemptLowerPriority from the given "
            "PriorityClass name",
        ),
        ({"runtimeClassName": "none"}, 'pod rejected: RuntimeClass "none" not found'),
    ],
)
def test_forbidden_before_validation(client: Any, spec: Any, why: str) -> None:
    answer = client.ask("POST", PODS, body(**spec))
    assert answer.status == 403
    assert json.loads(answer.body)["message"] == f'pods "x" is forbidden: {why}'


def test_a_priority_class_gives_its_value(client: Any) -> None:
    made = {"metadata": {"name": "high"}, "value": 9, "preemptionPolicy": "Never"}
    assert client.ask("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", made).status == 201
    spec = json.loads(client.ask("POST", PODS, body(priorityClassName="high")).body)["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (9, "Never")


def test_a_change_that_tells_no_priority_keeps_it(client: Any) -> None:
    assert client.ask("POST", PODS, body()).status == 201
    answer = client.ask("PUT", f"{PODS}/x", body(containers=[{"name": "c", "image": "i:2"}]))
    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["spec"]["priority"] == 0
