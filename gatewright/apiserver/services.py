"""Cluster IPs and node ports of Services, allocated from what the other Services hold. The writers call `allocated`
before validation; what can't be allocated is refused here, alone.

Source: Kubernetes documentation of Services (cluster IP allocation; the lower band is left to static use) and the
answers of a real API server. Single stack, IPv4.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.apiserver.answers import invalid
from gatewright.apiserver.builtin.services import address_errors, checks_health
from gatewright.apiserver.config import Config
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import State
from gatewright.apiserver.strategy import name_of
from gatewright.core import field_errors
from gatewright.core.field_errors import FieldError, Marshalled, Path
from gatewright.core.objects import Object

NODE_PORTS = range(30000, 32768)
SPEC = Path("spec")
_PORTED = ("NodePort", "LoadBalancer")


def allocated(thing: Object, old: Object | None, endpoint: Endpoint, state: State, config: Config) -> Object:
    """A Service with its addresses and node ports; anything else as it is."""
    if endpoint.storage != "services" or not isinstance(thing.get("spec"), Mapping):
        return thing
    spec: dict[str, Any] = dict(thing["spec"])
    before: Mapping[str, Any] = (old or {}).get("spec") or {}
    if spec.get("type") != "ExternalName":
        _keep_addresses(spec, before)
        _check(_family_errors(spec, before), thing)
        _addresses(spec, before, thing, state, config)
    _node_ports(spec, before, thing, state)
    return thing if spec == thing["spec"] else {**thing, "spec": spec}


def _check(errors: Sequence[FieldError], thing: Object) -> None:
    if errors:
        raise invalid("Service", "", name_of(thing), list(errors))


def _others(state: State, before: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = [stored.thing.get("spec") or {} for stored in state.table("services").all()]
    return [spec for spec in found if spec != before]


# --- addresses


def _keep_addresses(spec: dict[str, Any], before: Mapping[str, Any]) -> None:
    """A change that tells no address keeps the old one."""
    if before.get("type") == "ExternalName" or not before:
        return
    if not spec.get("clusterIP") and before.get("clusterIP"):
        spec["clusterIP"] = before["clusterIP"]
    if not spec.get("clusterIPs") and spec.get("clusterIP") == before.get("clusterIP") and before.get("clusterIPs"):
        spec["clusterIPs"] = before["clusterIPs"]


def _family_errors(spec: dict[str, Any], before: Mapping[str, Any]) -> list[FieldError]:
    """Fills in the families of addresses; errors of those that can't be."""
    bare = spec.get("clusterIP") == "None" and not spec.get("selector")
    if spec.get("ipFamilyPolicy") is None:
        spec["ipFamilyPolicy"] = before.get("ipFamilyPolicy") or ("RequireDualStack" if bare else "SingleStack")
    errors = address_errors({"spec": spec})
    if errors:
        return errors
    policy, at = spec["ipFamilyPolicy"], SPEC.child("ipFamilyPolicy")
    addresses, families = list(spec.get("clusterIPs") or ()), list(spec.get("ipFamilies") or ())
    if policy == "SingleStack":
        told = "must be 'RequireDualStack' or 'PreferDualStack' when multiple {} are specified"
        several = ((addresses, "cluster IPs"), (families, "IP families"))
        errors += [
            field_errors.invalid(at, Marshalled(policy), told.format(what))
            for given, what in several
            if len(given) == 2
        ]
    for position, address in enumerate(addresses):
        if address == "None":
            break
        if position >= len(families):
            if ":" in address:
                told = "IPv6 is not configured on this cluster"
                errors.append(field_errors.invalid(SPEC.child("clusterIPs").index(position), addresses, told))
            else:
                families.append("IPv4")
    if errors:
        return errors
    spec["ipFamilies"] = families or ["IPv4"]
    if bare:
        if len(spec["ipFamilies"]) < 2 and policy != "SingleStack":
            spec["ipFamilies"] = [*spec["ipFamilies"], "IPv6" if spec["ipFamilies"] == ["IPv4"] else "IPv4"]
        return []
    if policy == "RequireDualStack":
        told = "this cluster is not configured for dual-stack services"
        errors.append(field_errors.invalid(at, Marshalled(policy), told))
    for position, family in enumerate(families):
        if family != "IPv4":
            here = SPEC.child("ipFamilies").index(position)
            errors.append(field_errors.invalid(here, Marshalled(family), "not configured on this cluster"))
    return errors


