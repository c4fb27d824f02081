"""`test` and `verify` against what gator answers (goldens/gator and goldens/gator-cases)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatewright.core.documents import read_documents
from gatewright.kinds.templates import NATIVE, read_template

pytestmark = pytest.mark.needs("conformance")

# What is not chosen yet, by the beginning of a case's name -> who brings it. Everything else is chosen.
LEFT = {
    "bench-": "issue 6",
    "verify-trace": "issue 6",
    "help-bench": "issue 6",
    "cel-match": "issue 4",
    "cel-message": "issue 4",
    "cel-runtime": "issue 4",
    "cel-several": "issue 4",
    "cel-violation": "issue 4",
    "template-cel": "issue 4",
    "expand-": "the issue of expansion",
    "expansion-": "the issue of expansion",
    "verify-expansion": "the issue of expansion",
    "sync-": "the issue of gator's other commands",
    "help-sync": "the issue of gator's other commands",
    "help-policy": "the issue of gator's other commands",
    "help-root": "the issue of gator's other commands",
    "flag-no-command": "the issue of gator's other commands",
    "flag-unknown-command": "the issue of gator's other commands",
}
HELP = {"help-test"}  # compared by the flags that must exist, in test_flags_of_gator


def _cases(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/cmd.json"))


def _owner(name: str) -> str:
    return next((LEFT[start] for start in LEFT if name.startswith(start)), "")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    root = _goldens()
    if "case" in metafunc.fixturenames:
        chosen = [case for case in _cases(root / "gator-cases") if not _owner(case.name) and case.name not in HELP]
        metafunc.parametrize("case", chosen or [None], ids=lambda case: case.name if case else "absent")
    if "policy" in metafunc.fixturenames:
        policies = sorted((root / "gator").glob("*.json"))
        metafunc.parametrize("policy", policies or [None], ids=lambda policy: policy.stem if policy else "absent")


def _goldens() -> Path:
    from tests.conftest import conformance_folder

    return conformance_folder() / "goldens"


def test_case(case: Path, gator: Callable[..., Any], copied: Callable[..., Path], compare: Callable[..., None]) -> None:
    golden = json.loads((case / "cmd.json").read_text())
    folder = copied(case)
    for made in golden.get("mkdir", ()):
        (folder / made).mkdir(parents=True)
    compare(golden, gator(golden["args"], folder, golden.get("stdin")))


def test_library(
    policy: Path, conformance: Path, gator: Callable[..., Any], compare: Callable[..., None], count: Callable[..., None]
) -> None:
    """With Rego alone. Templates that have CEL too answer `test` in CEL's words, which are issue 4's; their exit codes
    are compared now."""
    library = conformance / "library"
    golden = json.loads(policy.read_text())
    folder = (library / golden["suite"]).parent
    native = _has_native(folder / "template.yaml")
    for command in golden["commands"]:
        ran = gator([*command["args"], "--enable-k8s-native-validation=false"], library)
        if native and command["args"][0] == "test":
            assert ran.exit == command["exit"], command["name"]
            continue
        compare(command, ran)
        if command["args"][0] == "test":
            warned = [line for line in ran.stderr.splitlines() if "WARNING" in line]
            assert warned == command["stderr"].splitlines(), command["name"]


def _has_native(template: Path) -> bool:
    (document,) = read_documents(template.read_bytes())
    return NATIVE in read_template(document.value).engines


def test_how_many_cases_are_chosen(conformance: Path, count: Callable[..., None]) -> None:
    cases = _cases(conformance / "goldens" / "gator-cases")
    left = Counter(owner for case in cases if (owner := _owner(case.name)))
    chosen = len(cases) - sum(left.values())
    assert chosen > 100
    count("goldens/gator-cases", chosen, dict(left))
    commands = native = 0
    for file in sorted((conformance / "goldens" / "gator").glob("*.json")):
        golden = json.loads(file.read_text())
        tests = sum(command["args"][0] == "test" for command in golden["commands"])
        commands += len(golden["commands"])
        if _has_native((conformance / "library" / golden["suite"]).parent / "template.yaml"):
            native += tests
    assert commands > native > 0
    count("goldens/gator commands", commands - native, {"issue 4 (exit codes compared now)": native})


@pytest.mark.parametrize("start", LEFT)
def test_what_is_left_exists(start: str, conformance: Path) -> None:
    names = [case.name for case in _cases(conformance / "goldens" / "gator-cases")]
    assert any(name.startswith(start) for name in names), f"no case begins with {start}: remove it from LEFT"


def test_flags_of_gator(conformance: Path, gator: Callable[..., Any], tmp_path: Path) -> None:
    """Every flag that gator's help names is there, long and short, with its default."""
    golden = json.loads((conformance / "goldens" / "gator-cases" / "help-test" / "cmd.json").read_text())
    ours = gator(["test", "--help"], tmp_path)
    assert ours.exit == golden["exit"]
    for line in golden["stdout"].partition("Flags:\n")[2].splitlines():
        for flag in (word.rstrip(",") for word in line.split() if word.startswith("-")):
            assert flag in ours.stdout, flag
