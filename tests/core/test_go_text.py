"""Renderings of Go: fixed by the documentation of strconv, fmt and encoding/json."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.core import go_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("plain", '"plain"', id="plain"),
        pytest.param('a"b\\', '"a\\"b\\\\"', id="escapes"),
        pytest.param("\a\n\t\x00\x7f", '"\\a\\n\\t\\x00\\x7f"', id="controls"),
        pytest.param("ä€\u200b\U0001f600", '"ä€\\u200b😀"', id="printable unicode stays"),
        pytest.param("<&>", '"<&>"', id="no html escape"),
    ],
)
def test_quote(value: str, text: str) -> None:
    assert go_text.quote(value) == text


@pytest.mark.parametrize(
    ("value", "verb", "marshalled"),
    [
        pytest.param(1.0, "1", "1", id="whole"),
        pytest.param(-0.5, "-0.5", "-0.5", id="fraction"),
        pytest.param(1e20, "1e+20", "100000000000000000000", id="below the exponent of json"),
        pytest.param(123456.5, "123456.5", "123456.5", id="below the exponent of both"),
        pytest.param(1e6, "1e+06", "1000000", id="from 6 on"),
        pytest.param(1.5e21, "1.5e+21", "1.5e+21", id="json from 21 on"),
        pytest.param(0.0001, "0.0001", "0.0001", id="smallest plain"),
        pytest.param(0.00001234, "1.234e-05", "0.00001234", id="small: two digits; json plain"),
        pytest.param(1.5e-7, "1.5e-07", "1.5e-7", id="json drops the zero"),
        pytest.param(1e100, "1e+100", "1e+100", id="three digits"),
    ],
)
def test_numbers(value: float, verb: str, marshalled: str) -> None:
    assert go_text.number(value) == verb
    assert go_text.json_text(value) == marshalled


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back(value: float) -> None:
    assert float(go_text.number(value)) == value
    assert float(go_text.json_text(value)) == value


def test_json_text_sorts_maps_and_keeps_structs() -> None:
    struct = go_text.Struct.of({"uid": "u", "kind": "K", "other": 1}, ("kind", "name", "uid"))
    assert go_text.json_text({"b": [True, None, 2], "a": struct}) == '{"a":{"kind":"K","uid":"u"},"b":[true,null,2]}'
    assert go_text.json_text("<ä\u2028") == '"\\u003cä\\u2028"'


def test_same_tells_types_apart() -> None:
    assert go_text.same({"a": [1, 2.0]}, {"a": [1.0, 2]})
    assert not go_text.same(True, 1)
    assert not go_text.same({"a": 1}, {"a": 1, "b": None})
