"""The forms of names, keys and values that Kubernetes accepts, with the texts it refuses others by.

Each function returns a tuple of texts, empty where the value is good. `core.selectors`, `apiserver` and `policy` put
them behind a field's path. Lengths are bytes of UTF-8, as in Kubernetes. Source of forms and texts: Kubernetes
"Object Names and IDs", "Labels and Selectors" and the answers of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Texts = tuple[str, ...]
NameRule = Callable[[str, bool], Texts]  # (name, whether it is a prefix: generateName) -> texts

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = LABEL + "(\\." + LABEL + ")*"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = "(" + _KEY + ")?"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_UNDERSCORE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORE_SUBDOMAIN = _UNDERSCORE_LABEL + "(\\." + _UNDERSCORE_LABEL + ")*"
_WILDCARD = "\\*\\." + SUBDOMAIN

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_UNDERSCORE_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
_KEY_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)

_compiled: dict[str, re.Pattern[str]] = {
    form: re.compile(form) for form in (LABEL, SUBDOMAIN, _KEY, _VALUE, _LABEL_1035, _UNDERSCORE_SUBDOMAIN, _WILDCARD)
}


def form_text(text: str, form: str, *examples: str) -> str:
    """A refusal with examples and the form's regular expression, in Kubernetes' layout (stray blank included)."""
    if not examples:
        return f"{text} (regex used for validation is '{form}')"
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {shown}regex used for validation is '{form}')"


def _length(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))


def _checked(value: str, most: int, unit: str, form: str, text: str, *examples: str) -> Texts:
    texts: Texts = ()
    if len(value) * 4 > most and _length(value) > most:
        texts = (f"must be no more than {most} {unit}",)
    if not _compiled[form].fullmatch(value):
        texts = (*texts, form_text(text, form, *examples))
    return texts


def dns_subdomain(value: str) -> Texts:
    """An RFC 1123 subdomain, lower case, up to 253 characters: the names of most objects."""
    return _checked(value, 253, "characters", SUBDOMAIN, _SUBDOMAIN_TEXT, "example.com")


def dns_subdomain_with_underscore(value: str) -> Texts:
    """As dns_subdomain, with underscores: the search domains of a Pod's DNS."""
    return _checked(value, 253, "characters", _UNDERSCORE_SUBDOMAIN, _UNDERSCORE_TEXT, "example.com")


def dns_label(value: str) -> Texts:
    """An RFC 1123 label, lower case, up to 63 characters: namespaces, containers, ports."""
    texts: Texts = ()
    if _length(value) > 63:
        texts = ("must be no more than 63 characters",)
    if _compiled[LABEL].fullmatch(value):
        return texts
    if _compiled[SUBDOMAIN].fullmatch(value):
        return (*texts, "must not contain dots")
    return (*texts, form_text(_LABEL_TEXT, LABEL, "my-name", "123-abc"))


def dns_1035_label(value: str) -> Texts:
    """An RFC 1035 label: starts with a letter."""
    return _checked(value, 63, "characters", _LABEL_1035, _LABEL_1035_TEXT, "my-name", "abc-123")


def wildcard_subdomain(value: str) -> Texts:
    """A subdomain behind '*.': hosts of an Ingress."""
    return _checked(value, 253, "characters", _WILDCARD, _WILDCARD_TEXT, "*.example.com")


def label_key(value: str) -> Texts:
    """A qualified name: an optional subdomain with a slash, then up to 63 characters. Keys of labels, names of
    finalizers."""
    parts = value.split("/")
    if len(parts) > 2:
        text = form_text(_KEY_TEXT, _KEY, "MyName", "my.name", "123-abc")
        return (f"a valid label key {text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
    texts: list[str] = []
    if len(parts) == 2:
        prefix = parts[0]
        found = _checked(prefix, 253, "bytes", SUBDOMAIN, _SUBDOMAIN_TEXT, "example.com")
        texts += [f"prefix part {text}" for text in (found if prefix else ("must be non-empty",))]
    name = parts[-1]
    if not name:
        texts.append("name part must be non-empty")
    elif _length(name) > 63:
        texts.append("name part must be no more than 63 bytes")
    if not _compiled[_KEY].fullmatch(name):
        texts.append("name part " + form_text(_KEY_TEXT, _KEY, "MyName", "my.name", "123-abc"))
    return tuple(texts)


def label_value(value: str) -> Texts:
    """A label's value: empty, or up to 63 characters."""
    return _checked(value, 63, "bytes", _VALUE, _VALUE_TEXT, "MyValue", "my_value", "12345")


def path_segment(name: str) -> Texts:
    """What may stand in a URL path as one segment: the loosest rule for names (RBAC, custom metrics)."""
    if name in (".", ".."):
        return (f"may not be '{name}'",)
    return path_segment_prefix(name)


def path_segment_prefix(name: str) -> Texts:
    """As path_segment, for a generateName."""
    return tuple(f"may not contain '{bad}'" for bad in ("/", "%") if bad in name)


def _unfinished(name: str) -> str:
    # A generateName may end in a dash; what is checked is the name with two last characters replaced by a letter.
    return name[:-2] + "a" if len(name) > 1 and name.endswith("-") else name


def name_is_subdomain(name: str, prefix: bool = False) -> Texts:
    """A rule for objects' names: most kinds."""
    return dns_subdomain(_unfinished(name) if prefix else name)


def name_is_label(name: str, prefix: bool = False) -> Texts:
    """A rule for objects' names: Namespace."""
    return dns_label(_unfinished(name) if prefix else name)


def name_is_1035_label(name: str, prefix: bool = False) -> Texts:
    """A rule for objects' names: Service before 1.34."""
    return dns_1035_label(_unfinished(name) if prefix else name)


def name_is_path_segment(name: str, prefix: bool = False) -> Texts:
    """A rule for objects' names: the kinds of RBAC."""
    return path_segment_prefix(name) if prefix else path_segment(name)
