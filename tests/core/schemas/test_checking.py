"""Values against schemas: the texts of complaints, branches, ratcheting; the quick test against the careful walk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatewright.core.field_errors import Path
from gatewright.core.schemas import Schema, checking, compile_schema, fast


def spec(**fields: Any) -> Schema:
    """The schema of an object whose spec has these fields."""
    return compile_schema(
        {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}  #
    )


def texts(schema: Schema, **values: Any) -> list[str]:
    return [str(error) for error in schema.validate({"spec": values})]


TEXT, NUMBER, INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
TEXTS = {"type": "array", "items": TEXT}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        pytest.param(
            TEXT, 1, ['spec.x: Invalid value: "integer": spec.x in body must be of type string: "integer"'], id="type"
        ),
        pytest.param(
            TEXT, 1.5, ['spec.x: Invalid value: "number": spec.x in body must be of type string: "number"'], id="float"
        ),
        pytest.param(
            TEXT, None, ['spec.x: Invalid value: "null": spec.x in body must be of type string: "null"'], id="null"
        ),
        pytest.param({**TEXT, "nullable": True}, None, [], id="nullable"),
        pytest.param(INTEGER, 1.0, [], id="whole float"),
        pytest.param(
            {"type": "object"},
            [],
            ['spec.x: Invalid value: "array": spec.x in body must be of type object: "array"'],
            id="object",
        ),
        pytest.param(
            {"type": "boolean"},
            "true",
            ['spec.x: Invalid value: "string": spec.x in body must be of type boolean: "string"'],
            id="boolean",
        ),
        pytest.param(
            {**TEXT, "enum": ["a", "b"]}, "c", ['spec.x: Unsupported value: "c": supported values: "a", "b"'], id="enum"
        ),
        pytest.param(
            {**TEXT, "pattern": "^[a-z]+$"},
            "A",
            ["spec.x: Invalid value: \"A\": spec.x in body should match '^[a-z]+$'"],
            id="pattern",
        ),
        pytest.param(
            {**TEXT, "minLength": 2},
            "a",
            ['spec.x: Invalid value: "a": spec.x in body should be at least 2 chars long'],
            id="too short",
        ),
        pytest.param(
            {**TEXT, "maxLength": 2}, "abc", ["spec.x: Too long: may not be more than 2 bytes"], id="too long"
        ),
        pytest.param(
            {**INTEGER, "minimum": 1},
            0,
            ["spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"],
            id="minimum",
        ),
        pytest.param(
            {**INTEGER, "minimum": 1, "exclusiveMinimum": True},
            1,
            ["spec.x: Invalid value: 1: spec.x in body should be greater than 1"],
            id="exclusive minimum",
        ),
        pytest.param(
            {**NUMBER, "maximum": 2.5},
            3.5,
            ["spec.x: Invalid value: 3.5: spec.x in body should be less than or equal to 2.5"],
            id="maximum",
        ),
        pytest.param(
            {**INTEGER, "multipleOf": 5},
            7,
            ["spec.x: Invalid value: 7: spec.x in body should be a multiple of 5"],
            id="multiple",
        ),
        pytest.param(
            {**TEXTS, "minItems": 1},
            [],
            ["spec.x: Invalid value: 0: spec.x in body should have at least 1 items"],
            id="few items",
        ),
        pytest.param(
            {**TEXTS, "maxItems": 1}, ["a", "b"], ["spec.x: Too many: 2: must have at most 1 item"], id="many items"
        ),
        pytest.param(
            TEXTS,
            ["a", 1],
            ['spec.x[1]: Invalid value: "integer": spec.x[1] in body must be of type string: "integer"'],
            id="item",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": INTEGER},
            {"a": "b"},
            ['spec.x.a: Invalid value: "string": spec.x.a in body must be of type integer: "string"'],
            id="map value",
        ),
        pytest.param({"type": "object", "additionalProperties": True}, {"a": "b"}, [], id="any further field"),
        pytest.param(
            {"type": "object", "additionalProperties": False},
            {"a": "b"},
            ['spec.x: Invalid value: "a": spec.x.a in body is a forbidden property'],
            id="no further field",
        ),
        pytest.param({"type": "object", "required": ["a"]}, {}, ["spec.x.a: Required value"], id="required"),
        pytest.param(
            {"type": "object", "maxProperties": 1, "additionalProperties": INTEGER},
            {"a": 1, "b": 2},
            ["spec.x: Too many: 2: must have at most 1 item"],
            id="many properties",
        ),
        pytest.param(
            {**TEXT, "format": "date"},
            "today",
            ['spec.x: Invalid value: "today": spec.x in body must be of type date: "today"'],
            id="format",
        ),
        pytest.param({**TEXT, "format": "unheard-of"}, "x", [], id="unknown format"),
        pytest.param({"x-kubernetes-int-or-string": True}, "50%", [], id="int or string: string"),
        pytest.param({"x-kubernetes-int-or-string": True}, 50, [], id="int or string: integer"),
        pytest.param(
            {"x-kubernetes-int-or-string": True},
            True,
            ['spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean"'],
            id="int or string: neither",
        ),
    ],
)
def test_complaints(schema: dict[str, Any], value: Any, expected: list[str]) -> None:
    assert texts(spec(x=schema), x=value) == expected


def test_a_number_out_of_its_formats_range_is_told() -> None:
    found = texts(spec(x={**INTEGER, "format": "int32"}), x=2**31)
    assert len(found) == 1
    assert "Checked value must be of type integer with format int32 in spec.x" in found[0]


@pytest.mark.parametrize(
    ("branches", "value", "expected"),
    [
        pytest.param({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}, [], id="one of one"),
        pytest.param(
            {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"a": 1, "b": 1},
            ['"spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
            id="one of two",
        ),
        pytest.param(
            {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {},
            ['"spec.x" must validate one and only one schema (oneOf). Found none valid', "spec.x.a: Required value"],
            id="one of none",
        ),
        pytest.param(
            {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {},
            ['"spec.x" must validate at least one schema (anyOf)', "spec.x.a: Required value"],
            id="any of none",
        ),
        pytest.param(
            {"allOf": [{"required": ["a"]}]},
            {},
            ["spec.x.a: Required value", '"spec.x" must validate all the schemas (allOf). None validated'],
            id="all of",
        ),
        pytest.param({"not": {"required": ["a"]}}, {"a": 1}, ['"spec.x" must not validate the schema (not)'], id="not"),
    ],
)
def test_branches(branches: dict[str, Any], value: Any, expected: list[str]) -> None:
    schema = spec(x={"type": "object", "properties": {"a": INTEGER, "b": INTEGER}, **branches})
    found = [text.removeprefix('<nil>: Invalid value: "": ') for text in texts(schema, x=value)]
    assert found == expected


def test_the_path_of_a_whole_value_that_gatekeeper_prints() -> None:
    schema = spec(m=TEXT)
    assert [str(error) for error in schema.validate({"spec": {"m": 1.5}}, Path(""))] == [
        '[].spec.m: Invalid value: "number": spec.m in body must be of type string: "number"'
    ]


def test_what_was_as_bad_before_is_let_through() -> None:
    schema = spec(x={**TEXT, "maxLength": 1}, y={**TEXT, "maxLength": 1}, z={**TEXTS, "maxItems": 1})
    old = {"spec": {"x": "long", "z": ["a", "b"]}}
    assert schema.validate_update({"spec": {"x": "long", "z": ["a", "b"]}}, old) == []
    found = schema.validate_update({"spec": {"x": "longer", "y": "long", "z": ["a", "b"]}}, old)
    assert [error.field for error in found] == ["spec.x", "spec.y"]


def test_items_of_keyed_lists_are_found_by_their_keys_for_ratcheting() -> None:
    item = {"type": "object", "properties": {"k": TEXT, "v": {**TEXT, "maxLength": 1}}}
    keyed = {
        "type": "array",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
    }
    old = {"spec": {"l": [{"k": "a", "v": "long"}]}}
    new = {"spec": {"l": [{"k": "b", "v": "x"}, {"k": "a", "v": "long"}]}}
    assert spec(l=keyed).validate_update(new, old) == []
    assert len(spec(l={"type": "array", "items": item}).validate_update(new, old)) == 1


def test_an_objects_type_is_never_forgiven() -> None:
    schema = compile_schema({"type": "object", "properties": {"kind": {"type": "string", "maxLength": 1}}})
    old = {"kind": "Long", "a": 1}
    assert [error.field for error in schema.validate_update({"kind": "Long", "a": 2}, old)] == ["kind"]


# --- the quick test never says yes to a value with complaints

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([2**31, 2**63, 2**70, 0.5, 1.0, -2.0, 1e300])
    | st.sampled_from(["", "a", "ab", "abc", "2020-01-01", "A", "é", "10.0.0.1"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), below, max_size=3),
    max_leaves=8,
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "nullable": st.booleans(),
        "enum": st.lists(st.sampled_from(["a", 1, 1.0, None, True, {"a": 1}]), min_size=1, max_size=2),
        "minimum": st.integers(-2, 2),
        "maximum": st.sampled_from([0, 1, 2.5]),
        "exclusiveMaximum": st.booleans(),
        "multipleOf": st.sampled_from([0, 2, 0.5]),
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(0, 2),
        "pattern": st.sampled_from(["^a", "b$", "("]),
        "format": st.sampled_from(["date", "ipv4", "int32", "int64", "float", "byte", "unknown"]),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "minProperties": st.integers(0, 2),
        "maxProperties": st.integers(0, 2),
        "required": st.lists(st.sampled_from(["a", "b"]), max_size=2),
    },
)


def _grown(below: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    fields = st.dictionaries(st.sampled_from(["a", "b"]), below, max_size=2)
    parts = st.fixed_dictionaries(
        {},
        optional={
            "properties": fields,
            "items": below,
            "additionalProperties": below,
            "anyOf": st.lists(below, min_size=1, max_size=2),
            "oneOf": st.lists(below, min_size=1, max_size=2),
            "allOf": st.lists(below, min_size=1, max_size=2),
            "not": below,
        },
    )
    kinds = st.sampled_from(["", "object", "array", "string", "integer", "number", "boolean"])
    return st.builds(lambda kind, own, nested: {"type": kind, **own, **nested}, kinds, limits, parts)


schemas = st.recursive(limits, _grown, max_leaves=5)


@given(schemas, values)
def test_the_quick_test_is_never_kinder_than_the_walk(schema: dict[str, Any], value: Any) -> None:
    compiled = compile_schema(schema)
    if fast.test_of(compiled.root)(value):
        assert not checking.check(compiled.root, value).findings


@given(schemas, values)
def test_a_value_is_no_worse_than_itself(schema: dict[str, Any], value: Any) -> None:
    compiled = compile_schema(schema)
    # Fields that the schema does not know and nulls have no counterpart, as in the real server.
    assume("null" not in json.dumps(value) and not compiled.prune(value, root=False)[1])
    assert compiled.validate_update(value, value) == []


def test_the_quick_test_says_yes_to_an_ordinary_object() -> None:
    schema = spec(a=TEXT, b=INTEGER, c=TEXTS, d={"type": "object", "additionalProperties": TEXT})
    assert fast.test_of(schema.root)({"spec": {"a": "x", "b": 1, "c": ["y"], "d": {"z": ""}}})
