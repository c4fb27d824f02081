"""What is mirrored into data.inventory, and when it is complete."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.control.intents import Ask, Load, Mirror, Note, Wake
from gatewright.control.sync import CONTROLLER, LOOK_AGAIN, NOTE
from gatewright.core.http import NoAnswer
from gatewright.core.objects import Resource
from gatewright.kinds.resources import CONFIGS, NAMESPACES, SYNC_SETS
from tests.control.world import NOW, NS, World, json_answer, later, of_type, stamped

KEY = "sync"
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress", True)
SERVES_INGRESS = json_answer(
    {
        "resources": [
            {"name": "ingresses/status", "kind": "Ingress", "namespaced": True},
            {"name": "ingresses", "kind": "Ingress", "namespaced": True},
        ]
    }
)
ALWAYS = Mirror(NAMESPACES, slot="namespace")


def config(world: World, *kinds: tuple[str, str, str], **spec: Any) -> None:
    only = [{"group": group, "version": version, "kind": kind} for group, version, kind in kinds]
    body = {"kind": "Config", "metadata": {"name": "config", "namespace": NS}}
    world.put(CONFIGS, stamped({**body, "spec": {"sync": {"syncOnly": only}, **spec}}, uid="g1"))


INGRESS = ("networking.k8s.io", "v1", "Ingress")


def lacking(world: World) -> tuple[str, ...]:
    (note,) = of_type(world.intents(CONTROLLER, KEY), Note)
    assert note.fact == NOTE
    assert isinstance(note.value, tuple)
    return note.value


def complete(world: World) -> bool:
    return lacking(world) == ()


def test_without_a_config_the_inventory_is_complete_and_namespaces_are_mirrored(world: World) -> None:
    assert complete(world)
    assert world.plan(CONTROLLER, KEY).mirrors == (ALWAYS,)


@pytest.mark.parametrize("resource", [CONFIGS, SYNC_SETS], ids=lambda one: one.plural)
def test_nothing_is_said_before_the_caches_are_synced(world: World, resource: Resource) -> None:
    world.unsynced.add(resource)
    plan = world.plan(CONTROLLER, KEY)
    assert plan.branches == ()
    assert plan.mirrors == (ALWAYS,)


def test_a_kind_is_looked_up_by_discovery(world: World) -> None:
    config(world, INGRESS)
    (ask,) = of_type(world.intents(CONTROLLER, KEY), Ask)
    assert ask.request.path == "/apis/networking.k8s.io/v1"
    assert not complete(world)


NOT_SERVED = "not served: correct Config or SyncSet, or install its CRD"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(NoAnswer("refused"), "discovery does not answer", id="no-answer"),
        pytest.param(json_answer({}, 503), "discovery does not answer", id="group-down"),
        pytest.param(json_answer({}, 404), NOT_SERVED, id="group-not-served"),
        pytest.param(json_answer({"resources": []}), NOT_SERVED, id="kind-not-served"),
    ],
)
def test_a_kind_that_is_not_served_keeps_it_incomplete_and_is_looked_for_again(
    world: World, answer: Any, why: str
) -> None:
    config(world, INGRESS)
    world.know("api", "networking.k8s.io", "v1", value=answer)
    assert lacking(world) == (f"Ingress of networking.k8s.io/v1 ({why})",)
    soon = world.intents(CONTROLLER, KEY, now=later(1))
    assert of_type(soon, Ask) == []
    assert of_type(soon, Wake) == [Wake(NOW.monotonic + LOOK_AGAIN)]
    assert len(of_type(world.intents(CONTROLLER, KEY, now=later(LOOK_AGAIN)), Ask)) == 1


def test_it_is_complete_when_every_worker_has_every_kind(world: World) -> None:
    config(world, INGRESS)
    world.know("api", "networking.k8s.io", "v1", value=SERVES_INGRESS)
    assert world.plan(CONTROLLER, KEY).mirrors == (ALWAYS, Mirror(INGRESSES))
    assert not complete(world)
    world.know("mirrored", INGRESSES, value=True)
    assert complete(world)


def test_sync_sets_and_the_config_are_put_together(world: World) -> None:
    config(world, INGRESS)
    gvks = [
        {"group": "", "version": "v1", "kind": "Pod"},
        dict(zip(("group", "version", "kind"), INGRESS, strict=True)),
    ]
    world.put(SYNC_SETS, stamped({"kind": "SyncSet", "metadata": {"name": "s"}, "spec": {"gvks": gvks}}))
    asked = {ask.request.path for ask in of_type(world.intents(CONTROLLER, KEY), Ask)}
    assert asked == {"/api/v1", "/apis/networking.k8s.io/v1"}


def test_excluded_namespaces_are_not_mirrored(world: World) -> None:
    match = [
        {"processes": ["sync"], "excludedNamespaces": ["kube-*"]},
        {"processes": ["webhook"], "excludedNamespaces": ["other"]},
    ]
    config(world, INGRESS, match=match)
    world.know("api", "networking.k8s.io", "v1", value=SERVES_INGRESS)
    assert Mirror(INGRESSES, skip=("kube-*",)) in world.plan(CONTROLLER, KEY).mirrors


def test_exclusions_are_loaded_once_and_unloaded_with_the_config(world: World) -> None:
    config(world)
    (load,) = of_type(world.intents(CONTROLLER, KEY), Load)
    assert (load.slot, load.identity) == (("exclusions",), ("g1", 1))
    world.know("loaded", ("exclusions",), value=("g1", 1))
    assert of_type(world.intents(CONTROLLER, KEY), Load) == []
    world.objects.clear()
    assert [load.entry for load in of_type(world.intents(CONTROLLER, KEY), Load)] == [None]


def test_a_config_of_another_name_counts_for_nothing(world: World) -> None:
    only = {"syncOnly": [{"group": "", "version": "v1", "kind": "Pod"}]}
    world.put(CONFIGS, stamped({"metadata": {"name": "other", "namespace": NS}, "spec": {"sync": only}}))
    assert complete(world)
