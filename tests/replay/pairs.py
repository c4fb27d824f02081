"""Replaying recorded scenarios against a server and reporting, step by step, what differs.

Called by tests (real and embedded API server) and by `python -m tests.replay`. How requests travel is the business of
the transport, what counts as equal that of `compare`.

    with AsgiTransport(app, token) as transport:          # or HttpTransport(url, token)
        for scenario in scenarios(conformance / "apiserver"):
            result = replay(scenario, transport)
            assert result.passed == result.total, result.report()
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.replay.compare import ABSENT, Difference, differences
from tests.replay.placeholders import Bindings
from tests.replay.scenario import Scenario, Step, Until
from tests.replay.transport import Call, Reply, Transport

AGENT = "conformance/1.0"  # names the default field manager in the recordings
KEPT_HEADERS = ("Content-Type", "Warning", "Allow", "Retry-After", "Location")
INITIAL_END = "k8s.io/initial-events-end"
REPEAT_EVERY, REPEAT_FOR = 0.1, 10.0  # seconds, for steps with `until`
QUIET = 0.25  # seconds without an event: what was to come before the next request has come


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step. A flaky step that differs has not failed: its recording says why it may."""

    step: Step
    differences: tuple[Difference, ...]
    request: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        return bool(self.differences) and self.step.flaky is None


@dataclass(slots=True)
class Result:
    """What became of one scenario: the outcomes of its set-up and of its steps, in order."""

    scenario: Scenario
    setup: list[Outcome] = field(default_factory=list)
    steps: list[Outcome] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.steps)

    @property
    def passed(self) -> int:
        return sum(not each.failed for each in self.steps)

    @property
    def flaky(self) -> list[Outcome]:
        """Steps that differ where the recording allows it."""
        return [each for each in self.steps if each.differences and not each.failed]

    @property
    def failures(self) -> list[Outcome]:
        """What failed, set-up first."""
        return [each for each in [*self.setup, *self.steps] if each.failed]

    def report(self, *, places: int = 6, step: str = "", whole: bool = False) -> str:
        """A readable account of the failures: each step, its request, and up to `places` differences (0: all).

        `step` keeps only steps whose name contains it; `whole` adds the request's body and the whole answer.
        """
        lines = [f"{self.scenario.name}: {self.passed}/{self.total} steps agree"]
        for outcome in self.failures:
            if step in outcome.step.name:
                lines += _account(outcome, places, whole)
        return "\n".join(lines)


def _account(outcome: Outcome, places: int, whole: bool) -> list[str]:
    lines = [f"  FAIL {outcome.step.name!r}: {outcome.step.line}"]
    if whole:
        lines += [f"    request {json.dumps(outcome.request, ensure_ascii=False)}"]
        lines += [f"    answer  {json.dumps(outcome.answer, ensure_ascii=False)}"]
    shown = outcome.differences if whole or not places else outcome.differences[:places]
    for each in shown:
        lines += [f"    {line}" for line in each.lines(4000 if whole else 400)]
    if len(shown) < len(outcome.differences):
        lines.append(f"    and {len(outcome.differences) - len(shown)} more differences")
    return lines


def replay(scenario: Scenario, transport: Transport, *, last: str | None = None) -> Result:
    """Replay one scenario against a server that holds nothing of it yet; `last` names the step to stop after.

    A step that fails does not end the replay: later steps then often fail because of it, so read reports from the top.
    """
    result, bindings = Result(scenario), Bindings()
    for step in scenario.setup:
        result.setup.append(_exchange(step, transport, bindings, setup=True))
    for step in scenario.steps:
        result.steps.append(_exchange(step, transport, bindings, setup=False))
        if last is not None and last in step.name:
            break
    return result


def _exchange(step: Step, transport: Transport, bindings: Bindings, *, setup: bool) -> Outcome:
    request = bindings.fill(step.request)
    if step.during is not None:
        return _watch(step, request, transport, bindings)
    answer = _repeat(request, step.until, transport) if step.until else _ask(request, transport)
    wanted = {key: step.answer[key] for key in ("status", "body") if key in step.answer} if setup else step.answer
    return _judge(step, request, wanted, answer, bindings, subset=setup)


