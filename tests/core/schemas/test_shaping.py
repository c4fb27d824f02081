"""Pruning, defaulting and the uniqueness of list items."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from gatewright.core.schemas import compile_schema
from tests.core.schemas.test_checking import schemas, values

KEEP = "x-kubernetes-preserve-unknown-fields"
TEXT = {"type": "string"}


def whole(spec: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": spec}}


@pytest.mark.parametrize(
    ("spec", "value", "pruned", "unknown"),
    [
        pytest.param(
            {"type": "object", "properties": {"a": TEXT}}, {"a": "x", "b": 1}, {"a": "x"}, ("spec.b",), id="a field"
        ),
        pytest.param({"type": "object", KEEP: True}, {"b": {"c": 1}}, {"b": {"c": 1}}, (), id="kept"),
        pytest.param(
            {"type": "object", KEEP: True, "properties": {"a": {"type": "object"}}},
            {"a": {"b": 1}, "c": 1},
            {"a": {}, "c": 1},
            ("spec.a.b",),
            id="declared below a part that keeps",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": TEXT}}},
            {"m": {"a": "x", "b": 1}},
            {"m": {"a": "x"}},
            ("spec.m.b",),
            id="map values",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "object"}},
            [{"a": 1}, {}],
            [{}, {}],
            ("spec[0].a",),
            id="items",
        ),
        pytest.param(
            {"type": "object", "x-kubernetes-embedded-resource": True},
            {"apiVersion": "v1", "kind": "X", "metadata": {"name": "n"}, "spec": 1},
            {"apiVersion": "v1", "kind": "X", "metadata": {"name": "n"}},
            ("spec.spec",),
            id="embedded",
        ),
    ],
)
def test_unknown_fields_go(spec: dict[str, Any], value: Any, pruned: Any, unknown: tuple[str, ...]) -> None:
    thing = {"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n"}, "spec": value}
    made, told = compile_schema(whole(spec)).prune(thing)
    assert (made["spec"], told) == (pruned, unknown)
    assert made["metadata"] is thing["metadata"]


def test_what_keeps_all_its_fields_is_shared() -> None:
    thing = {"spec": {"a": "x"}}
    schema = compile_schema(whole({"type": "object", "properties": {"a": TEXT}}))
    assert schema.prune(thing)[0] is thing
    assert schema.default(thing) is thing


@given(schemas, values)
def test_pruning_and_defaulting_are_done_once(schema: dict[str, Any], value: Any) -> None:
    compiled = compile_schema(schema)
    pruned, _ = compiled.prune(value)
    again, unknown = compiled.prune(pruned)
    assert (again, unknown) == (pruned, ())
    made = compiled.default(value)
    assert compiled.default(made) == made


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        pytest.param({"properties": {"a": {**TEXT, "default": "d"}}}, {}, {"a": "d"}, id="absent"),
        pytest.param({"properties": {"a": {**TEXT, "default": "d"}}}, {"a": None}, {"a": "d"}, id="null"),
        pytest.param(
            {"properties": {"a": {**TEXT, "default": "d", "nullable": True}}}, {"a": None}, {"a": None}, id="nullable"
        ),
        pytest.param({"properties": {"a": TEXT}}, {"a": None}, {}, id="a null that may not be goes"),
        pytest.param({"properties": {}}, {"a": None}, {"a": None}, id="a null of an unknown field stays"),
        pytest.param(
            {"properties": {"a": {"type": "object", "properties": {"b": {**TEXT, "default": "d"}}}}},
            {},
            {},
            id="no default below what is absent",
        ),
        pytest.param(
            {
                "properties": {
                    "a": {"type": "object", "default": {}, "properties": {"b": {**TEXT, "default": "d"}}},
                }
            },
            {},
            {"a": {"b": "d"}},
            id="defaults in defaults",
        ),
        pytest.param(
            {"additionalProperties": {"type": "object", "properties": {"b": {**TEXT, "default": "d"}}}},
            {"m": {}},
            {"m": {"b": "d"}},
            id="map values",
        ),
    ],
)
def test_defaults(spec: dict[str, Any], value: Any, expected: Any) -> None:
    made = compile_schema(whole({"type": "object", **spec})).default({"spec": value})
    assert made == {"spec": expected}


def test_defaults_of_items() -> None:
    item = {"type": "object", "properties": {"b": {**TEXT, "default": "d"}}}
    schema = compile_schema(whole({"type": "array", "items": item}))
    assert schema.default({"spec": [{}, {"b": "x"}]}) == {"spec": [{"b": "d"}, {"b": "x"}]}


def test_repeated_items_of_sets_and_keyed_lists() -> None:
    keyed = {
        "type": "array",
        "items": {"type": "object", "properties": {"k": TEXT, "v": TEXT}},
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
    }
    unique = {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}
    schema = compile_schema(whole({"type": "object", "properties": {"m": keyed, "s": unique}}))
    found = schema.duplicates(
        {"spec": {"m": [{"k": "a"}, {"k": "a", "v": "x"}, {"k": "a"}], "s": ["x", "y", "x", "x"]}}
    )
    assert [str(error) for error in found] == [
        'spec.m[1]: Duplicate value: {"k":"a"}',
        'spec.s[2]: Duplicate value: "x"',
    ]


def test_items_of_a_keyed_list_must_be_objects() -> None:
    keyed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
    found = compile_schema(whole(keyed)).duplicates({"spec": [1]})
    assert [str(error) for error in found] == [
        "spec[0]: Invalid value: 1: must be an object for an array of list-type map"
    ]


def test_parts_and_absent_parts() -> None:
    schema = compile_schema(whole({"type": "object", "properties": {"a": TEXT}}))
    part = schema.part("spec")
    assert part is not None
    assert part.validate({"a": "x"}) == []
    assert schema.part("status") is None
