"""docs/differences.md is made from docs/differences.toml, and each difference says what, why and where it shows."""

from __future__ import annotations

from tests.repo.sources import ROOT
from tools import differences


def test_the_page_is_made_from_the_data() -> None:
    page = (ROOT / "docs" / "differences.md").read_text()
    assert page == differences.page(differences.read()), "run: python -m tools.differences"


def test_names_are_single() -> None:
    names = [one.name for one in differences.read()]
    assert len(names) == len(set(names))


def test_each_tells_both_sides_and_the_reason() -> None:
    for one in differences.read():
        assert all(len(text) >= 10 for text in (one.gatekeeper, one.gatewright, one.why)), one.name
        assert one.area in differences.AREAS, one.name


def test_each_points_at_what_shows_it() -> None:
    """`shown` is the test or the module where the difference can be read; it exists."""
    for one in differences.read():
        assert one.shown, one.name
        assert not [path for path in one.shown if not (ROOT / path).exists()], one.name
