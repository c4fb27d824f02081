"""What is refused and how it is told: cel-go's layout, places and texts, and the limits."""

from __future__ import annotations

import pytest

from gatewright import cel
from gatewright.cel.types import struct

STRUCTS = {"k.Request": {"name": cel.STRING, "kind": struct("k.Kind")}, "k.Kind": {"group": cel.STRING}}
ENVIRONMENT = cel.Environment(
    {"object": cel.DYN, "request": struct("k.Request"), "n": cel.INT, "names": cel.list_of(cel.STRING)},
    libraries=cel.API_SERVER,
    structs=STRUCTS,
)


def refusal(text: str) -> str:
    with pytest.raises(cel.CompileError) as caught:
        ENVIRONMENT.compile(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("foo", "1:1: undeclared reference to 'foo' (in container '')\n | foo\n | ^", id="undeclared"),
        pytest.param("foo()", "1:4: undeclared reference to 'foo' (in container '')\n | foo()\n | ...^", id="function"),
        pytest.param(
            "request.nope == ''",
            "1:8: undefined field 'nope'\n | request.nope == ''\n | .......^",
            id="undefined-field",
        ),
        pytest.param("has(request.nope)", "1:4: undefined field 'nope'\n | has(request.nope)\n | ...^", id="has"),
        pytest.param(
            "request.name == 1",
            "1:14: found no matching overload for '_==_' applied to '(string, int)'\n"
            " | request.name == 1\n | .............^",
            id="overload",
        ),
        pytest.param(
            "request['name']",
            "1:8: found no matching overload for '_[_]' applied to '(k.Request, string)'\n | request['name']\n"
            " | .......^",
            id="index-of-a-struct",
        ),
        pytest.param("[1, 'a']", "1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^", id="mixed-list"),
        pytest.param(
            "true ? 'a' : null",
            "1:6: found no matching overload for '_?_:_' applied to '(bool, string, null)'\n | true ? 'a' : null\n"
            " | .....^",
            id="ternary",
        ),
        pytest.param(
            "1 == 1.0",
            "1:3: found no matching overload for '_==_' applied to '(int, double)'\n | 1 == 1.0\n | ..^",
            id="numbers",
        ),
        pytest.param(
            "'a'.matches('[')", "1:13: invalid matches argument\n | 'a'.matches('[')\n | ............^", id="re"
        ),
        pytest.param(
            "duration('x')", "1:10: invalid duration argument\n | duration('x')\n | .........^", id="duration"
        ),
        pytest.param("has(n)", "1:5: invalid argument to has() macro\n | has(n)\n | ....^", id="has-of-a-name"),
        pytest.param("9223372036854775808", "1:1: invalid int literal\n | 9223372036854775808\n | ^", id="int-literal"),
        pytest.param("a b", "1:3: Syntax error: extraneous input 'b' expecting <EOF>\n | a b\n | ..^", id="extraneous"),
        pytest.param("(1", "1:3: Syntax error: missing ')' at '<EOF>'\n | (1\n | ..^", id="missing-bracket"),
        pytest.param(
            "[1, 2",
            "1:6: Syntax error: mismatched input '<EOF>' expecting {']', ','}\n | [1, 2\n | .....^",
            id="open-list",
        ),
        pytest.param("n.`a-b`", "1:3: unsupported syntax: '`'\n | n.`a-b`\n | ..^", id="escaped-name"),
        pytest.param(
            "n +\n\tnope", "2:2: undeclared reference to 'nope' (in container '')\n |  nope\n | .^", id="second-line"
        ),
        pytest.param(
            "'é' + é", "1:7: Syntax error: token recognition error at: 'é'\n | 'é' + é\n | .．....＾", id="wide"
        ),
    ],
)
def test_refusals(text: str, wanted: str) -> None:
    assert refusal(text).startswith(f"ERROR: <input>:{wanted}")


