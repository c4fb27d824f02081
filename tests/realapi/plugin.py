"""Fixtures of the real API server, for any test that is marked `@pytest.mark.needs("realapi")`.

A pytest plugin: tests/conftest.py names it in `pytest_plugins`. `realapi` is one cluster for the whole run, shared, so
its tests use names of their own; `real_cluster` makes clusters for one test alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.realapi.server import RealCluster

_SHARED: pytest.StashKey[RealCluster] = pytest.StashKey()


@pytest.fixture(scope="session")
def realapi(pytestconfig: pytest.Config) -> RealCluster:
    """One running cluster with one API server and the three controllers, the same for all tests of this process."""
    if _SHARED not in pytestconfig.stash:
        cluster = RealCluster(controllers=True).start()
        pytestconfig.stash[_SHARED] = cluster
        pytestconfig.add_cleanup(cluster.stop)
    return pytestconfig.stash[_SHARED]


@pytest.fixture
def real_cluster(tmp_path: Path) -> Iterator[Callable[..., RealCluster]]:
    """Starts fresh clusters for one test: `real_cluster(servers=2, controllers=True)`; they end with the test."""
    with contextlib.ExitStack() as clusters:

        def start(*, servers: int = 1, controllers: bool = False) -> RealCluster:
            folder = tmp_path / f"realapi-{len(list(tmp_path.iterdir()))}"
            return clusters.enter_context(RealCluster(folder, servers=servers, controllers=controllers))

        yield start
