"""String formats of OpenAPI schemas, as the API server checks them in custom resources.

`nodes` asks which formats count, `checking` and `fast` ask whether a string has one. Source: the list of supported
formats in Kubernetes' CustomResourceDefinition reference (1.36).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date

from gatewright.core import names

_HEX = "[0-9a-f]"


def _matches(form: str, flags: re.RegexFlag = re.NOFLAG) -> Callable[[str], bool]:
    compiled = re.compile(form, flags | re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _uuid(third: str, fourth: str) -> Callable[[str], bool]:
    form = f"{_HEX}{{8}}-?{_HEX}{{4}}-?{third}-?{fourth}-?{_HEX}{{12}}"
    return _matches(form, re.IGNORECASE)


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    year, month, day = (int(part) for part in text.split("-"))
    try:
        date(year or 4, month, day)  # year 0 is a leap year that Python lacks
    except ValueError:
        return False
    return True


_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))")


def _is_date_time(text: str) -> bool:
    parts = text.lower().split("t")
    if len(text) < 4 or len(parts) < 2 or not _is_date(parts[0]):
        return False
    found = _CLOCK.fullmatch(parts[1])
    return found is not None and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


def _plain(address: str) -> str:
    # Leading zeros of IPv4 octets are read as decimal, as Kubernetes tolerates them.
    return (
        re.sub(r"(?<![0-9a-fA-F:])0+(?=[0-9]+(?:\.|$))|(?<=\.)0+(?=[0-9])", "", address) if "." in address else address
    )


def parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IP address without zone, or None."""
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(_plain(text))
    except ValueError:
        return None


