"""How requests reach an API server: over TCP, or in process.

Both carry values of `core.http`; what an answer means is decided elsewhere. Time-outs live here: every request gets
an answer or a NoAnswer.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol
from urllib.parse import quote, urlencode

import aiohttp
import yarl

from gatewright.core.http import NoAnswer, Request, Response

IN_CLUSTER_NAME = "kubernetes.default.svc"  # what an API server's certificate bears, whatever its address


class Transport(Protocol):
    async def send(self, request: Request, address: str, timeout: float) -> Response | NoAnswer:
        """One request to HOST:PORT, or to the server we talk to where address is ""."""
        ...

    async def watch(self, request: Request, on_data: Callable[[bytes], None]) -> Response | NoAnswer | str:
        """Read a watch until it ends. Returns the answer of a server that refused it, NoAnswer when it could not be
        opened, and otherwise why
        it ended: "" for a clean close."""
        ...

    async def close(self) -> None: ...


class TcpTransport:
    """Over HTTPS with keep-alive.

    base: URL of the server; headers: for every request, read anew each time (a token may be refreshed); context: TLS,
          None for http
    """

    def __init__(self, base: str, headers: Callable[[], dict[str, str]], context: ssl.SSLContext | None) -> None:
        self._base = base.rstrip("/")
        self._headers = headers
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True)
        return self._session

    def _target(self, request: Request, address: str) -> tuple[yarl.URL, str | None]:
        base = f"https://{address}" if address else self._base
        query = f"?{urlencode(request.query)}" if request.query else ""
        url = yarl.URL(base + quote(request.path) + query, encoded=True)
        return url, IN_CLUSTER_NAME if address else None

    async def send(self, request: Request, address: str, timeout: float) -> Response | NoAnswer:
        url, server_name = self._target(request, address)
        try:
            async with self._open().request(
                request.method,
                url,
                data=request.body or None,
                headers={**self._headers(), **dict(request.headers)},
                ssl=self._context if self._context is not None else True,
                server_hostname=server_name,
                timeout=aiohttp.ClientTimeout(total=timeout),
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                return Response(answer.status, _headers(answer), body)
        except aiohttp.ClientConnectorError as error:
            return NoAnswer(_cause(error), sent=False)
        except TimeoutError:
            return NoAnswer(f"no answer within {timeout:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return NoAnswer(_cause(error))

    async def watch(self, request: Request, on_data: Callable[[bytes], None]) -> Response | NoAnswer | str:
        url, server_name = self._target(request, "")
        opened = False
        try:
            async with self._open().request(
                request.method,
                url,
                headers={**self._headers(), **dict(request.headers)},
                ssl=self._context if self._context is not None else True,
                server_hostname=server_name,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            ) as answer:
                if answer.status != 200:
                    return Response(answer.status, _headers(answer), await answer.read())
                opened = True
                async for data in answer.content.iter_any():
                    on_data(data)
                return ""
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            cause = _cause(error)
            return cause if opened else NoAnswer(cause, sent=False)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # lets the connector's callbacks run before the loop ends


def _headers(answer: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in answer.headers.items())


def _cause(error: Exception) -> str:
    """Why there is no answer, for a user: without the objects that aiohttp's own text shows."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"{error.host}:{error.port}: its certificate is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"can't connect to {error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    return str(error) or type(error).__name__
