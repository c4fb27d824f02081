"""Templates to code: refusals in Gatekeeper's words, digests, engines."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatewright.core.errors import PolicyError
from gatewright.core.settings import Settings
from gatewright.kinds.templates import read_template
from gatewright.policy.compiling import Compiled, Failed, compile_source, source_of

Make = Callable[..., dict[str, Any]]
GATOR = Settings(external_data=False)
HOOK = "hooks.hooks_builtin:"


def refusal(thing: dict[str, Any], settings: Settings = GATOR) -> str:
    """Why a template can't be used, "" when it can."""
    try:
        outcome = compile_source(source_of(read_template(thing), settings).text)
    except PolicyError as error:
        return error.what
    return outcome.text if isinstance(outcome, Failed) else ""


def with_code(template: Make, *code: dict[str, Any]) -> dict[str, Any]:
    return template("", code=list(code))


# What the goldens say of templates that our engines can't take yet: those whose only engine is K8sNativeValidation,
# and the list of engines in the text for a missing one. The area comes with the CEL engine.
def of_the_cel_engine(case: dict[str, Any]) -> bool:
    codes = [code["engine"] for target in case["template"]["spec"]["targets"] for code in target.get("code") or ()]
    rego = any(target.get("rego") for target in case["template"]["spec"]["targets"]) or "Rego" in codes
    return not rego


@pytest.mark.needs("conformance")
def test_templates_of_ours(conformance: Path) -> None:
    wrong = []
    for case in json.loads((conformance / "goldens" / "crd-cases" / "cases.json").read_text()):
        want = case["want"]
        if "template_error" in want or "create_crd_error" in want or of_the_cel_engine(case):
            continue
        got = refusal(case["template"])
        if got != want.get("add_template_error", ""):
            wrong.append((case["name"], got, want.get("add_template_error")))
    assert wrong == []


@pytest.mark.needs("conformance")
def test_templates_of_gatekeepers_tests(conformance: Path) -> None:
    wrong = []
    for path in sorted((conformance / "goldens" / "crd").glob("gatekeeper*.json")):
        golden = json.loads(path.read_text())
        case = {"template": golden["template"]["object"]}
        if "create_crd_error" in golden or of_the_cel_engine(case):
            continue
        if refusal(case["template"]) != golden.get("add_template_error", ""):
            wrong.append((path.name, refusal(case["template"]), golden.get("add_template_error")))
    assert wrong == []


@pytest.mark.parametrize(
    ("rego", "text"),
    [
        pytest.param("package x\nfoo = 1", "missing required rules: [violation]", id="no violation"),
        pytest.param(
            'package x\nviolation[{"msg": data[x]}] { x := 1 }',
            "disallowed ref data[x]",
            id="data by a variable",
        ),
        pytest.param(
            'package x\nviolation[{"msg": "m"}] { data.other.f(1) }', "disallowed ref data.other.f", id="a call"
        ),
        pytest.param('package x\nviolation[{"msg": "m"}] { nope(1) }', "undefined function nope", id="a function"),
    ],
)
def test_refused_rego(template: Make, rego: str, text: str) -> None:
    assert text in refusal(template(rego))


GET = (
    f"2 errors occurred:\n{HOOK}20: rego_type_error: object.get: invalid argument(s)\n"
    "\thave: (%s, string, object[any: any], ???)\n"
    "\twant: (object: object[any: any], key: any, default: any, value: any)\n"
    f"{HOOK}21: rego_type_error: undefined ref: r.msg\n\tr.msg\n\t^\n\thave: %s"
)
MSG = (
    f"1 error occurred: {HOOK}21: rego_type_error: undefined ref: r.msg\n\tr.msg\n\t  ^\n"
    '\t  have: "msg"\n\t  want (one of): [%s]'
)
REF = (
    f"1 error occurred: {HOOK}15: rego_type_error: undefined ref: data.template.violation[r]\n"
    "\tdata.template.violation[r]\n\t^^^^^^^^^^^^^^^^^^^^^^^\n\thave: %s"
)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        # As OPA 1.17.1 answers for Gatekeeper's hook module beside such a template.
        pytest.param('violation["a"] { true }', GET % ("string", "string"), id="members are text"),
        pytest.param("violation[1] { true }", GET % ("number", "number"), id="members are numbers"),
        pytest.param('violation[x] { x := "s" }', GET % ("string", "string"), id="a variable that is text"),
        pytest.param('violation["k"] = {"msg": "x"} { true }', GET % ("string", "string"), id="an object"),
        pytest.param('violation = [{"msg": "x"}] { true }', GET % ("number", "number"), id="an array"),
        pytest.param('violation = {"msg": "x"} { true }', GET % ("string", "string"), id="a complete object"),
        pytest.param('violation[{"mesage": "a", "x": 1}] { true }', MSG % '"mesage" "x"', id="no msg"),
        pytest.param('violation[x] { x := {"m": 1} }', MSG % '"m"', id="a variable without msg"),
        pytest.param('violation[{"m": 1}] { true }\nviolation["b"] { true }', MSG % '"m"', id="two kinds of members"),
        pytest.param("violation = true { true }", REF % "boolean", id="a boolean"),
        pytest.param("violation { true }", REF % "boolean", id="no value"),
        pytest.param('violation = "x" { true }', REF % "string", id="a text"),
    ],
)
def test_answers_that_cannot_be_used(template: Make, rule: str, text: str) -> None:
    assert refusal(template(f"package x\n{rule}\n")) == f"unable to compile modules: {text}"


