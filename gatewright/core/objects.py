"""Kubernetes objects as plain JSON values, and the names by which they are found.

Objects are `Mapping[str, Any]` and immutable by contract: whoever changes one copies along the path. Records of our
own kinds are in `kinds`; this module knows only what all objects share (apiVersion, kind, metadata).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A group, version and kind; the core group is ""."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @staticmethod
    def of(thing: Object) -> Kind:
        """The kind that an object says it has; missing fields read as ""."""
        group, version = split_api_version(str(thing.get("apiVersion") or ""))
        return Kind(group, version, str(thing.get("kind") or ""))


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """Where objects of one kind are served: /apis/<group>/<version>[/namespaces/<ns>]/<plural>."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a collection, an object or a subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            root += f"/namespaces/{namespace}"
        parts = [root, self.plural, name, subresource]
        return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """An object's name within its resource; namespace is "" for cluster-scoped objects."""

    namespace: str
    name: str

    @staticmethod
    def of(thing: Object) -> Name:
        meta = metadata(thing)
        return Name(str(meta.get("namespace") or ""), str(meta.get("name") or ""))

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def split_api_version(api_version: str) -> tuple[str, str]:
    """'apps/v1' -> ('apps', 'v1'); 'v1' -> ('', 'v1')."""
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", group)


def metadata(thing: Object) -> Mapping[str, Any]:
    found = thing.get("metadata")
    return found if isinstance(found, Mapping) else {}


def uid(thing: Object) -> str:
    return str(metadata(thing).get("uid") or "")


def resource_version(thing: Object) -> str:
    return str(metadata(thing).get("resourceVersion") or "")


def generation(thing: Object) -> int:
    return int(metadata(thing).get("generation") or 0)


def labels(thing: Object) -> Mapping[str, str]:
    found = metadata(thing).get("labels")
    return found if isinstance(found, Mapping) else {}


def annotation(thing: Object, key: str) -> str:
    """One annotation's value, "" where there is none."""
    found = metadata(thing).get("annotations")
    return str(found.get(key) or "") if isinstance(found, Mapping) else ""


def deleting(thing: Object) -> bool:
    return bool(metadata(thing).get("deletionTimestamp"))


def owner_uids(thing: Object) -> tuple[str, ...]:
    return tuple(str(ref.get("uid") or "") for ref in metadata(thing).get("ownerReferences") or ())


def dig(thing: Any, *path: str | int) -> Any:
    """The value at a path of keys and indexes, or None where a step is missing or of another type."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(thing, list | tuple) or not -len(thing) <= step < len(thing):
                return None
            thing = thing[step]
        else:
            if not isinstance(thing, Mapping):
                return None
            thing = thing.get(step)
    return thing
