"""What becomes of a plan: outcomes, facts, holds, backoff, with toy plans against the model."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from gatewright.control.intents import (
    Apply,
    Ask,
    Compile,
    Create,
    Delete,
    Intent,
    LiveRead,
    Note,
    Plan,
    Wake,
    fields_digest,
)
from gatewright.control.view import Controller, Watched
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name
from gatewright.kube import requests

KEY = ("k",)


def scripted(toys: Any, see: Callable[[Any], Any], plan: Callable[[Any, float], Plan], **more: Any) -> Controller:
    """A controller of one key that always exists."""
    return Controller(
        name="script",
        operations=frozenset(),
        watches=lambda settings: (Watched(toys.widgets), Watched(toys.gadgets)),
        roots=lambda resource, thing, settings: (KEY,) if resource is None else (),
        see=lambda view, key, settings: see(view),
        plan=lambda seen, settings, now: plan(seen, now.monotonic),
        **more,
    )


def once(*branches: tuple[Intent, ...]) -> tuple[Callable[[Any], Any], Callable[[Any, float], Plan], list[float]]:
    """Plans the branches in the first pass only; also the times of all passes."""
    times: list[float] = []

    def plan(seen: Any, at: float) -> Plan:
        times.append(at)
        return Plan(branches) if len(times) == 1 else Plan()

    return (lambda view: None), plan, times


def always(*branches: tuple[Intent, ...]) -> tuple[Callable[[Any], Any], Callable[[Any, float], Plan], list[float]]:
    times: list[float] = []

    def plan(seen: Any, at: float) -> Plan:
        times.append(at)
        return Plan(branches)

    return (lambda view: None), plan, times


def gadget(toys: Any, name: str, x: int = 1, **meta: str) -> Apply:
    fields = {"apiVersion": "t.example.io/v1", "kind": "Gadget", "metadata": {"name": name, **meta}, "spec": {"x": x}}
    return Apply(toys.gadgets, fields, "m")


def test_branches_run_beside_each_other_and_fail_alone(toys: Any) -> None:
    see, plan, _ = once(
        (gadget(toys, "a", uid="wrong"), gadget(toys, "never")), (gadget(toys, "b"), gadget(toys, "c")), ()
    )
    driver = toys.driver(scripted(toys, see, plan))
    driver.start()
    assert sorted(key for _, key in driver.model.objects) == ["b", "c"]
    assert driver.counts["gatewright_intent_failures_total"] == 1


def test_a_branch_that_waits_holds_up_no_other(toys: Any) -> None:
    see, plan, _ = once((Compile("d", b"source"), gadget(toys, "late")), (gadget(toys, "early"),))
    driver = toys.driver(scripted(toys, see, plan))
    driver.compile = lambda source: None
    driver.start()
    assert [key for _, key in driver.model.objects] == ["early"]


@pytest.mark.parametrize(
    ("answer", "terminal"),
    [
        pytest.param((409, "Conflict", "the object has been modified"), False, id="conflict"),
        pytest.param((500, "InternalError", "no"), False, id="500"),
        pytest.param((403, "Forbidden", "no"), True, id="forbidden"),
        pytest.param((422, "Invalid", "spec.x: Required value"), True, id="invalid"),
    ],
)
def test_failures_are_tried_again_ever_later(toys: Any, answer: Any, terminal: bool) -> None:
    see, plan, times = always((gadget(toys, "a"),))
    driver = toys.driver(scripted(toys, see, plan))
    driver.meddle = lambda request: toys.status(*answer) if request.method == "PATCH" else None
    driver.start()
    driver.run(100)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 5 <= len(times) <= (12 if terminal else 40)
    assert max(waits) <= (300 if terminal else 30)
    assert sum(waits[:3]) < sum(waits[-3:])
    refused = driver.shell.fact(("refused", toys.gadgets, Name("", "a"), ""))
    trouble = driver.shell.fact(("trouble", "script", KEY))
    assert (refused is not None) is terminal
    assert (trouble is None) is terminal
    if terminal:
        assert refused.value.digest == fields_digest(gadget(toys, "a").fields)
        assert refused.value.status == answer[0]
    else:
        assert trouble.value.since == times[0]
        assert trouble.value.conflict is (answer[0] == 409)


def test_a_refusal_is_withdrawn_by_the_next_write_that_works(toys: Any) -> None:
    see, plan, times = always((gadget(toys, "a"),))
    driver = toys.driver(scripted(toys, see, plan))
    driver.meddle = lambda request: toys.status(403, "Forbidden", "no") if len(times) < 3 else None
    driver.start()
    driver.run(60)
    assert driver.shell.fact(("refused", toys.gadgets, Name("", "a"), "")) is None
    assert ("", next(key for _, key in driver.model.objects)) == ("", "a")


def test_a_new_refusal_wakes_the_plan_that_reads_it_once(toys: Any) -> None:
    def see(view: Any) -> Any:
        return view.fact(("refused", toys.gadgets, Name("", "a"), ""))

    passes: list[Any] = []

    def plan(seen: Any, at: float) -> Plan:
        passes.append(seen)
        return Plan() if seen is not None else Plan(((gadget(toys, "a"),),))

    driver = toys.driver(scripted(toys, see, plan))
    driver.meddle = lambda request: toys.status(422, "Invalid", "x") if request.method == "PATCH" else None
    driver.start()
    assert [seen is None for seen in passes] == [True, False]


def test_a_server_that_asks_to_wait_is_left_alone(toys: Any) -> None:
    see, plan, times = always((gadget(toys, "a"),))
    driver = toys.driver(scripted(toys, see, plan))
    slow = toys.status(429, "TooManyRequests", "slow", details={"retryAfterSeconds": 7})
    driver.meddle = lambda request: slow if request.method == "PATCH" and len(times) == 1 else None
    driver.start()
    driver.model.put("/apis/t.example.io/v1/gadgets/other", toys.widget("other", 1))
    driver.run(6)
    assert len(times) == 1
    driver.run(2)
    assert len(times) > 1


def test_after_a_lost_answer_the_object_is_read_before_anything_is_concluded(toys: Any) -> None:
    see, plan, times = always((gadget(toys, "a"),))
    driver = toys.driver(scripted(toys, see, plan), streaming=False)

    def lose(request: Request) -> Response | NoAnswer | None:
        if request.method == "PATCH" and len(times) == 1:
            driver.model.handle(request)  # it stands, and nobody hears of it
            return NoAnswer("timed out")
        return None

    driver.meddle = lose
    driver.start()
    sent = [(request.method, request.path) for request in driver.sent[2:4]]
    assert sent == [("PATCH", "/apis/t.example.io/v1/gadgets/a"), ("GET", "/apis/t.example.io/v1/gadgets/a")]
    assert ("outcome", "unknown") in [pair for tell in driver.told for pair in tell.fields]


def test_a_key_is_not_planned_from_caches_that_lack_its_own_write(toys: Any) -> None:
    plans: list[tuple[float, Any]] = []

    def see(view: Any) -> Any:
        return view.get(toys.gadgets, Name("", "a")), view.get(toys.widgets, Name("", "w")), view.synced(toys.gadgets)

    def plan(seen: Any, at: float) -> Plan:
        plans.append((at, seen[0]))
        wants = seen[2] and seen[0] is None
        return Plan(((gadget(toys, "a"),),)) if wants else Plan()

    driver = toys.driver(scripted(toys, see, plan), streaming=False)
    driver.start()
    assert [seen is None for _, seen in plans] == [True, False], "written, then seen"

    driver.model.remove("/apis/t.example.io/v1/gadgets/a")
    driver._pump()
    driver.hold_watches = True
    driver.settle()
    count = len(plans)
    driver.give(_woken(driver, toys))
    driver.settle()
    assert len(plans) == count, "its write has not come back"
    driver.run(2.1)
    assert len(plans) == count + 1, "but it is not waited for longer than two seconds"


def _woken(driver: Any, toys: Any) -> Any:
    """An event that makes the key dirty without the gadgets' watch: a change of a widget that it reads."""
    from gatewright.reconcile import events

    driver.model.put("/apis/t.example.io/v1/widgets/w", toys.widget("w", 1))
    number = next(number for number, stream in driver.streams.items() if stream.collection.endswith("widgets"))
    stream = driver.streams[number]
    lines = b"".join(driver.model.since(stream.collection, stream.prefix, stream.seen))
    stream.seen = driver.model.version
    return events.WatchLines(number, lines)


