"""`gatewright wait`: its exit codes, and one line for each outcome."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.client import Client
from tests.e2e.lifecycle import CONSTRAINTS, TEMPLATES, constraint, template
from tests.e2e.programs import free_port, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("wait")
    path = folder / "template.yaml"
    broken = template("WaitBroken")
    broken["spec"]["targets"][0]["rego"] = "package x\nviolation[{}] { x = }\n"
    path.write_text(yaml.safe_dump_all([template("WaitFine"), broken]))
    with running("up", str(path), "--kubeconfig-out", str(folder / "kubeconfig")) as program:
        program.line("Ctrl-C stops it.")
        client = Client.of_kubeconfig(folder / "kubeconfig")
        client.ok("POST", f"{CONSTRAINTS}/waitfine", constraint("WaitFine", "x"))
        yield folder / "kubeconfig"
        assert program.stop() == 0


def waited(kubeconfig: Path, what: str, *arguments: str) -> tuple[int, str]:
    """Exit code and what it said."""
    with running("wait", what, "--kubeconfig", str(kubeconfig), *arguments) as program:
        code = program.process.wait(60)
        return code, program.rest()


@pytest.mark.parametrize(
    ("what", "code", "text"),
    [
        pytest.param("constrainttemplate/waitfine", 0, "ConstraintTemplate/waitfine is ready: ", id="template"),
        pytest.param("waitfine/only", 0, "WaitFine/only is ready: the next violating request is denied", id="plural"),
        pytest.param("WaitFine/only", 0, "WaitFine/only is ready: ", id="kind"),
        pytest.param("constrainttemplate/waitbroken", 1, "rego_parse_error", id="failed"),
        pytest.param("constrainttemplate/none", 2, "is not ready after 1 s: not there yet", id="absent"),
        pytest.param("waitnone/x", 2, "no constraint kind 'waitnone' is served", id="kind-not-served"),
    ],
)
def test_exit_codes(kubeconfig: Path, what: str, code: int, text: str) -> None:
    found, said = waited(kubeconfig, what, "--timeout", "30s" if code < 2 else "1s")
    assert (found, said.count("\n")) == (code, 0), said
    assert text in said


def test_no_server_is_64(kubeconfig: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    other = tmp_path / "kubeconfig"
    other.write_text(yaml.safe_dump(config))
    for what in ("constrainttemplate/waitfine", "waitfine/only"):
        code, said = waited(other, what)
        assert code == 64
        assert said.startswith("gatewright: no answer from the API server: can't connect to 127.0.0.1:")
        assert "\n" not in said


def test_a_wrong_token_is_64(kubeconfig: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"]["token"] = "wrong"
    other = tmp_path / "kubeconfig"
    other.write_text(yaml.safe_dump(config))
    code, said = waited(other, "constrainttemplate/waitfine")
    assert (code, said.startswith("gatewright: Unauthorized - ")) == (64, True), said


def test_it_waits_for_what_comes_later(kubeconfig: Path) -> None:
    client = Client.of_kubeconfig(kubeconfig)
    arguments = ("--kubeconfig", str(kubeconfig), "--timeout", "30s")
    with running("wait", "waitlater/only", *arguments) as program:
        client.ok("POST", TEMPLATES, template("WaitLater"))
        with running("wait", "constrainttemplate/waitlater", *arguments) as first:
            assert first.process.wait(60) == 0
        client.ok("POST", f"{CONSTRAINTS}/waitlater", constraint("WaitLater", "x"))
        assert program.process.wait(60) == 0
        assert "WaitLater/only is ready" in program.rest()
