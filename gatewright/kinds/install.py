"""The CRDs that the product installs, as objects.

Applied at start by `control`'s install concern, and printed into the manifests. They are a superset of Gatekeeper's
(same groups, names, versions and JSON on the wire), by lifecycle rule 2: `status.byPod` is a map list by `id`,
`status.conditions` a map list by `type`, on templates, Configs and pod statuses; and printer columns make `kubectl
get constrainttemplates` show Ready. The CRDs of constraints are not here: each comes from its template
(`policy.crd_generation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gatewright.core.objects import Object, Resource
from gatewright.kinds.resources import (
    CONFIG_POD_STATUSES,
    CONFIGS,
    CONSTRAINT_POD_STATUSES,
    CONSTRAINT_TEMPLATE_POD_STATUSES,
    CONSTRAINT_TEMPLATES,
    SYNC_SETS,
)

SYSTEM_LABEL = {"gatekeeper.sh/system": "yes"}
GLOB = r"^\*?[-:a-z0-9]*\*?$"

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "integer", "format": "int64"}


def installed_crds() -> tuple[Object, ...]:
    """Every CRD of ours that this version needs, ordered by name."""
    crds = (
        _crd(CONSTRAINT_TEMPLATES, _template_versions()),
        _crd(CONFIGS, [_version("v1alpha1", _root(spec=_config_spec(), status=_config_status()), status=True)]),
        _crd(SYNC_SETS, [_version("v1alpha1", _root(spec=_sync_set_spec(), metadata=_short_name()))]),
        _crd(CONSTRAINT_TEMPLATE_POD_STATUSES, [_version("v1beta1", _root(status=_template_pod_status()))]),
        _crd(CONSTRAINT_POD_STATUSES, [_version("v1beta1", _root(status=_constraint_pod_status()))]),
        _crd(CONFIG_POD_STATUSES, [_version("v1beta1", _root(status=_config_pod_status()))]),
    )
    return tuple(sorted(crds, key=lambda crd: str(crd["metadata"]["name"])))


def _crd(resource: Resource, versions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}", "labels": dict(SYSTEM_LABEL)},
        "spec": {
            "group": resource.group,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
            },
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": versions,
        },
    }


def _version(
    name: str, schema: Schema, *, storage: bool = True, status: bool = False, columns: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    out: dict[str, Any] = {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}}
    if status:
        out["subresources"] = {"status": {}}
    shown = [dict(column) for column in columns]
    if shown:
        out["additionalPrinterColumns"] = shown
    return out


def _root(**properties: Schema) -> Schema:
    fields = {"apiVersion": TEXT, "kind": TEXT, "metadata": {"type": "object"}, **properties}
    return {"type": "object", "properties": fields}


def _object(required: Iterable[str] = (), **properties: Schema) -> Schema:
    out: Schema = {"type": "object", "properties": properties}
    names = list(required)
    return {**out, "required": names} if names else out


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map_list(items: Schema, *keys: str) -> Schema:
    return {**_list(items), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def _short_name() -> Schema:
    return _object(name={"type": "string", "maxLength": 63})


def _conditions() -> Schema:
    # The limits are those of metav1.Condition.
    condition = _object(
        ("type", "status"),
        type={"type": "string", "maxLength": 316},
        status={"type": "string", "enum": ["True", "False", "Unknown"]},
        observedGeneration={**NUMBER, "minimum": 0},
        lastTransitionTime={"type": "string", "format": "date-time"},
        reason={"type": "string", "maxLength": 1024},
        message={"type": "string", "maxLength": 32768},
    )
    return _map_list(condition, "type")


def _coded_errors() -> Schema:
    return _list(_object(("code", "message"), code=TEXT, message=TEXT, location=TEXT))


def _typed_errors() -> Schema:
    return _list(_object(("message",), type=TEXT, message=TEXT))


# --- ConstraintTemplate


def _template_versions() -> list[dict[str, Any]]:
    # Whether legacySchema is on by default is all in which the versions differ (Gatekeeper behaviour, 1.1).
    return [
        _version(
            name,
            _root(spec=_template_spec(legacy), status=_template_status()),
            storage=name == "v1",
            status=True,
            columns=_TEMPLATE_COLUMNS,
        )
        for name, legacy in (("v1", False), ("v1alpha1", True), ("v1beta1", True))
    ]


_TEMPLATE_COLUMNS = (
    {
        "name": "Ready",
        "type": "string",
        "description": "Whether violations of its constraints are caught",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
    },
    {
        "name": "Reason",
        "type": "string",
        "description": "Why it is ready, progressing or failed",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].reason',
    },
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
)


def _template_spec(legacy: bool) -> Schema:
    validation: Schema = {
        **_object(
            legacySchema={"type": "boolean", "default": legacy},
            openAPIV3Schema={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        ),
        "default": {"legacySchema": legacy},
    }
    crd = _object(spec=_object(names=_object(kind=TEXT, shortNames=_list(TEXT)), validation=validation))
    code = _object(("engine", "source"), engine=TEXT, source={"x-kubernetes-preserve-unknown-fields": True})
    operation: Schema = {"type": "string", "enum": ["*", "CREATE", "DELETE", "UPDATE", "CONNECT"]}
    target = _object(
        target=TEXT, rego=TEXT, libs=_list(TEXT), code=_map_list(code, "engine"), operations=_list(operation)
    )
    return _object(crd=crd, targets=_list(target))


def _template_status() -> Schema:
    entry: Schema = {
        **_object(("id",), id=TEXT, observedGeneration=NUMBER, errors=_coded_errors()),
        "x-kubernetes-preserve-unknown-fields": True,
    }
    return _object(created=FLAG, observedGeneration=NUMBER, byPod=_map_list(entry, "id"), conditions=_conditions())


def _template_pod_status() -> Schema:
    return _object(
        id=TEXT,
        templateUID=TEXT,
        operations=_list(TEXT),
        observedGeneration=NUMBER,
        errors=_coded_errors(),
        vapGenerationStatus=_object(state=TEXT, observedGeneration=NUMBER, warning=TEXT),
        conditions=_conditions(),
    )


# --- constraints, as far as they are ours to declare


def _constraint_pod_status() -> Schema:
    point = _object(
        ("enforcementPoint", "state"), enforcementPoint=TEXT, state=TEXT, message=TEXT, observedGeneration=NUMBER
    )
    return _object(
        id=TEXT,
        constraintUID=TEXT,
        operations=_list(TEXT),
        enforced=FLAG,
        errors=_coded_errors(),
        observedGeneration=NUMBER,
        enforcementPointsStatus=_list(point),
        conditions=_conditions(),
    )


# --- Config and SyncSet


def _gvk() -> Schema:
    return _object(group=TEXT, version=TEXT, kind=TEXT)


def _config_spec() -> Schema:
    excluded = _list({"type": "string", "pattern": GLOB})
    return _object(
        match=_list(_object(processes=_list(TEXT), excludedNamespaces=excluded)),
        readiness=_object(statsEnabled=FLAG),
        sync=_object(syncOnly=_list(_gvk())),
        validation=_object(traces=_list(_object(user=TEXT, kind=_gvk(), dump=TEXT))),
    )


def _config_status() -> Schema:
    entry: Schema = {
        **_object(
            ("id",), id=TEXT, configUID=TEXT, operations=_list(TEXT), observedGeneration=NUMBER, errors=_typed_errors()
        ),
        "x-kubernetes-preserve-unknown-fields": True,
    }
    return _object(byPod=_map_list(entry, "id"), conditions=_conditions())


def _config_pod_status() -> Schema:
    return _object(
        id=TEXT,
        configUID=TEXT,
        operations=_list(TEXT),
        observedGeneration=NUMBER,
        errors=_typed_errors(),
        conditions=_conditions(),
    )


def _sync_set_spec() -> Schema:
    return _object(gvks=_list(_gvk()))