def test_a_delete_carries_both_preconditions_and_is_waited_for(toys: Any) -> None:
    driver = toys.driver()
    held = driver.model.put("/apis/t.example.io/v1/gadgets/a", toys.widget("a", 1))
    name = Name("", "a")
    meta = held["metadata"]
    see, plan, _ = once((Delete(toys.gadgets, name, meta["uid"], meta["resourceVersion"]), gadget(toys, "after")))
    driver = toys.driver(scripted(toys, see, plan), model=driver.model)
    driver.start()
    assert [key for _, key in driver.model.objects] == ["after"]
    assert (
        requests.delete(
            toys.gadgets, name, uid=meta["uid"], resource_version=meta["resourceVersion"], propagation="Background"
        )
        in driver.sent
    )


def test_a_delete_of_another_version_is_a_conflict(toys: Any) -> None:
    driver = toys.driver()
    held = driver.model.put("/apis/t.example.io/v1/gadgets/a", toys.widget("a", 1))
    see, plan, _ = once((Delete(toys.gadgets, Name("", "a"), held["metadata"]["uid"], "1"),))
    driver = toys.driver(scripted(toys, see, plan), model=driver.model)
    driver.start()
    assert [key for _, key in driver.model.objects] == ["a"]


def test_a_create_of_what_exists_is_a_conflict(toys: Any) -> None:
    fields = {"apiVersion": "t.example.io/v1", "kind": "Gadget", "metadata": {"name": "a"}, "spec": {}}
    see, plan, _ = once((Create(toys.gadgets, fields, "m"),))
    driver = toys.driver(scripted(toys, see, plan))
    driver.model.put("/apis/t.example.io/v1/gadgets/a", toys.widget("a", 1))
    driver.start()
    driver.run(1)
    assert next(tell for tell in driver.told if tell.event == "intent failed").level == "info"
    assert ("outcome", "conflict") in [pair for tell in driver.told for pair in tell.fields]


