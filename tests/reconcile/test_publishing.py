"""The snapshot: entries and mirrors go in, versions go out one at a time, acknowledgements come back as facts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from gatewright.control.intents import Load, Mirror, Note, Plan
from gatewright.control.view import Controller, Watched
from gatewright.core.objects import Resource
from gatewright.reconcile import events
from gatewright.reconcile.publication import Publication

NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)


@dataclass(frozen=True)
class Entries:
    """The least that the shell asks of a snapshot."""

    entries: dict[Any, Any] = field(default_factory=dict)

    def with_entry(self, slot: Any, entry: Any) -> Entries:
        left = {place: one for place, one in self.entries.items() if place != slot}
        return Entries(left if entry is None else {**left, slot: entry})


def loader(slots: int) -> Controller:
    """A key per slot, which loads until it is told that its entry is served."""

    def plan(seen: Any, settings: Any, now: Any) -> Plan:
        key, loaded, wanted = seen
        slot = ("template", key[0])
        if not wanted:
            return Plan(((Load(slot, ("", 0), None),),)) if loaded is not None else Plan()
        if loaded is not None and loaded.value == ("u", 1):
            return Plan(((Note(("served", key[0]), True),),))
        return Plan(((Load(slot, ("u", 1), f"entry {key[0]}"), Note(("after", key[0]), True)),))

    def see(view: Any, key: Any, settings: Any) -> Any:
        off = view.fact(("off",))
        return key, view.fact(("loaded", ("template", key[0]))), off is None

    return Controller(
        name="loader",
        operations=frozenset(),
        watches=lambda settings: (),
        roots=lambda resource, thing, settings: [(f"t{one}",) for one in range(slots)] if resource is None else [],
        see=see,
        plan=plan,
    )


def test_many_loads_are_published_together_and_acknowledged(toys: Any) -> None:
    driver = toys.driver(loader(100), snapshot=Entries())
    driver.start()
    assert len(driver.published) < 30
    assert driver.published[-1].snapshot.entries == {("template", f"t{one}"): f"entry t{one}" for one in range(100)}
    assert driver.shell.fact(("loaded", ("template", "t7"))).value == ("u", 1)
    assert driver.shell.fact(("after", "t7")).value is True
    assert driver.shell.idle


def test_what_is_unloaded_is_no_fact_any_more(toys: Any) -> None:
    driver = toys.driver(loader(2), snapshot=Entries())
    driver.start()
    driver.give(events.Noted(("off",), True))
    driver.settle()
    assert driver.shell.snapshot == Entries()
    assert driver.shell.fact(("loaded", ("template", "t0"))) is None


def test_nothing_is_loaded_before_it_is_acknowledged(toys: Any) -> None:
    driver = toys.driver(loader(1), snapshot=Entries())
    deaf = driver._carry
    driver._carry = lambda effect: None if isinstance(effect, events.Publish) else deaf(effect)
    driver.start()
    driver.run(60)
    assert driver.shell.fact(("loaded", ("template", "t0"))) is None
    driver.give(events.SnapshotServed(1))
    driver.settle()
    assert driver.shell.fact(("loaded", ("template", "t0"))).value == ("u", 1)


def test_a_version_that_nobody_acknowledges_does_not_hold_up_the_next_for_ever(toys: Any) -> None:
    driver = toys.driver(loader(20), snapshot=Entries(), burst=1)
    published: list[Any] = []
    carry = driver._carry
    driver._carry = lambda effect: published.append(effect) if isinstance(effect, events.Publish) else carry(effect)
    driver.start()
    assert [one.version for one in published] == [1]
    driver.run(3)
    assert [one.version for one in published] == [1, 2]
    driver.give(events.SnapshotServed(2))
    assert driver.shell.fact(("loaded", ("template", "t0"))) is not None


# --- mirrors


def mirroring(*mirrors: Mirror, watches: tuple[Resource, ...] = ()) -> Controller:
    """Mirrors what the fact ("mirrors",) names, or these."""

    def plan(seen: Any, settings: Any, now: Any) -> Plan:
        return Plan(watches=watches, mirrors=mirrors if seen is None else seen.value)

    return Controller(
        name="mirroring",
        operations=frozenset(),
        watches=lambda settings: (Watched(PODS, "only"),),
        roots=lambda resource, thing, settings: (("k",),) if resource is None else (),
        see=lambda view, key, settings: view.fact(("mirrors",)),
        plan=plan,
    )


def pod(name: str, namespace: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}}


def with_pods(toys: Any, *mirrors: Mirror, count: int = 0, **more: Any) -> Any:
    driver = toys.driver(mirroring(*mirrors), snapshot=Entries(), **more)
    for name, namespace in (("a", "n"), ("b", "kube-system"), ("c", "only")):
        driver.model.put(f"/api/v1/namespaces/{namespace}/pods/{name}", pod(name, namespace))
    for number in range(count):
        driver.model.put(f"/api/v1/namespaces/n/pods/p{number:04}", pod(f"p{number:04}", "n"))
    driver.start()
    return driver


def slot(name: str, namespace: str) -> tuple[str, ...]:
    return ("object", "", "v1", "Pod", namespace, name)


def test_mirrored_objects_stand_in_the_snapshot_as_they_are_served(toys: Any) -> None:
    driver = with_pods(toys, Mirror(PODS, skip=("kube-*",)))
    assert sorted(driver.shell.snapshot.entries) == [slot("a", "n"), slot("c", "only")]
    raw = json.loads(driver.shell.snapshot.entries[slot("a", "n")])
    assert (raw["apiVersion"], raw["kind"], raw["metadata"]["name"]) == ("v1", "Pod", "a")
    assert driver.shell.fact(("mirrored", PODS)).value is True
    driver.model.put("/api/v1/namespaces/n/pods/a", {**pod("a", "n"), "spec": {"x": 2}})
    driver.model.remove("/api/v1/namespaces/only/pods/c")
    driver.settle()
    assert sorted(driver.published[-1].snapshot.entries) == [slot("a", "n")]
    assert json.loads(driver.published[-1].snapshot.entries[slot("a", "n")])["spec"] == {"x": 2}


def test_plans_do_not_see_what_is_only_mirrored(toys: Any) -> None:
    driver = with_pods(toys, Mirror(PODS))
    view = driver.shell.view()
    assert [thing["metadata"]["name"] for thing in view.list(PODS)] == ["c"]


def test_another_skip_moves_only_what_it_concerns(toys: Any) -> None:
    driver = with_pods(toys, Mirror(PODS, skip=("kube-*",)))
    driver.give(events.Noted(("mirrors",), (Mirror(PODS, skip=("n",)),)))
    driver.settle()
    assert sorted(driver.shell.snapshot.entries) == [slot("b", "kube-system"), slot("c", "only")]
    assert driver.shell.fact(("mirrored", PODS)).value is True


def test_a_mirror_that_nobody_wants_leaves_nothing_behind(toys: Any) -> None:
    driver = with_pods(toys, Mirror(PODS))
    watches = len(driver.streams)
    driver.give(events.Noted(("mirrors",), ()))
    driver.settle()
    assert driver.shell.snapshot == Entries()
    assert driver.shell.fact(("mirrored", PODS)) is None
    assert len(driver.streams) == watches - 1


def test_namespaces_have_a_slot_of_their_own_and_are_skipped_by_name(toys: Any) -> None:
    driver = toys.driver(mirroring(Mirror(NAMESPACES, "namespace", ("*-system",))), snapshot=Entries())
    for name in ("a", "kube-system"):
        driver.model.put(f"/api/v1/namespaces/{name}", {"metadata": {"name": name}})
    driver.start()
    assert sorted(driver.shell.snapshot.entries) == [("namespace", "a")]


def test_a_long_list_is_looked_at_in_pieces_and_complete_only_at_the_end(toys: Any) -> None:
    driver = with_pods(toys, Mirror(PODS), count=1050)
    assert len(driver.shell.snapshot.entries) == 1053
    assert driver.shell.fact(("mirrored", PODS)).value is True
    complete = next(one for one in driver.published if len(one.snapshot.entries) == 1053)
    assert complete.version > 1


def test_a_kind_that_is_not_served_is_not_mirrored(toys: Any) -> None:
    driver = toys.driver(mirroring(Mirror(toys.widgets)), snapshot=Entries())
    driver.model.unserved.add("apis/t.example.io/v1/widgets")
    driver.start()
    driver.run(3)
    assert driver.shell.fact(("mirrored", toys.widgets)) is None
    assert driver.shell.fact(("unwatchable", toys.widgets)).value[0] == 404
    driver.model.unserved.clear()
    driver.run(6)
    assert driver.shell.fact(("mirrored", toys.widgets)).value is True
    assert driver.shell.fact(("unwatchable", toys.widgets)) is None


def test_an_older_version_served_releases_nobody_who_waits_for_a_newer_one() -> None:
    waiting = Publication(Entries()).published(0.0).waits(PODS)
    after, over = waiting.acknowledged(1)
    assert over == ()
    after, over = after.published(1.0).acknowledged(9)
    assert over == (PODS,)
    assert after.served == 2
