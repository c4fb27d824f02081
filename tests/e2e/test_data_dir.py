"""`up --data-dir`: killed and started again, the cluster is the same and its policies hold."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import yaml

from tests.e2e import lifecycle
from tests.e2e.client import Client, is_ready
from tests.e2e.lifecycle import CONFIG_MAPS, CONSTRAINTS, TEMPLATES, constraint, template
from tests.e2e.programs import children, ended, running

pytestmark = pytest.mark.slow


def test_a_killed_server_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    path = tmp_path / "template.yaml"
    path.write_text(yaml.safe_dump(template("Kept")))
    with running("up", str(path), "--data-dir", str(folder)) as program:
        program.line("Ctrl-C stops it.")
        client = Client.of_kubeconfig(folder / "kubeconfig")
        client.ok("POST", f"{CONSTRAINTS}/kept", constraint("Kept", "bad"))
        client.until(f"{CONSTRAINTS}/kept", lambda seen: "only" in seen and is_ready(seen["only"]), 60, "Ready")
        with running("up", "--data-dir", str(folder)) as second:
            assert second.process.wait(30) == 1
            (line,) = second.rest().splitlines()
            assert "is in use by another gatewright process" in line
        made = [client.ok("POST", CONFIG_MAPS, lifecycle._config_map("Kept", "good")) for _ in range(20)]
        worker = children(program.process.pid)
        program.process.send_signal(signal.SIGKILL)  # nothing that was answered is lost
        program.process.wait(10)
        assert ended(worker)

    with running("up", "--data-dir", str(folder)) as program:
        program.line("Ctrl-C stops it.")
        for one in made:  # the same client: the token, the authority and the port are the old ones
            assert client.ok("GET", f"{CONFIG_MAPS}/{one['metadata']['name']}") == one
        after = client.ok("POST", CONFIG_MAPS, lifecycle._config_map("Kept", "good"))
        assert int(after["metadata"]["resourceVersion"]) > int(made[-1]["metadata"]["resourceVersion"])
        client.until(TEMPLATES, lambda seen: is_ready(seen["kept"]), 60, "Ready again")
        client.until(f"{CONSTRAINTS}/kept", lambda seen: is_ready(seen["only"]), 60, "Ready again")
        lifecycle._denied(client, "Kept", "bad", "may not be bad")
        client.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "fresh"}})
        client.ok("DELETE", f"{TEMPLATES}/kept")
        lifecycle._nothing_left(client, ["kept"])
        assert program.stop() == 0
        assert "Traceback" not in program.rest()


def test_a_damaged_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"rubbish" * 1000)
    with running("apiserver", "--data-dir", str(tmp_path)) as program:
        assert program.process.wait(30) == 1
        (line,) = program.rest().splitlines()
    assert line.startswith("gatewright: ")
    assert "state.db: the kept state can't be read: file is not a database - put back a copy" in line
