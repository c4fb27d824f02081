"""The worlds that are explored: who lives in them, what the users do, what is at fault.

A world begins installed: our CRDs stand, the processes are settled, so that schedules spend their steps on the
lifecycle. Users are scripts of requests, each sent when the one before was answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gatewright import data
from gatewright.apiserver.config import Config, load
from gatewright.apiserver.effects import CallWebhook
from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Object, Resource, uid
from gatewright.core.settings import Settings
from gatewright.kinds.install import installed_crds
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CRDS, NAMESPACES, PODS, constraint_resource
from gatewright.sim import explore
from gatewright.sim.gatekeeper.manager import Manager
from gatewright.sim.invariants import Oracle
from gatewright.sim.process import Process
from gatewright.sim.world import Ask, Heard, Member, Own, World, begin

WEBHOOK = "https://webhook.example.com"
REGO = """package demo
violation[{"msg": msg}] {
  input.review.object.metadata.labels.forbidden == input.parameters.value
  msg := sprintf("the label forbidden may not be %v", [input.parameters.value])
}
"""
BROKEN_REGO = "package demo\nviolation[{"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world ready to be explored, and what is known of it."""

    name: str
    world: World
    oracle: Oracle


@dataclass(frozen=True, slots=True)
class User:
    """A script of requests: the next is sent when the one before was answered; a 404 of a kind not served yet
    is tried again.
    """

    name: str
    script: tuple[Request, ...]
    sent: int = 0
    waiting: bool = False
    started: bool = False
    again_at: float | None = None

    def begin(self, now: Now) -> tuple[Member, tuple[Any, ...]]:
        return self, ()

    def hear(self, event: Any, now: Now) -> tuple[Member, tuple[Any, ...]]:
        if isinstance(event, Own):
            return replace(self, waiting=True, started=True), (Ask(self.sent, self.script[self.sent]),)
        if isinstance(event, Heard):
            answer = event.answer
            fine = isinstance(answer, Response) and (answer.status < 300 or answer.status == 409)
            gone = isinstance(answer, Response) and answer.status == 404 and self.script[self.sent].method == "DELETE"
            if fine or gone:
                return replace(self, waiting=False, sent=self.sent + 1), ()
            return replace(self, waiting=False, again_at=now.monotonic + 0.05), ()
        return replace(self, again_at=None), ()

    def own_moves(self, now: Now) -> tuple[Any, ...]:
        ready = not self.waiting and self.again_at is None and self.sent < len(self.script)
        return (("next", self.sent),) if ready else ()

    def wake_at(self) -> float | None:
        return self.again_at

    def serve(self, call: CallWebhook, now: Now) -> Response | NoAnswer | None:
        return None

    def crashed(self) -> User:
        return self

    def digest(self) -> bytes:
        return repr((self.sent, self.waiting, self.again_at)).encode()


# --- objects


def template(kind: str, *, rego: str = REGO, native: bool = False, faulty: bool = False) -> dict[str, Any]:
    """A ConstraintTemplate with one parameter."""
    code: list[dict[str, Any]] = [{"engine": "Rego", "source": {"rego": rego}}]
    if native:
        validation = {"expression": "true", "message": "never"}
        code = [{"engine": "K8sNativeValidation", "source": {"validations": [validation], "generateVAP": True}}]
    labels = {"labels": {"sim.example.com/faulty": "yes"}} if faulty else {}
    schema = {"type": "object", "properties": {"value": {"type": "string"}}}
    return {
        "apiVersion": CONSTRAINT_TEMPLATES.api_version,
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower(), **labels},
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}, "validation": {"openAPIV3Schema": schema}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "code": code}],
        },
    }


def constraint(kind: str, name: str, value: str = "bad") -> dict[str, Any]:
    spec = {"match": {"kinds": [{"apiGroups": [""], "kinds": ["ConfigMap"]}]}, "parameters": {"value": value}}
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def post(resource: Resource, thing: Mapping[str, Any], namespace: str = "") -> Request:
    return _write("POST", resource.path(namespace), thing, "application/json")


