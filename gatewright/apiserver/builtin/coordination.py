"""Leases and EndpointSlices: defaults and validation.

Called by `kinds`. Source: the Kubernetes API reference and the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.apiserver.builtin import forms
from gatewright.apiserver.builtin.pod_defaults import with_defaults
from gatewright.apiserver.builtin.services import address_range_errors, ip_errors
from gatewright.core import names
from gatewright.core.field_errors import (
    FieldError,
    Path,
    duplicate,
    invalid,
    not_supported,
    required,
    too_many,
)
from gatewright.core.objects import Object
from gatewright.core.selectors import validate_labels


def validate_lease(thing: Object) -> list[FieldError]:
    """Errors of a Lease beside those of metadata."""
    spec: Object = thing.get("spec") or {}
    path = Path("spec")
    errors: list[FieldError] = []
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        errors.append(invalid(path.child("leaseDurationSeconds"), seconds, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        told = "must be greater than or equal to 0"
        errors.append(invalid(path.child("leaseTransitions"), transitions, told))
    return errors


def prepare_lease(thing: Object) -> Object:
    """Fields of features that are not switched on are dropped."""
    spec = thing.get("spec") or {}
    if "strategy" not in spec and "preferredHolder" not in spec:
        return thing
    kept = {key: value for key, value in spec.items() if key not in ("strategy", "preferredHolder")}
    return {**thing, "spec": kept}


def prepare_slice(thing: Object) -> Object:
    """A new slice of this version knows no free topology."""
    endpoints = thing.get("endpoints")
    if not endpoints or not any("deprecatedTopology" in each for each in endpoints):
        return thing
    made = [{key: value for key, value in each.items() if key != "deprecatedTopology"} for each in endpoints]
    return {**thing, "endpoints": made}


def default_slice(thing: Object) -> Object:
    """Names and protocols of ports; lists are always written, null where there are none."""
    made = {**thing}
    if thing.get("ports"):
        made["ports"] = [
            {"name": "", **with_defaults({k: v for k, v in port.items() if v is not None}, {"protocol": "TCP"})}
            for port in thing["ports"]
        ]
    for key in ("endpoints", "ports"):
        made.setdefault(key, None)
    return made


def validate_slice(thing: Object) -> list[FieldError]:
    """Errors of an EndpointSlice beside those of metadata."""
    kind = thing.get("addressType") or ""
    errors: list[FieldError] = []
    at = Path("addressType")
    kinds = ("FQDN", "IPv4", "IPv6")
    if not kind:
        errors.append(required(at))
    elif kind not in kinds:
        errors.append(not_supported(at, forms.named(kind), kinds))
    endpoints: Sequence[Object] = thing.get("endpoints") or ()
    ports: Sequence[Object] = thing.get("ports") or ()
    if len(ports) > 20000:
        errors.append(too_many(Path("ports"), len(ports), 20000))
    else:
        seen: set[str] = set()
        for position, port in enumerate(ports):
            errors += _slice_port_errors(port, seen, Path("ports").index(position))
    if len(endpoints) > 1000:
        return [*errors, too_many(Path("endpoints"), len(endpoints), 1000)]
    for position, endpoint in enumerate(endpoints):
        errors += _endpoint_errors(endpoint, kind, Path("endpoints").index(position))
    return errors


def _endpoint_errors(endpoint: Object, kind: str, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    addresses: Sequence[str] = endpoint.get("addresses") or ()
    at = path.child("addresses")
    if not addresses:
        errors.append(required(at, "must contain at least 1 address"))
    elif len(addresses) > 100:
        errors.append(too_many(at, len(addresses), 100))
    for position, address in enumerate(addresses):
        here = at.index(position)
        if kind == "FQDN":
            errors += [invalid(here, address, text) for text in names.dns_subdomain(address)]
        elif kind in ("IPv4", "IPv6"):
            if not ip_errors(address, here) and (":" in address) != (kind == "IPv6"):
                errors.append(invalid(at, address, f"must be an {kind} address"))
            errors += address_range_errors(address, here)
    if endpoint.get("nodeName") is not None:
        name = endpoint["nodeName"]
        errors += [invalid(path.child("nodeName"), name, text) for text in names.dns_subdomain(name)]
    topology = endpoint.get("deprecatedTopology") or {}
    errors += validate_labels(topology, path.child("deprecatedTopology"))
    hostname = endpoint.get("hostname")
    if hostname is not None:
        errors += forms.label(hostname, path.child("hostname"))
    return errors + _hint_errors(endpoint.get("hints") or {}, path.child("hints"))


def _hint_errors(hints: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, rule in (("forZones", names.label_value), ("forNodes", names.dns_subdomain)):
        found: Sequence[Object] = hints.get(key) or ()
        at = path.child(key)
        if len(found) > 8:
            return [*errors, too_many(at, len(found), 8)]
        seen: set[str] = set()
        for position, each in enumerate(found):
            here, name = at.index(position).child("name"), each.get("name") or ""
            if name in seen:
                errors.append(duplicate(here, name))
            seen.add(name)
            errors += [invalid(here, name, text) for text in rule(name)]
    return errors


def _slice_port_errors(port: Object, seen: set[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name = port.get("name") or ""
    if name:
        errors += [invalid(path.child("name"), name, text) for text in names.dns_label(name)]
    if name in seen:
        errors.append(duplicate(path.child("name"), name))
    seen.add(name)
    protocol, protocols = port.get("protocol"), ("SCTP", "TCP", "UDP")
    if protocol is None:
        errors.append(required(path.child("protocol")))
    else:
        errors += forms.choice(protocol, protocols, path.child("protocol"))
    application = port.get("appProtocol")
    if application is not None:
        errors += [invalid(path.child("appProtocol"), application, text) for text in names.label_key(application)]
    return errors


def validate_slice_update(new: Object, old: Object) -> list[FieldError]:
    """The type of addresses stays."""
    errors = validate_slice(new)
    kind = new.get("addressType") or ""
    if kind != (old.get("addressType") or ""):
        errors.append(invalid(Path("addressType"), forms.named(kind), "field is immutable"))
    return errors
