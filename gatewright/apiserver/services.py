"""Cluster IPs and node ports of Services, allocated from what the other Services hold. The writers call `allocated`
before validation.

Source: Kubernetes documentation of Services (cluster IP allocation; the lower band is left to static use). Single
stack, IPv4.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from gatewright.apiserver.answers import invalid
from gatewright.apiserver.config import Config
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import State
from gatewright.apiserver.strategy import name_of
from gatewright.core import field_errors
from gatewright.core.field_errors import Path
from gatewright.core.objects import Object

NODE_PORTS = range(30000, 32768)


def allocated(thing: Object, old: Object | None, endpoint: Endpoint, state: State, config: Config) -> Object:
    """A Service with its addresses and node ports; anything else as it is."""
    if endpoint.storage != "services" or not isinstance(thing.get("spec"), Mapping):
        return thing
    spec: dict[str, Any] = dict(thing["spec"])
    before: Mapping[str, Any] = (old or {}).get("spec") or {}
    _addresses(spec, before, thing, state, config)
    _node_ports(spec, before, state)
    return thing if spec == thing["spec"] else {**thing, "spec": spec}


def _others(state: State) -> list[Mapping[str, Any]]:
    return [stored.thing.get("spec") or {} for stored in state.table("services").all()]


def _addresses(spec: dict[str, Any], before: Mapping[str, Any], thing: Object, state: State, config: Config) -> None:
    if spec.get("type") == "ExternalName":
        return
    address = spec.get("clusterIP")
    if not address and before.get("clusterIP"):
        address = before["clusterIP"]
    used = {spec_.get("clusterIP") for spec_ in _others(state)} - {before.get("clusterIP")}
    if not address:
        address = _free_address(used, config.service_range)
    elif address != "None" and address in used:
        path = Path("spec").child("clusterIPs")
        told = f"failed to allocate IP {address}: provided IP is already allocated"
        raise invalid("Service", "", name_of(thing), [field_errors.invalid(path, [address], told)])
    spec["clusterIP"] = address
    spec["clusterIPs"] = spec.get("clusterIPs") or [address]
    spec["ipFamilies"] = spec.get("ipFamilies") or ["IPv4"]
    spec["ipFamilyPolicy"] = spec.get("ipFamilyPolicy") or "SingleStack"


def _free_address(used: set[Any], service_range: str) -> str:
    network = ipaddress.ip_network(service_range)
    band = min(max(16, network.num_addresses // 16), 256)
    for offset in (*range(band + 1, network.num_addresses - 1), *range(2, band + 1)):
        address = str(network[offset])
        if address not in used:
            return address
    return str(network[1])


def _node_ports(spec: dict[str, Any], before: Mapping[str, Any], state: State) -> None:
    ports = spec.get("ports")
    if not ports:
        return
    if spec.get("type") not in ("NodePort", "LoadBalancer"):
        if before.get("type") in ("NodePort", "LoadBalancer"):
            spec["ports"] = [{key: value for key, value in port.items() if key != "nodePort"} for port in ports]
        return
    if spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
        return
    used = {port.get("nodePort") for other in _others(state) for port in other.get("ports") or ()}
    used |= {port.get("nodePort") for port in ports}
    kept = {(port.get("name"), port.get("port")): port.get("nodePort") for port in before.get("ports") or ()}
    made = []
    for port in ports:
        number = port.get("nodePort") or kept.get((port.get("name"), port.get("port")))
        if not number:
            number = next(one for one in NODE_PORTS if one not in used)
            used.add(number)
        made.append({**port, "nodePort": number})
    spec["ports"] = made
