"""Random histories of applies, updates and patches of a custom resource, each step beside a real API server.

Before each step the object is read from the real server; what our functions make of the request is then compared with
what the real server answers: owners (all but their times), spec, conflicts and other texts. Two versions with different
schemas are served.
"""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from gatewright.apiserver.apply import (
    ApplyConflict,
    BuiltinSchemas,
    TypedPatchError,
    Types,
    Writer,
    apply,
    crd_types,
    reset_fields,
    track,
)
from gatewright.core.patch import merge_patch
from gatewright.core.schemas import Schema, compile_schema
from tests.realapi.server import RealCluster

GROUP = "histories.example.io"
NAMESPACE = "histories"


def map_list(*keys: str, **properties: Any) -> dict[str, Any]:
    items = {"type": "object", "properties": properties, "required": [keys[0]]}
    return {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys), "items": items}


NUMBER: dict[str, Any] = {"type": "integer"}
TEXT: dict[str, Any] = {"type": "string"}
SPEC: dict[str, Any] = {
    "size": NUMBER,
    "name": {**TEXT, "nullable": True},
    "mode": {**TEXT, "default": "auto"},
    "items": map_list(
        "id", id=TEXT, a=NUMBER, b={**NUMBER, "default": 7}, sub={"type": "object", "properties": {"x": NUMBER}}
    ),
    "ports": map_list("port", "proto", port=NUMBER, proto={**TEXT, "default": "TCP"}, n=NUMBER),
    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
    "plain": {"type": "array", "items": NUMBER},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "either": {"x-kubernetes-int-or-string": True},
    "atom": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": TEXT},
    "map": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {"q": NUMBER, "r": {"type": "array", "items": TEXT}},
        },
    },
    "nest": {"type": "object", "properties": {"p": NUMBER, "deep": {"type": "object", "properties": {"d": TEXT}}}},
}


def schema_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": dict(spec)}, "status": status}}


def second() -> dict[str, Any]:
    """The other version: a field less, a set and a granular map that are otherwise in the first."""
    spec = copy.deepcopy(SPEC)
    del spec["nest"]
    del spec["tags"]["x-kubernetes-list-type"]
    del spec["atom"]["x-kubernetes-map-type"]
    return spec


SCHEMAS = {"v1": schema_of(SPEC), "v2": schema_of(second())}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"things.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
        "versions": [
            {
                "name": name,
                "served": True,
                "storage": name == "v1",
                "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}},
            }
            for name, schema in SCHEMAS.items()
        ],
    },
}


class Dice:
    """Random values that collide often enough to conflict."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def some(self, things: Any) -> list[Any]:
        return self.random.sample(things, self.random.randint(0, len(things)))

    def chance(self, part: float) -> bool:
        return self.random.random() < part

    def spec(self) -> dict[str, Any]:
        makers: dict[str, tuple[float, Any]] = {
            "size": (0.35, lambda: self.one(0, 1, 2)),
            "name": (0.35, lambda: self.one("x", "y", None)),
            "mode": (0.15, lambda: self.one("auto", "m")),
            "items": (0.5, lambda: [{"id": name, **self.item()} for name in self.some("pqrs")]),
            "ports": (0.3, lambda: [self.port(number) for number in self.some([1, 2, 10])]),
            "tags": (0.4, lambda: self.some("uvw")),
            "plain": (0.3, lambda: self.some([0, 1])),
            "free": (0.4, lambda: {key: self.anything() for key in self.some("gh")}),
            "either": (0.2, lambda: self.one(1, "50%")),
            "atom": (0.3, lambda: {key: self.one("0", "1") for key in self.some("cd")}),
            "map": (
                0.3,
                lambda: {key: self.one({}, {"q": 1}, {"q": 2, "r": ["x"]}) for key in self.some(["m", "n.o/p"])},
            ),
            "nest": (
                0.3,
                lambda: self.one({}, {"p": 1}, {"deep": {}}, {"deep": {"d": "1"}}, {"p": 2, "deep": {"d": "2"}}),
            ),
        }
        return {name: make() for name, (part, make) in makers.items() if self.chance(part)}

    def item(self) -> dict[str, Any]:
        parts = {"a": self.one(0, 1), "b": self.one(6, 7, 8), "sub": self.one({}, {"x": 1}, {"x": 2})}
        return {name: value for name, value in parts.items() if self.chance(0.4)}

    def port(self, number: int) -> dict[str, Any]:
        parts = {"proto": self.one("TCP", "UDP"), "n": self.one(0, 1)}
        return {"port": number, **{name: value for name, value in parts.items() if self.chance(0.5)}}

    def anything(self) -> Any:
        return self.one(1, "s", {}, {"k": 1}, {"k": {"z": None}}, [1, {"a": 1}], None, True, 1.5)

    def spoiled(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Now and then something that does not fit; only one thing, since the real server tells several in random
        order.
        """
        if "nest" in spec or not self.chance(0.08):
            return spec
        wrong = (
            ("nope", 1),
            ("size", "x"),
            ("items", [{"id": "p"}, {"id": "p"}]),
            ("tags", ["u", "u"]),
            ("items", {}),
            ("items", "x"),
        )
        return {**spec, **dict([self.one(*wrong)])}


@dataclass(frozen=True)
class Asked:
    """One request: what to do, by whom, in which version, with which body."""

    what: str  # "apply", "POST", "PUT", "merge"
    status: bool
    manager: str
    force: bool
    version: str
    body: dict[str, Any]

    def path(self, name: str) -> str:
        base = f"/apis/{GROUP}/{self.version}/namespaces/{NAMESPACE}/things"
        path = base if self.what == "POST" else f"{base}/{name}{'/status' if self.status else ''}"
        return f"{path}?fieldManager={self.manager}{'&force=true' if self.force and self.what == 'apply' else ''}"


