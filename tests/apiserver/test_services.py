"""Addresses and node ports of Services: what is given, kept, freed and refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

SERVICES = "/api/v1/namespaces/default/services"


def body(name: str, **spec: Any) -> Any:
    whole = {"ports": [{"port": 80}], "selector": {"a": "b"}, **spec}
    return {"metadata": {"name": name}, "spec": {key: value for key, value in whole.items() if value is not None}}


def made(client: Any, name: str, **spec: Any) -> Any:
    answer = client.ask("POST", SERVICES, body(name, **spec))
    assert answer.status == 201, answer.body
    return json.loads(answer.body)["spec"]


def refused(client: Any, name: str, **spec: Any) -> list[tuple[str, str]]:
    answer = client.ask("POST", SERVICES, body(name, **spec))
    assert answer.status == 422, answer.body
    return [(cause["field"], cause["message"]) for cause in json.loads(answer.body)["details"]["causes"]]


def changed(client: Any, name: str, **spec: Any) -> Any:
    headers = {"content-type": "application/merge-patch+json"}
    answer = client.ask("PATCH", f"{SERVICES}/{name}", {"spec": spec}, headers=headers)
    return json.loads(answer.body) if answer.status == 422 else json.loads(answer.body)["spec"]


def test_each_has_an_address_of_its_own(client: Any) -> None:
    first, second = made(client, "a"), made(client, "b")
    assert first["clusterIP"] != second["clusterIP"]
    assert (first["clusterIPs"], first["ipFamilies"], first["ipFamilyPolicy"]) == (
        [first["clusterIP"]],
        ["IPv4"],
        "SingleStack",
    )


NO_RANGE = "the provided network does not match the current range"


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (
            {"clusterIP": "1.2.3.4"},
            "spec.clusterIPs",
            f'Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: {NO_RANGE}',
        ),
        (
            {"clusterIPs": ["10.0.0.9"]},
            "spec.clusterIPs",
            'Invalid value: ["10.0.0.9"]: must be empty when `clusterIP` is not specified',
        ),
        (
            {"clusterIP": "fd00::1"},
            "spec.clusterIPs[0]",
            'Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster',
        ),
        ({"ipFamilies": ["IPv6"]}, "spec.ipFamilies[0]", 'Invalid value: "IPv6": not configured on this cluster'),
        (
            {"ipFamilies": ["IPv4", "IPv6"]},
            "spec.ipFamilyPolicy",
            "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families "
            "are specified",
        ),
        (
            {"ipFamilyPolicy": "RequireDualStack"},
            "spec.ipFamilyPolicy",
            'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
        ),
        (
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]},
            "spec.ports[0].nodePort",
            "Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
        (
            {
                "type": "NodePort",
                "ports": [{"port": 1, "name": "a", "nodePort": 30001}, {"port": 2, "name": "b", "nodePort": 30001}],
            },
            "spec.ports[1].nodePort",
            "Invalid value: 30001: provided port is already allocated",
        ),
    ],
)
def test_what_can_not_be_allocated_is_refused_alone(client: Any, spec: Any, field: str, message: str) -> None:
    assert refused(client, "a", **spec) == [(field, message)]


def test_what_another_holds_is_refused(client: Any) -> None:
    made(client, "a", clusterIP="10.0.0.77", type="NodePort", ports=[{"port": 80, "nodePort": 30100}])
    assert refused(client, "b", clusterIP="10.0.0.77") == [
        (
            "spec.clusterIPs",
            'Invalid value: ["10.0.0.77"]: failed to allocate IP 10.0.0.77: provided IP is already allocated',
        )
    ]
    assert refused(client, "b", type="NodePort", ports=[{"port": 80, "nodePort": 30100}]) == [
        ("spec.ports[0].nodePort", "Invalid value: 30100: provided port is already allocated")
    ]
    client.ask("DELETE", f"{SERVICES}/a")
    made(client, "b", clusterIP="10.0.0.77", type="NodePort", ports=[{"port": 80, "nodePort": 30100}])


def test_headless_services(client: Any) -> None:
    assert made(client, "a", clusterIP="None")["ipFamilies"] == ["IPv4"]
    bare = made(client, "b", clusterIP="None", selector=None)
    assert (bare["ipFamilies"], bare["ipFamilyPolicy"]) == (["IPv4", "IPv6"], "RequireDualStack")


def test_two_protocols_share_a_node_port(client: Any) -> None:
    ports = [{"port": 53, "name": "t"}, {"port": 53, "name": "u", "protocol": "UDP"}]
    found = made(client, "a", type="NodePort", ports=ports)["ports"]
    assert found[0]["nodePort"] == found[1]["nodePort"]


def test_changes_keep_and_free(client: Any) -> None:
    first = made(client, "a", type="NodePort")
    assert changed(client, "a", ports=[{"port": 81}])["ports"][0]["nodePort"] == first["ports"][0]["nodePort"]
    plain = changed(client, "a", type="ClusterIP")
    assert "nodePort" not in plain["ports"][0]
    assert plain["clusterIP"] == first["clusterIP"]
    assert changed(client, "a", clusterIP="10.0.0.99")["details"]["causes"][0]["field"] == "spec.clusterIPs[0]"
    elsewhere = changed(client, "a", type="ExternalName", externalName="x.io")
    assert "clusterIP" not in elsewhere
    assert changed(client, "a", type="ClusterIP")["clusterIPs"]


def test_a_local_load_balancer_is_asked_for_its_health(client: Any) -> None:
    spec = made(client, "a", type="LoadBalancer", externalTrafficPolicy="Local")
    assert spec["healthCheckNodePort"] != spec["ports"][0]["nodePort"]
    assert "healthCheckNodePort" not in changed(client, "a", externalTrafficPolicy="Cluster")
