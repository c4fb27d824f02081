"""Containers of Pods: validation of ports, variables, mounts, resources, probes, hooks and security contexts.

Called by `pods`. Source: the Kubernetes API reference ("Container") and the answers of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gatewright.apiserver.builtin import forms, quantities
from gatewright.apiserver.builtin.resources import resize_errors, resource_errors
from gatewright.apiserver.builtin.security import security_errors
from gatewright.core import names
from gatewright.core.field_errors import (
    FieldError,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from gatewright.core.objects import Object
from gatewright.core.selectors import validate_label_key

_ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
VOLUME_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_KNOWN_FIELDS = frozenset({*_ENV_FIELDS, *VOLUME_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase"})
_RESOURCE_FIELDS = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_PROTOCOLS = ("SCTP", "TCP", "UDP")


@dataclass(frozen=True, slots=True)
class Around:
    """What containers refer to in their Pod. volumes: names of good volumes; claims: names of resource claims;
    host_users: whether the Pod shares the host's user namespace; restarts: its restart policy."""

    volumes: frozenset[str]
    claims: frozenset[str]
    host_users: bool
    restarts: str


def common_errors(container: Object, around: Around, path: Path) -> list[FieldError]:
    """What holds for containers of every sort, in the server's order."""
    errors: list[FieldError] = []
    name = container.get("name") or ""
    errors += forms.label(name, path.child("name")) if name else [required(path.child("name"))]
    if not container.get("image"):
        errors.append(required(path.child("image")))
    policy = container.get("terminationMessagePolicy")
    choices = ("File", "FallbackToLogsOnError")
    errors += forms.choice(policy, choices, path.child("terminationMessagePolicy"), needed=True)
    errors += _port_errors(container.get("ports") or (), path.child("ports"))
    errors += _env_errors(container.get("env") or (), path.child("env"))
    errors += _env_from_errors(container.get("envFrom") or (), path.child("envFrom"))
    errors += _mount_errors(container, around.volumes, path.child("volumeMounts"))
    errors += _device_errors(container, around.volumes, path.child("volumeDevices"))
    pulls = ("Always", "IfNotPresent", "Never")
    errors += forms.choice(container.get("imagePullPolicy"), pulls, path.child("imagePullPolicy"), needed=True)
    errors += resource_errors(container.get("resources") or {}, path.child("resources"), around.claims)
    errors += resize_errors(container.get("resizePolicy") or (), path.child("resizePolicy"), around.restarts)
    context = container.get("securityContext")
    return errors + security_errors(context, path.child("securityContext"), host_users=around.host_users)


