"""The real API server as tests use it: reachable, two servers on one store, controllers at work, nothing left."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.realapi.build import VERSION
from tests.realapi.server import NotReady, Program, RealCluster

pytestmark = [pytest.mark.needs("realapi"), pytest.mark.slow]


def eventually(question: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Ask until yes, at most so long: the controllers and processes asked about live outside this one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.05)
    return False


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{process}/stat").exists() and " Z " in Path(f"/proc/{process}/stat").read_text()


def test_it_is_the_version_that_was_asked_for(realapi: RealCluster) -> None:
    status, version = realapi.request("GET", "/version")
    assert (status, version["gitVersion"]) == (200, VERSION)


def test_its_certificate_is_signed_by_the_authority_it_names(realapi: RealCluster) -> None:
    trusted = ssl.create_default_context(cafile=str(realapi.ca))
    request = urllib.request.Request(f"{realapi.url}/version", headers={"Authorization": f"Bearer {realapi.token}"})
    with urllib.request.urlopen(request, context=trusted, timeout=30) as response:
        assert response.status == 200


def test_the_kubeconfig_names_server_authority_and_token(realapi: RealCluster, tmp_path: Path) -> None:
    config = json.loads(realapi.kubeconfig(tmp_path / "config").read_text())
    assert config["clusters"][0]["cluster"]["server"] == realapi.url
    assert config["users"][0]["user"]["token"] == realapi.token


def test_another_token_is_refused(realapi: RealCluster) -> None:
    assert realapi.request("GET", "/api/v1/namespaces", authorization="Bearer other")[0] == 401


def test_the_controllers_finalise_a_namespace(realapi: RealCluster) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "realapi-finalised"}}
    assert realapi.request("POST", "/api/v1/namespaces", namespace)[0] == 201
    assert realapi.request("DELETE", "/api/v1/namespaces/realapi-finalised")[0] == 200
    assert eventually(lambda: realapi.request("GET", "/api/v1/namespaces/realapi-finalised")[0] == 404)


def test_two_servers_share_a_store_and_one_survives_the_other(real_cluster: Callable[..., RealCluster]) -> None:
    cluster = real_cluster(servers=2)
    first, second = cluster.servers
    things = "/api/v1/namespaces/default/configmaps"
    thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}}
    assert first.address != second.address
    assert cluster.request("POST", things, thing, server=0)[0] == 201
    assert cluster.request("GET", f"{things}/shared", server=1)[0] == 200
    first.program.stop(kill=True)
    assert cluster.request("GET", f"{things}/shared", server=0)[0] == 0
    assert cluster.request("GET", f"{things}/shared", server=1)[0] == 200
    cluster.restart_server(first)
    assert cluster.request("GET", f"{things}/shared", server=0)[0] == 200


def test_stop_leaves_no_process_behind(real_cluster: Callable[..., RealCluster]) -> None:
    cluster = real_cluster(controllers=True)
    started = [cluster.servers[0].program.process, cluster._etcd.process, cluster._manager.process]
    cluster.stop()
    cluster.stop()
    assert [each.poll() is not None for each in started] == [True, True, True]


def test_the_programs_end_with_a_starter_that_was_killed(tmp_path: Path, repository: Path) -> None:
    script = (
        "from tests.realapi.server import RealCluster\n"
        "import pathlib, sys\n"
        "cluster = RealCluster(pathlib.Path(sys.argv[1])).start()\n"
        "print(cluster._etcd.process.pid, cluster.servers[0].program.process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "data")]
    with subprocess.Popen(command, cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        programs = [int(each) for each in starter.stdout.readline().split()]
        starter.send_signal(signal.SIGKILL)
    assert len(programs) == 2
    assert eventually(lambda: all(gone(each) for each in programs), 15)


def test_a_program_that_fails_is_told_with_its_log(tmp_path: Path) -> None:
    program = Program.start([sys.executable, "-c", "print('no such flag'); raise SystemExit(3)"], tmp_path / "log")
    with pytest.raises(NotReady, match=r"ended with code 3:\nno such flag"):
        program.await_ready(lambda: False, time.monotonic() + 30)
    program.stop()
