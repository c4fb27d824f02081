"""Builtins of JSON Web Tokens: io.jwt.* (RFC 7519). What OPA accepts and refuses: OPA documentation, "Tokens"."""

from __future__ import annotations

from typing import Any

from gatewright.rego.arithmetic import decimal
from gatewright.rego.builtins.keys import ALGORITHMS, padded_text, public_keys, signed, unpadded, verified
from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.jsontext import dumps, loads
from gatewright.rego.values import is_number, is_object

MAX_NESTING = 8


def _sections(token: str) -> list[str]:
    parts = token.split(".")
    if len(parts) == 1:
        raise BuiltinError("encoded JWT had no period separators")
    if len(parts) != 3:
        raise BuiltinError(f"encoded JWT must have 3 sections, found {len(parts)}")
    return parts


def _decoded(section: str, what: str) -> bytes:
    try:
        return unpadded(section.rstrip("="))
    except BuiltinError as e:
        raise BuiltinError(f"JWT {what} had invalid encoding: {e.message}") from None


def _json(section: str, what: str) -> Any:
    raw = _decoded(section, what)
    try:
        return loads(raw.decode())
    except ValueError as e:
        raise BuiltinError(f"JWT {what} could not be parsed: {e}") from None


def _header(token: str) -> Any:
    header = _json(_sections(token)[0], "header")
    if not is_object(header):
        raise BuiltinError("JWT header is not an object")
    if "enc" in header:
        raise BuiltinError("JWT is a JWE object, which is not supported")
    return header


def _innermost(token: str) -> tuple[str, Any]:
    """A token whose content is a token stands for that one."""
    for _ in range(MAX_NESTING):
        header = _header(token)
        if str(header.get("cty", "")).upper() != "JWT":
            return token, header
        token = unpadded(_sections(token)[1].rstrip("=")).decode("utf-8", "replace").strip('"')
    raise BuiltinError("JWT is nested too deeply")


@builtin("io.jwt.decode", "string", result="array")
def decode(token: str) -> list[Any]:
    token, header = _innermost(token)
    payload = _json(_sections(token)[1], "payload")
    return [header, payload, _decoded(_sections(token)[2], "signature").hex()]


def _check(token: str, algorithm: str, keys: list[Any]) -> bool:
    head, payload, signature = _sections(token)
    raw = unpadded(signature.rstrip("="))
    return any(verified(algorithm, k, f"{head}.{payload}".encode(), raw) for k in keys)


def _verifier(algorithm: str) -> None:
    def check(token: str, key: str) -> bool:
        _sections(token)
        keys = [key.encode()] if algorithm.startswith("HS") else public_keys(key)
        return _check(token, algorithm, keys)

    builtin(f"io.jwt.verify_{algorithm.lower()}", "string", "string", result="boolean")(check)


for _algorithm in sorted(ALGORITHMS):
    _verifier(_algorithm)


# -- decode and verify
_TEXTS = ("cert", "secret", "alg", "iss", "aud")


def _constraints(c: Any, given: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"time": c.e.now_ns}
    for k, v in given.items():
        if k in _TEXTS:
            if not isinstance(v, str):
                raise BuiltinError(f"{k} constraint: must be a string")
        elif k == "time":
            if not is_number(v):
                raise BuiltinError("token time constraint: must be a number")
        else:
            raise BuiltinError(f"unknown token validation constraint: {k}")
        out[str(k)] = v
    if ("cert" in out) == ("secret" in out):
        raise BuiltinError("token constraints must have exactly one of cert and secret")
    if "alg" in out and out["alg"] not in ALGORITHMS:
        raise BuiltinError(f"unknown JWS algorithm: {out['alg']}")
    return out


def _fits(payload: Any, wanted: dict[str, Any]) -> bool:
    """Issuer, audience and times of a payload against the constraints."""
    if "iss" in wanted and payload.get("iss") != wanted["iss"]:
        return False
    audience = payload.get("aud")
    if ("aud" in wanted) != ("aud" in payload):
        return False
    if "aud" in wanted and wanted["aud"] not in (audience if isinstance(audience, list) else [audience]):
        return False
    now = decimal(wanted["time"])
    for claim in ("exp", "nbf"):
        if claim not in payload:
            continue
        value = payload[claim]
        if not is_number(value):
            raise BuiltinError(f"{claim} value must be a number")
        at = decimal(value) * 1_000_000_000
        if (now >= at) if claim == "exp" else (now < at):
            return False
    return True


@builtin("io.jwt.decode_verify", "string", "object", result="array", context=True)
def decode_verify(c: Any, token: str, constraints: Any) -> list[Any]:
    wanted = _constraints(c, constraints)
    keys = public_keys(wanted["cert"]) if "cert" in wanted else [wanted["secret"].encode()]
    refused: list[Any] = [False, {}, {}]
    for _ in range(MAX_NESTING):
        header = _header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS or wanted.get("alg", algorithm) != algorithm or "crit" in header:
            return refused
        if not _check(token, str(algorithm), keys):
            return refused
        if str(header.get("cty", "")).upper() != "JWT":
            break
        token = unpadded(_sections(token)[1].rstrip("=")).decode("utf-8", "replace").strip('"')
    payload = _json(_sections(token)[1], "payload")
    if not is_object(payload):
        return refused
    return [True, header, payload] if _fits(payload, wanted) else refused


# -- signing
def _sign(header_text: str, payload_text: str, key: Any) -> str:
    try:
        header = loads(header_text)
    except ValueError:
        header = None
    if not is_object(header) or "alg" not in header:
        raise BuiltinError("missing or invalid 'alg' header: jwsbb: header \"alg\" not found")
    algorithm = header["alg"]
    if algorithm not in ALGORITHMS:
        raise BuiltinError(f"unknown JWS algorithm: {algorithm}")
    if header.get("typ", "JWT") == "JWT" and ("typ" in header or payload_text == ""):
        try:
            loads(payload_text)
        except ValueError:
            raise BuiltinError("type is JWT but payload is not JSON") from None
    message = f"{padded_text(header_text.encode())}.{padded_text(payload_text.encode())}"
    return f"{message}.{padded_text(signed(str(algorithm), key, message.encode()))}"


@builtin("io.jwt.encode_sign", "object", "object", "object", result="string")
def encode_sign(header: Any, payload: Any, key: Any) -> str:
    return _sign(dumps(header), dumps(payload), key)


@builtin("io.jwt.encode_sign_raw", "string", "string", "string", result="string")
def encode_sign_raw(header: str, payload: str, key: str) -> str:
    try:
        jwk = loads(key)
    except ValueError as e:
        raise BuiltinError(f"failed to parse key: {e}") from None
    if not is_object(jwk):
        raise BuiltinError("failed to parse key: not an object")
    return _sign(header, payload, jwk)
