"""The server's own controllers: garbage collection, namespaces, the life of CRDs; and that they are as slow as they
are told to be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gatewright.apiserver.config import REAL, Config
from gatewright.apiserver.effects import CallWebhook, Sleep
from gatewright.core.http import NoAnswer

MAPS = "/api/v1/namespaces/default/configmaps"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE = {"content-type": "application/merge-patch+json"}


def config_map(name: str, **meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}}


def created(client: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.ask("POST", path, body)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = json.loads(answer.body)
    return made


def owned_by(owner: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **more}
    return [{**reference, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}]


def later(client: Any, seconds: float = 1.0) -> None:
    """Let time pass in small steps, as a runtime would wake the controllers."""
    for _ in range(20):
        client.clock.passed += seconds / 20
        client.engine.turn()


def there(client: Any, name: str, path: str = MAPS) -> bool:
    return bool(client.ask("GET", f"{path}/{name}").status == 200)


def crd(plural: str = "widgets", kind: str = "Widget", group: str = "t.example.io") -> dict[str, Any]:
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Cluster", "names": names, "versions": [version]},
    }


def test_what_an_object_owned_goes_after_it(client: Any) -> None:
    owner = created(client, MAPS, config_map("owner"))
    child = created(client, MAPS, config_map("child", ownerReferences=owned_by(owner)))
    created(client, MAPS, config_map("grandchild", ownerReferences=owned_by(child)))
    created(client, MAPS, config_map("other"))
    client.ask("DELETE", f"{MAPS}/owner")
    assert there(client, "child"), "the collector needs its time"
    later(client)
    assert [there(client, name) for name in ("child", "grandchild", "other")] == [False, False, True]


def test_an_object_with_another_owner_stays_and_forgets_the_one_that_went(client: Any) -> None:
    one, two = (created(client, MAPS, config_map(name)) for name in ("one", "two"))
    created(client, MAPS, config_map("child", ownerReferences=[*owned_by(one), *owned_by(two)]))
    client.ask("DELETE", f"{MAPS}/one")
    later(client)
    kept = json.loads(client.ask("GET", f"{MAPS}/child").body)["metadata"]["ownerReferences"]
    assert [owner["name"] for owner in kept] == ["two"]


def test_an_owner_that_never_was_is_gone_too(client: Any) -> None:
    nobody = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "uid": "no-such-uid"}}
    created(client, MAPS, config_map("child", ownerReferences=owned_by(nobody)))
    later(client)
    assert not there(client, "child")


def test_an_owner_of_an_unknown_kind_proves_nothing(client: Any) -> None:
    nobody = {"apiVersion": "nope.example.io/v1", "kind": "Nope", "metadata": {"name": "x", "uid": "no-such-uid"}}
    created(client, MAPS, config_map("child", ownerReferences=owned_by(nobody)))
    later(client)
    assert there(client, "child")


def test_foreground_deletion_waits_for_dependents_that_block(client: Any) -> None:
    owner = created(client, MAPS, config_map("owner"))
    body = config_map("child", finalizers=["example.io/hold"], ownerReferences=owned_by(owner, blockOwnerDeletion=True))
    created(client, MAPS, body)
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}
    assert client.ask("DELETE", f"{MAPS}/owner", options).status == 200
    later(client)
    assert there(client, "owner")
    client.ask("PATCH", f"{MAPS}/child", {"metadata": {"finalizers": None}}, headers=MERGE)
    later(client)
    assert not there(client, "child")
    assert not there(client, "owner")


def test_orphans_stay_without_their_owner(client: Any) -> None:
    owner = created(client, MAPS, config_map("owner"))
    created(client, MAPS, config_map("child", ownerReferences=owned_by(owner)))
    client.ask("DELETE", f"{MAPS}/owner", query={"propagationPolicy": "Orphan"})
    later(client)
    assert not there(client, "owner")
    assert "ownerReferences" not in json.loads(client.ask("GET", f"{MAPS}/child").body)["metadata"]


def test_a_namespace_goes_when_all_in_it_has_gone(client: Any) -> None:
    created(client, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
    maps = "/api/v1/namespaces/demo/configmaps"
    created(client, maps, config_map("free"))
    created(client, maps, config_map("held", finalizers=["example.io/hold"]))
    answer = client.ask("DELETE", "/api/v1/namespaces/demo")
    assert json.loads(answer.body)["status"]["phase"] == "Terminating"
    assert client.ask("POST", maps, config_map("late")).status == 403
    later(client)
    assert [there(client, name, maps) for name in ("free", "held")] == [False, True]
    assert there(client, "demo", "/api/v1/namespaces")
    client.ask("PATCH", f"{maps}/held", {"metadata": {"finalizers": None}}, headers=MERGE)
    later(client)
    assert not there(client, "demo", "/api/v1/namespaces")


def test_a_refused_deletion_is_tried_again_without_haste(client: Any) -> None:
    hook = {
        "name": "no.example.io",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    owner = created(client, MAPS, config_map("owner"))
    created(client, MAPS, config_map("child", ownerReferences=owned_by(owner)))
    client.ask("DELETE", f"{MAPS}/owner")
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "no"},
        "webhooks": [hook],
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    created(client, path, body)
    asked: list[CallWebhook] = []

    def refuse(effect: Any) -> Any:
        asked.append(effect)
        return NoAnswer("connect: connection refused")

    client.engine.block = refuse
    later(client, 4.0)
    assert len(asked) == 1
    later(client, 4.0)
    assert len(asked) == 2
    client.ask("DELETE", f"{path}/no")
    later(client, 6.0)
    assert not there(client, "child")


def test_names_in_use_keep_a_crd_from_being_served_until_they_are_free(client: Any) -> None:
    created(client, CRDS, crd())
    created(client, CRDS, crd("widgetz"))
    later(client)
    conditions = json.loads(client.ask("GET", f"{CRDS}/widgetz.t.example.io").body)["status"]["conditions"]
    assert [(one["type"], one["status"]) for one in conditions] == [
        ("NamesAccepted", "False"),
        ("Established", "False"),
    ]
    assert client.ask("GET", "/apis/t.example.io/v1/widgetz").status == 404
    client.ask("DELETE", f"{CRDS}/widgets.t.example.io")
    later(client)
    assert client.ask("GET", "/apis/t.example.io/v1/widgetz").status == 200


def test_the_first_creates_of_a_new_kind_wait_in_real_timing(client: Any) -> None:
    client.engine.config = replace(client.engine.config, timing=replace(REAL, actor_lag=0.0))
    slept: list[float] = []

    def sleep(effect: Any) -> None:
        assert isinstance(effect, Sleep)
        slept.append(effect.seconds)

    client.engine.block = sleep
    created(client, CRDS, crd())
    widget = {"apiVersion": "t.example.io/v1", "kind": "Widget", "metadata": {"name": "a"}}
    created(client, "/apis/t.example.io/v1/widgets", widget)
    assert slept == [2.0]
    client.clock.passed += 3
    created(client, "/apis/t.example.io/v1/widgets", {**widget, "metadata": {"name": "b"}})
    assert slept == [2.0]


def test_a_served_kind_lags_behind_its_crd_in_real_timing(config: Config, make_transport: Any) -> None:
    transport = make_transport(replace(config, timing=REAL))
    from tests.replay.transport import Call

    def ask(method: str, target: str, body: Any = None) -> int:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        raw = None if body is None else json.dumps(body).encode()
        return int(transport.send(Call(method, target, headers, raw)).status)

    assert ask("POST", CRDS, crd()) == 201
    assert ask("GET", "/apis/t.example.io/v1/widgets") == 404
    for _ in range(4):
        transport.pause(0.03)
    assert ask("GET", "/apis/t.example.io/v1/widgets") == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/namespaces/kube-system", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"]
)
def test_a_cluster_begins_with_its_own_objects(client: Any, path: str) -> None:
    assert client.ask("GET", path).status == 200
    client.engine.boot()  # again: what is there stays
    assert client.ask("GET", path).status == 200
