"""Replaying against a small server of our own: what agrees passes, and each thing that goes wrong is told."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.replay.__main__ import main
from tests.replay.pairs import call, recorded, replay
from tests.replay.scenario import Scenario, Step, Until, load
from tests.replay.transport import AsgiTransport, HttpTransport, Reply

UIDS = [f"0a1b2c3d-1111-2222-3333-{n:012d}" for n in range(10)]
JSON = {"status": 200, "content_type": "application/json", "headers": {"Content-Type": "application/json"}}


class Things:
    """A server of things as an ASGI app: POST makes one, GET reads one, a watch tells of the next one made."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.asked = 0
        self.news = asyncio.Condition()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("no lifespan here")
        headers = dict(scope["headers"])
        body = (await receive())["body"]
        if headers.get(b"authorization") != b"Bearer secret":
            await self._answer(send, 401, {"message": "who are you?"})
        elif b"watch" in scope["query_string"]:
            await self._watch(send)
        elif scope["method"] == "POST":
            await self._make(send, json.loads(body))
        elif scope["path"].endswith("/late"):
            self.asked += 1
            await self._answer(send, 200 if self.asked > 2 else 404, {"asked": self.asked})
        else:
            name = scope["path"].rpartition("/")[2]
            found = [each for each in self.made if each["metadata"]["name"] == name]
            await self._answer(send, 200 if found else 404, found[0] if found else {"message": f"no {name}"})

    async def _answer(self, send: Any, status: int, body: Any, *more: tuple[bytes, bytes]) -> None:
        head = [(b"content-type", b"application/json"), *more]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def _make(self, send: Any, body: Any) -> None:
        number = len(self.made)
        thing = {"metadata": {**body["metadata"], "uid": UIDS[number], "resourceVersion": str(40 + number)}}
        async with self.news:
            self.made.append(thing)
            self.news.notify_all()
        await self._answer(send, 201, thing, (b"warning", b'299 - "one"'), (b"warning", b'299 - "two"'))

    async def _watch(self, send: Any) -> None:
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        already = len(self.made)
        async with self.news:
            await self.news.wait_for(lambda: len(self.made) > already)
        events = [{"type": "BOOKMARK", "object": {}}, {"type": "ADDED", "object": self.made[-1]}]
        for event in events:
            await send({"type": "http.response.body", "body": json.dumps(event).encode() + b"\n", "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def create(name: str, number: int) -> Step:
    body = {"metadata": {"name": name, "uid": f"$uid{number}", "resourceVersion": f"$rv{number}"}}
    headers = {"Content-Type": "application/json", "Warning": ['299 - "one"', '299 - "two"']}
    answer = {"status": 201, "content_type": "application/json", "headers": headers, "body": body}
    return Step(f"create {name}", {"method": "POST", "path": "/t", "body": {"metadata": {"name": name}}}, answer)


def read(name: str, number: int, **more: Any) -> Step:
    body = {"metadata": {"name": name, "uid": f"$uid{number}", "resourceVersion": f"$rv{number}"}}
    return Step(f"read {name}", {"method": "GET", "path": f"/t/{name}"}, {**JSON, "body": body}, **more)


def scenario(*steps: Step, setup: tuple[Step, ...] = ()) -> Scenario:
    return Scenario("toy", "things made and read", None, setup, steps)


@pytest.fixture
def transport() -> Iterator[AsgiTransport]:
    with AsgiTransport(Things(), "secret") as running:
        yield running


def test_what_agrees_passes(transport: AsgiTransport) -> None:
    setup = Step("setup", create("a", 1).request, {"status": 201, "body": {"metadata": {"uid": "$uid1"}}})
    result = replay(scenario(create("b", 2), read("a", 1), read("b", 2), setup=(setup,)), transport)
    assert result.failures == []
    assert (result.passed, result.total) == (3, 3)


def test_a_difference_is_told_with_path_wanted_and_got(transport: AsgiTransport) -> None:
    result = replay(scenario(create("a", 1), create("b", 2), read("b", 1)), transport)
    assert (result.passed, result.total) == (2, 3)
    assert result.report().splitlines()[:5] == [
        "toy: 2/3 steps agree",
        "  FAIL 'read b': GET /t/b",
        "    body.metadata.uid",
        f'      wanted "{UIDS[0]}"',
        f'      got    "{UIDS[1]}"',
    ]


def test_another_status_is_told_with_the_message(transport: AsgiTransport) -> None:
    result = replay(scenario(read("nobody", 1)), transport)
    assert [each.path for each in result.failures[0].differences] == ["status", "body"]
    assert "no nobody" in result.report()


def test_a_setup_that_fails_is_a_failure(transport: AsgiTransport) -> None:
    result = replay(scenario(create("b", 2), setup=(read("a", 1),)), transport)
    assert [each.step.name for each in result.failures] == ["read a"]
    assert (result.passed, result.total) == (1, 1)


def test_a_flaky_step_does_not_fail_but_is_listed(transport: AsgiTransport) -> None:
    result = replay(scenario(read("nobody", 1, flaky="by chance")), transport)
    assert (result.passed, result.total, len(result.flaky), result.failures) == (1, 1, 1, [])


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        pytest.param({"Content-Type": "application/json", "Warning": ['299 - "one"']}, "headers.Warning[1]", id="one"),
        pytest.param({"Content-Type": "application/json"}, "headers.Warning", id="none"),
    ],
)
def test_warnings_are_compared(transport: AsgiTransport, headers: dict[str, Any], path: str) -> None:
    step = create("a", 1)
    result = replay(scenario(Step(step.name, step.request, {**step.answer, "headers": headers})), transport)
    assert [each.path for each in result.failures[0].differences] == [path]


