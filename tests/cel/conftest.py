"""Fixtures of the CEL tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gatewright import cel


@pytest.fixture
def kubernetes() -> Callable[..., cel.Environment]:
    """An environment with Kubernetes' libraries and the given variables."""

    def make(container: str = "", **variables: cel.Type) -> cel.Environment:
        return cel.Environment(variables, libraries=cel.KUBERNETES, container=container)

    return make
