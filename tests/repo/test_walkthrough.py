"""The walk through in README.md happens as it is told there: the same commands give the same answers."""

from __future__ import annotations

import pytest

from tools import walkthrough


@pytest.mark.slow
@pytest.mark.needs("kubectl")
def test_the_readme_tells_what_happens() -> None:
    text = walkthrough.README.read_text()
    told = [walkthrough.plain(block) for block in walkthrough.BLOCK.findall(text)]
    happened = [walkthrough.plain(block) for block in walkthrough.BLOCK.findall(walkthrough.replayed(text))]
    assert told
    assert happened == told, "if this is meant: make docs"


def test_what_differs_between_runs_is_left_out() -> None:
    assert walkthrough.plain("web   Active   5m\n") == walkthrough.plain("web  Active  12s\n")
    assert walkthrough.plain("denied") != walkthrough.plain("created")
