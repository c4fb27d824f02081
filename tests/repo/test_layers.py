"""Imports point down: the contracts in .importlinter hold, and the shell is one for all who drive it."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys

from tests.repo.sources import ROOT, imports, modules, package

# What runtime and sim may know of control: the list of controllers, and the pure part of what they serve or offer.
FACES_OF_CONTROL = frozenset({"registry", "admission", "judge", "readiness"})


def test_the_contracts_hold() -> None:
    run = "from importlinter.cli import lint_imports_command as command; command()"
    outcome = subprocess.run(
        [sys.executable, "-c", run, "--config", str(ROOT / ".importlinter"), "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_every_room_has_its_layer() -> None:
    """The layers are exhaustive: a new room must be given its place."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    layers = config["importlinter:contract:layers"]
    assert layers["exhaustive"] == "true"
    assert layers["exhaustive_ignores"].split() == ["__main__"]


def _imported(prefix: str) -> set[str]:
    return {name for module in package() if module.name.startswith(prefix) for _, name in imports(module)}


def _drives(prefix: str) -> bool:
    """Whether a module below the prefix steps the shell of `reconcile`."""
    return any(name.startswith("gatewright.reconcile.shell") for name in _imported(prefix))


def test_runtime_and_simulation_drive_the_same_shell() -> None:
    """`up` and `manager` through runtime.process, `simulate` through sim: all step gatewright.reconcile.shell."""
    assert _drives("gatewright.runtime.process")
    assert _drives("gatewright.runtime.carrier")
    assert _drives("gatewright.sim")
    for command in ("up", "manager"):
        assert any(name.startswith("gatewright.runtime") for name in _imported(f"gatewright.cli.{command}"))
    assert any(name.startswith("gatewright.sim") for name in _imported("gatewright.cli.simulate"))


def test_runtime_and_simulation_take_the_same_controllers() -> None:
    for room in ("runtime", "sim"):
        assert "gatewright.control.registry.CONTROLLERS" in _imported(f"gatewright.{room}")


def test_runtime_decides_nothing() -> None:
    """It knows of control only the list of controllers and the pure faces; no plan by name."""
    known = {name.split(".")[2] for name in _imported("gatewright.runtime") if name.startswith("gatewright.control.")}
    assert known <= FACES_OF_CONTROL


def test_the_embedded_server_is_one() -> None:
    """runtime and sim bring in the same core of the API server, and nobody else does."""
    users = {
        module.room
        for module in package()
        if module.room != "apiserver" and any(name.startswith("gatewright.apiserver") for _, name in imports(module))
    }
    assert users <= {"runtime", "sim", "cli", "testing"}


def test_the_product_imports_no_test() -> None:
    wrong = [
        f"{module.path}:{line}: {name}"
        for module in modules()
        if module.path.startswith("gatewright/")
        for line, name in imports(module)
        if name.split(".")[0] in ("tests", "tools", "bench", "pytest", "hypothesis")
    ]
    assert [one for one in wrong if not one.startswith("gatewright/testing/")] == []
