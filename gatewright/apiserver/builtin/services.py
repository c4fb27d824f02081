"""Services: defaults and validation. Addresses and node ports are allocated by the server before validation.

Called by `kinds`. Source: the Kubernetes API reference ("Service") and the answers of a real API server.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.apiserver.builtin import forms
from gatewright.apiserver.builtin.pod_defaults import with_defaults
from gatewright.core import names
from gatewright.core.field_errors import (
    FieldError,
    Marshalled,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from gatewright.core.go_text import Struct
from gatewright.core.objects import Object
from gatewright.core.schemas.formats import parse_cidr, parse_ip
from gatewright.core.selectors import validate_labels

SPEC = Path("spec")
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_DAY = 10800  # seconds a client sticks to its endpoint by default


def default_service(thing: Object) -> Object:
    """A Service with its defaults."""
    spec = with_defaults(thing.get("spec") or {}, {"sessionAffinity": "None", "type": "ClusterIP"})
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _DAY}}
    if spec.get("ports"):
        spec["ports"] = [_default_port(port) for port in spec["ports"]]
    if _external(spec) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec.get("internalTrafficPolicy") is None and spec["type"] in ("NodePort", "LoadBalancer", "ClusterIP"):
        spec["internalTrafficPolicy"] = "Cluster"
    if spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is None:
        spec["allocateLoadBalancerNodePorts"] = True
    return {**thing, "spec": spec}


def prepare_service(thing: Object) -> Object:
    """A new Service: the one address and the first of the list are the same; the one may be given."""
    spec = thing.get("spec") or {}
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        return {**thing, "spec": {**spec, "clusterIPs": [spec["clusterIP"]]}}
    return thing


def prepare_service_change(new: Object, old: Object) -> Object:
    """A changed Service: a client that knows only the one address changes the list by it; what the type no longer has
    goes."""
    spec, before = dict(new.get("spec") or {}), old.get("spec") or {}
    one, listed = spec.get("clusterIP") or "", list(spec.get("clusterIPs") or ())
    was, were = before.get("clusterIP") or "", list(before.get("clusterIPs") or ())
    if one != was and listed == were:
        listed = [one] if one else []
    elif one and not listed:
        listed = were if one == was else [one]
    _put(spec, "clusterIPs", listed)
    if spec.get("type") == "ExternalName" and before.get("type") != "ExternalName":
        for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            if spec.get(key) == before.get(key):
                spec.pop(key, None)
    if spec.get("type") != "LoadBalancer" and before.get("type") == "LoadBalancer":
        for key in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            if spec.get(key) == before.get(key):
                spec.pop(key, None)
    ended = checks_health(before) and not checks_health(spec)
    if ended and spec.get("healthCheckNodePort") == before.get("healthCheckNodePort"):
        spec.pop("healthCheckNodePort", None)
    left = _external(before) and not _external(spec)
    if left and spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy"):
        spec.pop("externalTrafficPolicy", None)
    return {**new, "spec": spec}


def checks_health(spec: Object) -> bool:
    """Whether a load balancer asks a port of the nodes about their health."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _put(spec: dict[str, Any], key: str, value: list[str]) -> None:
    if value:
        spec[key] = value
    else:
        spec.pop(key, None)


def _default_port(port: Object) -> Object:
    made = with_defaults(port, {"protocol": "TCP"})
    if made.get("targetPort") in (None, 0, ""):
        made["targetPort"] = made.get("port", 0)
    return made


