"""Fixtures that every test may use: the conformance data and the optional parts of the machine.

A test that needs an optional part says so with `@pytest.mark.needs("kubectl")`. Where the part is absent the test is
skipped with a reason; where GATEWRIGHT_REQUIRE names the part, its absence is a failure (design: interfaces,
"Set-up").
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.realapi import build

pytest_plugins = ["tests.realapi.plugin", "tests.repo.plugin"]

ROOT = Path(__file__).resolve().parent.parent

# Tests are deterministic: the same examples in every run, and no verdict that hangs on how busy the machine is.
settings.register_profile(
    "gatewright", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("gatewright")


def conformance_folder() -> Path:
    """The folder of conformance data: GATEWRIGHT_CONFORMANCE, or shared/conformance beside the checkout."""
    return Path(os.environ.get("GATEWRIGHT_CONFORMANCE") or ROOT.parent / "shared" / "conformance")


def _missing(part: str) -> str | None:
    if part == "conformance":
        return None if conformance_folder().is_dir() else "conformance data not found: set GATEWRIGHT_CONFORMANCE"
    if part == "kubectl":
        return None if shutil.which("kubectl") else "kubectl is not on PATH"
    if part == "realapi":
        return None if build.built(build.programs()) else "the real API server is not built: run `make realapi`"
    raise ValueError(f"unknown part {part!r} in @pytest.mark.needs")


def pytest_runtest_setup(item: pytest.Item) -> None:
    required = set(filter(None, os.environ.get("GATEWRIGHT_REQUIRE", "").split(",")))
    for mark in item.iter_markers("needs"):
        for part in mark.args:
            reason = _missing(part)
            if reason is None:
                continue
            if part in required:
                pytest.fail(f"GATEWRIGHT_REQUIRE names {part}, but {reason}", pytrace=False)
            pytest.skip(reason)


@pytest.fixture(scope="session")
def conformance() -> Path:
    """The conformance data. Tests that use it carry `@pytest.mark.needs("conformance")`."""
    return conformance_folder()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT
