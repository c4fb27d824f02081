"""Built-in objects as the real server's Go structs take them in and write them out: unknown fields told and dropped,
wrong types refused with
Go's texts, empty optional fields left out, fields without omitempty always there, times and quantities in canonical
form.

`decoding` is the caller. The structure is that of `wire`; defaults are added later, by `builtin`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gatewright.apiserver.wire import Field, Struct, Wire
from gatewright.core.go_text import quote
from gatewright.core.quantities import Quantity, QuantityError

NOT_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_FREE = frozenset({"apiextensions.v1.JSON", "meta.v1.FieldsV1", "runtime.RawExtension"})
_SCHEMAS = frozenset(
    {
        "apiextensions.v1.JSONSchemaPropsOrArray",
        "apiextensions.v1.JSONSchemaPropsOrBool",
        "apiextensions.v1.JSONSchemaPropsOrStringArray",
    }
)
_PROPS = "apiextensions.v1.JSONSchemaProps"
_INTEGERS = {"int": 63, "int64": 63, "int32": 31, "uint8": 8}


class TypeFault(Exception):
    """The value does not fit the Go type; str() is the text of Go's decoder."""


class Reader:
    """Reads values by their Go types; `unknown` collects the paths of fields that the types lack."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.unknown: list[str] = []

    def read(self, value: Any, kind: str, path: str = "") -> Any:
        """The value as a variable of that type is written after being read. path: of the value, for unknown fields.
        Raises TypeFault."""
        return self._value(value, kind, path, "", "")

    def _value(self, value: Any, kind: str, path: str, fields: str, owner: str) -> Any:
        if value is None:
            return self.zero(kind)
        if kind[0] == "*":
            kind = kind[1:]
        base = self.wire.resolved(kind)
        if base == "string":
            if not isinstance(value, str):
                raise TypeFault(_mismatch(value, owner, fields, kind))
            return value
        if base == "bool":
            if not isinstance(value, bool):
                raise TypeFault(_mismatch(value, owner, fields, kind))
            return value
        if base in _INTEGERS:
            return _integer(value, base, owner, fields, kind)
        if base[:2] == "[]":
            return self._list(value, base, path, fields, owner, kind)
        if base[:4] == "map:":
            return self._map(value, base, path, fields, owner, kind)
        if base in ("float64", "float32"):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeFault(_mismatch(value, owner, fields, kind))
            return value
        return self._special(value, base, path, fields, owner)

    def _special(self, value: Any, base: str, path: str, fields: str, owner: str) -> Any:
        if base in _FREE:
            return value
        if base == "api.resource.Quantity":
            return _quantity(value)
        if base == "util.intstr.IntOrString":
            return _int_or_string(value)
        if base in ("meta.v1.Time", "meta.v1.MicroTime"):
            return _time(value, micro=base == "meta.v1.MicroTime")
        if base in _SCHEMAS:
            return self._schema(value, path, fields)
        struct = self.wire.struct(base)
        if struct is None:
            return value
        if not isinstance(value, Mapping):
            raise TypeFault(_mismatch(value, owner, fields, base))
        return self._struct(value, struct, path, fields)

    def _struct(self, value: Mapping[str, Any], struct: Struct, path: str, fields: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        flat = struct.flat
        json_stored = struct.name.startswith("apiextensions.")
        for key, child in value.items():
            place = f"{path}.{key}" if path else key
            field = flat.get(key)
            if field is None:
                self.unknown.append(place)
                continue
            read = self._value(child, field.type, place, f"{fields}.{key}" if fields else key, struct.name)
            if self._left_out(read, field):
                continue
            if (read == [] or read == {}) and not json_stored and self._is_collection(field.type):
                read = None  # the store keeps no empty lists or maps: they come back as null
            made[key] = read
        for field in struct.always:
            if field.name not in made:
                made[field.name] = self.zero(field.type)
        return made

    def _is_collection(self, kind: str) -> bool:
        return self.wire.resolved(kind).startswith(("[]", "map:"))

    def _left_out(self, read: Any, field: Field) -> bool:
        """Go's omitempty and omitzero."""
        if field.omit == "":
            return False
        if read is None:
            return field.type[0] == "*" or field.omit == "z" or not self.wire.by_value(field.type)
        if field.type[0] == "*" or (read and read != 0):
            return False
        return read in ("", 0, False) or (isinstance(read, list | dict) and not self.wire.by_value(field.type))

    def zero(self, kind: str) -> Any:
        """How Go writes the zero value of a type."""
        base = self.wire.resolved(kind)
        if base[0] == "*" or base[:2] == "[]" or base[:4] == "map:":
            return None
        if base == "string":
            return ""
        if base == "bool":
            return False
        if base in _INTEGERS or base in ("float64", "float32", "util.intstr.IntOrString"):
            return 0
        if base == "api.resource.Quantity":
            return "0"
        struct = self.wire.struct(base)
        return None if struct is None else self._struct({}, struct, "", "")

    def _list(self, value: Any, base: str, path: str, fields: str, owner: str, kind: str) -> Any:
        item = base[2:]
        if item == "uint8":
            if not isinstance(value, str):
                raise TypeFault(_mismatch(value, owner, fields, kind))
            return _base64(value)
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise TypeFault(_mismatch(value, owner, fields, kind))
        return [self._value(child, item, f"{path}[{index}]", fields, owner) for index, child in enumerate(value)]

    def _map(self, value: Any, base: str, path: str, fields: str, owner: str, kind: str) -> Any:
        if not isinstance(value, Mapping):
            raise TypeFault(_mismatch(value, owner, fields, kind))
        item = base[4:]
        return {key: self._value(child, item, f"{path}.{key}", fields, owner) for key, child in value.items()}

    def _schema(self, value: Any, path: str, fields: str) -> Any:
        if isinstance(value, Mapping):
            return self._value(value, _PROPS, path, fields, _PROPS)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [
                self._value(child, _PROPS, f"{path}[{index}]", fields, _PROPS) if isinstance(child, Mapping) else child
                for index, child in enumerate(value)
            ]
        return value