def _external(spec: Mapping[str, Any]) -> bool:
    return spec.get("type") in ("LoadBalancer", "NodePort") or (
        spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def _headless(spec: Object) -> bool:
    return bool((spec.get("clusterIPs") or [spec.get("clusterIP")])[0] == "None")


def validate_service(thing: Object) -> list[FieldError]:
    """Errors of a Service beside those of metadata."""
    spec: Object = thing.get("spec") or {}
    kind, headless = spec.get("type") or "", _headless(spec)
    ports: Sequence[Object] = spec.get("ports") or ()
    errors: list[FieldError] = []
    if not ports and not headless and kind != "ExternalName":
        errors.append(required(SPEC.child("ports")))
    if headless and kind in ("LoadBalancer", "NodePort"):
        told = f"may not be set to 'None' for {kind} services"
        errors.append(invalid(SPEC.child("clusterIPs").index(0), "None", told))
    if kind == "ExternalName":
        errors += _external_name_errors(spec)
    seen: set[str] = set()
    for position, port in enumerate(ports):
        errors += _port_errors(port, len(ports) > 1, seen, SPEC.child("ports").index(position))
    errors += validate_labels(spec.get("selector") or {}, SPEC.child("selector"))
    errors += _affinity_errors(spec)
    if kind != "ExternalName":
        errors += _address_errors(spec)
    for position, address in enumerate(spec.get("externalIPs") or ()):
        errors += address_range_errors(address, SPEC.child("externalIPs").index(position))
    errors += forms.choice(kind, _TYPES, SPEC.child("type"), needed=True)
    errors += _node_port_errors(spec)
    return errors + _traffic_errors(spec)


def _external_name_errors(spec: Object) -> list[FieldError]:
    told = "may not be set for ExternalName services"
    errors = [
        forbidden(SPEC.child(key), told) for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy") if spec.get(key)
    ]
    name = (spec.get("externalName") or "").removesuffix(".")
    at = SPEC.child("externalName")
    if not name:
        return [*errors, required(at)]
    return [*errors, *(invalid(at, name, text) for text in names.dns_subdomain(name))]


def _port_errors(port: Object, named: bool, seen: set[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name = port.get("name") or ""
    if named and not name:
        errors.append(required(path.child("name")))
    elif name:
        errors += forms.label(name, path.child("name"))
        if name in seen:
            errors.append(duplicate(path.child("name"), name))
        seen.add(name)
    number = port.get("port") or 0
    errors += [invalid(path.child("port"), number, text) for text in forms.port_number(number)]
    errors += forms.choice(port.get("protocol"), ("SCTP", "TCP", "UDP"), path.child("protocol"), needed=True)
    errors += forms.port_or_name(port.get("targetPort"), path.child("targetPort"))
    protocol = port.get("appProtocol")
    if protocol is not None:
        errors += [invalid(path.child("appProtocol"), protocol, text) for text in names.label_key(protocol)]
    return errors


def _affinity_errors(spec: Object) -> list[FieldError]:
    affinity = spec.get("sessionAffinity") or ""
    errors = forms.choice(affinity, ("ClientIP", "None"), SPEC.child("sessionAffinity"), needed=True)
    config, at = spec.get("sessionAffinityConfig"), SPEC.child("sessionAffinityConfig")
    if affinity == "None" and config is not None:
        errors.append(forbidden(at, "must not be set when session affinity is None"))
    if affinity == "ClientIP":
        if config is None:
            return [*errors, required(at, "when session affinity type is ClientIP")]
        seconds = (config.get("clientIP") or {}).get("timeoutSeconds")
        if seconds is not None and not 0 < seconds <= 86400:
            told = "must be greater than 0 and less than 86400"
            errors.append(invalid(at.child("clientIP", "timeoutSeconds"), seconds, told))
    return errors


def address_errors(thing: Object) -> list[FieldError]:
    """What the server refuses alone, before it allocates addresses and checks the rest."""
    spec = thing.get("spec") or {}
    return [] if spec.get("type") == "ExternalName" else _address_errors(spec)


def _address_errors(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    address, addresses = spec.get("clusterIP") or "", list(spec.get("clusterIPs") or ())
    at = SPEC.child("clusterIPs")
    if address and not addresses:
        errors.append(required(at))
    elif address and addresses[0] != address:
        errors.append(invalid(at, addresses, "first value must match `clusterIP`"))
    elif not address and addresses:
        errors.append(invalid(at, addresses, "must be empty when `clusterIP` is not specified"))
    families: Sequence[str] = spec.get("ipFamilies") or ()
    for position, family in enumerate(families):
        here = SPEC.child("ipFamilies").index(position)
        errors += forms.choice(family, ("IPv4", "IPv6"), here)
        if family in families[:position]:
            errors.append(duplicate(here, Marshalled(family)))
    policies = ("PreferDualStack", "RequireDualStack", "SingleStack")
    if spec.get("ipFamilyPolicy") is not None:
        errors += forms.choice(spec["ipFamilyPolicy"], policies, SPEC.child("ipFamilyPolicy"))
    bad = False
    for position, each in enumerate(addresses):
        if position == 0 and each == "None":
            if len(addresses) > 1:
                bad = True
                errors.append(invalid(at, addresses, "'None' must be the first and only value"))
            continue
        found = ip_errors(each, at.index(position))
        bad = bad or bool(found)
        errors += found
    if len(addresses) > 2:
        errors.append(invalid(at, addresses, "may only hold up to 2 values"))
    if bad or _headless(spec):
        return errors
    return errors + _family_errors(addresses, families, at)


def _family_errors(addresses: Sequence[str], families: Sequence[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(addresses) > 1 and len({":" in each for each in addresses}) == 1:
        told = "may specify no more than one IP for each IP family"
        errors.append(invalid(path, list(addresses), told))
    for position, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if family in ("IPv4", "IPv6") and (":" in address) != (family == "IPv6"):
            told = f"expected an {family} value as indicated by `ipFamilies[{position}]`"
            errors.append(invalid(path.index(position), address, told))
    return errors


def ip_errors(text: str, path: Path) -> list[FieldError]:
    """Errors of a text that must be an IP address."""
    told = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    return [] if parse_ip(text) is not None else [invalid(path, text, told)]


def address_range_errors(address: str, path: Path) -> list[FieldError]:
    """Errors of an address that clients reach from elsewhere."""
    found = ip_errors(address, path)
    if found:
        return found
    parsed = parse_ip(address)
    assert parsed is not None
    unspecified = ipaddress.ip_address(str(parsed)).is_unspecified
    checks = (
        (unspecified, f"may not be unspecified ({address})"),
        (parsed.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (parsed.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (
            parsed.version == 4 and str(parsed).startswith("224.0.0."),
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    )
    return [invalid(path, address, told) for wrong, told in checks if wrong]


def _node_port_errors(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = spec.get("type") or ""
    ports: Sequence[Object] = spec.get("ports") or ()
    if kind == "ClusterIP":
        told = "may not be used when `type` is 'ClusterIP'"
        errors += [
            forbidden(SPEC.child("ports").index(i).child("nodePort"), told)
            for i, port in enumerate(ports)
            if port.get("nodePort")
        ]
    if kind == "LoadBalancer":
        for position, port in enumerate(ports):
            if port.get("protocol") not in ("TCP", "UDP", "SCTP"):
                at = SPEC.child("ports").index(position).child("protocol")
                told = "cannot create an external load balancer with non-TCP/UDP/SCTP ports"
                errors.append(invalid(at, Marshalled(port.get("protocol") or ""), told))
    taken: list[tuple[Any, Any]] = []
    for position, port in enumerate(ports):
        key = (port.get("protocol"), port.get("nodePort"))
        if port.get("nodePort"):
            if key in taken:
                errors.append(duplicate(SPEC.child("ports").index(position).child("nodePort"), port["nodePort"]))
            taken.append(key)
    seen: list[tuple[Any, Any]] = []
    for position, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            errors.append(duplicate(SPEC.child("ports").index(position), _shown_port(port)))
        seen.append(key)
    return errors


def _shown_port(port: Object) -> Any:
    return Struct(
        [
            ("Name", ""),
            ("Protocol", port.get("protocol") or ""),
            ("AppProtocol", None),
            ("Port", port.get("port") or 0),
            ("TargetPort", 0),
            ("NodePort", 0),
        ]
    )


def _traffic_errors(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    balanced = spec.get("type") == "LoadBalancer"
    only = "may only be used when `type` is 'LoadBalancer'"
    if spec.get("loadBalancerSourceRanges"):
        at = SPEC.child("LoadBalancerSourceRanges")
        if not balanced:
            errors.append(forbidden(at, only))
        for position, text in enumerate(spec["loadBalancerSourceRanges"]):
            if parse_cidr(text.strip()) is None:
                told = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
                errors.append(invalid(at.index(position), text.strip(), told))
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        errors.append(forbidden(SPEC.child("allocateLoadBalancerNodePorts"), only))
    balancer_class = spec.get("loadBalancerClass")
    if balancer_class is not None:
        at = SPEC.child("loadBalancerClass")
        if balanced:
            errors += [invalid(at, balancer_class, text) for text in names.label_key(balancer_class)]
        else:
            errors.append(forbidden(at, only))
    policy, at = spec.get("externalTrafficPolicy") or "", SPEC.child("externalTrafficPolicy")
    if not _external(spec):
        if policy:
            errors.append(invalid(at, Marshalled(policy), "may only be set for externally-accessible services"))
    else:
        errors += forms.choice(policy, ("Cluster", "Local"), at, needed=True)
    health = spec.get("healthCheckNodePort") or 0
    if health and not (balanced and policy == "Local"):
        told = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid(SPEC.child("healthCheckNodePort"), health, told))
    inner, at = spec.get("internalTrafficPolicy"), SPEC.child("internalTrafficPolicy")
    if inner is None:
        if spec.get("type") in ("NodePort", "LoadBalancer", "ClusterIP"):
            errors.append(required(at))
    else:
        errors += forms.choice(inner, ("Cluster", "Local"), at)
    near = spec.get("trafficDistribution")
    choices = ("PreferClose", "PreferSameZone", "PreferSameNode")
    if near is not None and near not in choices:
        errors.append(not_supported(SPEC.child("trafficDistribution"), near, choices))
    return errors


def validate_service_update(new: Object, old: Object) -> list[FieldError]:
    """Errors of a changed Service: its addresses stay."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors: list[FieldError] = []
    plain = "ExternalName" not in (spec.get("type"), before.get("type"))
    if plain and not (_headless(spec) and _headless(before)):
        errors += _changed_address_errors(
            list(spec.get("clusterIPs") or ()), list(before.get("clusterIPs") or ()), spec
        )
    both = spec.get("type") == before.get("type") == "LoadBalancer"
    if both and spec.get("loadBalancerClass") != before.get("loadBalancerClass"):
        told, at = "may not change once set", SPEC.child("loadBalancerClass")
        errors.append(invalid(at, Marshalled(spec.get("loadBalancerClass")), told))
    return errors + validate_service(new)


def _changed_address_errors(new: list[str], old: list[str], spec: Object) -> list[FieldError]:
    at = SPEC.child("clusterIPs")
    told = "may not change once set"
    if len(new) == len(old):
        return [invalid(at.index(i), new, told) for i, (a, b) in enumerate(zip(new, old, strict=True)) if a != b]
    if len(old) < len(new):
        return [invalid(at.index(0), new, told)] if old and new[0] != old[0] else []
    errors: list[FieldError] = []
    if not new:
        errors.append(invalid(at.index(0), None, "primary clusterIP can not be unset"))
    elif new[0] != old[0]:
        errors.append(invalid(at.index(0), new, told))
    if len(new) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        told = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        errors.append(invalid(SPEC.child("ipFamilyPolicy"), Marshalled(spec.get("ipFamilyPolicy")), told))
    return errors
