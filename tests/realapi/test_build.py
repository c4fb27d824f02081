"""Building the real API server: whole or not at all, once, and with one clear line where it can't be done."""

import re
from pathlib import Path

import pytest

from tests.realapi import build

FAKE_GO = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
case "$1" in
  env) echo {version} ;;
  build) [ "$GOTOOLCHAIN" = local ] || exit 9
         {action}
         while [ "$1" != -o ]; do shift; done; echo program > "$2" ;;
esac
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a go of a given version on PATH; `calls()` is what it was asked."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(version: str = "go1.26.8", action: str = "") -> Path:
        program = folder / "go"
        program.write_text(FAKE_GO.format(version=version, action=action))
        program.chmod(0o755)
        return folder / "calls"

    return install


def builds(calls: Path) -> int:
    return sum(line.startswith("build") for line in calls.read_text().splitlines())


def test_the_programs_are_kept_in_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build.programs().is_relative_to(tmp_path)


def test_programs_are_built_once(go, tmp_path: Path) -> None:
    calls, folder = go(), tmp_path / "cache" / "programs"
    assert build.build(folder)
    assert [(folder / name).read_text() for name in build.PROGRAMS] == ["program\n"] * 3
    assert not build.build(folder)
    assert builds(calls) == 1


def test_other_source_is_built_anew(go, tmp_path: Path) -> None:
    calls, folder = go(), tmp_path / "cache" / "programs"
    build.build(folder)
    (folder / "stamp").write_text("of older source")
    assert build.build(folder)
    assert builds(calls) == 2
    assert sorted(each.name for each in folder.parent.iterdir()) == ["programs", "programs.lock"]


def test_a_failed_build_leaves_nothing(go, tmp_path: Path) -> None:
    go(action="exit 1")
    folder = tmp_path / "cache" / "programs"
    with pytest.raises(build.NotBuilt, match="go build failed"):
        build.build(folder)
    assert [each.name for each in folder.parent.iterdir()] == ["programs.lock"]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        pytest.param(None, "go is not on PATH: install Go 1.26 or newer", id="no go"),
        pytest.param("go1.25.3", "go1.25.3 is too old: install Go 1.26 or newer", id="old go"),
    ],
)
def test_what_is_missing_is_told_in_one_line(
    version: str | None,
    said: str,
    go,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if version is None:
        monkeypatch.setenv("PATH", str(tmp_path / "path"))
    else:
        go(version)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert build.main() == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1].startswith(f"realapi: {said}")


def test_the_module_asks_for_the_version_that_the_server_will_tell() -> None:
    module = (build.SOURCE / "go.mod").read_text()
    assert re.search(rf"^\s*k8s\.io/kubernetes {re.escape(build.VERSION)}$", module, re.MULTILINE)