@pytest.mark.parametrize(
    "rego",
    [
        pytest.param("package x\nviolation[{}] { true }", id="an empty object"),
        pytest.param('package x\nviolation[{"msg": 3}] { true }', id="a msg that is no text"),
        pytest.param('package x\nviolation[{"msg": m}] { m := data.inventory.cluster[_][_][_].x }', id="inventory"),
        pytest.param(
            'package x\nviolation[{"mesage": "a"}] { true }\nviolation[x] { x := {"msg": "b"} }', id="one has msg"
        ),
        pytest.param("package x\nviolation = x { x := {} }", id="a complete rule"),
    ],
)
def test_accepted_rego(template: Make, rego: str) -> None:
    assert refusal(template(rego)) == ""


LIB = "package lib.a\nm := 1\nf(x) = x { true }"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('import data.lib.a\nviolation[{"msg": "m"}] { a.m == 1; a.f(2) == 2 }', id="imported"),
        pytest.param('violation[{"msg": "m"}] { [data.lib.a.m] == [1]; data.lib.a.f(2) == 2 }', id="by the whole name"),
    ],
)
def test_libraries_are_found(template: Make, body: str) -> None:
    assert refusal(template(f"package x\n{body}\n", libs=[LIB])) == ""


def test_referential_rules_can_be_switched_off(template: Make) -> None:
    thing = template('package x\nviolation[{"msg": m}] { m := data.inventory.x }')
    assert "disallowed ref data.inventory.x" in refusal(thing, replace(GATOR, referential_rules=False))


def test_builtins_can_be_switched_off(template: Make) -> None:
    thing = template('package x\nviolation[{"msg": m}] { m := upper("a") }')
    assert refusal(thing) == ""
    assert "undefined function upper" in refusal(thing, replace(GATOR, rego_enabled_builtins_off=("upper",)))


def test_external_data_is_known_when_it_is_on(template: Make) -> None:
    thing = template('package x\nviolation[{"msg": "m"}] { external_data({"provider": "p", "keys": []}) }')
    assert "undefined function external_data" in refusal(thing)
    assert refusal(thing, replace(GATOR, external_data=True)) == ""


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param(None, "rego source missing required field: source", id="no source"),
        pytest.param("x", "could not recognize the type", id="no object"),
        pytest.param({}, "rego source missing required field: rego", id="no rego"),
        pytest.param({"rego": 3}, ".rego accessor error: 3 is of the type int64, expected string", id="rego"),
        pytest.param({"rego": "", "libs": "x"}, ".libs accessor error", id="libs"),
        pytest.param({"rego": ""}, "invalid ConstraintTemplate: 1 error occurred: template:1:", id="empty"),
    ],
)
def test_sources_of_the_wrong_form(template: Make, source: Any, text: str) -> None:
    assert refusal(with_code(template, {"engine": "Rego", "source": source})).startswith(text)


OK = {"rego": 'package x\nviolation[{"msg": "m"}] { true }'}
CEL = {"engine": "K8sNativeValidation", "source": {"validations": [{"expression": "true"}]}}


@pytest.mark.parametrize("native", [True, False])
def test_rego_is_used_beside_cel(template: Make, native: bool) -> None:
    thing = with_code(template, CEL, {"engine": "Rego", "source": OK})
    assert refusal(thing, replace(GATOR, native_validation=native)) == ""


@pytest.mark.parametrize(
    ("native", "mend"),
    [
        pytest.param(True, "this version has no engine for K8sNativeValidation yet", id="on"),
        pytest.param(False, "K8sNativeValidation is switched off", id="off"),
    ],
)
def test_cel_alone_is_refused_honestly(template: Make, native: bool, mend: str) -> None:
    with pytest.raises(PolicyError) as caught:
        source_of(read_template(with_code(template, CEL)), replace(GATOR, native_validation=native))
    assert caught.value.what.startswith("no language driver is installed that handles this constraint template")
    assert mend in caught.value.mend


def test_the_digest_covers_code_and_settings_alone(template: Make) -> None:
    thing = template(OK["rego"])
    first = source_of(read_template(thing), GATOR)
    renamed = {**thing, "metadata": {"name": "k8sfoo", "labels": {"a": "b"}, "generation": 7}}
    assert source_of(read_template(renamed), GATOR) == first
    assert source_of(read_template(template(OK["rego"] + "\n")), GATOR).digest != first.digest
    assert source_of(read_template(thing), Settings()).digest != first.digest
    outcome = compile_source(first.text)
    assert isinstance(outcome, Compiled)
    assert outcome.digest == first.digest


def test_equal_sources_give_equal_artefacts(template: Make) -> None:
    source = source_of(read_template(template(OK["rego"])), GATOR).text
    assert compile_source(source) == compile_source(source)


def test_errors_as_they_stand_in_a_pod_status(template: Make) -> None:
    outcome = compile_source(source_of(read_template(template("package x\nfoo = 1")), GATOR).text)
    assert isinstance(outcome, Failed)
    (error,) = outcome.errors
    assert error.code == "ingest_error"
    assert error.message == f"Could not ingest Rego: {outcome.text}"


@pytest.mark.parametrize(
    ("body", "reads"),
    [
        pytest.param('{"msg": "m"}] { data.inventory.cluster }', True, id="by name"),
        pytest.param('{"msg": "m"}] { x := data; x.a }', True, id="the whole of data"),
        pytest.param('{"msg": "m"}] { input.a[data.inventory.x] }', True, id="inside a reference"),
        pytest.param('{"msg": "m"}] { data.lib.a.m }', False, id="a library"),
        pytest.param('{"msg": "m"}] { input.data.inventory }', False, id="another data"),
    ],
)
def test_whether_the_inventory_is_read(template: Make, body: str, reads: bool) -> None:
    source = source_of(read_template(template(f"package x\nviolation[{body}\n", libs=[LIB])), GATOR).text
    outcome = compile_source(source)
    assert isinstance(outcome, Compiled), outcome
    assert outcome.reads_inventory is reads
