"""Every Rego template of the policy library gives the verdicts that its suites expect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatewright.core.documents import Dialect, read_documents
from gatewright.core.settings import Settings
from gatewright.policy.policies import Policies

WITHOUT_CEL = Settings(native_validation=False)


def documents(path: Path) -> list[Any]:
    return [found.value for found in read_documents(path.read_bytes(), str(path), dialect=Dialect.YAML_1_2)]


def complaints(suite: Path) -> Iterator[str]:
    folder = suite.parent
    for test in documents(suite)[0]["tests"]:
        policies = Policies(
            documents(folder / test["template"]), documents(folder / test["constraint"]), settings=WITHOUT_CEL
        )
        for case in test["cases"]:
            data = [thing for path in case.get("inventory") or () for thing in documents(folder / path)]
            (thing,) = documents(folder / case["object"])
            held = policies.with_data(data)
            found = held.review_request(thing) if thing["kind"] == "AdmissionReview" else held.review(thing)
            for assertion in case.get("assertions") or ():
                hits = [one for one in found if re.search(assertion.get("message") or "", one.msg)]
                wanted = assertion.get("violations", "yes")
                fits = len(hits) == wanted if isinstance(wanted, int) else bool(hits) == (wanted == "yes")
                if not fits:
                    yield f"{test['name']}/{case['name']}: {assertion}: {[one.msg for one in found]}"


@pytest.mark.needs("conformance")
def test_suites(conformance: Path) -> None:
    suites = sorted((conformance / "library").glob("*/*/suite.yaml"))
    assert len(suites) > 40
    assert [text for suite in suites for text in complaints(suite)] == []