@pytest.mark.parametrize("there", [pytest.param(True, id="there"), pytest.param(False, id="absent")])
def test_a_live_read_is_a_fact_that_wakes_its_reader(toys: Any, there: bool) -> None:
    name = ("live", toys.gadgets, Name("", "a"))
    seen_facts: list[Any] = []

    def plan(seen: Any, at: float) -> Plan:
        seen_facts.append(seen)
        return Plan(((LiveRead(toys.gadgets, Name("", "a")),),)) if seen is None else Plan()

    driver = toys.driver(scripted(toys, lambda view: view.fact(name), plan))
    if there:
        driver.model.put("/apis/t.example.io/v1/gadgets/a", toys.widget("a", 1))
    driver.start()
    assert seen_facts[0] is None
    assert (seen_facts[-1].value is not None) is there
    assert seen_facts[-1].at == driver.time


def test_a_live_read_of_a_kind_that_is_not_served_says_nothing(toys: Any) -> None:
    see, plan, _ = once((LiveRead(toys.gadgets, Name("", "a")), gadget(toys, "b")))
    driver = toys.driver(scripted(toys, see, plan))
    driver.model.unserved.add("apis/t.example.io/v1/gadgets")
    driver.start()
    assert driver.shell.fact(("live", toys.gadgets, Name("", "a"))) is None
    assert not driver.writes()


def test_an_ask_brings_its_answer_whatever_it_is(toys: Any) -> None:
    question = Request("GET", "/apis/t.example.io/v1/gadgets/none")
    _, plan, _ = once((Ask(("asked",), question, "10.0.0.1:6443"), gadget(toys, "b")))
    driver = toys.driver(scripted(toys, lambda view: view.fact(("asked",)), plan))
    driver.start()
    assert driver.shell.fact(("asked",)).value.status == 404
    assert [key for _, key in driver.model.objects] == ["b"]

    _see, plan, _ = once((Ask(("asked",), question), gadget(toys, "b")))
    driver = toys.driver(scripted(toys, lambda view: view.fact(("asked",)), plan))
    driver.meddle = lambda request: NoAnswer("refused", sent=False) if request == question else None
    driver.start()
    assert driver.shell.fact(("asked",)).value == NoAnswer("refused", sent=False)
    assert driver.counts["gatewright_intent_failures_total"] == 1


def test_an_answer_nobody_reads_any_more_is_forgotten(toys: Any) -> None:
    name = ("live", toys.gadgets, Name("", "a"))
    passes: list[int] = []

    def see(view: Any) -> Any:
        passes.append(1)
        view.get(toys.widgets, Name("", "w"))
        return view.fact(name) if len(passes) < 3 else None

    plan = lambda seen, at: Plan(((LiveRead(*name[1:]),),)) if len(passes) == 1 else Plan()  # noqa: E731
    driver = toys.driver(scripted(toys, see, plan))
    driver.start()
    assert driver.shell.fact(name) is not None
    driver.model.put("/apis/t.example.io/v1/widgets/w", toys.widget("w", 1))
    driver.settle()
    assert driver.shell.fact(name) is None


