"""Two managers on one real API server: Ready needs both; one killed, the other takes over."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import lifecycle
from tests.e2e.client import Client, Object, is_ready
from tests.e2e.lifecycle import CONSTRAINTS, TEMPLATES, constraint, template
from tests.e2e.programs import Program, free_port, running
from tests.realapi.server import RealCluster

pytestmark = [pytest.mark.long, pytest.mark.needs("realapi")]

LEASES = "/apis/coordination.k8s.io/v1/namespaces/gatekeeper-system/leases"
PODS = "/api/v1/namespaces/gatekeeper-system/pods"
LEASE_SECONDS = 15


def manager(cluster: RealCluster, kubeconfig: Path, pod: str) -> Any:
    port = free_port()
    arguments = ["--kubeconfig", str(kubeconfig), "--webhook-url", f"https://127.0.0.1:{port}"]
    arguments += ["--host", "127.0.0.1", "--port", str(port), "--apiserver-address", cluster.addresses[0]]
    return running("manager", *arguments, environment={"POD_NAME": pod})


def holders(leases: dict[str, Object]) -> set[str]:
    return {lease["spec"].get("holderIdentity", "") for lease in leases.values()}


def reporters(thing: Object) -> list[str]:
    return [entry["id"] for entry in thing.get("status", {}).get("byPod", ())]


def ready_by(client: Client, path: str, name: str, pods: list[str]) -> None:
    """Until the object is Ready with exactly these pods' words."""

    def done(seen: dict[str, Object]) -> bool:
        return name in seen and is_ready(seen[name]) and reporters(seen[name]) == pods

    client.until(path, done, 60, f"{name} Ready by {pods}")


def test_two_replicas(real_cluster: Callable[..., RealCluster], tmp_path: Path) -> None:
    cluster = real_cluster(controllers=True)
    kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig")
    client = Client(cluster.url, cluster.token, cluster.ca.read_text())
    with manager(cluster, kubeconfig, "a") as a, manager(cluster, kubeconfig, "b") as b:
        client.until(PODS, lambda seen: {"a", "b"} <= set(seen), 60, "both Pods")
        client.until("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", _templates_served, 60, "our CRDs")
        client.ok("POST", TEMPLATES, template("Shared"))
        ready_by(client, TEMPLATES, "shared", ["a", "b"])
        client.ok("POST", f"{CONSTRAINTS}/shared", constraint("Shared", "bad"))
        ready_by(client, f"{CONSTRAINTS}/shared", "only", ["a", "b"])
        lifecycle._denied(client, "Shared", "bad", "may not be bad")
        # whoever holds the Lease of the generate role, and with it the webhook's registration
        leases = client.until(LEASES, lambda seen: len(seen) == 2 and "" not in holders(seen), 30, "both Leases")
        holder = leases["gatewright-generate"]["spec"]["holderIdentity"]
        killed, kept = (a, b) if holder == "a" else (b, a)
        left = "b" if holder == "a" else "a"
        _one_killed(client, killed, holder, left)
        assert kept.stop() == 0
        assert "Traceback" not in kept.rest()
    # a process that ends in order takes its Pod with it
    client.until(PODS, lambda seen: left not in seen, 30, "its Pod gone")


def _templates_served(seen: dict[str, Object]) -> bool:
    crd = seen.get("constrainttemplates.templates.gatekeeper.sh", {})
    return any(
        one["type"] == "Established" and one["status"] == "True" for one in crd.get("status", {}).get("conditions", ())
    )


def _one_killed(client: Client, killed: Program, holder: str, left: str) -> None:
    """The holder of a Lease dies without a word."""
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait(10)
    seconds = LEASE_SECONDS + 10  # one whole duration since the other first saw the last renewal, and a period to look
    client.until(LEASES, lambda seen: holders(seen) == {left}, seconds, "the Leases taken over")
    # its Pod goes (in a cluster the kubelet's and the node controller's business): nobody waits for its word any more
    client.ok("DELETE", f"{PODS}/{holder}")
    ready_by(client, TEMPLATES, "shared", [left])
    ready_by(client, f"{CONSTRAINTS}/shared", "only", [left])
    lifecycle._denied(client, "Shared", "bad", "may not be bad")
    client.ok("POST", TEMPLATES, template("After"))
    ready_by(client, TEMPLATES, "after", [left])
