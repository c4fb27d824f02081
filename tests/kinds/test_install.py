"""The CRDs that we install: names, versions, and the map lists that server-side apply relies on."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.core.objects import dig
from gatewright.kinds.install import installed_crds

CRDS = {str(dig(crd, "spec", "names", "kind")): crd for crd in installed_crds()}


def schemas(crd: Any) -> list[Any]:
    return [version["schema"]["openAPIV3Schema"] for version in crd["spec"]["versions"]]


def test_which_there_are() -> None:
    assert sorted(CRDS) == [
        "Config",
        "ConfigPodStatus",
        "ConstraintPodStatus",
        "ConstraintTemplate",
        "ConstraintTemplatePodStatus",
        "SyncSet",
    ]


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_names_fit(kind: str) -> None:
    crd = CRDS[kind]
    names = crd["spec"]["names"]
    assert crd["metadata"]["name"] == f"{names['plural']}.{crd['spec']['group']}"
    assert crd["metadata"]["labels"] == {"gatekeeper.sh/system": "yes"}
    assert [version["storage"] for version in crd["spec"]["versions"]].count(True) == 1


@pytest.mark.parametrize("kind", ["ConstraintTemplate", "Config"])
def test_status_by_pod_and_conditions_are_map_lists(kind: str) -> None:
    for schema in schemas(CRDS[kind]):
        status = schema["properties"]["status"]["properties"]
        assert status["byPod"]["x-kubernetes-list-map-keys"] == ["id"]
        assert status["byPod"]["items"]["required"] == ["id"]
        assert status["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert all(version["subresources"] == {"status": {}} for version in CRDS[kind]["spec"]["versions"])


@pytest.mark.parametrize("kind", ["ConstraintTemplatePodStatus", "ConstraintPodStatus", "ConfigPodStatus"])
def test_pod_statuses_have_conditions_and_no_subresource(kind: str) -> None:
    (schema,) = schemas(CRDS[kind])
    assert schema["properties"]["status"]["properties"]["conditions"]["x-kubernetes-list-type"] == "map"
    assert "subresources" not in CRDS[kind]["spec"]["versions"][0]


def test_template_versions_differ_in_legacy_schema_alone() -> None:
    versions = {version["name"]: version for version in CRDS["ConstraintTemplate"]["spec"]["versions"]}
    assert sorted(versions) == ["v1", "v1alpha1", "v1beta1"]
    assert versions["v1"]["storage"] is True
    for name, legacy in (("v1", False), ("v1beta1", True), ("v1alpha1", True)):
        schema = versions[name]["schema"]["openAPIV3Schema"]
        validation = dig(
            schema, "properties", "spec", "properties", "crd", "properties", "spec", "properties", "validation"
        )
        assert validation["default"] == {"legacySchema": legacy}
        assert validation["properties"]["legacySchema"]["default"] is legacy


def test_templates_show_whether_they_are_ready() -> None:
    columns = CRDS["ConstraintTemplate"]["spec"]["versions"][0]["additionalPrinterColumns"]
    assert columns[0]["name"] == "Ready"
    assert columns[0]["jsonPath"] == '.status.conditions[?(@.type=="Ready")].status'
