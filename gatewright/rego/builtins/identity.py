"""Builtins of texts with a structure of their own: units, semantic versions, UUIDs, URIs."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.texts import from_decimal

# -- units
_AMOUNT = re.compile(r"[0-9.]*(?:[eE][+-]?[0-9]+)?")
_SCALE = {"": 1}
for _n, _letter in enumerate("kmgtpe", start=1):
    _SCALE[_letter] = 1000**_n
    _SCALE[_letter + "i"] = 1024**_n
MAX_EXPONENT = 100_000


def _amount(text: str, what: str) -> tuple[Decimal, str]:
    """A number and the unit after it; quotes around both are allowed."""
    raw = text.replace('"', "")
    if " " in raw:
        raise BuiltinError("spaces not allowed in resource strings")
    sign = ""
    if raw[:1] in "+-":
        sign, raw = raw[:1], raw[1:]
    m = _AMOUNT.match(raw)
    number = m.group() if m else ""
    unit = raw[len(number) :]
    if not number or number[0] in "eE":
        raise BuiltinError(f"no {what} provided")
    exponent = re.search(r"[eE][+-]?([0-9]+)$", number)
    if exponent and int(exponent.group(1)[:9]) > MAX_EXPONENT:
        raise BuiltinError("exponent too large")
    if number.count(".") > 1 or number == "." or len(number) > 4000:
        raise BuiltinError(f"could not parse {what} to a number")
    return Decimal(sign + number), unit


def _number(d: Decimal) -> Any:
    if d == d.to_integral_value():
        if d.adjusted() > 5000:
            raise BuiltinError("exponent too large")
        return int(d)
    return from_decimal(d)


@builtin("units.parse", "string", result="number")
def units_parse(text: str) -> Any:
    number, unit = _amount(text, "amount")
    if unit == "m":
        return _number(number / 1000)
    scale = _SCALE.get(unit.lower())
    if scale is None:
        raise BuiltinError(f"unit {unit} not recognized")
    return _number(number * scale)


@builtin("units.parse_bytes", "string", result="number")
def units_parse_bytes(text: str) -> Any:
    number, unit = _amount(text, "byte amount")
    name = unit.lower()
    name = name[:-1] if name.endswith("b") and name != "b" else "" if name == "b" else name
    scale = _SCALE.get(name)
    if scale is None:
        raise BuiltinError(f"byte unit {unit} not recognized")
    value = number * scale
    if value.adjusted() > 5000:
        raise BuiltinError("exponent too large")
    return int(value)


# -- semantic versions (semver.org, 2.0.0)
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)


@builtin("semver.is_valid", "any", result="boolean")
def semver_is_valid(text: Any) -> bool:
    return isinstance(text, str) and _SEMVER.fullmatch(text) is not None


def _semver_key(position: int, text: str) -> Any:
    m = _SEMVER.fullmatch(text)
    if m is None:
        raise BuiltinError(f'operand {position}: string "{text}" is not a valid SemVer')
    numbers = tuple(int(m.group(i)) for i in (1, 2, 3))
    if m.group(4) is None:
        return (numbers, 1, ())
    parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in m.group(4).split("."))
    return (numbers, 0, parts)


@builtin("semver.compare", "string", "string", result="number")
def semver_compare(a: str, b: str) -> int:
    x, y = _semver_key(1, a), _semver_key(2, b)
    return -1 if x < y else 1 if x > y else 0


# -- UUIDs (RFC 4122)
_VARIANTS = {0: "Reserved", 1: "RFC4122", 2: "Microsoft", 3: "Future"}
_DOMAINS = {0: "Person", 1: "Group", 2: "Org"}


def _uuid_bytes(text: str) -> bytes:
    body = text
    if body.lower().startswith("urn:uuid:"):
        body = body[9:]
    elif len(body) == 38 and body[0] == "{" and body[-1] == "}":
        body = body[1:-1]
    if not re.fullmatch(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}", body):
        raise BuiltinError(f"invalid UUID: {text}")
    return bytes.fromhex(body.replace("-", ""))


def _variant(b: int) -> str:
    if b & 0x80 == 0:
        return _VARIANTS[0]
    if b & 0xC0 == 0x80:
        return _VARIANTS[1]
    return _VARIANTS[2] if b & 0xE0 == 0xC0 else _VARIANTS[3]


@builtin("uuid.parse", "string", result="object")
def uuid_parse(text: str) -> dict[str, Any]:
    raw = _uuid_bytes(text)
    version = raw[6] >> 4
    out: dict[str, Any] = {"version": version, "variant": _variant(raw[8])}
    if version in (1, 2):
        out["nodeid"] = "-".join(f"{b:02x}" for b in raw[10:])
        out["macvariables"] = ("local" if raw[10] & 2 else "global") + ":" + ("multicast" if raw[10] & 1 else "unicast")
        out["clocksequence"] = int.from_bytes(raw[8:10], "big") & 0x3FFF
        ticks = (int.from_bytes(raw[6:8], "big") & 0xFFF) << 48 | int.from_bytes(raw[4:6], "big") << 32
        out["time"] = (ticks | int.from_bytes(raw[:4], "big")) * 100 - 0x01B21DD213814000 * 100
    if version == 2:
        out["id"] = int.from_bytes(raw[:4], "big")
        out["domain"] = _DOMAINS.get(raw[9], f"Domain{raw[9]}")
        out["time"] = _v2_time(raw)
    return out


def _v2_time(raw: bytes) -> int:
    ticks = (int.from_bytes(raw[6:8], "big") & 0xFFF) << 48 | int.from_bytes(raw[4:6], "big") << 32
    ticks |= int.from_bytes(raw[:4], "big")
    return ticks * 100 - 0x01B21DD213814000 * 100


@builtin("uuid.rfc4122", "string", result="string", context=True)
def uuid_rfc4122(c: Any, key: str) -> str:
    """A random UUID, the same for the same key within a query: made from the query's seed."""
    raw = bytearray(hashlib.sha256(f"uuid:{c.e.seed}:{key}".encode()).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# -- URIs (RFC 3986, as Go's net/url takes them apart)
def _uri(text: str) -> dict[str, str]:
    if any(c < " " or c == "\x7f" for c in text):
        raise BuiltinError("net/url: invalid control character in URL")
    rest, _, fragment = text.partition("#")
    m = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", rest)
    out: dict[str, str] = {"scheme": m.group(1).lower() if m else ""}
    rest = rest[m.end() :] if m else rest
    if not m and rest.startswith(":"):
        raise BuiltinError("missing protocol scheme")
    rest, _, out["raw_query"] = rest.partition("?")
    host = ""
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        rest = slash + path
    elif m and not rest.startswith("/"):
        out["opaque"], rest = rest, ""
    user, at, address = host.rpartition("@")
    if at:
        out["user"] = user
    out.update(_host(address))
    if re.search(r"%(?![0-9a-fA-F]{2})", rest + fragment):
        raise BuiltinError("invalid URL escape")
    out["path"], out["raw_path"], out["fragment"] = unquote(rest), rest, unquote(fragment)
    return out


def _host(address: str) -> dict[str, str]:
    m = re.fullmatch(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::([0-9]*))?", address)
    if m is None or " " in address:
        raise BuiltinError(f"invalid host {address!r}")
    return {"hostname": m.group(1) or m.group(2) or "", "port": m.group(3) or ""}


@builtin("uri.parse", "string", result="object")
def uri_parse(text: str) -> dict[str, str]:
    return {k: v for k, v in _uri(text).items() if v}


@builtin("uri.is_valid", "any", result="boolean")
def uri_is_valid(text: Any) -> bool:
    try:
        parts = _uri(text if isinstance(text, str) else ":")
    except BuiltinError:
        return False
    return bool(parts["scheme"] or parts.get("path") or parts["hostname"])
