"""The shell as a whole, with a toy controller against a model of an API server on a virtual clock."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatewright.control.intents import Plan
from gatewright.control.view import Controller, Watched
from gatewright.core.http import NoAnswer
from gatewright.core.objects import Name, Resource
from gatewright.core.settings import Operation, Settings
from gatewright.reconcile import events


def gadgets(driver: Any) -> dict[str, int]:
    return {
        key: thing["spec"]["x"] for (place, key), thing in driver.model.objects.items() if place.endswith("gadgets")
    }


@pytest.mark.parametrize("streaming", [pytest.param(True, id="streaming lists"), pytest.param(False, id="pages")])
def test_what_is_there_at_the_start_is_worked_off(toys: Any, streaming: bool) -> None:
    driver = toys.driver(streaming=streaming)
    for index in range(7):
        driver.model.put(toys.path(toys.widgets, f"w{index}"), toys.widget(f"w{index}", index))
    driver.start()
    assert gadgets(driver) == {f"w{index}": index for index in range(7)}
    assert driver.shell.idle


def test_a_change_is_followed_and_nothing_is_written_twice(toys: Any) -> None:
    driver = toys.driver()
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 1))
    driver.start()
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 2))
    driver.run(60)
    assert gadgets(driver) == {"a": 2}
    assert len(driver.writes()) == 2


def test_a_shell_that_was_kept_is_a_clone(toys: Any) -> None:
    driver = toys.driver()
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 1))
    kept = driver.shell
    empty = kept.digest()
    driver.start()
    assert kept.digest() == empty
    assert driver.shell.digest() != empty
    again = toys.Driver(kept, toys.Model())
    again.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 1))
    again.start()
    assert again.shell.digest() == driver.shell.digest()
    again.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 2))
    again.settle()
    assert again.shell.digest() != driver.shell.digest()


_HASHED = """
import hashlib, importlib.util, sys
spec = importlib.util.spec_from_file_location("toys", sys.argv[1])
toys = importlib.util.module_from_spec(spec); sys.modules["toys"] = toys; spec.loader.exec_module(toys)
driver = toys.Toys.driver(seed=7)
log = []
carry = driver._carry
driver._carry = lambda effect: (log.append(repr(effect)), carry(effect))
for number in range(30):
    driver.model.put(f"/apis/t.example.io/v1/widgets/w{number}", toys.widget(f"w{number}", number, app=str(number % 3)))
