"""Decorrelated jitter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatewright.kube.backoff import BASE, CAP, next_delay

DRAWS = st.floats(0, 1, exclude_max=True)


@given(st.floats(0, CAP), DRAWS)
def test_a_delay_is_between_its_bounds(previous: float, draw: float) -> None:
    delay = next_delay(previous, draw)
    assert BASE <= delay <= min(CAP, max(BASE, 3 * previous))


def test_it_grows_to_the_cap() -> None:
    delays = [0.0]
    for _ in range(20):
        delays.append(next_delay(delays[-1], 0.5))
    assert delays == sorted(delays)
    assert delays[-1] == CAP
