"""cel-spec's conformance cases, answered as Kubernetes answers them.

`agrees`: the wanted result or an error where one is wanted; `differs`: what kubernetes_detail says; `rejects`: the
expression is refused, or fails. Every case is run; exceptions are listed in exceptions.toml.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gatewright import cel
from tests.cel.spec_cases import read_environment, read_type, read_value, same
from tests.repo.exceptions import exempt

OWN = "tests/cel/exceptions.toml"
DETAIL_VALUE = "value "


def _cases(conformance: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((conformance / "cel").glob("*.json")):
        yield from json.loads(path.read_text())


def _answer(case: Mapping[str, Any]) -> tuple[str, Any]:
    """("refused", text), ("type", type), ("error", text) or ("value", (value, type))."""
    try:
        environment = read_environment(case)
        bindings = {name: read_value(one["value"]) for name, one in case.get("bindings", {}).items()}
    except KeyError as error:
        return "refused", f"declared or bound with {error}, which Kubernetes does not know"
    try:
        program = environment.compile(case["expr"], strict=not case.get("disable_check"))
    except cel.CompileError as error:
        return "refused", str(error)
    if case.get("check_only"):
        return "type", program.result_type
    outcome = program.run(bindings)
    if outcome.error is not None:
        return "error", outcome.error.message
    return "value", (outcome.value, program.result_type)


def _right(case: Mapping[str, Any], kind: str, got: Any) -> bool:
    if case["kubernetes"] == "rejects":
        return kind in ("refused", "error")
    if case["kubernetes"] == "differs":
        detail = case["kubernetes_detail"]
        if DETAIL_VALUE not in detail:
            return kind in ("refused", "error")
        wanted = json.loads(detail[detail.index(DETAIL_VALUE) + len(DETAIL_VALUE) :])
        return kind == "value" and same(got[0], read_value(wanted))
    if "eval_error" in case:
        return kind in ("refused", "error")
    if "typed_result" in case:
        deduced = case["typed_result"].get("deduced_type")
        found = got if kind == "type" else got[1] if kind == "value" else None
        if deduced is not None and found != read_type(deduced):
            return False
        if kind == "type":
            return True
    wanted = case.get("value") or case.get("typed_result", {}).get("result") or {"bool_value": True}
    return kind == "value" and same(got[0], read_value(wanted))


@pytest.mark.needs("conformance")
def test_every_case_is_answered_as_kubernetes_answers_it(conformance: Path) -> None:
    listed = {one.where: one for one in exempt() if one.file == OWN and one.list == "cel"}
    counts: Counter[str] = Counter()
    right: Counter[str] = Counter()
    wrong: dict[str, str] = {}
    for case in _cases(conformance):
        name = "/".join((case["file"], case["section"], case["name"]))
        counts[case["kubernetes"]] += 1
        kind, got = _answer(case)
        if _right(case, kind, got):
            right[case["kubernetes"]] += 1
        else:
            wrong[name] = f"{case['expr']!r}: {kind} {got}"
    told = ", ".join(f"{kind} {right[kind]} of {counts[kind]}" for kind in sorted(counts))
    print(f"\ncel-spec: {told}; listed exceptions: {len(listed)}")  # noqa: T201 - the counts are the point
    assert counts, "no case found"
    assert {name: text for name, text in wrong.items() if name not in listed} == {}
    assert sorted(listed) == sorted(wrong), "a listed exception no longer holds"
    assert right["agrees"] >= 0.99 * counts["agrees"]
