"""OPA's own evaluation cases, in both syntaxes. opa_areas.json says which categories a later issue brings; all
others must pass whole, but for the exceptions listed there by builtin. The counts are printed (`pytest -s`),
those not chosen too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs("conformance")
AREAS = json.loads((Path(__file__).parent / "opa_areas.json").read_text())
Categories = Callable[[str], dict[str, list[dict[str, Any]]]]
Verdict = Callable[[dict[str, Any], str], str]


def excepted(case: dict[str, Any]) -> str | None:
    """The builtin for whose sake a case is left out: it needs the network or the process, and is called."""
    text = "\n".join([*(case.get("modules") or []), case["query"]])
    return next((name for name in AREAS["exceptions"] if f"{name}(" in text), None)


@pytest.mark.slow
@pytest.mark.parametrize("syntax", ["v0", "v1"])
def test_cases(syntax: str, opa_categories: Categories, opa_verdict: Verdict) -> None:
    failed: list[str] = []
    counts = {"passed": 0, "excepted": 0, "later, passed": 0, "later, failed": 0}
    for category, cases in opa_categories(syntax).items():
        later = category in AREAS["later"]
        for case in cases:
            text = opa_verdict(case, syntax)
            if not text:
                counts["later, passed" if later else "passed"] += 1
            elif excepted(case):
                counts["excepted"] += 1
            elif later:
                counts["later, failed"] += 1
            else:
                failed.append(f"{syntax} {case['note']}: {text}")
    print(f"\nOPA {syntax}: {counts}")  # noqa: T201 - asked for: the counts are the point
    assert not failed, "\n".join(failed[:20])


def test_a_wrong_answer_is_seen(opa_verdict: Verdict) -> None:
    case = {"note": "n", "query": "x = true", "want_result": [{"x": 1}]}
    assert opa_verdict(case, "v1")
    assert not opa_verdict({**case, "want_result": [{"x": True}]}, "v1")


@pytest.mark.parametrize("syntax", ["v0", "v1"])
def test_an_area_that_passes_whole_is_no_longer_left_for_later(
    syntax: str, opa_categories: Categories, opa_verdict: Verdict
) -> None:
    categories = opa_categories(syntax)
    done = [c for c in AREAS["later"] if c in categories and not any(opa_verdict(x, syntax) for x in categories[c])]
    assert not done, f"these pass: take them out of opa_areas.json: {done}"
