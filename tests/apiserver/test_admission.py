"""Webhooks: which requests they see, what they are sent, what becomes of their answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatewright.apiserver.effects import CallWebhook, Commit
from gatewright.core.http import NoAnswer, Response, User

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class Webhook:
    """A webhook that notes its reviews and answers as told."""

    def __init__(self) -> None:
        self.calls: list[CallWebhook] = []
        self.answer: Callable[[dict[str, Any]], Any] = lambda request: {"uid": request["uid"], "allowed": True}

    def __call__(self, effect: Any) -> Any:
        assert isinstance(effect, CallWebhook)
        self.calls.append(effect)
        made = self.answer(self.reviews[-1])
        if isinstance(made, Response | NoAnswer):
            return made
        body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": made}
        return Response(200, (), json.dumps(body).encode())

    @property
    def reviews(self) -> list[dict[str, Any]]:
        return [json.loads(call.body)["request"] for call in self.calls]


def hook(**changes: Any) -> dict[str, Any]:
    made = {
        "name": "rec.example.io",
        "clientConfig": {"url": "https://127.0.0.1:9443/v1/admit"},
        "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"], "scope": "*"}],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 3,
        **changes,
    }
    return {key: value for key, value in made.items() if value is not None}


@pytest.fixture
def webhook(client: Any) -> Webhook:
    recorder = Webhook()
    client.engine.block = recorder
    return recorder


def configure(client: Any, *hooks: dict[str, Any], name: str = "rec") -> None:
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": list(hooks),
    }
    answer = client.ask("POST", CONFIGURATIONS, body)
    assert answer.status == 201, answer.body


def config_map(name: str = "x", **meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}}


def test_a_webhook_is_asked_with_timeout_headers_and_review(client: Any, webhook: Webhook) -> None:
    configure(client, hook())
    assert client.ask("POST", CONFIG_MAPS, config_map()).status == 201
    call = webhook.calls[-1]
    assert call.url == "https://127.0.0.1:9443/v1/admit?timeout=3s"
    assert call.timeout == 3.0
    assert dict(call.headers)["user-agent"] == "kube-apiserver-admission"
    review = webhook.reviews[-1]
    assert (review["operation"], review["name"], review["namespace"]) == ("CREATE", "x", "default")
    assert review["userInfo"] == {
        "username": "admin",
        "uid": "1",
        "groups": ["system:masters", "system:authenticated"],
    }


def test_a_service_is_named_by_namespace_and_name(client: Any, webhook: Webhook) -> None:
    place = {"namespace": "ns", "name": "svc", "path": "/v1/admit"}
    configure(client, hook(clientConfig={"service": place}))
    client.ask("POST", CONFIG_MAPS, config_map())
    call = webhook.calls[-1]
    assert call.service == ("ns", "svc", 443)
    assert (call.url, call.server_name) == ("https://svc.ns.svc:443/v1/admit?timeout=3s", "svc.ns.svc")


DENIALS = [
    pytest.param({"code": 403, "message": "no"}, 403, None, "denied the request: no", id="code and message"),
    pytest.param(None, 400, None, "denied the request without explanation", id="nothing said"),
    pytest.param({"message": "no"}, 400, None, "denied the request: no", id="no code"),
    pytest.param({"code": 422, "reason": "Invalid"}, 422, "Invalid", "denied the request: Invalid", id="reason alone"),
]


@pytest.mark.parametrize(("status", "code", "reason", "text"), DENIALS)
def test_a_denial_reaches_the_client(
    client: Any, webhook: Webhook, status: Any, code: int, reason: str | None, text: str
) -> None:
    configure(client, hook())
    webhook.answer = lambda request: {"uid": request["uid"], "allowed": False, "status": status}
    answer = client.ask("POST", CONFIG_MAPS, config_map())
    body = json.loads(answer.body)
    assert (answer.status, body.get("reason")) == (code, reason)
    assert body["message"] == f'admission webhook "rec.example.io" {text}'


def test_warnings_are_sent_cut_and_escaped(client: Any, webhook: Webhook) -> None:
    configure(client, hook())
    webhook.answer = lambda request: {"uid": request["uid"], "allowed": True, "warnings": ['say "x"', "y" * 300]}
    answer = client.ask("POST", CONFIG_MAPS, config_map())
    told = [value for name, value in answer.headers if name == "warning"]
    assert told == ['299 - "say \\"x\\""', f'299 - "{"y" * 256}"']


def test_warnings_go_out_with_a_denial_too(client: Any, webhook: Webhook) -> None:
    configure(client, hook())
    webhook.answer = lambda request: {
        "uid": request["uid"],
        "allowed": False,
        "status": {"code": 403},
        "warnings": ["mind this"],
    }
    answer = client.ask("POST", CONFIG_MAPS, config_map())
    assert answer.status == 403
    assert [value for name, value in answer.headers if name == "warning"] == ['299 - "mind this"']


REFUSED = NoAnswer("dial tcp 127.0.0.1:9443: connect: connection refused")
BROKEN = [
    pytest.param(
        lambda request: REFUSED,
        'failed to call webhook: Post "https://127.0.0.1:9443/v1/admit?timeout=3s": dial tcp 127.0.0.1:9443: connect:'
        " connection refused",
        id="refused",
    ),
    pytest.param(
        lambda request: Response(500),
        'failed to call webhook: an error on the server ("unknown") has prevented the request from succeeding',
        id="HTTP 500",
    ),
    pytest.param(
        lambda request: Response(200, (), b"{}"),
        "received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview,"
        " got /, Kind=",
        id="no apiVersion",
    ),
    pytest.param(
        lambda request: Response(200, (), b"{"),
        "failed to call webhook: couldn't get version/kind; json parse error: unexpected end of JSON input",
        id="not JSON",
    ),
    pytest.param(
        lambda request: {"uid": request["uid"], "allowed": True, "patch": "W10=", "patchType": "JSONPatch"},
        "received invalid webhook response: validating webhook may not return response.patch",
        id="patch of a validating webhook",
    ),
]


@pytest.mark.parametrize(("answer", "text"), BROKEN)
@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_a_broken_webhook(client: Any, webhook: Webhook, answer: Any, text: str, policy: str) -> None:
    configure(client, hook(failurePolicy=policy))
    webhook.answer = answer
    got = client.ask("POST", CONFIG_MAPS, config_map())
    if policy == "Ignore":
        assert got.status == 201
        return
    body = json.loads(got.body)
    assert (got.status, body["reason"]) == (500, "InternalError")
    assert body["message"] == f'Internal error occurred: failed calling webhook "rec.example.io": {text}'


RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
SEEN = [
    pytest.param({"rules": [RULE]}, True, id="its rule"),
    pytest.param({"rules": [{**RULE, "resources": ["pods"]}]}, False, id="another resource"),
    pytest.param({"rules": [{**RULE, "resources": ["*"]}]}, True, id="any resource"),
    pytest.param({"rules": [{**RULE, "resources": ["*/status"]}]}, False, id="subresources only"),
    pytest.param({"rules": [{**RULE, "operations": ["UPDATE"]}]}, False, id="another operation"),
    pytest.param({"rules": [{**RULE, "apiGroups": ["apps"]}]}, False, id="another group"),
    pytest.param({"rules": [{**RULE, "scope": "Cluster"}]}, False, id="cluster scope"),
    pytest.param({"rules": [{**RULE, "scope": "Namespaced"}]}, True, id="namespaced scope"),
    pytest.param(
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, True, id="its namespace"
    ),
    pytest.param({"namespaceSelector": {"matchLabels": {"a": "b"}}}, False, id="a label that its namespace lacks"),
    pytest.param({"objectSelector": {"matchLabels": {"x": "y"}}}, True, id="its own label"),
    pytest.param({"objectSelector": {"matchLabels": {"x": "z"}}}, False, id="another label"),
    pytest.param(
        {"objectSelector": {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}}, False, id="no label"
    ),
]


@pytest.mark.parametrize(("changes", "seen"), SEEN)
def test_which_requests_a_webhook_sees(client: Any, webhook: Webhook, changes: dict[str, Any], seen: bool) -> None:
    configure(client, hook(**changes))
    assert client.ask("POST", CONFIG_MAPS, config_map(labels={"x": "y"})).status == 201
    assert bool(webhook.calls) is seen


SELECTED = [
    pytest.param("/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole", True, id="cluster objects are seen"),
    pytest.param("/api/v1/namespaces", "Namespace", False, id="a namespace by its own labels"),
]


@pytest.mark.parametrize(("path", "kind", "seen"), SELECTED)
def test_namespace_selectors_and_cluster_objects(
    client: Any, webhook: Webhook, path: str, kind: str, seen: bool
) -> None:
    configure(client, hook(namespaceSelector={"matchLabels": {"a": "b"}}))
    version = "v1" if kind == "Namespace" else "rbac.authorization.k8s.io/v1"
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": "some"}}
    assert client.ask("POST", path, body).status == 201
    assert bool(webhook.calls) is seen


def test_dry_runs_need_a_webhook_without_side_effects(client: Any, webhook: Webhook) -> None:
    configure(client, hook())
    assert client.ask("POST", CONFIG_MAPS, config_map(), query={"dryRun": "All"}).status == 201
    assert webhook.reviews[-1]["dryRun"] is True
    assert webhook.reviews[-1]["options"]["dryRun"] == ["All"]
    assert client.ask("GET", f"{CONFIG_MAPS}/x").status == 404


CONDITIONS = [
    pytest.param(None, "Fail", 403, id="not supported, Fail"),
    pytest.param(None, "Ignore", 201, id="not supported, Ignore"),
    pytest.param(lambda expression, request: False, "Fail", 201, id="does not hold"),
]


@pytest.mark.parametrize(("evaluate", "policy", "status"), CONDITIONS)
def test_match_conditions_come_from_outside(
    client: Any, webhook: Webhook, evaluate: Any, policy: str, status: int
) -> None:
    from dataclasses import replace

    configure(client, hook(failurePolicy=policy, matchConditions=[{"name": "c", "expression": "request.dryRun"}]))
    client.engine.config = replace(client.engine.config, evaluate_condition=evaluate)
    assert client.ask("POST", CONFIG_MAPS, config_map()).status == status
    assert not webhook.calls


def test_webhook_configurations_are_no_webhooks_business(client: Any, webhook: Webhook) -> None:
    configure(client, hook())
    configure(client, hook(), name="second")
    assert not webhook.calls


def test_a_mutating_webhook_changes_what_is_stored(client: Any, webhook: Webhook) -> None:
    import base64

    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "m"},
        "webhooks": [hook()],
    }
    path = CONFIGURATIONS.replace("validating", "mutating")
    assert client.ask("POST", path, body).status == 201
    patch = json.dumps([{"op": "add", "path": "/data", "value": {"a": "b"}}]).encode()
    webhook.answer = lambda request: {
        "uid": request["uid"],
        "allowed": True,
        "patchType": "JSONPatch",
        "patch": base64.b64encode(patch).decode(),
    }
    assert json.loads(client.ask("POST", CONFIG_MAPS, config_map()).body)["data"] == {"a": "b"}


def test_no_op_patches_and_deletions_are_reviewed(client: Any, webhook: Webhook) -> None:
    client.ask("POST", CONFIG_MAPS, config_map())
    configure(client, hook())
    merge = {"content-type": "application/merge-patch+json"}
    before = client.engine.state.version
    assert client.ask("PATCH", f"{CONFIG_MAPS}/x", {}, headers=merge).status == 200
    assert client.engine.state.version == before
    assert client.ask("DELETE", f"{CONFIG_MAPS}/x").status == 200
    assert [review["operation"] for review in webhook.reviews] == ["UPDATE", "DELETE"]
    assert webhook.reviews[-1]["object"] is None
    assert webhook.reviews[-1]["oldObject"]["metadata"]["name"] == "x"


# --- the recorded reviews of the real server

CREATED = [
    "create-pod",
    "create-pod-generatename",
    "create-pod-dryrun-server",
    "create-configmap",
    "create-namespace",
    "create-crd",
    "create-deployment",
    "create-clusterrole",
    "create-custom-resource",
    "impersonated-user",
]
GADGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgets.t.example.io"},
    "spec": {
        "group": "t.example.io",
        "scope": "Cluster",
        "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}


def prepared(client: Any, request: dict[str, Any]) -> str:
    """Namespace and kind of a recorded request exist; the path of its collection."""
    if request["resource"]["group"] == "t.example.io":
        assert client.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", GADGETS).status == 201
    namespace = request.get("namespace")
    resource = request["resource"]
    root = f"/apis/{resource['group']}/{resource['version']}" if resource["group"] else f"/api/{resource['version']}"
    if namespace and resource["resource"] != "namespaces":
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        assert client.ask("POST", "/api/v1/namespaces", body).status == 201
        root += f"/namespaces/{namespace}"
    return f"{root}/{resource['resource']}"


def user_of(request: dict[str, Any]) -> User:
    info = request["userInfo"]
    extra = tuple((key, tuple(values)) for key, values in info.get("extra", {}).items())
    return User(info["username"], info.get("uid", ""), tuple(info.get("groups", ())), extra)


def query_of(options: dict[str, Any]) -> dict[str, str]:
    made = {key: value for key, value in options.items() if isinstance(value, str) and key.startswith("field")}
    return {**made, "dryRun": "All"} if options.get("dryRun") else made


def timeless(value: Any) -> Any:
    """Without uids and times, and without the owners of fields: the requests here are others than kubectl's were."""
    if isinstance(value, dict):
        dropped = (
            "uid",
            "creationTimestamp",
            "lastTransitionTime",
            "resourceVersion",
            "deletionTimestamp",
            "managedFields",
        )
        return {key: timeless(child) for key, child in value.items() if key not in dropped}
    return [timeless(child) for child in value] if isinstance(value, list) else value


