"""Waiting for one template or constraint over a watch, judged by `control.judge`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from gatewright.control.judge import Judge, State
from gatewright.core.clock import Now
from gatewright.core.errors import ClusterError, UserError
from gatewright.core.http import NoAnswer, Response
from gatewright.core.objects import Resource
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CONSTRAINTS_GROUP
from gatewright.kube import requests, statuses
from gatewright.runtime.transports import Transport

TEMPLATE_NAMES = ("constrainttemplate", "constrainttemplates")
LOOK = 0.5  # seconds: silence is news too, so the judge is asked again


class NotReached(ClusterError):
    """No API server answered, or it refused us."""

    usage = True


class NotServed(UserError):
    """A constraint kind that the API server doesn't serve."""


async def find(transport: Transport, kind: str, timeout: float, clock: Callable[[], Now]) -> Resource:
    """The resource of ConstraintTemplate or of a constraint kind, by any of its names, in any case, with or without
    its group (as kubectl takes and prints it).

    A kind that isn't served may be on its way: it is looked for again, for `timeout` seconds; then NotServed.
    """
    if kind.lower().removesuffix(f".{CONSTRAINT_TEMPLATES.group}") in TEMPLATE_NAMES:
        return CONSTRAINT_TEMPLATES
    bare = kind.lower().removesuffix(f".{CONSTRAINTS_GROUP}")
    end = clock().monotonic + timeout
    while True:
        found = await _served(transport, bare)
        if found is not None:
            return found
        if clock().monotonic + LOOK > end:
            mend = "apply its ConstraintTemplate, or check the spelling"
            raise NotServed(f"no constraint kind {kind!r} is served", mend=mend)
        await asyncio.sleep(LOOK)


async def _served(transport: Transport, kind: str) -> Resource | None:
    """The resource of a constraint kind (lower case) as discovery has it now."""
    answer = await transport.send(requests.discovery_resources(CONSTRAINTS_GROUP, "v1beta1"), "", 10.0)
    if isinstance(answer, NoAnswer):
        raise NotReached(f"no answer from the API server: {answer.cause}", mend="check --kubeconfig and the server")
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise NotReached(statuses.read(answer).message, mend="check the rights of the kubeconfig's user")
    for entry in json.loads(answer.body).get("resources") or ():
        names = (str(entry.get("kind")).lower(), entry.get("name"), entry.get("singularName"))
        if kind in names and "/" not in str(entry.get("name")):
            return Resource(CONSTRAINTS_GROUP, "v1beta1", entry["name"], entry["kind"])
    return None


async def wait_for(
    transport: Transport,
    resource: Resource,
    name: str,
    timeout: float,
    clock: Callable[[], Now],
    progress: Callable[[State], None],
) -> State:
    """Watch until the object is ready or has failed, or for `timeout` seconds; returns the last state."""
    judge = Judge()
    pending = b""

    def read(data: bytes) -> None:
        nonlocal pending
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            event = json.loads(line) if line.strip() else {}
            if event.get("type") in ("ADDED", "MODIFIED", "DELETED"):
                judge.see(clock().monotonic, event["type"], event["object"])

    end = clock().monotonic + timeout
    selector = f"metadata.name={name}"
    told = None
    while True:
        pending = b""
        watch = asyncio.ensure_future(transport.watch(requests.watch(resource, field_selector=selector), read))
        try:
            while not watch.done():
                await asyncio.wait((watch,), timeout=0.05)
                state = judge.state(resource.kind, name, clock().monotonic)
                if state != told:
                    progress(state)
                    told = state
                if state.outcome != "progressing" or clock().monotonic >= end:
                    return state
        finally:
            watch.cancel()
        outcome = watch.result()
        if isinstance(outcome, NoAnswer):
            raise NotReached(f"no answer from the API server: {outcome.cause}", mend="check the server")
        if isinstance(outcome, Response) and outcome.status in (401, 403):
            raise NotReached(statuses.read(outcome).message, mend="check the rights of the kubeconfig's user")
        await asyncio.sleep(LOOK)
