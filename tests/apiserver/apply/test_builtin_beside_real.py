"""Owners of built-in objects: the same writes to the embedded and to a real server leave the same managedFields.

Each kind is created, patched, applied to with and without force, replaced and given up. Only the status and the owners
are compared; whole answers are the business of the recordings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.realapi.server import RealCluster

NAMESPACE = "owners"
Ask = Callable[..., tuple[int, Any]]

POD_SPEC = {
    "containers": [
        {
            "name": "c",
            "image": "i",
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": "0.5"}},
            "readinessProbe": {"httpGet": {"port": 80}},
        }
    ],
    "volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "m"}}]}}, {"name": "e", "emptyDir": {}}],
}
WORKLOAD = {
    "selector": {"matchLabels": {"a": "b"}},
    "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}},
}
RULE = {"apiGroups": ["zz.io"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["zs"]}
HOOK = {
    "name": "a.b.c",
    "clientConfig": {"url": "https://127.0.0.1:1/x"},
    "sideEffects": "None",
    "failurePolicy": "Ignore",
    "admissionReviewVersions": ["v1"],
    "rules": [RULE],
}
PATH_RULE = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 80}}}}

# kind -> (apiVersion, collection, the object's own part, a patch of it)
KINDS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "ConfigMap": ("v1", "configmaps", {"data": {"a": "1", "b": "2"}}, {"data": {"a": None, "c": "3"}}),
    "Secret": ("v1", "secrets", {"stringData": {"a": "b"}, "data": {"c": "ZA=="}}, {"data": {"e": "Zg=="}}),
    "Service": (
        "v1",
        "services",
        {"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}},
        {"spec": {"selector": {"c": "d"}}},
    ),
    "ServiceAccount": ("v1", "serviceaccounts", {"imagePullSecrets": [{"name": "s"}]}, {"secrets": [{"name": "z"}]}),
    "Pod": ("v1", "pods", {"spec": POD_SPEC}, {"metadata": {"labels": {"x": "y"}}}),
    "Event": (
        "v1",
        "events",
        {"involvedObject": {"kind": "Pod", "name": "p", "namespace": NAMESPACE}, "reason": "R", "count": 1},
        {"count": 2},
    ),
    "Deployment": ("apps/v1", "deployments", {"spec": WORKLOAD}, {"spec": {"replicas": 0}}),
    "DaemonSet": ("apps/v1", "daemonsets", {"spec": WORKLOAD}, {"spec": {"minReadySeconds": 1}}),
    "Ingress": (
        "networking.k8s.io/v1",
        "ingresses",
        {"spec": {"rules": [{"host": "h", "http": {"paths": [PATH_RULE]}}], "tls": [{"hosts": ["h"]}]}},
        {"spec": {"defaultBackend": {"service": {"name": "d", "port": {"name": "p"}}}}},
    ),
    "NetworkPolicy": (
        "networking.k8s.io/v1",
        "networkpolicies",
        {"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}},
        {"spec": {"podSelector": {"matchLabels": {"z": "1"}}}},
    ),
    "Lease": ("coordination.k8s.io/v1", "leases", {"spec": {"holderIdentity": "x"}}, {"spec": {"leaseTransitions": 0}}),
    "EndpointSlice": (
        "discovery.k8s.io/v1",
        "endpointslices",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.1.1"]}], "ports": [{"port": 80}]},
        {"ports": [{"port": 81, "name": "q"}]},
    ),
    "ClusterRole": (
        "rbac.authorization.k8s.io/v1",
        "clusterroles",
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
        {"metadata": {"labels": {"x": "y"}}},
    ),
    "ValidatingWebhookConfiguration": (
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        {"webhooks": [HOOK]},
        {"metadata": {"labels": {"x": "y"}}},
    ),
    "ValidatingAdmissionPolicy": (
        "admissionregistration.k8s.io/v1",
        "validatingadmissionpolicies",
        {"spec": {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}]}},
        {"spec": {"failurePolicy": "Ignore"}},
    ),
}
WRITERS = {"test", "m", "s", "ap"}
CLUSTER_SCOPED = {"ClusterRole", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy"}


def owners(answer: Any) -> list[str]:
    """managedFields without times, those of controllers left out; of a refusal the beginning of its text."""
    if answer.get("kind") == "Status":
        return [str(answer.get("message")).split(":")[0]]
    listed = [entry for entry in answer["metadata"].get("managedFields") or () if entry["manager"] in WRITERS]
    return sorted(
        json.dumps({name: entry[name] for name in entry if name != "time"}, sort_keys=True) for entry in listed
    )


def history(ask: Ask, kind: str) -> list[tuple[str, int, list[str]]]:
    """What a server answers to the writes of a kind, one after the other."""
    api_version, plural, own, patch = KINDS[kind]
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    base = f"{root}/{plural}" if kind in CLUSTER_SCOPED else f"{root}/namespaces/{NAMESPACE}/{plural}"
    path = f"{base}/owned"
    bare = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "owned"}}
    told = []

    def note(step: str, answered: tuple[int, Any]) -> None:
        told.append((step, answered[0], owners(answered[1])))

    note("create", ask("POST", base, {**bare, **own}))
    note("merge", ask("PATCH", f"{path}?fieldManager=m", patch, "application/merge-patch+json"))
    annotated = {"metadata": {"annotations": {"x": "1"}}}
    note("strategic", ask("PATCH", f"{path}?fieldManager=s", annotated, "application/strategic-merge-patch+json"))
    note("apply", ask("PATCH", f"{path}?fieldManager=ap", {**bare, **own}, "application/apply-patch+yaml"))
    note("forced", ask("PATCH", f"{path}?fieldManager=ap&force=true", {**bare, **own}, "application/apply-patch+yaml"))
    _, live = ask("GET", path)
    live["metadata"].setdefault("labels", {})["put"] = "1"
    note("put", ask("PUT", path, live))
    note("gone", ask("PATCH", f"{path}?fieldManager=ap", bare, "application/apply-patch+yaml"))
    ask("DELETE", path)
    return told


@pytest.fixture
def embedded(client: Any) -> Ask:
    def ask(method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        where, _, query = path.partition("?")
        pairs: Mapping[str, str] = dict(pair.split("=") for pair in query.split("&")) if query else {}
        answer = client.ask(method, where, body, query=pairs, headers={"content-type": kind})
        return answer.status, json.loads(answer.body)

    ask("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    return ask


@pytest.fixture
def real(realapi: RealCluster) -> Ask:
    def ask(method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        return realapi.request(method, path, body, content_type=kind, user_agent="test/1")

    ask("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    return ask


@pytest.mark.slow
@pytest.mark.needs("realapi")
@pytest.mark.parametrize("kind", list(KINDS))
def test_same_owners(embedded: Ask, real: Ask, kind: str) -> None:
    theirs = history(real, kind)
    assert [status for step, status, _ in theirs if step == "create"] == [201]
    assert history(embedded, kind) == theirs
