"""Kubernetes' protobuf bodies read into objects, and Statuses written in protobuf.

kubectl sends protobuf for create namespace, configmap, deployment and the like and can't be talked out of it. The
messages are those of
`wire`; an envelope (runtime.Unknown behind the bytes "k8s\\0") names the kind. `decoding` is the caller.
"""

from __future__ import annotations

import base64
import struct as binary
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gatewright.apiserver.wire import Field, Struct, Wire
from gatewright.core.clock import rfc3339
from gatewright.core.quantities import Quantity, QuantityError

_PREFIX = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class ProtobufError(Exception):
    """The bytes are no such message; str() is the real server's text where it is known."""


def decode(body: bytes, wire: Wire, definition: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The object in an envelope. definition: (apiVersion, kind) -> the name of its Go type. Raises ProtobufError."""
    if not body.startswith(_PREFIX):
        raise ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    api_version = kind = ""
    raw = b""
    for number, value in _fields(body[len(_PREFIX) :]):
        if number == 1 and isinstance(value, bytes):
            for inner, text in _fields(value):
                if inner == 1 and isinstance(text, bytes):
                    api_version = text.decode()
                elif inner == 2 and isinstance(text, bytes):
                    kind = text.decode()
        elif number == 2 and isinstance(value, bytes):
            raw = value
    made: dict[str, Any] = {"apiVersion": api_version, "kind": kind}
    name = definition.get((api_version, kind))
    message = wire.struct(name) if name else None
    if message is not None:
        made.update(_message(raw, message, wire))
    return made


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, form = key >> 3, key & 7
        if form == _VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif form == _BYTES:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ProtobufError("unexpected EOF")
            yield number, data[at : at + length]
            at += length
        elif form in (_FIXED32, _FIXED64):
            width = 4 if form == _FIXED32 else 8
            if at + width > len(data):
                raise ProtobufError("unexpected EOF")
            yield number, data[at : at + width]
            at += width
        else:
            raise ProtobufError(f"proto: illegal wireType {form}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise ProtobufError("unexpected EOF")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
        shift += 7
        if shift > 63:
            raise ProtobufError("proto: integer overflow")


def _message(data: bytes, message: Struct, wire: Wire) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for number, value in _fields(data):
        field = message.by_number.get(number)
        if field is None:
            continue
        if field.inline:
            made.update(_value(value, field.type, wire))
            continue
        _put(made, field, value, wire)
    return made


def _put(made: dict[str, Any], field: Field, value: int | bytes, wire: Wire) -> None:
    kind = wire.resolved(field.type.lstrip("*"))
    if kind.startswith("map:"):
        key, item = "", _absent(kind[4:], wire)
        for inner, part in _fields(_bytes(value)):
            if inner == 1:
                key = _bytes(part).decode("utf-8", "replace")
            elif inner == 2:
                item = _value(part, kind[4:], wire)
        made.setdefault(field.name, {})[key] = item
    elif kind.startswith("[]") and kind != "[]uint8":
        made.setdefault(field.name, []).append(_value(value, kind[2:], wire))
    else:
        made[field.name] = _value(value, kind, wire)


def _absent(kind: str, wire: Wire) -> Any:
    kind = wire.resolved(kind)
    return "" if kind in ("string", "[]uint8") else {} if wire.struct(kind) else 0


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ProtobufError("proto: wrong wireType")


def _value(value: int | bytes, kind: str, wire: Wire) -> Any:
    kind = wire.resolved(kind.lstrip("*"))
    if kind in ("int", "int32", "int64"):
        if not isinstance(value, int):
            raise ProtobufError("proto: wrong wireType")
        return value - (1 << 64) if value >= 1 << 63 else value
    if kind == "bool":
        return bool(value)
    raw = _bytes(value)
    if kind == "string":
        return raw.decode("utf-8", "replace")
    if kind == "[]uint8":
        return base64.b64encode(raw).decode()
    if kind == "float64":
        return binary.unpack("<d", raw)[0] if len(raw) == 8 else 0.0
    if kind.startswith("[]"):  # a named list: a message with one repeated field
        return [_value(part, kind[2:], wire) for number, part in _fields(raw) if number == 1]
    return _special(raw, kind, wire)


def _special(raw: bytes, kind: str, wire: Wire) -> Any:
    parts = dict(_fields(raw)) if kind in _LEAVES else {}
    if kind == "api.resource.Quantity":
        text = _bytes(parts.get(1, b"0")).decode()
        try:
            return str(Quantity.parse(text))
        except QuantityError:
            return text
    if kind == "util.intstr.IntOrString":
        if parts.get(1, 0):
            return _bytes(parts.get(3, b"")).decode()
        return _value(parts.get(2, 0), "int32", wire)
    if kind in ("meta.v1.Time", "meta.v1.MicroTime"):
        if not parts:
            return None
        seconds = _value(parts.get(1, 0), "int64", wire)
        if kind == "meta.v1.Time":
            return rfc3339(seconds)
        return f"{rfc3339(seconds)[:-1]}.{_value(parts.get(2, 0), 'int32', wire) // 1000:06d}Z"
    if kind == "meta.v1.FieldsV1":
        return _json(_bytes(parts.get(1, b"{}")))
    message = wire.struct(kind)
    return {} if message is None else _message(raw, message, wire)


_LEAVES = frozenset(
    {
        "api.resource.Quantity",
        "util.intstr.IntOrString",
        "meta.v1.Time",
        "meta.v1.MicroTime",
        "meta.v1.FieldsV1",
    }
)


def _json(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return {}


# --- Statuses


def encode_status(status: Mapping[str, Any]) -> bytes:
    """A metav1.Status in its envelope."""
    details = status.get("details")
    body = _part(1, _part(1, b"") + _part(2, b"") + _part(3, b""))
    body += _part(2, str(status.get("status") or "").encode())
    body += _part(3, str(status.get("message") or "").encode())
    body += _part(4, str(status.get("reason") or "").encode())
    if details is not None:
        body += _part(5, _details(details))
    body += b"\x30" + _number(int(status.get("code") or 0))
    head = _part(1, _part(1, b"v1") + _part(2, b"Status"))
    return _PREFIX + head + _part(2, body) + _part(3, b"") + _part(4, b"")


def _details(details: Mapping[str, Any]) -> bytes:
    made = b"".join(
        _part(number, str(details.get(name) or "").encode())
        for number, name in ((1, "name"), (2, "group"), (3, "kind"))
    )
    for cause in details.get("causes") or ():
        texts = (cause.get("reason"), cause.get("message"), cause.get("field"))
        made += _part(4, b"".join(_part(number + 1, str(text or "").encode()) for number, text in enumerate(texts)))
    made += b"\x28" + _number(int(details.get("retryAfterSeconds") or 0))
    return made + _part(6, str(details.get("uid") or "").encode())


def _part(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _number(len(content)) + content


def _number(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
