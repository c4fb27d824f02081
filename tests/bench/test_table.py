"""The bench's table and its data: what could not be measured says why, and each figure names its timing."""

from __future__ import annotations

import pytest

from bench.__main__ import main, table
from bench.figures import Figure, skipped


def test_columns() -> None:
    text = table([Figure("a", 1.23456, "s", "fast", 2.0, "note"), skipped("long name", "MB", "no data")])
    assert text.splitlines() == [
        "figure     value    goal  timing",
        "a          1.235 s  2 s   fast    note",
        "long name  -              -       skipped: no data",
    ]


def test_an_unknown_area_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 64
    assert capsys.readouterr().err == "bench: unknown area 'nothing' - choose from reviews, lifecycle, explorer\n"
