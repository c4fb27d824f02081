"""The webhook server: bytes in, `control.admission` decides on the published snapshot, bytes out.

Fetches what a decision needs (a Namespace that is not in the cache), within a bound, and decides again on the same
snapshot.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace

from gatewright.control import admission
from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer
from gatewright.core.objects import Name, Object
from gatewright.core.settings import Settings
from gatewright.kinds.resources import NAMESPACES
from gatewright.kube import requests, statuses
from gatewright.policy.snapshot import Snapshot
from gatewright.runtime import clock
from gatewright.runtime.logs import tell
from gatewright.runtime.serving import Receive, Scope, Send
from gatewright.runtime.transports import Transport

HOLD = 2.0  # seconds that a review waits for a process that is only starting
ROUNDS = 4  # how often one review may ask for more before it fails
JSON_TYPE = ((b"content-type", b"application/json"),)
REVIEWS = "gatekeeper_validation_request_count"


class Webhooks:
    """The ASGI application of the webhook's port."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        settings: Settings,
        transport: Transport,
        read_clock: Callable[[], Now],
        count: Callable[[str, tuple[tuple[str, str], ...], float], None],
        caught_up: asyncio.Event,
    ) -> None:
        self._caught_up = caught_up
        self._snapshot = snapshot
        self._settings = settings
        self._transport = transport
        self._clock = read_clock
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _read(receive)
        content_type = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"content-type"), "")
        path = scope["path"]
        if path == admission.ADMIT and not await self._ready():
            text = b"policies that stood before this process are still being loaded\n"
            await _send(send, 503, text, ((b"content-type", b"text/plain; charset=utf-8"),))
            return
        try:
            answer = await self._decide(path, body, content_type)
        except Exception as error:  # a fault of ours must not look like a broken connection
            tell("error", "a review failed by a fault of ours", (("path", path), ("cause", repr(error))))
            answer = admission.crashed(body, content_type, type(error).__name__)
        if answer is None:
            await _send(send, 404, b"404 page not found\n", ((b"content-type", b"text/plain; charset=utf-8"),))
            return
        if answer.outcome is not admission.Outcome.UNCOUNTED:
            self._count(REVIEWS, (("admission_status", answer.outcome.value),), 1)
        if self._settings.log_denies:
            _log(answer)
        await _send(send, 200, answer.body, JSON_TYPE)

    async def _ready(self) -> bool:
        """Whether reviews may be answered; waits a little for it. No answer at all is left to the failurePolicy, where
        an answer from half of the policies would be a lie."""
        if not self._caught_up.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._caught_up.wait(), HOLD)
        return self._caught_up.is_set()

    async def _decide(self, path: str, body: bytes, content_type: str) -> admission.Answer | None:
        if path == admission.ADMIT:
            return await self._admit(body, content_type)
        if path == admission.ADMIT_LABEL:
            return admission.admit_label(body, content_type, self._settings)
        if path.startswith(admission.PROBE):
            return admission.probe(path, body, content_type, self._settings.pod)
        return None

    async def _admit(self, body: bytes, content_type: str) -> admission.Answer:
        policies = self._snapshot()
        seed = int.from_bytes(clock.draw(8), "big")
        fetched = admission.Fetched(now_ns=int(self._clock().wall * 1e9), seed=seed)
        for _ in range(ROUNDS):
            answer = admission.admit(body, content_type, policies, self._settings, fetched)
            if isinstance(answer, admission.Answer):
                return answer
            found = {name: await self._namespace(name) for name in answer.namespaces}
            fetched = replace(fetched, namespaces={**fetched.namespaces, **found})
        return admission.crashed(body, content_type, f"the review asked for more than {ROUNDS} times")

    async def _namespace(self, name: str) -> Object | str:
        """The Namespace by a live read, or why there is none."""
        answer = await self._transport.send(requests.get(NAMESPACES, Name("", name)), "", 2.0)
        if isinstance(answer, NoAnswer):
            return answer.cause
        if answer.status != 200:
            return statuses.read(answer).message
        found: Object = json.loads(answer.body)
        return found


def _log(answer: admission.Answer) -> None:
    call = answer.call
    for result in answer.results:
        fields = (
            ("event_type", "violation"),
            ("constraint_name", result.name),
            ("constraint_action", ",".join(result.actions)),
            ("resource_name", call.name if call else ""),
            ("resource_namespace", call.namespace if call else ""),
            ("resource_kind", call.kind if call else ""),
            ("request_username", call.username if call else ""),
        )
        tell("info", f"denied admission: {result.msg}", fields)


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
