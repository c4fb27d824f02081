"""Holding a Lease: one holder at a time, by each one's own clock, and no note of a holder that lost it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gatewright.control.intents import Apply, LiveRead, Note, Plan, Wake
from gatewright.control.view import Controller
from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name
from gatewright.core.settings import Settings
from gatewright.reconcile import events
from gatewright.reconcile import lease as machine

PATH = "/apis/coordination.k8s.io/v1/namespaces/gatekeeper-system/leases/l"
SETTINGS = Settings()


def leader(passes: list[tuple[str, float]], who: str) -> Controller:
    """One key that always exists, notes who leads and comes back every second."""

    def plan(seen: Any, settings: Settings, now: Any) -> Plan:
        passes.append((who, now.monotonic))
        return Plan(((Note(("led",), who), Wake(now.monotonic + 1.0)),))

    return Controller(
        name="leader",
        operations=frozenset(),
        watches=lambda settings: (),
        roots=lambda resource, thing, settings: (("k",),) if resource is None else (),
        see=lambda view, key, settings: view.fact(("led",)),
        plan=plan,
        lease="l",
    )


class Two:
    """Two processes on one model and one clock."""

    def __init__(self, toys: Any) -> None:
        self.passes: list[tuple[str, float]] = []
        self.model = toys.Model()
        self.drivers = {
            who: toys.driver(leader(self.passes, who), model=self.model, identity=who, seed=number)
            for number, who in enumerate("ab")
        }

    def run(self, seconds: float, *who: str) -> None:
        for _ in range(round(seconds * 4)):
            for name in who or ("a", "b"):
                self.drivers[name].run(0.25)
            for name, driver in self.drivers.items():
                if name not in (who or ("a", "b")):
                    driver.time += 0.25

    def leaders(self) -> list[str]:
        return [who for who, driver in sorted(self.drivers.items()) if driver.shell.leads]


@pytest.fixture
def two(toys: Any) -> Two:
    found = Two(toys)
    found.drivers["a"].start()
    found.drivers["b"].start()
    return found


def test_one_leads_and_only_its_keys_are_planned(two: Two) -> None:
    two.run(40)
    assert two.leaders() == ["a"]
    assert {who for who, _ in two.passes} == {"a"}
    assert two.drivers["a"].shell.fact(("lease", "l")).value is True
    assert two.drivers["b"].shell.fact(("lease", "l")) is None


def test_a_leader_that_is_gone_is_followed_after_the_lease_ran_out(two: Two) -> None:
    two.run(10)
    begun = two.drivers["b"].time
    two.run(60, "b")
    first = min(at for who, at in two.passes if who == "b")
    assert SETTINGS.lease_duration - SETTINGS.lease_renewal <= first - begun <= SETTINGS.lease_duration + 8
    two.run(10)
    assert two.leaders() == ["b"], "the old one looks before it acts"


def test_a_leader_that_can_not_renew_stops_before_another_begins(two: Two) -> None:
    two.run(10)
    two.drivers["a"].meddle = lambda request: NoAnswer("no route", sent=False)
    two.run(60)
    assert two.leaders() == ["b"]
    last = max(at for who, at in two.passes if who == "a")
    first = min(at for who, at in two.passes if who == "b")
    assert last < first
    assert two.drivers["a"].shell.fact(("led",)) is None, "its notes went with the lease"


def test_stopping_gives_the_lease_back(two: Two) -> None:
    two.run(10)
    two.drivers["a"].give(events.Stopping())
    two.drivers["a"].settle()
    begun = two.drivers["b"].time
    two.run(30, "b")
    assert min(at for who, at in two.passes if who == "b") - begun <= SETTINGS.lease_renewal * 1.2 + 0.5


def test_a_restarted_leader_takes_its_lease_at_once(toys: Any) -> None:
    passes: list[tuple[str, float]] = []
    first = toys.driver(leader(passes, "a"), identity="a")
    first.start()
    again = toys.driver(leader(passes, "a"), identity="a", model=first.model)
    again.start()
    assert again.shell.leads == ("l",)


def test_a_namespace_that_is_only_being_made_delays_by_fractions_of_a_second(toys: Any) -> None:
    passes: list[tuple[str, float]] = []
    driver = toys.driver(leader(passes, "a"))
    missing = toys.status(404, "NotFound", 'namespaces "gatekeeper-system" not found')
    driver.meddle = lambda request: missing if request.method == "POST" and driver.time < 1000.5 else None
    driver.start()
    driver.run(2)
    assert driver.shell.leads == ("l",)
    assert passes[0][1] < 1001.5


def test_a_conflict_on_renewal_is_looked_at_before_going_on(two: Two) -> None:
    two.run(4)
    foreign = dict(two.model.objects["apis/coordination.k8s.io/v1/leases", "gatekeeper-system/l"])
    two.model.put(PATH, {**foreign, "metadata": {**foreign["metadata"], "labels": {"by": "somebody"}}})
    two.run(20)
    assert two.leaders() == ["a"]
    held = two.model.objects["apis/coordination.k8s.io/v1/leases", "gatekeeper-system/l"]
    assert held["metadata"]["labels"] == {"by": "somebody"}
    assert held["spec"]["leaseTransitions"] == 0


@pytest.mark.parametrize(
    "refuse",
    [
        pytest.param(lambda toys: NoAnswer("timed out"), id="no answer"),
        pytest.param(lambda toys: toys.status(500, "InternalError", "no"), id="500"),
        pytest.param(lambda toys: Response(200, (), b"rubbish"), id="rubbish"),
    ],
)
def test_nobody_leads_on_a_doubtful_answer(toys: Any, refuse: Callable[[Any], Any]) -> None:
    passes: list[tuple[str, float]] = []
    driver = toys.driver(leader(passes, "a"))

    def meddle(request: Request) -> Any:
        return refuse(toys) if request.method == "GET" else None

    driver.meddle = meddle
    driver.start()
    driver.run(30)
    assert not driver.shell.leads
    assert not passes
    assert len(driver.sent) < 30


def test_a_lease_runs_from_when_it_was_asked_for_not_from_the_answer(toys: Any) -> None:
    first = machine.Lease(Name("n", "l"), "a", 15.0, 5.0)
    asking, request = machine.tick(first, Now(0.0, 100.0))
    assert request is not None
    missing = toys.status(404, "NotFound", "leases l not found")
    taking, request = machine.answered(asking, missing, Now(0.0, 101.0), 0.5)
    assert request is not None
    assert request.method == "POST"
    held, _ = machine.answered(taking, Response(201, (), request.body), Now(0.0, 109.0), 0.5)
    assert held.holds(115.9)
    assert not held.holds(116.0)


def test_a_branch_goes_no_further_when_the_lease_runs_out_under_it(toys: Any) -> None:
    fields = {"apiVersion": "t.example.io/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {}}
    branch = (LiveRead(toys.gadgets, Name("", "g")), Apply(toys.gadgets, fields, "m"))
    passes: list[tuple[str, float]] = []
    slow = replace(leader(passes, "a"), plan=lambda seen, settings, now: Plan((branch,)))
    driver = toys.driver(slow, identity="a")

    def meddle(request: Request) -> None:
        if request.path.endswith("gadgets/g") and request.method == "GET":
            driver.time += SETTINGS.lease_duration + 1
            driver.meddle = lambda later: toys.status(500, "InternalError", "no")

    driver.meddle = meddle
    driver.start()
    assert [request.path for request in driver.writes() if "gadgets" in request.path] == []
    driver.meddle = lambda request: None
    driver.run(30)
    assert [request.path for request in driver.writes() if "gadgets" in request.path]


def begun(toys: Any) -> tuple[machine.Lease, Request]:
    """A lease whose creation is under way."""
    asking, _ = machine.tick(machine.Lease(Name("n", "l"), "a", 15.0, 5.0), Now(0.0, 100.0))
    taking, request = machine.answered(asking, toys.status(404, "NotFound", "x"), Now(0.0, 100.0), 0.5)
    assert request is not None
    return taking, request


def test_stopping_while_a_write_is_under_way_gives_the_lease_back_after_it(toys: Any) -> None:
    taking, request = begun(toys)
    leaving, nothing = machine.release(taking, Now(0.0, 100.1))
    assert nothing is None
    releasing, goodbye = machine.answered(leaving, Response(201, (), request.body), Now(0.0, 100.2), 0.5)
    assert goodbye is not None
    assert b'"holderIdentity":""' in goodbye.body
    released, _ = machine.answered(releasing, Response(200, (), b"{}"), Now(0.0, 100.3), 0.5)
    assert released.state is machine.State.RELEASED
    failed, nothing = machine.answered(leaving, NoAnswer("reset"), Now(0.0, 100.2), 0.5)
    assert (failed.state, nothing) == (machine.State.RELEASED, None)


def test_an_answer_after_the_end_takes_nothing(toys: Any) -> None:
    asking, _ = machine.tick(machine.Lease(Name("n", "l"), "a", 15.0, 5.0), Now(0.0, 100.0))
    released, _ = machine.release(asking, Now(0.0, 100.1))
    after, request = machine.answered(released, Response(200, (), b'{"spec": {}}'), Now(0.0, 100.2), 0.5)
    assert (after.state, request) == (machine.State.RELEASED, None)
