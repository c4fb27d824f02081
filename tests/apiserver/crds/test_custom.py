"""Custom resources stage by stage, and what a served version knows: columns, scale, deprecation."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.apiserver.crds import custom
from gatewright.apiserver.crds.served import Served, served_versions, version_rank
from gatewright.core.clock import Now
from gatewright.core.field_errors import FieldError, Reason

NOW = Now(1_790_000_000.0, 0.0)
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "default": 1, "maximum": 9},
                "name": {"type": "string"},
                "inner": {"type": "object", "x-kubernetes-embedded-resource": True},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        },
        "status": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 9}}},
    },
}


def served(schema: Any = None, **version: Any) -> Served:
    made = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema or SCHEMA},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
        },
        **version,
    }
    names = {"plural": "things", "kind": "Thing"}
    spec = {"group": "example.io", "scope": "Namespaced", "names": names, "versions": [made]}
    return served_versions({"metadata": {"name": "things.example.io"}, "spec": spec})[0]


def thing(**fields: Any) -> Any:
    meta = {"name": "x", "namespace": "d", "uid": "u", "resourceVersion": "1", "generation": 1}
    return {"apiVersion": "example.io/v1", "kind": "Thing", "metadata": meta, **fields}


def told(errors: list[FieldError]) -> list[str]:
    return [str(error) for error in errors]


def test_unknown_fields_and_nulls_go_before_defaults_come() -> None:
    pruned, unknown = custom.prune(served(), thing(spec={"name": None, "other": 1, "free": {"a": None}}))
    assert unknown == ("spec.other",)
    assert custom.default(served(), pruned)["spec"] == {"free": {"a": None}, "size": 1}


def test_an_embedded_resource_must_be_readable() -> None:
    bad = thing(spec={"inner": {"apiVersion": "v1", "kind": "X", "metadata": {"name": 1}}})
    with pytest.raises(custom.NotReadable):
        custom.prune(served(), bad)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"spec": {"size": 3}}, []),
        ({"spec": {"size": 10}}, ["spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9"]),
        ({"spec": {"tags": ["a", "a"]}}, ['spec.tags[1]: Duplicate value: "a"']),
        ({"kind": "Other"}, ['kind: Invalid value: "Other": must be Thing']),
        ({"spec": {"size": -1}}, [".spec.size: Invalid value: -1: should be a non-negative integer"]),
        (
            {"status": False},
            [
                'status: Invalid value: "boolean": status in body must be of type object: "boolean"',
                ".status.size: Invalid value: 0: .status.size accessor error: false is of the type bool, expected map",
            ],
        ),
        ({"spec": {"inner": {}}}, ["spec.inner.apiVersion: Required value", "spec.inner.kind: Required value"]),
    ],
)
def test_new_objects(fields: dict[str, Any], expected: list[str]) -> None:
    found = told(custom.validate_create(served(), {**thing(), **fields}))
    assert len(found) == len(expected), found
    for text, begin in zip(found, expected, strict=True):
        assert text.startswith(begin)


def test_status_is_kept_from_main_and_main_from_status() -> None:
    old = thing(spec={"size": 1}, status={"size": 1})
    new = thing(spec={"size": 2}, status={"size": 2})
    main = custom.prepare_update(served(), new, old)
    assert (main["spec"]["size"], main["status"]["size"], main["metadata"]["generation"]) == (2, 1, 2)
    status = custom.prepare_update(served(), new, old, "status")
    assert (status["spec"]["size"], status["status"]["size"], status["metadata"]["generation"]) == (1, 2, 1)
    assert "status" not in custom.prepare_create(served(), new)


@pytest.mark.parametrize(
    ("spec", "generation"),
    [({"free": {"a": None}}, 1), ({"free": {}}, 2), ({"free": {"a": 1}}, 2), ({"free": {"a": None}, "tags": []}, 2)],
)
def test_the_generation_counts_every_difference(spec: Any, generation: int) -> None:
    old = thing(spec={"free": {"a": None}})
    assert custom.prepare_update(served(), thing(spec=spec), old)["metadata"]["generation"] == generation


def test_what_was_as_bad_before_is_let_through() -> None:
    old = thing(spec={"size": 10, "name": "a"})
    assert custom.validate_update(served(), thing(spec={"size": 10, "name": "b"}), old) == []
    assert len(custom.validate_update(served(), thing(spec={"size": 11}), old)) == 1
    assert told(custom.validate_update(served(), thing(status={"size": 10}), thing(), "status")) == [
        "status.size: Invalid value: 10: size in body should be less than or equal to 9"
    ]


def test_rules_run_only_where_the_rest_is_good() -> None:
    schema = {"type": "object", "properties": {"spec": {"type": "string", "x-kubernetes-validations": [{"rule": "r"}]}}}
    asked: list[Any] = []

    def run(version: Served, new: Any, old: Any) -> list[FieldError]:
        asked.append((new, old))
        return [FieldError(Reason.INVALID, "spec", "", "no")]

    version = served(schema, subresources={})
    assert version.has_rules
    assert told(custom.validate_create(version, thing(spec="x"), run)) == ['spec: Invalid value: "": no']
    assert len(asked) == 1
    blocked = told(custom.validate_create(version, thing(spec=1), run))
    assert "some validation rules were not checked because the object was invalid" in blocked[-1]
    assert len(asked) == 1


def test_scale() -> None:
    made = custom.scale_of(served(), thing(spec={"size": 3}, status={"size": 2}))
    assert isinstance(made, dict)
    assert (made["spec"], made["status"]) == ({"replicas": 3}, {"replicas": 2})
    assert custom.scale_of(served(), thing()) == 'the spec replicas field ".spec.size" does not exist'
    assert custom.with_replicas(served(), thing(), 5)["spec"] == {"size": 5}


def test_columns_and_cells() -> None:
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Born", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    version = served(additionalPrinterColumns=columns)
    assert [column["name"] for column in version.columns()] == ["Name", "Size", "Ready", "Born"]
    made = thing(spec={"size": 3}, status={"conditions": [{"type": "Ready", "status": "True"}]})
    made["metadata"] = {**made["metadata"], "creationTimestamp": "2026-09-21T14:13:10Z"}
    assert version.cells(made, NOW) == ["x", 3, "True", "10s"]
    assert version.cells(thing(), NOW) == ["x", None, None, None]
    assert [column["name"] for column in served().columns()] == ["Name", "Age"]


def test_versions_in_order_of_preference() -> None:
    names = ["v1alpha1", "foo", "v2beta1", "v1", "v10", "v2", "v1beta2", "bar"]
    assert sorted(names, key=version_rank) == ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "bar", "foo"]


def test_deprecated_versions_warn() -> None:
    assert served().warning == ""
    assert served(deprecated=True).warning == "example.io/v1 Thing is deprecated"
    assert served(deprecated=True, deprecationWarning="go away").warning == "go away"


def test_finalizers_without_domain_are_warned_of() -> None:
    new = thing()
    new["metadata"] = {**new["metadata"], "finalizers": ["plain", "a.b/c"]}
    assert custom.warnings(served(), new, None) == [
        'metadata.finalizers: "plain": prefer a domain-qualified finalizer name to avoid accidental conflicts with '
        "other finalizer writers"
    ]
    assert custom.warnings(served(), new, new) == []
