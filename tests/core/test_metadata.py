"""The rules of metadata that all kinds share."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.core import metadata, names
from gatewright.core.field_errors import Path

GOOD: Any = {"name": "x", "namespace": "d"}
OWNER: Any = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (GOOD, []),
        ({"namespace": "d"}, ["metadata.name: Required value: name or generateName is required"]),
        ({"name": "x"}, ["metadata.namespace: Required value"]),
        ({**GOOD, "name": "A"}, ['metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain']),
        ({**GOOD, "namespace": "a.b"}, ['metadata.namespace: Invalid value: "a.b": must not contain dots']),
        ({**GOOD, "generation": -1}, ["metadata.generation: Invalid value: -1: must be greater than or equal to 0"]),
        ({**GOOD, "labels": {"a b": "c"}}, ['metadata.labels: Invalid value: "a b": name part must consist of']),
        ({**GOOD, "labels": {"a": "b c"}}, ['metadata.labels: Invalid value: "b c": a valid label must be']),
        ({**GOOD, "annotations": {"a b": ""}}, ['metadata.annotations: Invalid value: "a b": name part must']),
        ({**GOOD, "annotations": {"a": "x" * 262144}}, ["metadata.annotations: Too long: may not be more than 262144"]),
        ({**GOOD, "finalizers": ["a b"]}, ['metadata.finalizers: Invalid value: "a b": name part must consist of']),
        (
            {**GOOD, "finalizers": ["orphan", "foregroundDeletion"]},
            ['metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and'],
        ),
        ({**GOOD, "ownerReferences": [OWNER]}, []),
        (
            {**GOOD, "ownerReferences": [{**OWNER, "uid": ""}]},
            ['metadata.ownerReferences.uid: Invalid value: "": must not be empty'],
        ),
        (
            {**GOOD, "ownerReferences": [{**OWNER, "controller": True}, {**OWNER, "controller": True}]},
            ['metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u",'],
        ),
        (
            {**GOOD, "managedFields": [{"operation": "X", "manager": "a\n"}]},
            ["metadata.managedFields[0].operation: Invalid value", "metadata.managedFields[0].manager: Invalid value"],
        ),
    ],
)
def test_new_objects(meta: Any, expected: list[str]) -> None:
    found = [str(error) for error in metadata.validate_create(meta, namespaced=True)]
    assert len(found) == len(expected), found
    for text, begin in zip(found, expected, strict=True):
        assert text.startswith(begin)


def test_cluster_wide_objects_have_no_namespace() -> None:
    found = metadata.validate_create(GOOD, namespaced=False, rule=names.name_is_path_segment)
    assert [str(error) for error in found] == ["metadata.namespace: Forbidden: not allowed on this type"]


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ({}, {}, []),
        ({"resourceVersion": ""}, {}, ['metadata.resourceVersion: Invalid value: "": must be specified for an update']),
        ({"uid": "v"}, {"uid": "u"}, ['metadata.uid: Invalid value: "v": field is immutable']),
        (
            {"creationTimestamp": None},
            {"creationTimestamp": "2026-01-01T00:00:00Z"},
            ["metadata.creationTimestamp: Invalid value: null: field is immutable"],
        ),
        ({"generation": 1}, {"generation": 2}, ["metadata.generation: Invalid value: 1: must not be decremented"]),
        (
            {"finalizers": ["a/b"], "deletionTimestamp": "t"},
            {"deletionTimestamp": "t"},
            [
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found "
                'new finalizers []string{"a/b"}'
            ],
        ),
    ],
)
def test_changes(new: Any, old: Any, expected: list[str]) -> None:
    found = metadata.validate_update({**GOOD, "resourceVersion": "1", **new}, {**GOOD, "resourceVersion": "1", **old})
    assert [str(error) for error in found] == expected


def test_the_common_check_of_updates_looks_at_both() -> None:
    old: Any = {"metadata": {**GOOD, "resourceVersion": "1"}}
    new: Any = {"metadata": {**GOOD, "resourceVersion": "1", "labels": {"a": "b c"}}}
    assert len(metadata.common_update(new, old, namespaced=True)) == 2


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({}, None, True),
        ([], None, True),
        ({"a": {}}, {}, True),
        (0, None, False),
        (False, None, False),
        ({"a": 1}, {"a": 1}, True),
        ([1], [1, 2], False),
        ("", None, True),
    ],
)
def test_empty_equals_none(left: Any, right: Any, expected: bool) -> None:
    assert metadata.unchanged(left, right) is expected
    assert metadata.unchanged(right, left) is expected


def test_field_managers() -> None:
    path = Path("fieldManager")
    assert metadata.validate_manager("kubectl", path) == []
    assert len(metadata.validate_manager("x" * 129, path)) == 1
    assert len(metadata.validate_manager("a\u0007", path)) == 1
