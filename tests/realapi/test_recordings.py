"""The recorded answers hold on the real server: so what the replay says of another server is about that server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.realapi.server import RealCluster
from tests.replay.pairs import replay
from tests.replay.scenario import scenarios
from tests.replay.transport import HttpTransport


@pytest.mark.slow
@pytest.mark.needs("realapi", "conformance")
def test_every_recorded_step_holds_on_the_real_server(
    real_cluster: Callable[..., RealCluster], conformance: Path
) -> None:
    # Recorded without controllers but for the scenarios that name one: those come last, with the controllers beside.
    recorded = sorted(scenarios(conformance / "apiserver"), key=lambda scenario: scenario.needs is not None)
    assert recorded, "no scenario found"
    cluster = real_cluster()
    transport = HttpTransport(cluster.url, cluster.token, cluster.ca)
    reports, steps = [], 0
    for scenario in recorded:
        if scenario.needs is not None:
            cluster.start_controllers()
        result = replay(scenario, transport)
        steps += result.total
        if result.failures:
            reports.append(result.report())
    assert not reports, "\n".join(reports)
    assert steps > 0
