"""Worlds for the explorer's tests. Making one runs the whole installation, so each is made once."""

from __future__ import annotations

import pytest

from gatewright.sim import worlds


@pytest.fixture(scope="session")
def one_template() -> worlds.Scenario:
    return worlds.one_template()


@pytest.fixture(scope="session")
def recreated() -> worlds.Scenario:
    return worlds.recreated()


@pytest.fixture(scope="session")
def two_templates() -> worlds.Scenario:
    return worlds.two_templates()
