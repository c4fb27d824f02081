"""`gatewright up`: the embedded API server, all controllers and the webhook in one process on loopback.

The files are applied through the API like any user's, and what is printed comes from a watch on the API, over TLS, as
a user's client would see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from gatewright import data
from gatewright.apiserver.boot import APISERVER
from gatewright.apiserver.config import FAST, REAL, Timing, load
from gatewright.apiserver.driver import Engine
from gatewright.core.errors import UserError
from gatewright.core.http import Request
from gatewright.core.settings import Settings
from gatewright.kinds.resources import ENDPOINT_SLICES
from gatewright.runtime import certificates, clock, kubeconfigs, serving, store
from gatewright.runtime.applying_files import Applied, apply_files
from gatewright.runtime.embedded import Face, InProcess, Outside, turning
from gatewright.runtime.process import Process
from gatewright.runtime.signals import stop_signal
from gatewright.runtime.transports import TcpTransport

HOST = "127.0.0.1"
NAMES = (HOST, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.0.0.1")
TIMINGS: dict[str, Timing] = {"fast": FAST, "real": REAL}


@dataclass(frozen=True, slots=True)
class Wishes:
    """The arguments of `up` and `apiserver`.

    data_dir: None keeps the state in memory; say: prints one line for the user; complain: one line on stderr
    """

    port: int
    kubeconfig: Path
    timing: str
    data_dir: Path | None
    say: Callable[[str], None]
    complain: Callable[[str], None]


class EmbeddedServer:
    """The API server alone, listening with TLS and a token."""

    def __init__(self, wishes: Wishes) -> None:
        folder = self._folder = None if wishes.data_dir is None else store.Folder(wishes.data_dir)
        state = None if folder is None else folder.load()
        self._bound = _bind(wishes.port, 0 if folder is None else folder.port())
        self.port = serving.port_of(self._bound)
        self.url = f"https://{HOST}:{self.port}"
        wall = clock.now().wall
        fresh = secrets.token_urlsafe(32)
        self.ca = certificates.authority(wall) if folder is None else folder.authority(wall)
        self.token = fresh if folder is None else folder.token(fresh)
        pair = certificates.leaf(self.ca, wall, NAMES, "kube-apiserver")
        self._outside = Outside()
        config = load(data.read, timing=TIMINGS[wishes.timing], address=f"{HOST}:{self.port}")
        self.engine = Engine(
            config,
            clock=clock.now,
            draw=clock.draw,
            state=state,
            carry=self._outside,
            spawn=lambda work: asyncio.ensure_future(work),
            record=None if folder is None else lambda change: folder.record(self.engine.state, change),
        )
        self.engine.boot()
        if folder is not None:
            self._tell_address()
            folder.keep_port(self.port)
        self._face = Face(self.engine, self.token)
        self._listener = serving.Listener(self._face, self._bound, certificates.server_context(pair))
        kubeconfigs.write(wishes.kubeconfig, self.url, self.ca.certificate, self.token)

    async def serve(self) -> None:
        controllers = asyncio.create_task(turning(self.engine))
        try:
            await self._listener.serve()
        finally:
            controllers.cancel()
            await self._outside.close()
            if self._folder is not None:
                self._folder.close()

    def stop(self) -> None:
        self._face.close()
        self._listener.stop()

    def _tell_address(self) -> None:
        """Where this server is now, as a real one keeps its endpoints: it may have come back on another port."""
        slice_ = {
            "endpoints": [{"addresses": [HOST], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": self.port, "protocol": "TCP"}],
        }
        headers = (("content-type", "application/merge-patch+json"), ("user-agent", "kube-apiserver/v1"))
        path = ENDPOINT_SLICES.path("default", "kubernetes")
        self.engine.run(Request("PATCH", path, (), headers, json.dumps(slice_).encode()), APISERVER)

    def client(self) -> TcpTransport:
        """A client over the wire, with the administrator's token."""
        context = ssl.create_default_context(cadata=self.ca.certificate.decode())
        return TcpTransport(self.url, lambda: {"authorization": f"Bearer {self.token}"}, context)


def _bind(port: int, before: int) -> socket.socket:
    """The wanted port; where any will do, that of the last time if it is free, so that old kubeconfigs fit."""
    if not port and before:
        with contextlib.suppress(UserError):
            return serving.bind(HOST, before)
    return serving.bind(HOST, port)


async def run_apiserver(wishes: Wishes) -> None:
    """`gatewright apiserver`: the API server alone until a signal."""
    server = EmbeddedServer(wishes)
    stopping = stop_signal()
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        wishes.say(f"API server at {server.url}")
        wishes.say(f"export KUBECONFIG={wishes.kubeconfig}")
        await stopping.wait()
        server.stop()


async def run_up(wishes: Wishes, settings: Settings, files: tuple[Applied, ...]) -> None:
    """Everything in one process until a signal."""
    began = clock.now().monotonic
    server = EmbeddedServer(wishes)
    wall = clock.now().wall
    webhook = serving.bind(HOST, 0)
    pair = certificates.leaf(server.ca, wall, (HOST, "localhost"), "gatewright-webhook")
    url = f"https://{HOST}:{serving.port_of(webhook)}"
    settings = replace(settings, webhook_url=url, webhook_ca=server.ca.certificate.decode())
    process = Process(settings, InProcess(server.engine), (webhook, pair))
    stopping = stop_signal()
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        group.create_task(process.run())
        client = server.client()
        try:
            await _unless(stopping, apply_files(client, files, began, clock.now, wishes.say, wishes.complain))
            if not stopping.is_set():
                _tell_how(wishes, server.url)
            await stopping.wait()
        finally:
            wishes.say("stopping")
            await client.close()
            await process.stop()
            server.stop()


def _tell_how(wishes: Wishes, url: str) -> None:
    wishes.say(f"API server at {url}; in another terminal:")
    wishes.say(f"  export KUBECONFIG={wishes.kubeconfig}")
    wishes.say("  kubectl get constrainttemplates")
    wishes.say("Ctrl-C stops it.")


async def _unless(stopping: asyncio.Event, work: object) -> None:
    """Do the work, or leave it when the user wants to stop."""
    doing = asyncio.ensure_future(work)  # type: ignore[call-overload]
    waiting = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((doing, waiting), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
    finally:
        for one in (doing, waiting):
            one.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await one
