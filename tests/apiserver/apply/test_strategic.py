"""Strategic merge patch: directives, merge keys, orders and the real server's complaints."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.apiserver.apply import BuiltinSchemas, StrategicPatchError, conversion_fault, strategic_merge

POD = {
    "metadata": {"name": "a", "finalizers": ["x/red", "x/blue"], "labels": {"app": "a"}},
    "spec": {
        "containers": [
            {"name": "main", "image": "i:1", "args": ["a"], "env": [{"name": "A", "value": "1"}, {"name": "B"}]},
            {"name": "side", "image": "i:2"},
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
    },
}


def merged(schemas: BuiltinSchemas, patch: dict[str, Any], *path: str | int) -> Any:
    before = copy.deepcopy(POD)
    result: Any = strategic_merge(schemas, "v1", "Pod", POD, patch)
    assert before == POD, "the live object was changed in place"
    for key in path:
        result = result[key]
    return result


def containers(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(items), **more}}


@pytest.mark.parametrize(
    ("patch", "path", "expected"),
    [
        pytest.param({"metadata": {"labels": {"b": "c"}}}, ("metadata", "labels"), {"app": "a", "b": "c"}, id="map"),
        pytest.param({"metadata": {"labels": {"app": None}}}, ("metadata", "labels"), {}, id="null deletes"),
        pytest.param(
            {"metadata": {"labels": None}},
            ("metadata",),
            {"name": "a", "finalizers": ["x/red", "x/blue"]},
            id="null map",
        ),
        pytest.param(
            {"metadata": {"annotations": {"a": {"b": None}}}},
            ("metadata", "annotations"),
            {"a": {}},
            id="new map without nulls",
        ),
        pytest.param(
            {"metadata": {"labels": {"$patch": "replace", "z": "1"}}},
            ("metadata", "labels"),
            {"z": "1"},
            id="replace map",
        ),
        pytest.param({"metadata": {"labels": {"$patch": "delete"}}}, ("metadata", "labels"), {}, id="delete map"),
        pytest.param(
            containers({"name": "main", "env": [{"name": "A", "value": "9"}, {"name": "C"}]}),
            ("spec", "containers", 0, "env"),
            [{"name": "A", "value": "9"}, {"name": "C"}, {"name": "B"}],
            id="items by key, new ones behind their fellows of the patch",
        ),
        pytest.param(
            containers({"name": "side", "$patch": "delete"}),
            ("spec", "containers", -1, "name"),
            "main",
            id="delete item",
        ),
        pytest.param(
            containers({"name": "new"}, {"$patch": "replace"}),
            ("spec", "containers"),
            [{"name": "new"}],
            id="replace list",
        ),
        pytest.param(
            containers({"name": "main", "args": ["c"]}), ("spec", "containers", 0, "args"), ["c"], id="atomic list"
        ),
        pytest.param(
            containers(
                {"name": "new"},
                {"name": "side"},
                {"name": "main"},
                **{"$setElementOrder/containers": [{"name": "new"}, {"name": "side"}, {"name": "main"}]},
            ),
            ("spec", "containers", 0, "name"),
            "new",
            id="order",
        ),
        pytest.param(
            {"spec": {"$setElementOrder/containers": [{"name": "side"}, {"name": "main"}]}},
            ("spec", "containers", 0, "name"),
            "side",
            id="order alone",
        ),
        pytest.param(
            containers({"name": "new"}, {"name": "newer"}, **{"$setElementOrder/containers": []}),
            ("spec", "containers", 2, "name"),
            "newer",
            id="items that no order names come backwards",
        ),
        pytest.param(
            {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]}},
            ("spec", "volumes"),
            [{"name": "v", "hostPath": {"path": "/"}}],
            id="retain keys",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["x/green"]}},
            ("metadata", "finalizers"),
            ["x/green", "x/red", "x/blue"],
            id="set of scalars",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["x/red"]}},
            ("metadata", "finalizers"),
            ["x/red", "x/blue"],
            id="set, nothing new",
        ),
        pytest.param(
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/red"]}},
            ("metadata", "finalizers"),
            ["x/blue"],
            id="delete scalar",
        ),
        pytest.param(
            {"metadata": {"$deleteFromPrimitiveList/absent": ["x"]}},
            ("metadata", "name"),
            "a",
            id="delete from an absent list",
        ),
        pytest.param({"spec": {"volumes": "x"}}, ("spec", "volumes"), "x", id="another type comes as it is"),
        pytest.param(
            {"spec": {"initContainers": [{"name": "x"}, {"$patch": "delete", "name": "y"}]}},
            ("spec", "initContainers"),
            [{"name": "x"}],
            id="directives in a new list",
        ),
        pytest.param(containers(), ("spec", "containers", 0, "name"), "main", id="empty list"),
    ],
)
def test_strategic(schemas: BuiltinSchemas, patch: dict[str, Any], path: tuple[str | int, ...], expected: Any) -> None:
    assert merged(schemas, patch, *path) == expected


@pytest.mark.parametrize(
    ("patch", "status", "message"),
    [
        pytest.param(
            {"spec": {"$patch": "nope"}}, 500, "unknown patch type: nope in map: map[$patch:nope]", id="directive"
        ),
        pytest.param(
            containers({"image": "x"}), 500, "map: map[image:x] does not contain declared merge key: name", id="key"
        ),
        pytest.param(
            containers({"name": "main"}, **{"$setElementOrder/containers": [{"name": "other"}]}),
            500,
            "The order in patch list:\n[map[name:main]]\n doesn't match $setElementOrder list:\n[map[name:other]]\n",
            id="order",
        ),
        pytest.param(
            {"spec": {"$retainKeys": "x"}}, 400, "invalid patch format of retainKeys", id="retainKeys no list"
        ),
        pytest.param(
            {"spec": {"$retainKeys": [], "volumes": []}},
            400,
            "invalid patch format of retainKeys",
            id="retainKeys too few",
        ),
        pytest.param(
            {"spec": {"$setElementOrder": []}},
            400,
            "invalid patch format of setElementOrder list",
            id="order of nothing",
        ),
        pytest.param(
            {"spec": {"$deleteFromPrimitiveList": []}},
            400,
            "invalid patch format of primitive list",
            id="delete of nothing",
        ),
        pytest.param(
            {"spec": {"$setElementOrder/nope": []}},
            500,
            'unable to find api field in struct PodSpec for the json field "nope"',
            id="field",
        ),
        pytest.param(
            {"spec": {"containers": ["x"]}},
            500,
            "list element types are not identical: [[map[args:[a] env:[map[name:A value:1] map[name:B]] image:i:1"
            " name:main] map[image:i:2 name:side]] [x]]",
            id="mixed",
        ),
        pytest.param(
            {"metadata": {"finalizers": [["x"]]}}, 422, "lists of lists are not supported", id="lists of lists"
        ),
        pytest.param(
            containers({"name": "x", "$patch": "merge"}),
            500,
            "merging lists cannot yet be specified in the patch",
            id="merge",
        ),
        pytest.param(
            {"spec": {"$setElementOrder/containers": "x"}},
            500,
            "expected a []interface {}, but received a string",
            id="type",
        ),
    ],
)
def test_complaints(schemas: BuiltinSchemas, patch: dict[str, Any], status: int, message: str) -> None:
    with pytest.raises(StrategicPatchError) as caught:
        strategic_merge(schemas, "v1", "Pod", POD, patch)
    assert (caught.value.status, caught.value.message) == (status, message)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        pytest.param({"replicas": "x"}, "unrecognized type: int32", id="text for a number"),
        pytest.param({"replicas": 1.5}, "cannot convert float64 to int32", id="fraction"),
        pytest.param({"replicas": 2.0}, "", id="whole float"),
        pytest.param({"paused": 1}, "unrecognized type: bool", id="number for a boolean"),
        pytest.param({"template": []}, "cannot restore struct from: slice", id="list for a struct"),
        pytest.param({"template": {"spec": {"containers": {}}}}, "cannot restore slice from map", id="map for a list"),
        pytest.param({"template": {"metadata": {"labels": 1}}}, "cannot restore map from int64", id="number for a map"),
        pytest.param({"template": {"metadata": {"labels": {"a": True}}}}, "unrecognized type: string", id="bool"),
        pytest.param({"template": {"metadata": {"name": 1}}}, "cannot convert int64 to string", id="number for text"),
        pytest.param({"strategy": {"rollingUpdate": {"maxSurge": "25%"}}, "nope": 1}, "", id="all well"),
    ],
)
def test_conversion(schemas: BuiltinSchemas, spec: dict[str, Any], text: str) -> None:
    assert conversion_fault(schemas, "apps/v1", "Deployment", {"kind": "Deployment", "spec": spec}) == text


def within(part: Any, whole: Any) -> bool:
    """Whether all of a value is in another, which may have more keys (defaults)."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and within(value, whole[key]) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(within, part, whole))
    return bool(part == whole)