def test_a_wake_is_kept_whatever_fails(toys: Any) -> None:
    see, plan, times = always((gadget(toys, "a", uid="wrong"), Wake(1050.0)))
    driver = toys.driver(scripted(toys, see, plan))
    driver.start()
    driver.run(50)
    assert 1050.0 in times


def test_a_wake_in_the_past_is_no_endless_loop(toys: Any) -> None:
    see, plan, times = always((Wake(0.0),))
    driver = toys.driver(scripted(toys, see, plan))
    driver.start()
    assert len(times) == 1
    driver.run(0.01)
    assert 5 <= len(times) <= 12


def test_equal_notes_wake_nobody_and_none_removes(toys: Any) -> None:
    passes: list[Any] = []

    def plan(seen: Any, at: float) -> Plan:
        passes.append(seen)
        return Plan(((Note(("n",), 7),),))

    driver = toys.driver(scripted(toys, lambda view: view.fact(("n",)), plan))
    driver.start()
    assert [None if seen is None else seen.value for seen in passes] == [None, 7]


def test_code_is_compiled_once_for_all_who_want_it(toys: Any) -> None:
    compiled: list[bytes] = []
    _see, plan, _ = once((Compile("d", b"source"), gadget(toys, "a")), (Compile("d", b"source"), gadget(toys, "b")))
    driver = toys.driver(scripted(toys, lambda view: view.fact(("compiled", "d")), plan))
    driver.compile = lambda source: compiled.append(source) or "outcome"
    driver.start()
    assert compiled == [b"source"]
    assert driver.shell.fact(("compiled", "d")).value == "outcome"
    assert sorted(key for _, key in driver.model.objects) == ["a", "b"]


def test_a_compilation_without_an_outcome_is_tried_again(toys: Any) -> None:
    outcomes = [None, None, "outcome"]
    see, plan, _ = always((Compile("d", b"source"),))
    driver = toys.driver(scripted(toys, see, plan))
    driver.compile = lambda source: outcomes.pop(0)
    driver.start()
    driver.run(5)
    assert driver.shell.fact(("compiled", "d")).value == "outcome"


def test_an_exception_of_a_plan_stops_only_its_key(toys: Any) -> None:
    def plan(seen: Any, at: float) -> Plan:
        raise KeyError("spec")

    from gatewright.reconcile.shell import Shell

    shell = Shell.new((scripted(toys, lambda view: None, plan), toys.pairs), toys.driver().shell.settings)
    driver = toys.Driver(shell, toys.Model())
    driver.model.put("/apis/t.example.io/v1/widgets/a", toys.widget("a", 1))
    driver.start()
    driver.run(10)
    assert driver.counts["gatewright_plan_failures_total"] > 2
    assert driver.shell.fact(("trouble", "script", KEY)).value.message == "internal error: KeyError('spec')"
    assert len(driver.writes()) == 1


def test_a_key_is_woken_by_what_it_wrote_though_it_does_not_read_it(toys: Any) -> None:
    see, plan, times = once((gadget(toys, "a"),))
    driver = toys.driver(scripted(toys, see, plan))
    driver.start()
    assert len(times) == 2


def test_a_plan_that_reads_its_own_trouble_is_not_woken_by_it(toys: Any) -> None:
    times: list[float] = []

    def plan(seen: Any, at: float) -> Plan:
        times.append(at)
        return Plan(((gadget(toys, "a"),),))

    driver = toys.driver(scripted(toys, lambda view: view.fact(("trouble", "script", KEY)), plan))
    driver.meddle = lambda request: toys.status(500, "InternalError", "no") if request.method == "PATCH" else None
    driver.start()
    assert len(times) == 1
    driver.run(10)
    assert len(times) < 15


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"rubbish", id="rubbish"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"a":' * 9000 + b"1" + b"}" * 9000, id="too deep"),
    ],
)
def test_an_object_that_can_not_be_read_is_not_absent(toys: Any, body: bytes) -> None:
    see, plan, _ = once((LiveRead(toys.gadgets, Name("", "a")), gadget(toys, "b")), (gadget(toys, "c"),))
    driver = toys.driver(scripted(toys, see, plan))
    driver.meddle = lambda request: Response(200, (), body) if request.path.endswith("gadgets/a") else None
    driver.start()
    assert driver.shell.fact(("live", toys.gadgets, Name("", "a"))) is None
    assert [key for _, key in driver.model.objects] == ["c"]
