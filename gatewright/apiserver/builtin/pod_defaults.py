"""Defaults of Pods and of the Pod templates of workloads.

Called by `workloads` and `kinds`. Objects are not changed. Source: the Kubernetes API reference and the answers of a
real API server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gatewright.apiserver.builtin import quantities
from gatewright.core.objects import Object

Change = Callable[[Object], Object]

_MODE = 0o644


def with_defaults(thing: Object, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The object with fields that it lacks, or has as null or ""."""
    made = dict(thing)
    for key, value in defaults.items():
        if made.get(key) is None or made[key] == "":
            made[key] = value
    return made


def changed_list(thing: dict[str, Any], key: str, change: Change) -> None:
    """Replaces the items of a list field, where there is one."""
    if thing.get(key):
        thing[key] = [change(each) for each in thing[key]]


def changed_field(thing: dict[str, Any], key: str, change: Change) -> None:
    """Replaces an object field, where there is one."""
    if thing.get(key) is not None:
        thing[key] = change(thing[key])


def default_pod_spec(spec: Object) -> dict[str, Any]:
    """A PodSpec, as a Pod or a template has it."""
    made = with_defaults(
        spec,
        {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "securityContext": {},
            "schedulerName": "default-scheduler",
        },
    )
    # The older name of serviceAccountName is kept equal to it.
    account = made.get("serviceAccountName") or made.get("serviceAccount")
    if account:
        made["serviceAccountName"] = made["serviceAccount"] = account
    for key in ("containers", "initContainers", "ephemeralContainers"):
        changed_list(made, key, _default_container)
    changed_list(made, "volumes", _default_volume)
    if made.get("resources") is not None:
        made["resources"] = _rounded(made["resources"])
    if made.get("overhead"):
        made["overhead"] = quantities.rounded_up(made["overhead"])
    changed_list(made, "topologySpreadConstraints", lambda each: each)
    if made.get("hostNetwork"):
        for key in ("containers", "initContainers"):
            changed_list(made, key, _host_ports)
    return made


def default_pod(pod: Object) -> Object:
    """A Pod."""
    spec = default_pod_spec(pod.get("spec") or {})
    for key in ("containers", "initContainers"):
        changed_list(spec, key, _requests_from_limits)
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True
    return {**pod, "spec": spec}


def default_template(template: Object) -> Object:
    """The Pod template of a workload."""
    return {**template, "spec": default_pod_spec(template.get("spec") or {})}


def _host_ports(container: Object) -> Object:
    made = dict(container)
    changed_list(
        made, "ports", lambda port: port if port.get("hostPort") else {**port, "hostPort": port.get("containerPort", 0)}
    )
    return made


def _requests_from_limits(container: Object) -> Object:
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return container
    requests = {**limits, **(resources.get("requests") or {})}
    return {**container, "resources": {**resources, "requests": requests}}


def _rounded(resources: Object) -> Object:
    made = dict(resources)
    for key in ("limits", "requests"):
        if made.get(key):
            made[key] = quantities.rounded_up(made[key])
    return made


def pull_policy(image: str) -> str:
    """Always for an image with the tag latest or without tag and digest, else (and for what is no image's name)
    IfNotPresent."""
    head, slash, rest = image.partition("/")
    if not slash or not (set(head) & set(".:") or head == "localhost" or head != head.lower()):
        head, rest = "docker.io", image
    found = _IMAGE.fullmatch(f"{head}/{rest}")
    if found is None:
        return "IfNotPresent"
    tag, digest = found["tag"], found["digest"]
    return "Always" if tag == "latest" or not (tag or digest) else "IfNotPresent"


