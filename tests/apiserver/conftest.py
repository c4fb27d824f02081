"""An embedded API server in a test: in process, under a virtual clock, with drawn bytes that repeat."""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gatewright import data
from gatewright.apiserver.config import Config, load
from gatewright.apiserver.driver import Engine
from gatewright.apiserver.watching import Watch, pump
from gatewright.core.clock import Now
from gatewright.core.http import Request, Response, User
from tests.replay.transport import Call, Reply

ADMIN = User("admin", "1", ("system:masters", "system:authenticated"))
START = 1_790_000_000.0


class VirtualClock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> Now:
        return Now(START + self.passed, 1000.0 + self.passed)


def drawing() -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_128(str(count).encode()).digest(size)

    return draw


class OpenStream:
    """A watch as `tests.replay` reads it: lines gather whenever the state changes; the rest comes when time has
    passed."""

    def __init__(self, transport: EngineTransport, answer: Response | Watch) -> None:
        self._transport = transport
        self._watch = answer if isinstance(answer, Watch) else None
        self._data = bytearray(b"" if isinstance(answer, Watch) else answer.body)
        self.head = Reply(answer.status, tuple(answer.headers))
        self._stop = transport.engine.listen(self._pump)
        self._pump()

    def _pump(self) -> None:
        if self._watch is None:
            return
        self._watch, lines, closed = pump(self._watch, self._transport.engine.state, self._transport.clock())
        self._data += b"".join(lines)
        if closed:
            self._watch = None

    def settle(self, quiet: float) -> None:
        self._pump()

    def rest(self, limit: float) -> bytes:
        if self._watch is not None:
            self._transport.clock.passed += max(0.0, self._watch.deadline - self._transport.clock().monotonic)
            self._pump()
        return bytes(self._data)

    def close(self) -> None:
        self._stop()
        self._watch = None


class EngineTransport:
    """Carries the requests of recorded scenarios into an Engine (tests.replay.transport.Transport)."""

    def __init__(self, config: Config) -> None:
        self.clock = VirtualClock()
        self.engine = Engine(config, clock=self.clock, draw=drawing())
        self.engine.boot()

    def ask(self, call: Call) -> Response | Watch:
        path, _, query = call.target.partition("?")
        request = Request(
            call.method,
            urllib.parse.unquote(path),
            tuple(urllib.parse.parse_qsl(query, keep_blank_values=True)),
            tuple((name.lower(), value) for name, value in call.headers.items()),
            call.body or b"",
        )
        return self.engine.run(request, ADMIN)

    def send(self, call: Call) -> Reply:
        answer = self.ask(call)
        if isinstance(answer, Watch):
            raise AssertionError(f"{call.target} opened a watch: use open()")
        return Reply(answer.status, tuple(answer.headers), answer.body)

    def open(self, call: Call) -> OpenStream:
        return OpenStream(self, self.ask(call))

    def pause(self, seconds: float) -> None:
        self.clock.passed += seconds
        self.engine.turn()


class Client:
    """A short way to ask an Engine in tests."""

    def __init__(self, transport: EngineTransport) -> None:
        self.transport = transport
        self.engine = transport.engine
        self.clock = transport.clock

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Response:
        """One request. options: query (mapping), headers (mapping), user."""
        import json

        headers = {"accept": "application/json", "user-agent": "test/1"}
        raw = b""
        if body is not None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["content-type"] = "application/json"
        given: Mapping[str, str] = options.get("headers") or {}
        headers.update(given)
        query = tuple((options.get("query") or {}).items())
        request = Request(method, path, query, tuple(headers.items()), raw)
        answer = self.engine.run(request, options.get("user") or ADMIN)
        assert isinstance(answer, Response)
        return answer


@pytest.fixture(scope="session")
def config() -> Config:
    """The configuration that every embedded server of these tests has."""
    return load(data.read)


@pytest.fixture
def transport(config: Config) -> EngineTransport:
    return EngineTransport(config)


@pytest.fixture
def client(transport: EngineTransport) -> Client:
    return Client(transport)


@pytest.fixture(scope="session")
def make_transport() -> type[EngineTransport]:
    """Makes a fresh embedded server for recorded scenarios."""
    return EngineTransport


COUNTS: list[str] = []


@pytest.fixture(scope="session")
def counts() -> list[str]:
    """Lines about how much of the recordings agrees, printed when the tests end."""
    return COUNTS


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if COUNTS:
        terminalreporter.section("recorded answers of the real API server")
        for line in sorted(COUNTS):
            terminalreporter.line(line)
