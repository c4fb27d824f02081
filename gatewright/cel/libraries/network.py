"""Kubernetes' IP and CIDR libraries.

Addresses with a zone and IPv4 addresses mapped into IPv6 are refused. Source: the documentation of Kubernetes' CEL IP
and CIDR libraries; error texts as a kube-apiserver 1.36 answers them (Go's net/netip).
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from gatewright.cel.declarations import Library, function, member, overload
from gatewright.cel.errors import EvalError
from gatewright.cel.libraries.formatting import quote
from gatewright.cel.operators import no_overload
from gatewright.cel.types import BOOL, INT, STRING, Type, opaque
from gatewright.cel.values import Opaque

IP, CIDR = opaque("net.IP"), opaque("net.CIDR")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_BITS = re.compile(r"[0-9]+", re.ASCII)


class Address(Opaque):
    """An IP address."""

    __slots__ = ("address",)
    cel_type: Type = IP

    def __init__(self, address: _Address) -> None:
        self.address = address

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)

    def __str__(self) -> str:
        return _text(self.address)

    def size(self) -> int:
        """Its bytes."""
        return self.address.max_prefixlen // 8


class Prefix(Opaque):
    """An address with the length of its network's prefix; bits after the prefix may be set."""

    __slots__ = ("address", "bits")
    cel_type: Type = CIDR

    def __init__(self, address: _Address, bits: int) -> None:
        self.address = address
        self.bits = bits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prefix) and (self.address, self.bits) == (other.address, other.bits)

    def __hash__(self) -> int:
        return hash((self.address, self.bits))

    def __str__(self) -> str:
        return f"{_text(self.address)}/{self.bits}"

    def size(self) -> int:
        """The bytes of its prefix."""
        return -(-self.bits // 8)

    def masked(self) -> Prefix:
        """The network's first address with the same prefix."""
        shift = self.address.max_prefixlen - self.bits
        return Prefix(type(self.address)(int(self.address) >> shift << shift), self.bits)

    def contains(self, address: _Address) -> bool:
        """Whether an address is in the network."""
        if address.version != self.address.version:
            return False
        shift = self.address.max_prefixlen - self.bits
        return int(self.address) >> shift == int(address) >> shift


def _text(address: _Address) -> str:
    return str(address)


# -------------------------------------------------------------------- parsing


class _NoAddress(ValueError):
    """str(): the reason, as Go's net/netip gives it."""


def _parse(text: str) -> tuple[_Address, str]:
    """Address and zone. Raises _NoAddress."""
    for char in text:
        if char == ".":
            return _parse4(text), ""
        if char == ":":
            return _parse6(text)
        if char == "%":
            raise _NoAddress("missing IPv6 address")
    raise _NoAddress("unable to parse IP")


def _parse4(text: str) -> ipaddress.IPv4Address:
    fields = text.split(".")
    for at, part in enumerate(fields):
        if part and not part.isascii():
            raise _NoAddress("unexpected character")
        wrong = next((char for char in part if not char.isdigit()), "")
        if wrong:
            rest = text[sum(len(one) + 1 for one in fields[:at]) + part.index(wrong) :]
            raise _NoAddress(f"unexpected character (at {quote(rest)})")
        if part == "":
            start = sum(len(one) + 1 for one in fields[:at]) - (at == len(fields) - 1)
            raise _NoAddress(f"IPv4 field must have at least one digit (at {quote(text[start:])})")
        if len(part) > 1 and part[0] == "0":
            raise _NoAddress("IPv4 field has octet with leading zero")
        if int(part[:4]) > 255:
            raise _NoAddress("IPv4 field has value >255")
        if at == 3 and len(fields) > 4:
            raise _NoAddress("IPv4 address too long")
    if len(fields) < 4:
        raise _NoAddress("IPv4 address too short")
    return ipaddress.IPv4Address(text)


def _parse6(text: str) -> tuple[ipaddress.IPv6Address, str]:
    bare, percent, zone = text.partition("%")
    if percent and not zone:
        raise _NoAddress("zone must be a non-empty string")
    try:
        return ipaddress.IPv6Address(bare), zone
    except ValueError:
        raise _NoAddress(_why6(bare)) from None


def _why6(text: str) -> str:
    fields = text.split(":")
    if ":::" in text:
        rest = text[text.index(":::") + 2 :]
        return f"each colon-separated field must have at least one digit (at {quote(rest)})"
    for at, part in enumerate(fields):
        rest = text[sum(len(one) + 1 for one in fields[:at]) :]
        if "." in part:
            continue
        if any(char not in "0123456789abcdefABCDEF" for char in part):
            return f"each colon-separated field must have at least one digit (at {quote(rest)})"
        if len(part) > 4:
            return f"each group must have 4 or less digits (at {quote(rest)})"
    if text.count("::") > 1:
        return f"multiple :: in address (at {quote(text[text.rindex('::') + 1 :])})"
    if len(fields) > 8:
        return f"trailing garbage after address (at {quote(':'.join(fields[8:]))})"
    return "address string too short"


def _quoted(text: str) -> str:
    return quote(text)


def parse_address(text: str) -> Address:
    """An address. Raises EvalError with the API server's text."""
    try:
        address, zone = _parse(text)
    except _NoAddress as error:
        reason = f"ParseAddr({_quoted(text)}): {error}"
        raise EvalError(f"IP Address {_quoted(text)} parse error during conversion from string: {reason}") from None
    if zone:
        raise EvalError(f"IP address {_quoted(text)} with zone value is not allowed")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise EvalError(f"IPv4-mapped IPv6 address {_quoted(text)} is not allowed")
    return Address(address)


def parse_prefix(text: str) -> Prefix:
    """A network. Raises EvalError with the API server's text."""
    twice = "network address parse error during conversion from string: "
    address, slash, bits = text.rpartition("/")
    where = f"netip.ParsePrefix({_quoted(text)}): "
    if not slash:
        raise EvalError(f"{twice}{twice}{where}no '/'")
    try:
        parsed, zone = _parse(address)
    except _NoAddress as error:
        raise EvalError(f"{twice}{twice}{where}ParseAddr({_quoted(address)}): {error}") from None
    if zone:
        raise EvalError(f"{twice}{twice}{where}IPv6 zones cannot be present in a prefix")
    if not _BITS.fullmatch(bits) or (len(bits) > 1 and bits[0] == "0"):
        raise EvalError(f"{twice}{twice}{where}bad bits after slash: {_quoted(bits)}")
    if len(bits) > 3 or int(bits) > parsed.max_prefixlen:
        raise EvalError(f"{twice}{twice}{where}prefix length out of range")
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        raise EvalError(f"{twice}IPv4-mapped IPv6 address {_quoted(text)} is not allowed")
    return Prefix(parsed, int(bits))


def _parses(parse: Any) -> Any:
    def run(text: str) -> bool:
        try:
            parse(text)
        except EvalError:
            return False
        return True

    return run


# -------------------------------------------------------------------- functions


def _global_unicast(value: Address) -> bool:
    one = value.address
    if isinstance(one, ipaddress.IPv4Address) and one in (ipaddress.IPv4Address(0), ipaddress.IPv4Address(2**32 - 1)):
        return False
    return not (one.is_unspecified or one.is_loopback or one.is_multicast or one.is_link_local)


def _link_local_multicast(value: Address) -> bool:
    one = value.address
    if isinstance(one, ipaddress.IPv4Address):
        return int(one) >> 8 == 0xE00000
    return int(one) >> 112 & 0xFF0F == 0xFF02


def _contains_text(net: Prefix, text: str) -> bool:
    try:
        return net.contains(parse_address(text).address)
    except EvalError:
        raise no_overload() from None


def _contains_cidr(outer: Prefix, inner: Prefix) -> bool:
    if outer.address.version != inner.address.version:
        return False
    return outer.bits <= inner.bits and outer.contains(inner.address)


ADDRESSES = Library(
    functions=(
        function("ip", overload("string_to_ip", (STRING,), IP, parse_address)),
        function("family", member("ip_family", (IP,), INT, lambda value: value.address.version)),
        function(
            "ip.isCanonical",
            overload("ip_is_canonical", (STRING,), BOOL, lambda text: str(parse_address(text)) == text),
        ),
        function("isUnspecified", member("ip_is_unspecified", (IP,), BOOL, lambda value: value.address.is_unspecified)),
        function("isLoopback", member("ip_is_loopback", (IP,), BOOL, lambda value: value.address.is_loopback)),
        function("isLinkLocalMulticast", member("ip_is_link_local_multicast", (IP,), BOOL, _link_local_multicast)),
        function(
            "isLinkLocalUnicast",
            member("ip_is_link_local_unicast", (IP,), BOOL, lambda value: value.address.is_link_local),
        ),
        function("isGlobalUnicast", member("ip_is_global_unicast", (IP,), BOOL, _global_unicast)),
        function("isIP", overload("is_ip", (STRING,), BOOL, _parses(parse_address))),
        function("string", overload("ip_to_string", (IP,), STRING, str)),
    ),
    types={"net.IP": IP},
)

NETWORKS = Library(
    functions=(
        function("cidr", overload("string_to_cidr", (STRING,), CIDR, parse_prefix)),
        function(
            "containsIP",
            member(
                "cidr_contains_ip_string",
                (CIDR, STRING),
                BOOL,
                _contains_text,
            ),
            member("cidr_contains_ip_ip", (CIDR, IP), BOOL, lambda net, one: net.contains(one.address)),
        ),
        function(
            "containsCIDR",
            member(
                "cidr_contains_cidr_string",
                (CIDR, STRING),
                BOOL,
                lambda net, text: _contains_cidr(net, parse_prefix(text)),
            ),
            member("cidr_contains_cidr", (CIDR, CIDR), BOOL, _contains_cidr),
        ),
        function("ip", member("cidr_ip", (CIDR,), IP, lambda net: Address(net.address))),
        function("prefixLength", member("cidr_prefix_length", (CIDR,), INT, lambda net: net.bits)),
        function("masked", member("cidr_masked", (CIDR,), CIDR, lambda net: net.masked())),
        function("isCIDR", overload("is_cidr", (STRING,), BOOL, _parses(parse_prefix))),
        function("string", overload("cidr_to_string", (CIDR,), STRING, str)),
    ),
    types={"net.CIDR": CIDR},
)
