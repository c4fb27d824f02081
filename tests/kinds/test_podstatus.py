"""Names, labels and contents of pod status objects."""

from __future__ import annotations

import pytest

from gatewright.kinds import podstatus
from gatewright.kinds.podstatus import Reporter, UnpackableName, dash_packed, dash_unpacked
from gatewright.kinds.templates import TemplateError

REPORTER = Reporter(pod="gw-0", namespace="gatekeeper-system", uid="u-pod", operations=("webhook", "audit"))


@pytest.mark.parametrize(
    ("parts", "packed"),
    [
        pytest.param(("pod", "name"), "pod-name", id="plain"),
        pytest.param(("my-pod", "name"), "my--pod-name", id="a dash"),
        pytest.param(("a--b", "c"), "a----b-c", id="two dashes"),
        pytest.param(("one",), "one", id="one part"),
        pytest.param(("a", "b-c", "d"), "a-b--c-d", id="three parts"),
    ],
)
def test_packing(parts: tuple[str, ...], packed: str) -> None:
    assert dash_packed(*parts) == packed
    assert dash_unpacked(packed) == parts


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((), id="no part"),
        pytest.param(("a", ""), id="empty"),
        pytest.param(("-a",), id="leading dash"),
        pytest.param(("a-", "b"), id="trailing dash"),
    ],
)
def test_names_that_cannot_be_packed(parts: tuple[str, ...]) -> None:
    with pytest.raises(UnpackableName):
        dash_packed(*parts)


def test_template_status_object() -> None:
    made = podstatus.template_pod_status(
        REPORTER, "k8sfoo", "u-1", 3, errors=[TemplateError("ingest_error", "bad", "template:2")]
    )
    assert made == {
        "apiVersion": "status.gatekeeper.sh/v1beta1",
        "kind": "ConstraintTemplatePodStatus",
        "metadata": {
            "name": "gw--0-k8sfoo",
            "namespace": "gatekeeper-system",
            "labels": {
                "internal.gatekeeper.sh/pod": "gw-0",
                "internal.gatekeeper.sh/constrainttemplate-name": "k8sfoo",
            },
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "gw-0", "uid": "u-pod"}],
        },
        "status": {
            "id": "gw-0",
            "templateUID": "u-1",
            "operations": ["audit", "webhook"],
            "observedGeneration": 3,
            "errors": [{"code": "ingest_error", "message": "bad", "location": "template:2"}],
        },
    }


def test_constraint_status_object() -> None:
    point = podstatus.EnforcementPointStatus("vap.k8s.io", "generated", observed_generation=2)
    made = podstatus.constraint_pod_status(REPORTER, "K8sFoo", "all", "u-2", 2, enforced=True, points=[point])
    assert made["metadata"]["name"] == "gw--0-k8sfoo-all"
    assert made["metadata"]["labels"] == {
        "internal.gatekeeper.sh/pod": "gw-0",
        "internal.gatekeeper.sh/constraint-name": "all",
        "internal.gatekeeper.sh/constraint-kind": "K8sFoo",
        "internal.gatekeeper.sh/constrainttemplate-name": "k8sfoo",
    }
    assert made["status"]["enforced"] is True
    assert made["status"]["enforcementPointsStatus"] == [
        {"enforcementPoint": "vap.k8s.io", "state": "generated", "observedGeneration": 2}
    ]
    assert podstatus.described(made) == ("constraint", "K8sFoo", "all")


def test_config_status_object() -> None:
    made = podstatus.config_pod_status(REPORTER, "gatekeeper-system", "config", "u-3", 1, errors=[("Kind", "no such")])
    assert made["metadata"]["name"] == "gw--0-gatekeeper--system-config"
    assert made["status"]["errors"] == [{"type": "Kind", "message": "no such"}]
    assert podstatus.described(made) == ("config", "config")


def test_reading_and_the_entry_by_pod() -> None:
    made = podstatus.template_pod_status(REPORTER, "k8sfoo", "u-1", 3, conditions=[{"type": "Ingested"}])
    made["metadata"]["resourceVersion"] = "17"
    report = podstatus.read_pod_status(made)
    assert (report.id, report.of_uid, report.generation, report.resource_version) == ("gw-0", "u-1", 3, "17")
    assert report.conditions == {"Ingested": {"type": "Ingested"}}
    assert podstatus.by_pod_entry(made) == {
        "id": "gw-0",
        "templateUID": "u-1",
        "operations": ["audit", "webhook"],
        "observedGeneration": 3,
        "podStatusVersion": "17",
    }


def test_reading_an_empty_status() -> None:
    report = podstatus.read_pod_status({"metadata": {"name": "x"}})
    assert (report.id, report.of_uid, report.generation, report.errors) == ("", "", 0, ())
