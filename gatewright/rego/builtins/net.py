"""Builtins of networks: net.cidr_*. Nothing here asks the network."""

from __future__ import annotations

import ipaddress
from typing import Any

from gatewright.rego.builtins.registry import builtin, wrong_type
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import SETS, is_object, make_set, sorted_items_of, type_name

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_ADDRESSES = 1 << 20


def _network(text: str) -> Network:
    if "/" not in text:
        raise BuiltinError(f"invalid CIDR address: {text}")
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BuiltinError(f"invalid CIDR address: {text}") from None


def _network_or_address(text: str) -> Network:
    if "/" in text:
        return _network(text)
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise BuiltinError(f"not a valid textual representation of an IP address or CIDR: {text}") from None


def _contains(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and outer.prefixlen <= inner.prefixlen and inner.network_address in outer


@builtin("net.cidr_contains", "string", "string", result="boolean")
def cidr_contains(cidr: str, other: str) -> bool:
    return _contains(_network(cidr), _network_or_address(other))


@builtin("net.cidr_intersects", "string", "string", result="boolean")
def cidr_intersects(a: str, b: str) -> bool:
    x, y = _network(a), _network(b)
    return _contains(x, y) or _contains(y, x)


builtin("net.cidr_overlap", "string", "string", result="boolean")(cidr_contains)


@builtin("net.cidr_is_valid", "any", result="boolean")
def cidr_is_valid(x: Any) -> bool:
    try:
        _network(x if isinstance(x, str) else "")
    except BuiltinError:
        return False
    return True


@builtin("net.cidr_expand", "string", result="set", context=True)
def cidr_expand(c: Any, cidr: str) -> Any:
    n = _network(cidr)
    if n.num_addresses > MAX_ADDRESSES:
        raise BuiltinError(f"network has more than {MAX_ADDRESSES} addresses")
    c.charge(n.num_addresses)
    return frozenset([str(a) for a in n])


def _candidates(x: Any, position: int) -> list[tuple[Any, str]]:
    """(key, text) of what cidr_contains_matches goes through."""
    if isinstance(x, str):
        return [(x, x)]
    if isinstance(x, SETS):
        return [(k, _element(v, position)) for k, v in sorted_items_of(x)]
    if isinstance(x, list) or is_object(x):
        return [(k, _element(v, position)) for k, v in sorted_items_of(x)]
    raise wrong_type(position, "string|array|set|object", x)


def _element(v: Any, position: int) -> str:
    if isinstance(v, str):
        return v
    if isinstance(v, list) and v and isinstance(v[0], str):
        return v[0]
    raise BuiltinError(f"operand {position}: element must be string or non-empty array")


@builtin("net.cidr_contains_matches", "any", "any", result="set", context=True)
def cidr_contains_matches(c: Any, cidrs: Any, others: Any) -> Any:
    left = [(k, _network_or_address(t)) for k, t in _candidates(cidrs, 1)]
    right = [(k, _network_or_address(t)) for k, t in _candidates(others, 2)]
    c.charge(len(left) * len(right))
    return make_set([[a, b] for a, x in left for b, y in right if _contains(x, y)])


def _default_mask(text: str) -> Network:
    """An address without a mask has that of its class, as Go's IP.DefaultMask; IPv6 has none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise BuiltinError(f"invalid CIDR address: {text}") from None
    if address.version == 6:
        raise BuiltinError("IPv6 invalid: needs prefix length")
    first = int(str(address).split(".")[0])
    prefix = 8 if first < 128 else 16 if first < 192 else 24 if first < 224 else 32
    return ipaddress.ip_network(f"{text}/{prefix}", strict=False)


@builtin("net.cidr_merge", "array|set", result="set")
def cidr_merge(x: Any) -> Any:
    networks: list[Network] = []
    for _, text in sorted_items_of(x):
        if not isinstance(text, str):
            raise BuiltinError(f"operand must be a string but got {type_name(text)}", "eval_type_error")
        networks.append(_network(text) if "/" in text else _default_mask(text))
    v4 = [n for n in networks if isinstance(n, ipaddress.IPv4Network)]
    v6 = [n for n in networks if isinstance(n, ipaddress.IPv6Network)]
    merged = [*ipaddress.collapse_addresses(v4), *ipaddress.collapse_addresses(v6)]
    return frozenset([str(n) for n in merged])