def _port_errors(ports: Sequence[Object], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, port in enumerate(ports):
        at = path.index(position)
        name = port.get("name") or ""
        if name:
            texts = forms.port_name(name)
            errors += [invalid(at.child("name"), name, text) for text in texts]
            if not texts and name in seen:
                errors.append(duplicate(at.child("name"), name))
            seen.add(name)
        number = port.get("containerPort") or 0
        if not number:
            errors.append(required(at.child("containerPort")))
        else:
            errors += [invalid(at.child("containerPort"), number, text) for text in forms.port_number(number)]
        host = port.get("hostPort") or 0
        if host:
            errors += [invalid(at.child("hostPort"), host, text) for text in forms.port_number(host)]
        errors += forms.choice(port.get("protocol"), _PROTOCOLS, at.child("protocol"), needed=True)
    return errors


def host_port_conflicts(containers: Sequence[Object], path: Path) -> list[FieldError]:
    """Host ports that two containers ask for."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            text = f"{port.get('protocol') or ''}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if text in seen:
                errors.append(duplicate(path.index(i).child("ports").index(j).child("hostPort"), text))
            seen.add(text)
    return errors


# --- variables


def _env_errors(variables: Sequence[Object], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, variable in enumerate(variables):
        at = path.index(position)
        name = variable.get("name") or ""
        if not name:
            errors.append(required(at.child("name")))
        else:
            errors += [invalid(at.child("name"), name, text) for text in forms.variable_name(name)]
        if variable.get("valueFrom") is not None:
            errors += _source_errors(variable, variable["valueFrom"], at.child("valueFrom"))
    return errors


def _source_errors(variable: Object, source: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    given = 0
    for key in ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"):
        reference = source.get(key)
        if reference is None:
            continue
        given += 1
        at = path.child(key)
        if key == "fieldRef":
            errors += field_ref_errors(reference, _ENV_FIELDS, at)
        elif key == "resourceFieldRef":
            errors += resource_ref_errors(reference, at, volume=False)
        elif key == "fileKeyRef":
            errors += _file_ref_errors(reference, at)
        else:
            errors += _key_ref_errors(reference, at)
    if not given:
        told = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid(path, "", told))
    elif variable.get("value"):
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif given > 1:
        errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def field_ref_errors(reference: Object, allowed: tuple[str, ...], path: Path) -> list[FieldError]:
    """Errors of a reference to a field of the Pod itself."""
    if not reference.get("apiVersion"):
        return [required(path.child("apiVersion"))]
    field = reference.get("fieldPath") or ""
    if not field:
        return [required(path.child("fieldPath"))]
    if reference["apiVersion"] != "v1":
        told = f"error converting fieldPath: unsupported pod version: {reference['apiVersion']}"
        return [invalid(path.child("fieldPath"), field, told)]
    found = re.fullmatch(r"(.+)\['(.*)'\]", field)
    if found:
        if found[1] not in ("metadata.annotations", "metadata.labels"):
            told = f"error converting fieldPath: field label does not support subscript: {field}"
            return [invalid(path.child("fieldPath"), field, told)]
        key = found[2].lower() if found[1] == "metadata.annotations" else found[2]
        return validate_label_key(key, path)
    field = {"spec.host": "spec.nodeName"}.get(field, field)
    if field not in _KNOWN_FIELDS:
        told = f"error converting fieldPath: field label not supported: {field}"
        return [invalid(path.child("fieldPath"), reference["fieldPath"], told)]
    return [] if field in allowed else [not_supported(path.child("fieldPath"), field, sorted(allowed))]


def resource_ref_errors(reference: Object, path: Path, *, volume: bool) -> list[FieldError]:
    """Errors of a reference to a container's resources. volume: the container must be named."""
    resource = reference.get("resource") or ""
    errors: list[FieldError] = []
    if volume and not reference.get("containerName"):
        errors.append(required(path.child("containerName")))
    elif not resource:
        errors.append(required(path.child("resource")))
    elif resource not in _RESOURCE_FIELDS and not resource.startswith(("limits.hugepages-", "requests.hugepages-")):
        errors.append(not_supported(path.child("resource"), resource, _RESOURCE_FIELDS))
    return errors + _divisor_errors(resource, reference.get("divisor"), path.child("divisor"))


def _divisor_errors(resource: str, divisor: Any, path: Path) -> list[FieldError]:
    if not quantities.parse(divisor):
        return []
    kind = next((told for name, told in _DIVIDED if re.fullmatch(f"(limits|requests).{name}", resource)), "")
    units = ("1m", "1") if kind == "cpu" else _BYTE_UNITS
    if not kind or str(divisor) in units:
        return []
    told = " and ".join(units) if kind == "cpu" else ", ".join(units)
    return [invalid(path, resource, f"only divisor's values {told} are supported with the {kind} resource")]


_DIVIDED = (
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("ephemeral-storage", "local ephemeral storage"),
    ("hugepages-.*", "hugepages"),
)
_BYTE_UNITS = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")


def _key_ref_errors(reference: Object, path: Path) -> list[FieldError]:
    name, key = reference.get("name") or "", reference.get("key") or ""
    errors = [invalid(path.child("name"), name, text) for text in names.dns_subdomain(name)]
    if not key:
        return [*errors, required(path.child("key"))]
    return [*errors, *(invalid(path.child("key"), key, text) for text in forms.config_key(key))]


def _file_ref_errors(reference: Object, path: Path) -> list[FieldError]:
    key, name, text = (reference.get(each) or "" for each in ("key", "volumeName", "path"))
    told = forms.variable_name(key)
    errors = [invalid(path.child("key"), key, each) for each in told] if key else [required(path.child("key"))]
    errors += forms.label(name, path.child("volumeName")) if name else [required(path.child("volumeName"))]
    return errors + (backstep_errors(text, path.child("path")) if text else [required(path.child("path"))])


def file_volume_errors(spec: Object, path: Path) -> list[FieldError]:
    """Errors of variables from files: their volumes must be there and be emptyDirs."""
    errors: list[FieldError] = []
    volumes = {each.get("name") or "": each for each in spec.get("volumes") or ()}
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(key) or ()):
            for j, variable in enumerate(container.get("env") or ()):
                reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
                if reference is None:
                    continue
                at = path.child(key).index(i).child("env").index(j).child("valueFrom", "fileKeyRef", "volumeName")
                name = reference.get("volumeName") or ""
                if name not in volumes:
                    errors.append(not_found(at, name))
                elif volumes[name].get("emptyDir") is None:
                    errors.append(invalid(at, name, "referenced volume must be of type emptyDir"))
    return errors


