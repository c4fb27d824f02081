"""The policy library's CEL templates: every expression compiles, every case of their suites is decided as stated.

What a driver of templates adds (the variables anyObject and params, the request of a dry run) is written out here, so
that `cel` is held without the rooms above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright import cel
from gatewright.cel.validator import TEMPLATES, Inputs, Named, Policy, Validation, Validator

pytestmark = pytest.mark.needs("conformance")

NAMES = ("object", "oldObject", "request", "namespaceObject", "params", "variables")
BUILT_IN = (
    Named(
        "anyObject", 'has(request.operation) && request.operation == "DELETE" && object == null ? oldObject : object'
    ),
    Named("params", "!has(params.spec) ? null : !has(params.spec.parameters) ? null: params.spec.parameters"),
)


def documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def cel_source(template: dict[str, Any]) -> dict[str, Any] | None:
    """The CEL source of a template, None where it has none."""
    for target in template["spec"].get("targets", []):
        for code in target.get("code", []):
            if code["engine"] == "K8sNativeValidation":
                return dict(code["source"])
    return None


def templates(conformance: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """File and CEL source of each template of the library."""
    for path in sorted((conformance / "library").glob("**/template.yaml")):
        for template in documents(path):
            source = cel_source(template)
            if source is not None:
                yield path.parent.name, source


def expressions(source: dict[str, Any]) -> Iterator[str]:
    """All expressions of a source."""
    for part in ("matchCondition", "variables", "validations"):
        for one in source.get(part, []):
            yield one["expression"]
            if one.get("messageExpression"):
                yield one["messageExpression"]


def validator(source: dict[str, Any]) -> Validator:
    """As a driver compiles a template."""
    variables = tuple(Named(one["name"], one["expression"]) for one in source.get("variables", []))
    validations = tuple(
        Validation(one["expression"], one.get("message", ""), one.get("messageExpression", ""))
        for one in source["validations"]
    )
    conditions = tuple(Named(one["name"], one["expression"]) for one in source.get("matchCondition", []))
    policy = Policy(validations, (*BUILT_IN, *variables), conditions, (), source.get("failurePolicy") == "Ignore")
    return Validator(policy, TEMPLATES)


def inputs(reviewed: dict[str, Any], constraint: dict[str, Any]) -> Inputs:
    """A review of an object or of an AdmissionReview, as gator makes it."""
    if reviewed["kind"] != "AdmissionReview":
        return Inputs(reviewed, None, {"operation": "", "userInfo": {}}, constraint)
    request = reviewed["request"]
    new = None if request.get("operation") == "DELETE" else request.get("object")
    shown = {name: value for name, value in request.items() if name not in ("object", "oldObject")}
    return Inputs(new, request.get("oldObject"), {"userInfo": {}, **shown}, constraint)


def messages(compiled: Validator, reviewed: dict[str, Any], constraint: dict[str, Any]) -> list[str]:
    verdict = compiled.validate(inputs(reviewed, constraint), 1_000_000, 2_500_000)
    return [one.message for one in verdict.denials]


def test_every_expression_compiles(conformance: Path) -> None:
    environment = cel.Environment(dict.fromkeys(NAMES, cel.DYN), libraries=cel.KUBERNETES)
    refused, seen, count = [], 0, 0
    for name, source in templates(conformance):
        seen += 1
        refused += [f"{name}: {fault}" for fault in validator(source).faults]
        for text in expressions(source):
            count += 1
            try:
                environment.compile(text)
            except cel.CompileError as error:
                refused.append(f"{name}: {error}")
    assert not refused
    assert (seen >= 16, count >= 190) == (True, True)


def suite_cases(conformance: Path) -> Iterator[tuple[str, Validator, dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Name, policy, constraint, reviewed object and case, for templates with CEL."""
    for path in sorted((conformance / "library").glob("**/suite.yaml")):
        for test in documents(path)[0]["tests"]:
            source = cel_source(documents(path.parent / test["template"])[0])
            if source is None:
                continue
            constraint = documents(path.parent / test["constraint"])[0]
            compiled = validator(source)
            for case in test["cases"]:
                reviewed = documents(path.parent / case["object"])[0]
                yield f"{path.parent.name}/{test['name']}/{case['name']}", compiled, constraint, reviewed, case


def test_every_case_of_the_suites(conformance: Path) -> None:
    wrong, count = [], 0
    for name, compiled, constraint, reviewed, case in suite_cases(conformance):
        count += 1
        said = messages(compiled, reviewed, constraint)
        for wanted in case.get("assertions", []):
            found = [text for text in said if re.search(wanted.get("message", ""), text)]
            number = wanted.get("violations", "yes")
            right = (
                bool(found)
                if number in ("yes", True)
                else not found
                if number in ("no", False)
                else len(found) == number
            )
            if not right:
                wrong.append(f"{name}: {wanted} but {said}")
        if any("resulted in error" in text or "compilation error" in text for text in said):
            wrong.append(f"{name}: {said}")
    assert not wrong, "\n".join(wrong)
    assert count >= 131
