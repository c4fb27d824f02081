"""The shell against the embedded API server, in process and on a virtual clock, with the toy controller and with
faults.

What the toy promises must hold at rest, whatever was lost on the way: every widget has a gadget with its spec.x, and
nothing is written any more.
"""

from __future__ import annotations

import hashlib
import json
import random
from functools import lru_cache
from typing import Any

import pytest

from gatewright import data
from gatewright.apiserver.config import Config, load
from gatewright.apiserver.driver import Engine
from gatewright.apiserver.watching import Watch, pump
from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response, User
from gatewright.kube import requests
from gatewright.reconcile import events
from gatewright.reconcile.caches import tampered

ADMIN = User("admin", "1", ("system:masters", "system:authenticated"))
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@lru_cache(maxsize=1)
def config() -> Config:
    return load(data.read)


def crd(plural: str, kind: str) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": plural[:-1], "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.t.example.io"},
        "spec": {"group": "t.example.io", "scope": "Cluster", "names": names, "versions": [version]},
    }


class Served:
    """In the place of the model: the same calls, answered by the embedded server."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.drawn = 0
        self.engine = Engine(config(), clock=lambda: Now(1_790_000_000.0 + driver.time, driver.time), draw=self.draw)
        self.engine.boot()
        self.call("POST", CRDS, crd("widgets", "Widget"))
        self.call("POST", CRDS, crd("gadgets", "Gadget"))

    def draw(self, size: int) -> bytes:
        self.drawn += 1
        return hashlib.shake_128(str(self.drawn).encode()).digest(size)

    def run(self, request: Request) -> Response | Watch:
        return self.engine.run(request, ADMIN)

    handle = run

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = (("accept", "application/json"), ("content-type", "application/json"))
        if method == "PATCH":
            headers = (headers[0], ("content-type", "application/merge-patch+json"))
        answer = self.run(Request(method, path, (), headers, json.dumps(body).encode() if body else b""))
        assert isinstance(answer, Response)
        assert answer.status < 300, answer.body
        return json.loads(answer.body)

    def specs(self, plural: str) -> dict[str, Any]:
        items = self.call("GET", f"/apis/t.example.io/v1/{plural}")["items"]
        return {item["metadata"]["name"]: item["spec"] for item in items}


def carried(toys: Any, **more: Any) -> Any:
    """A toy driver whose requests and watches reach an embedded server."""

    class Carried(toys.Driver):
        def __init__(self, shell: Any) -> None:
            super().__init__(shell, None)
            self.model = Served(self)

        def _open(self, effect: events.OpenWatch) -> None:
            answer = self.meddle(effect.request) or self.model.run(effect.request)
            if isinstance(answer, Watch):
                self.streams[effect.stream] = answer
            else:
                self.todo.append(events.Answered(effect.stream, answer))

        def _pump(self) -> bool:
            for number, watch in sorted(self.streams.items()):
                after, lines, closed = pump(watch, self.model.engine.state, self.now)
                self.streams[number] = after
                if closed:
                    del self.streams[number]
                if lines:
                    self.give(events.WatchLines(number, b"".join(lines)))
                if closed:
                    self.give(events.WatchClosed(number))
                if lines or closed:
                    return True
            return False

    return Carried(toys.driver(**more).shell)


def widget(name: str, x: int) -> dict[str, Any]:
    return {"apiVersion": "t.example.io/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"x": x}}


@pytest.mark.parametrize("streaming", [pytest.param(True, id="streaming lists"), pytest.param(False, id="pages")])
def test_the_toy_keeps_its_promise(toys: Any, streaming: bool) -> None:
    driver = carried(toys, streaming=streaming)
    for number in range(5):
        driver.model.call("POST", "/apis/t.example.io/v1/widgets", widget(f"w{number}", number))
    driver.start()
    driver.run(3)
    assert driver.model.specs("gadgets") == driver.model.specs("widgets")
    driver.model.call("PATCH", "/apis/t.example.io/v1/widgets/w1", {"spec": {"x": 100}})
    driver.model.call("DELETE", "/apis/t.example.io/v1/gadgets/w2")
    driver.run(3)
    assert driver.model.specs("gadgets") == driver.model.specs("widgets")
    writes = len(driver.writes())
    driver.run(600)
    assert len(driver.writes()) == writes == 7
    assert driver.shell.idle


def test_a_kind_that_goes_and_comes_back_is_followed(toys: Any) -> None:
    driver = carried(toys)
    driver.model.call("POST", "/apis/t.example.io/v1/widgets", widget("w", 1))
    driver.start()
    driver.run(3)
    driver.model.call("DELETE", f"{CRDS}/gadgets.t.example.io")
    driver.run(10)
    assert not driver.shell.view().synced(toys.gadgets)
    assert driver.shell.fact(("unwatchable", toys.gadgets)).value[0] == 404
    driver.model.call("POST", CRDS, crd("gadgets", "Gadget"))
    driver.run(10)
    assert driver.model.specs("gadgets") == {"w": {"x": 1}}


class Faults:
    """Drawn once per request: the answer is lost before or after the commit, or a server in between says no."""

    def __init__(self, driver: Any, seed: int) -> None:
        self.driver, self.chance, self.on = driver, random.Random(seed), True

    def __call__(self, request: Request) -> Any:
        fate = self.chance.random() if self.on else 1.0
        if fate < 0.1:
            return NoAnswer("refused", sent=False)
        if fate < 0.25 and request.method != "GET":
            self.driver.model.run(request)
            return NoAnswer("timed out")
        if fate < 0.35:
            return Response(503, (), b"no healthy upstream")
        return None


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_lost_for_good(toys: Any, seed: int) -> None:
    driver = carried(toys, seed=seed, streaming=seed % 2 == 0)
    faults = Faults(driver, seed)
    driver.meddle = faults
    chance = random.Random(seed + 1000)
    driver.start()
    for turn in range(40):
        name = f"w{chance.randrange(4)}"
        there = driver.model.specs("widgets")
        if name not in there:
            driver.model.call("POST", "/apis/t.example.io/v1/widgets", widget(name, turn))
        elif chance.random() < 0.3:
            driver.model.call("DELETE", f"/apis/t.example.io/v1/widgets/{name}")
        else:
            driver.model.call("PATCH", f"/apis/t.example.io/v1/widgets/{name}", {"spec": {"x": turn}})
        gadgets = driver.model.specs("gadgets")
        if gadgets and chance.random() < 0.2:
            driver.model.call("DELETE", f"/apis/t.example.io/v1/gadgets/{min(gadgets)}")
        if driver.streams and chance.random() < 0.3:
            number = chance.choice(sorted(driver.streams))
            del driver.streams[number]
            driver.give(events.WatchClosed(number, "connection reset"))
        driver.hold_watches = chance.random() < 0.3
        driver.run(chance.choice((0.0, 0.01, 0.5, 3.0)))
    faults.on, driver.hold_watches = False, False
    driver.run(120)
    widgets, gadgets = driver.model.specs("widgets"), driver.model.specs("gadgets")
    assert {name: gadgets.get(name) for name in widgets} == widgets
    writes = len(driver.writes())
    driver.run(120)
    assert len(driver.writes()) == writes
    assert driver.shell.fact(("trouble", "pairs", ("w0",))) is None
    for target, cache in driver.shell.caches():
        items = driver.model.call("GET", requests.list_page(target.resource).path)["items"]
        found = {(item["metadata"]["name"], item["metadata"]["resourceVersion"]) for item in items}
        assert {(name.name, item.version) for name, item in cache.items.items()} == found
        assert tampered(cache) == ()
