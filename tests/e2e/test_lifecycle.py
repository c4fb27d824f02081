"""The lifecycle scenario on both servers: one round in `make test`, all of them in `make test-long`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import lifecycle
from tests.e2e.client import Client
from tests.e2e.programs import free_port, running
from tests.realapi.server import RealCluster


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    kubeconfig = tmp_path_factory.mktemp("embedded") / "kubeconfig"
    with running("up", "--kubeconfig-out", str(kubeconfig)) as program:
        program.line("API server at")
        yield Client.of_kubeconfig(kubeconfig)
        assert program.stop() == 0


@pytest.fixture(scope="module")
def real(realapi: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Our manager against the real API server, its webhook registered by URL."""
    kubeconfig: Path = realapi.kubeconfig(tmp_path_factory.mktemp("real") / "kubeconfig")
    port = free_port()
    arguments = ["--kubeconfig", str(kubeconfig), "--webhook-url", f"https://127.0.0.1:{port}"]
    arguments += ["--host", "127.0.0.1", "--port", str(port), "--apiserver-address", realapi.addresses[0]]
    with running("manager", *arguments) as program:
        client = Client(realapi.url, realapi.token, realapi.ca.read_text())
        crds = {f"{name}.gatekeeper.sh" for name in ("constrainttemplates.templates", "configs.config")}
        client.until(lifecycle.CRDS, lambda seen: _established(seen, crds), 60, "our CRDs")
        yield client
        assert program.stop() == 0


def _established(seen: dict, names: set[str]) -> bool:
    def fine(crd: dict) -> bool:
        conditions = (crd.get("status") or {}).get("conditions") or ()
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    return all(name in seen and fine(seen[name]) for name in names)


def _kinds(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


@pytest.mark.slow
def test_one_round_on_the_embedded_server(embedded: Client) -> None:
    lifecycle.play(embedded, _kinds("Single", 3))


@pytest.mark.long
def test_fifty_rounds_on_the_embedded_server(embedded: Client) -> None:
    for number in range(50):
        lifecycle.play(embedded, _kinds(f"Round{number}x", 3))


@pytest.mark.slow
@pytest.mark.needs("realapi")
def test_one_round_on_a_real_api_server(real: Client) -> None:
    lifecycle.play(real, _kinds("Single", 3))


@pytest.mark.long
@pytest.mark.needs("realapi")
def test_five_rounds_of_ten_templates_on_a_real_api_server(real: Client) -> None:
    for number in range(5):
        lifecycle.play(real, _kinds(f"Round{number}x", 10))