def sent_object(recorded: dict[str, Any]) -> dict[str, Any]:
    meta = {
        key: value
        for key, value in recorded["metadata"].items()
        if key not in ("managedFields", "uid", "creationTimestamp", "generation", "resourceVersion")
    }
    return {**recorded, "metadata": meta}


@pytest.mark.needs("conformance")
@pytest.mark.parametrize("name", CREATED)
def test_reviews_of_creates_are_those_of_the_real_server(
    client: Any, webhook: Webhook, conformance: Path, name: str
) -> None:
    recorded = json.loads((conformance / "admissionreviews" / f"{name}.json").read_text())["request"]
    path = prepared(client, recorded)
    configure(client, hook())
    query = query_of(recorded["options"])
    query.setdefault("fieldManager", recorded["object"]["metadata"].get("managedFields", [{}])[0].get("manager", ""))
    answer = client.ask("POST", path, sent_object(recorded["object"]), query=query, user=user_of(recorded))
    assert answer.status == 201, answer.body
    review = webhook.reviews[0]
    if "fieldManager" not in recorded["options"]:
        review["options"].pop("fieldManager", None)
    assert timeless(review) == timeless(recorded)


CHANGED = [
    "annotate-pod",
    "label-pod",
    "patch-merge-pod",
    "replace-configmap",
    "rollout-restart",
    "set-image",
    "patch-status-subresource",
    "patch-custom-resource-status",
    "patch-noop",
    "apply-client-update",
]