def _env_from_errors(sources: Sequence[Object], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, source in enumerate(sources):
        at = path.index(position)
        prefix = source.get("prefix") or ""
        texts = forms.variable_name(prefix) if prefix else ()
        errors += [invalid(at.child("prefix"), prefix, text) for text in texts]
        given = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
        for key in given:
            name, here = source[key].get("name") or "", at.child(key, "name")
            if not name:
                errors.append(required(here))
            else:
                errors += [invalid(here, name, text) for text in names.dns_subdomain(name)]
        if not given:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(given) > 1:
            errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors


# --- mounts


def descending_errors(text: str, path: Path) -> list[FieldError]:
    """Errors of a path that must stay below where it starts."""
    errors = [invalid(path, text, "must be a relative path")] if text.startswith("/") else []
    return errors + backstep_errors(text, path)


def backstep_errors(text: str, path: Path) -> list[FieldError]:
    return [invalid(path, text, "must not contain '..'")] if ".." in text.split("/") else []


def _mount_errors(container: Object, volumes: frozenset[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    devices = container.get("volumeDevices") or ()
    seen: set[str] = set()
    for position, mount in enumerate(container.get("volumeMounts") or ()):
        at = path.index(position)
        name, place = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(required(at.child("name")))
        if name not in volumes:
            errors.append(not_found(at.child("name"), name))
        if not place:
            errors.append(required(at.child("mountPath")))
        if place in seen:
            errors.append(invalid(at.child("mountPath"), place, "must be unique"))
        seen.add(place)
        if any(each.get("name") == name for each in devices):
            errors.append(invalid(at.child("name"), name, "must not already exist in volumeDevices"))
        if any(each.get("devicePath") == place for each in devices):
            told = "must not already exist as a path in volumeDevices"
            errors.append(invalid(at.child("mountPath"), place, told))
        sub, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
        if sub:
            errors += descending_errors(sub, path.child("subPath"))
        if expression:
            if sub:
                told = "subPathExpr and subPath are mutually exclusive"
                errors.append(invalid(at.child("subPathExpr"), expression, told))
            errors += descending_errors(expression, path.child("subPathExpr"))
        errors += _propagation_errors(mount, container, path)
    return errors


def _propagation_errors(mount: Object, container: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        at = path.child("mountPropagation")
        choices = ("Bidirectional", "HostToContainer", "None")
        errors += forms.choice(propagation, choices, at)
        privileged = (container.get("securityContext") or {}).get("privileged")
        if propagation == "Bidirectional" and not privileged:
            told = "Bidirectional mount propagation is available only to privileged containers"
            errors.append(forbidden(at, told))
    recursive = mount.get("recursiveReadOnly")
    if recursive is not None:
        at = path.child("recursiveReadOnly")
        errors += forms.choice(recursive, ("Disabled", "Enabled", "IfPossible"), at)
        if recursive in ("Enabled", "IfPossible") and not mount.get("readOnly"):
            errors.append(forbidden(at, "may only be specified when readOnly is true"))
    return errors


def _device_errors(container: Object, volumes: frozenset[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen_paths: set[str] = set()
    seen_names: set[str] = set()
    for position, device in enumerate(container.get("volumeDevices") or ()):
        at = path.index(position)
        name, place = device.get("name") or "", device.get("devicePath") or ""
        if not name:
            errors.append(required(at.child("name")))
        if name in seen_names:
            errors.append(invalid(at.child("name"), name, "must be unique"))
        if name not in volumes:
            errors.append(not_found(at.child("name"), name))
        if not place:
            errors.append(required(at.child("devicePath")))
        if place in seen_paths:
            errors.append(invalid(at.child("devicePath"), place, "must be unique"))
        if ".." in place.split("/"):
            errors.append(invalid(at.child("devicePath"), place, "can not contain backsteps ('..')"))
        seen_paths.add(place)
        seen_names.add(name)
    return errors


# --- probes and hooks


def probe_errors(container: Object, grace: int | None, path: Path) -> list[FieldError]:
    """Errors of lifecycle hooks and of the three probes."""
    errors: list[FieldError] = []
    lifecycle = container.get("lifecycle") or {}
    for key in ("postStart", "preStop"):
        if lifecycle.get(key) is not None:
            errors += _handler_errors(lifecycle[key], grace, path.child("lifecycle", key))
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(key)
        if probe is None:
            continue
        at = path.child(key)
        errors += _handler_errors(probe, grace, at)
        for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
            errors += forms.nonnegative(probe.get(field), at.child(field))
        seconds = probe.get("terminationGracePeriodSeconds")
        if seconds is not None and seconds <= 0:
            errors.append(invalid(at.child("terminationGracePeriodSeconds"), seconds, "must be greater than 0"))
        if key == "readinessProbe" and seconds is not None:
            told = "must not be set for readinessProbes"
            errors.append(invalid(at.child("terminationGracePeriodSeconds"), seconds, told))
        if key != "readinessProbe" and probe.get("successThreshold") != 1:
            errors.append(invalid(at.child("successThreshold"), probe.get("successThreshold") or 0, "must be 1"))
    return errors


def _handler_errors(handler: Object, grace: int | None, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    given = 0
    for key in ("exec", "httpGet", "tcpSocket", "grpc", "sleep"):
        action = handler.get(key)
        if action is None:
            continue
        at = path.child(key)
        if given:
            errors.append(forbidden(at, "may not specify more than 1 handler type"))
            continue
        given += 1
        if key == "exec":
            errors += [] if action.get("command") else [required(at.child("command"))]
        elif key == "httpGet":
            errors += _http_errors(action, at)
        elif key == "sleep":
            seconds = action.get("seconds") or 0
            if grace is not None and not 0 <= seconds <= grace:
                told = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                errors.append(invalid(at, seconds, told))
        else:
            errors += forms.port_or_name(action.get("port"), at.child("port"))
    return errors if given else [required(path, "must specify a handler type")]


def _http_errors(action: Object, path: Path) -> list[FieldError]:
    errors = [] if action.get("path") else [required(path.child("path"))]
    errors += forms.port_or_name(action.get("port"), path.child("port"))
    errors += forms.choice(action.get("scheme"), ("HTTP", "HTTPS"), path.child("scheme"))
    for header in action.get("httpHeaders") or ():
        name = header.get("name") or ""
        errors += [invalid(path.child("httpHeaders"), name, text) for text in forms.header_name(name)]
    return errors