def ask(dice: Dice, name: str, version: str, live: Mapping[str, Any] | None) -> Asked:
    what = dice.one("apply", "apply", "apply", "PUT", "merge") if live else dice.one("apply", "POST")
    status = live is not None and what != "PUT" and dice.chance(0.3)
    meta: dict[str, Any] = {"name": name}
    if dice.chance(0.2):
        meta["labels"] = {"l": dice.one("1", "2")}
    if dice.chance(0.1):
        meta["annotations"] = {"l/x": dice.one("1", "2")}
    if what == "PUT" and live:
        meta = {**live["metadata"], **meta}
    body: dict[str, Any] = {"apiVersion": f"{GROUP}/{version}", "kind": "Thing", "metadata": meta}
    if dice.chance(0.93):
        body["spec"] = dice.spoiled(dice.spec())
    if status or dice.chance(0.2):
        body["status"] = dice.one({}, {"x": 1}, {"x": 2, "y": [1]}, {"y": None}, {"z": {"w": 1}})
    return Asked(what, status, dice.one("a", "b", "c"), dice.chance(0.5), version, body)


def ours(asked: Asked, live: Mapping[str, Any] | None, types: Types, schema: Schema) -> tuple[int, Any]:
    """What our functions make of it: (0, object), (409, text) or (500, text)."""
    subresource = "status" if asked.status else ""
    writer = Writer(asked.manager, f"{GROUP}/{asked.version}", "Thing", "2020-01-01T00:00:00Z", subresource)
    reset = reset_fields(GROUP, "Thing", subresource, custom=True, has_status=True)
    try:
        if asked.what == "apply":
            return 0, apply(live, asked.body, writer=writer, force=asked.force, types=types, reset=reset)
    except ApplyConflict as conflict:
        return 409, conflict.message
    except TypedPatchError as error:
        return 500, error.message
    new = merge_patch(live, asked.body) if asked.what == "merge" else asked.body
    new = schema.default(schema.prune(new)[0])
    return 0, track(live, new, writer=writer, types=types, reset=reset)


def theirs(cluster: RealCluster, asked: Asked, name: str) -> tuple[int, Any]:
    if asked.what in ("POST", "PUT"):
        return cluster.request(asked.what, asked.path(name), asked.body)
    kind = "apply-patch+yaml" if asked.what == "apply" else "merge-patch+json"
    return cluster.request("PATCH", asked.path(name), asked.body, content_type=f"application/{kind}")


def owners(thing: Mapping[str, Any]) -> list[str]:
    """managedFields with only whether there is a time."""
    listed = thing["metadata"].get("managedFields") or ()
    return sorted(json.dumps({**entry, "time": "time" in entry}, sort_keys=True) for entry in listed)


def disagreement(asked: Asked, mine: tuple[int, Any], real: tuple[int, Any], schema: Schema) -> str:
    """ "" where both say the same."""
    what, made = mine
    status, answer = real
    if status in (200, 201):
        if what:
            return f"we refuse: {made}"
        if owners(made) != owners(answer):
            return "owners"
        part = "status" if asked.status else "spec"
        wanted = made if asked.status else schema.default(made)
        return (
            "" if json.dumps(wanted.get(part), sort_keys=True) == json.dumps(answer.get(part), sort_keys=True) else part
        )
    if status == 422:
        return "" if not what else f"we refuse: {made}"
    # Conflicts of several managers come in random order.
    same = what == status and sorted(str(made).split("\n")) == sorted(answer["message"].split("\n"))
    return "" if same else "text"


@pytest.fixture(scope="module")
def prepared(realapi: RealCluster) -> RealCluster:
    realapi.request(
        "POST", "/api/v1/namespaces", {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE}}
    )
    status, answer = realapi.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)
    assert status == 201, answer
    deadline = time.monotonic() + 30
    paths = [f"/apis/{GROUP}/{version}/namespaces/{NAMESPACE}/things" for version in SCHEMAS]
    while any(realapi.request("GET", path)[0] != 200 for path in paths):
        assert time.monotonic() < deadline, "the kind is not served"
    return realapi


@pytest.mark.needs("realapi")
@pytest.mark.parametrize(
    ("seed", "steps"),
    [
        pytest.param(1, 250, marks=pytest.mark.slow, id="short"),
        pytest.param(2, 3000, marks=pytest.mark.long, id="long"),
    ],
)
def test_histories(prepared: RealCluster, schemas: BuiltinSchemas, seed: int, steps: int) -> None:
    dice = Dice(seed)
    types = crd_types(CRD, schemas.object_meta)
    compiled = {version: compile_schema(schema) for version, schema in SCHEMAS.items()}
    told: dict[int, int] = {}
    for step in range(steps):
        version, name = dice.one("v1", "v1", "v2"), f"s{seed}-{step // 12}"
        path = f"/apis/{GROUP}/{version}/namespaces/{NAMESPACE}/things/{name}"
        found, body = prepared.request("GET", path)
        live = body if found == 200 else None
        asked = ask(dice, name, version, live)
        mine = ours(asked, live, types, compiled[version])
        real = theirs(prepared, asked, name)
        told[real[0]] = told.get(real[0], 0) + 1
        complaint = disagreement(asked, mine, real, compiled[version])
        assert not complaint, json.dumps(
            [complaint, asked.__dict__, {"live": live}, {"ours": mine[1]}, {"real": real[1]}]
        )
    assert all(told.get(status, 0) > steps // 100 for status in (200, 201, 409, 500)), told
