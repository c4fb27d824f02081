"""What expressions of admission policies may name: request, namespaceObject and their types, and values for them.

`validator` declares them; the callers (a policy driver, the embedded API server) make the values with
`request_value` and `namespace_value`, which leave out what Kubernetes leaves out. Source: the documentation of
ValidatingAdmissionPolicy, and the answers of a kube-apiserver 1.36.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.cel.environment import Environment, Libraries
from gatewright.cel.libraries.authorization import AUTHORIZER, RESOURCE_CHECK
from gatewright.cel.types import BOOL, DYN, INT, STRING, TIMESTAMP, Fields, Type, list_of, map_of, struct

_K = "kubernetes."
REQUEST, NAMESPACE, VARIABLES = struct(_K + "AdmissionRequest"), struct(_K + "Namespace"), struct(_K + "variables")

_TEXTS = list_of(STRING)
_KIND = {"group": STRING, "version": STRING, "kind": STRING}
_RESOURCE = {"group": STRING, "version": STRING, "resource": STRING}

STRUCTS: dict[str, Fields] = {
    _K + "GroupVersionKind": _KIND,
    _K + "GroupVersionResource": _RESOURCE,
    _K + "UserInfo": {"username": STRING, "uid": STRING, "groups": _TEXTS, "extra": map_of(STRING, _TEXTS)},
    REQUEST.name: {
        "kind": struct(_K + "GroupVersionKind"),
        "resource": struct(_K + "GroupVersionResource"),
        "subResource": STRING,
        "requestKind": struct(_K + "GroupVersionKind"),
        "requestResource": struct(_K + "GroupVersionResource"),
        "requestSubResource": STRING,
        "name": STRING,
        "namespace": STRING,
        "operation": STRING,
        "userInfo": struct(_K + "UserInfo"),
        "dryRun": BOOL,
        "options": DYN,
    },
    _K + "NamespaceMetadata": {
        "name": STRING,
        "generateName": STRING,
        "namespace": STRING,
        "labels": map_of(STRING, STRING),
        "annotations": map_of(STRING, STRING),
        "UID": STRING,
        "creationTimestamp": TIMESTAMP,
        "deletionGracePeriodSeconds": INT,
        "deletionTimestamp": TIMESTAMP,
        "generation": INT,
        "resourceVersion": STRING,
        "finalizers": _TEXTS,
    },
    _K + "NamespaceSpec": {"finalizers": _TEXTS},
    _K + "NamespaceCondition": {
        "status": STRING,
        "type": STRING,
        "lastTransitionTime": TIMESTAMP,
        "message": STRING,
        "reason": STRING,
    },
    _K + "NamespaceStatus": {"conditions": list_of(struct(_K + "NamespaceCondition")), "phase": STRING},
    NAMESPACE.name: {
        "metadata": struct(_K + "NamespaceMetadata"),
        "spec": struct(_K + "NamespaceSpec"),
        "status": struct(_K + "NamespaceStatus"),
    },
}

_METADATA = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "finalizers",
)


def environment(libraries: Libraries, params: bool, authorizer: bool, variables: Fields | None) -> Environment:
    """The environment of one place. variables: the types of the variables visible there, None where there are none."""
    names: dict[str, Type] = {"object": DYN, "oldObject": DYN, "namespaceObject": NAMESPACE, "request": REQUEST}
    structs = dict(STRUCTS)
    if params:
        names["params"] = DYN
    if authorizer:
        names["authorizer"] = AUTHORIZER
        names["authorizer.requestResource"] = RESOURCE_CHECK
    if variables is not None:
        names["variables"] = VARIABLES
        structs[VARIABLES.name] = variables
    return Environment(names, libraries, structs=structs)


def variable_type(one: Type) -> Type:
    """The type of a variable where it is used: scalars, lists and maps are kept, all else is dyn."""
    if one.kind == "list" or one.kind == "map":
        return Type(one.kind, one.name, tuple(map(variable_type, one.parameters)))
    return one if one.kind in _KEPT else DYN


_KEPT = frozenset(("bool", "bytes", "double", "duration", "int", "null", "string", "timestamp", "uint"))


def request_value(request: Mapping[str, Any]) -> dict[str, Any]:
    """`request` from the request of an AdmissionReview: object, oldObject and uid are not in it, nor what is empty."""
    kept = {
        name: request[name]
        for name in ("kind", "resource", "requestKind", "requestResource", "name", "namespace", "operation", "dryRun")
        if request.get(name) is not None and request[name] != ""
    }
    for name in ("subResource", "requestSubResource", "options"):
        if request.get(name):
            kept[name] = request[name]
    user = request.get("userInfo") or {}
    kept["userInfo"] = {name: user[name] for name in ("username", "uid", "groups", "extra") if user.get(name)}
    kept.setdefault("dryRun", False)
    kept.setdefault("operation", "")
    for name in ("kind", "resource"):
        kept.setdefault(name, dict.fromkeys(STRUCTS[f"{_K}GroupVersion{name.capitalize()}"], ""))
    return kept


def namespace_value(namespace: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """`namespaceObject` from a Namespace: metadata without managedFields and owners, spec and status; None stays."""
    if namespace is None:
        return None
    metadata = namespace.get("metadata") or {}
    kept = {name: metadata[name] for name in _METADATA if metadata.get(name) not in (None, "", {}, [])}
    kept.setdefault("creationTimestamp", None)
    return {"metadata": kept, "spec": namespace.get("spec") or {}, "status": namespace.get("status") or {}}
