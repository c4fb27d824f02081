"""A fresh world for each test of a plan."""

from __future__ import annotations

import pytest

from tests.control.world import World


@pytest.fixture
def world() -> World:
    return World()
