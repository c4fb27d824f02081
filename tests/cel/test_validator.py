"""ValidatingAdmissionPolicy's rules around expressions, with the API server's texts."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.cel.admission import namespace_value, request_value
from gatewright.cel.libraries.authorization import Authorizer, Decision
from gatewright.cel.validator import TEMPLATES, Inputs, Policy, Validator, api_server

SPENT = "validation failed due to running out of cost budget, no further validation rules will be run"


def policy(*validations: dict[str, Any], **rest: Any) -> Policy:
    return Policy.of({"validations": list(validations), **rest})


def said(one: Policy, params: bool = False, budget: int = 10_000_000, **inputs: Any) -> list[str]:
    """The messages of the denials."""
    verdict = Validator(one, api_server(params)).validate(Inputs(**inputs), budget)
    return [decision.message for decision in verdict.denials]


@pytest.mark.parametrize(
    ("validation", "wanted"),
    [
        pytest.param({"expression": "object.a == 1"}, [], id="admits"),
        pytest.param({"expression": " object.a == 2 "}, ["failed expression: object.a == 2"], id="no-message"),
        pytest.param({"expression": "object.a == 2", "message": " no "}, ["no"], id="message"),
        pytest.param(
            {"expression": "object.a == 2", "message": "no", "messageExpression": "'a is ' + string(object.a)"},
            ["a is 1"],
            id="message-expression",
        ),
        pytest.param(
            {"expression": "object.a == 2", "message": "no", "messageExpression": "string(object.b)"},
            ["no"],
            id="failing",
        ),
        pytest.param({"expression": "object.a == 2", "message": "no", "messageExpression": "' '"}, ["no"], id="empty"),
        pytest.param(
            {"expression": "object.a == 2", "message": "no", "messageExpression": "'a\\nb'"}, ["no"], id="lines"
        ),
        pytest.param(
            {"expression": "object.a == 2", "messageExpression": "string(object.long)"},
            ["failed expression: object.a == 2"],
            id="long",
        ),
        pytest.param(
            {"expression": "object.b == 2"},
            ["expression 'object.b == 2' resulted in error: no such key: b"],
            id="error",
        ),
        pytest.param(
            {"expression": "object.a"}, ["compilation error: must evaluate to bool but got dyn"], id="result-type"
        ),
    ],
)
def test_messages(validation: dict[str, Any], wanted: list[str]) -> None:
    inputs = {"object": {"a": 1, "long": "x" * 6000}}
    assert said(policy(validation), **inputs) == wanted
    ignoring = said(policy(validation, failurePolicy="Ignore"), **inputs)
    assert ignoring == [text for text in wanted if "error" not in text]


@pytest.mark.parametrize(
    ("spec", "path", "text"),
    [
        pytest.param(
            {"validations": [{"expression": "true", "messageExpression": "1"}]},
            "validations[0].messageExpression",
            "must evaluate to string but got int",
            id="message",
        ),
        pytest.param(
            {"auditAnnotations": [{"key": "k", "valueExpression": "1"}]},
            "auditAnnotations[0].valueExpression",
            "must evaluate to one of [string null_type] but got int",
            id="annotation",
        ),
        pytest.param(
            {"matchConditions": [{"name": "m", "expression": "null"}]},
            "matchConditions[0].expression",
            "must evaluate to bool but got null_type",
            id="match",
        ),
        pytest.param(
            {"validations": [{"expression": "params.a == 1"}]},
            "validations[0].expression",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')",
            id="no-params",
        ),
        pytest.param(
            {"validations": [{"expression": "variables.a == 1"}]},
            "validations[0].expression",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables' (in container '')",
            id="no-variables",
        ),
        pytest.param(
            {"variables": [{"name": "a", "expression": "variables.b"}, {"name": "b", "expression": "1"}]},
            "variables[0].expression",
            "compilation failed: ERROR: <input>:1:10: undefined field 'b'",
            id="later-variable",
        ),
        pytest.param(
            {"validations": [{"expression": "true", "messageExpression": "string(authorizer == authorizer)"}]},
            "validations[0].messageExpression",
            "compilation failed: ERROR: <input>:1:8: undeclared reference to 'authorizer'",
            id="authorizer",
        ),
        pytest.param(
            {"validations": [{"expression": "int('x') == 1"}]},
            "validations[0].expression",
            "program instantiation failed: type conversion error from 'string' to 'int'",
            id="constant",
        ),
    ],
)
def test_faults(spec: dict[str, Any], path: str, text: str) -> None:
    (fault,) = Validator(Policy.of(spec), api_server(False)).faults
    assert fault.path == path
    assert fault.text.startswith(text)


def test_the_type_of_a_variable_is_kept_where_it_is_plain() -> None:
    spec = {
        "variables": [{"name": "n", "expression": "1"}, {"name": "r", "expression": "request"}],
        "validations": [{"expression": "variables.n == 'a'"}, {"expression": "variables.r.nope == 1"}],
    }
    (fault,) = Validator(Policy.of(spec), api_server(False)).faults
    assert "found no matching overload for '_==_' applied to '(int, string)'" in fault.text


def test_variables_are_computed_when_read_and_their_errors_told() -> None:
    spec = {
        "variables": [
            {"name": "bad", "expression": "object.nope"},
            {"name": "broken", "expression": "nope"},
            {"name": "twice", "expression": "1"},
            {"name": "twice", "expression": "2"},
        ],
    }
    rules = [
        ({"expression": "true || variables.bad"}, []),
        (
            {"expression": "variables.bad == 1"},
            [
                "expression 'variables.bad == 1' resulted in error: composited variable \"bad\" fails to evaluate:"
                " no such key: nope"
            ],
        ),
        (
            {"expression": "variables.broken == 1"},
            [
                "expression 'variables.broken == 1' resulted in error: composited variable \"broken\" fails to compile:"
                " compilation failed: ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n"
                " | nope\n | ^"
            ],
        ),
        ({"expression": "variables.twice == 2"}, []),
    ]
    for rule, wanted in rules:
        assert said(policy(rule, **spec), object={}) == wanted


CONDITIONS = {"t": "true", "f": "object.a == 2", "e": "object.nope == 1", "e2": "object.none == 1"}


@pytest.mark.parametrize(
    ("names", "matched", "fails", "ignored"),
    [
        pytest.param("t", True, "", True, id="true"),
        pytest.param("t f", False, "", False, id="false"),
        pytest.param("e f", False, "", False, id="false-beside-an-error"),
        pytest.param(
            "t e", True, "expression 'object.nope == 1' resulted in error: no such key: nope", False, id="error"
        ),
        pytest.param(
            "e e2",
            True,
            "[expression 'object.nope == 1' resulted in error: no such key: nope,"
            " expression 'object.none == 1' resulted in error: no such key: none]",
            False,
            id="two-errors",
        ),
    ],
)
def test_match_conditions(names: str, matched: bool, fails: str, ignored: bool) -> None:
    conditions = [{"name": name, "expression": CONDITIONS[name]} for name in names.split()]
    rule = {"expression": "false", "message": "no"}
    inputs = Inputs({"a": 1})
    verdict = Validator(policy(rule, matchConditions=conditions), api_server(False)).validate(inputs)
    assert verdict.matched is matched
    assert [one.message for one in verdict.denials] == ([fails or "no"] if matched else [])
    ignoring = Validator(policy(rule, matchConditions=conditions, failurePolicy="Ignore"), api_server(False))
    assert ignoring.validate(inputs).matched is ignored


LOOP = "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, object.a == a || true)))"


def test_budgets() -> None:
    cost = Validator(policy({"expression": LOOP}), api_server(False))._validations[0].program
    assert cost is not None
    spent = cost.run({"object": {"a": 1}}).cost
    rules = [{"expression": LOOP}, {"expression": LOOP}]
    assert said(policy(*rules), budget=2 * spent, object={"a": 1}) == []
    assert said(policy(*rules), budget=2 * spent - 1, object={"a": 1}) == [SPENT]
    told = said(policy({"expression": LOOP, "messageExpression": f"{LOOP} ? 'a' : 'b'"}), budget=spent, object={"a": 1})
    assert told == [f"failed messageExpression: {SPENT}"]


def test_one_call_over_its_limit() -> None:
    nested = LOOP.replace("object.a == a", LOOP)
    (text,) = said(policy({"expression": nested}), budget=100_000_000, object={"a": 1})
    assert text == f"expression '{nested}' resulted in error: operation cancelled: actual cost limit exceeded"
    spec = {"variables": [{"name": "v", "expression": nested}]}
    (text,) = said(policy({"expression": "variables.v"}, **spec), budget=100_000_000, object={"a": 1})
    assert text.endswith('composited variable "v" fails to evaluate: operation cancelled: actual cost limit exceeded')


def test_annotations() -> None:
    spec = {
        "auditAnnotations": [
            {"key": "a", "valueExpression": "' x '"},
            {"key": "b", "valueExpression": "null"},
            {"key": "c", "valueExpression": "string(object.nope)"},
        ]
    }
    verdict = Validator(Policy.of(spec), api_server(False)).validate(Inputs({}))
    assert [(one.key, one.value) for one in verdict.annotations] == [("a", "x"), ("b", None), ("c", None)]
    assert verdict.annotations[2].error.endswith("no such key: nope")


def test_the_authorizer_is_asked() -> None:
    asked = []

    def decide(parts: Any) -> Decision:
        asked.append(dict(parts))
        return Decision(parts["verb"] == "get")

    rule = {"expression": "authorizer.group('').resource('pods').namespace('n').check('get').allowed()"}
    verdict = Validator(policy(rule), api_server(False)).validate(Inputs({}, authorizer=Authorizer(decide)))
    assert not verdict.denials
    assert asked[0] == {"apiGroup": "", "resource": "pods", "namespace": "n", "verb": "get"}


def test_templates_see_params_in_variables_alone() -> None:
    spec = {
        "variables": [{"name": "p", "expression": "params.a"}],
        "matchConditions": [{"name": "m", "expression": "variables.p == 1"}],
        "validations": [{"expression": "variables.p == 2", "message": "no"}, {"expression": "params.a == 1"}],
    }
    validator = Validator(Policy.of(spec), TEMPLATES)
    assert [fault.path for fault in validator.faults] == ["validations[1].expression"]
    denials = validator.validate(Inputs({}, params={"a": 1}), 1_000_000).denials
    assert denials[0].message == "no"
    assert denials[1].message.startswith("compilation error: compilation failed: ERROR: <input>:1:1: undeclared")
    assert not validator.validate(Inputs({}, params={"a": 3}), 1_000_000).matched


def test_values_leave_out_what_kubernetes_leaves_out() -> None:
    request = request_value({"uid": "u", "object": {}, "name": "n", "subResource": "", "userInfo": {"username": "a"}})
    assert sorted(request) == ["dryRun", "kind", "name", "operation", "resource", "userInfo"]
    assert namespace_value(None) is None
    made = namespace_value({"kind": "Namespace", "metadata": {"name": "n", "managedFields": [], "labels": {"a": "b"}}})
    assert made == {
        "metadata": {"name": "n", "labels": {"a": "b"}, "creationTimestamp": None},
        "spec": {},
        "status": {},
    }
