"""Ingresses, IngressClasses and NetworkPolicies: defaults and validation.

Called by `kinds`. Source: the Kubernetes API reference and the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.apiserver.builtin import forms
from gatewright.apiserver.builtin.pod_defaults import with_defaults
from gatewright.core import names
from gatewright.core.field_errors import FieldError, Path, forbidden, invalid, not_supported, required, too_long
from gatewright.core.objects import Object
from gatewright.core.schemas.formats import parse_cidr, parse_ip
from gatewright.core.selectors import validate_label_selector

SPEC = Path("spec")


# --- Ingress


def validate_ingress(thing: Object) -> list[FieldError]:
    """Errors of an Ingress beside those of metadata."""
    spec: Object = thing.get("spec") or {}
    errors: list[FieldError] = []
    rules: Sequence[Object] = spec.get("rules") or ()
    backend = spec.get("defaultBackend")
    if not rules and backend is None:
        errors.append(invalid(SPEC, spec.get("rules"), "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        errors += _backend_errors(backend, SPEC.child("defaultBackend"))
    for position, rule in enumerate(rules):
        errors += _rule_errors(rule, SPEC.child("rules").index(position))
    for position, entry in enumerate(spec.get("tls") or ()):
        at = SPEC.child("tls").index(position)
        for i, host in enumerate(entry.get("hosts") or ()):
            errors += [invalid(at.child("hosts").index(i), host, text) for text in _host_texts(host)]
        secret = entry.get("secretName") or ""
        texts = names.dns_subdomain(secret) if secret else ()
        errors += [invalid(at.child("secretName"), secret, text) for text in texts]
    class_name = spec.get("ingressClassName")
    if class_name is not None:
        at = SPEC.child("ingressClassName")
        errors += [invalid(at, class_name, text) for text in names.dns_subdomain(class_name)]
    return errors


def validate_new_ingress(thing: Object) -> list[FieldError]:
    """Errors of a new Ingress: also that the old way of naming its class agrees with the field."""
    errors = validate_ingress(thing)
    class_name = (thing.get("spec") or {}).get("ingressClassName")
    annotation = ((thing.get("metadata") or {}).get("annotations") or {}).get("kubernetes.io/ingress.class")
    if annotation is not None and class_name is not None and annotation != class_name:
        told = "must match `ingressClassName` when both are specified"
        errors.append(invalid(Path("annotations").child("kubernetes.io/ingress.class"), annotation, told))
    return errors


def _host_texts(host: str) -> names.Texts:
    return names.wildcard_subdomain(host) if "*" in host else names.dns_subdomain(host)


def _rule_errors(rule: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    host = rule.get("host") or ""
    if host:
        if parse_ip(host) is not None:
            errors.append(invalid(path.child("host"), host, "must be a DNS name, not an IP address"))
        errors += [invalid(path.child("host"), host, text) for text in _host_texts(host)]
    http = rule.get("http")
    if http is None:
        return errors
    paths: Sequence[Object] = http.get("paths") or ()
    at = path.child("http", "paths")
    if not paths:
        errors.append(required(at))
    for position, each in enumerate(paths):
        errors += _path_errors(each, at.index(position))
    return errors


def _path_errors(each: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, text = each.get("pathType"), each.get("path") or ""
    kinds = ("Exact", "ImplementationSpecific", "Prefix")
    at = path.child("path")
    if kind is None:
        return [required(path.child("pathType"), "pathType must be specified")]
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            errors.append(invalid(at, text, "must be an absolute path"))
        if text:
            parts = ("//", "/./", "/../", "%2f", "%2F")
            errors += [invalid(at, text, f"must not contain '{part}'") for part in parts if part in text]
            errors += [invalid(at, text, f"cannot end with '{end}'") for end in ("/..", "/.") if text.endswith(end)]
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            errors.append(invalid(at, text, "must be an absolute path"))
    else:
        errors.append(not_supported(path.child("pathType"), forms.named(kind), kinds))
    return errors + _backend_errors(each.get("backend") or {}, path.child("backend"))


def _backend_errors(backend: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    service, resource = backend.get("service"), backend.get("resource")
    if resource is not None and service is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        at = path.child("resource")
        group = resource.get("apiGroup")
        if group is not None:
            errors += [invalid(at.child("apiGroup"), group, text) for text in names.dns_subdomain(group)]
        for key in ("kind", "name"):
            value = resource.get(key) or ""
            texts = names.path_segment(value) if value else ()
            if not value:
                errors.append(required(at.child(key)))
            errors += [invalid(at.child(key), value, text) for text in texts]
        return errors
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    at = path.child("service")
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        errors.append(required(at.child("name")))
    else:
        errors += [invalid(at.child("name"), name, text) for text in names.dns_label(name)]
    port_name, number = port.get("name") or "", port.get("number") or 0
    if port_name and number:
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif port_name:
        errors += [invalid(at.child("port", "name"), port_name, text) for text in forms.port_name(port_name)]
    elif number:
        errors += [invalid(at.child("port", "number"), number, text) for text in forms.port_number(number)]
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


def default_class(thing: Object) -> Object:
    """The scope of an IngressClass's parameters."""
    spec = thing.get("spec") or {}
    if spec.get("parameters") is None:
        return thing
    parameters = with_defaults(spec["parameters"], {"scope": "Cluster"})
    return {**thing, "spec": {**spec, "parameters": parameters}}


