"""Ownership and apply against the recorded answers of the real server, step by step, without a server of ours.

Each step starts from the objects that the real server last answered with, so that one wrong step does not spoil the
next. Custom resources are pruned and defaulted by their schema, and handlers' other doings (preconditions, validation)
are left to the tests of the whole server: only steps that merge or track are looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gatewright.apiserver.apply import (
    SCALE_VERSION,
    ApplyConflict,
    ApplyRejected,
    BuiltinSchemas,
    TypedPatchError,
    Types,
    Writer,
    apply,
    crd_types,
    reset_fields,
    settle_times,
    track,
    write_through,
)
from gatewright.core.patch import json_patch, merge_patch
from gatewright.core.schemas import compile_schema

pytestmark = pytest.mark.needs("conformance")

FILES = [
    "10-ssa-basic",
    "11-ssa-preconditions",
    "12-ssa-lists",
    "13-ssa-untyped",
    "14-ssa-beside-update",
    "15-ssa-builtin",
    "16-ssa-crd-vap",
    "20-patch-json-merge",
    "43-crd-versions",
]
APPLY_TYPE = "application/apply-patch+yaml"


@dataclass
class Recording:
    """What a replay knows: the CRDs in force and the last seen object of each path."""

    schemas: BuiltinSchemas
    crds: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    live: dict[str, dict[str, Any]] = field(default_factory=dict)

    def see(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        body, sent = answer.get("body"), request.get("body")
        if answer["status"] not in (200, 201) or not isinstance(body, dict):
            return
        if "customresourcedefinitions" in request["path"]:
            crd = body if "spec" in body else sent
            if isinstance(crd, dict) and "spec" in crd and request["method"] != "DELETE":
                self.crds[crd["spec"]["group"], crd["spec"]["names"]["plural"]] = crd
        if request["method"] == "DELETE":
            self.live.pop(key(request["path"]), None)
        elif body.get("kind") == "Scale":
            if request["method"] == "PATCH":
                self.scaled(request, body)
        elif body.get("kind") not in ("Status", None) and "items" not in body:
            place = key(request["path"])
            if request["method"] == "POST":
                place += "/" + body["metadata"]["name"]
            if not request.get("query", {}).get("dryRun"):
                self.live[place] = body

    def scaled(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Write through /scale as the server would, so that the next step finds it."""
        _, api_version, _, _ = split(request["path"])
        place = key(request["path"])
        live = self.live[place]
        meta = {"name": live["metadata"]["name"]}
        scale = {
            "apiVersion": SCALE_VERSION,
            "kind": "Scale",
            "metadata": meta,
            "spec": {"replicas": live["spec"]["replicas"]},
        }
        query = request.get("query") or {}
        writer = Writer(query.get("fieldManager") or "conformance", SCALE_VERSION, "Scale", "$now", "scale")
        types = self.schemas.types(SCALE_VERSION, "Scale")
        assert types is not None

        def write(there: Any) -> Any:
            if (request.get("headers") or {})["Content-Type"] == APPLY_TYPE:
                return apply(there, request["body"], writer=writer, force=query.get("force") == "true", types=types)
            return track(there, merge_patch(there, request["body"]), writer=writer, types=types)

        new, owners = write_through(live, scale, write, api_version=api_version)
        spec = {**live["spec"], "replicas": new["spec"]["replicas"]}
        version = answer["metadata"]["resourceVersion"]
        meta = {**live["metadata"], "managedFields": owners, "resourceVersion": version}
        self.live[place] = {**live, "spec": spec, "metadata": meta}


def key(path: str) -> str:
    """The object that a path means, whatever the version and the subresource."""
    parts = path.strip("/").split("/")
    group = parts[1] if parts[0] == "apis" else ""
    rest = parts[3:] if parts[0] == "apis" else parts[2:]
    rest = rest[:4] if rest[:1] == ["namespaces"] and len(rest) > 2 else rest[:2]
    return "/".join([group, *rest])


