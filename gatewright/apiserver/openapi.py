"""/openapi/v3 (and an empty v2): as much as kubectl reads before it writes, explains or merges.

kubectl looks for query parameters of PATCH (fieldValidation, dryRun), for merge keys of built-in kinds and, for
explain, for schemas.
The shipped schemas hold structure without prose, so `explain` shows fields without descriptions, except for custom
resources, whose CRDs
bring their own. Documents are made from values and kept beside them. `handling` is the caller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from gatewright.apiserver import resources
from gatewright.apiserver.answers import PLAIN, encode
from gatewright.apiserver.config import Config
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import State, Stored
from gatewright.core.http import Pairs, Request, Response

_PREFIXES = {
    "meta.v1": "io.k8s.apimachinery.pkg.apis.meta.v1",
    "api.resource": "io.k8s.apimachinery.pkg.api.resource",
    "util.intstr": "io.k8s.apimachinery.pkg.util.intstr",
    "runtime": "io.k8s.apimachinery.pkg.runtime",
    "apiextensions.v1": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    "apiregistration.v1": "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
}
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")


def index(request: Request, state: State, config: Config) -> Response:
    """GET /openapi/v3."""
    paths = {}
    for name, content in _documents(state, config).items():
        paths[name] = {"serverRelativeURL": f"/openapi/v3/{name}?hash={_hash(content)}"}
    body = encode({"paths": dict(sorted(paths.items()))})
    return _tagged(request, body, PLAIN)


def document(request: Request, name: str, state: State, config: Config) -> Response:
    """GET /openapi/v3/<name>, e.g. apis/apps/v1."""
    content = _documents(state, config).get(name)
    if content is None:
        return Response(404)
    return _tagged(request, content, "application/json")


def older() -> bytes:
    """The document of /openapi/v2 in its protobuf form (Document: swagger 1, info 2, paths 8), without definitions.

    kubectl asks for it where /openapi/v3 has no such kind, and then takes a kind that it doesn't hold for one that it
    can't validate: so the user is told that the kind isn't served.
    """
    title, version = b"Kubernetes", b"v1"
    info = bytes((0x0A, len(title))) + title + bytes((0x12, len(version))) + version
    return b"\x0a\x032.0" + bytes((0x12, len(info))) + info + b"\x42\x00"


def second(request: Request) -> Response:
    """GET /openapi/v2: protobuf where it is asked for, else JSON."""
    if "protobuf" in request.header("accept"):
        return _tagged(request, older(), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
    body = encode({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1"}, "paths": {}})
    return _tagged(request, body, "application/json")


def _tagged(request: Request, body: bytes, media: str) -> Response:
    tag = f'"{_hash(body)}"'
    headers: Pairs = (("content-type", media), ("etag", tag), ("vary", "Accept"))
    if request.header("if-none-match") == tag:
        return Response(304, headers)
    return Response(200, headers, body)


def _hash(content: bytes) -> str:
    return hashlib.sha512(content).hexdigest().upper()


def _documents(state: State, config: Config) -> dict[str, bytes]:
    """Path below /openapi/v3 -> document."""
    kept: dict[str, bytes] | None = config.registry.kept.get("openapi")
    if kept is None:
        kept = config.registry.kept["openapi"] = _built_in(config)
    documents = dict(kept)
    view = state.view_all(resources.view_of(config.server))
    parts: dict[str, list[tuple[Endpoint, Stored]]] = {}
    for name in sorted(view):
        for endpoint in resources.endpoints_of(view[name]).values():
            parts.setdefault(f"apis/{endpoint.api_version}", []).append((endpoint, view[name]))
    for path, found in parts.items():
        documents[path] = _custom_document(found, config)
    return documents


def _built_in(config: Config) -> dict[str, bytes]:
    documents = {}
    for group, versions in config.registry.groups.items():
        for version in versions:
            mine = [one for one in config.registry.endpoints if (one.group, one.version) == (group, version)]
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            documents[path] = encode(_document(mine, _schemas(mine, config)))
    return documents


def _document(endpoints: list[Endpoint], schemas: Mapping[str, Any]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for one in endpoints:
        root = f"/apis/{one.api_version}" if one.group else f"/api/{one.version}"
        if one.namespaced:
            root += "/namespaces/{namespace}"
        paths[f"{root}/{one.plural}"] = _operations(one, {"create": "post", "list": "get"})
        if {"get", "patch"} & set(one.verbs):
            verbs = {"get": "get", "update": "put", "patch": "patch", "delete": "delete"}
            paths[f"{root}/{one.plural}/{{name}}"] = _operations(one, verbs)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "1.36"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _operations(endpoint: Endpoint, verbs: Mapping[str, str]) -> dict[str, Any]:
    kind = {"group": endpoint.group, "version": endpoint.version, "kind": endpoint.kind}
    made: dict[str, Any] = {}
    for verb, method in verbs.items():
        if verb not in endpoint.verbs:
            continue
        operation: dict[str, Any] = {"x-kubernetes-action": method, "x-kubernetes-group-version-kind": kind}
        if verb in ("create", "update", "patch"):
            operation["parameters"] = [
                {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in _PARAMETERS
            ]
        made[method] = operation
    return made


def _schemas(endpoints: list[Endpoint], config: Config) -> dict[str, Any]:
    """The definitions that these kinds need, under their long names."""
    wanted: dict[str, dict[str, str]] = {}
    for one in endpoints:
        name = config.schemas.kinds.get(one.api_version, {}).get(one.kind)
        if name:
            wanted[name] = {"group": one.group, "version": one.version, "kind": one.kind}
    made: dict[str, Any] = {}
    queue = sorted(wanted)
    while queue:
        name = queue.pop()
        if long_name(name) in made or name not in config.schemas.definitions:
            continue
        schema = _translated(config.schemas.definitions[name], queue)
        if name in wanted:
            schema["x-kubernetes-group-version-kind"] = [wanted[name]]
        made[long_name(name)] = schema
    return dict(sorted(made.items()))


def long_name(name: str) -> str:
    """core.v1.Pod -> io.k8s.api.core.v1.Pod."""
    package, _, kind = name.rpartition(".")
    return f"{_PREFIXES.get(package, f'io.k8s.api.{package}')}.{kind}"


def _translated(schema: Any, queue: list[str]) -> Any:
    if isinstance(schema, list):
        return [_translated(one, queue) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {key: _translated(value, queue) for key, value in schema.items() if key != "$ref"}
    reference = schema.get("$ref")
    if isinstance(reference, str):
        queue.append(reference)
        made["allOf"] = [{"$ref": f"#/components/schemas/{long_name(reference)}"}]
    return made


def _custom_document(found: list[tuple[Endpoint, Stored]], config: Config) -> bytes:
    first_endpoint, first = found[0]
    key = ("openapi", first_endpoint.version, tuple(id(crd) for _, crd in found))
    kept = first.memo.get(key)
    if kept is not None:
        content: bytes = kept[0]
        return content
    schemas: dict[str, Any] = {}
    queue = ["meta.v1.ObjectMeta"]
    while queue:
        name = queue.pop()
        if long_name(name) not in schemas and name in config.schemas.definitions:
            schemas[long_name(name)] = _translated(config.schemas.definitions[name], queue)
    for endpoint, crd in found:
        schemas[_custom_name(endpoint)] = _custom_schema(endpoint, crd)
    document = _document([endpoint for endpoint, _ in found], dict(sorted(schemas.items())))
    document["info"] = {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"}
    content = encode(document)
    first.memo[key] = (content, [crd for _, crd in found])
    return content


def _custom_name(endpoint: Endpoint) -> str:
    return f"{'.'.join(reversed(endpoint.group.split('.')))}.{endpoint.version}.{endpoint.kind}"


def _custom_schema(endpoint: Endpoint, crd: Stored) -> dict[str, Any]:
    written: Mapping[str, Any] = {}
    for version in crd.thing["spec"]["versions"]:
        if version["name"] == endpoint.version:
            written = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    properties = dict(written.get("properties") or {})
    properties["apiVersion"] = {"type": "string"}
    properties["kind"] = {"type": "string"}
    properties["metadata"] = {"allOf": [{"$ref": f"#/components/schemas/{long_name('meta.v1.ObjectMeta')}"}]}
    kind = {"group": endpoint.group, "version": endpoint.version, "kind": endpoint.kind}
    return {**written, "properties": properties, "x-kubernetes-group-version-kind": [kind]}
