"""Protobuf bodies against the real API server: what it writes in protobuf must read as what it writes in JSON."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from gatewright.apiserver.config import Config
from gatewright.apiserver.protobuf import decode
from tests.realapi.server import RealCluster

POD = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {
        "containers": [
            {
                "name": "main",
                "image": "img:1",
                "ports": [{"containerPort": 80}],
                "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "livenessProbe": {"httpGet": {"port": "web"}},
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
            }
        ],
        "volumes": [{"name": "v", "configMap": {"name": "x"}}, {"name": "e", "emptyDir": {}}],
    },
}
OBJECTS: list[Any] = [
    pytest.param(
        "/apis/apps/v1/namespaces/default/deployments",
        {"spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": POD}},
        id="Deployment",
    ),
    pytest.param(
        "/api/v1/namespaces/default/services", {"spec": {"ports": [{"port": 80, "targetPort": "web"}]}}, id="Service"
    ),
    pytest.param("/api/v1/namespaces/default/secrets", {"stringData": {"a": "b"}}, id="Secret"),
    pytest.param(
        "/apis/batch/v1/namespaces/default/cronjobs",
        {
            "spec": {
                "schedule": "* * * * *",
                "jobTemplate": {"spec": {"template": {"spec": {**POD["spec"], "restartPolicy": "Never"}}}},
            }
        },
        id="CronJob",
    ),
    pytest.param(
        "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
        {"spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}},
        id="Ingress",
    ),
    pytest.param(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
        id="ClusterRole",
    ),
    pytest.param(
        "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        {"spec": {"holderIdentity": "x", "renewTime": "2026-01-01T00:00:00.123456Z"}},
        id="Lease",
    ),
    pytest.param(
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        {"spec": {"minAvailable": "50%", "selector": {"matchLabels": {"a": "b"}}}},
        id="PodDisruptionBudget",
    ),
]


@pytest.mark.slow
@pytest.mark.needs("realapi")
def test_protobuf_reads_as_json(config: Config) -> None:
    with RealCluster() as cluster:
        for param in OBJECTS:
            collection, body = param.values
            status, made = cluster.request("POST", collection, {**body, "metadata": {"name": "x"}})
            assert status == 201, made
            raw = _raw(cluster, f"{collection}/x")
            read = decode(raw, config.wire, config.definitions)
            wanted = json.loads(json.dumps(made))
            assert _bare(read) == _bare(wanted), param.id


def _raw(cluster: RealCluster, path: str) -> bytes:
    import ssl

    context = ssl.create_default_context(cafile=str(cluster.ca))
    headers = {"Authorization": f"Bearer {cluster.token}", "Accept": "application/vnd.kubernetes.protobuf"}
    request = urllib.request.Request(cluster.url + path, headers=headers)
    with urllib.request.urlopen(request, context=context) as answer:
        content: bytes = answer.read()
        return content


def _bare(value: Any) -> Any:
    """Without what JSON leaves out or writes as empty: protobuf writes every string, JSON none that is empty."""
    if isinstance(value, dict):
        kept = {key: _bare(child) for key, child in value.items()}
        return {key: child for key, child in kept.items() if child not in (None, "", 0, False, {}, [])}
    return [_bare(child) for child in value] if isinstance(value, list) else value
