"""Safety: which variables are unsafe, how they are reported, and that statements are put into an order that works."""

from __future__ import annotations

import pytest

from gatewright import rego
from gatewright.rego.errors import RECURSION, TYPE


@pytest.mark.parametrize(
    ("body", "want"),
    [
        pytest.param('violation[{"msg": m}] { not y == 1 }', ["2: var m is unsafe"], id="heads come first"),
        pytest.param("p { x == 1; y == x }", ["2: var x is unsafe", "2: var y is unsafe"], id="two"),
        pytest.param("p { not z }", ["2: var z is unsafe"], id="not"),
        pytest.param("p = x { true }", ["2: var x is unsafe"], id="value"),
        pytest.param("p[x] { y = 1 }", ["2: var x is unsafe"], id="member"),
        pytest.param("p { count(x) > 1 }", ["2: var x is unsafe"], id="operand"),
        pytest.param("p = [x | y = 1]", ["2: var x is unsafe"], id="comprehension"),
        pytest.param("p {\n  true\n  input.a == q\n}", ["4: var q is unsafe"], id="line"),
        pytest.param("p { not input.a[_] == 1 }", ["2: var _ is unsafe"], id="wildcard under not"),
    ],
)
def test_unsafe_variables(body: str, want: list[str]) -> None:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile({"t": f"package a\n{body}"})
    assert [f"{e.location.row}: {e.message}" for e in caught.value.errors] == want
    assert {e.code for e in caught.value.errors} == {"rego_unsafe_var_error"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("p { y == x; x = 1; y = 1 }", id="turned round"),
        pytest.param("p { not x == 2; x = 1 }", id="not after its variable"),
        pytest.param("p { [x, 1] = [2, y]; x == 2; y == 1 }", id="both sides"),
        pytest.param("p { x = [y | y = z]; z = 3; x == [3] }", id="comprehension waits"),
        pytest.param('p { {"a": x, "b": 2} = {"a": 1, "b": y}; x == 1; y == 2 }', id="objects"),
        pytest.param("p { f(x) == 2; x = 1 }\nf(a) = a + 1", id="function"),
        pytest.param("p { xs[i] == 20; i == 1 }\nxs = [10, 20]", id="bracket"),
        pytest.param("p { plus(1, 2, x); x == 3 }", id="result as operand"),
    ],
)
def test_statements_are_put_in_order(body: str) -> None:
    assert rego.compile({"t": f"package a\n{body}"}).rule("data.a.p")({}, {}) == [True]


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        pytest.param("p { q }\nq { p }", RECURSION, "data.a.p -> data.a.q -> data.a.p", id="two"),
        pytest.param("p { data.a[x] }", RECURSION, "data.a.p is recursive: data.a.p -> data.a.p", id="package"),
        pytest.param("p { nothing(1) }", "rego_type_error", "undefined function nothing", id="function"),
        pytest.param("p { count(1, 2, 3) }", "rego_type_error", "count: arity mismatch", id="arity"),
        pytest.param("p = 1\np[x] { x = 1 }", "rego_type_error", "conflicting rules data.a.p found", id="kinds"),
        pytest.param("default p = 1\ndefault p = 2", TYPE, "multiple default rules data.a.p found", id="defaults"),
        pytest.param("p { x := 1; x := 2 }", "rego_compile_error", "var x assigned above", id="assigned"),
        pytest.param("p { y = x; x := 2 }", "rego_compile_error", "var x referenced above", id="referenced"),
        pytest.param("p { input := 1 }", "rego_compile_error", "variables must not shadow input", id="shadow"),
    ],
)  # fmt: skip
def test_other_checks(source: str, code: str, message: str) -> None:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile({"t": f"package a\n{source}"})
    assert (caught.value.errors[0].code, message in caught.value.errors[0].message) == (code, True)
