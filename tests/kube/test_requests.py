"""Requests as values: paths, queries, headers, bodies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewright.core.http import Request
from gatewright.core.objects import Name, Resource
from gatewright.kube import requests

PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}
CRD = {"metadata": {"name": "c", "uid": "u"}}

CASES: list[Any] = [
    pytest.param(requests.get(PODS, Name("n", "p")), "GET", "/api/v1/namespaces/n/pods/p", {}, None, id="get"),
    pytest.param(
        requests.get(CRDS, Name("", "c"), subresource="status", resource_version="0"),
        "GET",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/c/status",
        {"resourceVersion": "0"},
        None,
        id="get status",
    ),
    pytest.param(
        requests.list_page(PODS, limit=5, resource_version="7", match="NotOlderThan"),
        "GET",
        "/api/v1/pods",
        {"limit": "5", "resourceVersion": "7", "resourceVersionMatch": "NotOlderThan"},
        None,
        id="list",
    ),
    pytest.param(
        requests.list_page(PODS, "n", limit=5, token="t", resource_version="7", match="Exact", label_selector="a=b"),
        "GET",
        "/api/v1/namespaces/n/pods",
        {"limit": "5", "continue": "t", "labelSelector": "a=b"},
        None,
        id="next page names no version",
    ),
    pytest.param(
        requests.watch(PODS, resource_version="7", timeout=9, field_selector="a=b"),
        "GET",
        "/api/v1/pods",
        {
            "watch": "true",
            "resourceVersion": "7",
            "timeoutSeconds": "9",
            "allowWatchBookmarks": "true",
            "fieldSelector": "a=b",
        },
        None,
        id="watch",
    ),
    pytest.param(
        requests.create(PODS, POD, manager="m", dry_run=True),
        "POST",
        "/api/v1/namespaces/n/pods",
        {"fieldManager": "m", "dryRun": "All"},
        POD,
        id="dry-run create",
    ),
    pytest.param(
        requests.apply(CRDS, CRD, manager="m", subresource="status"),
        "PATCH",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/c/status",
        {"fieldManager": "m", "force": "true"},
        CRD,
        id="apply status",
    ),
    pytest.param(requests.replace(PODS, POD), "PUT", "/api/v1/namespaces/n/pods/p", {}, POD, id="replace"),
    pytest.param(
        requests.delete(CRDS, Name("", "c")),
        "DELETE",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/c",
        {},
        {"apiVersion": "v1", "kind": "DeleteOptions"},
        id="plain delete",
    ),
    pytest.param(
        requests.delete(
            CRDS, Name("", "c"), uid="u", resource_version="7", propagation="Background", dry_run=True, grace=0
        ),
        "DELETE",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/c",
        {},
        {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": "u", "resourceVersion": "7"},
            "propagationPolicy": "Background",
            "dryRun": ["All"],
            "gracePeriodSeconds": 0,
        },
        id="everything about a delete is in its body",
    ),
    pytest.param(requests.discovery_groups(), "GET", "/apis", {}, None, id="groups"),
    pytest.param(requests.discovery_resources("", "v1"), "GET", "/api/v1", {}, None, id="core resources"),
    pytest.param(requests.discovery_resources("g", "v1"), "GET", "/apis/g/v1", {}, None, id="resources"),
    pytest.param(requests.server_version(), "GET", "/version", {}, None, id="version"),
]


@pytest.mark.parametrize(("request_", "method", "path", "query", "body"), CASES)
def test_requests(request_: Request, method: str, path: str, query: dict[str, str], body: Any) -> None:
    assert (request_.method, request_.path, dict(request_.query)) == (method, path, query)
    assert (json.loads(request_.body) if request_.body else None) == body
    assert request_.header("accept") == "application/json"


@pytest.mark.parametrize(
    ("request_", "media"),
    [
        pytest.param(requests.apply(CRDS, CRD, manager="m"), "application/apply-patch+yaml", id="apply"),
        pytest.param(requests.json_patch(PODS, Name("n", "p"), []), "application/json-patch+json", id="json"),
        pytest.param(requests.merge_patch(PODS, Name("n", "p"), {}), "application/merge-patch+json", id="merge"),
        pytest.param(
            requests.strategic_patch(PODS, Name("n", "p"), {}), "application/strategic-merge-patch+json", id="strategic"
        ),
        pytest.param(requests.create(PODS, POD), "application/json", id="create"),
    ],
)
def test_media_types(request_: Request, media: str) -> None:
    assert request_.header("content-type") == media


def test_a_streaming_list_asks_for_its_end_mark() -> None:
    query = dict(requests.watch(PODS, initial=True, bookmarks=False).query)
    assert query["allowWatchBookmarks"] == query["sendInitialEvents"] == "true"
    assert query["resourceVersionMatch"] == "NotOlderThan"


def test_mappings_that_are_no_dicts_are_encoded() -> None:
    from types import MappingProxyType

    assert requests.encode(MappingProxyType({"a": MappingProxyType({})})) == b'{"a":{}}'
    with pytest.raises(TypeError, match="no JSON value: object"):
        requests.encode({"a": object()})