_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_IMAGE = re.compile(
    rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?(?:/{_PART})+(?::(?P<tag>\w[\w.-]{{0,127}}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)


def _default_container(container: Object) -> Object:
    made = with_defaults(
        container,
        {
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": pull_policy(str(container.get("image") or "")),
        },
    )
    made["resources"] = _rounded(made["resources"])
    changed_list(made, "ports", lambda port: with_defaults(port, {"protocol": "TCP"}))
    changed_list(made, "env", _default_env)
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        changed_field(made, key, _default_probe)
    changed_field(made, "lifecycle", _default_lifecycle)
    changed_field(made, "securityContext", lambda each: each)
    return made


def _default_env(variable: Object) -> Object:
    source = variable.get("valueFrom") or {}
    if source.get("fieldRef") is not None:
        reference = with_defaults(source["fieldRef"], {"apiVersion": "v1"})
        return {**variable, "valueFrom": {**source, "fieldRef": reference}}
    if source.get("resourceFieldRef") is not None:
        reference = with_defaults(source["resourceFieldRef"], {"divisor": "0"})
        return {**variable, "valueFrom": {**source, "resourceFieldRef": reference}}
    if source.get("fileKeyRef") is not None and source["fileKeyRef"].get("optional") is None:
        return {**variable, "valueFrom": {**source, "fileKeyRef": {**source["fileKeyRef"], "optional": False}}}
    return variable


def _default_probe(probe: Object) -> Object:
    made = dict(probe)
    for key, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not made.get(key):
            made[key] = value
    return _default_handler(made)


def _default_lifecycle(lifecycle: Object) -> Object:
    made = dict(lifecycle)
    for key in ("postStart", "preStop"):
        changed_field(made, key, _default_handler)
    return made


def _default_handler(handler: Object) -> Object:
    made = dict(handler)
    changed_field(made, "httpGet", lambda each: with_defaults(each, {"path": "/", "scheme": "HTTP"}))
    if made.get("grpc") is not None and made["grpc"].get("service") is None:
        made["grpc"] = {**made["grpc"], "service": ""}
    return made


_VOLUME_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "secret": {"defaultMode": _MODE},
    "configMap": {"defaultMode": _MODE},
    "downwardAPI": {"defaultMode": _MODE},
    "projected": {"defaultMode": _MODE},
    "hostPath": {"type": ""},
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def _default_volume(volume: Object) -> Object:
    made = dict(volume)
    sources = [key for key, value in made.items() if key != "name" and value is not None]
    if not sources:
        made["emptyDir"] = {}
    for key in sources:
        source: dict[str, Any] = dict(made[key])
        for name, value in _VOLUME_DEFAULTS.get(key, {}).items():
            if source.get(name) is None or (source[name] == "" and name != "type"):
                source[name] = value
        if key in ("downwardAPI", "projected"):
            changed_list(source, "items", _default_downward_item)
            changed_list(source, "sources", _default_projection)
        elif key == "image" and not source.get("pullPolicy"):
            source["pullPolicy"] = pull_policy(str(source.get("reference") or ""))
        elif key == "ephemeral" and source.get("volumeClaimTemplate"):
            claim = source["volumeClaimTemplate"]
            source["volumeClaimTemplate"] = {**claim, "spec": default_claim_spec(claim.get("spec") or {})}
        made[key] = source
    return made


def _default_downward_item(item: Object) -> Object:
    if item.get("fieldRef") is not None:
        return {**item, "fieldRef": with_defaults(item["fieldRef"], {"apiVersion": "v1"})}
    if item.get("resourceFieldRef") is not None:
        return {**item, "resourceFieldRef": with_defaults(item["resourceFieldRef"], {"divisor": "0"})}
    return item


def _default_projection(projection: Object) -> Object:
    made = dict(projection)
    if made.get("serviceAccountToken") is not None:
        made["serviceAccountToken"] = with_defaults(made["serviceAccountToken"], {"expirationSeconds": 3600})
    if made.get("downwardAPI") is not None:
        inner = dict(made["downwardAPI"])
        changed_list(inner, "items", _default_downward_item)
        made["downwardAPI"] = inner
    return made


def default_claim_spec(spec: Object) -> Object:
    """The spec of a PersistentVolumeClaim."""
    made = with_defaults(spec, {"volumeMode": "Filesystem"})
    if made.get("resources"):
        made["resources"] = _rounded(made["resources"])
    return made


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort, by the requests and limits for cpu and memory."""
    requests: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    guaranteed = True
    containers: Sequence[Object] = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    for container in containers:
        resources = container.get("resources") or {}
        requested, limited = _counted(resources.get("requests")), _counted(resources.get("limits"))
        for total, own in ((requests, requested), (limits, limited)):
            for name, value in own.items():
                total[name] = total.get(name, 0) + value
        guaranteed = guaranteed and len(limited) == 2
    if not requests and not limits:
        return "BestEffort"
    same = len(requests) == len(limits) and all(limits.get(name) == value for name, value in requests.items())
    return "Guaranteed" if guaranteed and same else "Burstable"


def _counted(amounts: Mapping[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("cpu", "memory"):
        value = quantities.parse((amounts or {}).get(name))
        if value is not None and value > 0:
            found[name] = value
    return found
