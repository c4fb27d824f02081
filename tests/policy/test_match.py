"""Match criteria against Gatekeeper's answers (goldens/match), and what the goldens don't tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.core.objects import Name
from gatewright.policy.constraint_checks import validate_selectors
from gatewright.policy.match import MatchError, Subject, compile_match, matcher_of, matches_any
from gatewright.policy.review import Review, ReviewError, review_of_object, review_of_request


def cases(conformance: Path) -> list[dict[str, Any]]:
    return list(json.loads((conformance / "goldens" / "match" / "cases.json").read_text()))


def review(given: dict[str, Any]) -> Review:
    source = given.get("source") or ""
    if not {"operation", "oldObject", "requestNamespace"} & given.keys():
        return review_of_object(given["object"], namespace=given.get("namespace"), source=source)
    thing = given.get("object") or given.get("oldObject") or {}
    request = {
        "operation": given.get("operation") or "",
        "kind": {"kind": thing.get("kind")},
        "namespace": given.get("requestNamespace") or "",
        "object": given.get("object"),
        "oldObject": given.get("oldObject"),
    }
    return review_of_request(request, namespace=given.get("namespace"), source=source)


def as_constraint(given: dict[str, Any]) -> dict[str, Any]:
    """The answer of a constraint's matcher in the form of the goldens."""
    constraint = {"metadata": {"name": "c"}, "spec": {"match": given["match"]}}
    out: dict[str, Any] = {}
    refused = validate_selectors(constraint)
    if refused:
        out["constraint_error"] = refused
    try:
        matcher = matcher_of(constraint)
        asked = review(given)
    except (MatchError, ReviewError) as error:
        return {**out, "error": error.what}
    cached = {Name.of(namespace).name: namespace for namespace in given.get("cachedNamespaces") or ()}
    namespace = asked.namespace or cached.get(asked.request_namespace)
    try:
        return {**out, "matches": matches_any(matcher, asked.subjects(namespace))}
    except MatchError as error:
        return {**out, "matches": False, "error": error.what}


def as_mutator(given: dict[str, Any]) -> dict[str, Any]:
    """The answer of a mutator's matcher, which sees the object only."""
    try:
        matcher = compile_match(given["match"])
    except MatchError as error:
        return {"error": error.what}
    if given.get("object") is None:
        return {"matches": False, "error": "failed to run Match criteria: obj must be non-nil"}
    try:
        subject = Subject(given["object"], given.get("namespace"), given.get("source") or "")
        return {"matches": matcher.matches(subject)}
    except MatchError as error:
        return {"matches": False, "error": error.what}


@pytest.mark.needs("conformance")
def test_gatekeepers_answers(conformance: Path) -> None:
    wrong = []
    for case in cases(conformance):
        got = {"constraint": as_constraint(case["in"]), "mutator": as_mutator(case["in"])}
        if got != case["want"]:
            wrong.append((case["name"], got, case["want"]))
    assert wrong == []


@pytest.mark.parametrize(
    ("match", "group", "kind", "fits"),
    [
        pytest.param({}, "apps", "Deployment", True, id="no criteria"),
        pytest.param({"kinds": [{"kinds": ["*"], "apiGroups": [""]}]}, "apps", "Deployment", False, id="group"),
        pytest.param({"kinds": [{"kinds": ["Pod"]}, {"apiGroups": ["apps"]}]}, "apps", "Job", True, id="one of two"),
        pytest.param({"kinds": [None]}, "x", "Y", True, id="null entry"),
    ],
)
def test_kinds(match: dict[str, Any], group: str, kind: str, fits: bool) -> None:
    assert compile_match(match).fits_kind(group, kind) is fits


def test_an_object_without_a_kind_cannot_be_matched() -> None:
    with pytest.raises(MatchError, match="Object 'Kind' is missing"):
        review_of_object({"apiVersion": "v1", "metadata": {"name": "x"}}).subjects(None)


def test_nothing_under_review() -> None:
    with pytest.raises(MatchError, match="neither object nor old object are defined"):
        matches_any(compile_match({"name": "x"}), ())


@pytest.mark.parametrize(
    "labels",
    [pytest.param({"a": "b", "n": 1}, id="a value that is no text"), pytest.param("a=b", id="no object")],
)
def test_labels_that_kubernetes_cannot_read_count_as_none(labels: Any) -> None:
    thing = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 7, "labels": labels}}
    subject = Subject(thing, None, "")
    assert not compile_match({"labelSelector": {"matchLabels": {"a": "b"}}}).matches(subject)
    assert subject.name == ""


MATCH = "json: cannot unmarshal"


@pytest.mark.parametrize(
    ("match", "text"),
    [
        pytest.param(
            {"kinds": [{"apiGroups": "x"}]}, "string into Go struct field Kinds.kinds.apiGroups of type []string"
        ),
        pytest.param({"kinds": [{"kinds": [1]}]}, "number into Go struct field Kinds.kinds.kinds of type string"),
        pytest.param({"kinds": ["x"]}, "string into Go struct field Match.kinds of type match.Kinds"),
        pytest.param({"scope": ["x"]}, "array into Go struct field Match.scope of type v1.ResourceScope"),
        pytest.param(
            {"labelSelector": {"matchLabels": {"a": 1}}},
            "number into Go struct field LabelSelector.labelSelector.matchLabels of type string",
        ),
        pytest.param(
            {"namespaceSelector": {"matchExpressions": [{"operator": 3}], "matchLabels": 1}},
            "number into Go struct field LabelSelectorRequirement.namespaceSelector.matchExpressions.operator "
            "of type v1.LabelSelectorOperator",
        ),
        pytest.param(
            {"labelSelector": {"matchExpressions": ["x"]}},
            "string into Go struct field LabelSelector.labelSelector.matchExpressions "
            "of type v1.LabelSelectorRequirement",
        ),
    ],
)
def test_wrong_types_in_the_words_of_gos_decoder(match: dict[str, Any], text: str) -> None:
    with pytest.raises(MatchError) as caught:
        compile_match(match)
    assert caught.value.what == f"{MATCH} {text}"


def test_nulls_are_empty_values() -> None:
    thing = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {"a": ""}}}
    match = {"scope": None, "name": None, "namespaces": [None], "labelSelector": {"matchLabels": {"a": None}}}
    assert compile_match(match).matches(Subject(thing, None, ""))
    assert not compile_match({"namespaces": [None]}).matches(
        Subject({**thing, "metadata": {"namespace": "x"}}, None, "")
    )
