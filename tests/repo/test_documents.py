"""What the documents tell a reader to run exists: make targets, subcommands, options, files; and CI runs what README
calls the tests.
"""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from functools import cache

import pytest

from gatewright.cli.main import COMMANDS
from gatewright.control import constraint_ingest, template_crd, template_ingest
from tests.repo import documents
from tests.repo.sources import ROOT, package
from tools import commands

LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
# Folders and files that a document names in code marks, such as `gatewright/control/view.py`.
NAMED = re.compile(r"`((?:gatewright|tests|docs|policies|bench|tools|requirements)/[\w./*-]+)`")


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_make_targets_exist() -> None:
    told = documents.of("make")
    assert {"run", "test"} <= {word for one in told for word in one.words}
    unknown = [str(one) for one in told for word in one.words if "=" not in word and word not in _targets()]
    assert not unknown


def test_every_make_target_is_phony_and_told() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())  # type: ignore[index]
    assert phony == _targets()
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    assert not [target for target in sorted(_targets()) if f"make {target}" not in contributing]


def test_readme_opens_with_the_two_commands() -> None:
    commands = [told.words for told in documents.commands() if told.where == "README.md"]
    assert commands[:2] == [("make", "run"), ("make", "test")]


def test_ci_runs_the_tests_of_the_readme() -> None:
    """The test command of README is what .ci/run calls, through make."""
    script = (ROOT / ".ci" / "run").read_text()
    for target in ("lint", "realapi", "test", "test-long"):
        assert re.search(rf"^part .* make {target}$", script, re.MULTILINE), target
    assert re.search(r"^export GATEWRIGHT_REQUIRE=\S*kubectl,conformance,realapi", script, re.MULTILINE)


@cache
def _help(command: str) -> str:
    arguments = [command] if command else []
    outcome = subprocess.run(
        [sys.executable, "-m", "gatewright", *arguments, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


@pytest.mark.parametrize("command", [pytest.param(name, id=name) for name in COMMANDS])
def test_every_command_has_help(command: str) -> None:
    text = _help(command)
    assert text.startswith("Usage: ")
    assert len(text.split("\n\n")[1].strip()) > 20


def test_commands_and_options_of_the_documents_exist() -> None:
    told = documents.of("gatewright")
    assert told
    problems = []
    for one in told:
        command = next((word for word in one.words if not word.startswith("-")), "")
        if command and command not in COMMANDS:
            problems.append(f"{one}: no such command")
            continue
        options = set(re.findall(r"(?<![\w-])(--?[a-z][\w-]*)", _help(command)))
        named = [word.split("=")[0] for word in one.words if re.match(r"--?[a-z]", word)]
        problems += [f"{one}: no option {name}" for name in named if name not in options]
    assert not problems


def test_the_commands_page_is_made_from_the_command_line() -> None:
    assert (ROOT / "docs" / "commands.md").read_text() == commands.page(), "run: make docs"


def test_the_lifecycle_page_tells_every_state_and_failure() -> None:
    """Each reason that a condition can have in the code has its word in docs/lifecycle.md."""
    page = (ROOT / "docs" / "lifecycle.md").read_text()
    states = [state.value for one in (constraint_ingest, template_crd, template_ingest) for state in one.State]
    silent = sorted({one for one in states if one != "Invalid" and one not in page})
    assert not silent


def test_every_room_is_told_in_the_architecture() -> None:
    """Each package of the product has its row, and no row tells of a room that no layer knows."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    told = {room for row in rows for room in re.findall(r"`(\w+)`", row)}
    assert {module.room for module in package() if module.path.count("/") > 1} <= told
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    layers = set(re.findall(r"\w+", config["importlinter:contract:layers"]["layers"]))
    assert told == layers


@pytest.mark.parametrize("path", [pytest.param(path, id=path) for path in documents.pages()])
def test_links_and_names_of_files_lead_somewhere(path: str) -> None:
    text = (ROOT / path).read_text()
    here = (ROOT / path).parent
    dead = [link for link in LINK.findall(text) if not (here / link).exists()]
    dead += [
        name for name in NAMED.findall(text) if not (list(ROOT.glob(name)) if "*" in name else (ROOT / name).exists())
    ]
    assert not dead
