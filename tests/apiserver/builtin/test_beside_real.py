"""Slightly wrong bodies of built-in kinds, drawn by chance: the embedded server refuses and defaults them as the real
one does.

Whole answers of dry runs are compared. The order of complaints about map entries is chance in the real server, so
causes are compared as sets. A few differences are known (see KNOWN) and left out.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from gatewright import data
from gatewright.apiserver.apply import BuiltinSchemas
from gatewright.apiserver.config import Config
from tests.apiserver.builtin.drawing import Dice
from tests.apiserver.builtin.test_kinds import BODIES
from tests.realapi.server import RealCluster
from tests.replay.transport import Call

DRAWS = 600
LEAST = 0.95  # the share of equal answers

KINDS = {
    "pods": ("v1", "Pod"),
    "services": ("v1", "Service"),
    "configmaps": ("v1", "ConfigMap"),
    "deployments": ("apps/v1", "Deployment"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "daemonsets": ("apps/v1", "DaemonSet"),
    "jobs": ("batch/v1", "Job"),
    "cronjobs": ("batch/v1", "CronJob"),
    "ingresses": ("networking.k8s.io/v1", "Ingress"),
    "networkpolicies": ("networking.k8s.io/v1", "NetworkPolicy"),
    "leases": ("coordination.k8s.io/v1", "Lease"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
    "poddisruptionbudgets": ("policy/v1", "PodDisruptionBudget"),
    "roles": ("rbac.authorization.k8s.io/v1", "Role"),
    "rolebindings": ("rbac.authorization.k8s.io/v1", "RoleBinding"),
}
# Rules that are left out: of Windows, of storage drivers that are gone, of ephemeral containers; lists given empty.
KNOWN = re.compile(
    r"windowsOptions|ephemeralContainers|quobyte|flocker|clusterTrustBundle|podCertificate|schedulingGroup|stopSignal"
    r"|azureDisk|storageos|runtimeClassName|priorityClassName|preemptionPolicy|spec.priority|dataSource|clusterIP|ipFamil"
)
_CHANCE = frozenset({"uid", "resourceVersion", "creationTimestamp", "time", "clusterIP", "clusterIPs", "message"})


def plain(value: Any, key: str = "") -> Any:
    """An answer without what is chance in it."""
    if isinstance(value, dict):
        return {name: plain(each, name) for name, each in value.items() if name not in _CHANCE or key == "causes"}
    if isinstance(value, list):
        made = [plain(each, key) for each in value]
        return sorted(made, key=json.dumps) if key in ("causes", "managedFields") else made
    return re.sub("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "*", value) if isinstance(value, str) else value


@pytest.mark.slow
@pytest.mark.needs("realapi")
def test_slightly_wrong_bodies_are_answered_as_by_the_real_server(config: Config, make_transport: Any) -> None:
    dice = Dice(7, BuiltinSchemas.read(data.read("builtin-schemas.json.gz")))
    bodies = {plural: (group, body) for (group, plural), body in BODIES.items() if plural in KINDS}
    transport = make_transport(config)
    compared, equal, refused, differing = 0, 0, 0, []
    with RealCluster() as cluster:
        for _ in range(DRAWS):
            plural = dice.random.choice(sorted(KINDS))
            group, good = bodies[plural]
            version, kind = KINDS[plural]
            body, notes = dice.body({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, **good})
            if any(KNOWN.search(note) for note in notes):
                continue
            base = f"/apis/{version}" if group else "/api/v1"
            target = f"{base}/namespaces/default/{plural}?dryRun=All"
            real, answer = cluster.request("POST", target, body, user_agent="test/1")
            headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "test/1"}
            reply = transport.send(Call("POST", target, headers, json.dumps(body).encode()))
            compared += 1
            refused += real == 422
            if (reply.status, plain(json.loads(reply.body))) == (real, plain(answer)):
                equal += 1
            else:
                differing.append(
                    f"{plural}: {'; '.join(notes)}\n  ours {reply.body.decode()}\n  real {json.dumps(answer)}"
                )
    assert refused > DRAWS / 3, "most draws should be wrong somewhere"
    assert equal >= LEAST * compared, "\n".join(differing)
