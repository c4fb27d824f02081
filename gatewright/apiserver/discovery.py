"""What the server says about itself: groups, resources (plain and aggregated), version, health, root paths.
`handling` is the caller."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from gatewright.apiserver import resources
from gatewright.apiserver.answers import PLAIN, NotHere, encode, no_such_resource
from gatewright.apiserver.config import VERSION, Config
from gatewright.apiserver.crds.served import version_rank
from gatewright.apiserver.negotiation import form_of
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import State
from gatewright.core.http import Pairs, Request, Response

_AGGREGATED = "as=APIGroupDiscoveryList"


def api(request: Request, state: State, config: Config) -> Response:
    """GET /api."""
    if _aggregated(request):
        return _answer_aggregated(request, _aggregated_groups([""], config.registry.endpoints))
    body = {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": config.address}],
    }
    return _answer(request, body)


def apis(request: Request, state: State, config: Config) -> Response:
    """GET /apis."""
    custom = resources.customs(state, config.server)
    if _aggregated(request):
        groups = _aggregated_groups([name for name in config.registry.groups if name], config.registry.endpoints)
        groups += _aggregated_groups(_custom_groups(custom), custom)
        return _answer_aggregated(request, groups)
    every = [_group(name, versions) for name, versions in config.registry.groups.items() if name]
    every += [_group(name, _versions(custom, name)) for name in _custom_groups(custom)]
    return _answer(request, {"kind": "APIGroupList", "apiVersion": "v1", "groups": every})


def group(request: Request, name: str, state: State, config: Config) -> Response:
    """GET /apis/G."""
    versions: Sequence[str] = config.registry.groups.get(name, ()) if name else ()
    if not versions:
        versions = _versions(resources.customs(state, config.server), name)
    if not versions:
        raise NotHere
    return _answer(request, {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)})


def version_resources(request: Request, name: str, version: str, state: State, config: Config) -> Response:
    """GET /api/V or /apis/G/V."""
    built_in = config.registry.groups.get(name)
    if built_in is not None:
        found: Iterable[Endpoint] = config.registry.endpoints
        if version not in built_in:
            raise no_such_resource()
    else:
        found = resources.customs(state, config.server)
    chosen = [one for one in found if one.group == name and one.version == version]
    if not chosen:
        raise NotHere
    listed = [entry for one in chosen for entry in _plain(one)]
    group_version = f"{name}/{version}" if name else version
    body: dict[str, Any] = {"kind": "APIResourceList", "groupVersion": group_version, "resources": listed}
    if name:
        body["apiVersion"] = "v1"
    return _answer(request, body)


def _answer(request: Request, body: Any) -> Response:
    form_of(request.header("accept").replace(_AGGREGATED, ""), custom=False, collection=False)
    return Response(200, (("content-type", "application/json"),), encode(body))


def _group(name: str, versions: Sequence[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _custom_groups(custom: Sequence[Endpoint]) -> list[str]:
    return sorted({one.group for one in custom})


def _versions(custom: Sequence[Endpoint], name: str) -> tuple[str, ...]:
    found = {one.version for one in custom if one.group == name}
    return tuple(sorted(found, key=version_rank))


def _plain(endpoint: Endpoint) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {
        "name": endpoint.plural,
        "singularName": endpoint.singular,
        "namespaced": endpoint.namespaced,
        "kind": endpoint.kind,
        "verbs": list(endpoint.verbs),
    }
    if endpoint.short:
        entry["shortNames"] = list(endpoint.short)
    if endpoint.categories:
        entry["categories"] = list(endpoint.categories)
    if endpoint.hash or endpoint.custom:
        entry["storageVersionHash"] = endpoint.hash or _storage_hash(endpoint)
    entries = [entry]
    for name, sub in endpoint.subresources.items():
        one: dict[str, Any] = {
            "name": f"{endpoint.plural}/{name}",
            "singularName": "",
            "namespaced": endpoint.namespaced,
        }
        if sub.group and (sub.group, sub.version) != (endpoint.group, endpoint.version):
            one |= {"group": sub.group, "version": sub.version}
        entries.append({**one, "kind": sub.kind, "verbs": list(sub.verbs)})
    return entries


def _storage_hash(endpoint: Endpoint) -> str:
    version = endpoint.custom.storage_version if endpoint.custom is not None else endpoint.version
    text = f"{endpoint.group}/{version}/{endpoint.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


# --- aggregated discovery


def _aggregated(request: Request) -> bool:
    return _AGGREGATED in request.header("accept")


def _answer_aggregated(request: Request, groups: list[dict[str, Any]]) -> Response:
    accept = request.header("accept")
    version = "v2" if "v=v2;" in accept or accept.endswith("v=v2") or "v=v2," in accept else "v2beta1"
    body = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": groups,
    }
    content = encode(body)
    tag = f'"{hashlib.sha512(content).hexdigest().upper()}"'
    headers: Pairs = (("etag", tag), ("vary", "Accept"))
    if request.header("if-none-match") == tag:
        return Response(304, headers)
    media = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    return Response(200, (("content-type", media), *headers), content)


def _aggregated_groups(names: Iterable[str], endpoints: Sequence[Endpoint]) -> list[dict[str, Any]]:
    groups = []
    for name in names:
        mine = [one for one in endpoints if one.group == name]
        versions = list(dict.fromkeys(one.version for one in mine))
        if mine and mine[0].custom is not None:
            versions.sort(key=version_rank)
        listed = []
        for version in versions:
            found = [_aggregated_resource(one) for one in mine if one.version == version]
            listed.append({"version": version, "resources": found, "freshness": "Current"})
        meta = {"name": name} if name else {}
        groups.append({"metadata": meta, "versions": listed})
    return groups


def _aggregated_resource(endpoint: Endpoint) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": endpoint.plural,
        "responseKind": _response_kind(endpoint, endpoint.kind),
        "scope": "Namespaced" if endpoint.namespaced else "Cluster",
        "singularResource": endpoint.singular,
        "verbs": list(endpoint.verbs),
    }
    if endpoint.short:
        entry["shortNames"] = list(endpoint.short)
    if endpoint.categories:
        entry["categories"] = list(endpoint.categories)
    if endpoint.subresources:
        entry["subresources"] = [
            {
                "subresource": name,
                "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind},
                "verbs": list(sub.verbs),
            }
            for name, sub in endpoint.subresources.items()
        ]
    return entry


def _response_kind(endpoint: Endpoint, kind: str) -> dict[str, str]:
    if endpoint.custom is not None:
        return {"group": endpoint.group, "version": endpoint.version, "kind": kind}
    return {"group": "", "version": "", "kind": kind}


# --- the server itself


def version(request: Request) -> Response:
    """GET /version."""
    major, minor = VERSION.removeprefix("v").split(".")[:2]
    body = {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }
    return _answer(request, body)


def health() -> Response:
    """GET /healthz, /livez, /readyz."""
    return Response(200, (("content-type", PLAIN),), b"ok")


def root(request: Request, state: State, config: Config) -> Response:
    """GET /: every path that has something to say."""
    paths = set(config.registry.paths)
    for one in resources.customs(state, config.server):
        paths |= {f"/apis/{one.group}", f"/apis/{one.group}/{one.version}"}
    return _answer(request, {"paths": sorted(paths)})
