"""The webhook's application: paths, and reviews that come before the policies."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request
from gatewright.core.settings import Settings
from gatewright.policy.snapshot import Snapshot
from gatewright.runtime import webhooks

REVIEW = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "r1",
        "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "resource": {"group": "", "version": "v1", "resource": "configmaps"},
        "operation": "CREATE",
        "name": "c",
        "userInfo": {},
        "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}},
    },
}


class Nothing:
    """A transport without an API server."""

    async def send(self, _request: Request, _address: str, _timeout: float) -> NoAnswer:
        return NoAnswer("refused")

    async def watch(self, _request: Request, _on_data: Any) -> NoAnswer:
        return NoAnswer("refused")

    async def close(self) -> None:
        return None


async def post(application: webhooks.Webhooks, path: str, body: bytes) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": [(b"content-type", b"application/json")]}
    await application(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


def answered(path: str, *, caught_up: bool, later: bool = False) -> tuple[int, bytes]:
    """The answer to a review; with `later`, the policies come while it waits."""

    async def run() -> tuple[int, bytes]:
        event = asyncio.Event()
        if caught_up:
            event.set()
        application = webhooks.Webhooks(Snapshot, Settings(), Nothing(), lambda: Now(0.0, 0.0), lambda *_: None, event)
        review = asyncio.create_task(post(application, path, json.dumps(REVIEW).encode()))
        if later:
            await asyncio.sleep(0)
            event.set()
        return await review

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "caught_up", "later", "status"),
    [
        pytest.param("/v1/admit", True, False, 200, id="ready"),
        pytest.param("/v1/admit", False, True, 200, id="waited-for"),
        pytest.param("/v1/admit", False, False, 503, id="not-in-time"),
        pytest.param("/v1/admitlabel", False, False, 200, id="the-label-needs-no-policy"),
        pytest.param("/v1/probe/x", False, False, 200, id="the-probe-neither"),
        pytest.param("/v1/nonsense", True, False, 404, id="unknown"),
    ],
)
def test_reviews_before_the_policies(
    monkeypatch: pytest.MonkeyPatch, path: str, caught_up: bool, later: bool, status: int
) -> None:
    """What an empty snapshot would say is not said; the failurePolicy decides then."""
    monkeypatch.setattr(webhooks, "HOLD", 60.0 if later else 0.001)
    found, body = answered(path, caught_up=caught_up, later=later)
    assert found == status
    if status == 200:
        assert json.loads(body)["response"]["allowed"] is True
