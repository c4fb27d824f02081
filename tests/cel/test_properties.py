"""Whatever the text: an answer, never a traceback, and the same one on both paths."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright import cel

ENVIRONMENT = cel.Environment(
    {"object": cel.DYN, "n": cel.INT, "s": cel.STRING, "l": cel.list_of(cel.INT), "m": cel.map_of(cel.STRING, cel.INT)},
    libraries=cel.KUBERNETES,
)
VALUES = {"object": {"a": [1, {"b": "x"}, None, 2.5], "b": True}, "n": 3, "s": "abc", "l": [0, 1, 2], "m": {"a": 1}}

LEAVES = ["1", "0", "-1", "2u", "1.5", "'a'", "''", "b'a'", "true", "false", "null", "n", "s", "l", "m", "object"]
LEAVES += ["object.a", "object.b", "object.nope", "[]", "{}", "duration('1h')", "int", "object.?a", "m.a"]
FORMS = ["({} + {})", "({} - {})", "({} * {})", "({} / {})", "({} % {})", "({} == {})", "({} != {})", "({} < {})"]
FORMS += ["({} && {})", "({} || {})", "({} in {})", "[{}, {}]", "{{'k': {}, 'j': {}}}", "({}[{}])", "{}.contains({})"]
FORMS += ["({} ? 1 : {})", "{}.all(x, x == {})", "{}.exists(x, x != {})", "{}.map(x, [x, {}])", "{}.filter(x, x == {})"]
FORMS += ["{}.exists_one(x, {} == x)", "{}.all(i, v, v == {})", "{}.orValue({})", "dyn({}) == dyn({})", "{}.join({})"]
FORMS += ["type({}) == type({})", "{}.indexOf({})", "sets.contains({}, {})", "size({}) + size({})", "{}.matches({})"]


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(st.sampled_from(FORMS), parts, parts).map(lambda one: one[0].format(one[1], one[2]))
    alone = st.tuples(st.sampled_from(["!{}", "-{}", "has({}.a)", "dyn({})", "string({})", "{}.size()"]), parts)
    return pairs | alone.map(lambda one: one[0].format(one[1]))


EXPRESSIONS = st.recursive(st.sampled_from(LEAVES), _joined, max_leaves=8)


def answers(text: str, strict: bool) -> None:
    try:
        program = ENVIRONMENT.compile(text, strict=strict)
    except cel.CompileError:
        return
    quick, exact = program.quick(VALUES), program.run(VALUES)
    assert repr(quick.error) == repr(exact.error)
    assert repr(quick.value) == repr(exact.value)
    assert quick.cost >= exact.cost


@settings(max_examples=300, deadline=None, derandomize=True)
@given(EXPRESSIONS, st.booleans())
def test_expressions(text: str, strict: bool) -> None:
    answers(text, strict)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from([*"()[]{}.,:?+-*/%!<>&|='\"`\\ \n#é1", "in", "has", "a", "0x", "1u", "==", "&&", "r'"]))
)
def test_any_text(words: list[str]) -> None:
    answers("".join(words), True)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(EXPRESSIONS, st.booleans())
def test_many_expressions(text: str, strict: bool) -> None:
    answers(text, strict)
