"""The judge of waiting clients: by our conditions, by Gatekeeper's status, and over the recorded transcripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.control.judge import Judge, Nature, nature_of

KIND = "ConstraintTemplate"


def template(*, generation: int = 1, uid: str = "u1", **status: Any) -> dict[str, Any]:
    meta = {"name": "t", "uid": uid, "generation": generation}
    return {"kind": KIND, "metadata": meta, "status": status}


def ready(status: str, reason: str, *, at: int = 1) -> dict[str, Any]:
    return {"type": "Ready", "status": status, "reason": reason, "message": "told", "observedGeneration": at}


def pod(
    *errors: tuple[str, str], at: int = 1, uid: str = "u1", operations: tuple[str, ...] = ("generate",)
) -> dict[str, Any]:
    told = [{"code": code, "message": message} for code, message in errors]
    return {"id": "p", "templateUID": uid, "observedGeneration": at, "operations": list(operations), "errors": told}


def judged(*things: tuple[float, dict[str, Any]], at: float) -> str:
    judge = Judge()
    for t, thing in things:
        judge.see(t, "MODIFIED", thing)
    return judge.state(KIND, "t", at).outcome


@pytest.mark.parametrize(
    ("thing", "outcome"),
    [
        pytest.param(template(conditions=[ready("True", "Ready")]), "ready", id="ready"),
        pytest.param(template(conditions=[ready("Unknown", "Progressing")]), "progressing", id="progressing"),
        pytest.param(template(conditions=[ready("False", "Failed")]), "failed", id="failed"),
        pytest.param(template(conditions=[ready("False", "Other")]), "progressing", id="false-for-another-reason"),
        pytest.param(template(generation=2, conditions=[ready("True", "Ready")]), "progressing", id="ready-before"),
        pytest.param(template(generation=2, conditions=[ready("False", "Failed")]), "progressing", id="failed-before"),
        pytest.param(template(), "progressing", id="no-status"),
        pytest.param(template(created=True, byPod=[pod()]), "ready", id="gatekeeper-created"),
        pytest.param(template(byPod=[pod()]), "progressing", id="gatekeeper-not-created"),
        pytest.param(template(created=True, byPod=[pod(uid="u0")]), "progressing", id="pods-of-another-incarnation"),
        pytest.param(template(created=True, byPod=[pod(at=0)]), "progressing", id="pods-behind"),
        pytest.param(
            template(created=True, byPod=[pod(operations=("webhook",))]), "progressing", id="no-generator-spoke"
        ),
    ],
)
def test_one_event(thing: dict[str, Any], outcome: str) -> None:
    assert judged((0.0, thing), at=60.0) == outcome


@pytest.mark.parametrize(
    ("code", "text", "nature"),
    [
        pytest.param("ingest_error", "rego_parse_error: no match found", Nature.LASTING, id="rego"),
        pytest.param("create_error", 'x "y" is invalid: spec.a: Invalid value', Nature.LASTING, id="422"),
        pytest.param("create_error", 'crds "y" is forbidden: User may not', Nature.LASTING, id="403"),
        pytest.param("create_error", "Operation cannot be fulfilled on x", Nature.PASSING, id="409"),
        pytest.param(
            "update_error", 'x "y" is invalid: metadata.resourceVersion: must be', Nature.PASSING, id="422-version"
        ),
        pytest.param("create_error", 'Could not: crds "y" already exists', Nature.PASSING, id="409-exists"),
        pytest.param("update_error", 'Put "https://server/apis": EOF', Nature.PASSING, id="no-answer"),
        pytest.param("", "something nobody has seen", Nature.UNKNOWN, id="unknown"),
    ],
)
def test_the_nature_of_an_error(code: str, text: str, nature: Nature) -> None:
    assert nature_of(code, text) is nature


LASTING = ("ingest_error", "rego_parse_error: a")
UNKNOWN = ("create_error", "odd")
PASSING = ("create_error", "Operation cannot be fulfilled")


@pytest.mark.parametrize(
    ("error", "seconds", "outcome"),
    [
        pytest.param(LASTING, 0.5, "progressing", id="lasting-just-now"),
        pytest.param(LASTING, 1.5, "failed", id="lasting"),
        pytest.param(UNKNOWN, 6.3, "progressing", id="unknown-as-long-as-false-alarms-stand"),
        pytest.param(UNKNOWN, 8.0, "failed", id="unknown"),
        pytest.param(PASSING, 3600.0, "progressing", id="passing"),
    ],
)
def test_an_error_must_stand(error: tuple[str, str], seconds: float, outcome: str) -> None:
    assert judged((10.0, template(created=False, byPod=[pod(error)])), at=10.0 + seconds) == outcome


def test_an_error_that_changes_its_words_stands_all_the_same() -> None:
    one, other = (template(byPod=[pod(("ingest_error", f"rego_unsafe_var_error: {text}"))]) for text in ("x", "y"))
    assert judged((0.0, one), (0.8, other), at=1.1) == "failed"


def test_an_error_that_went_meanwhile_begins_anew() -> None:
    bad, fine = template(byPod=[pod(UNKNOWN)]), template(created=True, byPod=[pod()])
    assert judged((0.0, bad), (5.0, fine), (6.0, bad), at=12.0) == "progressing"


def test_errors_of_the_generation_before_do_not_count() -> None:
    stale = template(generation=2, created=True, byPod=[pod(LASTING, at=1)])
    assert judged((0.0, stale), at=60.0) == "progressing"


def test_an_object_that_went_is_progressing() -> None:
    judge = Judge()
    judge.see(0.0, "ADDED", template(conditions=[ready("True", "Ready")]))
    judge.see(1.0, "DELETED", template(conditions=[ready("True", "Ready")]))
    assert judge.state(KIND, "t", 2.0).outcome == "progressing"


# --- the transcripts


def _phases(head: dict[str, Any]) -> dict[str, list[tuple[float, float, dict[str, Any]]]]:
    """For each judged object its phases as (from, to, what is true)."""
    phases = {}
    for name, truth in head["truth"].items():
        parts = truth.get("phases") or [{"from": 0.0, "spec": "good", **truth}]
        ends = [part["from"] for part in parts[1:]] + [head["end"]]
        judged = [(part["from"], end, part) for part, end in zip(parts, ends, strict=True)]
        phases[name] = [one for one in judged if one[2]["outcome"] in ("ready", "failed", "progressing")]
    return phases


def _wrong(outcome: str, truth: str, *, last: bool) -> bool:
    """What conformance/transcripts/README.md calls wrong."""
    if truth == "failed":
        return last and outcome != "failed"
    return outcome == "failed" or (last and (outcome == "ready") != (truth == "ready"))


def _mistakes(path: Path) -> tuple[int, list[str]]:
    """How often was asked, and each wrong answer."""
    head, *events = [json.loads(line) for line in path.read_text().splitlines()]
    phases = _phases(head)
    ends = sorted(((end, name, part) for name, parts in phases.items() for _, end, part in parts), key=lambda e: e[:2])
    judge, asked, mistakes = Judge(), 0, []

    def ask(t: float, name: str, part: dict[str, Any], *, last: bool) -> None:
        nonlocal asked
        asked += 1
        kind, _, short = name.partition("/")
        state = judge.state(kind, short, t)
        if _wrong(state.outcome, part["outcome"], last=last):
            mistakes.append(f"{path.name} {name} at {t}: {state}, true is {part['outcome']}: {part['why']}")

    for event in events:
        t = event["t"]
        while ends and (ends[0][0] < t or ends[0][0] == t < head["end"]):
            ask(*ends.pop(0), last=True)
        judge.see(t, event["type"], event["object"])
        name = f"{event['object']['kind']}/{event['object']['metadata']['name']}"
        for begin, end, part in phases.get(name, ()):
            if begin <= t < end:
                ask(t, name, part, last=False)
    for one in ends:
        ask(*one, last=True)
    return asked, mistakes


@pytest.mark.slow
@pytest.mark.needs("conformance")
def test_recorded_transcripts_are_judged_as_they_truly_were(conformance: Path) -> None:
    asked, mistakes = 0, []
    for path in sorted((conformance / "transcripts").glob("*.jsonl")):
        more, wrong = _mistakes(path)
        asked += more
        mistakes += wrong
    assert asked > 1000
    assert mistakes == []
