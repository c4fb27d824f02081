"""Five starter policies written as Python functions: the reference that compiled Rego is measured against.

Each takes a review and a constraint's parameters as the Rego does, and gives the same violations, as (message,
details), in any order and without duplicates. tests/bench holds them against the compiled policies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Review = dict[str, Any]
Violations = list[tuple[str, dict[str, Any]]]

_DIGEST = re.compile("@sha256:[0-9a-f]{64}$")
_REGISTRY = re.compile(r"^localhost$|[.:]")


def _spec(thing: dict[str, Any]) -> dict[str, Any]:
    if thing["kind"] == "Pod":
        return thing["spec"]
    if thing["kind"] == "CronJob":
        return thing["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return thing["spec"]["template"]["spec"]


def _containers(thing: dict[str, Any]) -> Iterator[dict[str, Any]]:
    spec = _spec(thing)
    yield from spec.get("initContainers", ())
    yield from spec.get("containers", ())
    yield from spec.get("ephemeralContainers", ())


def pinned_images(review: Review, parameters: dict[str, Any]) -> Violations:
    found: Violations = []
    moving = parameters.get("movingTags", ())
    for container in _containers(review["object"]):
        image, name = container["image"], container["name"]
        if _DIGEST.search(image):
            continue
        details = {"container": name, "image": image}
        if parameters.get("digestOnly"):
            found.append((f"container {name}: image {image} has no digest", details))
            continue
        _, colon, tag = image.rpartition("/")[2].partition(":")
        if not colon:
            found.append((f"container {name}: image {image} has neither tag nor digest, so it means latest", details))
        elif tag in moving:
            found.append((f"container {name}: image {image} has the moving tag {tag}", details))
    return found


def trusted_registries(review: Review, parameters: dict[str, Any]) -> Violations:
    registries = parameters["registries"]
    prefixes = tuple(registry.removesuffix("/") + "/" for registry in registries)
    found: Violations = []
    for container in _containers(review["object"]):
        image = container["image"]
        first, slash, _ = image.partition("/")
        if not slash:
            full = f"docker.io/library/{image}"
        else:
            full = image if _REGISTRY.search(first) else f"docker.io/{image}"
        if not full.startswith(prefixes):
            name = container["name"]
            text = f"container {name}: {full} is not from a trusted registry ({', '.join(registries)})"
            found.append((text, {"container": name, "image": image}))
    return found


def host_access(review: Review, parameters: dict[str, Any]) -> Violations:
    thing = review["object"]
    spec = _spec(thing)
    allow = parameters.get("allow", ())
    found: Violations = []
    for use in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(use) is True and use not in allow:
            name = thing["metadata"].get("name", "without a name")
            found.append((f"{review['kind']['kind']} {name} uses {use}", {"uses": use}))
    if "hostPath" not in allow:
        for volume in spec.get("volumes", ()):
            path = volume.get("hostPath", {}).get("path")
            if path is not None:
                name = volume["name"]
                found.append((f"volume {name} mounts {path} of the host", {"uses": "hostPath", "volume": name}))
    for container in _containers(thing):
        name = container["name"]
        if container.get("securityContext", {}).get("privileged") is True and "privileged" not in allow:
            found.append((f"container {name} is privileged", {"uses": "privileged", "container": name}))
        for port in container.get("ports", ()) if "hostPort" not in allow else ():
            number = port.get("hostPort", 0)
            if number > 0:
                text = f"container {name} takes port {number} of the host"
                found.append((text, {"uses": "hostPort", "container": name}))
    return found


def node_ports(review: Review, parameters: dict[str, Any]) -> Violations:
    thing = review["object"]
    spec = thing["spec"]
    name = f"{review['namespace']}/{thing['metadata']['name']}"
    if name in parameters.get("exempt", ()):
        return []
    if spec.get("type") == "NodePort":
        text = f"Service {name} would be open on every node; use ClusterIP behind an Ingress or Gateway"
        return [(text, {"ports": [port["port"] for port in spec.get("ports", ())]})]
    balancer = parameters.get("loadBalancers") and spec.get("type") == "LoadBalancer"
    if balancer and spec.get("allocateLoadBalancerNodePorts", True) is True:
        text = f"Service {name} needs allocateLoadBalancerNodePorts: false"
        return [(text, {"field": "spec.allocateLoadBalancerNodePorts"})]
    return []


def workload_labels(review: Review, parameters: dict[str, Any]) -> Violations:
    meta = review["object"]["metadata"]
    labels = meta.get("labels", {})
    who = f"{review['kind']['kind']} {meta.get('name', 'without a name')}"
    found: Violations = []
    for wanted in parameters["labels"]:
        key, pattern = wanted["key"], wanted.get("pattern")
        example = f" (for example {wanted['example']})" if wanted.get("example") else ""
        if key not in labels:
            found.append((f"{who} lacks the label {json.dumps(key)}{example}", {"label": key}))
        elif pattern is not None and not re.search(f"^(?:{pattern})$", labels[key]):
            shown = f"{json.dumps(labels[key])} as label {json.dumps(key)}, which does not match {pattern}"
            found.append((f"{who} has {shown}{example}", {"label": key, "value": labels[key]}))
    return found


POLICIES: dict[str, Callable[[Review, dict[str, Any]], Violations]] = {
    "pinned-images": pinned_images,
    "trusted-registries": trusted_registries,
    "host-access": host_access,
    "node-ports": node_ports,
    "workload-labels": workload_labels,
}