def test_a_request_is_repeated_until_its_answer_comes(transport: AsgiTransport) -> None:
    late = Step("late", {"method": "GET", "path": "/t/late"}, {**JSON, "body": {"asked": 3}}, until=Until(status=200))
    assert replay(scenario(late), transport).failures == []


def watch(during: Step, uid: str) -> Step:
    event = {"type": "ADDED", "object": {"metadata": {"name": "a", "uid": uid, "resourceVersion": "$rv1"}}}
    request = {"method": "GET", "path": "/t", "query": {"watch": "1", "timeoutSeconds": "5"}}
    return Step("watch", request, {**JSON, "events": [event]}, during=(during,))


def test_a_watch_is_read_while_requests_are_made(transport: AsgiTransport) -> None:
    result = replay(scenario(watch(create("a", 1), "$uid1")), transport)
    assert result.failures == [], result.report()


def test_what_differs_in_a_watch_is_told(transport: AsgiTransport) -> None:
    result = replay(scenario(watch(create("a", 1), UIDS[5])), transport)
    assert [each.path for each in result.failures[0].differences] == ["events[0].object.metadata.uid"]
    result = replay(scenario(watch(create("other", 2), "$uid2")), transport)
    assert "events[0].object.metadata.name" in [each.path for each in result.failures[0].differences]


@pytest.mark.parametrize(
    ("request_", "method", "target", "body", "kind"),
    [
        pytest.param({"method": "GET", "path": "/a"}, "GET", "/a", None, None, id="no body"),
        pytest.param(
            {"method": "GET", "path": "/a", "query": {"l": "a b=c"}}, "GET", "/a?l=a+b%3Dc", None, None, id="query"
        ),
        pytest.param(
            {"method": "POST", "path": "/a", "body": {"x": 1}}, "POST", "/a", b'{"x": 1}', "application/json", id="body"
        ),
        pytest.param(
            {"method": "POST", "path": "/a", "body_text": "{"}, "POST", "/a", b"{", "application/json", id="text"
        ),
        pytest.param({"method": "POST", "path": "/a", "body_base64": "AP8="}, "POST", "/a", b"\0\xff", None, id="raw"),
        pytest.param(
            {"method": "PATCH", "path": "/a", "body": [], "headers": {"Content-Type": "application/json-patch+json"}},
            "PATCH",
            "/a",
            b"[]",
            "application/json-patch+json",
            id="own type",
        ),
    ],
)
def test_requests_go_out_as_recorded(
    request_: dict[str, Any], method: str, target: str, body: bytes | None, kind: str | None
) -> None:
    made = call(request_)
    assert (made.method, made.target, made.body, made.headers.get("Content-Type")) == (method, target, body, kind)
    assert (made.headers["User-Agent"], made.headers["Accept"]) == ("conformance/1.0", "application/json")


@pytest.mark.parametrize(
    ("body", "key", "value"),
    [
        pytest.param(b'{"a": 1}', "body", {"a": 1}, id="json"),
        pytest.param(b"404 page not found\n", "body_text", "404 page not found\n", id="text"),
        pytest.param(b"k8s\0\xff", "body_base64", "azhzAP8=", id="bytes"),
    ],
)
def test_answers_are_read_in_the_shape_of_the_recordings(body: bytes, key: str, value: Any) -> None:
    answer = recorded(Reply(200, (("content-type", "x/y"), ("Date", "today"), ("RETRY-AFTER", "1")), body))
    assert answer == {
        "status": 200,
        "content_type": "x/y",
        "headers": {"Content-Type": "x/y", "Retry-After": "1"},
        key: value,
    }


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == "/t/a" and self.headers["Authorization"] == "Bearer secret"
        body = b'{"metadata": {"name": "a"}}' if found else b'{"message": "no"}'
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def http_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def write_scenario(folder: Path, name: str = "a") -> None:
    request = {"method": "GET", "path": f"/t/{name}"}
    step = {"name": "read", "request": request, "answer": {**JSON, "body": {"metadata": {"name": "a"}}}}
    text = json.dumps({"scenario": f"10-{name}", "what": "reading", "setup": [], "steps": [step]})
    (folder / f"10-{name}.json").write_text(text)


def test_over_http(http_server: str, tmp_path: Path) -> None:
    write_scenario(tmp_path)
    assert replay(load(tmp_path / "10-a.json"), HttpTransport(http_server, "secret")).failures == []
    assert len(replay(load(tmp_path / "10-a.json"), HttpTransport(http_server, "other")).failures) == 1


def test_the_command_counts_and_tells(http_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_scenario(tmp_path, "a")
    write_scenario(tmp_path, "b")
    assert main([http_server, "secret", "--folder", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [lines[0].split(), lines[1].split()] == [["10-a", "1/1"], ["10-b", "0/1"]]
    assert lines[2] == "  FAIL 'read': GET /t/b"
    assert lines[-1] == "2 files, 1 of 2 steps agree (50.0 %)"
    assert main([http_server, "secret", "10-a", "--folder", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["http://127.0.0.1:1", "secret"], "Connection refused", id="nobody there"),
        pytest.param(["127.0.0.1:1", "secret"], "is no base URL", id="no URL"),
        pytest.param(["http://127.0.0.1:1", "secret", "no-such-file"], "no scenario in", id="no scenario"),
    ],
)
def test_the_command_says_what_is_missing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scenario(tmp_path)
    assert main([*arguments, "--folder", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert len(printed.splitlines()) == 1
