"""Builtins that encode and decode: base64, hex, JSON, YAML, URLs."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes

from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.jsontext import dumps, loads
from gatewright.rego.values import SETS, sorted_items_of, sorted_members, type_name


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _b64(text: str, url: bool) -> bytes:
    data = text.replace("\n", "").replace("\r", "")
    if not re.fullmatch(r"[A-Za-z0-9_-]*={0,2}" if url else r"[A-Za-z0-9+/]*={0,2}", data):
        raise BuiltinError("illegal base64 data")
    if url:
        data = data.rstrip("=")
        data += "=" * (-len(data) % 4)
    if len(data) % 4 or len(data.rstrip("=")) % 4 == 1:
        raise BuiltinError(f"illegal base64 data at input byte {len(data) // 4 * 4}")
    try:
        return base64.b64decode(data, altchars=b"-_" if url else None)
    except (binascii.Error, ValueError):
        raise BuiltinError("illegal base64 data") from None


builtin("base64.encode", "string", result="string")(lambda s: base64.b64encode(s.encode()).decode())
builtin("base64.decode", "string", result="string")(lambda s: _text(_b64(s, False)))
builtin("base64url.encode", "string", result="string")(lambda s: base64.urlsafe_b64encode(s.encode()).decode())
builtin("base64url.encode_no_pad", "string", result="string")(
    lambda s: base64.urlsafe_b64encode(s.encode()).decode().rstrip("=")
)
builtin("base64url.decode", "string", result="string")(lambda s: _text(_b64(s, True)))


@builtin("base64.is_valid", "any", result="boolean")
def base64_is_valid(s: Any) -> bool:
    try:
        _b64(s, False)
    except (BuiltinError, AttributeError):
        return False
    return True


builtin("hex.encode", "string", result="string")(lambda s: s.encode().hex())


@builtin("hex.decode", "string", result="string")
def hex_decode(s: str) -> str:
    bad = re.search("[^0-9a-fA-F]", s)
    if bad:
        raise BuiltinError(f"encoding/hex: invalid byte: U+{ord(bad.group()):04X} {bad.group()!r}")
    if len(s) % 2:
        raise BuiltinError("encoding/hex: odd length hex string")
    return _text(bytes.fromhex(s))


# -- JSON
builtin("json.marshal", "any", result="string")(dumps)


@builtin("json.marshal_with_options", "any", "object", result="string")
def json_marshal_with_options(x: Any, options: Any) -> str:
    indent, prefix, pretty = "\t", "", None
    for k, v in sorted_items_of(options):
        if k == "pretty":
            if v.__class__ is not bool:
                raise BuiltinError("key pretty of 2nd arg must be boolean")
            pretty = v
        elif k in ("indent", "prefix"):
            if not isinstance(v, str):
                raise BuiltinError(f"key {k} of 2nd arg must be string")
            if k == "indent":
                indent = v
            else:
                prefix = v
        else:
            raise BuiltinError(f'operand 2 object contained unknown key "{k}"', "eval_type_error")
    if pretty is None:
        pretty = "indent" in options or "prefix" in options
    return prefix + dumps(x, indent, prefix) if pretty else dumps(x)


@builtin("json.unmarshal", "string")
def json_unmarshal(s: str) -> Any:
    try:
        return loads(s)
    except (ValueError, RecursionError) as e:
        raise BuiltinError(str(e)) from None


@builtin("json.is_valid", "any", result="boolean")
def json_is_valid(s: Any) -> bool:
    if not isinstance(s, str):
        return False
    try:
        loads(s)
    except (ValueError, RecursionError):
        return False
    return True


# -- URLs
builtin("urlquery.encode", "string", result="string")(lambda s: quote_plus(s, safe="").replace("~", "~"))


@builtin("urlquery.decode", "string", result="string")
def urlquery_decode(s: str) -> str:
    if re.search(r"%(?![0-9a-fA-F]{2})", s):
        raise BuiltinError("invalid URL escape")
    return _text(unquote_to_bytes(s.replace("+", " ")))


@builtin("urlquery.encode_object", "object", result="string")
def urlquery_encode_object(o: Any) -> str:
    parts = []
    for k, v in sorted_items_of(o):
        if not isinstance(k, str):
            raise BuiltinError("operand 1 must be object of strings", "eval_type_error")
        values = (
            [v]
            if isinstance(v, str)
            else v
            if isinstance(v, list)
            else sorted_members(v)
            if isinstance(v, SETS)
            else None
        )
        if values is None or not all(isinstance(x, str) for x in values):
            raise BuiltinError(
                f"operand 1 must be one of {{string, array of strings, set of strings}} but got {type_name(v)}",
                "eval_type_error",
            )
        parts += [f"{quote_plus(k)}={quote_plus(x)}" for x in values]
    return "&".join(parts)


@builtin("urlquery.decode_object", "string", result="object")
def urlquery_decode_object(s: str) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for part in s.split("&"):
        if not part:
            continue
        if ";" in part:
            raise BuiltinError("invalid semicolon separator in query")
        k, _, v = part.partition("=")
        out.setdefault(urlquery_decode(k), []).append(urlquery_decode(v))
    return out