refuse = toys.status(409, "Conflict", "the object has been modified")
driver.meddle = lambda request: refuse if request.method == "PATCH" and len(driver.sent) % 3 == 0 else None
driver.start()
driver.run(30)
print(len(log), hashlib.sha256("".join(log).encode()).hexdigest(), driver.shell.digest().hex())
"""


def test_two_hash_seeds_give_the_same_effects() -> None:
    toys = str(Path(__file__).with_name("conftest.py"))
    root = str(Path(__file__).resolve().parents[2])
    printed = set()
    for seed in ("0", "1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root}
        done = subprocess.run(
            [sys.executable, "-c", _HASHED, toys], env=environment, capture_output=True, text=True, check=True
        )
        printed.add(done.stdout)
    assert len(printed) == 1
    assert int(printed.pop().split()[0]) > 60


def test_a_key_with_nothing_left_is_forgotten(toys: Any) -> None:
    driver = toys.driver()
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 1))
    driver.start()
    driver.model.remove(toys.path(toys.widgets, "a"))
    driver.settle()
    assert driver.shell._desk.reads.of(("pairs", ("a",))), "its gadget is still there"
    driver.model.remove(toys.path(toys.gadgets, "a"))
    driver.settle()
    assert driver.shell._desk.reads.of(("pairs", ("a",))) == ()
    assert driver.shell._desk.root_counts.get(("pairs", ("a",))) is None
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 2))
    driver.settle()
    assert gadgets(driver) == {"a": 2}


def test_lists_by_label_wake_their_readers_and_no_others(toys: Any) -> None:
    passes: list[list[str]] = []

    def see(view: Any, key: Any, settings: Any) -> list[str]:
        return [thing["metadata"]["name"] for thing in view.list(toys.widgets, ("app", "x"))]

    def plan(seen: list[str], settings: Any, now: Any) -> Plan:
        passes.append(seen)
        return Plan()

    driver = toys.driver(
        Controller(
            name="lister",
            operations=frozenset(),
            watches=lambda settings: (Watched(toys.widgets),),
            roots=lambda resource, thing, settings: (("k",),) if resource is None else (),
            see=see,
            plan=plan,
        )
    )
    driver.start()
    for name, labels in (("b", {"app": "x"}), ("a", {"app": "x"}), ("c", {"app": "y"}), ("b", {"app": "z"}), ("c", {})):
        driver.model.put(toys.path(toys.widgets, name), toys.widget(name, 1, **labels))
        driver.settle()
    driver.model.remove(toys.path(toys.widgets, "a"))
    driver.settle()
    assert passes == [[], ["b"], ["a", "b"], ["a"], []]


def test_watches_follow_the_plans_that_name_them(toys: Any) -> None:
    other = Resource("t.example.io", "v1", "others", "Other")
    found: list[str] = []

    def plan(seen: Any, settings: Any, now: Any) -> Plan:
        return Plan(watches=(other,)) if seen is not None else Plan()

    def roots(resource: Any, thing: Any, settings: Any) -> list[tuple[str, ...]]:
        if resource == other:
            found.append(thing["metadata"]["name"])
        return [(thing["metadata"]["name"],)] if resource == toys.widgets else []

    driver = toys.driver(
        Controller(
            name="dynamic",
            operations=frozenset(),
            watches=lambda settings: (Watched(toys.widgets),),
            roots=roots,
            see=lambda view, key, settings: view.get(toys.widgets, Name("", key[0])),
            plan=plan,
        )
    )
    driver.model.put(toys.path(other, "o"), toys.widget("o", 1))
    for name in "ab":
        driver.model.put(toys.path(toys.widgets, name), toys.widget(name, 1))
    driver.start()
    assert found == ["o"]
    assert len(driver.streams) == 2
    driver.model.remove(toys.path(toys.widgets, "a"))
    driver.settle()
    assert len(driver.streams) == 2, "b still wants it"
    driver.model.remove(toys.path(toys.widgets, "b"))
    driver.settle()
    assert len(driver.streams) == 1
    assert driver.shell.view().list(other) == ()


def test_nothing_is_planned_before_its_watches_were_answered(toys: Any) -> None:
    driver = toys.driver(streaming=False)
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 1))
    driver.meddle = lambda request: NoAnswer("refused", sent=False) if "gadgets" in request.path else None
    driver.start()
    driver.run(5)
    assert not driver.shell._desk.reads.of(("pairs", ("a",)))
    driver.meddle = lambda request: None
    driver.run(60)
    assert gadgets(driver) == {"a": 1}


def test_roles_that_the_process_does_not_have_are_not_run(toys: Any) -> None:
    only = replace(toys.pairs, operations=frozenset({Operation.AUDIT}))
    driver = toys.driver(only, settings=Settings(operations=frozenset({Operation.WEBHOOK})))
    driver.start()
    assert not driver.streams


def test_rubbish_from_the_driver_or_the_server_is_survived(toys: Any) -> None:
    driver = toys.driver()
    driver.start()
    for event in (
        events.Answered(999, NoAnswer("nobody asked")),
        events.WatchLines(999, b"rubbish"),
        events.WatchClosed(999),
        events.CompileDone("unknown", "x"),
        events.SnapshotServed(7),
        events.TimerFired(0.0),
        events.WatchLines(min(driver.streams), b"\x00\xff rubbish\n"),
    ):
        driver.give(event)
    driver.run(10)
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 1))
    driver.run(10)
    assert gadgets(driver) == {"a": 1}


def test_work_grows_with_what_there_is_not_with_its_square(toys: Any) -> None:
    """Passes, not seconds: twice the objects, twice the passes."""
    counts = []
    for many in (50, 100):
        passes: list[int] = []

        def plan(seen: Any, settings: Any, now: Any, passes: list[int] = passes) -> Plan:
            passes.append(1)
            return toys.pairs.plan(seen, settings, now)

        driver = toys.driver(replace(toys.pairs, plan=plan))
        for number in range(many):
            driver.model.put(toys.path(toys.widgets, f"w{number}"), toys.widget(f"w{number}", number))
        driver.start()
        assert len(gadgets(driver)) == many
        counts.append(len(passes))
    assert counts[1] <= 2 * counts[0] + 5


def test_an_object_that_leaves_a_key_wakes_the_key_that_it_left(toys: Any) -> None:
    seen: list[tuple[str, int]] = []

    def roots(resource: Any, thing: Any, settings: Any) -> list[tuple[str, ...]]:
        return [(thing["metadata"]["labels"]["app"],)] if resource == toys.widgets else []

    def see(view: Any, key: Any, settings: Any) -> None:
        seen.append((key[0], 0))

    driver = toys.driver(
        Controller(
            name="grouping",
            operations=frozenset(),
            watches=lambda settings: (Watched(toys.widgets),),
            roots=roots,
            see=see,
            plan=lambda seen, settings, now: Plan(),
        )
    )
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 1, app="x"))
    driver.start()
    driver.model.put(toys.path(toys.widgets, "a"), toys.widget("a", 1, app="y"))
    driver.settle()
    driver.model.remove(toys.path(toys.widgets, "a"))
    driver.settle()
    assert [key for key, _ in seen] == ["x", "x", "y", "y"]
