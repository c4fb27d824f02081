"""HTTP requests and responses as values: what `kube` builds, `runtime` carries and `apiserver` answers.

Header names are lower case. A path is percent-decoded; a query is a tuple of decoded pairs in the order sent. Bodies
are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, as authentication found it (Kubernetes: UserInfo)."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""

    def header(self, name: str, default: str = "") -> str:
        return _first(self.headers, name, default)

    def argument(self, name: str, default: str = "") -> str:
        """The first value of a query argument."""
        return _first(self.query, name, default)

    @property
    def target(self) -> str:
        """Path and query as they stand in a request line, unescaped path."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. A watch's stream is not one: see `kube.listwatch` and `apiserver.watching`."""

    status: int
    headers: Pairs = ()
    body: bytes = b""

    def header(self, name: str, default: str = "") -> str:
        return _first(self.headers, name, default)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A request without an answer: refused, reset, timed out. `sent` False: surely never reached the server;
    True: unknown outcome.
    """

    cause: str
    sent: bool = field(default=True)


def _first(pairs: Pairs, name: str, default: str) -> str:
    for key, value in pairs:
        if key == name:
            return value
    return default
