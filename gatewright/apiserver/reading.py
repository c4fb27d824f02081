"""Get and list: selectors, resource versions, pages, and the forms of answers. Pure functions of a State; `handling`
is the caller."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from gatewright.apiserver import tables, views
from gatewright.apiserver.answers import (
    Refused,
    bad_request,
    document,
    encode,
    expired,
    not_found,
    too_large_version,
)
from gatewright.apiserver.go_json import syntax_fault
from gatewright.apiserver.negotiation import Form, go_type
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import Key, State, Stored, Table
from gatewright.apiserver.targets import ListOptions, parse_version
from gatewright.core.clock import Now
from gatewright.core.http import Pairs, Request, Response
from gatewright.core.objects import Object, labels, metadata
from gatewright.core.selectors import FieldSelector, LabelSelector, SelectorError, parse_fields, parse_labels


def get(state: State, endpoint: Endpoint, key: Key, request: Request, form: Form, now: Now) -> Response:
    """One object, or 404."""
    asked = parse_version(request.argument("resourceVersion"))
    if asked > state.version:
        raise too_large_version(asked, state.version)
    stored = state.get(key)
    if stored is None:
        raise not_found(endpoint.group, endpoint.plural, key[2])
    if not form.shape and form.media == "application/json":
        return Response(200, _JSON, views.json_of(stored, endpoint))
    return answer(200, views.thing_of(stored, endpoint), endpoint, request, form, now)


_JSON: Pairs = (("content-type", "application/json"),)


def answer(
    status: int, thing: Object, endpoint: Endpoint, request: Request, form: Form, now: Now, headers: Pairs = ()
) -> Response:
    """An object in the form that the client asked for."""
    if form.shape == "Table":
        include = tables.include_of(request.argument("includeObject"))
        row = tables.row(thing, endpoint, now, include, form.version)
        meta = {"resourceVersion": metadata(thing).get("resourceVersion") or ""}
        return render(status, tables.table([row], tables.columns(endpoint), meta, form.version), form, headers)
    if form.shape == "PartialObjectMetadata":
        return render(status, views.partial(thing, form.version), form, headers)
    if form.shape:
        text = (
            f"you requested {form.shape}, but the requested object is not a list ({_go_type(endpoint, endpoint.kind)})"
        )
        raise Refused(406, "NotAcceptable", text)
    return render(status, thing, form, headers)


def render(status: int, body: Any, form: Form, headers: Pairs = ()) -> Response:
    """A body as JSON or YAML."""
    if form.media == "application/yaml":
        return Response(status, (("content-type", form.media), *headers), _yaml(body))
    return document(status, body, headers)


def _yaml(body: Any) -> bytes:
    plain = msgspec.json.decode(encode(body))
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(
        plain, Dumper=dumper, default_flow_style=False, allow_unicode=True, sort_keys=True, width=1 << 30
    )
    return text.encode()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a list, watch or collection delete is about."""

    namespace: str
    labels: LabelSelector
    fields: FieldSelector

    def matches(self, stored: Stored, endpoint: Endpoint) -> bool:
        """Whether an object is meant; the namespace is that of its key."""
        if self.namespace and stored.key[1] != self.namespace:
            return False
        if not self.labels.empty and not self.labels.matches(labels(stored.thing)):
            return False
        if self.fields.empty:
            return True
        thing = views.thing_of(stored, endpoint)
        return self.fields.matches(lambda field: views.field_value(thing, field))

    @property
    def everything(self) -> bool:
        return self.labels.empty and self.fields.empty


def selection(endpoint: Endpoint, namespace: str, options: ListOptions) -> Selection:
    """The selectors of the options, or a 400."""
    try:
        by_labels = parse_labels(options.label_selector)
        by_fields = parse_fields(options.field_selector)
    except SelectorError as error:
        raise bad_request(error.what) from None
    for requirement in by_fields.requirements:
        refusal = views.field_refusal(endpoint, requirement.field)
        if refusal:
            raise bad_request(refusal)
    return Selection(namespace, by_labels, by_fields)


@dataclass(frozen=True, slots=True)
class _Page:
    items: Sequence[Stored]
    version: int
    token: str = ""
    remaining: int | None = None


def list_objects(
    state: State, endpoint: Endpoint, namespace: str, options: ListOptions, request: Request, form: Form, now: Now
) -> Response:
    """A list, or one page of it."""
    chosen = selection(endpoint, namespace, options)
    if form.shape == "PartialObjectMetadata":
        shown = "*unstructured.UnstructuredList" if endpoint.custom else go_type(endpoint.group, endpoint.list_kind)
        text = f"you requested PartialObjectMetadata, but the requested object is a list ({shown})"
        raise Refused(406, "NotAcceptable", text)
    page = _page(state, endpoint, chosen, options)
    if not form.shape and form.media == "application/json":
        return Response(200, _JSON, list_body(page.items, endpoint, _meta(page, endpoint)))
    things = [views.thing_of(stored, endpoint) for stored in page.items]
    if form.shape == "Table":
        include = tables.include_of(request.argument("includeObject"))
        rows = [tables.row(thing, endpoint, now, include, form.version) for thing in things]
        body: Any = tables.table(rows, tables.columns(endpoint), _meta(page, None), form.version)
    elif form.shape:
        body = {
            "kind": form.shape,
            "apiVersion": f"meta.k8s.io/{form.version}",
            "metadata": _meta(page, None),
            "items": [views.partial(thing, form.version) for thing in things],
        }
    else:
        body = msgspec.json.decode(list_body(page.items, endpoint, _meta(page, endpoint)))
    return render(200, body, form)


def _meta(page: _Page, endpoint: Endpoint | None) -> dict[str, Any]:
    meta: dict[str, Any] = {"resourceVersion": str(page.version)}
    if page.token or (endpoint is not None and endpoint.custom is not None):
        meta["continue"] = page.token
    if page.remaining:
        meta["remainingItemCount"] = page.remaining
    return meta


def list_body(items: Iterable[Stored], endpoint: Endpoint, meta: dict[str, Any]) -> bytes:
    """The JSON of a list, of the objects' kept encodings."""
    head = {"kind": endpoint.list_kind, "apiVersion": endpoint.api_version, "metadata": meta}
    body = b",".join([views.item_of(stored, endpoint) for stored in items])
    return b"".join((encode(head)[:-1], b',"items":[', body, b"]}"))


def _page(state: State, endpoint: Endpoint, chosen: Selection, options: ListOptions) -> _Page:
    table, limit = state.table(endpoint.storage), max(0, options.limit)
    asked = parse_version(options.version)
    if options.token:
        return _continued(state, table, endpoint, chosen, options, limit)
    if asked > state.version:
        raise too_large_version(asked, state.version)
    if asked and (options.match == "Exact" or (limit and not options.match)):
        past = table_at(table, asked)
        if past is None:
            raise expired("The resourceVersion for the provided list is too old.")
        return _cut(past, endpoint, chosen, limit, asked, ("", ""))
    if options.version == "0":
        limit = 0  # served from memory, which knows no pages
    return _cut(table, endpoint, chosen, limit, state.version, ("", ""))


def _cut(
    table: Table, endpoint: Endpoint, chosen: Selection, limit: int, version: int, after: tuple[str, str], told: int = 0
) -> _Page:
    items: list[Stored] = []
    order = table.order
    if chosen.namespace:
        order = tuple(key for key in order if key[0] == chosen.namespace)
    start = 0
    if after != ("", ""):
        start = next((index for index, key in enumerate(order) if key > after), len(order))
    for index in range(start, len(order)):
        stored = table.objects[order[index]]
        if not chosen.matches(stored, endpoint):
            continue
        items.append(stored)
        if limit and len(items) == limit:
            left = len(order) - index - 1
            if not left:
                break
            token = _token(told or version, order[index], endpoint.namespaced)
            return _Page(items, version, token, left if chosen.everything else None)
    return _Page(items, version)


def table_at(table: Table, version: int) -> Table | None:
    """The objects as they were at a version; None where the log does not reach back so far."""
    if version < table.oldest:
        return None
    objects = table.objects
    for number in range(table.next - 1, table.after(version) - 1, -1):
        event = table.events[number]
        name = event.last.key[1:]
        objects = objects.discard(name) if event.before is None else objects.insert(name, event.before)
    return Table(objects, table.events, table.first, table.next, table.since)


# --- continue tokens


def _token(version: int, last: tuple[str, str], namespaced: bool) -> str:
    start = "/".join(last) if namespaced else last[1]
    body = encode({"v": "meta.k8s.io/v1", "rv": version, "start": f"{start}\u0000"})
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def _continued(
    state: State, table: Table, endpoint: Endpoint, chosen: Selection, options: ListOptions, limit: int
) -> _Page:
    version, after = _read_token(options.token, endpoint.namespaced)
    if options.version not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    if version < 0:
        return _cut(table, endpoint, chosen, limit, state.version, after)
    past = table_at(table, version) if version <= state.version else None
    if past is None:
        error = expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list"
            " without the continue parameter, or use the continue token in this response to retrieve the remainder of"
            " the results. Continuing with the provided token results in an inconsistent list - objects that were"
            " created, modified, or deleted between the time the first chunk was returned and now may show up in the"
            " list."
        )
        error.metadata = {"continue": _token(-1, after, endpoint.namespaced)}
        raise error
    return _cut(past, endpoint, chosen, limit, version, after)


def _read_token(text: str, namespaced: bool) -> tuple[int, tuple[str, str]]:
    raw, fault = b"", ""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        fault = syntax_fault(raw)
    except (binascii.Error, ValueError):
        fault = f"illegal base64 data at input byte {max(0, len(text) - 1)}"
    if fault:
        raise bad_request(f"invalid continue token: continue key is not valid: {fault}")
    body = msgspec.json.decode(raw)
    if not isinstance(body, dict) or body.get("v") != "meta.k8s.io/v1":
        raise bad_request(
            "invalid continue token: continue key is not valid: server does not recognize this encoded version"
        )
    version, start = body.get("rv"), str(body.get("start") or "").rstrip("\u0000")
    if not isinstance(version, int) or version == 0:
        told = "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"
        raise bad_request(f"invalid continue token: continue key is not valid: {told}")
    namespace, _, name = start.partition("/") if namespaced else ("", "", start)
    return version, (namespace, name)


def _go_type(endpoint: Endpoint, kind: str) -> str:
    return "*unstructured.Unstructured" if endpoint.custom else go_type(endpoint.group, kind)