def split(path: str) -> tuple[str, str, str, str]:
    """group, apiVersion, plural, subresource."""
    parts = path.strip("/").split("/")
    group = parts[1] if parts[0] == "apis" else ""
    version = parts[2] if parts[0] == "apis" else parts[1]
    rest = parts[3:] if parts[0] == "apis" else parts[2:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return group, f"{group}/{version}" if group else version, "".join(rest[:1]), rest[2] if len(rest) > 2 else ""


def steps(conformance: Path, name: str) -> Iterator[tuple[Mapping[str, Any], bool]]:
    scenario = json.loads((conformance / "apiserver" / f"{name}.json").read_text())
    for step in scenario["setup"]:
        yield step, False
    for step in scenario["steps"]:
        yield step, True


def outcome(known: Recording, request: Mapping[str, Any]) -> tuple[str, Any] | None:
    """What our functions make of a request: ("object", it), ("conflict", ...), ("typed", text); None where it is not
    theirs.
    """
    group, api_version, plural, subresource = split(request["path"])
    crd = known.crds.get((group, plural))
    body = request.get("body")
    if subresource == "scale" or not isinstance(body, dict | list):
        return None
    types: Types | None
    if crd is not None:
        types = crd_types(crd, known.schemas.object_meta)
        kind = crd["spec"]["names"]["kind"]
        version = next((v for v in crd["spec"]["versions"] if api_version.endswith("/" + v["name"])), None)
        if version is None:
            return None
        has_status = "status" in (version.get("subresources") or {})
    else:
        kind = next((kind for kind in known.schemas.kinds.get(api_version, {}) if plural in plurals(kind)), "")
        types = known.schemas.types(api_version, kind)
        version, has_status = (
            None,
            "status" in (known.schemas.definition(api_version, kind) or {}).get("properties", {}),
        )
    if types is None:
        return None
    query = request.get("query") or {}
    writer = Writer(query.get("fieldManager") or "conformance", api_version, kind, "$now", subresource)
    reset = reset_fields(group, kind, subresource, custom=crd is not None, has_status=has_status)
    live = known.live.get(key(request["path"])) if request["method"] != "POST" else None
    if live is not None:
        live = {**live, "apiVersion": api_version, "kind": kind}
    content = (request.get("headers") or {}).get("Content-Type", "")
    if content == APPLY_TYPE:
        if isinstance(body, list) or (live is None and subresource):
            return None
        try:
            merged = apply(live, body, writer=writer, force=query.get("force") == "true", types=types, reset=reset)
        except ApplyConflict as conflict:
            return "conflict", (conflict.message, conflict.causes)
        except TypedPatchError as error:
            return "typed", error.message
        except ApplyRejected as error:
            return "rejected", error.message
        return "object", (live, finished(merged, version))
    if crd is None:
        return None
    if request["method"] in ("POST", "PUT"):
        new = body
    elif content == "application/json-patch+json" and live is not None:
        try:
            new = json_patch(live, body)
        except Exception:
            return None
    elif content == "application/merge-patch+json" and live is not None and isinstance(body, dict):
        new = merge_patch(live, body)
    else:
        return None
    return "object", (live, track(live, finished(new, version), writer=writer, types=types, reset=reset))


def plurals(kind: str) -> tuple[str, ...]:
    low = kind.lower()
    return (low + "s", low + "es", low[:-1] + "ies", low)


def finished(thing: Any, version: Mapping[str, Any] | None) -> Any:
    """Pruned and defaulted, where it is a custom resource."""
    if version is None:
        return thing
    schema = compile_schema(version["schema"]["openAPIV3Schema"])
    return schema.default(schema.prune(thing)[0])


def owners(thing: Mapping[str, Any]) -> list[str]:
    """managedFields without times, in a form to compare and read."""
    listed = thing.get("metadata", {}).get("managedFields") or []
    return sorted(json.dumps({k: v for k, v in entry.items() if k != "time"}, sort_keys=True) for entry in listed)


@pytest.mark.parametrize("name", FILES)
def test_recorded(conformance: Path, schemas: BuiltinSchemas, name: str) -> None:
    known = Recording(schemas)
    tried = 0
    wrong: list[str] = []
    for step, asked in steps(conformance, name):
        request, answer = step["request"], step["answer"]
        if asked and request["method"] in ("PATCH", "POST", "PUT"):
            found = outcome(known, request)
            if found is not None:
                complaint = compare(found, request, answer)
                if complaint is not None:
                    tried += 1
                if complaint:
                    wrong.append(f"{step['name']}: {complaint}")
        known.see(request, answer)
    assert not wrong, "\n".join(wrong)
    assert tried >= 5


def compare(found: tuple[str, Any], request: Mapping[str, Any], answer: Mapping[str, Any]) -> str | None:
    """ "" where it agrees with the recorded answer, None where that answer is not about merging or owners."""
    what, result = found
    body, status = answer["body"], answer["status"]
    message = body.get("message", "")
    if what == "conflict":
        causes = tuple((cause["message"], cause["field"]) for cause in body.get("details", {}).get("causes", ()))
        return "" if (message, causes) == result else f"conflict {result}, but {status} {message} {causes}"
    if what in ("typed", "rejected"):
        return (
            "" if (message, status) == (result, 500 if what == "typed" else 400) else f"{what} {result}, but {message}"
        )
    if status in (200, 201):
        live, new = result
        if owners(new) != owners(body):
            return f"owners {owners(new)}, but {owners(body)}"
        if "/status" not in request["path"] and body.get("apiVersion", "").count(".example.io/"):
            parts = [
                {k: v for k, v in thing.items() if k not in ("metadata", "status", "nope")} for thing in (new, body)
            ]
            if parts[0] != parts[1]:
                return f"object {parts[0]}, but {parts[1]}"
        if live is not None and settle_times(live, new) == live and body != live and request["method"] == "PATCH":
            same = all(live["metadata"].get(k) == body["metadata"].get(k) for k in ("resourceVersion",))
            return "" if same else "no change, but there was one"
        return ""
    if message.startswith("Apply failed") or "typed patch" in message:
        return f"an object, but {status} {message}"
    return None