def parse_cidr(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """An address with a prefix length, or None; host bits may be set."""
    address, slash, length = text.partition("/")
    found = parse_ip(address)
    if found is None or not slash or not re.fullmatch("[0-9]{1,3}", length) or int(length) > found.max_prefixlen:
        return None
    return ipaddress.ip_network(f"{found}/{length}", strict=False)


def _is_mac(text: str) -> bool:
    pair, four = "[0-9a-fA-F]{2}", "[0-9a-fA-F]{4}"
    for octets in (6, 8, 20):
        pairs = "|".join(f"{pair}(?:{sign}{pair}){{{octets - 1}}}" for sign in (":", "-"))
        if re.fullmatch(f"{pairs}|{four}(?:\\.{four}){{{octets // 2 - 1}}}", text):
            return True
    return False


def _bad_escape(text: str) -> bool:
    return re.search("%(?![0-9a-fA-F]{2})", text) is not None


def _is_uri(text: str) -> bool:
    """An absolute URI or an absolute path, as Go's url.ParseRequestURI reads it."""
    if not text or any(ord(char) < 0x20 or char == "\x7f" for char in text) or text[0] == ":":
        return False
    if text == "*":
        return True
    scheme = re.match("[A-Za-z][A-Za-z0-9+.-]*:", text)
    rest = (text[scheme.end() :] if scheme else text).partition("?")[0]
    if not rest.startswith("/"):
        return scheme is not None
    if scheme and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        return _is_authority(authority) and not _bad_escape(slash + path)
    return not _bad_escape(rest)


def _is_authority(text: str) -> bool:
    user, at, host = text.rpartition("@")
    if at and (_bad_escape(user) or not re.fullmatch(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", user)):
        return False
    if host.startswith("["):
        found = re.fullmatch(r"\[[0-9A-Fa-f:.]*(?:%25[^\]]*)?\](?::[0-9]*)?", host)
        return found is not None
    if ":" in host and not re.fullmatch("[0-9]*", host.rpartition(":")[2]):
        return False
    return not _bad_escape(host) and not re.search(r"[ <>\"^`{}|\\]", host)


_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]"
_ATOM = f"{_ATEXT}+(?:\\.{_ATEXT}+)*"
_QUOTED = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
_ADDRESS = f"(?:{_ATOM}|{_QUOTED})@(?:{_ATOM}|\\[[0-9a-fA-F:.]+\\])"
_MAILBOX = re.compile(f"\\s*(?:(?:(?:{_ATEXT}|[. \\t])+|{_QUOTED})?\\s*<\\s*{_ADDRESS}\\s*>|{_ADDRESS})\\s*")

_GO_DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_WORD_DURATION = re.compile(r"([0-9]+)\s*([A-Za-zµ]+)")
_UNITS = ("ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk")
_UNIT_WORDS = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")


def _is_duration(text: str) -> bool:
    if _GO_DURATION.fullmatch(text):
        return True
    known = False
    for count, unit in _WORD_DURATION.findall(text):
        if int(count) >= 2**63:
            return False
        unit = unit.lower()
        known = known or unit in _UNITS or unit.startswith(_UNIT_WORDS)
    return known


_HOST_LETTER = r"[^\W\d_]"  # a letter of any script; symbols are handled below
_HOST_LABEL = re.compile(r"[^.\s]+")


def _is_hostname(text: str) -> bool:
    if not text or len(text.encode("utf-8", "replace")) > 255:
        return False
    labels = text.split(".")
    if any(len(label.encode("utf-8", "replace")) > 63 for label in labels):
        return False
    if not all(label and _host_chars(label) and label[0] != "-" and label[-1] != "-" for label in labels):
        return False
    if len(labels) == 1:
        return "--" not in text  # the one-label form allows single dashes only at its second place; kept lenient
    last = labels[-1]
    return len(last) >= 2 and all(re.fullmatch(_HOST_LETTER, char) for char in last)


def _host_chars(label: str) -> bool:
    return all(char == "-" or char.isalnum() or (ord(char) > 127 and char.isprintable()) for char in label)


def _isbn(text: str) -> str:
    return re.sub(r"[\s-]+", "", text)


def _is_isbn10(text: str) -> bool:
    digits = _isbn(text)
    if not re.fullmatch("[0-9]{9}X|[0-9]{10}", digits):
        return False
    return sum((i + 1) * (10 if char == "X" else int(char)) for i, char in enumerate(digits)) % 11 == 0


def _is_isbn13(text: str) -> bool:
    digits = _isbn(text)
    if not re.fullmatch("[0-9]{13}", digits):
        return False
    total = sum(int(char) * (3 if i % 2 else 1) for i, char in enumerate(digits[:12]))
    return int(digits[12]) == (10 - total % 10) % 10


_CARD = re.compile(
    "4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    "|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11}"
)


def _is_card(text: str) -> bool:
    digits = re.sub("[^0-9]+", "", text)
    if not _CARD.fullmatch(digits):
        return False
    total = 0
    for place, char in enumerate(reversed(digits)):
        digit = int(char) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


_BYTE = r"(?:0|[1-9][0-9]?|1[0-9][0-9]?|2[0-4][0-9]|25[0-5])"

_CHECKS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matches("[0-9a-fA-F]{24}"),
    "uri": _is_uri,
    "email": lambda text: _MAILBOX.fullmatch(text) is not None,
    "hostname": _is_hostname,
    "ipv4": lambda text: "." in text and parse_ip(text) is not None,
    "ipv6": lambda text: ":" in text and parse_ip(text) is not None,
    "cidr": lambda text: parse_cidr(text) is not None,
    "mac": _is_mac,
    "uuid": _uuid(f"{_HEX}{{4}}", f"{_HEX}{{4}}"),
    "uuid3": _uuid(f"3{_HEX}{{3}}", f"{_HEX}{{4}}"),
    "uuid4": _uuid(f"4{_HEX}{{3}}", f"[89ab]{_HEX}{{3}}"),
    "uuid5": _uuid(f"5{_HEX}{{3}}", f"[89ab]{_HEX}{{3}}"),
    "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
    "isbn10": _is_isbn10,
    "isbn13": _is_isbn13,
    "creditcard": _is_card,
    "ssn": lambda text: len(text) == 11 and re.fullmatch(r"[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}", text) is not None,
    "hexcolor": _matches("#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _matches(rf"rgb\(\s*{_BYTE}\s*,\s*{_BYTE}\s*,\s*{_BYTE}\s*\)"),
    "byte": _matches("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"),
    "password": lambda _: True,
    "date": _is_date,
    "duration": _is_duration,
    "datetime": _is_date_time,
    "k8sshortname": lambda text: len(text) <= 63 and not names.dns_label(text),
    "k8slongname": lambda text: not names.dns_subdomain(text),
}


def check_of(name: str) -> Callable[[str], bool] | None:
    """The check of a format by its name (dashes do not count), or None where it is unknown and so means nothing."""
    return _CHECKS.get(name.replace("-", ""))


def counts(name: str, types: tuple[str, ...]) -> bool:
    """Whether the API server heeds the format on a schema of these types; others are dropped before checking."""
    kind = types[0] if len(types) == 1 else ""
    if kind in ("", "string"):
        return check_of(name) is not None
    if kind == "integer":
        return name in ("int32", "int64")
    return kind == "number" and name in ("float", "double")
