"""Documents as Go reads them: scalars by dialect, positions, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.core.documents import Dialect, DocumentError, read_documents, read_objects


def one(text: str, **options: object) -> object:
    (document,) = read_documents(text.encode(), "f.yaml", **options)  # type: ignore[arg-type]
    return document.value


@pytest.mark.parametrize(
    ("text", "kubectl", "suite"),
    [
        pytest.param("y", True, "y", id="y"),
        pytest.param("No", False, "No", id="No"),
        pytest.param("off", False, "off", id="off"),
        pytest.param("yEs", "yEs", "yEs", id="odd case is text"),
        pytest.param("TRUE", True, True, id="TRUE"),
        pytest.param("~", None, None, id="tilde"),
        pytest.param("Null", None, None, id="Null"),
        pytest.param('"yes"', "yes", "yes", id="quoted is text"),
        pytest.param("0o17", 15, 15, id="0o17"),
        pytest.param("017", 15, 15, id="leading zero is octal"),
        pytest.param("08", 8, 8, id="08 is no octal but a float"),
        pytest.param("0x1F", 31, 31, id="hexadecimal"),
        pytest.param("-0b11", -3, -3, id="binary"),
        pytest.param("1_000", 1000, 1000, id="underscores"),
        pytest.param("+5", 5, 5, id="plus"),
        pytest.param("1e3", 1000, 1000, id="an integral float is an integer after JSON"),
        pytest.param("1.0", 1, 1, id="1.0"),
        pytest.param(".5", 0.5, 0.5, id=".5"),
        pytest.param("1.2.3", "1.2.3", "1.2.3", id="a version is text"),
        pytest.param("0o", "0o", "0o", id="0o alone is text"),
        pytest.param("-x", "-x", "-x", id="dash before text"),
        pytest.param("9007199254740993", 9007199254740993, 9007199254740993, id="beyond 2**53"),
        pytest.param("18446744073709551615", 1.8446744073709552e19, 1.8446744073709552e19, id="uint64"),
        pytest.param("2001-12-14", "2001-12-14", "2001-12-14T00:00:00Z", id="a date"),
        pytest.param(
            "2001-12-14T21:59:43.10-05:00", "2001-12-14T21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00", id="a time"
        ),
        pytest.param("2001-02-29", "2001-02-29", "2001-02-29", id="no such day"),
        pytest.param("2001-12-14 21:59:43", "2001-12-14 21:59:43", "2001-12-14T21:59:43Z", id="blank instead of T"),
        pytest.param("!!str 12", "12", "12", id="tagged text"),
        pytest.param("!!int '3'", 3, 3, id="tagged integer"),
        pytest.param("!!binary aGk=", "hi", "hi", id="tagged binary"),
        pytest.param("!custom 3", "3", "3", id="a tag of one's own"),
    ],
)
def test_plain_scalars_by_dialect(text: str, kubectl: object, suite: object) -> None:
    for dialect, wanted in ((Dialect.YAML_1_1, kubectl), (Dialect.YAML_1_2, suite)):
        value = one(f"a: {text}\n", dialect=dialect)
        assert value == {"a": wanted}
        assert type(value["a"]) is type(wanted)  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("n: 1", {"false": 1}, id="boolean key"),
        pytest.param("1: 1", {"1": 1}, id="integer key"),
        pytest.param(
            "x: &a {q: 1, r: 2}\nb: {<<: *a, r: 3}", {"x": {"q": 1, "r": 2}, "b": {"q": 1, "r": 3}}, id="merge"
        ),
        pytest.param(
            "x: &a {q: 1}\nb: {<<: [*a, {q: 2, s: 4}]}", {"x": {"q": 1}, "b": {"q": 1, "s": 4}}, id="merge of a list"
        ),
        pytest.param(
            "a: |\n  one\n\n  # two\n", {"a": "one\n\n# two\n"}, id="a block scalar keeps blank lines and hashes"
        ),
        pytest.param('{"a": 1.0, "b": [true, null]}', {"a": 1, "b": [True, None]}, id="JSON"),
        pytest.param("{a: 1}", {"a": 1}, id="a flow mapping is not JSON"),
        pytest.param("\ufeffa: 1", {"a": 1}, id="byte order mark"),
    ],
)
def test_mappings(text: str, wanted: object) -> None:
    assert one(text) == wanted


def test_numbers_as_float64() -> None:
    assert one("a: 9007199254740993", float64=True) == {"a": 9007199254740992}
    assert one('{"a": 9007199254740993}', float64=True) == {"a": 9007199254740992}
    assert one('{"a": 9007199254740993}') == {"a": 9007199254740993}


def test_documents_carry_their_place() -> None:
    text = "# head\n---\n# nothing here\n---\na: 1\n--- # second\n\nb: 2\n...\n---\n- 3\n"
    found = read_documents(text.encode(), "x/f.yaml")
    assert [(d.value, d.index, d.line, d.where) for d in found] == [
        ({"a": 1}, 1, 5, "x/f.yaml:5"),
        ({"b": 2}, 2, 8, "x/f.yaml:8"),
        ([3], 3, 11, "x/f.yaml:11"),
    ]


def test_json_documents_one_after_another() -> None:
    found = read_documents(b'{"a": 1}\n{"a": 2}\n---\n\n{"a": 3}', "f.json")
    assert [(d.value["a"], d.index, d.line) for d in found] == [(1, 0, 1), (2, 1, 2), (3, 2, 5)]


def test_the_last_of_equal_keys_wins_where_gatekeeper_lets_it() -> None:
    assert one("a: 1\na: 2\n", unique_keys=False) == {"a": 2}
    assert one('{"a": 1, "a": 2}', unique_keys=False) == {"a": 2}


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", 3, 'key "a" stands twice, first in line 1', id="duplicate key"),
        pytest.param("yes: 1\ntrue: 2\n", 2, 'key "true" stands twice', id="duplicate key after conversion"),
        pytest.param('{"a": {"b": 1, "b": 2}}', 1, 'key "b" stands twice', id="duplicate key in JSON"),
        pytest.param("a: 1\nb: [c\n", 2, "did not find expected ',' or ']'", id="open bracket"),
        pytest.param("a: b: c\n", 1, "mapping values are not allowed in this context", id="colon in a value"),
        pytest.param("\ta: 1\n", 1, "cannot start any token", id="tab"),
        pytest.param("a: .inf\n", 1, "no JSON number", id="infinity"),
        pytest.param("\na: 1e999\n", 2, "beyond a float64", id="too large"),
        pytest.param('{"a": 1e999}', 1, "beyond a float64", id="too large in JSON"),
        pytest.param("? [a]\n: 1\n", 1, "a key must be a scalar", id="list as key"),
        pytest.param("~: 1\n", 1, "a key can't be null", id="null as key"),
        pytest.param("a: &a [*a]\n", 1, "an anchor contains itself", id="cycle"),
        pytest.param("a: 1\n<<: 3\n", 2, "`<<` needs a mapping", id="merge of a number"),
        pytest.param("a: \x01\n", 1, "control characters are not allowed", id="control character"),
        pytest.param("[" * 60000, 1, "nested more than 300 deep", id="deep and open"),
        pytest.param("[" * 400 + "]" * 400, 1, "nested more than 300 deep", id="deep"),
        pytest.param('{"a":' * 60000, 1, "nested more than 300 deep", id="deep JSON"),
        pytest.param("\n".join("- " * 3000 + "a" for _ in range(2)), 1, "nested more than 300 deep", id="deep dashes"),
        pytest.param("a: !!int x\n", 1, "is no !!int", id="wrong tag"),
    ],
)
def test_refusals_name_file_and_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(DocumentError) as raised:
        read_documents(text.encode(), "f.yaml")
    told = raised.value.one_line()
    assert raised.value.line == line
    assert told.startswith(f"f.yaml:{line}: ")
    assert problem in told
    assert "\n" not in told
    assert " - " in told  # the mend


def test_exploding_aliases_are_refused() -> None:
    text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
    for at in range(1, 9):
        text += f"a{at}: &a{at} [{','.join([f'*a{at - 1}'] * 10)}]\n"
    with pytest.raises(DocumentError, match="aliases stand for too much"):
        read_documents(text.encode())


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(DocumentError, match=r"f\.yaml:2: byte 7 is not utf-8 text"):
        read_documents(b"a: 1\nb:\xff\n", "f.yaml")


def test_objects_of_a_manifest() -> None:
    text = b"""
