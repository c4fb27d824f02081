"""Volumes of Pods: validation.

Called by `pods`. Of the sources of retired storage drivers little more than required fields is checked. Source: the
Kubernetes API reference ("Volume") and the answers of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from gatewright.apiserver.builtin import forms, quantities
from gatewright.apiserver.builtin.claims import claim_spec_errors
from gatewright.apiserver.builtin.containers import (
    VOLUME_FIELDS,
    backstep_errors,
    descending_errors,
    field_ref_errors,
    resource_ref_errors,
)
from gatewright.core import names
from gatewright.core.field_errors import FieldError, Path, duplicate, forbidden, invalid, required
from gatewright.core.go_text import quote
from gatewright.core.objects import Object

_SOURCES = (
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
)
_MISSPELT = {"downwardAPI": "downwarAPI", "cephfs": "cephFS"}  # as the server's message has it
_CHECKED_AS = {"gcePersistentDisk": "persistentDisk"}
_HOST_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def volume_errors(volumes: Sequence[Object], path: Path, pod: str = "") -> tuple[frozenset[str], list[FieldError]]:
    """The names of good volumes, and all errors. pod: the name of a Pod of their own, "" in templates."""
    errors: list[FieldError] = []
    good: set[str] = set()
    for position, volume in enumerate(volumes):
        at = path.index(position)
        name = volume.get("name") or ""
        found = _source_errors(volume, at, pod)
        found += forms.label(name, at.child("name")) if name else [required(at.child("name"))]
        if name in good:
            found.append(duplicate(at.child("name"), name))
        if found:
            errors += found
        else:
            good.add(name)
    return frozenset(good), errors


def _source_errors(volume: Object, path: Path, pod: str) -> list[FieldError]:
    errors: list[FieldError] = []
    given = 0
    for key in _SOURCES:
        source = volume.get(key)
        if source is None:
            continue
        if given:
            told = "may not specify more than 1 volume type"
            errors.append(forbidden(path.child(_MISSPELT.get(key, key)), told))
            continue
        given += 1
        check = _CHECKS.get(key)
        if check is not None:
            errors += check(source, path.child(_CHECKED_AS.get(key, key)))
        if key == "ephemeral" and pod and volume.get("name"):
            claim = f"{pod}-{volume['name']}"
            told = f"PVC name {quote(claim)}: "
            errors += [invalid(path.child("name"), volume["name"], told + text) for text in names.dns_subdomain(claim)]
    return errors if given else [required(path, "must specify a volume type")]


def _mode_errors(source: Object, path: Path, key: str = "defaultMode") -> list[FieldError]:
    mode = source.get(key)
    return [] if mode is None or 0 <= mode <= 0o777 else [invalid(path.child(key), mode, _MODE)]


def _empty_dir(source: Object, path: Path) -> list[FieldError]:
    limit = quantities.parse(source.get("sizeLimit"))
    if limit is None or limit >= 0:
        return []
    return [forbidden(path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")]


def _host_path(source: Object, path: Path) -> list[FieldError]:
    text = source.get("path") or ""
    if not text:
        return [required(path.child("path"))]
    errors = backstep_errors(text, path.child("path"))
    return errors + (forms.choice(source["type"], _HOST_TYPES, path.child("type")) if source.get("type") else [])


def _keyed(source: Object, path: Path, name: str) -> list[FieldError]:
    errors = [] if source.get(name) else [required(path.child(name))]
    errors += _mode_errors(source, path)
    for position, item in enumerate(source.get("items") or ()):
        errors += _item_errors(item, path.child("items").index(position))
    return errors


def _item_errors(item: Object, path: Path) -> list[FieldError]:
    errors = [required(path.child(key)) for key in ("key", "path") if not item.get(key)]
    errors += _local_errors(item.get("path") or "", path.child("path"))
    return errors + _mode_errors(item, path, "mode")


def _local_errors(text: str, path: Path) -> list[FieldError]:
    errors = descending_errors(text, path)
    if text.startswith("..") and not text.startswith("../"):
        errors.append(invalid(path, text, "must not start with '..'"))
    return errors


def _downward(source: Object, path: Path) -> list[FieldError]:
    errors = _mode_errors(source, path)
    for item in source.get("items") or ():
        errors += _downward_item_errors(item, path)
    return errors


def _downward_item_errors(item: Object, path: Path) -> list[FieldError]:
    errors = [] if item.get("path") else [required(path.child("path"))]
    errors += _local_errors(item.get("path") or "", path.child("path"))
    if item.get("fieldRef") is not None:
        errors += field_ref_errors(item["fieldRef"], VOLUME_FIELDS, path.child("fieldRef"))
        if item.get("resourceFieldRef") is not None:
            told = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(path, "resource", told))
    elif item.get("resourceFieldRef") is not None:
        errors += resource_ref_errors(item["resourceFieldRef"], path.child("resourceFieldRef"), volume=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + _mode_errors(item, path, "mode")


def _projected(source: Object, path: Path) -> list[FieldError]:
    errors = _mode_errors(source, path)
    taken: set[str] = set()
    for position, each in enumerate(source.get("sources") or ()):
        at = path.child("sources").index(position)
        given = [key for key, value in each.items() if value is not None]
        for key in ("secret", "configMap"):
            if each.get(key) is not None:
                errors += _projected_keys(each[key], path, at.child(key), taken)
        if each.get("downwardAPI") is not None:
            for item in each["downwardAPI"].get("items") or ():
                errors += _downward_item_errors(item, at.child("downwardAPI"))
                errors += _taken_errors(item.get("path") or "", taken, item.get("path") or "", path)
        if each.get("serviceAccountToken") is not None:
            errors += _token_errors(each["serviceAccountToken"], path, at.child("serviceAccountToken"))
        if len(given) > 1:
            errors.append(forbidden(at, "may not specify more than 1 volume type per source"))
    return errors


def _projected_keys(source: Object, parent: Path, path: Path, taken: set[str]) -> list[FieldError]:
    errors = [] if source.get("name") else [required(path.child("name"))]
    for position, item in enumerate(source.get("items") or ()):
        errors += _item_errors(item, path.child("items").index(position))
        errors += _taken_errors(item.get("path") or "", taken, source.get("name") or "", parent)
    return errors


def _taken_errors(text: str, taken: set[str], shown: str, path: Path) -> list[FieldError]:
    if not text:
        return []
    if text in taken:
        return [invalid(path, shown, "conflicting duplicate paths")]
    taken.add(text)
    return []


def _token_errors(token: Object, parent: Path, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seconds = token.get("expirationSeconds") or 0
    at = path.child("expirationSeconds")
    if seconds < 600:
        errors.append(invalid(at, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > 1 << 32:
        errors.append(invalid(at, seconds, "may not specify a duration larger than 2^32 seconds"))
    if not token.get("path"):
        return [*errors, required(parent.child("path"))]
    return errors + _local_errors(token["path"], parent.child("path"))


def _claim(source: Object, path: Path) -> list[FieldError]:
    return [] if source.get("claimName") else [required(path.child("claimName"))]


def _nfs(source: Object, path: Path) -> list[FieldError]:
    errors = [required(path.child(key)) for key in ("server", "path") if not source.get(key)]
    text = source.get("path") or ""
    if not text.startswith("/"):
        errors.append(invalid(path.child("path"), text, "must be an absolute path"))
    return errors


def _csi(source: Object, path: Path) -> list[FieldError]:
    driver, at = source.get("driver") or "", path.child("driver")
    if not driver:
        return [required(at)]
    return [invalid(at, driver, text) for text in names.dns_subdomain(driver.lower())]


def _needing(*keys: str) -> Callable[[Object, Path], list[FieldError]]:
    """The check of a source that only must have some fields."""

    def check(source: Object, path: Path) -> list[FieldError]:
        return [required(path.child(key)) for key in keys if not source.get(key)]

    return check


def _disk(key: str) -> Callable[[Object, Path], list[FieldError]]:
    def check(source: Object, path: Path) -> list[FieldError]:
        errors = [] if source.get(key) else [required(path.child(key))]
        partition = source.get("partition") or 0
        if not 0 <= partition <= 255:
            told = "must be between 1 and 255, inclusive"
            errors.append(invalid(path.child("partition"), partition, told))
        return errors

    return check


def _with_secret(*keys: str) -> Callable[[Object, Path], list[FieldError]]:
    own = _needing(*keys)

    def check(source: Object, path: Path) -> list[FieldError]:
        secret = source.get("secretRef")
        unnamed = secret is not None and not secret.get("name")
        return own(source, path) + ([required(path.child("secretRef", "name"))] if unnamed else [])

    return check


_IQN = {
    "iqn": r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9-.]+)(:[^,;*&$|\s]+)$",
    "eui": r"eui.[A-Za-z0-9]{16}$",
    "naa": r"naa.[A-Za-z0-9]{32}$",
}


def _initiator_errors(text: str, path: Path) -> list[FieldError]:
    form = _IQN.get(text[:3])
    if form is None:
        return [invalid(path, text, "must be valid format starting with iqn, eui, or naa")]
    return [] if re.match(form, text, re.ASCII) else [invalid(path, text, "must be valid format")]


def _iscsi(source: Object, path: Path) -> list[FieldError]:
    errors = [] if source.get("targetPortal") else [required(path.child("targetPortal"))]
    iqn, lun = source.get("iqn") or "", source.get("lun") or 0
    errors += _initiator_errors(iqn, path.child("iqn")) if iqn else [required(path.child("iqn"))]
    errors += [invalid(path.child("lun"), lun, text) for text in forms.in_range(lun, 0, 255)]
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        errors.append(required(path.child("secretRef")))
    if source.get("initiatorName") is not None:
        errors += _initiator_errors(source["initiatorName"], path.child("initiatorname"))
    return errors


def _fc(source: Object, path: Path) -> list[FieldError]:
    targets, worlds, lun = source.get("targetWWNs") or (), source.get("wwids") or (), source.get("lun")
    at = path.child("targetWWNs")
    if not targets:
        return [] if worlds else [required(at, "must specify either targetWWNs or wwids, but not both")]
    errors: list[FieldError] = []
    if worlds:
        errors.append(invalid(at, list(targets), "targetWWNs and wwids can not be specified simultaneously"))
    if lun is None:
        return [*errors, required(path.child("lun"), "lun is required if targetWWNs is specified")]
    return errors + [invalid(path.child("lun"), lun, text) for text in forms.in_range(lun, 0, 255)]


def _git(source: Object, path: Path) -> list[FieldError]:
    errors = [] if source.get("repository") else [required(path.child("repository"))]
    return errors + _local_errors(source.get("directory") or "", path.child("directory"))


def _flex(source: Object, path: Path) -> list[FieldError]:
    errors = [] if source.get("driver") else [required(path.child("driver"))]
    for key in sorted(source.get("options") or {}):
        domain = f".{key.partition('/')[0].lower()}"
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            told = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(path.child("options").key(key), key, told))
    return errors


def _flocker(source: Object, path: Path) -> list[FieldError]:
    name, uuid = source.get("datasetName") or "", source.get("datasetUUID") or ""
    errors: list[FieldError] = []
    if not name and not uuid:
        errors.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        told = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(invalid(path, "resource", told))
    if "/" in name:
        errors.append(invalid(path.child("datasetName"), name, "must not contain '/'"))
    return errors


def _image(source: Object, path: Path) -> list[FieldError]:
    pulls = ("Always", "IfNotPresent", "Never")
    return forms.choice(source.get("pullPolicy"), pulls, path.child("pullPolicy"), needed=True)


def _ephemeral(source: Object, path: Path) -> list[FieldError]:
    template, at = source.get("volumeClaimTemplate"), path.child("volumeClaimTemplate")
    return [required(at)] if template is None else claim_spec_errors(template.get("spec") or {}, at.child("spec"))


_CHECKS = {
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
    "secret": lambda source, path: _keyed(source, path, "secretName"),
    "configMap": lambda source, path: _keyed(source, path, "name"),
    "downwardAPI": _downward,
    "projected": _projected,
    "persistentVolumeClaim": _claim,
    "nfs": _nfs,
    "csi": _csi,
    "gitRepo": _git,
    "gcePersistentDisk": _disk("pdName"),
    "awsElasticBlockStore": _disk("volumeID"),
    "iscsi": _iscsi,
    "glusterfs": _needing("endpoints", "path"),
    "rbd": _needing("monitors", "image"),
    "cinder": _with_secret("volumeID"),
    "cephfs": _needing("monitors"),
    "fc": _fc,
    "flocker": _flocker,
    "flexVolume": _flex,
    "azureFile": _needing("secretName", "shareName"),
    "azureDisk": _needing("diskName", "diskURI"),
    "vsphereVolume": _needing("volumePath"),
    "photonPersistentDisk": _needing("pdID"),
    "portworxVolume": _needing("volumeID"),
    "storageos": _with_secret("volumeName"),
    "scaleIO": _needing("gateway", "system", "volumeName"),
    "image": _image,
    "ephemeral": _ephemeral,
}
