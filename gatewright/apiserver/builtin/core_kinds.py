"""Small kinds of the core group: ConfigMap, Secret, Namespace, Event, Endpoints, volumes and claims. Defaults,
preparation, validation.

Called by `kinds`. Source: the Kubernetes API reference and the answers of a real API server.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from gatewright.apiserver.builtin import forms
from gatewright.apiserver.builtin.pod_defaults import default_claim_spec, default_template, qos_class, with_defaults
from gatewright.core import metadata, names
from gatewright.core.field_errors import (
    FieldError,
    Path,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from gatewright.core.objects import Object

_LARGEST = 1024 * 1024  # bytes of all data of a ConfigMap or Secret
_NAME_LABEL = "kubernetes.io/metadata.name"


# --- ConfigMap and Secret


def validate_config_map(thing: Object) -> list[FieldError]:
    """Keys, and the size of everything."""
    errors: list[FieldError] = []
    data: Mapping[str, str] = thing.get("data") or {}
    binary: Mapping[str, str] = thing.get("binaryData") or {}
    size = 0
    for key in sorted(data):
        at = Path("data").key(key)
        errors += [invalid(at, key, text) for text in forms.config_key(key)]
        if key in binary:
            errors.append(invalid(at, key, "duplicate of key present in binaryData"))
        size += len(data[key].encode("utf-8", "replace"))
    for key in sorted(binary):
        errors += [invalid(Path("binaryData").key(key), key, text) for text in forms.config_key(key)]
        size += _decoded_size(binary[key])
    if size > _LARGEST:
        errors.append(too_long(Path(""), _LARGEST))
    return errors


def _decoded_size(text: str) -> int:
    return len(text) * 3 // 4 - text.count("=")


def validate_config_map_update(new: Object, old: Object) -> list[FieldError]:
    """An immutable one stays as it is."""
    errors: list[FieldError] = []
    if old.get("immutable"):
        if not new.get("immutable"):
            errors.append(forbidden(Path("immutable"), "field is immutable when `immutable` is set"))
        changed = [key for key in ("data", "binaryData") if not metadata.unchanged(new.get(key), old.get(key))]
        errors += [forbidden(Path(key), "field is immutable when `immutable` is set") for key in changed]
    return errors + validate_config_map(new)


def default_secret(thing: Object) -> Object:
    """The type; stringData becomes data."""
    made = with_defaults(thing, {"type": "Opaque"})
    plain = made.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        made["data"] = {**(made.get("data") or {}), **encoded}
    return made


def validate_secret(thing: Object) -> list[FieldError]:
    """Keys, size, and what the type demands."""
    errors: list[FieldError] = []
    data: Mapping[str, str] = thing.get("data") or {}
    size = 0
    for key in sorted(data):
        errors += [invalid(Path("data").key(key), key, text) for text in forms.config_key(key)]
        size += _decoded_size(data[key])
    if size > _LARGEST:
        errors.append(too_long(Path("data"), _LARGEST))
    return errors + _secret_type_errors(thing, data)


def _secret_type_errors(thing: Object, data: Mapping[str, str]) -> list[FieldError]:
    kind = thing.get("type") or ""
    at = Path("data")
    if kind == "kubernetes.io/service-account-token":
        path = Path("metadata", "annotations").key("kubernetes.io/service-account.name")
        annotations = (thing.get("metadata") or {}).get("annotations") or {}
        return [] if annotations.get("kubernetes.io/service-account.name") else [required(path)]
    if kind in ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson"):
        key = ".dockercfg" if kind.endswith("dockercfg") else ".dockerconfigjson"
        if key not in data:
            return [required(at.key(key))]
        return (
            []
            if _is_json(data[key])
            else [invalid(at.key(key), "<secret contents redacted>", _json_problem(data[key]))]
        )
    if kind == "kubernetes.io/basic-auth":
        if not {"username", "password"} & data.keys():
            return [required(at.key("username")), required(at.key("password"))]
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            return [required(at.key("ssh-privatekey"))]
    elif kind == "kubernetes.io/tls":
        return [required(at.key(key)) for key in ("tls.crt", "tls.key") if key not in data]
    return []


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def _is_json(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(_decoded(text)), dict)
    except msgspec.DecodeError:
        return False


def _json_problem(text: str) -> str:
    return "unexpected end of JSON input" if not _decoded(text).strip() else "invalid character in JSON input"


def validate_secret_update(new: Object, old: Object) -> list[FieldError]:
    """The type stays; an immutable one stays as it is."""
    errors: list[FieldError] = []
    kind = new.get("type") or ""
    if kind != (old.get("type") or ""):
        errors.append(invalid(Path("type"), forms.named(kind), "field is immutable"))
    if old.get("immutable"):
        told = "field is immutable when `immutable` is set"
        if not new.get("immutable"):
            errors.append(forbidden(Path("immutable"), told))
        if not metadata.unchanged(new.get("data"), old.get("data")):
            errors.append(forbidden(Path("data"), told))
    return errors + validate_secret(new)


# --- Namespace


def default_namespace(thing: Object) -> Object:
    """The label with its own name; the phase."""
    made = dict(thing)
    meta = thing.get("metadata") or {}
    if meta.get("name"):
        labels = {**(meta.get("labels") or {}), _NAME_LABEL: meta["name"]}
        made["metadata"] = {**meta, "labels": labels}
    made["status"] = with_defaults(thing.get("status") or {}, {"phase": "Active"})
    return made


def validate_namespace(thing: Object) -> list[FieldError]:
    """The finalizers of the spec."""
    errors: list[FieldError] = []
    at = Path("spec", "finalizers")
    for each in (thing.get("spec") or {}).get("finalizers") or ():
        errors += [invalid(at, each, text) for text in names.label_key(each)]
        if "/" not in each and each not in metadata.STANDARD_FINALIZERS:
            told = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid(at, each, told))
    return errors


def prepare_account(thing: Object) -> Object:
    """A ServiceAccount refers to Secrets by their names only."""
    if not thing.get("secrets"):
        return thing
    return {**thing, "secrets": [{key: each[key] for key in ("name",) if key in each} for each in thing["secrets"]]}


def prepare_account_change(new: Object, old: Object) -> Object:
    """As at create."""
    return prepare_account(new)


def prepare_namespace(thing: Object) -> Object:
    """A new one holds itself by the finalizer in its spec, until its content is gone."""
    spec = thing.get("spec") or {}
    finalizers = list(spec.get("finalizers") or ())
    if "kubernetes" not in finalizers:
        finalizers.append("kubernetes")
    return {**thing, "spec": {**spec, "finalizers": finalizers}, "status": {"phase": "Active"}}


def prepare_namespace_change(new: Object, old: Object) -> Object:
    """The finalizers of the spec are written by the finalize subresource only."""
    kept = (old.get("spec") or {}).get("finalizers")
    spec = {key: value for key, value in (new.get("spec") or {}).items() if key != "finalizers"}
    return {**new, "spec": {**spec, "finalizers": kept} if kept else spec}


# --- Pod


def prepare_pod(thing: Object) -> Object:
    """A new Pod is pending; its class of service follows from its resources."""
    spec = thing.get("spec") or {}
    status: dict[str, Any] = {"phase": "Pending"}
    gates = spec.get("schedulingGates")
    if gates:
        told = "Scheduling is blocked due to non-empty scheduling gates"
        condition = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": told}
        status["conditions"] = [{**condition, "lastProbeTime": None, "lastTransitionTime": None}]
    status["qosClass"] = qos_class(spec)
    return {**thing, "status": status}


def pod_warnings(new: Object, old: Object | None) -> list[str]:
    """A name that is no DNS label makes a surprising hostname."""
    texts = names.dns_label((new.get("metadata") or {}).get("name") or "") if old is None else ()
    if not texts:
        return []
    told = "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
    return [f"{told}a DNS label is recommended: [{' '.join(texts)}]"]


# --- others


def default_endpoints(thing: Object) -> Object:
    """Protocols of ports."""
    subsets = thing.get("subsets")
    if not subsets:
        return thing
    made = [
        {**each, "ports": [with_defaults(port, {"protocol": "TCP"}) for port in each["ports"]]}
        if each.get("ports")
        else each
        for each in subsets
    ]
    return {**thing, "subsets": made}


def default_volume(thing: Object) -> Object:
    """A PersistentVolume."""
    spec = with_defaults(
        thing.get("spec") or {}, {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}
    )
    return {**thing, "spec": spec, "status": with_defaults(thing.get("status") or {}, {"phase": "Pending"})}


def default_claim(thing: Object) -> Object:
    """A PersistentVolumeClaim."""
    status = with_defaults(thing.get("status") or {}, {"phase": "Pending"})
    return {**thing, "spec": default_claim_spec(thing.get("spec") or {}), "status": status}


def default_pod_template(thing: Object) -> Object:
    """A PodTemplate."""
    return {**thing, "template": default_template(thing.get("template") or {})}


def validate_event(thing: Object) -> list[FieldError]:
    """An Event: its namespace, and in the newer form its times and actors."""
    meta = thing.get("metadata") or {}
    subject = thing.get("involvedObject") or thing.get("regarding") or {}
    namespace, about = meta.get("namespace") or "", subject.get("namespace") or ""
    errors: list[FieldError] = []
    newer = str(thing.get("apiVersion") or "").startswith("events.k8s.io/")
    if newer or thing.get("eventTime"):
        errors += metadata.validate_create(meta, namespaced=True)
        errors += _new_event_errors(thing)
    if not about:
        if namespace not in ("", "default"):
            told = "does not match event.namespace"
            errors.append(invalid(Path("involvedObject", "namespace"), about, told))
    elif about != namespace:
        errors.append(invalid(Path("involvedObject", "namespace"), about, "does not match event.namespace"))
    if not names.dns_subdomain(namespace):
        return errors
    return [*errors, *(invalid(Path("namespace"), namespace, text) for text in names.dns_subdomain(namespace))]


def _new_event_errors(thing: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    if not thing.get("eventTime"):
        errors.append(required(Path("eventTime")))
    controller = thing.get("reportingController") or thing.get("reportingComponent") or ""
    at = Path("reportingController")
    if not controller:
        errors.append(required(at))
    errors += [invalid(at, controller, text) for text in (names.label_key(controller) if controller else ())]
    for key, most in (("reportingInstance", 128), ("action", 128), ("reason", 128)):
        value = thing.get(key) or ""
        if not value:
            errors.append(required(Path(key)))
        elif len(value.encode()) > most:
            errors.append(invalid(Path(key), "", f"can have at most {most} characters"))
    if thing.get("type") not in ("Normal", "Warning"):
        errors.append(not_supported(Path("type"), thing.get("type") or "", ("Normal", "Warning")))
    return errors