kind: List
apiVersion: v1
items:
- {kind: Pod, apiVersion: v1, metadata: {name: a}}
- {kind: Pod, apiVersion: v1, metadata: {name: b}}
---
kind: Namespace
apiVersion: v1
metadata: {name: c}
"""
    assert [d.value["metadata"]["name"] for d in read_objects(text, "m.yaml")] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("- x", "m.yaml:1: a list is no Kubernetes object", id="a list"),
        pytest.param(
            "\nkind: Pod\nmetadata: {name: x}", "m.yaml:2: the object Pod x lacks apiVersion", id="no apiVersion"
        ),
        pytest.param("kind: Pod\napiVersion: v1\nmetadata: {name: n}", "lacks metadata.name", id="a boolean as name"),
    ],
)
def test_what_is_no_object(text: str, told: str) -> None:
    with pytest.raises(DocumentError) as raised:
        read_objects(text.encode(), "m.yaml")
    assert told in raised.value.one_line()


@pytest.mark.needs("conformance")
def test_every_file_of_the_library_is_read(conformance: Path) -> None:
    files = sorted((conformance / "library").rglob("*.yaml"))
    assert len(files) > 400
    for file in files:
        for dialect in Dialect:
            assert read_documents(file.read_bytes(), str(file), dialect=dialect), file


# --- any input


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _JSON, max_size=4), st.sampled_from(list(Dialect)))
def test_json_is_read_as_it_was_written(value: dict[str, object], dialect: Dialect) -> None:
    found = read_documents(json.dumps(value).encode(), dialect=dialect)
    assert [document.value for document in found] == [value]


@given(st.binary() | st.text().map(str.encode) | st.text(alphabet="-[]{}:&*!|>'\"#%@`,?ab1 \n\t").map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    told = ""
    try:
        json.dumps([document.value for document in read_documents(data, "f.yaml")], allow_nan=False)
    except DocumentError as error:
        told = error.one_line()
    assert "\n" not in told
    assert not told or told.startswith("f.yaml:")
