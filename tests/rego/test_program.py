"""Programs from end to end: compiling, artefacts, prepared rules, queries, answers from outside, budgets, prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from gatewright import rego

SUM = """package a
violation[{"msg": msg}] {
  c := input.review.containers[_]
  not startswith(c.image, input.parameters.prefix)
  msg := sprintf("%v is not from %v", [c.image, input.parameters.prefix])
}"""


def value(source: str, query: str = "data.a.p = x", **given: Any) -> list[Any]:
    """The values of x in the solutions of a query over one module."""
    return [b["x"] for b in rego.compile({"a.rego": source}).query(query, **given)]


def test_a_prepared_rule_gives_its_members_once_and_in_order() -> None:
    rule = rego.compile({"a.rego": SUM}).rule("data.a.violation")
    images = [{"image": i} for i in ("b/x", "a/y", "b/x", "good/z")]
    found = rule({"review": {"containers": images}, "parameters": {"prefix": "good/"}}, {})
    assert found == [{"msg": "a/y is not from good/"}, {"msg": "b/x is not from good/"}]


def test_an_artifact_gives_the_same_program() -> None:
    modules = rego.parse_sources({"a.rego": SUM})
    loaded = rego.load_artifact(rego.compile_artifact(modules))
    given = {"review": {"containers": [{"image": "q"}]}, "parameters": {"prefix": "p"}}
    assert loaded.rule("data.a.violation")(given) == [{"msg": "q is not from p"}]
    assert loaded.rules == {"data.a.violation": "set"}
    with pytest.raises(KeyError, match=r"no rule data\.a\.nothing"):
        loaded.rule("data.a.nothing")


def test_bytes_that_are_no_artifact_are_refused() -> None:
    import marshal

    with pytest.raises(ValueError, match="compile the policy again"):
        rego.load_artifact(marshal.dumps(("something", 1)))


def test_input_left_out_is_undefined_and_none_is_null() -> None:
    source = "package a\np = 1 { input == null }\np = 2 { not input }\np = 3 { not is_null(input) }"
    program = rego.compile({"a.rego": source})
    assert program.query("data.a.p = x", input=None) == [{"x": 1}]
    assert program.query("data.a.p = x") == [{"x": 2}]


class Lazy(Mapping[str, Any]):
    """Documents that are read when they are asked for, as an inventory may be."""

    def __init__(self, inner: dict[str, Any]) -> None:
        self.inner = inner
        self.read: list[str] = []

    def __getitem__(self, key: str) -> Any:
        value = self.inner[key]
        self.read.append(key)
        return Lazy(value) if isinstance(value, dict) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.inner)

    def __len__(self) -> int:
        return len(self.inner)


@pytest.mark.parametrize(
    ("body", "want"),
    [
        pytest.param("p = data.inventory.cluster.v1.Namespace.a.n", [1], id="path"),
        pytest.param("p = [n | n := data.inventory.cluster.v1.Namespace[_].n]", [[1, 2]], id="iteration"),
        pytest.param("p = k { data.inventory.cluster.v1.Namespace[k].n == 2 }", ["b"], id="key"),
        pytest.param('p { data.inventory.cluster.v1.Namespace.a == {"n": 1} }', [True], id="equality"),
        pytest.param("p = count(data.inventory.cluster.v1.Namespace)", [2], id="builtin"),
        pytest.param("p = {x | x := data.inventory.cluster.v1.Namespace[_]}", [[{"n": 1}, {"n": 2}]], id="members"),
    ],
)
def test_data_is_read_in_place_from_any_mapping(body: str, want: list[Any]) -> None:
    objects = {"cluster": {"v1": {"Namespace": {"a": {"n": 1}, "b": {"n": 2}}}}}
    rule = rego.compile({"a.rego": f"package a\n{body}"}).rule("data.a.p")
    assert rule({}, {"inventory": objects}) == want
    lazy = Lazy({**objects, "unread": {}})
    assert rule({}, {"inventory": lazy}) == want
    assert "unread" not in lazy.read


def test_answers_from_outside_are_asked_for_all_at_once() -> None:
    source = """package a
    p[m] { k := input.keys[_]; r := external_data({"provider": "p", "keys": [k]}); m := r.responses[_][1] }"""
    modules = rego.parse_sources({"a.rego": source})
    rule = rego.compile_modules(modules, without=()).rule("data.a.p")
    with pytest.raises(rego.Needs) as caught:
        rule({"keys": ["x", "y"]}, {})
    wanted = [("external_data", f'{{"keys":["{k}"],"provider":"p"}}') for k in "xy"]
    assert list(caught.value.keys) == wanted
    answers = {key: {"responses": [["k", key[1][10]]], "errors": []} for key in wanted}
    assert rule({"keys": ["x", "y"]}, {}, answers=answers) == ["x", "y"]


def test_builtins_can_be_refused() -> None:
    source = {"a.rego": 'package a\np = external_data({"provider": "p", "keys": []})'}
    with pytest.raises(rego.CompileError, match=r"a\.rego:2: rego_type_error: undefined function external_data"):
        rego.compile(source)
    modules = rego.parse_sources({"a.rego": 'package a\np = http.send({"method": "get", "url": "u"})'})
    with pytest.raises(rego.CompileError, match=r"undefined function http\.send"):
        rego.compile_modules(modules, without=("http.send",))


def test_the_clock_and_the_seed_are_arguments() -> None:
    program = rego.compile({"a.rego": 'package a\np = time.now_ns()\nq = rand.intn("a", 1000000)'})
    assert program.query("data.a.p = x", now_ns=7) == [{"x": 7}]
    once = program.query("data.a.q = x", seed=1)
    assert once == program.query("data.a.q = x", seed=1) != program.query("data.a.q = x", seed=2)
    assert program.rule("data.a.p")({}, {}, now_ns=9) == [9]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("p { numbers.range(1, 3000)[_]; numbers.range(1, 3000)[_]; false }", id="loops"),
        pytest.param("p = numbers.range(1, 1000000000000)", id="range"),
        pytest.param(
            "xs = numbers.range(1, 400)\np { f(xs[_]) }\nf(a) { g(xs[_]) }\ng(a) { xs[_] == -1 }", id="functions"
        ),
    ],
)
def test_a_budget_ends_an_evaluation_with_one_clear_error(body: str) -> None:
    rule = rego.compile({"a.rego": f"package a\n{body}"}).rule("data.a.p")
    with pytest.raises(rego.EvalError, match="more steps than its budget allows") as caught:
        rule({}, {}, budget=100_000)
    assert caught.value.code == "eval_cancel_error"


def test_prints_are_kept_only_where_they_are_wanted() -> None:
    source = 'package a\np { some_name := input.xs[_]; print("x is", some_name, input.nothing); some_name > 1 }'
    modules = rego.parse_sources({"a.rego": source})
    prints: list[tuple[str, int, str]] = []
    assert rego.compile_modules(modules, prints=True).rule("data.a.p")({"xs": [1, 2]}, {}, prints=prints) == [True]
    assert prints == [("a.rego", 2, "x is 1 <undefined>"), ("a.rego", 2, "x is 2 <undefined>")]
    assert "print" not in rego.compile_modules(modules).source


def test_strict_errors_end_the_evaluation_and_name_the_place() -> None:
    program = rego.compile({"a.rego": 'package a\np {\n  1 / input.zero\n}\nq { to_number("x") }'})
    assert program.query("data.a.p = x", input={"zero": 0}) == []
    with pytest.raises(rego.EvalError) as caught:
        program.query("data.a.p = x", input={"zero": 0}, strict_builtin_errors=True)
    assert str(caught.value) == "a.rego:3: eval_builtin_error: div: divide by zero"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("p = 1 { true }\np = 2 { true }", "complete rules must not produce multiple outputs", id="rule"),
        pytest.param("p = f(1)\nf(x) = 1\nf(x) = 2", "functions must not produce multiple outputs", id="function"),
        pytest.param('p = q\nq["k"] = 1\nq[k] = 2 { k := "k" }', "object keys must be unique", id="object"),
        pytest.param("p = {k: v | k := 1; v := [1, 2][_]}", "object keys must be unique", id="comprehension"),
    ],
)
def test_conflicts(source: str, message: str) -> None:
    with pytest.raises(rego.EvalError, match=message) as caught:
        value(f"package a\n{source}")
    assert caught.value.code == "eval_conflict_error"


def nested_loops(depth: int) -> str:
    names = [f"x{i}" for i in range(depth)]
    lines = "; ".join(f"{n} := [1, 2][_]; {n} != 2" for n in names)
    return f"p = y {{ {lines}; y := {' + '.join(names)} }}"


@pytest.mark.parametrize("depth", [5, 13, 25, 60])
def test_loops_may_nest_deeper_than_python_allows(depth: int) -> None:
    assert value(f"package a\n{nested_loops(depth)}") == [depth]


@pytest.mark.parametrize("depth", [3, 12, 25])
def test_comprehensions_may_nest_deeply(depth: int) -> None:
    text = "input.n"
    for i in range(depth):
        text = f"[v{i} | w{i} := {text}; z{i} := [1, 2][_]; z{i} == 1; v{i} := w{i}]"
    want: Any = 7
    for _ in range(depth):
        want = [want]
    assert value(f"package a\np = {text}", input={"n": 7}) == [want]


@pytest.mark.parametrize("depth", [3, 15])
def test_negations_and_every_may_nest_deeply(depth: int) -> None:
    text = "input.n == 7"
    for i in range(depth):
        text = f"every e{i} in [1, 2] {{ e{i} < 3; x{i} := [1][_]; x{i} == 1; {text} }}"
    source = f"package a\nimport future.keywords\np {{ {text} }}\nq {{ not p }}"
    assert value(source, input={"n": 7}) == [True]
    assert value(source, "data.a.q = x", input={"n": 8}) == [True]


def test_with_inside_loops_sees_its_own_values() -> None:
    source = """package a
    q = input.x
    r[y] { y := data.b[_] }
    p = [v | x := [1, 2, 3][_]; v := q with input.x as x]
    s = [v | x := [[1], [2, 3]][_]; v := count(r) with data.b as x]"""
    assert value(source, "data.a.p = x") == [[1, 2, 3]]
    assert value(source, "data.a.s = x", data={"b": [7, 8, 9]}) == [[1, 2]]


def test_a_set_rule_that_is_gone_through_still_counts_once_where_it_matters() -> None:
    source = """package a
    s[x] { x := input.xs[_] }
    p = [x | x := s[_]]
    q = count(s)
    r = sum([1 | s[_]])"""
    program = rego.compile({"a.rego": source})
    got = [program.query(f"data.a.{n} = x", input={"xs": [{"a": 1}, {"a": 1}, {"a": 2}]}) for n in "pqr"]
    assert got == [[{"x": [{"a": 1}, {"a": 2}]}], [{"x": 2}], [{"x": 2}]]
