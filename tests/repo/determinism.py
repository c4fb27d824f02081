"""One deterministic run through the rooms that decide, as names and digests: `python -m tests.repo.determinism`.

test_seeds.py runs it under two hash seeds and wants the same lines. With a section's name as argument the run prints
what the section is made of, to find what differs.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from gatewright import data
from gatewright.apiserver import config
from gatewright.control.registry import CONTROLLERS
from gatewright.core.clock import Now
from gatewright.core.documents import read_documents
from gatewright.core.http import Request
from gatewright.core.objects import Kind, Name
from gatewright.core.settings import Settings
from gatewright.kinds.install import installed_crds
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CONSTRAINTS_GROUP, constraint_resource
from gatewright.kinds.templates import read_template
from gatewright.kube import requests
from gatewright.policy.compiling import Compiled, compile_source, source_of
from gatewright.policy.crd_generation import constraint_crd
from gatewright.policy.policies import Policies
from gatewright.reconcile import events, shell
from gatewright.sim import world as worlds
from gatewright.sim.process import Process
from tests.repo.sources import ROOT

POLICIES = ROOT / "policies"
MOVES = 20_000  # a bound: the scenario ends long before


def _objects(pattern: str) -> Iterator[Any]:
    for path in sorted(POLICIES.glob(pattern)):
        for document in read_documents(path.read_bytes(), str(path)):
            yield document.value


def crds() -> Iterator[str]:
    """The CRDs of our kinds, and of each starter policy's constraints."""
    for crd in installed_crds():
        yield json.dumps(crd)
    for template in _objects("*/template.yaml"):
        yield json.dumps(constraint_crd(read_template(template)))


def compiled() -> Iterator[str]:
    """What each starter policy's Rego is compiled to."""
    for template in _objects("*/template.yaml"):
        outcome = compile_source(source_of(read_template(template), Settings()).text)
        assert isinstance(outcome, Compiled), outcome
        yield f"{outcome.digest} {outcome.reads_inventory} {hashlib.sha256(outcome.artefact).hexdigest()}"


def verdicts() -> Iterator[str]:
    """What the starter policies say of their samples."""
    policies = Policies(_objects("*/template.yaml"), _objects("*/constraint.yaml"))
    for thing in _objects("*/samples/*.yaml"):
        if Kind.of(thing).kind != "AdmissionReview" and Kind.of(thing).group != CONSTRAINTS_GROUP:
            for result in policies.review(thing, now_ns=1, seed=1):
                yield f"{result.kind}/{result.name} {result.msg} {json.dumps(result.metadata, default=repr)}"


def first_effects() -> Iterator[str]:
    """What a shell asks for when it starts, and when nothing answers."""
    now = Now(1_790_000_000.0, 1000.0)
    held, effects = shell.step(shell.Shell.new(CONTROLLERS, Settings(), seed=7, strict=True), events.Started(), now)
    yield from map(repr, effects)
    for at in range(1, 20):
        held, effects = shell.step(held, events.TimerFired(1000.0 + at), Now(1_790_000_000.0 + at, 1000.0 + at))
        yield from map(repr, effects)
    yield held.digest().hex()


def cluster() -> Iterator[str]:
    """A whole cluster on the fair schedule: the starter policies applied, made Ready, and deleted again."""
    settings = Settings(webhook_url="https://webhook.invalid")
    world = worlds.begin(config.load(data.read), [Process.new(settings, seed=3)])
    for path in ("/api", "/apis", "/openapi/v3"):
        yield from _ask(world, Request("GET", path, headers=(("accept", "application/json"),)))
    world = yield from _settle(world, 30.0)
    templates = list(_objects("*/template.yaml"))
    constraints = [(constraint_resource(one["kind"]), one) for one in _objects("*/constraint.yaml")]
    for template in templates:
        world = yield from _change(world, requests.apply(CONSTRAINT_TEMPLATES, template, manager="test"))
    world = yield from _settle(world, 60.0)
    for resource, constraint in constraints:
        world = yield from _change(world, requests.apply(resource, constraint, manager="test"))
    world = yield from _settle(world, 60.0)
    for resource, _ in constraints:
        yield from _ask(world, requests.list_page(resource))
    yield from _ask(world, requests.list_page(CONSTRAINT_TEMPLATES))
    for template in templates:
        world = yield from _change(world, requests.delete(CONSTRAINT_TEMPLATES, Name.of(template)))
    world = yield from _settle(world, 60.0)
    yield world.digest().hex()


def _settle(world: worlds.World, seconds: float) -> Any:
    """Take the first move again and again, until that much time has gone by; gives the digest after each hundred."""
    end = world.time + seconds
    for count in range(MOVES):
        moves = worlds.moves(world)
        if not moves or (moves[0][0] == "time" and moves[0][1] > end):
            break
        world = worlds.take(world, moves[0])
        if count % 100 == 0:
            yield f"{count} {moves[0]} {world.digest().hex()}"
    else:
        raise AssertionError("the cluster does not come to rest")
    return worlds.take(world, ("time", end))


def _change(world: worlds.World, request: Request) -> Any:
    world, answer = worlds.perform(world, "user", request)
    assert answer.status < 300, answer
    yield answer.body.decode()
    return world


def _ask(world: worlds.World, request: Request) -> Iterator[str]:
    _, answer = worlds.perform(world, "user", request)
    assert answer.status == 200, answer
    yield answer.body.decode()


SECTIONS: dict[str, Callable[[], Iterator[str]]] = {
    "crds": crds,
    "compiled": compiled,
    "verdicts": verdicts,
    "first-effects": first_effects,
    "cluster": cluster,
}


def main() -> None:
    """Print `section lines digest` for each section, or the lines of one."""
    if len(sys.argv) > 1:
        for line in SECTIONS[sys.argv[1]]():
            sys.stdout.write(f"{line}\n")
        return
    for name, section in SECTIONS.items():
        digest, lines = hashlib.sha256(), 0
        for line in section():
            digest.update(line.encode() + b"\n")
            lines += 1
        sys.stdout.write(f"{name} {lines} {digest.hexdigest()}\n")


if __name__ == "__main__":
    main()