def validate_class(thing: Object) -> list[FieldError]:
    """The controller of an IngressClass is a path below a domain."""
    controller = (thing.get("spec") or {}).get("controller") or ""
    at = SPEC.child("controller")
    if not controller:
        return []
    if len(controller) > 250:
        return [too_long(at, 250)]
    host, slash, rest = controller.partition("/")
    if not (host and slash and rest):
        return [invalid(at, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    return [invalid(at, host, text) for text in names.dns_subdomain(host)]


# --- NetworkPolicy


def default_policy(thing: Object) -> Object:
    """Protocols of ports, and which directions the policy is about."""
    spec = dict(thing.get("spec") or {})
    for key in ("ingress", "egress"):
        if spec.get(key):
            spec[key] = [_default_ports(rule) for rule in spec[key]]
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    return {**thing, "spec": spec}


def _default_ports(rule: Object) -> Object:
    if not rule.get("ports"):
        return rule
    return {**rule, "ports": [with_defaults(port, {"protocol": "TCP"}) for port in rule["ports"]]}


def validate_policy(thing: Object) -> list[FieldError]:
    """Errors of a NetworkPolicy beside those of metadata."""
    spec: Object = thing.get("spec") or {}
    errors = validate_label_selector(spec.get("podSelector") or {}, SPEC.child("podSelector"))
    for key, peers in (("ingress", "from"), ("egress", "to")):
        for position, rule in enumerate(spec.get(key) or ()):
            at = SPEC.child(key).index(position)
            for i, port in enumerate(rule.get("ports") or ()):
                errors += _policy_port_errors(port, at.child("ports").index(i))
            for i, peer in enumerate(rule.get(peers) or ()):
                errors += _peer_errors(peer, at.child(peers).index(i))
    types: Sequence[str] = spec.get("policyTypes") or ()
    if len(types) > 2:
        shown: Any = list(types)
        errors.append(invalid(SPEC.child("policyTypes"), shown, "may not specify more than two policyTypes"))
        return errors
    for position, each in enumerate(types):
        errors += forms.choice(each, ("Ingress", "Egress"), SPEC.child("policyTypes").index(position))
    return errors


def _policy_port_errors(port: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if port.get("protocol") is not None:
        errors += forms.choice(port["protocol"], ("TCP", "UDP", "SCTP"), path.child("protocol"))
    number, last = port.get("port"), port.get("endPort")
    if number is None:
        if last is not None:
            told = "may not be specified when `port` is not specified"
            errors.append(invalid(path.child("endPort"), last, told))
        return errors
    if isinstance(number, str):
        if last is not None:
            told = "may not be specified when `port` is non-numeric"
            errors.append(invalid(path.child("endPort"), last, told))
        return errors + forms.port_or_name(number, path.child("port"))
    errors += forms.port_or_name(number, path.child("port"))
    if last is not None:
        if last < number:
            told = "must be greater than or equal to `port`"
            errors.append(invalid(path.child("endPort"), number, told))  # the server prints the port
        errors += [invalid(path.child("endPort"), last, text) for text in forms.port_number(last)]
    return errors


def _peer_errors(peer: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    given = 0
    for key in ("podSelector", "namespaceSelector"):
        if peer.get(key) is not None:
            given += 1
            errors += validate_label_selector(peer[key], path.child(key))
    block: Mapping[str, Any] | None = peer.get("ipBlock")
    if block is not None:
        given += 1
        errors += _block_errors(block, path.child("ipBlock"))
    if not given:
        errors.append(required(path, "must specify a peer"))
    elif given > 1 and block is not None:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return errors


def _block_errors(block: Mapping[str, Any], path: Path) -> list[FieldError]:
    told = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    text = block.get("cidr") or ""
    if not text:
        return [required(path.child("cidr"))]
    network = parse_cidr(text)
    if network is None:
        return [invalid(path.child("cidr"), text, told)]
    errors: list[FieldError] = []
    for position, each in enumerate(block.get("except") or ()):
        at = path.child("except").index(position)
        inner = parse_cidr(each)
        if inner is None:
            errors.append(invalid(at, each, told))
        elif inner.version != network.version or not (
            inner.prefixlen > network.prefixlen and inner.subnet_of(network)  # type: ignore[arg-type]
        ):
            errors.append(invalid(at, each, "must be a strict subset of `cidr`"))
    return errors