def outcome(schemas: BuiltinSchemas, *merge: Any) -> tuple[Any, Any]:
    try:
        return strategic_merge(schemas, *merge), None
    except StrategicPatchError as error:
        return None, (error.status, error.message)


@pytest.mark.needs("conformance")
def test_recorded(schemas: BuiltinSchemas, conformance: Path) -> None:
    """Every recorded patch: its result is in the real answer (defaulted besides), its error is the real one."""
    scenario = json.loads((conformance / "apiserver" / "21-patch-strategic.json").read_text())
    live: dict[str, Any] = {}
    tried = 0
    for step in scenario["steps"]:
        request, answer = step["request"], step["answer"]
        body = answer["body"]
        if request["method"] == "PATCH" and "body" in request:
            api_version = "v1" if "/pods/" in request["path"] else "apps/v1"
            kind = "Pod" if api_version == "v1" else "Deployment"
            result, complaint = outcome(schemas, api_version, kind, live[kind], request["body"])
            if complaint or answer["status"] == 500:
                assert complaint == (answer["status"], body["message"]), step["name"]
                tried += 1
            elif answer["status"] == 200:
                result["metadata"] = dict(result["metadata"])
                for name in ("managedFields", "generation", "resourceVersion"):
                    result["metadata"].pop(name, None)
                result["spec"].pop("nope", None)
                assert within(result, body), step["name"]
                tried += 1
        if answer["status"] in (200, 201):
            live[body["kind"]] = body
    assert tried > 15
