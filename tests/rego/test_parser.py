"""What the parser refuses, and how it says so; what it reads in each syntax."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright import rego
from gatewright.rego.errors import CompileError
from gatewright.rego.parser import parse_module


def refused(source: str, syntax: str = "v0") -> str:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile({"template": source}, syntax=syntax)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param(
            'package a\nviolation[{"msg": m}] { m := }',
            'template:2: rego_parse_error: unexpected } token\n\tviolation[{"msg": m}] { m := }\n\t' + " " * 29 + "^",
            id="brace",
        ),
        pytest.param(
            'package a\nviolation[{"msg": m}] { m := ',
            'template:2: rego_parse_error: unexpected eof token\n\tviolation[{"msg": m}] { m := \n\t' + " " * 27 + "^",
            id="end",
        ),
        pytest.param(
            'package a\nviolation contains {"msg": "m"} if { true }',
            "template:2: rego_parse_error: unexpected : token: expected \\n or ; or }\n"
            '\tviolation contains {"msg": "m"} if { true }\n\t' + " " * 25 + "^",
            id="v1 words in v0",
        ),
        pytest.param("", "template:1: rego_parse_error: empty module", id="empty"),
        pytest.param(
            "p { true }", "template:1: rego_parse_error: package expected\n\tp { true }\n\t^", id="no package"
        ),
    ],
)
def test_errors_are_laid_out_as_opas(source: str, text: str) -> None:
    assert refused(source) == f"1 error occurred: {text}"


@pytest.mark.parametrize(
    ("source", "part"),
    [
        pytest.param("package a\np { x = 01 }", "without leading zero", id="leading zero"),
        pytest.param('package a\np { x = "a\\q" }', "illegal string literal", id="escape"),
        pytest.param('package a\np { x = "a', "non-terminated string", id="open string"),
        pytest.param("package a\np { }", "found empty body", id="empty body"),
        pytest.param("package a\np { a b }", "expected \\n or ; or }", id="two on a line"),
        pytest.param("package a\nimport foo.bar\n", "invalid import path", id="import"),
        pytest.param("package a\ndefault p", "unexpected eof token", id="default"),
        pytest.param("package a\np = " + "[" * 200 + "]" * 200, "nesting is deeper", id="deep"),
        pytest.param("package a\np = " + "9" * 5000, "digits", id="digits"),
        pytest.param("package a\np { $ }", "illegal token", id="character"),
    ],
)
def test_bad_sources_are_refused_with_a_place(source: str, part: str) -> None:
    text = refused(source)
    assert part in text
    assert "rego_parse_error" in text


def test_v1_wants_if_and_contains() -> None:
    assert "`if` keyword is required before rule body" in refused("package a\np { true }", "v1")
    assert "`contains` keyword is required for partial set rules" in refused("package a\np[1]", "v1")
    assert rego.compile({"a": "package a\np contains 1 if true"}, syntax="v1").rules == {"data.a.p": "set"}


def test_all_files_are_read_before_errors_are_raised() -> None:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile({"one": "package a\np {", "two": "package b\nq ["})
    assert [e.location.file for e in caught.value.errors] == ["one", "two"]
    assert str(caught.value).startswith("2 errors occurred:\none:2: rego_parse_error")


@given(st.text(alphabet='package a\n{}[]()"`$:=.,;|xyif not some every in 01_-+*/%&<>!\\#', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for v1 in (False, True):
        with contextlib.suppress(CompileError):  # anything else would be a bug
            assert parse_module("t", "package a\n" + text, v1).package == ["data", "a"]
