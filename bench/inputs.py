"""What the reviews are measured on: the starter policies and their samples, and one Pod of an ordinary size as an
AdmissionReview.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.core.documents import read_documents
from gatewright.core.objects import Kind
from gatewright.kinds.resources import CONSTRAINTS_GROUP
from gatewright.policy.drivers import Loaded
from gatewright.policy.enforcement import GATOR_POINT
from gatewright.policy.policies import Policies
from gatewright.policy.review import Review, review_of_object

ROOT = Path(__file__).resolve().parent.parent
STARTERS = ROOT / "policies"


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of YAML."""
    for document in read_documents(path.read_bytes(), str(path)):
        yield document.value


@dataclass(frozen=True)
class Case:
    """A policy compiled, with its constraint's parameters and the reviews of its samples."""

    name: str
    loaded: Loaded
    parameters: Any
    reviews: tuple[Review, ...]


def case(name: str) -> Case:
    """A starter policy by its folder's name, with those samples that are objects of its constraint's kinds."""
    folder = STARTERS / name
    policies = Policies(objects(folder / "template.yaml"), objects(folder / "constraint.yaml"))
    (bound,) = policies.snapshot.rules.bound(GATOR_POINT)
    kinds = {kind for entry in bound.object["spec"]["match"]["kinds"] for kind in entry["kinds"]}
    samples = (thing for path in sorted((folder / "samples").glob("*.yaml")) for thing in objects(path))
    plain = (thing for thing in samples if Kind.of(thing).group != CONSTRAINTS_GROUP and thing.get("kind") in kinds)
    reviews = tuple(review_of_object(thing) for thing in plain)
    return Case(name, bound.loaded, bound.parameters, reviews)


def admission_review() -> bytes:
    """A Pod of three containers, as an API server sends it to the webhook."""
    containers = [_container(index) for index in range(3)]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "shop",
            "namespace": "shop",
            "uid": "11111111-1111-4111-8111-111111111111",
            "labels": {f"example.com/label-{index}": f"value-{index}" for index in range(8)},
            "annotations": {f"example.com/note-{index}": "some words about this Pod " * 4 for index in range(6)},
        },
        "spec": {
            "serviceAccountName": "shop",
            "containers": containers,
            "volumes": [{"name": f"data-{index}", "emptyDir": {}} for index in range(3)],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
        },
    }
    request = {
        "uid": "22222222-2222-4222-8222-222222222222",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "name": "shop",
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "someone", "groups": ["system:authenticated"]},
        "object": pod,
        "oldObject": None,
        "dryRun": False,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(review).encode()


def _container(index: int) -> dict[str, Any]:
    return {
        "name": f"part-{index}",
        "image": f"registry.example.com/shop/part-{index}:1.{index}.0",
        "command": ["/app/serve", "--listen", "0.0.0.0:8080"],
        "env": [{"name": f"SETTING_{number}", "value": f"value {number}"} for number in range(12)],
        "ports": [{"containerPort": 8080 + index, "name": f"web-{index}", "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
        "securityContext": {"runAsNonRoot": True, "allowPrivilegeEscalation": False},
        "volumeMounts": [{"name": f"data-{index}", "mountPath": f"/data-{index}"}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080 + index}, "periodSeconds": 10},
    }


def registries(index: int) -> dict[str, Any]:
    """One of many constraints of the policy trusted-registries: like the others, with a list of its own."""
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": "TrustedRegistries",
        "metadata": {"name": f"registries-{index}"},
        "spec": {
            "match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]},
            "parameters": {"registries": [f"team-{index}.example.com", "quay.io", "registry.example.com"]},
        },
    }
