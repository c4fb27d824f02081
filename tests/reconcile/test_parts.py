"""The small values that the shell is made of: timers, lines, reads, facts, caches."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rpds import HashTrieMap

from gatewright.control.view import Fact
from gatewright.core.objects import Name, Resource
from gatewright.kube.items import Item
from gatewright.reconcile.caches import Cache, decode, tampered
from gatewright.reconcile.draws import draw
from gatewright.reconcile.facts import KEPT_COMPILED, Facts
from gatewright.reconcile.lines import Line
from gatewright.reconcile.reads import Reads
from gatewright.reconcile.timers import Timers

PODS = Resource("", "v1", "pods", "Pod", namespaced=True)


# --- timers


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abcde"))), st.integers(0, 20))
def test_timers_give_what_is_due_in_order_each_once(pushed: list[tuple[int, str]], now: int) -> None:
    timers = Timers()
    for at, who in pushed:
        timers = timers.push(float(at), ("t", who))
    assert timers.earliest == min((at for at, _ in pushed), default=None)
    left, due = timers.pop_due(now)
    assert due == tuple(dict.fromkeys(("t", who) for at, who in sorted(pushed) if at <= now))
    assert left.entries() == tuple(sorted({(float(at), ("t", who)) for at, who in pushed if at > now}))


def test_thousands_of_timers_are_no_deep_recursion() -> None:
    timers = Timers()
    for at in range(20_000):
        timers = timers.push(float(at), ("t",))
    assert timers.pop_due(19_998.0)[0].earliest == 19_999.0


# --- lines


@given(st.lists(st.one_of(st.integers(), st.none())))
def test_a_line_is_first_in_first_out(moves: list[int | None]) -> None:
    line: Line[int] = Line()
    model: list[int] = []
    for move in moves:
        if move is not None:
            line = line.put(move)
            model.append(move)
        elif model:
            value, line = line.take()
            assert value == model.pop(0)
        assert list(line) == model
        assert len(line) == len(model)


# --- reads

_READS = st.lists(st.sampled_from([("fact", name) for name in "abcd"]), max_size=4)


@given(st.lists(st.tuples(st.sampled_from([("c", ("x",)), ("c", ("y",))]), _READS), max_size=12))
def test_readers_are_those_of_the_latest_pass(passes: list[tuple[Any, list[Any]]]) -> None:
    reads = Reads()
    model: dict[Any, list[Any]] = {}
    for key, found in passes:
        before = {read for one in model.values() for read in one}
        model[key] = found
        after = {read for one in model.values() for read in one}
        reads, dropped = reads.record(key, found)
        assert set(dropped) == before - after
        for read in [("fact", name) for name in "abcd"]:
            assert reads.readers_of(read) == tuple(sorted(key for key, one in model.items() if read in one))


# --- facts


def test_answers_without_a_reader_go_and_notes_stay() -> None:
    facts = Facts().put(("live", 1), Fact(1, 0.0), answer=True).put(("note",), Fact(2, 0.0))
    facts = facts.release(("live", 1)).release(("note",))
    assert facts.get(("live", 1)) is None
    assert facts.get(("note",)) is not None


def test_compiled_outcomes_stay_for_a_while() -> None:
    facts = Facts()
    for number in range(KEPT_COMPILED + 2):
        facts = facts.put(("compiled", number), Fact(number, 0.0), answer=True).release(("compiled", number))
    facts = facts.trimmed(lambda name: name == ("compiled", 0))
    assert facts.get(("compiled", 0)) is not None, "it is read"
    assert facts.get(("compiled", 1)) is None
    assert facts.get(("compiled", 2)) is not None


# --- caches


def item(name: str, version: int, uid: str = "u", **labels: str) -> Item:
    meta = {"name": name, "uid": uid, "resourceVersion": str(version), "labels": labels}
    return Item(
        Name("", name), uid, str(version), tuple(sorted(labels.items())), json.dumps({"metadata": meta}).encode()
    )


def test_a_cache_takes_newer_objects_only() -> None:
    cache, change = Cache().put(item("a", 5))
    assert change is not None
    assert change.before is None
    same, change = cache.put(item("a", 4))
    assert change is None
    assert same.items == cache.items
    cache, change = cache.remove(Name("", "a"), "4")
    assert change is None
    cache, change = cache.remove(Name("", "a"), "6")
    assert change is not None
    assert change.after is None
    assert cache.digest == 0


_ITEMS = st.dictionaries(
    st.sampled_from("abcd"), st.tuples(st.integers(1, 3), st.sampled_from(({}, {"l": "1"}, {"l": "2", "m": "1"})))
)


@given(st.lists(_ITEMS, min_size=1, max_size=4))
def test_whatever_the_way_the_same_state_has_the_same_index_and_digest(states: list[dict[str, Any]]) -> None:
    def whole(state: dict[str, Any], turn: int) -> HashTrieMap[Name, Item]:
        return HashTrieMap(
            {Name("", name): item(name, 10 * turn + one, **labels) for name, (one, labels) in state.items()}
        )

    cache = Cache()
    for turn, state in enumerate(states):
        before = cache
        cache, changes = cache.replaced(whole(state, turn), str(10 * turn + 9))
        assert [change.name for change in changes] == sorted(change.name for change in changes)
        by_events = before
        for change in changes:
            if change.after is not None:
                by_events, _ = by_events.put(change.after)
            else:
                by_events, _ = by_events.remove(change.name, str(10 * turn + 9))
        assert (by_events.items, by_events.digest) == (cache.items, cache.digest)
        fresh, _ = Cache().replaced(whole(state, turn), "1")
        assert fresh.digest == cache.digest
        for label in (("l", "1"), ("l", "2"), ("m", "1")):
            found = [one.name for one in cache.find(label)]
            assert found == [one.name for one in fresh.find(label)] == [one.name for one in by_events.find(label)]
            assert cache.has(label) == bool(found)


def test_a_reader_that_changes_an_object_is_found_out() -> None:
    cache, _ = Cache().put(item("tampered", 1))
    thing: Any = decode(cache.items[Name("", "tampered")].raw)
    assert tampered(cache) == ()
    thing["metadata"]["name"] = "other"
    assert tampered(cache) == (Name("", "tampered"),)


# --- draws


def test_draws_are_spread_and_repeat() -> None:
    found = [draw(1, "a", number) for number in range(1000)]
    assert found == [draw(1, "a", number) for number in range(1000)]
    assert all(0 <= number < 1 for number in found)
    assert 0.45 < sum(found) / 1000 < 0.55
    assert draw(1, "a") != draw(2, "a")
