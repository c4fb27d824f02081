"""`gatewright up` as a program: how it ends, what it says of bad input, and that rubbish does not end it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.e2e.client import Client
from tests.e2e.lifecycle import constraint, template
from tests.e2e.programs import Program, children, ended, running

pytestmark = pytest.mark.slow

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, Client]]:
    kubeconfig = tmp_path_factory.mktemp("up") / "kubeconfig"
    with running("up", "--kubeconfig-out", str(kubeconfig)) as program:
        program.line("Ctrl-C stops it.")
        yield program, Client.of_kubeconfig(kubeconfig)
        assert program.stop() == 0


# --- the end


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_a_signal_stops_it_in_order(how: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(yaml.safe_dump(template("UpEnds")))
    kubeconfig = tmp_path / "kubeconfig"
    with running("up", str(path), "--kubeconfig-out", str(kubeconfig)) as program:
        assert "Ready after" in program.line("upends ")
        program.line("Ctrl-C stops it.")
        assert kubeconfig.stat().st_mode & 0o777 == 0o600
        started = children(program.process.pid)
        assert started  # the worker that compiles
        with Client.of_kubeconfig(kubeconfig).opened(WEBHOOKS + "?watch=true"):  # an open watch holds nothing up
            assert program.stop(how) == 0
        assert "Traceback" not in program.rest()
        assert ended(started)


def test_a_signal_while_it_starts_stops_it_too(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(yaml.safe_dump(template("UpStarts")))
    with running("up", str(path), "--kubeconfig-out", str(tmp_path / "kubeconfig")) as program:
        program.wait_for(tmp_path / "kubeconfig")
        assert program.stop() in (0, 130)
        assert "Traceback" not in program.rest()


# --- bad input (what needs no process is in tests/cli)


def test_objects_that_can_not_be_applied_are_told_on_a_line_each(tmp_path: Path) -> None:
    broken = template("UpBroken")
    broken["spec"]["targets"][0]["rego"] = "package upbroken\nviolation[{}] { x = }\n"
    unknown = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "dada": 1}
    things = [broken, constraint("UpNone", "x"), unknown, template("UpFine")]
    path = tmp_path / "things.yaml"
    path.write_text(yaml.safe_dump_all(things))
    with running("up", str(path), "--kubeconfig-out", str(tmp_path / "kubeconfig")) as program:
        program.line("Ctrl-C stops it.")
        told = program.lines
        assert program.stop() == 0
        rest = program.rest()
    assert "Traceback" not in rest
    assert [line for line in told if line.startswith("upfine Ready after ")]
    complaints = {line for line in told if line.startswith("gatewright: ")}
    assert len(complaints) == 3
    for words in (
        ("ConstraintTemplate upbroken", "rego_parse_error"),
        ("UpNone only", "serves no UpNone", "apply its template"),
        ("ConfigMap c", ".dada: field not declared in schema"),
    ):
        assert [line for line in complaints if all(word in line for word in words)], (words, complaints)


# --- rubbish


def _raw(url: str, data: bytes, *, tls: bool) -> bytes:
    """What comes back for these bytes."""
    parts = urlsplit(url)
    context = ssl._create_unverified_context()
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as plain:
        sock = context.wrap_socket(plain) if tls else plain
        with sock:
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                return sock.recv(65536)
            except OSError:
                return b""


def _urls(client: Client) -> dict[str, str]:
    (config,) = client.until(WEBHOOKS, bool, 30, "the webhook is registered").values()
    return {"server": client.url, "webhook": config["webhooks"][0]["clientConfig"]["url"]}


RUBBISH = [
    pytest.param(b"\x00\x01\x02\x03" * 50, id="bytes"),
    pytest.param(b"GET\r\n\r\n", id="no-path"),
    pytest.param(b"POST / HTTP/1.1\r\nContent-Length: nonsense\r\n\r\n", id="length"),
    pytest.param(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", id="long-path"),
    pytest.param(b"POST /v1/admit HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", id="cut-off"),
    pytest.param(b"GET /api/%ff%fe?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n", id="percent"),
]


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
@pytest.mark.parametrize("data", RUBBISH)
@pytest.mark.parametrize("where", ["server", "webhook"])
def test_raw_rubbish_ends_nothing(up: tuple[Program, Client], where: str, data: bytes, tls: bool) -> None:
    program, client = up
    _raw(_urls(client)[where], data, tls=tls)
    assert client.ok("GET", "/api/v1/namespaces/default")["kind"] == "Namespace"
    assert program.process.poll() is None


@pytest.mark.parametrize(
    ("method", "path", "kind", "body", "code", "reason"),
    [
        pytest.param("POST", "/api/v1/namespaces", "application/json", b"{", 400, "BadRequest", id="json"),
        pytest.param("POST", "/api/v1/namespaces", "application/json", b"[]", 400, "BadRequest", id="array"),
        pytest.param("POST", "/api/v1/namespaces", "application/json", b"\xff\xfe", 400, "BadRequest", id="utf-8"),
        pytest.param("POST", "/api/v1/namespaces", "text/html", b"{}", 415, "UnsupportedMediaType", id="type"),
        pytest.param(
            "POST",
            "/api/v1/namespaces",
            "application/vnd.kubernetes.protobuf",
            b"k8s\0\xff",
            400,
            "BadRequest",
            id="pb",
        ),
        pytest.param(
            "PATCH", "/api/v1/namespaces/default", "application/json-patch+json", b"{}", 400, "BadRequest", id="patch"
        ),
        pytest.param(
            "PATCH",
            "/api/v1/namespaces/default?fieldManager=m",
            "application/apply-patch+yaml",
            b"a: [",
            400,
            "",
            id="apply",
        ),
        pytest.param("PUT", "/api/v1/namespaces", "application/json", b"{}", 405, "MethodNotAllowed", id="method"),
        pytest.param("GET", "/api/v1/nonsense", "", b"", 404, "NotFound", id="path"),
        pytest.param("GET", "/apis/nonsense/v1/x", "", b"", 404, None, id="group"),
        pytest.param("GET", "/api/v1/namespaces?limit=many", "", b"", 400, "BadRequest", id="limit"),
        pytest.param("GET", "/api/v1/namespaces?labelSelector=%3D%3D", "", b"", 400, "BadRequest", id="selector"),
        pytest.param(
            "POST", "/api/v1/namespaces", "application/json", b" " * 4_000_000, 413, "RequestEntityTooLarge", id="large"
        ),
    ],
)
def test_bad_requests_get_the_status_of_a_real_server(
    up: tuple[Program, Client], method: str, path: str, kind: str, body: bytes, code: int, reason: str | None
) -> None:
    status, answer = up[1].send(method, path, body, kind)
    assert status == code, answer
    if reason is None:
        assert answer == b"404 page not found\n"
        return
    told = json.loads(answer)
    assert told["kind"] == "Status"
    assert told["code"] == code
    if reason:
        assert told["reason"] == reason


def test_a_wrong_token_is_unauthorized(up: tuple[Program, Client]) -> None:
    status, answer = up[1].send("GET", "/api/v1/namespaces", b"", "", token="wrong")
    assert (status, json.loads(answer)["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="json"),
        pytest.param(b"[1]", id="array"),
        pytest.param(b"{}", id="no-request"),
        pytest.param(b'{"request": 7}', id="request-is-a-number"),
        pytest.param(b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u"}}', id="bare"),
        pytest.param(b"\xff\xfe\x00", id="utf-8"),
        pytest.param(b'{"request":' * 2000, id="deep"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/admit", "/v1/admitlabel", "/v1/probe/x", "/nonsense"])
def test_the_webhook_answers_rubbish(up: tuple[Program, Client], path: str, body: bytes) -> None:
    url = urlsplit(_urls(up[1])["webhook"])
    connection = http.client.HTTPSConnection(url.netloc, context=ssl._create_unverified_context(), timeout=10)
    try:
        connection.request("POST", path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if path == "/nonsense":
        assert answer.status == 404
    else:
        found: Any = json.loads(text)
        assert answer.status == 200
        if path != "/v1/probe/x":
            assert found["response"]["allowed"] is False or body.endswith(b'{"uid":"u"}}')
    assert up[0].process.poll() is None


def test_nothing_is_written_while_nothing_happens(up: tuple[Program, Client]) -> None:
    """But the renewals of the Leases (lifecycle, rule 13)."""
    client = up[1]
    before = client.ok("GET", "/api/v1/namespaces")["metadata"]["resourceVersion"]
    seen = []
    for path in (
        "/apis/templates.gatekeeper.sh/v1/constrainttemplates",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        WEBHOOKS,
    ):
        seen += list(client.watch(path, 1, since=before))
    assert seen == []


def test_a_kubeconfig_that_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with running("up", "--kubeconfig-out", str(tmp_path / "file" / "kubeconfig")) as program:
        assert program.process.wait(30) == 1
        (line,) = program.rest().splitlines()
    assert "can't write kubeconfig" in line
