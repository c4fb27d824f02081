"""Our Namespace, our Pod object, and the CRDs of our kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatewright.control import home, install
from gatewright.control.intents import Apply, Refusal, Wake, fields_digest
from gatewright.core.objects import Name
from gatewright.kinds.install import installed_crds
from gatewright.kinds.resources import CRDS, NAMESPACES, PODS
from tests.control.world import NOW, NS, SETTINGS, World, applied, later, of_type, pod, roots, stamped
from tests.control.world import home as at_home

TEMPLATES = "constrainttemplates.templates.gatekeeper.sh"


def applies(world: World) -> list[Apply]:
    return of_type(world.intents(home.CONTROLLER, "home"), Apply)


def test_the_namespace_comes_first_then_the_pod(world: World) -> None:
    (namespace,) = applies(world)
    assert (namespace.resource, namespace.fields["metadata"]["name"]) == (NAMESPACES, NS)
    assert namespace.fields["metadata"]["labels"]["admission.gatekeeper.sh/ignore"] == "no-self-managing"
    world.put(NAMESPACES, applied(namespace))
    (made,) = applies(world)
    assert (made.resource, made.fields["metadata"]["name"]) == (PODS, SETTINGS.pod)
    assert made.fields["spec"]["schedulerName"] == home.NOBODY
    assert made.fields["metadata"]["labels"]["gatekeeper.sh/system"] == "yes"
    world.put(PODS, applied(made))
    assert world.intents(home.CONTROLLER, "home") == ()


def test_both_are_only_created(world: World) -> None:
    assert applies(world)[0].fields["metadata"]["resourceVersion"] == "1"


@pytest.mark.parametrize("resource", [NAMESPACES, PODS], ids=lambda one: one.plural)
def test_unknown_is_not_absent(world: World, resource: object) -> None:
    world.unsynced.add(resource)  # type: ignore[arg-type]
    assert applies(world) == []


def test_in_a_cluster_both_are_only_looked_at(world: World) -> None:
    assert world.intents(home.CONTROLLER, "home", settings=replace(SETTINGS, owns_pod=False)) == ()


def test_no_pod_goes_into_a_namespace_that_goes(world: World) -> None:
    meta = {"name": NS, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    world.put(NAMESPACES, stamped({"metadata": meta}))
    assert applies(world) == []


@pytest.mark.parametrize(
    ("held", "uid"),
    [
        pytest.param(None, "", id="absent"),
        pytest.param(pod(), "pod-gatewright", id="there"),
        pytest.param(pod(deletionTimestamp="2026-01-01T00:00:00Z"), "", id="deleting"),
    ],
)
def test_the_uid_is_what_the_server_gave(world: World, held: dict[str, object] | None, uid: str) -> None:
    if held is not None:
        world.put(PODS, held)
    assert home.pod_uid(world, SETTINGS) == uid


# --- install


def test_each_crd_has_a_key() -> None:
    names = {(crd["metadata"]["name"],) for crd in installed_crds()}
    assert roots(install.CONTROLLER, None, None) == names
    assert (TEMPLATES,) in names


def test_a_crd_is_created_then_left(world: World) -> None:
    (intent,) = world.intents(install.CONTROLLER, TEMPLATES)
    assert isinstance(intent, Apply)
    assert intent.fields["metadata"]["resourceVersion"] == "1"
    world.put(CRDS, applied(intent))
    assert world.intents(install.CONTROLLER, TEMPLATES) == ()


def test_an_upstream_crd_is_upgraded_in_place(world: World) -> None:
    world.put(CRDS, stamped({"metadata": {"name": TEMPLATES}, "spec": {"group": "templates.gatekeeper.sh"}}))
    (intent,) = world.intents(install.CONTROLLER, TEMPLATES)
    assert isinstance(intent, Apply)
    assert intent.fields["metadata"]["uid"] == "u1"


def test_a_crd_that_goes_is_waited_for(world: World) -> None:
    world.put(CRDS, stamped({"metadata": {"name": TEMPLATES, "deletionTimestamp": "2026-01-01T00:00:00Z"}}))
    assert world.intents(install.CONTROLLER, TEMPLATES) == ()


def test_unknown_crds_are_not_absent(world: World) -> None:
    world.unsynced.add(CRDS)
    assert world.intents(install.CONTROLLER, TEMPLATES) == ()


def test_a_refused_crd_is_tried_again_seldom(world: World) -> None:
    at_home(world)
    (intent,) = world.intents(install.CONTROLLER, TEMPLATES)
    assert isinstance(intent, Apply)
    value = Refusal(403, "Forbidden", "may not", fields_digest(intent.fields), NOW.monotonic)
    world.know("refused", CRDS, Name("", TEMPLATES), "", value=value)
    assert world.intents(install.CONTROLLER, TEMPLATES, now=later(1)) == (
        Wake(NOW.monotonic + SETTINGS.terminal_retry),
    )
    assert len(of_type(world.intents(install.CONTROLLER, TEMPLATES, now=later(SETTINGS.terminal_retry)), Apply)) == 1
