"""Small forms of values in built-in kinds, with the texts they are refused by: keys, ports, percentages, names of
variables.

Each function returns a tuple of texts, empty where the value is good, as those of `core.names`. Source: the
Kubernetes API reference and the answers of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gatewright.core import names
from gatewright.core.field_errors import FieldError, Marshalled, Path, invalid, not_supported, required
from gatewright.core.names import Texts, form_text

named = Marshalled  # how values of named string types are printed


def in_range(value: int, least: int, most: int) -> Texts:
    return () if least <= value <= most else (f"must be between {least} and {most}, inclusive",)


def port_number(value: int) -> Texts:
    return in_range(value, 1, 65535)


def port_name(value: str) -> Texts:
    """An IANA service name: up to 15 characters, a letter among them."""
    texts: list[str] = []
    if len(value) > 15:
        texts.append("must be no more than 15 characters")
    if not re.fullmatch("[-a-z0-9]+", value):
        texts.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        texts.append("must contain at least one letter (a-z)")
    if "--" in value:
        texts.append("must not contain consecutive hyphens")
    if value[:1] == "-" or value[-1:] == "-":
        texts.append("must not begin or end with a hyphen")
    return tuple(texts)


def config_key(value: str) -> Texts:
    """A key of a ConfigMap or Secret."""
    texts: list[str] = []
    if len(value) > 253:
        texts.append("must be no more than 253 characters")
    form = "[-._a-zA-Z0-9]+"
    if not re.fullmatch(form, value):
        told = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        texts.append(form_text(told, form, "key.name", "KEY_NAME", "key-name"))
    if value in (".", ".."):
        texts.append(f"must not be '{value}'")
    elif value.startswith(".."):
        texts.append("must not start with '..'")
    return tuple(texts)


def variable_name(value: str) -> Texts:
    """The name of an environment variable, or a prefix of names: printable ASCII without '='."""
    texts: list[str] = []
    if not value:
        texts.append("environment variable name must be non-empty")
    if not all(" " <= char <= "~" and char != "=" for char in value):
        texts.append("a valid environment variable name must consist only of printable ASCII characters other than '='")
    return tuple(texts)


def header_name(value: str) -> Texts:
    form = "[-A-Za-z0-9]+"
    if re.fullmatch(form, value):
        return ()
    return (form_text("a valid HTTP header must consist of alphanumeric characters or '-'", form, "X-Header-Name"),)


def percentage(value: str) -> Texts:
    form = "[0-9]+%"
    if re.fullmatch(form, value):
        return ()
    told = "a valid percent string must be a numeric string followed by an ending '%'"
    return (form_text(told, form, "1%", "93%"),)


def choice(value: Any, choices: Sequence[str], path: Path, *, needed: bool = False) -> list[FieldError]:
    """Errors of a value of a named string type that must be one of a few. needed: an empty one is missing, not
    refused."""
    if needed and not value:
        return [required(path)]
    return [] if value in choices else [not_supported(path, Marshalled(value or ""), choices)]


def nonnegative(value: int | None, path: Path) -> list[FieldError]:
    if value is None or value >= 0:
        return []
    return [invalid(path, value, "must be greater than or equal to 0")]


def port_or_name(value: Any, path: Path) -> list[FieldError]:
    """Errors of a port given by number or by name."""
    texts = port_name(value) if isinstance(value, str) else port_number(value or 0)
    return [invalid(path, value if isinstance(value, str) else value or 0, text) for text in texts]


def label(value: str, path: Path) -> list[FieldError]:
    """Errors of a DNS label."""
    return [invalid(path, value, text) for text in names.dns_label(value)]
