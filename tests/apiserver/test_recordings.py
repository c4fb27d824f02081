"""The embedded server against the recorded answers of the real one, file by file, in process.

`LATER` says which steps are not chosen yet and which issue brings them; everything else must agree. A step that is
listed but agrees fails the test, so that the list can only shrink. The counts are printed when the tests end.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatewright.apiserver.config import Config
from tests.replay.pairs import replay
from tests.replay.scenario import load

FILES = [
    "00-discovery",
    "01-discovery-aggregated",
    "10-ssa-basic",
    "11-ssa-preconditions",
    "12-ssa-lists",
    "13-ssa-untyped",
    "14-ssa-beside-update",
    "15-ssa-builtin",
    "16-ssa-crd-vap",
    "20-patch-json-merge",
    "21-patch-strategic",
    "30-create-defaults",
    "31-create-invalid",
    "40-crd-invalid",
    "41-crd-values",
    "43-crd-versions",
    "44-crd-deletion",
    "50-field-validation",
    "51-delete",
    "60-list-get",
    "70-watch",
    "90-protobuf",
]

# Whole files of an area that a later issue brings.
AREAS = {
    "42-crd-cel": "issue 7: validation rules of CRDs in CEL",
    "80-vap-invalid": "issue 4: ValidatingAdmissionPolicies are compiled and checked",
    "81-vap-decisions": "issue 4: ValidatingAdmissionPolicies decide",
    "89-vap-typechecking": "issue 7: type-checking warnings in the status of policies",
}

# Single steps of the files above: file -> step -> issue.
LATER: dict[str, dict[str, str]] = {
    "00-discovery": {
        "openapi v3 index": "issue 8: OpenAPI with descriptions, hashes of its documents",
        "openapi v3 coordination": "issue 8: OpenAPI with descriptions",
    },
    "16-ssa-crd-vap": {
        "VAP bad CEL": "issue 4: expressions of policies are compiled",
        "VAP variables by a second manager": "issue 4: follows from the step before",
    },
    "40-crd-invalid": dict.fromkeys(
        [
            "CEL does not compile",
            "CEL unknown field",
            "CEL not bool",
            "CEL cost too high",
            "CEL message expression bad",
            "CEL oldSelf below an atomic list",
            "CEL optionalOldSelf without oldSelf",
            "CEL two errors",
        ],
        "issue 7: validation rules of CRDs are compiled",
    ),
    "43-crd-versions": {"OpenAPI of the group": "issue 8: OpenAPI with descriptions"},
}


@pytest.mark.needs("conformance")
@pytest.mark.parametrize("name", FILES)
def test_answers_are_those_of_the_real_server(
    name: str, conformance: Path, config: Config, make_transport: Any, counts: list[str]
) -> None:
    transport = make_transport(config)
    result = replay(load(conformance / "apiserver" / f"{name}.json"), transport)
    later = LATER.get(name, {})
    differing = {outcome.step.name for outcome in result.failures}
    unexpected = [outcome for outcome in result.failures if outcome.step.name not in later]
    counts.append(f"{name}: {result.passed} of {result.total} steps agree, {len(later)} not chosen yet")
    assert not unexpected, result.report()
    assert later.keys() <= differing, f"agree by now, take them off the list: {sorted(later.keys() - differing)}"


@pytest.mark.needs("conformance")
def test_every_recorded_file_is_chosen_or_belongs_to_an_issue(conformance: Path, counts: list[str]) -> None:
    found = {path.stem for path in (conformance / "apiserver").glob("*.json")}
    assert found, "no recorded answers found"
    told = set(FILES) | AREAS.keys()
    assert found <= told, f"neither replayed nor listed: {sorted(found - told)}"
    counts.extend(f"{area}: not chosen yet, {AREAS[area]}" for area in sorted(AREAS))
