"""Texts and causes of field errors, as a real API server prints them."""

from __future__ import annotations

import pytest

from gatewright.core import field_errors as fe
from gatewright.core.field_errors import FieldError, Path

SPEC = Path("spec")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(fe.required(SPEC.child("a")), "spec.a: Required value", id="required"),
        pytest.param(fe.required(SPEC, "why"), "spec: Required value: why", id="required with detail"),
        pytest.param(
            fe.invalid(SPEC.index(0), 'x"', "bad"), 'spec[0]: Invalid value: "x\\"": bad', id="invalid string"
        ),
        pytest.param(fe.invalid(SPEC, 3, "bad"), "spec: Invalid value: 3: bad", id="invalid number"),
        pytest.param(fe.invalid(SPEC, None, ""), "spec: Invalid value: null", id="invalid null"),
        pytest.param(
            fe.invalid(SPEC, {"b": 1, "a": "<"}, "bad"),
            'spec: Invalid value: {"a":"\\u003c","b":1}: bad',
            id="invalid object",
        ),
        pytest.param(
            fe.invalid(SPEC, fe.Marshalled("<"), "bad"), 'spec: Invalid value: "\\u003c": bad', id="named string"
        ),
        pytest.param(
            fe.not_supported(SPEC, "x", ("a", "b")),
            'spec: Unsupported value: "x": supported values: "a", "b"',
            id="not supported",
        ),
        pytest.param(fe.duplicate(SPEC.key("k/x"), "v"), 'spec[k/x]: Duplicate value: "v"', id="duplicate"),
        pytest.param(fe.forbidden(SPEC, "no"), "spec: Forbidden: no", id="forbidden"),
        pytest.param(fe.too_long(SPEC, 1), "spec: Too long: may not be more than 1 byte", id="too long"),
        pytest.param(fe.too_many(SPEC, 3, 2), "spec: Too many: 3: must have at most 2 items", id="too many"),
        pytest.param(fe.too_many(SPEC, -1, -1), "spec: Too many: has too many items", id="too many, untold"),
        pytest.param(fe.type_invalid(Path(""), 1.5, "x"), "[]: Invalid value: 1.5: x", id="unnamed root"),
        pytest.param(fe.invalid(Path(), "v", "x"), '<nil>: Invalid value: "v": x', id="no path"),
    ],
)
def test_text(error: FieldError, text: str) -> None:
    assert str(error) == text


def test_status_joins_texts_once_and_keeps_all_causes() -> None:
    errors = [fe.required(SPEC), fe.required(SPEC), fe.invalid(SPEC, 1, "x")]
    status = fe.invalid_status("apps", "Deployment", "d", errors)
    assert status["message"] == ('Deployment.apps "d" is invalid: [spec: Required value, spec: Invalid value: 1: x]')
    assert [cause["reason"] for cause in status["details"]["causes"]] == [
        "FieldValueRequired",
        "FieldValueRequired",
        "FieldValueInvalid",
    ]
    assert status["details"]["causes"][2] == {
        "reason": "FieldValueInvalid",
        "message": "Invalid value: 1: x",
        "field": "spec",
    }


def test_status_of_the_core_group_without_errors() -> None:
    status = fe.invalid_status("", "Pod", "", ())
    assert status["message"] == 'Pod "" is invalid'
    assert status["details"] == {"kind": "Pod"}
