"""What every cluster has from the start: system namespaces, the Service default/kubernetes and its EndpointSlice.

The driver sends these requests once; an object that is there already answers 409 and stays.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from gatewright.apiserver.answers import encode
from gatewright.apiserver.config import Config
from gatewright.core.http import Request, User

APISERVER = User("system:apiserver", groups=("system:masters", "system:authenticated"))
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def boot_requests(config: Config) -> tuple[tuple[Request, User], ...]:
    """The requests, in order."""
    host, _, port = config.address.rpartition(":")
    number = int(port or 443)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": str(ipaddress.ip_network(config.service_range)[1]),
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": number}],
        },
    }
    endpoint_slice = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [_reachable(host)], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": number, "protocol": "TCP"}],
    }
    made = [
        _create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for name in NAMESPACES
    ]
    made.append(_create("/api/v1/namespaces/default/services", service))
    made.append(_create("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", endpoint_slice))
    return tuple((request, APISERVER) for request in made)


def _reachable(host: str) -> str:
    """The host, or an address of no machine (RFC 5737) where it is no address that endpoints may have."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "192.0.2.1"
    return host if address.version == 4 and not (address.is_loopback or address.is_unspecified) else "192.0.2.1"


def _create(path: str, body: dict[str, Any]) -> Request:
    headers = (("content-type", "application/json"), ("user-agent", "kube-apiserver/v1"))
    return Request("POST", path, (), headers, encode(body))
