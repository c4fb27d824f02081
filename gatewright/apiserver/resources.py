"""Which resources the server serves: the built-in ones from the shipped table, custom ones from the CRDs that the
server has seen.

`handling` looks endpoints up by path, `discovery` lists them. What kinds mean (defaults, validation) is in `builtin`
and `crds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from gatewright.apiserver.crds import served as crds
from gatewright.apiserver.state import State, Stored
from gatewright.core.objects import dig

CRDS = "customresourcedefinitions.apiextensions.k8s.io"


@dataclass(frozen=True, slots=True)
class Subresource:
    name: str
    group: str
    version: str
    kind: str
    verbs: tuple[str, ...]


@dataclass(frozen=True)
class Endpoint:
    """One resource in one version.

    storage: where its objects are kept: the GroupResource string of the version that is stored
    columns: Table columns as they are answered; None for custom resources, whose CRD tells them
    custom:  the served version of the CRD; None for built-in resources
    """

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    storage: str
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    hash: str = ""
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    columns: tuple[Mapping[str, Any], ...] | None = None
    custom: crds.Served | None = None
    list_kind: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True)
class Registry:
    """The built-in resources.

    endpoints: in the order of discovery; groups: group -> versions in the order of preference; paths: what GET / lists
    """

    endpoints: tuple[Endpoint, ...]
    paths: tuple[str, ...]
    kept: dict[str, Any] = field(default_factory=dict, compare=False)  # what is made of these values, once

    @cached_property
    def by_path(self) -> dict[tuple[str, str, str], Endpoint]:
        return {(one.group, one.version, one.plural): one for one in self.endpoints}

    @cached_property
    def by_kind(self) -> dict[tuple[str, str, str], Endpoint]:
        """By group, version and kind."""
        return {(one.group, one.version, one.kind): one for one in self.endpoints}

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for one in self.endpoints:
            versions = found.setdefault(one.group, [])
            if one.version not in versions:
                versions.append(one.version)
        return {group: tuple(versions) for group, versions in found.items()}


_SHARED_STORAGE = {("events.k8s.io", "events"): "events"}


def registry(data: bytes) -> Registry:
    """The table that the shipped file builtin-resources.json holds."""
    read = msgspec.json.decode(data)
    texts = read["texts"]
    endpoints = []
    for one in read["resources"]:
        columns = tuple(
            {**{key: value for key, value in column.items() if key != "text"}, "description": texts[column["text"]]}
            for column in one.get("columns", ())
        )
        plural, group = one["plural"], one["group"]
        subresources = {
            sub["name"]: Subresource(
                sub["name"], sub["kind"]["group"], sub["kind"]["version"], sub["kind"]["kind"], tuple(sub["verbs"])
            )
            for sub in one.get("sub", ())
        }
        endpoints.append(
            Endpoint(
                group=group,
                version=one["version"],
                plural=plural,
                singular=one["singular"],
                kind=one["kind"],
                namespaced=one["namespaced"],
                verbs=tuple(one["verbs"]),
                storage=_SHARED_STORAGE.get((group, plural), f"{plural}.{group}" if group else plural),
                short=tuple(one.get("short", ())),
                categories=tuple(one.get("categories", ())),
                hash=one.get("hash", ""),
                subresources=subresources,
                columns=columns,
                list_kind=f"{one['kind']}List",
            )
        )
    return Registry(tuple(endpoints), tuple(read["paths"]))


CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


def custom(state: State, server: str, group: str, version: str, plural: str) -> Endpoint | None:
    """The endpoint of a custom resource as this server knows it now, None where it serves none."""
    stored = state.view(view_of(server), f"{plural}.{group}")
    if stored is None:
        return None
    return endpoints_of(stored).get(version)


def endpoints_of(crd: Stored) -> dict[str, Endpoint]:
    """The endpoints of a CRD by version, in order of preference; kept beside the CRD."""
    found: dict[str, Endpoint] | None = crd.memo.get("endpoints")
    if found is None:
        found = crd.memo["endpoints"] = _made_endpoints(crd.thing)
    return found


def customs(state: State, server: str) -> tuple[Endpoint, ...]:
    """All custom endpoints, by CRD name, versions in order of preference."""
    every: list[Endpoint] = []
    view = view_of(server)
    for name in state.view_names(view):
        stored = state.view(view, name)
        if stored is not None:
            every.extend(endpoints_of(stored).values())
    return tuple(every)


def view_of(server: str) -> str:
    """The name of a server's view of the CRDs."""
    return f"{server}/crds"


def condition(crd: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """A condition of a CRD, {} where it has none."""
    for one in dig(crd, "status", "conditions") or ():
        if one.get("type") == kind:
            return dict(one)
    return {}


def _made_endpoints(crd: Mapping[str, Any]) -> dict[str, Endpoint]:
    accepted = condition(crd, "NamesAccepted").get("status") == "True"
    established = condition(crd, "Established").get("status") == "True"
    if not accepted and not established:
        return {}
    group, names = crd["spec"]["group"], crd["spec"]["names"]
    plural, kind = names["plural"], names["kind"]
    made = {}
    for one in crds.served_versions(crd):
        subresources = {}
        if one.status_subresource:
            subresources["status"] = Subresource("status", group, one.version, kind, ("get", "patch", "update"))
        if one.scale:
            subresources["scale"] = Subresource("scale", "autoscaling", "v1", "Scale", ("get", "patch", "update"))
        made[one.version] = Endpoint(
            group=group,
            version=one.version,
            plural=plural,
            singular=names.get("singular") or kind.lower(),
            kind=kind,
            namespaced=crd["spec"]["scope"] == "Namespaced",
            verbs=CUSTOM_VERBS,
            storage=f"{plural}.{group}",
            short=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            subresources=subresources,
            custom=one,
            list_kind=names.get("listKind") or f"{kind}List",
        )
    return made
