"""The embedded API server on the wire: an ASGI face over `apiserver.driver.Engine`, its webhook calls, and an
in-process transport.

Authentication is one random token of a system:masters user; everything else is the server's own business.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qsl

import aiohttp

from gatewright.apiserver import watching
from gatewright.apiserver.driver import Blocking, Engine
from gatewright.apiserver.effects import CallWebhook, Sleep
from gatewright.core.http import NoAnswer, Pairs, Request, Response, User
from gatewright.runtime.logs import tell
from gatewright.runtime.serving import Receive, Scope, Send

ADMIN = User("admin", "1", ("system:masters", "system:authenticated"))
INTERNAL_ERROR = Response(
    500,
    (("content-type", "application/json"),),
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Internal error occurred",'
    b'"reason":"InternalError","code":500}\n',
)
UNAUTHORIZED = Response(
    401,
    (("content-type", "application/json"),),
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized",'
    b'"reason":"Unauthorized","code":401}\n',
)
LARGEST_BODY = 3 * 1024 * 1024  # bytes, as the real server's limit
TOO_LARGE = Response(
    413,
    (("content-type", "application/json"),),
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
    b'"message":"Request entity too large: limit is %d","reason":"RequestEntityTooLarge","code":413}\n' % LARGEST_BODY,
)


class Face:
    """The ASGI application. `close` ends the open watches, so that the server can stop."""

    def __init__(self, engine: Engine, token: str) -> None:
        self._engine = engine
        self._token = token.encode()
        self._closing = asyncio.Event()

    def close(self) -> None:
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
        body = await _body(receive)
        query = tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        request = Request(scope["method"], scope["path"], query, headers, b"" if body is None else body)
        if body is None:
            await _answer(send, TOO_LARGE)
            return
        user = self._user(request)
        if user is None:
            await _answer(send, UNAUTHORIZED)
            return
        try:
            answer = await self._engine.serve(request, user)
        except Exception as error:  # a fault of ours: the client gets the Status of a server's panic, the process lives
            fields = (("method", request.method), ("path", request.path), ("cause", repr(error)))
            tell("error", "a request failed by a fault of ours", fields)
            answer = INTERNAL_ERROR
        if isinstance(answer, Response):
            await _answer(send, answer, request.method == "HEAD")
        else:
            await self._stream(answer, receive, send)

    def _user(self, request: Request) -> User | None:
        scheme, _, given = request.header("authorization").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return ADMIN if hmac.compare_digest(given.strip().encode(), self._token) else None

    async def _stream(self, watch: watching.Watch, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": watch.status, "headers": _raw(watch.headers)})
        gone = asyncio.ensure_future(_disconnected(receive))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            async for lines in pumped(self._engine, watch, (gone, closing)):
                await send({"type": "http.response.body", "body": b"".join(lines), "more_body": True})
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            closing.cancel()


async def pumped(
    engine: Engine, watch: watching.Watch, ends: tuple[asyncio.Future[Any], ...] = ()
) -> AsyncIterator[tuple[bytes, ...]]:
    """The lines of a watch as they come, until it closes or one of `ends` is done."""
    changed = asyncio.Event()
    stop = engine.listen(changed.set)
    try:
        while not any(end.done() for end in ends):
            changed.clear()
            watch, lines, closed = watching.pump(watch, engine.state, engine.now())
            if lines:
                yield lines
            if closed:
                return
            delay = None
            at = watch.wake_at()
            if at is not None:
                delay = max(0.0, at - engine.now().monotonic)
            waiter = asyncio.ensure_future(changed.wait())
            try:
                await asyncio.wait((waiter, *ends), timeout=delay, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
    finally:
        stop()


class InProcess:
    """A `transports.Transport` that hands requests to the engine without a socket."""

    def __init__(self, engine: Engine, user: User = ADMIN) -> None:
        self._engine = engine
        self._user = user

    async def send(self, request: Request, _address: str, timeout: float) -> Response | NoAnswer:
        try:
            answer = await asyncio.wait_for(self._engine.serve(request, self._user), timeout)
        except TimeoutError:
            return NoAnswer(f"no answer within {timeout:g} s")
        if isinstance(answer, Response):
            return answer
        return NoAnswer("the request was a watch", sent=False)

    async def watch(self, request: Request, on_data: Callable[[bytes], None]) -> Response | NoAnswer | str:
        answer = await self._engine.serve(request, self._user)
        if isinstance(answer, Response):
            return answer
        async for lines in pumped(self._engine, answer):
            on_data(b"".join(lines))
        return ""

    async def close(self) -> None:
        return None


async def turning(engine: Engine) -> None:
    """Let the server's own controllers run whenever they are due."""
    changed = asyncio.Event()
    stop = engine.listen(changed.set)
    try:
        while True:
            changed.clear()
            at = engine.turn()
            delay = None if at is None else max(0.0, at - engine.now().monotonic)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), delay)
    finally:
        stop()


class Outside:
    """What the engine waits for: admission webhooks over HTTPS, as the API server calls them, and sleeps."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[bytes, ssl.SSLContext] = {}

    async def __call__(self, effect: Blocking) -> Response | NoAnswer | None:
        if isinstance(effect, Sleep):
            await asyncio.sleep(effect.seconds)
            return None
        return await self._call(effect)

    async def _call(self, call: CallWebhook) -> Response | NoAnswer:
        if call.service is not None:
            return NoAnswer(f'no endpoints available for service "{call.service[1]}"', sent=False)
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        try:
            async with self._session.post(
                call.url,
                data=call.body,
                headers=dict(call.headers),
                ssl=self._context(call.ca_bundle),
                server_hostname=call.server_name or None,
                timeout=aiohttp.ClientTimeout(total=call.timeout),
                allow_redirects=False,
            ) as answer:
                headers = tuple((name.lower(), value) for name, value in answer.headers.items())
                return Response(answer.status, headers, await answer.read())
        except TimeoutError:
            return NoAnswer("context deadline exceeded")
        except aiohttp.ClientConnectorCertificateError as error:
            return NoAnswer(f"tls: failed to verify certificate: {error.certificate_error}", sent=False)
        except aiohttp.ClientConnectorError as error:
            return NoAnswer(f"dial tcp {error.host}:{error.port}: connect: {_plain(error.os_error)}", sent=False)
        except (aiohttp.ClientError, OSError) as error:
            return NoAnswer(str(error) or type(error).__name__)

    def _context(self, bundle: bytes) -> ssl.SSLContext:
        if bundle not in self._contexts:
            text = bundle.decode("ascii", "ignore") if bundle else None
            self._contexts[bundle] = ssl.create_default_context(cadata=text)
        return self._contexts[bundle]

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _plain(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


async def _body(receive: Receive) -> bytes | None:
    """The request's body, or None when it is larger than the server takes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: Send, answer: Response, head: bool = False) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": _raw(answer.headers)})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


def _raw(headers: Pairs) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers]
