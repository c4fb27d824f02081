"""The lifecycle scenario, the same on the embedded API server and on a real one.

Templates and constraints are created, changed, deleted and created again, several at once; after each Ready the
violating request is sent once, without a retry: Ready is a promise (lifecycle, rule 14). At the end nothing of ours
is left.
"""

from __future__ import annotations

from typing import Any

from tests.e2e.client import Client, Object, is_ready

TEMPLATES = "/apis/templates.gatekeeper.sh/v1/constrainttemplates"
CONSTRAINTS = "/apis/constraints.gatekeeper.sh/v1beta1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
STATUSES = "/apis/status.gatekeeper.sh/v1beta1/namespaces/gatekeeper-system"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
SECONDS = 60


def template(kind: str, text: str = "may not be") -> Object:
    rego = f"""package lifecycle
violation[{{"msg": msg, "details": {{"kind": "{kind}"}}}}] {{
  value := input.review.object.data["{kind.lower()}"]
  value == input.parameters.values[_]
  msg := sprintf("{kind.lower()} {text} %v", [value])
}}
"""
    values = {"type": "array", "items": {"type": "string"}}
    schema = {"type": "object", "properties": {"values": values}}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower()},
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}, "validation": {"openAPIV3Schema": schema}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    }


def constraint(kind: str, value: str) -> Object:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": "only"},
        "spec": {
            "match": {"kinds": [{"apiGroups": [""], "kinds": ["ConfigMap"]}]},
            "parameters": {"values": [value]},
        },
    }


def play(client: Client, kinds: list[str]) -> None:
    """One round with these kinds, all at once."""
    names = [kind.lower() for kind in kinds]
    for kind in kinds:
        client.ok("POST", TEMPLATES, template(kind))
    _templates_ready(client, names)
    for kind in kinds:
        client.ok("POST", f"{CONSTRAINTS}/{kind.lower()}", constraint(kind, "one"))
    _constraints_ready(client, names)
    for kind in kinds:
        _denied(client, kind, "one", "may not be one")
        _allowed(client, kind, "two")

    for kind in kinds:  # the constraint changes
        body = {"spec": {"parameters": {"values": ["two"]}}}
        client.ok("PATCH", f"{CONSTRAINTS}/{kind.lower()}/only", body, MERGE)
    _constraints_ready(client, names)
    for kind in kinds:
        _denied(client, kind, "two", "may not be two")
        _allowed(client, kind, "one")

    for kind in kinds:  # the template changes
        client.ok("PATCH", f"{TEMPLATES}/{kind.lower()}", {"spec": template(kind, "must never be")["spec"]}, MERGE)
    _templates_ready(client, names)
    for kind in kinds:
        _denied(client, kind, "two", "must never be two")

    for name in names:  # deleted, and created again at once
        client.ok("DELETE", f"{TEMPLATES}/{name}")
    for kind in kinds:
        client.ok("POST", TEMPLATES, template(kind))
    _templates_ready(client, names)
    for kind in kinds:
        _allowed(client, kind, "two")

    for name in names:
        client.ok("DELETE", f"{TEMPLATES}/{name}")
    _nothing_left(client, names)


def _templates_ready(client: Client, names: list[str]) -> None:
    held = client.until(
        TEMPLATES, lambda seen: all(name in seen and is_ready(seen[name]) for name in names), SECONDS, "templates Ready"
    )
    for name in names:
        assert held[name]["status"]["created"] is True
        assert not [error for entry in held[name]["status"]["byPod"] for error in entry.get("errors", ())]


def _constraints_ready(client: Client, names: list[str]) -> None:
    for name in names:
        path = f"{CONSTRAINTS}/{name}"
        client.until(path, lambda seen: "only" in seen and is_ready(seen["only"]), SECONDS, f"{name}/only Ready")


def _config_map(kind: str, value: str) -> Object:
    data = {kind.lower(): value}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "lifecycle-"}, "data": data}


def _denied(client: Client, kind: str, value: str, text: str) -> None:
    """The violating request, sent once."""
    status, answer = client.request("POST", f"{CONFIG_MAPS}?dryRun=All", _config_map(kind, value))
    assert status == 403, f"{kind}={value} was not denied: {status} {answer}"
    assert f"[only] {kind.lower()} {text}" in answer["message"], answer


def _allowed(client: Client, kind: str, value: str) -> None:
    status, answer = client.request("POST", f"{CONFIG_MAPS}?dryRun=All", _config_map(kind, value))
    assert status == 201, f"{kind}={value} was denied: {status} {answer}"


def _nothing_left(client: Client, names: list[str]) -> None:
    """No template, no CRD, no pod status of these names."""
    crds = {f"{name}.constraints.gatekeeper.sh" for name in names}
    client.until(TEMPLATES, lambda seen: not set(names) & set(seen), SECONDS, "templates gone")
    client.until(CRDS, lambda seen: not crds & set(seen), SECONDS, "CRDs gone")
    for plural in ("constrainttemplatepodstatuses", "constraintpodstatuses"):
        client.until(f"{STATUSES}/{plural}", lambda seen: not _about(seen, names), SECONDS, f"{plural} gone")


def _about(seen: dict[str, Any], names: list[str]) -> bool:
    label = "internal.gatekeeper.sh/constrainttemplate-name"
    return any(thing["metadata"]["labels"].get(label) in names for thing in seen.values())