def _addresses(spec: dict[str, Any], before: Mapping[str, Any], thing: Object, state: State, config: Config) -> None:
    address = spec.get("clusterIP")
    if address == "None" or (address and address == before.get("clusterIP")):
        return
    used = {other.get("clusterIP") for other in _others(state, before)}
    if not address:
        address = _free_address(used, config.service_range)
    else:
        problem = _address_problem(address, used, config.service_range)
        if problem and not before.get("clusterIP"):
            told = f"failed to allocate IP {address}: {problem}"
            _check([field_errors.invalid(SPEC.child("clusterIPs"), [address], told)], thing)
    spec["clusterIP"] = address
    spec["clusterIPs"] = spec.get("clusterIPs") or [address]


def _address_problem(address: str, used: set[Any], service_range: str) -> str:
    network = ipaddress.ip_network(service_range)
    parsed = ipaddress.ip_address(address)
    ends = (network.network_address, network.broadcast_address)
    if parsed not in network or parsed in ends:
        return "the provided network does not match the current range"
    return "provided IP is already allocated" if address in used else ""


def _free_address(used: set[Any], service_range: str) -> str:
    network = ipaddress.ip_network(service_range)
    band = min(max(16, network.num_addresses // 16), 256)
    for offset in (*range(band + 1, network.num_addresses - 1), *range(2, band + 1)):
        address = str(network[offset])
        if address not in used:
            return address
    return str(network[1])


# --- ports of the nodes


def _node_ports(spec: dict[str, Any], before: Mapping[str, Any], thing: Object, state: State) -> None:
    ports: list[Any] = list(spec.get("ports") or ())
    if spec.get("type") not in _PORTED:
        if before.get("type") in _PORTED and _numbers(ports) <= _numbers(before.get("ports") or ()):
            spec["ports"] = [{key: value for key, value in port.items() if key != "nodePort"} for port in ports]
        return
    used = {number for other in _others(state, before) for number in _held(other)}
    own = _held(before) if before.get("type") in _PORTED else set()
    if before.get("type") in _PORTED:
        ports = _known_ports(ports, before)
    if not (spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False):
        ports = _numbered(ports, used, own, thing)
    if ports:
        spec["ports"] = ports
    if checks_health(spec) and not spec.get("healthCheckNodePort"):
        taken = used | _numbers(ports)
        kept = before.get("healthCheckNodePort")
        spec["healthCheckNodePort"] = kept or next(one for one in NODE_PORTS if one not in taken)


def _numbers(ports: Sequence[Mapping[str, Any]]) -> set[int]:
    return {port["nodePort"] for port in ports if port.get("nodePort")}


def _held(spec: Mapping[str, Any]) -> set[int]:
    health = spec.get("healthCheckNodePort")
    return _numbers(spec.get("ports") or ()) | ({health} if health else set())


def _known_ports(ports: Sequence[Mapping[str, Any]], before: Mapping[str, Any]) -> list[Any]:
    """Ports that tell no node port keep that of the port with their name."""
    old = before.get("ports") or ()
    used = _numbers(ports) & _numbers(old)
    by_name = {port.get("name") or "": port.get("nodePort") for port in old}
    made = []
    for port in ports:
        number = by_name.get(port.get("name") or "")
        if not port.get("nodePort") and number and number not in used:
            used.add(number)
            port = {**port, "nodePort": number}
        made.append(port)
    return made


def _numbered(ports: Sequence[Mapping[str, Any]], used: set[int], own: set[int], thing: Object) -> list[Any]:
    """Each port with a node port; the same port of two protocols may share one."""
    taken = set(used)
    given = {port.get("port"): port["nodePort"] for port in reversed(ports) if port.get("nodePort")}
    by_port: dict[Any, int] = {}
    made = []
    for position, port in enumerate(ports):
        number = port.get("nodePort") or by_port.get(port.get("port")) or given.get(port.get("port"))
        if not number:
            number = next(one for one in NODE_PORTS if one not in taken | own | set(given.values()))
        elif number != by_port.get(port.get("port")) and number not in own:
            problem = _port_problem(number, taken)
            if problem:
                at = SPEC.child("ports").index(position).child("nodePort")
                _check([field_errors.invalid(at, number, problem)], thing)
        taken.add(number)
        by_port.setdefault(port.get("port"), number)
        made.append({**port, "nodePort": number})
    return made


def _port_problem(number: int, taken: set[int]) -> str:
    if number not in NODE_PORTS:
        told = "provided port is not in the valid range. The range of valid ports is "
        return f"{told}{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
    return "provided port is already allocated" if number in taken else ""
