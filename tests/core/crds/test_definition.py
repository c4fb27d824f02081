"""CustomResourceDefinitions: what is refused and in which words, defaults, status."""

from __future__ import annotations

import json
from pathlib import Path as File
from typing import Any

import pytest

from gatewright.core.crds import definition, strategy
from gatewright.core.field_errors import Path, invalid_status
from gatewright.core.objects import Object


def crd(schema: Any = None, **spec: Any) -> Object:
    """A CustomResourceDefinition as it comes to validation. schema: that of spec.x of its objects."""
    fields = {"spec": {"type": "object", "properties": {"x": {"type": "string"} if schema is None else schema}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": fields}},
    }
    whole = {
        "group": "example.io",
        "names": {"plural": "things", "kind": "Thing"},
        "scope": "Namespaced",
        "versions": [version],
        **spec,
    }
    name = f"{whole['names']['plural']}.{whole['group']}"
    return strategy.prepare_create(strategy.default_crd({"metadata": {"name": name}, "spec": whole}))


def texts(thing: Object) -> list[str]:
    """Errors, without the way to the schema of spec.x."""
    at = "spec.validation.openAPIV3Schema.properties[spec].properties[x]"
    return [str(error).replace(at, "x") for error in definition.validate_create(thing)]


def test_a_good_one_is_good() -> None:
    assert texts(crd()) == []


@pytest.mark.needs("conformance")
def test_answers_of_the_real_server(conformance: File) -> None:
    compared = 0
    for step in json.loads((conformance / "apiserver" / "40-crd-invalid.json").read_bytes())["steps"]:
        body = step["request"].get("body")
        if step["request"]["method"] != "POST" or not isinstance(body, dict) or "CEL" in step["name"]:
            continue
        thing = strategy.prepare_create(strategy.default_crd(body))
        errors = definition.validate_create(thing)
        if step["answer"]["status"] == 201:
            assert errors == [], step["name"]
        else:
            name = thing["metadata"]["name"]
            made = invalid_status("apiextensions.k8s.io", "CustomResourceDefinition", name, errors)
            assert made == step["answer"]["body"], step["name"]
        compared += 1
    assert compared > 50


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({}, ["x.type: Required value: must not be empty for specified object fields"], id="no type"),
        pytest.param(
            {"type": "array"},
            ["x.items: Required value: must be specified"],
            id="a list without items",
        ),
        pytest.param({"x-kubernetes-preserve-unknown-fields": True}, [], id="anything"),
        pytest.param({"x-kubernetes-int-or-string": True}, [], id="int or string"),
        pytest.param(
            {"type": "string", "default": 1},
            [
                'x.default: Invalid value: "integer":  in body must be of type string: "integer"',
            ],
            id="a default of another type",
        ),
        pytest.param(
            {"type": "string", "pattern": "("},
            ['x.pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: '],
            id="a bad pattern",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            ["x.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity"],
            id="unique items",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}},
            [
                "x.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
            ],
            id="fields and further fields",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "map"},
            [
                "x.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
                'x.items.type: Invalid value: "string": must be object if parent array\'s',
            ],
            id="a keyed list without keys",
        ),
        pytest.param(
            {"type": "object", "$ref": "#/x"},
            ["x.$ref: Forbidden: $ref is not supported"],
            id="a reference",
        ),
    ],
)
def test_schemas(schema: dict[str, Any], expected: list[str]) -> None:
    found = texts(crd(schema))
    assert len(found) == len(expected), found
    for text, begin in zip(found, expected, strict=True):
        assert begin in text


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"scope": "World"}, ["spec.scope: Unsupported value"], id="scope"),
        pytest.param(
            {"group": "one"}, ['spec.group: Invalid value: "one": should be a domain with at least one dot'], id="group"
        ),
        pytest.param(
            {"names": {"plural": "Things", "kind": "my_thing"}},
            ["metadata.name", "spec.names.plural", "spec.names.kind"],
            id="names",
        ),
        pytest.param({"versions": []}, ["spec.versions: Invalid value", "status.storedVersions"], id="no version"),
    ],
)
def test_specs(spec: dict[str, Any], expected: list[str]) -> None:
    found = texts(crd(**spec))
    for begin in expected:
        assert any(text.startswith(begin) for text in found), found


def test_rules_are_compiled_by_whoever_brings_cel() -> None:
    asked: list[str] = []

    def compile_rules(schema: Object, path: Path, *rest: Any) -> list[Any]:
        asked.append(str(path))
        return []

    thing = crd({"type": "string", "x-kubernetes-validations": [{"rule": "self != ''"}]})
    assert definition.validate_create(thing) == []
    assert definition.validate_create(thing, compile_rules) == []
    assert asked


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            {}, {"scope": "Cluster"}, ['spec.scope: Invalid value: "Cluster": field is immutable'], id="scope"
        ),
        pytest.param(
            {},
            {"names": {"plural": "things", "kind": "Other"}},
            ['spec.names.kind: Invalid value: "Other": field is immutable'],
            id="kind",
        ),
        pytest.param({}, {"names": {"plural": "things", "kind": "Thing", "shortNames": ["th"]}}, [], id="short names"),
    ],
)
def test_changes(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    before = crd(**old)
    established = [{"type": "Established", "status": "True"}]
    before = {
        **before,
        "metadata": {**before["metadata"], "uid": "u", "resourceVersion": "2"},
        "status": {**before["status"], "conditions": established},
    }
    after = strategy.prepare_update({**crd(**new), "metadata": before["metadata"]}, before)
    assert [str(error) for error in definition.validate_update(after, before)] == expected


def test_defaults_and_status() -> None:
    made = crd()
    assert made["spec"]["names"] == {"plural": "things", "kind": "Thing", "singular": "thing", "listKind": "ThingList"}
    assert made["spec"]["conversion"] == {"strategy": "None"}
    assert made["status"]["storedVersions"] == ["v1"]
    assert made["metadata"]["generation"] == 1


def test_the_generation_counts_changes_of_spec() -> None:
    before = crd()
    same = strategy.prepare_update({**before, "metadata": {**before["metadata"], "labels": {"a": "b"}}}, before)
    assert same["metadata"]["generation"] == 1
    second = {**before["spec"]["versions"][0], "name": "v2"}
    first = {**before["spec"]["versions"][0], "storage": False}
    changed = strategy.prepare_update({**before, "spec": {**before["spec"], "versions": [first, second]}}, before)
    assert changed["metadata"]["generation"] == 2
    assert changed["status"]["storedVersions"] == ["v1", "v2"]


def test_a_write_to_status_leaves_the_rest() -> None:
    before = crd()
    made = strategy.prepare_status_update({**crd(scope="Cluster"), "status": {"storedVersions": ["v1"]}}, before)
    assert made["spec"] == before["spec"]
    assert made["status"]["acceptedNames"] == {"plural": "", "kind": ""}


def test_formats_that_mean_nothing_are_warned_of_once() -> None:
    thing = crd({"type": "string", "format": "colour"})
    assert definition.warnings(thing) == ['unrecognized format "colour"']
    assert definition.warnings(thing, thing) == []
    assert definition.warnings(crd({"type": "string", "format": "date"})) == []


def test_deletion_begins_under_a_finalizer() -> None:
    made = strategy.prepare_delete(crd(), "2026-01-01T00:00:00Z")
    assert made["metadata"]["finalizers"] == [strategy.CLEANUP]
    assert made["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:00Z"
    assert [(each["type"], each["reason"]) for each in made["status"]["conditions"]] == [
        ("Terminating", "InstanceDeletionPending")
    ]
