"""Every request to a Kubernetes API as a `core.http.Request` value.

Called by `reconcile` (intents, informers, leases), by control's probes through `reconcile`, and by `client`. Nothing is
sent here and no answer is read (see `statuses` and `listwatch`). Bodies are JSON; so is the body of an apply (JSON is
YAML).

Rules from the Kubernetes API and measured on a real server:
- a DELETE carries everything in its DeleteOptions body: beside a body the query is ignored, so `?dryRun=All` would
  really delete;
- an apply without fieldManager is refused (422), and `force` only silences conflicts of owners;
- sendInitialEvents needs resourceVersionMatch=NotOlderThan, and allowWatchBookmarks for the end mark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gatewright.core.http import Pairs, Request
from gatewright.core.objects import Name, Object, Resource

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"

_ACCEPT = ("accept", JSON)
_DRY_RUN = ("dryRun", "All")


def encode(value: Any) -> bytes:
    """A JSON value as bytes, in the order of its keys. Mappings that are no dicts are taken as they iterate."""
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no JSON value: {type(value).__name__}")


# --- reading


def get(resource: Resource, name: Name, *, subresource: str = "", resource_version: str = "") -> Request:
    """One object, read live unless resource_version is "0"."""
    query = _present(("resourceVersion", resource_version))
    return Request("GET", resource.path(name.namespace, name.name, subresource), query, (_ACCEPT,))


def list_page(
    resource: Resource,
    namespace: str = "",
    *,
    limit: int = 0,
    token: str = "",
    label_selector: str = "",
    field_selector: str = "",
    resource_version: str = "",
    match: str = "",
) -> Request:
    """A page of a collection. token: `metadata.continue` of the page before (then no resourceVersion may be named)."""
    query = _present(
        ("limit", str(limit) if limit else ""),
        ("continue", token),
        ("labelSelector", label_selector),
        ("fieldSelector", field_selector),
        ("resourceVersion", "" if token else resource_version),
        ("resourceVersionMatch", "" if token else match),
    )
    return Request("GET", resource.path(namespace), query, (_ACCEPT,))


def watch(
    resource: Resource,
    namespace: str = "",
    *,
    resource_version: str = "",
    timeout: int = 0,
    bookmarks: bool = True,
    initial: bool = False,
    label_selector: str = "",
    field_selector: str = "",
) -> Request:
    """A watch. timeout: seconds until the server closes the stream; initial: a streaming list (ADDED for each, then a
    marked bookmark).
    """
    query = _present(
        ("watch", "true"),
        ("resourceVersion", resource_version),
        ("timeoutSeconds", str(timeout) if timeout else ""),
        ("allowWatchBookmarks", "true" if bookmarks or initial else ""),
        ("sendInitialEvents", "true" if initial else ""),
        ("resourceVersionMatch", "NotOlderThan" if initial else ""),
        ("labelSelector", label_selector),
        ("fieldSelector", field_selector),
    )
    return Request("GET", resource.path(namespace), query, (_ACCEPT,))


# --- writing


def create(resource: Resource, fields: Object, *, manager: str = "", dry_run: bool = False) -> Request:
    """POST to the collection of the object's namespace. The body must not carry a resourceVersion (500)."""
    query = _write_query(manager, dry_run)
    return Request("POST", resource.path(Name.of(fields).namespace), query, _typed(JSON), encode(fields))


def apply(
    resource: Resource,
    fields: Object,
    *,
    manager: str,
    subresource: str = "",
    force: bool = True,
    dry_run: bool = False,
) -> Request:
    """Server-side apply of the fields as they stand: metadata.uid and metadata.resourceVersion in them are the
    fences.
    """
    name = Name.of(fields)
    query = (*_write_query(manager, dry_run), ("force", "true" if force else "false"))
    return Request("PATCH", resource.path(name.namespace, name.name, subresource), query, _typed(APPLY), encode(fields))


def replace(
    resource: Resource, thing: Object, *, manager: str = "", subresource: str = "", dry_run: bool = False
) -> Request:
    """PUT of a whole object, which must carry metadata.resourceVersion (422 without)."""
    name = Name.of(thing)
    path = resource.path(name.namespace, name.name, subresource)
    return Request("PUT", path, _write_query(manager, dry_run), _typed(JSON), encode(thing))


def json_patch(
    resource: Resource,
    name: Name,
    operations: Sequence[Mapping[str, Any]],
    *,
    manager: str = "",
    subresource: str = "",
    dry_run: bool = False,
) -> Request:
    """RFC 6902. A failing `test` answers 422 without details."""
    return _patch(JSON_PATCH, resource, name, list(operations), manager, subresource, dry_run)


def merge_patch(
    resource: Resource,
    name: Name,
    patch: Object,
    *,
    manager: str = "",
    subresource: str = "",
    dry_run: bool = False,
) -> Request:
    """RFC 7386."""
    return _patch(MERGE_PATCH, resource, name, patch, manager, subresource, dry_run)


def strategic_patch(
    resource: Resource,
    name: Name,
    patch: Object,
    *,
    manager: str = "",
    subresource: str = "",
    dry_run: bool = False,
) -> Request:
    """Kubernetes' strategic merge patch: built-in kinds only (415 for custom resources)."""
    return _patch(STRATEGIC_PATCH, resource, name, patch, manager, subresource, dry_run)


def delete(
    resource: Resource,
    name: Name,
    *,
    uid: str = "",
    resource_version: str = "",
    propagation: str = "",
    dry_run: bool = False,
    grace: int | None = None,
) -> Request:
    """DELETE with its preconditions, propagation and dry run in the body. grace: seconds, None for the kind's
    default.
    """
    options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
    preconditions = dict(_present(("uid", uid), ("resourceVersion", resource_version)))
    if preconditions:
        options["preconditions"] = preconditions
    if propagation:
        options["propagationPolicy"] = propagation
    if dry_run:
        options["dryRun"] = ["All"]
    if grace is not None:
        options["gracePeriodSeconds"] = grace
    return Request("DELETE", resource.path(name.namespace, name.name), (), _typed(JSON), encode(options))


# --- discovery


def discovery_groups() -> Request:
    """All groups and their versions (APIGroupList)."""
    return Request("GET", "/apis", (), (_ACCEPT,))


def discovery_resources(group: str, version: str) -> Request:
    """The resources of one group and version (APIResourceList); 404 text/plain where it isn't served."""
    return Request("GET", f"/apis/{group}/{version}" if group else f"/api/{version}", (), (_ACCEPT,))


def server_version() -> Request:
    """The server's version.Info; needs no permission beyond being known."""
    return Request("GET", "/version", (), (_ACCEPT,))


def _patch(
    media: str,
    resource: Resource,
    name: Name,
    body: Any,
    manager: str,
    subresource: str,
    dry_run: bool,
) -> Request:
    path = resource.path(name.namespace, name.name, subresource)
    return Request("PATCH", path, _write_query(manager, dry_run), _typed(media), encode(body))


def _write_query(manager: str, dry_run: bool) -> Pairs:
    return (*_present(("fieldManager", manager)), *((_DRY_RUN,) if dry_run else ()))


def _typed(media: str) -> Pairs:
    return (_ACCEPT, ("content-type", media))


def _present(*pairs: tuple[str, str]) -> Pairs:
    return tuple(pair for pair in pairs if pair[1])
