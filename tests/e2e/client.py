"""A small blocking client for end-to-end tests: one request at a time, and waiting by watches instead of sleeping."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

Object = dict[str, Any]


class Client:
    """Talks to one API server as the administrator."""

    def __init__(self, url: str, token: str, ca: str) -> None:
        self.url = url
        self._host = urlsplit(url).netloc
        self._token = token
        self._context = ssl.create_default_context(cadata=ca)

    @staticmethod
    def of_kubeconfig(path: Path) -> Client:
        config = yaml.safe_load(path.read_text())
        cluster = config["clusters"][0]["cluster"]
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return Client(cluster["server"], config["users"][0]["user"]["token"], ca)

    @contextlib.contextmanager
    def _open(self, method: str, path: str, body: Any, kind: str, timeout: float) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPSConnection(self._host, context=self._context, timeout=timeout)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind, "Accept": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            with connection.getresponse() as answer:
                yield answer
        finally:
            connection.close()

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """A GET whose answer is being read, such as a watch."""
        with self._open("GET", path, None, "", 60) as answer:
            yield answer

    def send(self, method: str, path: str, body: bytes, kind: str, token: str = "") -> tuple[int, bytes]:
        """Status and bytes of any request, be it bad."""
        connection = http.client.HTTPSConnection(self._host, context=self._context, timeout=60)
        headers = {"Authorization": f"Bearer {token or self._token}", **({"Content-Type": kind} if kind else {})}
        try:
            connection.request(method, path, body or None, headers)
            with connection.getresponse() as answer:
                return answer.status, answer.read()
        finally:
            connection.close()

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        """Status and JSON body (or text)."""
        with self._open(method, path, body, kind, 60) as answer:
            text = answer.read().decode()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def ok(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """The body of a request that must work."""
        status, answer = self.request(method, path, body, kind)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def watch(self, path: str, seconds: int, since: str = "") -> Iterator[tuple[str, Object]]:
        """Events of a collection, what is there first unless `since` names a version; ends after `seconds`."""
        target = f"{path}?watch=true&timeoutSeconds={seconds}" + (f"&resourceVersion={since}" if since else "")
        with self._open("GET", target, None, "", seconds + 30) as answer:
            assert answer.status == 200, answer.read()
            while line := answer.readline():
                event = json.loads(line)
                assert event["type"] != "ERROR", event
                yield event["type"], event["object"]

    def until(self, path: str, done: Callable[[dict[str, Object]], bool], seconds: int, what: str) -> dict[str, Object]:
        """Watch a collection until its objects by name satisfy `done`."""
        held: dict[str, Object] = {}
        listed = self.ok("GET", path)
        held = {item["metadata"]["name"]: item for item in listed["items"]}
        if done(held):
            return held
        held = {}
        with contextlib.closing(self.watch(path, seconds)) as events:
            for event, thing in events:
                name = thing["metadata"]["name"]
                if event == "DELETED":
                    held.pop(name, None)
                else:
                    held[name] = thing
                if done(held):
                    return held
        raise AssertionError(f"{what}: not within {seconds} s; last seen: {json.dumps(_statuses(held))[:3000]}")


def _statuses(held: dict[str, Object]) -> Object:
    return {name: thing.get("status") for name, thing in sorted(held.items())}


def is_ready(thing: Object) -> bool:
    """Whether Ready is True at the object's own generation."""
    status = thing.get("status") or {}
    current = status.get("observedGeneration") == thing["metadata"]["generation"]
    return current and any(
        one["type"] == "Ready"
        and one["status"] == "True"
        and one["observedGeneration"] == thing["metadata"]["generation"]
        for one in status.get("conditions") or ()
    )