@pytest.mark.needs("conformance")
@pytest.mark.parametrize("name", CHANGED)
def test_reviews_of_updates_are_those_of_the_real_server(
    client: Any, webhook: Webhook, conformance: Path, name: str
) -> None:
    recorded = json.loads((conformance / "admissionreviews" / f"{name}.json").read_text())["request"]
    path = prepared(client, recorded)
    old = recorded["oldObject"]
    resource = recorded["resource"]
    storage = f"{resource['resource']}.{resource['group']}" if resource["group"] else resource["resource"]
    client.engine.change(Commit((storage, recorded.get("namespace", ""), recorded["name"]), 0, old))
    configure(client, hook())
    subresource = f"/{recorded['subResource']}" if "subResource" in recorded else ""
    body = dict(recorded["object"])
    body["metadata"] = {
        key: value
        for key, value in body["metadata"].items()
        if key not in ("managedFields", "resourceVersion", "uid", "creationTimestamp")
    }
    body["metadata"]["resourceVersion"] = str(
        client.engine.state.get((storage, recorded.get("namespace", ""), recorded["name"])).version
    )
    query = query_of(recorded["options"])
    target = f"{path}/{recorded['name']}{subresource}"
    answer = client.ask("PUT", target, body, query=query, user=user_of(recorded))
    assert answer.status == 200, answer.body
    assert timeless(webhook.reviews[-1]) == timeless(recorded)


DELETED = ["delete-custom-resource", "delete-dryrun", "delete-pod-force", "delete-namespace", "delete-collection"]


@pytest.mark.needs("conformance")
@pytest.mark.parametrize("name", DELETED)
def test_reviews_of_deletions_are_those_of_the_real_server(
    client: Any, webhook: Webhook, conformance: Path, name: str
) -> None:
    recorded = json.loads((conformance / "admissionreviews" / f"{name}.json").read_text())["request"]
    path = prepared(client, recorded)
    old = recorded["oldObject"]
    resource = recorded["resource"]
    storage = f"{resource['resource']}.{resource['group']}" if resource["group"] else resource["resource"]
    namespace = "" if storage == "namespaces" else recorded.get("namespace", "")
    client.engine.change(Commit((storage, namespace, old["metadata"]["name"]), 0, old))
    configure(client, hook())
    body = {**recorded["options"], "apiVersion": "v1"}
    target = f"{path}/{recorded['name']}" if "name" in recorded else path
    with_body = body if set(body) - {"apiVersion", "kind"} else None
    answer = client.ask("DELETE", target, with_body, user=user_of(recorded))
    assert answer.status == 200, answer.body
    assert timeless(webhook.reviews[0]) == timeless(recorded)
