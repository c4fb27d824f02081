"""Which API servers must answer."""

from __future__ import annotations

from dataclasses import replace

from gatewright.control.addresses import Addresses, find
from gatewright.kinds.resources import ENDPOINT_SLICES
from tests.control.world import SETTINGS, World, servers


def test_the_setting_wins(world: World) -> None:
    servers(world, "10.0.0.1")
    named = replace(SETTINGS, addresses=("a:1", "b:2"))
    assert find(world, named) == Addresses(("a:1", "b:2"))


def test_endpoint_slices_list_them(world: World) -> None:
    servers(world, "10.0.0.2", "10.0.0.1", "fd00::1")
    assert find(world, SETTINGS) == Addresses(("10.0.0.1:6443", "10.0.0.2:6443", "[fd00::1]:6443"))


def test_an_endpoint_that_is_not_ready_is_left_out(world: World) -> None:
    servers(world, "10.0.0.1", "10.0.0.2")
    (slice_,) = world.list(ENDPOINT_SLICES)
    slice_["endpoints"][1]["conditions"]["ready"] = False
    assert find(world, SETTINGS) == Addresses(("10.0.0.1:6443",))


def test_unknown_before_the_slices_are_listed(world: World) -> None:
    world.unsynced.add(ENDPOINT_SLICES)
    assert find(world, SETTINGS) is None


def test_forbidden_slices_leave_the_one_address(world: World) -> None:
    world.unsynced.add(ENDPOINT_SLICES)
    world.know("unwatchable", ENDPOINT_SLICES, value=(403, "forbidden"))
    found = find(world, SETTINGS)
    assert found == Addresses(("",), alone=True)
    assert "one address" in found.scope()


def test_absent_slices_leave_the_one_address(world: World) -> None:
    assert find(world, SETTINGS) == Addresses(("",), alone=True)
