"""Kubernetes' URL library, with Go's parser: what is a URL is what net/url's ParseRequestURI takes.

Source: the documentation of Kubernetes' CEL URL library and of Go's package net/url.
"""

from __future__ import annotations

import re
from typing import Any

from gatewright.cel.declarations import Library, function, member, overload
from gatewright.cel.errors import EvalError
from gatewright.cel.libraries.formatting import quote
from gatewright.cel.types import BOOL, STRING, Type, list_of, map_of, struct
from gatewright.cel.values import Opaque

URL = struct("kubernetes.URL")

_PORT = re.compile(r"(?::[0-9]*)?", re.ASCII)
_ESCAPE = re.compile(r"%(?:[0-9a-fA-F]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_PATH = _UNRESERVED | frozenset("$&+,/:;=@")
_KEPT = _PATH | frozenset("!'()*[]")
_HOST = _UNRESERVED | frozenset("!$&'()*+,;=:[]<>\"")


class URLError(ValueError):
    """The text is no URL; str() is Go's error without `parse`."""


class Url(Opaque):
    """A parsed URL. path: unescaped; raw_path: as written where that differs from Go's own escaping."""

    __slots__ = ("fragment", "host", "opaque", "path", "query", "raw_path", "scheme", "user")
    cel_type: Type = URL

    def __init__(self) -> None:
        self.scheme = self.opaque = self.host = self.path = self.raw_path = ""
        self.query: str | None = None
        self.user = self.fragment = ""

    def escaped_path(self) -> str:
        """The path, escaped as it was written where that is valid."""
        if self.raw_path and _valid(self.raw_path) and _unescaped(self.raw_path, "path") == self.path:
            return self.raw_path
        return "*" if self.path == "*" else _escaped(self.path)

    def __str__(self) -> str:
        text = f"{self.scheme}:" if self.scheme else ""
        if self.opaque:
            text += self.opaque
        else:
            if self.scheme or self.host or self.user:
                text += "//" if self.host or self.path.startswith("/") or self.user else ""
                text += f"{self.user}@" if self.user else ""
                text += self.host
            text += self.escaped_path()
        if self.query is not None:
            text += f"?{self.query}"
        return text + (f"#{self.fragment}" if self.fragment else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def _valid(text: str) -> bool:
    return all(char in _KEPT or char == "%" for char in text)


def _escaped(text: str) -> str:
    return "".join(
        char if char in _PATH else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
        for char in text
    )


def _unescaped(text: str, mode: str) -> str:
    """Raises URLError for a bad escape, or for a character that a host may not have."""
    for match in _ESCAPE.finditer(text):
        if len(match.group()) == 1:
            raise URLError(f"invalid URL escape {quote(text[match.start() : match.start() + 3])}")
        if mode == "host" and int(match.group()[1], 16) < 8 and match.group() != "%25":
            raise URLError(f"invalid URL escape {quote(match.group())}")
    if mode in ("host", "zone"):
        for char in text:
            if char.isascii() and char not in _HOST and char != "%":
                raise URLError(f"invalid character {quote(char)} in host name")
    if mode == "query":
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    raw = re.sub(rb"%([0-9a-fA-F]{2})", lambda match: bytes([int(match.group(1), 16)]), text.encode())
    return raw.decode("utf-8", "surrogateescape")


def parse(text: str, request: bool) -> Url:
    """Parse as Go does. request: as ParseRequestURI, which wants an absolute URL or path. Raises URLError."""
    rest, fragment = text, ""
    if not request:
        rest, _, fragment = text.partition("#")
    if any(ord(char) < 0x20 or char == "\x7f" for char in rest):
        raise URLError("net/url: invalid control character in URL")
    if rest == "" and request:
        raise URLError("empty url")
    url = Url()
    if fragment:
        _unescaped(fragment, "fragment")
        url.fragment = fragment
    if rest == "*":
        url.path = "*"
        return url
    url.scheme, rest = _scheme(rest)
    if rest.endswith("?") and rest.count("?") == 1:
        url.query, rest = "", rest[:-1]
    else:
        rest, mark, query = rest.partition("?")
        url.query = query if mark else None
    return _after_scheme(url, rest, request)


def _scheme(text: str) -> tuple[str, str]:
    for at, char in enumerate(text):
        if char.isascii() and char.isalpha():
            continue
        if char.isascii() and (char.isdigit() or char in "+-."):
            if at == 0:
                return "", text
            continue
        if char == ":":
            if at == 0:
                raise URLError("missing protocol scheme")
            return text[:at].lower(), text[at + 1 :]
        return "", text
    return "", text


def _after_scheme(url: Url, rest: str, request: bool) -> Url:
    if not rest.startswith("/"):
        if url.scheme:
            url.opaque = rest
            return url
        if request:
            raise URLError("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise URLError("first path segment in URL cannot contain colon")
    if (url.scheme or (not request and not rest.startswith("///"))) and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        user, at, host = authority.rpartition("@")
        if at:
            if not all(char in _UNRESERVED or char in "-._:~!$&'()*+,;=%@" for char in user):
                raise URLError("net/url: invalid userinfo")
            _unescaped(user, "user")
            url.user = user
        url.host = _host(host)
    url.path = _unescaped(rest, "path")
    url.raw_path = "" if rest == _escaped(url.path) else rest
    return url


def _host(text: str) -> str:
    if text.startswith("["):
        end = text.rfind("]")
        if end < 0:
            raise URLError("missing ']' in host")
        _port(text[end + 1 :])
        zone = text[:end].find("%25")
        if zone >= 0:
            return _unescaped(text[:zone], "host") + _unescaped(text[zone:end], "zone") + text[end:]
    elif ":" in text:
        _port(text[text.rfind(":") :])
    return _unescaped(text, "host")


def _port(text: str) -> None:
    if not _PORT.fullmatch(text):
        raise URLError(f"invalid port {quote(text)} after host")


def _split_host(host: str) -> tuple[str, str]:
    name, port = host, ""
    at = host.rfind(":")
    if at >= 0 and _PORT.fullmatch(host[at:]):
        name, port = host[:at], host[at + 1 :]
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    return name, port


def _query(url: Url) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in (url.query or "").split("&"):
        if not part or ";" in part:
            continue
        key, _, value = part.partition("=")
        try:
            key, value = _unescaped(key, "query"), _unescaped(value, "query")
        except URLError:
            continue
        found.setdefault(key, []).append(value)
    return found


def request_error(text: str) -> str:
    """Why the text is no URL, as Go prints it; "" where it is one."""
    try:
        parse(text, True)
    except URLError as error:
        return f"parse {quote(text)}: {error}"
    return ""


def _url(text: str) -> Url:
    wrong = request_error(text)
    if wrong:
        raise EvalError(f"URL parse error during conversion from string: {wrong}")
    try:
        return parse(text, False)
    except URLError as error:
        raise EvalError(f"URL parse error during conversion from string: parse {quote(text)}: {error}") from None


def _get(name: str, overload_id: str, run: Any, result: Type = STRING) -> Any:
    return function(name, member(overload_id, (URL,), result, run))


LIBRARY = Library(
    functions=(
        function("url", overload("string_to_url", (STRING,), URL, _url)),
        _get("getScheme", "url_get_scheme", lambda url: url.scheme),
        _get("getHost", "url_get_host", lambda url: url.host),
        _get("getHostname", "url_get_hostname", lambda url: _split_host(url.host)[0]),
        _get("getPort", "url_get_port", lambda url: _split_host(url.host)[1]),
        _get("getEscapedPath", "url_get_escaped_path", lambda url: url.escaped_path()),
        _get("getQuery", "url_get_query", _query, map_of(STRING, list_of(STRING))),
        function("isURL", overload("is_url_string", (STRING,), BOOL, lambda text: not request_error(text))),
    )
)
