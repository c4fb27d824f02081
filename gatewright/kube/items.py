"""Objects on the wire: pages of lists and lines of watch streams taken apart without decoding the objects in them.

Called by `listwatch`. An `Item` keeps an object's own JSON bytes and the few fields by which caches find it; decoding
the whole is left to whoever reads the object (`reconcile.caches`). Items of built-in lists come without apiVersion and
kind: they are put in here, so that bytes are always a complete object.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from gatewright.core.objects import Name, Resource
from gatewright.kube.nesting import split_list, too_deep

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Malformed(ValueError):
    """Bytes of a page or an event that can't be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Item:
    """An object as cached. version: metadata.resourceVersion; labels sorted by key; raw: the complete object as
    JSON.
    """

    name: Name
    uid: str
    version: str
    labels: tuple[tuple[str, str], ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """version: the list's resourceVersion; token: `metadata.continue`, "" on the last page; skipped: how many objects
    were left out because they nest too deeply.
    """

    version: str
    token: str
    items: tuple[Item, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """type: ADDED, MODIFIED, DELETED, BOOKMARK, ERROR, or SKIPPED for an object that nests too deeply. item: but for
    ERROR, whose Status is in `raw`, and SKIPPED. ends_initial: marked bookmark.
    """

    type: str
    item: Item | None
    raw: bytes
    ends_initial: bool = False


def ordinal(version: str) -> int | None:
    """A resourceVersion as a number, or None for one that can't be compared (KEP-5504: decimal, without leading
    zeros).
    """
    return int(version) if version.isascii() and version.isdigit() else None


def behind(version: str, seen: str) -> bool:
    """Whether a version is certainly older than one that was seen."""
    one, other = ordinal(version), ordinal(seen)
    return one is not None and other is not None and one < other


# --- reading


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""  # noqa: N815 (the wire's name)
    labels: dict[str, str] | None = None


class _Annotated(msgspec.Struct):
    annotations: dict[str, str] | None = None


class _Bookmark(msgspec.Struct):
    metadata: _Annotated


class _Head(msgspec.Struct):
    metadata: _Meta
    kind: str = ""
    apiVersion: str = ""  # noqa: N815


class _ListMeta(msgspec.Struct):
    resourceVersion: str = ""  # noqa: N815
    token: str = msgspec.field(name="continue", default="")


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Line(msgspec.Struct):
    type: str
    object: msgspec.Raw


_HEADS = msgspec.json.Decoder(_Head)
_LISTS = msgspec.json.Decoder(_List)
_LINES = msgspec.json.Decoder(_Line)
_BOOKMARKS = msgspec.json.Decoder(_Bookmark)


def read_item(raw: bytes, resource: Resource) -> Item:
    """An object's bytes as an Item of this resource. Raises Malformed."""
    return _item(_head(raw), raw, resource)


def read_page(body: bytes, resource: Resource) -> Page:
    """One answer to a list request. Raises Malformed."""
    try:
        page = _LISTS.decode(body)
        raws = [bytes(raw) for raw in page.items or ()]
    except RecursionError:
        rest, raws = split_list(body)
        page = _without_items(rest)
    except msgspec.MsgspecError as error:
        raise Malformed(f"not a list: {error}") from error
    if not page.metadata.resourceVersion:
        raise Malformed("a list without a resourceVersion")
    fit = [raw for raw in raws if not too_deep(raw)]
    items = tuple(read_item(raw, resource) for raw in fit)
    return Page(page.metadata.resourceVersion, page.metadata.token, items, len(raws) - len(fit))


def read_event(line: bytes, resource: Resource) -> Event:
    """One line of a watch stream. Raises Malformed."""
    if too_deep(line):
        return Event("SKIPPED", None, b"")
    try:
        event = _LINES.decode(line)
    except msgspec.MsgspecError as error:
        raise Malformed(f"not a watch event: {error}") from error
    raw = bytes(event.object)
    if event.type == "ERROR":
        return Event("ERROR", None, raw)
    if event.type not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
        raise Malformed(f"unknown watch event {event.type!r:.40}")
    ends = event.type == "BOOKMARK" and _ends_initial(raw)
    return Event(event.type, _item(_head(raw), raw, resource), raw, ends)


def _without_items(body: bytes) -> _List:
    try:
        return _LISTS.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Malformed(f"not a list: {error}") from error


def _ends_initial(raw: bytes) -> bool:
    try:
        annotations = _BOOKMARKS.decode(raw).metadata.annotations or {}
    except msgspec.MsgspecError as error:
        raise Malformed(f"not a bookmark: {error}") from error
    return annotations.get(INITIAL_EVENTS_END) == "true"


def _head(raw: bytes) -> _Head:
    try:
        return _HEADS.decode(raw)
    except msgspec.MsgspecError as error:
        raise Malformed(f"not an object: {error}") from error


def _item(head: _Head, raw: bytes, resource: Resource) -> Item:
    if not head.kind or not head.apiVersion:
        raw = _completed(raw, resource, head)
    meta = head.metadata
    labels = tuple(sorted(meta.labels.items())) if meta.labels else ()
    return Item(Name(meta.namespace, meta.name), meta.uid, meta.resourceVersion, labels, raw)


def _completed(raw: bytes, resource: Resource, head: _Head) -> bytes:
    lead = b""
    if not head.apiVersion:
        lead += b'"apiVersion":' + msgspec.json.encode(resource.api_version) + b","
    if not head.kind:
        lead += b'"kind":' + msgspec.json.encode(resource.kind) + b","
    return b"{" + lead + raw.lstrip()[1:]
