"""Whatever a client sends, it gets an answer that a real server could give, and the server goes on."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewright.apiserver.watching import Watch
from gatewright.core.http import Request, User

ADMIN = User("admin")
BODIES = [
    b"",
    b"null",
    b"[]",
    b"1",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b"{}" * 2,
    b"[" * 5000,
    b'{"a":' * 400 + b"1" + b"}" * 400,
    b'{"apiVersion":1,"kind":{}}',
    b'{"apiVersion":"v1","kind":"ConfigMap","metadata":[]}',
    b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":5}}',
    b'{"apiVersion":"v1","kind":"ConfigMap","metadata":null,"data":null}',
    b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","managedFields":[{"fieldsV1":7}]}}',
    b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[null,5,{}]}}',
    b'{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{"ports":[{"port":1e400}]}}',
    b'{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"x"},"spec":{}}',
    b'{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"x"},'
    b'"spec":{"group":5,"names":[],"versions":[{"schema":{"openAPIV3Schema":{"properties":[]}}}]}}',
    b'[{"op":"replace","path":"/metadata","value":5}]',
    b'[{"op":"remove","path":""}]',
    b'{"metadata":5,"kind":null}',
    b"k8s\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"a: &a [*a]",
    b"a: b: c",
]
PATHS = [
    "/",
    "//",
    "/api",
    "/api/v1/../..",
    "/api/v1/namespaces",
    "/api/v1/namespaces/default",
    "/api/v1/namespaces/default/configmaps",
    "/api/v1/namespaces/default/configmaps/there",
    "/api/v1/namespaces/default/pods/x/exec",
    "/api/v1/namespaces/default/services",
    "/apis/apps/v1/namespaces/default/deployments/x/scale",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/t.example.io/v1/widgets",
    "/apis/t.example.io/v1/widgets/there",
    "/apis/t.example.io/v1/widgets/there/status",
    "/openapi/v3/apis/\x00",
    "/\u2603",
]
TYPES = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "text/html",
    ";;;",
]
QUERIES: list[tuple[tuple[str, str], ...]] = [
    (),
    (("limit", "x"), ("continue", "%%%")),
    (("labelSelector", "a in ("), ("fieldSelector", "=")),
    (("watch", "1"), ("resourceVersion", "-1"), ("timeoutSeconds", "99999999999999999999")),
    (("fieldManager", "m"), ("force", "maybe"), ("dryRun", "")),
    (("gracePeriodSeconds", "-9"), ("propagationPolicy", "\x00")),
]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.t.example.io"},
    "spec": {
        "group": "t.example.io",
        "scope": "Cluster",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}},
            }
        ],
    },
}


@pytest.fixture
def furnished(client: Any) -> Any:
    """A server with a custom resource and an object of each sort."""
    assert client.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS).status == 201
    widget = {"apiVersion": "t.example.io/v1", "kind": "Widget", "metadata": {"name": "there"}}
    assert client.ask("POST", "/apis/t.example.io/v1/widgets", widget).status == 201
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there"}}
    assert client.ask("POST", "/api/v1/namespaces/default/configmaps", config_map).status == 201
    return client


def check(client: Any, request: Request) -> None:
    answer = client.engine.run(request, ADMIN)
    if isinstance(answer, Watch):
        return
    assert 200 <= answer.status < 600
    if answer.status >= 400 and answer.header("content-type").startswith("application/json"):
        body = json.loads(answer.body)
        assert body["kind"] == "Status"
        assert body["code"] == answer.status


@pytest.mark.parametrize("method", METHODS)
def test_rubbish_is_answered(furnished: Any, method: str) -> None:
    for path, body, media in itertools.product(PATHS, BODIES, TYPES):
        headers = (("content-type", media), ("accept", "application/json"))
        check(furnished, Request(method, path, (("fieldManager", "m"),), headers, body))
    for path, query, accept in itertools.product(
        PATHS, QUERIES, ["", "*/*;q=x", "application/json;as=Table;v=v1;g=meta.k8s.io"]
    ):
        check(furnished, Request(method, path, query, (("accept", accept),), b""))
    assert furnished.ask("GET", "/api/v1/namespaces/default").status == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SHAPES = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.sampled_from(["v1", "t.example.io/v1", "apps/v1", ""]) | json_values,
        "kind": st.sampled_from(["ConfigMap", "Widget", "Pod"]) | json_values,
        "metadata": st.dictionaries(
            st.sampled_from(
                ["name", "namespace", "labels", "annotations", "finalizers", "ownerReferences", "managedFields", "uid"]
            ),
            json_values,
            max_size=3,
        )
        | json_values,
        "spec": json_values,
        "status": json_values,
        "data": json_values,
    },
)


@given(
    body=SHAPES, path=st.sampled_from(PATHS[4:15]), media=st.sampled_from(TYPES), method=st.sampled_from(METHODS[:5])
)
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_objects_of_odd_shapes_are_answered(furnished: Any, body: Any, path: str, media: str, method: str) -> None:
    headers = (("content-type", media), ("accept", "application/json"))
    check(furnished, Request(method, path, (("fieldManager", "m"),), headers, json.dumps(body).encode()))
