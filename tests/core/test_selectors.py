"""Label and field selectors: the grammar, the texts of refusals, matching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.core import selectors
from gatewright.core.field_errors import Path


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        pytest.param("", {"a": "b"}, True, id="everything"),
        pytest.param("a=b", {"a": "b"}, True, id="equal"),
        pytest.param("a==b", {"a": "c"}, False, id="double equal"),
        pytest.param("a!=b", {}, True, id="not equal: absent counts"),
        pytest.param("a in (b,c)", {"a": "c"}, True, id="in"),
        pytest.param("a notin (b, c)", {"a": "c"}, False, id="notin"),
        pytest.param("a notin (b)", {}, True, id="notin: absent counts"),
        pytest.param("a", {"a": ""}, True, id="exists"),
        pytest.param("!a", {"a": ""}, False, id="absent"),
        pytest.param("a>1,a<10", {"a": "9"}, True, id="numbers"),
        pytest.param("a>1", {"a": "x"}, False, id="no number"),
        pytest.param("a=", {"a": ""}, True, id="empty value"),
        pytest.param("a in (,x)", {"a": ""}, True, id="empty value in a list"),
        pytest.param("a in ()", {"a": ""}, True, id="empty list"),
        pytest.param("in in (in)", {"in": "in"}, True, id="keywords as words"),
        pytest.param(" x/y = z , !w ", {"x/y": "z"}, True, id="blanks and a prefix"),
    ],
)
def test_string_form(text: str, labels: dict[str, str], expected: bool) -> None:
    assert selectors.parse_labels(text).matches(labels) is expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("=b", "found '=', expected: !, identifier, or 'end of string'", id="no key"),
        pytest.param("a,", "found '', expected: identifier after ','", id="ends in a comma"),
        pytest.param("a=b c", "found 'c', expected: ',' or 'end of string'", id="rubbish behind"),
        pytest.param(
            "a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt", id="no operator"
        ),
        pytest.param("a in b", "unable to parse requirement: found 'b' expected: '('", id="no list"),
        pytest.param("a in (b", "unable to parse requirement: found '', expected: ',' or ')'", id="open list"),
        pytest.param("a=(", "unable to parse requirement: found '(', expected: identifier", id="no value"),
        pytest.param("!", "unable to parse requirement: found '', expected: identifier", id="only a bang"),
        pytest.param(
            "a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, "
            "the value must be an integer",
            id="no integer",
        ),
        pytest.param(
            "_=b",
            'unable to parse requirement: <nil>: Invalid value: "_": name part must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName', "
            " or 'my.name',  or "
            "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            id="bad key",
        ),
        pytest.param(
            "a=_",
            'unable to parse requirement: values[0][a]: Invalid value: "_": a valid label must be an empty string '
            "or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            id="bad value",
        ),
    ],
)
def test_string_form_refused(text: str, error: str) -> None:
    with pytest.raises(selectors.SelectorError) as caught:
        selectors.parse_labels(text)
    assert caught.value.what == error


def test_string_form_prints_in_order_of_keys() -> None:
    text = str(selectors.parse_labels("z in (b,a,b), !y, x, w!=1, v>2, u==3"))
    assert text == "u==3,v>2,w!=1,x,!y,z in (a,b)"


@given(st.text(alphabet="ab=!()<>, inot\x00\\", max_size=12))
def test_string_form_never_breaks(text: str) -> None:
    try:
        found = selectors.parse_labels(text)
    except selectors.SelectorError:
        return
    assert selectors.parse_labels(str(found)) == found


def test_object_form() -> None:
    found = selectors.label_selector(
        {
            "matchLabels": {"a": "b"},
            "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["d", "e"]},
                {"key": "f", "operator": "DoesNotExist"},
            ],
        }
    )
    assert found.matches({"a": "b", "c": "e"})
    assert not found.matches({"a": "b", "c": "e", "f": ""})
    assert not selectors.label_selector(None).matches({})
    assert selectors.label_selector({}).empty
    with pytest.raises(selectors.SelectorError, match=r'^"X" is not a valid label selector operator$'):
        selectors.label_selector({"matchExpressions": [{"key": "a", "operator": "X"}]})


def test_object_form_checked() -> None:
    errors = selectors.validate_label_selector(
        {
            "matchLabels": {"a": "b c"},
            "matchExpressions": [
                {"key": "", "operator": "In"},
                {"key": "k", "operator": "Exists", "values": ["v"]},
                {"key": "k", "operator": "Is"},
            ],
        },
        Path("spec", "selector"),
    )
    assert [str(error).partition(" (e.g.")[0] for error in errors] == [
        'spec.selector.matchLabels: Invalid value: "b c": a valid label must be an empty string or consist of '
        "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' "
        "or 'NotIn'",
        'spec.selector.matchExpressions[0].key: Invalid value: "": name part must be non-empty',
        'spec.selector.matchExpressions[0].key: Invalid value: "": name part must consist of alphanumeric characters, '
        "'-', '_' or '.', and must start and end with an alphanumeric character",
        "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or "
        "'DoesNotExist'",
        'spec.selector.matchExpressions[2].operator: Invalid value: "Is": not a valid selector operator',
    ]


def test_fields() -> None:
    found = selectors.parse_fields("metadata.name=a\\,b,status.phase!=Running,x==y")
    assert found.exact("metadata.name") == "a,b"
    assert found.exact("status.phase") is None
    values = {"metadata.name": "a,b", "x": "y"}
    assert found.matches(lambda field: values.get(field, ""))
    assert str(found) == "metadata.name=a\\,b,status.phase!=Running,x=y"
    assert selectors.parse_fields("").empty


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("a", "invalid selector: 'a'; can't understand 'a'", id="no operator"),
        pytest.param("a=b\\c", "invalid field selector: invalid escape sequence: \\c", id="bad escape"),
        pytest.param("a=b\\", "invalid field selector: invalid escape sequence: \\", id="open escape"),
        pytest.param("a=b=c", "invalid field selector: unescaped character in value: 61", id="unescaped"),
    ],
)
def test_fields_refused(text: str, error: str) -> None:
    with pytest.raises(selectors.SelectorError) as caught:
        selectors.parse_fields(text)
    assert caught.value.what == error
