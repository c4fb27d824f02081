"""Kubernetes' format library: format.dns1123Label().validate(text) and its kin.

The checks themselves are core's, as the API server runs them on names and schemas. Source: the documentation of
Kubernetes' CEL format library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gatewright.cel.declarations import Library, function, member, overload
from gatewright.cel.libraries.urls import request_error
from gatewright.cel.types import STRING, Type, list_of, optional_of, struct
from gatewright.cel.values import NONE, Opaque, Optional
from gatewright.core import names
from gatewright.core.schemas import formats

FORMAT = struct("kubernetes.NamedFormat")

Check = Callable[[str], Sequence[str]]


class Format(Opaque):
    """A named format. pattern_size: how long its pattern is, for the cost of a validation."""

    __slots__ = ("check", "name", "pattern_size")
    cel_type: Type = FORMAT

    def __init__(self, name: str, pattern_size: int, check: Check) -> None:
        self.name = name
        self.pattern_size = pattern_size
        self.check = check

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Format) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name


def _schema(name: str, text: str) -> Check:
    test = formats.check_of(name)
    assert test is not None
    return lambda value: () if test(value) else (text,)


def _uri(value: str) -> Sequence[str]:
    wrong = request_error(value)
    return (wrong,) if wrong else ()


_FORMATS: dict[str, Format] = {
    "dns1123Label": Format("DNS1123Label", 30, names.name_is_label),
    "dns1123Subdomain": Format("DNS1123Subdomain", 60, names.name_is_subdomain),
    "dns1035Label": Format("DNS1035Label", 30, names.name_is_1035_label),
    "qualifiedName": Format("QualifiedName", 60, names.label_key),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", 30, lambda text: names.name_is_label(text, True)),
    "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", 60, lambda text: names.name_is_subdomain(text, True)),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", 30, lambda text: names.name_is_1035_label(text, True)),
    "labelValue": Format("LabelValue", 40, names.label_value),
    "uri": Format("URI", 1103, _uri),
    "uuid": Format("uuid", 70, _schema("uuid", "does not match the UUID format")),
    "byte": Format("byte", 84, _schema("byte", "invalid base64")),
    "date": Format("date", 71, _schema("date", "invalid date")),
    "datetime": Format("datetime", 71, _schema("datetime", "invalid datetime")),
}


def _named(name: str) -> Optional:
    found = _FORMATS.get(name)
    return NONE if found is None else Optional(found)


def _validate(one: Format, text: str) -> Optional:
    wrong = list(one.check(text))
    return Optional(wrong) if wrong else NONE


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


LIBRARY = Library(
    functions=(
        *(
            function(f"format.{name}", overload(f"format.{name}", (), FORMAT, _constant(one)))
            for name, one in _FORMATS.items()
        ),
        function("format.named", overload("format-named", (STRING,), optional_of(FORMAT), _named)),
        function("validate", member("format-validate", (FORMAT, STRING), optional_of(list_of(STRING)), _validate)),
    ),
)
