"""How a request of a scenario travels: over HTTP(S) to any server, or into an ASGI app in this process.

Called by `pairs` through the two protocols `Transport` and `Stream`; a test may bring its own (one that steps a server
core, say). A transport adds nothing of its own but the token: method, target, headers and body are the recorded ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ssl
import threading
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
LIMIT = 60.0  # seconds for one answer: the API server itself gives up after 60


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it goes over the wire; `target` is path and query, already encoded."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came: header names in any case, in order, repeated ones repeated."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def values(self, name: str) -> list[str]:
        """All values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Stream(Protocol):
    """An open answer, read while other requests are made. Leaving it (`close`) ends the request if it still runs."""

    @property
    def head(self) -> Reply: ...

    def settle(self, quiet: float) -> None:
        """Wait until nothing came for `quiet` seconds, or the stream ended."""

    def rest(self, limit: float) -> bytes:
        """The whole body from its beginning: returns when the server ends it, at the latest after `limit` seconds."""

    def close(self) -> None: ...


class Transport(Protocol):
    """What a replay needs of a server."""

    def send(self, call: Call) -> Reply:
        """One request, one whole answer."""

    def open(self, call: Call) -> Stream:
        """Begin a request whose answer is read bit by bit; returns once the head of the answer is there."""

    def pause(self, seconds: float) -> None:
        """Let time pass on the server's clock (before a request is repeated)."""


@dataclass(slots=True)
class Buffer:
    """Bytes that one thread writes and another waits for."""

    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def write(self, chunk: bytes) -> None:
        with self._changed:
            self.data += chunk
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def settle(self, quiet: float) -> None:
        with self._changed:
            size = -1
            while not self.ended and size != len(self.data):
                size = len(self.data)
                self._changed.wait(quiet)

    def rest(self, limit: float) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self.ended, limit)
            return bytes(self.data)


class HttpTransport:
    """A server behind a base URL. Each request has its own connection, so nothing is ever sent twice.

    Without `ca` any certificate is accepted: servers under test make their own.
    """

    def __init__(self, base: str, token: str = "", ca: Path | None = None) -> None:
        parts = urllib.parse.urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base!r} is no base URL: give one such as https://127.0.0.1:6443")
        self._host, self._port = parts.hostname, parts.port
        self._token = token
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            self._tls = ssl.create_default_context(cafile=str(ca) if ca else None)
            if ca is None:
                self._tls.check_hostname = False
                self._tls.verify_mode = ssl.CERT_NONE

    def _begin(self, call: Call) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        if self._tls is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=LIMIT)
        else:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=LIMIT, context=self._tls)
        headers = dict(call.headers)
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(call.method, call.target, call.body, headers)
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def send(self, call: Call) -> Reply:
        connection, response = self._begin(call)
        with contextlib.closing(connection):
            return Reply(response.status, tuple(response.getheaders()), response.read())

    def open(self, call: Call) -> Stream:
        return _HttpStream(*self._begin(call))

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


class _HttpStream:
    """Reads an answer in a thread of its own, so that it is taken off the wire while other requests are made."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self.head = Reply(response.status, tuple(response.getheaders()))
        self._connection, self._response, self._buffer = connection, response, Buffer()
        self._socket = connection.sock
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while chunk := self._response.read1(65536):
                self._buffer.write(chunk)
        self._buffer.end()

    def settle(self, quiet: float) -> None:
        self._buffer.settle(quiet)

    def rest(self, limit: float) -> bytes:
        return self._buffer.rest(limit)

    def close(self) -> None:
        if not self._buffer.ended and self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(2)  # wakes the reader
        self._reader.join(5)
        self._response.close()
        self._connection.close()


App = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class AsgiTransport:
    """An ASGI app, run on an event loop in a thread of this transport's own. Use it as a context manager.

    Lifespan events are sent if the app takes them; an app that raises at that scope has none (ASGI specification).
    """

    def __init__(self, app: App, token: str = "") -> None:
        self._app, self._token = app, token
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._messages: asyncio.Queue[dict[str, Any]] | None = None
        self._life: asyncio.Task[None] | None = None

    def __enter__(self) -> AsgiTransport:
        self._thread.start()
        self._run(self._startup())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._shutdown())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T], limit: float = LIMIT) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(limit)

    async def _startup(self) -> None:
        self._messages = asyncio.Queue()
        said = asyncio.Event()

        async def live() -> None:
            async def send(_: Any) -> None:
                said.set()

            assert self._messages is not None
            with contextlib.suppress(Exception):  # raising means: this app has no lifespan
                await self._app({"type": "lifespan", "asgi": {"version": "3.0"}}, self._messages.get, send)
            said.set()

        self._life = asyncio.create_task(live())
        self._messages.put_nowait({"type": "lifespan.startup"})
        await said.wait()

    async def _shutdown(self) -> None:
        assert self._messages is not None
        assert self._life is not None
        self._messages.put_nowait({"type": "lifespan.shutdown"})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._life, 10)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def send(self, call: Call) -> Reply:
        stream = self.open(call)
        try:
            body = stream.rest(LIMIT)
            return Reply(stream.head.status, stream.head.headers, body)
        finally:
            stream.close()

    def open(self, call: Call) -> Stream:
        stream = _AsgiStream(self._loop)
        stream.begin(self._app, self._scope(call), call.body or b"")
        return stream

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def _scope(self, call: Call) -> dict[str, Any]:
        path, _, query = call.target.partition("?")
        headers = {key.lower(): value for key, value in call.headers.items()}
        headers.setdefault("host", "127.0.0.1")
        if call.body is not None:
            headers["content-length"] = str(len(call.body))
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "https",
            "method": call.method,
            "path": urllib.parse.unquote(path),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()],
            "client": ("127.0.0.1", 40000),
            "server": ("127.0.0.1", 443),
        }


class _AsgiStream:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._buffer, self._started = loop, Buffer(), threading.Event()
        self._head: Reply | None = None
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def head(self) -> Reply:
        assert self._head is not None
        return self._head

    def begin(self, app: App, scope: dict[str, Any], body: bytes) -> None:
        async def start() -> None:
            self._task = asyncio.create_task(self._serve(app, scope, body))

        asyncio.run_coroutine_threadsafe(start(), self._loop).result(LIMIT)
        if not self._started.wait(LIMIT):
            self.close()
            raise TimeoutError(f"no answer to {scope['method']} {scope['path']} within {LIMIT:.0f} s")
        if self._head is None:
            raise RuntimeError(f"the app gave no answer to {scope['method']} {scope['path']}") from self._error

    async def _serve(self, app: App, scope: dict[str, Any], body: bytes) -> None:
        given = False

        async def receive() -> dict[str, Any]:
            nonlocal given
            if given:
                await asyncio.Event().wait()  # the client stays until it is cancelled
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                pairs = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in message.get("headers", ()))
                self._head = Reply(message["status"], pairs)
            elif message["type"] == "http.response.body":
                self._buffer.write(message.get("body", b""))
                if not message.get("more_body", False):
                    self._buffer.end()
            self._started.set()

        try:
            await app(scope, receive, send)
        except Exception as error:
            self._error = error
        finally:
            self._buffer.end()
            self._started.set()

    def settle(self, quiet: float) -> None:
        self._buffer.settle(quiet)

    def rest(self, limit: float) -> bytes:
        return self._buffer.rest(limit)

    def close(self) -> None:
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
