"""Single transitions of list-and-watch: what a server may say, and what the informer does next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewright.core.http import NoAnswer, Response
from gatewright.core.objects import Name, Resource
from gatewright.kube import informer_events as wire
from gatewright.kube.informer_events import Target
from gatewright.kube.listwatch import LATEST, PATIENCE, SILENCE, STREAM_PATIENCE, ListWatch, State, step

PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
NOT_SERVED = Response(404, (("content-type", "text/plain"),), b"404 page not found\n")


def half(often: int) -> float:
    return 0.5


class Carrier:
    """Tells a machine things at a time, and keeps what it asked for."""

    def __init__(self, machine: ListWatch) -> None:
        self.machine, self.time, self.out = machine, 0.0, ()

    def tell(self, event: Any, after: float = 0.0) -> tuple[Any, ...]:
        self.time += after
        self.machine, self.out = step(self.machine, event, self.time, half)
        return self.out

    def kinds(self) -> list[str]:
        return [one.kind if isinstance(one, wire.Noticed) else type(one).__name__ for one in self.out]

    def query(self) -> dict[str, str]:
        (request,) = (one.request for one in self.out if isinstance(one, wire.Ask | wire.Open))
        return dict(request.query)

    def wait(self) -> float:
        assert self.machine.state is State.WAITING
        return self.machine.until - self.time


def thing(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n", "uid": f"u-{name}", "resourceVersion": str(version)}}


def page(version: int, *items: dict[str, Any], token: str = "") -> wire.Answer:
    meta = {"resourceVersion": str(version), "continue": token}
    return wire.Answer(Response(200, (), json.dumps({"kind": "PodList", "metadata": meta, "items": items}).encode()))


def line(kind: str, body: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def mark(version: int, **annotations: str) -> bytes:
    return line("BOOKMARK", {"metadata": {"resourceVersion": str(version), "annotations": annotations}})


def refusal(code: int, message: str = "no", seconds: int = 0) -> Response:
    details = {"details": {"retryAfterSeconds": seconds}} if seconds else {}
    body = {"kind": "Status", "code": code, "reason": "X", "message": message, **details}
    return Response(code, (), json.dumps(body).encode())


@pytest.fixture
def paging() -> Carrier:
    carrier = Carrier(ListWatch(Target(PODS, "n", "app=x", "spec.nodeName=y"), streaming=False))
    carrier.tell(wire.Start())
    return carrier


@pytest.fixture
def watching() -> Carrier:
    carrier = Carrier(ListWatch(Target(PODS), streaming=False))
    carrier.tell(wire.Start())
    carrier.tell(page(100, thing("a", 90)))
    return carrier


@pytest.fixture
def streaming() -> Carrier:
    carrier = Carrier(ListWatch(Target(PODS)))
    carrier.tell(wire.Start())
    return carrier


def test_pages_are_gathered_and_handed_over_whole(paging: Carrier) -> None:
    assert paging.query()["limit"] == "250"
    paging.tell(page(100, thing("a", 90), token="more"))
    assert paging.kinds() == ["Ask"]
    query = paging.query()
    assert (query["continue"], query["labelSelector"], query["fieldSelector"]) == ("more", "app=x", "spec.nodeName=y")
    assert "resourceVersion" not in query
    replaced, opened = paging.tell(page(100, thing("b", 95)))
    assert sorted(replaced.items) == [Name("n", "a"), Name("n", "b")]
    assert dict(opened.request.query)["resourceVersion"] == "100"
    assert json.loads(replaced.items[Name("n", "a")].raw)["kind"] == "Pod"


def test_a_page_token_that_expired_starts_the_list_anew(paging: Carrier) -> None:
    paging.tell(page(100, thing("a", 90), token="more"))
    paging.tell(wire.Answer(refusal(410)))
    assert paging.kinds() == ["refused"]
    paging.tell(wire.Tick(), after=60)
    assert "continue" not in paging.query()


@pytest.mark.parametrize(
    ("answer", "notice", "shortest", "longest"),
    [
        pytest.param(NoAnswer("refused"), "lost", 0.02, 0.06, id="no answer"),
        pytest.param(refusal(500), "refused", 0.02, 0.06, id="500"),
        pytest.param(refusal(403), "refused", 0.02, 0.06, id="403"),
        pytest.param(refusal(429, seconds=7), "refused", 7, 7, id="429 by details"),
        pytest.param(Response(429, (("retry-after", "3"),), b"slow down"), "refused", 3, 3, id="429 by header"),
        pytest.param(NOT_SERVED, "refused", 0.02, 0.06, id="kind not served"),
        pytest.param(Response(200, (), b"rubbish"), "garbage", 0.02, 0.06, id="rubbish"),
        pytest.param(Response(200, (), b'{"metadata": {}, "items": []}'), "garbage", 0.02, 0.06, id="no version"),
        pytest.param(
            Response(200, (), b'{"metadata": {"resourceVersion": "1"}, "items": [7]}'), "garbage", 0, 1, id="item"
        ),
    ],
)
def test_a_failed_list_is_tried_again(
    paging: Carrier, answer: Any, notice: str, shortest: float, longest: float
) -> None:
    paging.tell(wire.Answer(answer))
    assert paging.kinds() == [notice]
    assert shortest <= paging.wait() <= longest
    assert paging.machine.deadline == paging.machine.until
    assert paging.tell(wire.Tick()) == ()
    paging.tell(wire.Tick(), after=longest)
    assert paging.kinds() == ["Ask"]


def test_failures_wait_ever_longer_and_a_kind_not_served_at_most_five_seconds(paging: Carrier) -> None:
    waits = []
    for _ in range(20):
        paging.tell(wire.Answer(NOT_SERVED))
        waits.append(round(paging.wait(), 6))
        paging.tell(wire.Tick(), after=paging.wait())
    assert waits == sorted(waits)
    assert waits[-1] <= 5.0
    for _ in range(20):
        paging.tell(wire.Answer(NoAnswer("refused")))
        waits.append(round(paging.wait(), 6))
        paging.tell(wire.Tick(), after=paging.wait())
    assert 5.0 < waits[-1] <= 30.0


def test_events_change_the_cache_and_move_on(watching: Carrier) -> None:
    data = line("ADDED", thing("b", 101)) + line("MODIFIED", thing("a", 102)) + line("DELETED", thing("b", 103))
    put, changed, removed = watching.tell(wire.Data(data))
    assert (put.item.name, changed.item.version) == (Name("n", "b"), "102")
    assert removed == wire.Removed(Name("n", "b"), "u-b", "103")
    assert watching.machine.seen == "103"


def test_a_clean_close_goes_on_where_the_last_bookmark_was(watching: Carrier) -> None:
    watching.tell(wire.Data(mark(150)))
    watching.tell(wire.Closed(), after=300)
    assert watching.query()["resourceVersion"] == "150"


def test_a_watch_that_closes_at_once_is_not_reopened_at_once(watching: Carrier) -> None:
    watching.tell(wire.Closed(), after=0.1)
    assert watching.kinds() == ["lost"]
    assert watching.wait() > 0


def test_a_lost_watch_goes_on_at_the_last_version(watching: Carrier) -> None:
    watching.tell(wire.Data(line("ADDED", thing("b", 101))))
    watching.tell(wire.Closed("connection reset"))
    watching.tell(wire.Tick(), after=watching.wait())
    assert watching.query()["resourceVersion"] == "101"


def test_too_old_lists_again_at_once_but_not_for_ever(watching: Carrier) -> None:
    gone = wire.Data(line("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}))
    watching.tell(gone)
    assert watching.kinds() == ["expired", "HangUp", "Ask"]
    watching.tell(page(200, thing("a", 190)))
    watching.tell(gone)
    assert watching.kinds() == ["HangUp", "expired"]
    assert watching.wait() > 0


@pytest.mark.parametrize(
    ("answer", "resume", "unsynced"),
    [
        pytest.param(refusal(429, seconds=1), State.WATCHING, False, id="429 re-initialising"),
        pytest.param(refusal(503), State.WATCHING, False, id="503"),
        pytest.param(NoAnswer("refused"), State.WATCHING, False, id="no answer"),
        pytest.param(NOT_SERVED, State.LISTING, True, id="kind gone"),
        pytest.param(refusal(403), State.LISTING, False, id="403"),
    ],
)
def test_a_watch_that_is_not_granted(watching: Carrier, answer: Any, resume: State, unsynced: bool) -> None:
    watching.tell(wire.Answer(answer))
    assert watching.machine.resume is resume
    assert ("Unsynced" in watching.kinds()) is unsynced
    assert watching.machine.synced is not unsynced


def test_a_refused_watch_with_410_lists_again(watching: Carrier) -> None:
    watching.tell(wire.Answer(refusal(410)))
    assert watching.kinds() == ["expired", "HangUp", "Ask"]


def test_an_error_event_other_than_too_old(watching: Carrier) -> None:
    body = {"kind": "Status", "code": 429, "details": {"retryAfterSeconds": 4}}
    watching.tell(wire.Data(line("ADDED", thing("b", 101)) + line("ERROR", body)))
    assert watching.kinds() == ["Put", "HangUp", "refused"]
    assert watching.machine.resume is State.WATCHING
    assert watching.wait() == 4


def test_rubbish_in_a_stream_keeps_what_came_before_it(watching: Carrier) -> None:
    watching.tell(wire.Data(line("ADDED", thing("b", 101)) + b"rubbish\n"))
    assert watching.kinds() == ["Put", "HangUp", "garbage"]
    watching.tell(wire.Tick(), after=watching.wait())
    assert watching.query()["resourceVersion"] == "101"


def test_lines_may_be_cut_anywhere(watching: Carrier) -> None:
    data = line("ADDED", thing("é", 101)) + b"\n" + line("ADDED", thing("c", 102))
    found = []
    for index in range(len(data)):
        found += watching.tell(wire.Data(data[index : index + 1]))
    assert [one.item.name.name for one in found] == ["é", "c"]


def test_old_events_are_dropped(watching: Carrier) -> None:
    watching.tell(wire.Data(line("MODIFIED", thing("a", 90)) + line("ADDED", thing("z", 100)) + mark(50)))
    assert watching.kinds() == ["stale", "stale"]
    assert watching.machine.seen == "100"


def test_a_list_behind_is_refused_until_patience_ends(watching: Carrier) -> None:
    watching.tell(wire.Answer(refusal(410)))
    watching.tell(page(99, thing("a", 90)))
    assert watching.kinds() == ["behind"]
    begun = watching.time
    while True:
        watching.tell(wire.Tick(), after=watching.wait())
        watching.tell(page(99, thing("a", 90)))
        if watching.machine.state is not State.WAITING:
            break
        assert watching.machine.seen == "100"
    assert watching.kinds() == ["regressed", "Replaced", "Open"]
    assert watching.time - begun >= PATIENCE
    assert watching.machine.seen == "99"


def test_a_list_that_caught_up_is_taken(watching: Carrier) -> None:
    watching.tell(wire.Answer(refusal(410)))
    watching.tell(page(99))
    watching.tell(wire.Tick(), after=watching.wait())
    watching.tell(page(100))
    assert watching.kinds() == ["Replaced", "Open"]
    assert watching.machine.behind_since is None


def test_a_watch_that_outlives_its_time_is_dead(watching: Carrier) -> None:
    lifetime = watching.machine.lifetime
    assert 240 <= lifetime <= 480
    assert watching.tell(wire.Tick(), after=lifetime) == ()
    watching.tell(wire.Tick(), after=LATEST)
    assert watching.kinds() == ["stalled", "HangUp", "Open"]


def test_a_server_that_sends_bookmarks_is_not_silent_for_long(watching: Carrier) -> None:
    watching.tell(wire.Data(mark(101)), after=60)
    assert watching.tell(wire.Tick(), after=SILENCE - 1) == ()
    watching.tell(wire.Tick(), after=1)
    assert watching.kinds() == ["stalled", "HangUp", "Open"]


def test_a_streaming_list_is_whole_at_its_mark_and_goes_on_as_a_watch(streaming: Carrier) -> None:
    query = streaming.query()
    assert query["sendInitialEvents"] == "true"
    assert query["resourceVersionMatch"] == "NotOlderThan"
    assert query["allowWatchBookmarks"] == "true"
    assert "resourceVersion" not in query
    streaming.tell(wire.Data(line("ADDED", thing("a", 5)) + line("ADDED", thing("b", 3)) + mark(4)))
    assert streaming.out == ()
    streaming.tell(wire.Data(line("DELETED", thing("b", 6))))
    end = mark(9, **{"k8s.io/initial-events-end": "true"})
    replaced, put = streaming.tell(wire.Data(end + line("ADDED", thing("c", 10)) + b'{"type'))
    assert sorted(name.name for name in replaced.items) == ["a"]
    assert put.item.name.name == "c"
    assert streaming.machine.settled
    streaming.tell(wire.Data(line("ADDED", thing("d", 11))[6:]))
    assert streaming.kinds() == ["Put"]


@pytest.mark.parametrize("code", [pytest.param(422, id="forbidden field"), pytest.param(400, id="bad request")])
def test_a_server_without_streaming_lists_is_asked_for_pages(streaming: Carrier, code: int) -> None:
    streaming.tell(wire.Answer(refusal(code, "sendInitialEvents: Forbidden")))
    assert streaming.kinds() == ["fallback", "Ask"]
    streaming.tell(page(5))
    streaming.tell(wire.Answer(refusal(410)))
    assert "Ask" in streaming.kinds()


def test_a_server_that_ignores_the_question_is_asked_for_pages(streaming: Carrier) -> None:
    streaming.tell(wire.Data(line("ADDED", thing("a", 5))))
    streaming.tell(wire.Tick(), after=STREAM_PATIENCE)
    assert streaming.kinds() == ["HangUp", "fallback", "Ask"]


def test_a_streaming_list_behind_is_hung_up(watching: Carrier) -> None:
    machine = watching.machine
    carrier = Carrier(ListWatch(Target(PODS), seen=machine.seen, synced=True))
    carrier.tell(wire.Start())
    carrier.tell(wire.Data(mark(99, **{"k8s.io/initial-events-end": "true"})))
    assert carrier.kinds() == ["HangUp", "behind"]


def test_stopping_hangs_up_for_good(watching: Carrier) -> None:
    watching.tell(wire.Stop())
    assert watching.kinds() == ["HangUp"]
    assert watching.tell(wire.Tick(), after=1000) == ()
    assert watching.machine.deadline is None


def test_versions_that_are_no_numbers_are_never_called_old() -> None:
    carrier = Carrier(ListWatch(Target(PODS), streaming=False))
    carrier.tell(wire.Start())
    carrier.tell(wire.Answer(Response(200, (), b'{"metadata": {"resourceVersion": "zz"}, "items": []}')))
    carrier.tell(wire.Data(line("ADDED", {"metadata": {"name": "a", "resourceVersion": "aa"}})))
    assert carrier.kinds() == ["Put"]


def test_an_object_too_deep_stops_nothing(watching: Carrier) -> None:
    nested = b'{"type":"ADDED","object":{"metadata":{"name":"x"},"a":' + b"[" * 5000 + b"]" * 5000 + b"}}\n"
    watching.tell(wire.Data(line("ADDED", thing("b", 101)) + nested))
    assert watching.kinds() == ["Put", "skipped", "HangUp", "Ask"]
    items = b'{"metadata":{"name":"d"},"a":' + b"[" * 5000 + b"]" * 5000 + b'},{"metadata":{"name":"e"}}'
    body = b'{"kind":"PodList","metadata":{"resourceVersion":"102"},"items":[' + items + b"]}"
    watching.tell(wire.Answer(Response(200, (), body)))
    assert watching.kinds() == ["skipped", "Replaced", "Open"]
    assert [name.name for name in watching.out[1].items] == ["e"]
