"""Wrong input on the command line: an exit code, and one line on stderr that names what is wrong and what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gatewright import __version__
from gatewright.cli.main import COMMANDS, run


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and the one line on stderr; nothing may stand on stdout."""
    code = run(list(arguments))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith("\n")
    assert printed.err.count("\n") == 1, printed.err
    assert printed.err.startswith("gatewright: ")
    return code, printed.err.removeprefix("gatewright: ").rstrip("\n")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"gatewright {__version__}\n"
    assert run(["version"]) == 0
    assert capsys.readouterr().out.startswith(f"gatewright {__version__} (Python ")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert not [name for name in COMMANDS if f"\n  {name} " not in text]


NO_KUBECONFIG = "can't read kubeconfig nowhere: "


@pytest.mark.parametrize(
    ("arguments", "code", "begins", "ends"),
    [
        pytest.param(["up", "nowhere"], 1, "nowhere: no such file or folder", "check the path", id="up-no-file"),
        pytest.param(["wait", "thing"], 64, "'thing' is not KIND/NAME", "KIND/NAME", id="wait-no-name"),
        pytest.param(["wait", "a/b", "--timeout", "soon"], 64, "'soon' is no duration", "1m30s", id="wait-duration"),
        pytest.param(["wait", "a/b", "--for", "Cake"], 64, "can't wait for 'Cake'", "--for Ready", id="wait-condition"),
        pytest.param(["wait", "a/b", "--kubeconfig", "nowhere"], 64, NO_KUBECONFIG, "", id="wait-no-kubeconfig"),
        pytest.param(["manager", "--kubeconfig", "nowhere"], 64, NO_KUBECONFIG, "", id="manager-no-kubeconfig"),
        *(
            pytest.param(
                [command, "--port", "99999"], 64, "Invalid value for '--port'", "--help`", id=f"{command}-port"
            )
            for command in ("up", "apiserver", "manager")
        ),
        *(
            pytest.param(
                ["manager", "--webhook-url", url],
                64,
                f"--webhook-url {url!r}: API servers call no such URL",
                "",
                id=url,
            )
            for url in (
                "http://host:8443",
                "host:8443",
                "https://",
                "https://host:port",
                "https://u@host",
                "https://host/?a=b",
                "https://host/#a",
            )
        ),
        *(
            pytest.param(
                ["manager", "--apiserver-address", address],
                64,
                f"--apiserver-address {address!r} is not HOST:PORT",
                "10.0.0.1:6443",
                id=f"address-{address}",
            )
            for address in ("host", "https://host:6443", ":6443", "host:0", "host:x")
        ),
        pytest.param(["simulate", "--worlds", "mars"], 1, "unknown world 'mars'", "", id="simulate-world"),
        pytest.param(["simulate", "--faults", "rain"], 1, "unknown fault 'rain'", "", id="simulate-fault"),
        pytest.param(["simulate", "--replay", "nowhere"], 1, "can't read nowhere", "", id="simulate-no-file"),
        pytest.param(
            ["verify", "nowhere"], 1, "listing test files: ", "name a suite or a folder", id="verify-no-folder"
        ),
        pytest.param(["test", "-f", "nowhere"], 1, "reading: ", "name a file or a folder", id="test-no-file"),
    ],
)
def test_wrong_arguments(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    begins: str,
    ends: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    got, line = told(capsys, *arguments)
    assert got == code
    assert line.startswith(begins)
    assert line.endswith(ends)
    assert " - " in line, "the mend stands behind a dash"


BROKEN_FILES = [
    pytest.param("a: [\n", "policy.yaml:1: ", id="no-yaml"),
    pytest.param("kind: Pod\n", "policy.yaml:1: the object Pod lacks apiVersion and metadata.name", id="no-object"),
    pytest.param("- 1\n- 2\n", "policy.yaml:1: ", id="a-list"),
    pytest.param("ok: 1\n---\nx: y: z\n", "policy.yaml:", id="second-document"),
    pytest.param("\x00\x01", "policy.yaml", id="rubbish"),
]


@pytest.mark.parametrize(("text", "begins"), BROKEN_FILES)
def test_a_broken_file_is_named_with_its_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, begins: str
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    code, line = told(capsys, "up", str(path))
    assert code == 1
    assert line.startswith(str(tmp_path / begins))
    assert " - " in line


@pytest.mark.parametrize("command", [pytest.param("up", id="up"), pytest.param("apiserver", id="apiserver")])
def test_a_port_in_use(capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        kubeconfig = str(tmp_path / "kubeconfig")
        code, line = told(capsys, command, "--port", str(port), "--kubeconfig-out", kubeconfig)
    assert code == 1
    assert line.startswith(f"can't listen on 127.0.0.1:{port}: ")
    assert "--port" in line
