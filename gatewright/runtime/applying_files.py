"""Manifests from files into a cluster, through its API, and a line for each template when it is Ready.

Used by `up`. Templates go first, then what needs their kinds; an object whose kind or namespace is not served yet is
tried again. What a folder gives is told in policies/README.md. Times are from the start of the command to the event
of a watch on the API.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.core.clock import Now
from gatewright.core.documents import read_objects
from gatewright.core.errors import UserError
from gatewright.core.http import Response
from gatewright.core.objects import Kind, Object, Resource, dig, metadata
from gatewright.kinds.resources import (
    CONFIG_GROUP,
    CONSTRAINT_TEMPLATES,
    CONSTRAINTS_GROUP,
    CRDS,
    SYNCSET_GROUP,
    TEMPLATES_GROUP,
)
from gatewright.kube import requests
from gatewright.reconcile import errors
from gatewright.runtime.transports import Transport

MANAGER = "gatewright-up"
POLICY_GROUPS = frozenset({TEMPLATES_GROUP, CONSTRAINTS_GROUP, CONFIG_GROUP, SYNCSET_GROUP})
SUFFIXES = (".yaml", ".yml", ".json")
PATIENCE = 20.0  # seconds that what may still come (a kind that one of the files defines, a namespace) is waited for
SHORT_PATIENCE = 2.0  # the same for a kind that none of the files defines
AGAIN = 0.05  # seconds between two tries


@dataclass(frozen=True, slots=True)
class Applied:
    """An object to apply and where it stands."""

    where: str
    thing: Object


def read_files(paths: tuple[Path, ...]) -> tuple[Applied, ...]:
    """The objects of files and folders, templates first. Raises UserError naming the file and the mend."""
    found: list[Applied] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder", mend="check the path")
        for file in _files(path):
            try:
                data = file.read_bytes()
            except OSError as error:
                raise UserError(f"{file}: {error.strerror}", mend="check its rights") from error
            documents = _documents(data, file, whole=path.is_file())
            found.extend(Applied(document.where, document.value) for document in documents)
    return tuple(sorted(found, key=lambda one: _rank(one.thing)))


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path).parts[:-1]
        if file.suffix in SUFFIXES and file.is_file() and "samples" not in inside:
            yield file


def _documents(data: bytes, file: Path, *, whole: bool) -> Iterator[Any]:
    if whole:
        yield from read_objects(data, str(file))
        return
    if file.name in ("suite.yaml", "suite.yml"):
        return
    for document in read_objects(data, str(file)):
        if Kind.of(document.value).group in POLICY_GROUPS:
            yield document


def _rank(thing: Object) -> int:
    group = Kind.of(thing).group
    return 0 if group == TEMPLATES_GROUP else 2 if group == CONSTRAINTS_GROUP else 1


async def apply_files(
    transport: Transport,
    files: tuple[Applied, ...],
    began: float,
    clock: Callable[[], Now],
    say: Callable[[str], None],
    complain: Callable[[str], None],
) -> None:
    """Apply everything and tell when each template is Ready or has failed; returns when all are told.

    Constraints go when the templates are told of: before, the webhook refuses them for want of their template.
    """
    defined = frozenset(_defined(one.thing) for one in files)
    first = tuple(one for one in files if Kind.of(one.thing).group != CONSTRAINTS_GROUP)
    templates = {str(metadata(one.thing)["name"]) for one in first if Kind.of(one.thing).group == TEMPLATES_GROUP}
    telling = asyncio.create_task(_tell_ready(transport, templates, began, clock, say, complain))
    try:
        refused = await _apply_all(transport, first, defined, clock, complain)
        templates -= {str(metadata(one.thing)["name"]) for one in refused}
        if templates:
            await telling
    finally:
        telling.cancel()
    rest = tuple(one for one in files if one not in first)
    await _apply_all(transport, rest, defined, clock, complain)


def _defined(thing: Object) -> str:
    """The kind that a template or a CRD brings; "" for other objects."""
    of_template = dig(thing, "spec", "crd", "spec", "names", "kind")
    return str(of_template or (Kind.of(thing).kind == CRDS.kind and dig(thing, "spec", "names", "kind")) or "")


async def _apply_all(
    transport: Transport,
    files: tuple[Applied, ...],
    defined: frozenset[str],
    clock: Callable[[], Now],
    complain: Callable[[str], None],
) -> tuple[Applied, ...]:
    """Apply objects beside each other; tells of those that can't be applied, and returns them."""
    outcomes = await asyncio.gather(*(_apply(transport, one, defined, clock) for one in files))
    refused = []
    for one, problem in zip(files, outcomes, strict=True):
        if problem:
            complain(f"{one.where}: {_named(one.thing)}: {problem}")
            refused.append(one)
    return tuple(refused)


