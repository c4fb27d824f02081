"""Running commands as the goldens ran gator, and comparing what they print."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.cli.main import run

_CHOSEN: Counter[str] = Counter()


@dataclass(frozen=True)
class Ran:
    exit: int
    stdout: str
    stderr: str


def normalised(text: str, folder: Path) -> str:
    """Durations, the log's time and the working folder, as goldens/README.md normalises them."""
    text = re.sub(r"\b\d+(\.\d+)?s\b", "<T>s", text)
    text = re.sub(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "<TIME>", text)
    return text.replace(str(folder), "$CWD").replace(str(folder)[1:], "$CWD")


@pytest.fixture
def gator(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Callable[..., Ran]]:
    """Runs a command line in a folder; stdin is a text, or the null device."""
    opened: list[Any] = []

    def call(args: list[str], folder: Path, stdin: str | None = None) -> Ran:
        source = Path(os.devnull)
        if stdin is not None:
            source = tmp_path / "stdin"
            source.write_text(stdin)
        opened.append(source.open())
        monkeypatch.setattr(sys, "stdin", opened[-1])
        monkeypatch.chdir(folder)
        code = run(args)
        told = capfd.readouterr()
        return Ran(code, normalised(told.out, folder), normalised(told.err, folder))

    yield call
    for file in opened:
        file.close()


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path], Path]:
    """A writable copy of a case's folder."""

    def copy(folder: Path) -> Path:
        target = tmp_path / "case"
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("cmd.json"))
        for path in (target, *target.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return target

    return copy


@pytest.fixture
def compare() -> Callable[[dict[str, Any], Ran], None]:
    """Fails where a command differs from its golden in exit code or output; data is compared as data."""

    def check(golden: dict[str, Any], ran: Ran) -> None:
        assert ran.exit == golden["exit"], f"exit {ran.exit}: {ran.stderr}{ran.stdout}"
        form = _form(golden["args"])
        if form == "json":
            assert json.loads(ran.stdout or "null") == json.loads(golden["stdout"] or "null")
        elif form == "yaml":
            assert yaml.safe_load(ran.stdout) == yaml.safe_load(golden["stdout"])
        elif "ok/FAIL/PASS words only" in golden.get("note", ""):
            assert _words(ran.stdout) == _words(golden["stdout"])
        else:
            assert ran.stdout.splitlines() == golden["stdout"].splitlines()
        failed = golden["exit"] != 0 and golden["stderr"] and "WARNING" not in golden["stderr"]
        if failed:
            assert ran.stderr.strip(), "a failing command must say why"
            assert "Traceback" not in ran.stderr
            assert ran.stderr.count("\n") == 1, "an error is told in one line"
            if golden["stderr"].startswith("auditing objects: "):  # the same cause for the same object
                assert golden["stderr"].strip()[:60] in ran.stderr

    return check


def _words(text: str) -> list[str]:
    """The first word of each line: gator garbles the paths of folders."""
    return [line.split()[0] for line in text.splitlines() if line.split()]


def _form(args: list[str]) -> str:
    for flag, value in itertools.pairwise(args):
        if flag in ("-o", "--output") and value.lower() in ("json", "yaml"):
            return value.lower()
    return ""


@pytest.fixture(scope="session")
def count() -> Callable[[str, int, dict[str, int]], None]:
    """Tells how many cases of an area are chosen, and which issue brings the others."""

    def tell(area: str, chosen: int, left: dict[str, int]) -> None:
        rest = ", ".join(f"{number} left for {issue}" for issue, number in sorted(left.items()))
        _CHOSEN[f"{area}: {chosen} chosen{', ' + rest if rest else ''}"] += 1

    return tell


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for line in sorted(_CHOSEN):
        terminalreporter.write_line(line)