def _go_type(kind: str) -> str:
    """core.v1.PodSpec -> v1.PodSpec, map:string -> map[string]string."""
    if kind.startswith("*"):
        return _go_type(kind[1:])
    if kind.startswith("[]"):
        return f"[]{_element(kind[2:])}"
    if kind.startswith("map:"):
        return f"map[string]{_element(kind[4:])}"
    return ".".join(kind.split(".")[-2:])


def _element(kind: str) -> str:
    return f"*{_go_type(kind)}" if kind.startswith("*") else _go_type(kind)


def _mismatch(value: Any, owner: str, fields: str, kind: str, shown: str = "") -> str:
    told = shown or described(value)
    if not fields:
        return f"json: cannot unmarshal {told} into Go value of type {_go_type(kind)}"
    return (
        f"json: cannot unmarshal {told} into Go struct field {owner.split('.')[-1]}.{fields} of type {_go_type(kind)}"
    )


def described(value: Any) -> str:
    """What Go's decoder calls a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


def _base64(text: str) -> str:
    kept = text.replace("\n", "").replace("\r", "")
    for index, char in enumerate(kept):
        if char not in _ALPHABET:
            raise TypeFault(f"illegal base64 data at input byte {index}")
    try:
        raw = base64.b64decode(kept, validate=True)
    except (binascii.Error, ValueError):
        raise TypeFault(f"illegal base64 data at input byte {max(0, len(kept) - len(kept) % 4)}") from None
    return base64.b64encode(raw).decode()


def _integer(value: Any, base: str, owner: str, fields: str, kind: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeFault(_mismatch(value, owner, fields, kind))
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # the server's decoder takes 1.0 for 1
    limit = 1 << _INTEGERS[base]
    if isinstance(value, float) or not -limit <= value < limit:
        shown = f"number {value if isinstance(value, int) else format(value, 'g')}"
        raise TypeFault(_mismatch(value, owner, fields, kind, shown))
    return int(value)


def _int_or_string(value: Any) -> int | str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeFault(f"json: cannot unmarshal {described(value)} into Go value of type int32")
    return value


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeFault(NOT_QUANTITY)
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else format(value, ".15g")
    try:
        return str(Quantity.parse(text))
    except QuantityError:
        raise TypeFault(NOT_QUANTITY) from None


_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def _time(value: Any, *, micro: bool) -> str:
    if not isinstance(value, str):
        raise TypeFault(f"json: cannot unmarshal {described(value)} into Go value of type string")
    found = _RFC3339.fullmatch(value)
    try:
        moment = datetime.fromisoformat(f"{found.group(1)}{found.group(3).replace('Z', '+00:00')}") if found else None
    except ValueError:
        moment = None
    if found is None or moment is None:
        layout = quote("2006-01-02T15:04:05.000000Z07:00" if micro else "2006-01-02T15:04:05Z07:00")
        raise TypeFault(f"parsing time {quote(value)} as {layout}: cannot parse {quote(value)} as {quote('2006')}")
    base = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = (found.group(2) or ".")[1:7].ljust(6, "0")
    return f"{base}.{fraction}Z" if micro else f"{base}Z"
