"""List-and-watch against a model of lagging API servers: whatever happens, the cache is exactly some past state, and
never an older one.

The model has one history and two servers that know a prefix of it. Rules write, let servers catch up, cut streams,
answer with failures, compact the history, take the kind away, and let time pass; the machine is told what a carrier
would tell it.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Resource
from gatewright.kube import informer_events as wire
from gatewright.kube.informer_events import Target
from gatewright.kube.listwatch import ListWatch, State, step

WIDGETS = Resource("t.example.io", "v1", "widgets", "Widget")
NAMES = st.sampled_from("abcd")
SERVERS = st.sampled_from((0, 1))


def thing(name: str, version: int) -> dict[str, Any]:
    meta = {"name": name, "uid": f"u-{name}", "resourceVersion": str(version)}
    return {"apiVersion": "t.example.io/v1", "kind": "Widget", "metadata": meta}


def answer(status: int, reason: str, **more: Any) -> Response:
    body = {"kind": "Status", "status": "Failure", "reason": reason, "code": status, "message": reason, **more}
    return Response(status, (), json.dumps(body).encode())


class Lists(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.version = 10
        self.history: list[tuple[int, str, str]] = []  # version, ADDED | MODIFIED | DELETED, name
        self.known = [10, 10]  # what each server knows of the history
        self.oldest = 0
        self.served = True
        self.ignores_streaming = False
        self.time = 0.0
        self.request: Request | None = None
        self.stream: Request | None = None
        self.server = 0
        self.sent = 0  # version up to which the open stream has told
        self.unsent = b""
        self.cache: dict[str, int] = {}
        self.synced = False
        self.highest = 0
        self.spoiled = False

    @initialize(streaming=st.booleans(), page=st.sampled_from((1, 2, 250)), ignores=st.booleans(), server=SERVERS)
    def begin(self, streaming: bool, page: int, ignores: bool, server: int) -> None:
        self.server = server
        self.ignores_streaming = ignores
        self.machine = ListWatch(Target(WIDGETS), streaming=streaming, page=page)
        self.tell(wire.Start())

    # --- the truth

    def state_at(self, version: int) -> dict[str, int]:
        state: dict[str, int] = {}
        for at, kind, name in self.history:
            if at <= version:
                if kind == "DELETED":
                    del state[name]
                else:
                    state[name] = at
        return state

    @rule(name=NAMES)
    def write(self, name: str) -> None:
        self.version += 1
        kind = "MODIFIED" if name in self.state_at(self.version) else "ADDED"
        self.history.append((self.version, kind, name))
        self.known[0] = self.version

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if name in self.state_at(self.version):
            self.version += 1
            self.history.append((self.version, "DELETED", name))
            self.known[0] = self.version

    @rule()
    def catch_up(self) -> None:
        """The second server learns what the first one knows at once."""
        self.known[1] = self.version

    @rule(server=SERVERS)
    def reconnect_elsewhere(self, server: int) -> None:
        """From now on connections reach this server; the second may be behind."""
        self.server = server

    @rule()
    def compact(self) -> None:
        self.oldest = min(self.known)

    @precondition(lambda self: self.stream is not None and self.sent >= 0)
    @rule(version=st.integers(1, 12))
    def repeat(self, version: int) -> None:
        """A server that tells old things again: an event, and a bookmark behind what was told."""
        if self.refusal() is None:
            self.produce()
            old = [entry for entry in self.history if entry[0] <= self.sent]
            for at, kind, name in old[-1:]:
                self.line(kind, thing(name, at))
            self.line("BOOKMARK", {"metadata": {"resourceVersion": str(min(version, self.sent))}})

    @precondition(lambda self: self.stream is not None and self.sent >= 0)
    @rule(code=st.sampled_from((410, 410, 429, 500)))
    def error_event(self, code: int) -> None:
        if self.refusal() is None:
            self.produce()
            self.line("ERROR", {"kind": "Status", "code": code, "reason": "x", "message": "x"})
            self.deliver(1.0)

    @rule(served=st.booleans())
    def serve(self, served: bool) -> None:
        self.served = served

    # --- the machine

    def tell(self, event: wire.Incoming) -> None:
        self.machine, actions = step(self.machine, event, self.time, lambda often: 0.5)
        for action in actions:
            if isinstance(action, wire.Ask):
                self.request = action.request
            elif isinstance(action, wire.Open):
                self.open(action.request)
            elif isinstance(action, wire.HangUp):
                self.request = self.stream = None
            elif isinstance(action, wire.Put):
                assert self.cache.get(str(action.item.name), 0) < int(action.item.version), (
                    "an object went back in time"
                )
                self.cache[str(action.item.name)] = int(action.item.version)
            elif isinstance(action, wire.Removed):
                self.cache.pop(str(action.name), None)
            elif isinstance(action, wire.Replaced):
                self.cache = {str(name): int(item.version) for name, item in action.items.items()}
                self.synced = True
            elif isinstance(action, wire.Unsynced):
                self.synced = False
            else:
                assert action.kind != "regressed", "a list behind was taken"
                assert action.kind != "garbage" or self.spoiled, action.detail

    def open(self, request: Request) -> None:
        self.stream, self.unsent = request, b""
        start = request.argument("resourceVersion")
        self.sent = int(start) if start else -1

    @precondition(lambda self: self.request is not None)
    @rule()
    def answer_list(self) -> None:
        request, self.request = self.request, None
        assert request is not None
        if not self.served:
            self.tell(wire.Answer(Response(404, (), b"404 page not found\n")))
            return
        token = request.argument("continue")
        version, start = (int(part) for part in token.split("/")) if token else (self.known[self.server], 0)
        if token and version < self.oldest:
            self.tell(wire.Answer(answer(410, "Expired")))
            return
        state = sorted(self.state_at(version).items())
        end = start + int(request.argument("limit"))
        meta = {"resourceVersion": str(version)}
        if end < len(state):
            meta["continue"] = f"{version}/{end}"
        items = [thing(name, at) for name, at in state[start:end]]
        body = {"kind": "WidgetList", "metadata": meta, "items": items}
        self.tell(wire.Answer(Response(200, (), json.dumps(body).encode())))

    @precondition(lambda self: self.request is not None)
    @rule(
        failure=st.sampled_from(
            (
                NoAnswer("reset"),
                answer(429, "TooManyRequests", details={"retryAfterSeconds": 1}),
                answer(500, "InternalError"),
                Response(200, (), b'{"items": ['),
            )
        )
    )
    def fail_list(self, failure: Any) -> None:
        self.request = None
        self.spoiled = self.spoiled or (failure.__class__ is Response and failure.status == 200)
        self.tell(wire.Answer(failure))

    @precondition(lambda self: self.stream is not None)
    @rule()
    def refuse_watch(self) -> None:
        refused = self.refusal()
        if refused is not None:
            self.stream = None
            self.tell(wire.Answer(refused))

    def refusal(self) -> Response | None:
        assert self.stream is not None
        if not self.served:
            return Response(404, (), b"404 page not found\n")
        if self.stream.argument("sendInitialEvents") and self.ignores_streaming:
            return answer(422, "Invalid")
        return None

    def produce(self) -> None:
        """What the server of the open stream has to tell by now."""
        if self.stream is None or self.refusal() is not None:
            return
        known = self.known[self.server]
        if self.sent < 0:
            for name, at in sorted(self.state_at(known).items()):
                self.line("ADDED", thing(name, at))
            mark = {"resourceVersion": str(known), "annotations": {"k8s.io/initial-events-end": "true"}}
            self.line("BOOKMARK", {"metadata": mark})
            self.sent = known
        if self.sent < self.oldest:
            body = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            self.line("ERROR", body)
            self.sent = self.version + 1000
        for at, kind, name in self.history:
            if self.sent < at <= known:
                self.line(kind, thing(name, at))
                self.sent = at

    def line(self, kind: str, body: dict[str, Any]) -> None:
        self.unsent += json.dumps({"type": kind, "object": body}).encode() + b"\n"

    @precondition(lambda self: self.stream is not None)
    @rule(share=st.sampled_from((0.3, 0.5, 1.0)))
    def deliver(self, share: float) -> None:
        """Some of the bytes that are due, cut anywhere."""
        self.produce()
        size = int(len(self.unsent) * share)
        data, self.unsent = self.unsent[:size], self.unsent[size:]
        if data:
            self.tell(wire.Data(data))

    @precondition(lambda self: self.stream is not None)
    @rule()
    def bookmark(self) -> None:
        self.produce()
        if self.stream is not None and self.sent >= 0 and self.refusal() is None and self.sent <= self.version:
            self.line("BOOKMARK", {"metadata": {"resourceVersion": str(max(self.sent, self.known[self.server]))}})

    @precondition(lambda self: self.stream is not None)
    @rule(cause=st.sampled_from(("", "connection reset")))
    def close(self, cause: str) -> None:
        self.stream = None
        self.tell(wire.Closed(cause))

    @precondition(lambda self: self.stream is not None)
    @rule()
    def rubbish(self) -> None:
        self.spoiled = True
        self.tell(wire.Data(b'{"type": "ADDED", "object": \n'))

    @rule(seconds=st.sampled_from((0.01, 0.5, 20.0)))
    def time_passes(self, seconds: float) -> None:
        """Less than the machine's patience with a server that lags."""
        self.time += seconds
        self.be_patient()
        self.tell(wire.Tick())

    @precondition(lambda self: self.machine.state is State.WAITING)
    @rule()
    def waiting_ends(self) -> None:
        self.time = max(self.time, self.machine.until)
        self.be_patient()
        self.tell(wire.Tick())

    def be_patient(self) -> None:
        if self.machine.behind_since is not None and self.time - self.machine.behind_since > 50:
            self.known = [self.version, self.version]

    # --- what must hold

    @invariant()
    def is_a_past_state(self) -> None:
        if self.synced:
            assert self.cache == self.state_at(int(self.machine.seen))
        assert self.synced == self.machine.synced

    @invariant()
    def never_goes_back(self) -> None:
        seen = int(self.machine.seen or 0)
        assert seen >= self.highest
        self.highest = seen

    @invariant()
    def has_a_way_on(self) -> None:
        waits = self.machine.state is State.WAITING
        assert [waits, self.request is not None, self.stream is not None].count(True) == 1

    def teardown(self) -> None:
        """The faults stop: the cache becomes the present state, and stays live."""
        if not hasattr(self, "machine"):
            return
        self.served, self.known = True, [self.version, self.version]
        for _ in range(60):
            self.time = max(self.time, self.machine.until if self.machine.state is State.WAITING else self.time)
            self.tell(wire.Tick())
            if self.request is not None:
                self.answer_list()
            elif self.stream is not None and self.refusal() is not None:
                self.refuse_watch()
            elif self.stream is not None:
                self.deliver(1.0)
        assert self.machine.settled
        assert self.cache == self.state_at(self.version)


TestLists = Lists.TestCase
TestLists.settings = settings(max_examples=200, stateful_step_count=50, deadline=None, derandomize=True)
