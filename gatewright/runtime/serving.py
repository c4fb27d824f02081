"""Listening sockets and the HTTP server that serves an ASGI application on one.

Sockets are bound before anything is announced, so a port in use is told in one line and a client that is told of a
port can connect.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

from gatewright.core.errors import UserError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 picks a free one. Raises UserError for a port in use or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(1024)
    except OSError as error:
        bound.close()
        raise UserError(f"can't listen on {host}:{port}: {error.strerror}", mend=_mend(error, port)) from error
    return bound


def _mend(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return "stop what uses the port, or choose another with --port (0 picks a free one)"
    if error.errno == errno.EACCES:
        return f"ports below 1024 need rights: choose another than {port} with --port"
    return "choose another address"


def port_of(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])


class _Server(uvicorn.Server):
    """Signals are the program's business, not the server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """An application on a bound socket, with TLS."""

    def __init__(self, app: App, bound: socket.socket, context: ssl.SSLContext | None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a client's rubbish is its own business
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
            ssl_context_factory=None if context is None else lambda _config, _default: context,
        )
        self._server = _Server(config)
        self._bound = bound

    async def serve(self) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=[self._bound])

    def stop(self) -> None:
        self._server.should_exit = True
