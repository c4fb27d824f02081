"""A few calls of each family of builtins, as queries; OPA's own cases (test_opa_cases) are the breadth."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from gatewright import rego
from gatewright.rego.builtins import library

UNDEFINED: list[Any] = []
CALLS = [
    ("0.1 + 0.2", [0.3]),
    ("1 / 3 * 3 < 1.0000001", [True]),
    ("9007199254740993 + 1", [9007199254740994]),
    ("7 % -2", [1]),
    ("1 / 0", UNDEFINED),
    ("1.5 % 2", UNDEFINED),
    ("round(2.5)", [3]),
    ("floor(-1.5)", [-2]),
    ("bits.lsh(1, 70)", [2**70]),
    ("bits.lsh(1, 1000000000)", UNDEFINED),
    ("format_int(255, 16)", ["ff"]),
    ("numbers.range_step(10, 1, 4)", [[10, 6, 2]]),
    ("sum([1, 2.5, 3])", [6.5]),
    ('count("añb")', [3]),
    ("max({3, \"a\", [1]})", [[1]]),
    ("sort({3, true, null, \"a\"})", [[None, True, 3, "a"]]),
    ('sprintf("%v %s %d %q", ["a", "b", 3, "c"])', ['a b 3 "c"']),
    ('sprintf("%05.2f %x %t", [1.5, 255, true])', ["01.50 ff %!t(string=true)"]),
    ('sprintf("%d", ["x"])', ["%!d(string=x)"]),
    ('sprintf("%s", [1])', ["%!s(int=1)"]),
    ('sprintf("%v", [])', ["%!v(MISSING)"]),
    ('sprintf("a", [1])', ["a%!(EXTRA int=1)"]),
    ('sprintf("%v", [{"b": [1, null], "a": {1}}])', ['{"a": {1}, "b": [1, null]}']),
    ('sprintf("%999999999d", [1])', UNDEFINED),
    ('substring("hello", 1, -1)', ["ello"]),
    ('substring("hello", -1, 2)', UNDEFINED),
    ('trim("..a.", ".")', ["a"]),
    ('split("a.b", "")', [["a", ".", "b"]]),
    ('indexof("añb", "b")', [2]),
    ('replace("aaa", "a", "b")', ["bbb"]),
    ('strings.replace_n({"a": "b", "b": "c"}, "ab")', ["bc"]),
    ('strings.any_prefix_match(["x", "ab"], {"a"})', [True]),
    ('strings.render_template("{{range .xs}}<{{.}}>{{end}}", {"xs": [1, "a"]})', ["<1><a>"]),
    ('strings.render_template("{{if eq .n 1}}one{{else}}more{{end}}", {"n": 1})', ["one"]),
    ('strings.render_template("{{.nothing}}", {})', UNDEFINED),
    ('regex.match("^[a-z]+(\\\\.[a-z]+)?$", "ab.cd")', [True]),
    ('regex.match("(", "a")', UNDEFINED),
    ('regex.replace("a1b22", "[0-9]+", "<$0>")', ["a<1>b<22>"]),
    ('regex.split("-+", "a--b-c")', [["a", "b", "c"]]),
    ('regex.find_all_string_submatch_n("a(b)?", "ab a", -1)', [[["ab", "b"], ["a", ""]]]),
    ('glob.match("*.{com,org}", ["."], "a.com")', [True]),
    ('glob.match("*", [], "a.com")', [False]),
    ('glob.match("**", [], "a.com")', [True]),
    ('object.get({"a": {"b": 1}}, ["a", "b"], 0)', [1]),
    ('object.union({"a": {"b": 1}}, {"a": {"c": 2}})', [{"a": {"b": 1, "c": 2}}]),
    ('object.remove({"a": 1, "b": 2}, {"a"})', [{"b": 2}]),
    ('object.subset({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}})', [True]),
    ('array.slice([1, 2, 3], 1, 9)', [[2, 3]]),
    ("{1, 2} - {2}", [[1]]),
    ("union({{1}, {2}})", [[1, 2]]),
    ('json.patch({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}])', [{"a": [1, 2]}]),
    ('json.patch({"a": 1}, [{"op": "remove", "path": "/b"}])', UNDEFINED),
    ('json.filter({"a": {"b": 1, "c": 2}}, ["a/b"])', [{"a": {"b": 1}}]),
    ('json.unmarshal("{\\"a\\": 1e3}")', [{"a": 1000}]),
    ('json.unmarshal("{")', UNDEFINED),
    ('json.marshal({"b": {2, 1}, "a": "<"})', ['{"a":"\\u003c","b":[1,2]}']),
    ('yaml.unmarshal("a: [1, yes, 2020-01-01]")', [{"a": [1, True, "2020-01-01"]}]),
    ('base64.decode("YWI=")', ["ab"]),
    ('hex.decode("6z")', UNDEFINED),
    ('urlquery.encode_object({"a": ["b c", "d"]})', ["a=b+c&a=d"]),
    ('crypto.sha256("a")', ["ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"]),
    ('crypto.hmac.equal("a", "a")', [True]),
    ('time.format([0, "Asia/Kolkata", "RFC1123Z"])', ["Thu, 01 Jan 1970 05:30:00 +0530"]),
    ('time.parse_ns("02 Jan 06 15:04 MST", "03 Feb 21 04:05 UTC")', [1612325100000000000]),
    ("time.weekday(0)", ["Thursday"]),
    ("time.add_date(1580428800000000000, 0, 1, 0)", [1583107200000000000]),
    ("time.diff(0, 1000000000)", [[0, 0, 0, 0, 0, 1]]),
    ('time.parse_duration_ns("1h2m3.5s")', [3723500000000]),
    ('units.parse("1.5Ki")', [1536]),
    ('units.parse_bytes("2MB")', [2000000]),
    ('semver.compare("1.2.3-rc1", "1.2.3")', [-1]),
    ('net.cidr_contains("10.0.0.0/8", "10.1.2.3")', [True]),
    ('net.cidr_merge(["10.0.0.0/25", "10.0.0.128/25"])', [["10.0.0.0/24"]]),
    ('net.cidr_expand("10.0.0.0/8")', UNDEFINED),
    ('graph.reachable({"a": ["b"], "b": []}, {"a"})', [["a", "b"]]),
    ('uuid.parse("00000000-0000-4000-8000-000000000000").version', [4]),
    ('uri.parse("https://u@h:1/p?q=1#f").port', ["1"]),
    ('io.jwt.decode(io.jwt.encode_sign({"alg": "HS256"}, {"a": 1}, {"kty": "oct", "k": "QQ"}))[1]', [{"a": 1}]),
    ('json.match_schema({"a": "x"}, {"properties": {"a": {"type": "integer"}}})[0]', [False]),
    ('graphql.is_valid("{ a }", "type Query { a: Int }")', [True]),
    ('graphql.is_valid("{ b }", "type Query { a: Int }")', [False]),
    ('startswith(5, "a")', UNDEFINED),
    ("is_string(5)", [False]),
    ('[count(5), object.get(5, "a", 1), regex.match("a", 5)]', UNDEFINED),
    ('sprintf("%v %d", [-5, 7])', ["-5 7"]),
    ('[p | walk({"a": [1]}, [p, _])]', [[[], ["a"], ["a", 0]]]),
    ('type_name({1})', ["set"]),
    ('to_number("0x1")', UNDEFINED),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "want"), [pytest.param(e, w, id=e) for e, w in CALLS])
def test_calls(expression: str, want: list[Any]) -> None:
    got = rego.compile({}, syntax="v1").query(f"x = {expression}", now_ns=0, seed=0)
    assert [b["x"] for b in got] == want


def test_every_builtin_refuses_odd_operands_without_a_python_error() -> None:
    """Wrong types give undefined, or an error of the engine; nothing else gets out."""
    odd = [
        "null",
        "true",
        "-1",
        "1.5",
        '"x"',
        '"\\ud800"',
        "[]",
        '[[1], {"a": 2}]',
        "{}",
        '{"a": {"b": 1}}',
        "set()",
        "{[1]: 2}",
    ]
    program = rego.compile({}, syntax="v1")
    asked = 0
    for name, b in sorted(library().items()):
        if name.startswith("internal.") or b.operands is None or name == "http.send" or name == "external_data":
            continue
        for value in odd if b.arity else [""]:
            call = f"{name}({', '.join([value] * b.arity)})"
            with contextlib.suppress(rego.EvalError):
                program.query(f"x = {call}", now_ns=0, seed=0, budget=100_000)
            asked += 1
    assert asked > 1000