async def _apply(transport: Transport, one: Applied, defined: frozenset[str], clock: Callable[[], Now]) -> str:
    """Apply one object; "" or why that can't be done."""
    began = clock().monotonic
    while True:
        problem, patience = await _try(transport, one.thing, defined)
        if clock().monotonic >= began + patience:
            return problem
        await asyncio.sleep(AGAIN)


async def _try(transport: Transport, thing: Object, defined: frozenset[str]) -> tuple[str, float]:
    """The problem, if any, and for how long it may pass by itself."""
    kind = Kind.of(thing)
    resource = await _resource(transport, kind)
    if resource is None:
        patience = PATIENCE if kind.kind in defined else SHORT_PATIENCE
        mend = "apply its template or CRD too, or check the spelling"
        return f"the API server serves no {kind.kind} in {kind.api_version} - {mend}", patience
    if resource.namespaced and not metadata(thing).get("namespace"):
        thing = {**thing, "metadata": {**metadata(thing), "namespace": "default"}}
    answer = await transport.send(requests.apply(resource, thing, manager=MANAGER), "", 30.0)
    verdict = errors.of_write(answer)
    if verdict.outcome is errors.Outcome.DONE:
        return "", 0.0
    return verdict.message, 0.0 if verdict.outcome is errors.Outcome.TERMINAL else PATIENCE


async def _resource(transport: Transport, kind: Kind) -> Resource | None:
    answer = await transport.send(requests.discovery_resources(kind.group, kind.version), "", 30.0)
    if not isinstance(answer, Response) or answer.status != 200:
        return None
    for entry in json.loads(answer.body).get("resources") or ():
        if entry.get("kind") == kind.kind and "/" not in entry.get("name", "/"):
            return Resource(kind.group, kind.version, entry["name"], kind.kind, bool(entry.get("namespaced")))
    return None


async def _tell_ready(
    transport: Transport,
    wanted: set[str],
    began: float,
    clock: Callable[[], Now],
    say: Callable[[str], None],
    complain: Callable[[str], None],
) -> None:
    """Watch the templates and say each one's outcome once; `wanted` may shrink meanwhile."""
    told: set[str] = set()
    pending = b""

    def read(data: bytes) -> None:
        nonlocal pending
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            if line.strip():
                _tell(json.loads(line), wanted, told, clock().monotonic - began, say, complain)
        if wanted <= told:
            raise _AllTold

    while not wanted <= told:
        try:
            pending = b""
            await transport.watch(requests.watch(CONSTRAINT_TEMPLATES), read)
        except _AllTold:
            return
        await asyncio.sleep(AGAIN)


class _AllTold(Exception):
    """Every template was told of: the watch can end."""


def _tell(
    event: dict[str, Any],
    wanted: set[str],
    told: set[str],
    seconds: float,
    say: Callable[[str], None],
    complain: Callable[[str], None],
) -> None:
    thing = event.get("object") or {}
    name = str(metadata(thing).get("name"))
    if event.get("type") not in ("ADDED", "MODIFIED") or name not in wanted or name in told:
        return
    for condition in dig(thing, "status", "conditions") or ():
        current = condition.get("observedGeneration") == metadata(thing).get("generation")
        if condition.get("type") != "Ready" or not current:
            continue
        if condition.get("status") == "True":
            told.add(name)
            say(f"{name} Ready after {seconds:.2f} s")
        elif condition.get("reason") == "Failed":
            told.add(name)
            complain(f"ConstraintTemplate {name} failed: {condition.get('message')}")


def _named(thing: Object) -> str:
    return f"{Kind.of(thing).kind} {metadata(thing).get('name')}"