def _judge(
    step: Step,
    request: Mapping[str, Any],
    wanted: Mapping[str, Any],
    answer: Mapping[str, Any],
    bindings: Bindings,
    *,
    subset: bool = False,
) -> Outcome:
    if "status" in answer and "status" in wanted and answer["status"] != wanted["status"]:
        text = answer.get("body", answer.get("body_text", answer.get("events", ABSENT)))
        found = [Difference("status", wanted["status"], answer["status"]), *_instead(text)]
    else:
        found = differences(wanted, answer, bindings, subset=subset)
    return Outcome(step, tuple(found), request, answer)


def _instead(text: Any) -> list[Difference]:
    """With another status every field differs: say only what the server answered."""
    message = text.get("message", text) if isinstance(text, dict) else text
    return [Difference("body", "what goes with that status", message)]


def call(request: Mapping[str, Any]) -> Call:
    """A recorded request as it goes over the wire: `body` as JSON, `body_text` as it is, `body_base64` as raw bytes."""
    query = request.get("query") or {}
    headers = {"User-Agent": AGENT, "Accept": "application/json"}
    body: bytes | None = None
    if "body" in request:
        body = json.dumps(request["body"]).encode()
        headers["Content-Type"] = "application/json"
    elif "body_text" in request:
        body = request["body_text"].encode()
        headers["Content-Type"] = "application/json"
    elif "body_base64" in request:
        body = base64.b64decode(request["body_base64"])
    headers.update(request.get("headers") or {})
    target = request["path"] + (f"?{urllib.parse.urlencode(query)}" if query else "")
    return Call(request["method"], target, headers, body)


def _head(reply: Reply) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    for name in KEPT_HEADERS:
        if values := reply.values(name):
            headers[name] = values if name == "Warning" else values[0]
    return {"status": reply.status, "content_type": headers.get("Content-Type"), "headers": headers}


def recorded(reply: Reply) -> dict[str, Any]:
    """An answer in the shape of the recordings: the body as JSON if it is some, else as text, else as base64."""
    answer = _head(reply)
    try:
        answer["body"] = json.loads(reply.body)
    except ValueError:
        try:
            answer["body_text"] = reply.body.decode()
        except UnicodeDecodeError:
            answer["body_base64"] = base64.b64encode(reply.body).decode("ascii")
    return answer


def _ask(request: Mapping[str, Any], transport: Transport) -> dict[str, Any]:
    return recorded(transport.send(call(request)))


def _met(answer: Mapping[str, Any], until: Until) -> bool:
    text = json.dumps(answer.get("body", answer.get("body_text", "")))
    return until.status in (None, answer["status"]) and (until.contains is None or until.contains in text)


def _repeat(request: Mapping[str, Any], until: Until, transport: Transport) -> dict[str, Any]:
    for _ in range(round(REPEAT_FOR / REPEAT_EVERY)):
        answer = _ask(request, transport)
        if _met(answer, until):
            return answer
        transport.pause(REPEAT_EVERY)
    return _ask(request, transport)


def _watch(step: Step, request: Mapping[str, Any], transport: Transport, bindings: Bindings) -> Outcome:
    """Open the watch, make the requests in between, read until the server closes it (by timeoutSeconds)."""
    seconds = float((request.get("query") or {}).get("timeoutSeconds", 30))
    stream = transport.open(call(request))
    found: list[Difference] = []
    try:
        if "events" in step.answer:
            stream.settle(QUIET)
        for each in step.during or ():
            asked = bindings.fill(each.request)
            outcome = _judge(each, asked, each.answer, _ask(asked, transport), bindings)
            found += [Difference(f"{each.name}.{d.path}", d.wanted, d.got, d.note) for d in outcome.differences]
            stream.settle(QUIET / 2)
        body = stream.rest(seconds + 15)
    finally:
        stream.close()
    reply = Reply(stream.head.status, stream.head.headers, body)
    answer = recorded(reply) if reply.status != 200 else {**_head(reply), "events": _events(body)}
    outcome = _judge(step, request, step.answer, answer, bindings)
    return Outcome(step, (*found, *outcome.differences), request, answer)


def _events(body: bytes) -> list[Any]:
    """The events of a watch, one JSON text a line; of bookmarks only the one that ends the initial events."""
    events = []
    for line in body.splitlines():
        if line.strip():
            try:
                event = json.loads(line)
            except ValueError:
                event = {"unreadable": line.decode(errors="replace")}
            if event.get("type") != "BOOKMARK" or INITIAL_END in json.dumps(event):
                events.append(event)
    return events