def _pod(name: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "manager", "image": "example.com/manager:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def relabel(resource: Resource, name: str, value: str) -> Request:
    patch = {"metadata": {"annotations": {"example.com/touched": value}}}
    return _write("PATCH", resource.path("", name), patch, "application/merge-patch+json")


def change(resource: Resource, name: str, spec: Mapping[str, Any]) -> Request:
    return _write("PATCH", resource.path("", name), {"spec": spec}, "application/merge-patch+json")


def delete(resource: Resource, name: str) -> Request:
    return _write("DELETE", resource.path("", name), {"propagationPolicy": "Background"}, "application/json")


def _write(method: str, path: str, body: Mapping[str, Any], kind: str) -> Request:
    headers = (("content-type", kind), ("accept", "application/json"))
    return Request(method, path, (("fieldManager", "user"),), headers, json.dumps(body).encode())


# --- scenarios


def shipped() -> Config:
    return load(data.read)


def settings(pod: str = "gatewright-1") -> Settings:
    return Settings(pod=pod, webhook_url=WEBHOOK, webhook_ca="", addresses=("",), webhook_failure_policy="Fail")


def one_template(replicas: int = 1) -> Scenario:
    """One template and one constraint, created, changed, and the template deleted and created again."""
    kind = "Demo"
    resource = constraint_resource(kind)
    script = (
        post(CONSTRAINT_TEMPLATES, template(kind)),
        post(resource, constraint(kind, "one")),
        relabel(CONSTRAINT_TEMPLATES, "demo", "1"),
    )
    return _ours("one-template", replicas, (script,))


def recreated(replicas: int = 1) -> Scenario:
    """A template deleted and created again at once, under a constraint."""
    kind = "Demo"
    script = (
        post(CONSTRAINT_TEMPLATES, template(kind)),
        post(constraint_resource(kind), constraint(kind, "one")),
        delete(CONSTRAINT_TEMPLATES, "demo"),
        post(CONSTRAINT_TEMPLATES, template(kind)),
        post(constraint_resource(kind), constraint(kind, "one")),
    )
    return _ours("recreated", replicas, (script,))


def two_templates(replicas: int = 2) -> Scenario:
    """Two users with a template and a constraint each; one of them changes its mind, the other's first try does
    not compile.
    """
    first, second = "Demo", "Other"
    changed = template(first)["spec"]
    changed["crd"]["spec"]["validation"]["openAPIV3Schema"]["properties"]["more"] = {"type": "integer"}
    scripts = (
        (
            post(CONSTRAINT_TEMPLATES, template(first)),
            post(constraint_resource(first), constraint(first, "one")),
            change(CONSTRAINT_TEMPLATES, "demo", changed),
            relabel(CONSTRAINT_TEMPLATES, "demo", "1"),
            change(constraint_resource(first), "one", constraint(first, "one", "worse")["spec"]),
        ),
        (
            post(CONSTRAINT_TEMPLATES, template(second)),
            post(constraint_resource(second), constraint(second, "two")),
            delete(CONSTRAINT_TEMPLATES, "other"),
            post(CONSTRAINT_TEMPLATES, template(second)),
            post(constraint_resource(second), constraint(second, "two")),
        ),
    )
    return _ours("two-templates", replicas, scripts)


def broken_template(replicas: int = 1) -> Scenario:
    """A template that does not compile: the one case in which an alarm is right."""
    script = (post(CONSTRAINT_TEMPLATES, template("Demo", rego=BROKEN_REGO, faulty=True)),)
    scenario = _ours("broken-template", replicas, (script,))
    return replace(scenario, oracle=replace(scenario.oracle, broken=frozenset({"demo"})))


SEEN = frozenset({"I1", "I20"})  # of the peer: what the mission is about, what clients see


def gatekeeper(*, fixed: bool, status_role: bool = True) -> Scenario:
    """The peer with a template whose policy is to be generated, as in issue 3982."""
    world = _installed(begin(shipped(), ()), post(PODS, _pod("gatekeeper-1"), Settings().namespace))
    pod = world.state.get(("pods", Settings().namespace, "gatekeeper-1"))
    assert pod is not None
    peer = Manager("gatekeeper-1", fixed=fixed, status_role=status_role, pod_uid=uid(pod.thing))
    started, wishes = peer.begin(world.now)
    world = world.joined(started, wishes)
    script = (
        post(CONSTRAINT_TEMPLATES, template("Demo", native=True)),
        post(constraint_resource("Demo"), constraint("Demo", "one")),
    )
    world = _settled(world)
    return Scenario(
        "gatekeeper",
        world.joined(User("user-1", script), ()),
        Oracle(managed=False, only=SEEN, sought=frozenset({"R1"})),
    )


def _ours(name: str, replicas: int, scripts: tuple[tuple[Request, ...], ...]) -> Scenario:
    processes = [Process.new(settings(f"gatewright-{number}"), seed=number) for number in range(1, replicas + 1)]
    world = _installed(begin(shipped(), ()))
    for process in processes:
        started, wishes = process.begin(world.now)
        world = world.joined(started, wishes)
    world = _settled(world)
    for number, script in enumerate(scripts, 1):
        world = world.joined(User(f"user-{number}", script), ())
    return Scenario(name, world, Oracle(pods=tuple(process.name for process in processes)))


def _installed(world: World, *more: Request) -> World:
    """Our CRDs and Namespace stand, as an administrator's manifest would leave them."""
    script = tuple(post(CRDS, crd) for crd in installed_crds())
    namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": Settings().namespace}}
    world = world.joined(User("administrator", (*script, post(NAMESPACES, namespace), *more)), ())
    world = _settled(world)
    return world.left("administrator")


def _settled(world: World) -> World:
    """The world after everything that was under way has come to rest."""
    return explore.settle(world, steps=20_000)
