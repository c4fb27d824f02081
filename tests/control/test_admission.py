"""The webhooks' answers: order of the checks, codes, texts, and what must be fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.control.admission import (
    NONCE_ANNOTATION,
    Answer,
    Fetched,
    Needs,
    Outcome,
    admit,
    admit_label,
    crashed,
    probe,
)
from gatewright.control.admission_envelope import MAX_BODY
from gatewright.core.settings import Settings
from gatewright.kinds.config import read_config
from gatewright.kinds.templates import read_template
from gatewright.policy.compiling import Compiled, compile_source, source_of
from gatewright.policy.exclusion import Exclusions
from gatewright.policy.snapshot import Snapshot, constraint_entry, template_entry

SETTINGS = Settings()
JSON = "application/json"
SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}

REGO = """
package x
violation[{"msg": msg}] {
  msg := sprintf("%v %v ns=%v", [input.review.operation, object.get(input.review.object, "kind", "none"), ns])
}
ns = x { x := input.review.namespace }
ns = "absent" { not input.review.namespace }
"""


def template(name: str = "says", kind: str = "Says", rego: str = REGO, **target: Any) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": name},
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}, "validation": schema}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego, **target}],
        },
    }


def constraint(name: str = "c", kind: str = "Says", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def policies(*constraints: dict[str, Any], of: dict[str, Any] | None = None) -> Snapshot:
    read = read_template(of or template())
    compiled = compile_source(source_of(read, SETTINGS).text)
    assert isinstance(compiled, Compiled)
    snapshot = Snapshot().with_entry(("template", read.name), template_entry(read, compiled))
    for thing in constraints:
        slot = ("constraint", thing["kind"], thing["metadata"]["name"])
        snapshot = snapshot.with_entry(slot, constraint_entry(thing))
    return snapshot.with_entry(("namespace", "shop"), SHOP)


def body(thing: dict[str, Any] | None = POD, **fields: Any) -> bytes:
    group, _, version = (thing or POD)["apiVersion"].rpartition("/")
    request: dict[str, Any] = {
        "uid": "u-1",
        "kind": {"group": group, "version": version, "kind": (thing or POD)["kind"]},
        "resource": {"group": group, "version": version, "resource": "things"},
        "name": (thing or POD)["metadata"].get("name", ""),
        "namespace": (thing or POD)["metadata"].get("namespace", ""),
        "operation": "CREATE",
        "userInfo": {"username": "ada", "groups": ["devs"]},
        "object": thing,
        "oldObject": None,
        **fields,
    }
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).encode()


def told(answer: Answer | Needs) -> dict[str, Any]:
    """allowed, code, message, reason, warnings of an answer."""
    assert isinstance(answer, Answer)
    response = json.loads(answer.body)["response"]
    status = response["status"]
    return {
        "allowed": response["allowed"],
        "code": status["code"],
        **{field: status[field] for field in ("message", "reason") if field in status},
        **({"warnings": response["warnings"]} if "warnings" in response else {}),
    }


# --- the answers of policies


def test_a_denial_joins_messages_and_keeps_warnings() -> None:
    snapshot = policies(constraint("b"), constraint("a"), constraint("w", enforcementAction="warn"))
    answer = admit(body(), JSON, snapshot, SETTINGS)
    assert told(answer) == {
        "allowed": False,
        "code": 403,
        "reason": "Forbidden",
        "message": "[a] CREATE Pod ns=shop\n[b] CREATE Pod ns=shop",
        "warnings": ["[w] CREATE Pod ns=shop"],
    }
    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.DENY
    assert [result.name for result in answer.results] == ["a", "b", "w"]


@pytest.mark.parametrize(
    ("specs", "wanted", "outcome"),
    [
        pytest.param([], {"allowed": True, "code": 200}, Outcome.ALLOW, id="no constraint"),
        pytest.param(
            [{"enforcementAction": "warn"}],
            {"allowed": True, "code": 299, "warnings": ["[c0] CREATE Pod ns=shop"]},
            Outcome.ALLOW,
            id="warn",
        ),
        pytest.param([{"enforcementAction": "dryrun"}], {"allowed": True, "code": 200}, Outcome.ALLOW, id="dryrun"),
        pytest.param(
            [{"enforcementAction": "bogus"}], {"allowed": True, "code": 200}, Outcome.ALLOW, id="no action of ours"
        ),
        pytest.param(
            [
                {
                    "enforcementAction": "scoped",
                    "scopedEnforcementActions": [
                        {"action": "deny", "enforcementPoints": [{"name": "validation.gatekeeper.sh"}]},
                        {"action": "warn", "enforcementPoints": [{"name": "*"}]},
                    ],
                }
            ],
            {
                "allowed": False,
                "code": 403,
                "reason": "Forbidden",
                "message": "[c0] CREATE Pod ns=shop",
                "warnings": ["[c0] CREATE Pod ns=shop"],
            },
            Outcome.DENY,
            id="scoped denies and warns",
        ),
        pytest.param(
            [
                {
                    "enforcementAction": "scoped",
                    "scopedEnforcementActions": [
                        {"action": "deny", "enforcementPoints": [{"name": "audit.gatekeeper.sh"}]}
                    ],
                }
            ],
            {"allowed": True, "code": 200},
            Outcome.ALLOW,
            id="scoped elsewhere",
        ),
    ],
)
def test_enforcement_actions(specs: list[dict[str, Any]], wanted: dict[str, Any], outcome: Outcome) -> None:
    snapshot = policies(*(constraint(f"c{at}", **spec) for at, spec in enumerate(specs)))
    answer = admit(body(), JSON, snapshot, SETTINGS)
    assert told(answer) == wanted
    assert isinstance(answer, Answer)
    assert answer.outcome is outcome


@pytest.mark.parametrize(
    ("operations", "operation", "allowed"),
    [
        pytest.param(["UPDATE"], "CREATE", True, id="not for this operation"),
        pytest.param(["CREATE", "UPDATE"], "CREATE", False, id="for this operation"),
        pytest.param(["*"], "CREATE", False, id="for all"),
        pytest.param([], "CREATE", False, id="not limited"),
    ],
)
def test_operations_of_the_template(operations: list[str], operation: str, allowed: bool) -> None:
    snapshot = policies(constraint(), of=template(operations=operations))
    assert told(admit(body(operation=operation), JSON, snapshot, SETTINGS))["allowed"] is allowed


def test_delete_reviews_the_old_object() -> None:
    answer = admit(body(None, operation="DELETE", oldObject=POD), JSON, policies(constraint()), SETTINGS)
    assert told(answer)["message"] == "[c] DELETE Pod ns=shop"


def test_delete_without_old_object_is_an_error() -> None:
    answer = admit(body(None, operation="DELETE"), JSON, policies(constraint()), SETTINGS)
    assert told(answer) == {
        "allowed": False,
        "code": 500,
        "message": "error reviewing resource web: admission.k8s.gatekeeper.sh: target.HandleReview failed for target "
        '"admission.k8s.gatekeeper.sh": oldObject cannot be nil for DELETE operations\n',
    }
    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.ERROR


def test_an_object_without_kind_is_an_error() -> None:
    answer = admit(body(object={"metadata": {"name": "web"}}), JSON, policies(constraint()), SETTINGS)
    assert told(answer)["code"] == 500
    assert told(answer)["message"].startswith("error decoding generator resource web: Object 'Kind' is missing in '{")


# --- namespaces


def test_an_unknown_namespace_is_asked_for() -> None:
    thing = {**POD, "metadata": {"name": "web", "namespace": "new"}}
    call = body(thing)
    assert admit(call, JSON, policies(constraint()), SETTINGS) == Needs(namespaces=("new",))
    found = {**SHOP, "metadata": {"name": "new"}}
    answer = admit(call, JSON, policies(constraint()), SETTINGS, Fetched(namespaces={"new": found}))
    assert told(answer)["message"] == "[c] CREATE Pod ns=new"


def test_a_namespace_that_is_not_there_is_an_error() -> None:
    thing = {**POD, "metadata": {"name": "web", "namespace": "new"}}
    fetched = Fetched(namespaces={"new": 'namespaces "new" not found'})
    answer = admit(body(thing), JSON, policies(constraint()), SETTINGS, fetched)
    assert told(answer) == {
        "allowed": False,
        "code": 500,
        "message": 'failed to create augmentedReview: namespaces "new" not found',
    }


def test_a_namespace_is_reviewed_as_if_in_none() -> None:
    snapshot = policies(constraint())
    assert told(admit(body(SHOP, namespace="shop"), JSON, snapshot, SETTINGS)) == told(
        admit(body(SHOP, namespace=""), JSON, snapshot, SETTINGS)
    )
    assert told(admit(body(SHOP, namespace="shop"), JSON, snapshot, SETTINGS))["message"] == (
        "[c] CREATE Namespace ns=absent"
    )


@pytest.mark.parametrize(
    ("thing", "namespace", "excluded"),
    [
        pytest.param(POD, "shop", True, id="an object in it"),
        pytest.param(SHOP, "", True, id="the namespace itself"),
        pytest.param({**POD, "metadata": {"name": "x"}}, "shop", True, id="the namespace of the request counts"),
        pytest.param({**POD, "metadata": {"name": "x"}}, "", False, id="an object in none"),
    ],
)
def test_config_excludes_namespaces(thing: dict[str, Any], namespace: str, excluded: bool) -> None:
    match = [{"processes": ["webhook"], "excludedNamespaces": ["sh*"]}]
    config = read_config({"kind": "Config", "metadata": {"name": "config"}, "spec": {"match": match}})
    snapshot = policies(constraint()).with_entry(("exclusions",), Exclusions.of(config))
    answer = admit(body(thing, namespace=namespace), JSON, snapshot, SETTINGS)
    if excluded:
        assert told(answer) == {
            "allowed": True,
            "code": 200,
            "message": "Namespace is set to be ignored by Gatekeeper config",
        }
    else:
        assert told(answer)["allowed"] is False


# --- the envelope


def test_self_management_comes_before_everything() -> None:
    user = {"username": "system:serviceaccount:gatekeeper-system:gatekeeper-admin"}
    answer = admit(body(userInfo=user, object=None), JSON, policies(constraint()), SETTINGS)
    assert told(answer) == {"allowed": True, "code": 200, "message": "Gatekeeper does not self-manage"}
    other = Settings(namespace="elsewhere")
    assert told(admit(body(userInfo=user), JSON, policies(constraint()), other))["allowed"] is False


def test_the_answer_mirrors_version_and_uid() -> None:
    call = json.loads(body())
    for version in ("admission.k8s.io/v1", "admission.k8s.io/v1beta1"):
        answer = admit(json.dumps({**call, "apiVersion": version}).encode(), JSON, Snapshot(), SETTINGS)
        assert isinstance(answer, Needs)
    snapshot = policies()
    for version in ("admission.k8s.io/v1", "admission.k8s.io/v1beta1"):
        answer = admit(json.dumps({**call, "apiVersion": version}).encode(), JSON, snapshot, SETTINGS)
        assert isinstance(answer, Answer)
        assert json.loads(answer.body) == {
            "apiVersion": version,
            "kind": "AdmissionReview",
            "response": {"uid": "u-1", "allowed": True, "status": {"metadata": {}, "code": 200}},
        }


@pytest.mark.parametrize(
    ("content", "kind", "code", "message"),
    [
        pytest.param(b"", JSON, 400, "request body is empty", id="empty"),
        pytest.param(b"{}", "text/plain", 400, "contentType=text/plain, expected application/json", id="type"),
        pytest.param(b"{}", f"{JSON}; charset=utf-8", 400, "contentType=", id="type with parameters"),
        pytest.param(b"{", JSON, 400, "the body is no AdmissionReview", id="cut off"),
        pytest.param(b"\xff\xfe", JSON, 400, "the body is no AdmissionReview", id="bytes"),
        pytest.param(
            b'{"request": {"object": {"a": 1e999}}}', JSON, 400, "Number out of range", id="a number too large"
        ),
        pytest.param(b'{"request": {"object": ' + b'{"a":' * 100_000, JSON, 400, "nested too deep", id="deep"),
        pytest.param(b"[]", JSON, 400, "Expected `object`, got `array`", id="a list"),
        pytest.param(b"{}", JSON, 400, "has no request", id="no request"),
        pytest.param(b'{"request": {"kind": 3}}', JSON, 400, "got `int` - at `$.request.kind`", id="kind"),
        pytest.param(
            b'{"request": {"kind": {"kind": 3}}}', JSON, 400, "got `int` - at `$.request.kind[...]`", id="kind.kind"
        ),
        pytest.param(b'{"request": {"name": []}}', JSON, 400, "got `array` - at `$.request.name`", id="name"),
        pytest.param(b'{"request": {"dryRun": "no"}}', JSON, 400, "got `str` - at `$.request.dryRun`", id="dryRun"),
        pytest.param(b'{"request": {"object": "x"}}', JSON, 400, "got `str` - at `$.request.object`", id="object"),
        pytest.param(
            b'{"request": {"userInfo": {"groups": [1]}}}',
            JSON,
            400,
            "got `int` - at `$.request.userInfo.groups[0]`",
            id="groups",
        ),
        pytest.param(b" " * MAX_BODY, JSON, 413, "request entity is too large; limit is 7340032 bytes", id="large"),
    ],
)
def test_rubbish_gets_a_status(content: bytes, kind: str, code: int, message: str) -> None:
    for answer in (
        admit(content, kind, Snapshot(), SETTINGS),
        admit_label(content, kind, SETTINGS),
        probe("/v1/probe/x", content, kind, "pod"),
    ):
        found = told(answer)
        assert (found["allowed"], found["code"]) == (False, code)
        assert message in found["message"]
        assert isinstance(answer, Answer)
        assert set(json.loads(answer.body)) == {"response"}  # no apiVersion and kind: nothing to mirror


def test_a_fault_of_ours_is_a_500_that_names_the_call() -> None:
    answer = crashed(body(), JSON, "it broke")
    assert told(answer) == {"allowed": False, "code": 500, "message": "internal error: it broke"}
    assert json.loads(answer.body)["response"]["uid"] == "u-1"
    assert told(crashed(b"", JSON, "it broke"))["code"] == 500


# --- the label that exempts a namespace


def _namespace(name: str, *, ignore: bool) -> dict[str, Any]:
    labels = {"admission.gatekeeper.sh/ignore": "yes"} if ignore else {}
    return {**SHOP, "metadata": {"name": name, "labels": labels}}


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        pytest.param(body(None, operation="DELETE"), (True, 200, "Delete is always allowed"), id="delete"),
        pytest.param(body(), (True, 200, "Not a namespace"), id="a pod"),
        pytest.param(
            body(_namespace("shop", ignore=False)),
            (True, 200, "Namespace is not setting the admission.gatekeeper.sh/ignore label"),
            id="without the label",
        ),
        pytest.param(
            body(_namespace("shop", ignore=True)),
            (False, 403, "Only exempt namespace can have the admission.gatekeeper.sh/ignore label"),
            id="with the label",
        ),
        pytest.param(
            body(_namespace("ops", ignore=True)),
            (True, 200, "Namespace ops is allowed to set admission.gatekeeper.sh/ignore"),
            id="exempt by name",
        ),
        pytest.param(
            body(_namespace("kube-x", ignore=True)),
            (True, 200, "Namespace kube-x is allowed to set admission.gatekeeper.sh/ignore"),
            id="exempt by prefix",
        ),
        pytest.param(
            body(_namespace("a-sandbox", ignore=True)),
            (True, 200, "Namespace a-sandbox is allowed to set admission.gatekeeper.sh/ignore"),
            id="exempt by suffix",
        ),
        pytest.param(
            body(SHOP, object=None), (False, 500, "while deserializing resource: there is no object"), id="no object"
        ),
    ],
)
def test_ignore_label(call: bytes, wanted: tuple[bool, int, str]) -> None:
    settings = Settings(
        exempt_namespaces=("ops",), exempt_namespace_prefixes=("kube-",), exempt_namespace_suffixes=("-sandbox",)
    )
    found = told(admit_label(call, JSON, settings))
    assert (found["allowed"], found["code"], found["message"]) == wanted


def test_nobody_is_exempt_by_default() -> None:
    assert told(admit_label(body(_namespace("kube-system", ignore=True)), JSON, SETTINGS))["allowed"] is False


# --- the probe


def test_the_probe_names_pod_path_and_nonce() -> None:
    thing = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "p", "annotations": {NONCE_ANNOTATION: "n1"}},
    }
    answer = probe("/v1/probe/abc", body(thing), JSON, "pod-1")
    assert told(answer) == {"allowed": True, "code": 299, "warnings": ["gatewright-probe pod-1 /v1/probe/abc n1"]}
    assert "pod-1 /v1/probe/abc -" in told(probe("/v1/probe/abc", body(), JSON, "pod-1"))["warnings"][0]


# --- what a real API server sends


@pytest.mark.needs("conformance")
def test_recorded_requests_are_reviewed(conformance: Path) -> None:
    """Every request that kubectl causes is read, reviewed and answered; deletions are about the old object."""
    files = sorted((conformance / "admissionreviews").glob("*.json"))
    assert len(files) >= 38
    rego = """
package x
violation[{"msg": msg}] {
  r := input.review
  sub := object.get(r, "subResource", "")
  msg := json.marshal([r.operation, r.kind.kind, object.get(r, "namespace", ""), sub, r.object.kind])
}
"""
    snapshot = policies(constraint(), of=template(rego=rego))
    for file in files:
        review = json.loads(file.read_text())
        request = review["request"]
        namespace = request.get("namespace", "")
        fetched = Fetched(namespaces={namespace: {**SHOP, "metadata": {"name": namespace}}})
        answer = admit(file.read_bytes(), JSON, snapshot, SETTINGS, fetched)
        found = told(answer)
        about = request["oldObject"] if request["operation"] == "DELETE" else request["object"]
        own = request["kind"]["kind"] == "Namespace"
        wanted = [
            request["operation"],
            request["kind"]["kind"],
            "" if own else namespace,
            request.get("subResource", ""),
            about["kind"],
        ]
        assert found["code"] == 403, file.name
        assert json.loads(found["message"].removeprefix("[c] ")) == wanted, file.name
        assert isinstance(answer, Answer)
        assert json.loads(answer.body)["response"]["uid"] == request["uid"]
        assert answer.call is not None
        assert answer.call.dry_run is request["dryRun"]