def test_all_issues_are_told_in_order() -> None:
    assert [line for line in refusal("nope || n.x || [1, 'a'] == []").splitlines() if line.startswith("ERROR")] == [
        "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')",
        "ERROR: <input>:1:10: type 'int' does not support field selection",
    ]
    with pytest.raises(cel.CompileError) as caught:
        ENVIRONMENT.compile("nope")
    assert caught.value.issues == (cel.Issue(1, 1, "undeclared reference to 'nope' (in container '')"),)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(
            "1" + " " * 100_000, "expression code point size exceeds limit: size: 100001, limit 100000", id="size"
        ),
        pytest.param("(" * 250 + "1" + ")" * 250, "expression recursion limit exceeded: 250", id="brackets"),
        pytest.param("+".join(["1"] * 500), "max recursion depth exceeded", id="left-chain"),
        pytest.param("object" + ".a" * 251, "max recursion depth exceeded", id="selects"),
    ],
)
def test_limits(text: str, wanted: str) -> None:
    assert refusal(text) == f"ERROR: <input>:-1:0: {wanted}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * 120 + "1" + ")" * 120, id="brackets"),
        pytest.param("&& (".join(["true"] * 248) + ")" * 247, id="nested-and"),
        pytest.param("object" + ".a" * 125, id="selects"),
        pytest.param("+".join(["1"] * 100), id="sum"),
        pytest.param("&&".join(["true"] * 2000), id="flat-and"),
        pytest.param("[0].all(x, " * 20 + "true" + ")" * 20, id="nested-all"),
    ],
)
def test_what_fits_the_limits(text: str) -> None:
    assert ENVIRONMENT.compile(text).run({"object": None}).cost >= 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("object.a", "no such key: a", id="missing-key"),
        pytest.param("object.l[3]", "index out of bounds: 3", id="index"),
        pytest.param("object.l['a']", "unsupported index type 'string' in list", id="index-type"),
        pytest.param("object.l + 1", "no such overload", id="operand"),
        pytest.param("dyn(null) + 1", "no such overload: _+_", id="first-operand"),
        pytest.param("dyn(1).lowerAscii()", "no such overload: lowerAscii(int)", id="receiver"),
        pytest.param("1 / (n - n)", "division by zero", id="division"),
        pytest.param("9223372036854775807 + n", "integer overflow", id="overflow"),
        pytest.param("0u - 1u", "unsigned integer overflow", id="uint-overflow"),
        pytest.param("object.l.all(x, x > 'a')", "no such overload", id="in-a-loop"),
        pytest.param("optional.none().value()", "optional.none() dereference", id="none"),
        pytest.param("quantity('x')", "quantities must match the regular expression", id="quantity"),
        pytest.param(
            "timestamp(object.t)", "type conversion error from 'string' to 'google.protobuf.Timestamp'", id="ts"
        ),
    ],
)
def test_errors_of_evaluation(text: str, wanted: str) -> None:
    program = ENVIRONMENT.compile(text)
    with pytest.raises(cel.EvalError) as caught:
        program.evaluate({"object": {"l": [1], "t": "x"}, "n": 1})
    assert caught.value.message.startswith(wanted)


def test_a_constant_that_cannot_be_computed_makes_no_program() -> None:
    with pytest.raises(cel.InstantiationError, match="type conversion error from 'string' to 'int'"):
        ENVIRONMENT.compile("int('x') == 1 || true")


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        pytest.param("1 + 2", 1, id="call"),
        pytest.param("object.l", 2, id="select"),
        pytest.param("has(object.l)", 1, id="has"),
        pytest.param("[1, 2]", 0, id="constant-list"),
        pytest.param("[n, 2]", 11, id="list"),
        pytest.param("object.l.all(x, x > 0)", 8, id="all"),
        pytest.param("'abc'.contains('a')", 1, id="contains"),
        pytest.param("n in [1, 2]", 1, id="constant-set"),
        pytest.param("n > 0 ? object.l : object.t", 3, id="ternary"),
    ],
)
def test_costs(text: str, cost: int) -> None:
    assert ENVIRONMENT.compile(text).run({"object": {"l": [1], "t": "x"}, "n": 1}).cost == cost
