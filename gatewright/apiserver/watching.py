"""Watches: an open watch is a value, `pump` gives its next lines from a State.

The runtime pumps whenever the state changes and at `Watch.wake_at`; the simulator does the same in virtual time.
Nothing is kept between two
pumps but the Watch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gatewright.apiserver import resources, tables, views
from gatewright.apiserver.answers import Refused, encode, expired
from gatewright.apiserver.config import Config
from gatewright.apiserver.negotiation import Form, go_type
from gatewright.apiserver.reading import Selection, selection
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import Event, State, Stored, Table
from gatewright.apiserver.targets import ListOptions, parse_version
from gatewright.core.clock import Now
from gatewright.core.http import Pairs, Request
from gatewright.core.objects import Object, metadata, uid

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Watch:
    """An open watch.

    cursor:   sequence number of the next event of the table's log
    after:    events up to this version are not told
    initial:  the objects to tell first (None: none, or told already)
    mark_end: a bookmark ends the initial events
    next_bookmark, deadline: monotonic seconds; next_bookmark is infinite where the client wants none
    crd:      uid of the CRD that serves the resource, "" for built-in kinds: the watch ends when it goes
    """

    endpoint: Endpoint
    selection: Selection
    form: Form
    include: str
    cursor: int
    after: int
    initial: Table | None
    mark_end: bool
    bookmarks: bool
    next_bookmark: float
    deadline: float
    period: float
    server: str
    crd: str
    too_old: int | None = None
    columns_told: bool = False
    status: int = 200
    headers: Pairs = (("content-type", "application/json"),)

    @property
    def storage(self) -> str:
        """The table whose changes concern this watch."""
        return self.endpoint.storage

    def wake_at(self) -> float:
        """The monotonic time at which it must be pumped even if nothing changes."""
        return min(self.deadline, self.next_bookmark)


def open_watch(
    state: State,
    endpoint: Endpoint,
    namespace: str,
    options: ListOptions,
    request: Request,
    form: Form,
    now: Now,
    config: Config,
) -> Watch:
    """A new watch, or a refusal."""
    chosen = selection(endpoint, namespace, options)
    if form.shape == "PartialObjectMetadataList":
        shown = "*unstructured.Unstructured" if endpoint.custom else go_type(endpoint.group, endpoint.kind)
        raise Refused(
            406, "NotAcceptable", f"you requested {form.shape}, but the requested object is not a list ({shown})"
        )
    asked = parse_version(options.version, listing=False)
    table = state.table(endpoint.storage)
    streaming = bool(options.initial_events)
    initial = table if streaming or (asked == 0 and options.initial_events is None) else None
    cursor, after, too_old = table.next, state.version, None
    if initial is None and asked:
        if asked < table.oldest:
            too_old = asked
        cursor, after = (table.next, asked) if too_old else (table.after(asked), asked)
    timeout = options.timeout if options.timeout else config.timing.watch_timeout
    deadline = now.monotonic + timeout
    period = config.timing.bookmarks
    first = min(now.monotonic + period, deadline - 2) if options.bookmarks else float("inf")
    crd = state.view(resources.view_of(config.server), endpoint.group_resource) if endpoint.custom else None
    return Watch(
        endpoint=endpoint,
        selection=chosen,
        form=form,
        include=tables.include_of(request.argument("includeObject")),
        cursor=cursor,
        after=after,
        initial=initial,
        mark_end=streaming and options.bookmarks,
        bookmarks=options.bookmarks,
        next_bookmark=first if first > now.monotonic else float("inf"),
        deadline=deadline,
        period=period,
        server=config.server,
        crd=uid(crd.thing) if crd is not None else "",
        too_old=too_old,
    )


def pump(watch: Watch, state: State, now: Now) -> tuple[Watch, tuple[bytes, ...], bool]:
    """The watch afterwards, the lines to send now, and whether the stream ends."""
    if watch.too_old is not None:
        return watch, (_expired_line(watch.too_old, state.table(watch.storage).oldest),), True
    lines: list[bytes] = []
    if watch.initial is not None:
        watch = _tell_initial(watch, lines, now)
    table = state.table(watch.storage)
    if watch.cursor < table.first:
        lines.append(_expired_line(watch.after, table.oldest))
        return watch, tuple(lines), True
    told = watch.columns_told
    for number in range(watch.cursor, table.next):
        event = table.events[number]
        if event.version > watch.after:
            told = _tell(watch, event, lines, now, told)
    watch = replace(watch, cursor=table.next, columns_told=told) if watch.cursor != table.next else watch
    if watch.crd and not _still_served(watch, state):
        return watch, tuple(lines), True
    if now.monotonic >= watch.deadline:
        return watch, tuple(lines), True
    if now.monotonic >= watch.next_bookmark:
        lines.append(_bookmark(watch, state.version, {}))
        following = now.monotonic + watch.period
        ending = watch.deadline - 2
        if following > ending:
            following = ending if ending > now.monotonic else float("inf")
        watch = replace(watch, next_bookmark=following)
    return watch, tuple(lines), False


def _still_served(watch: Watch, state: State) -> bool:
    stored = state.view(resources.view_of(watch.server), watch.endpoint.group_resource)
    return stored is not None and uid(stored.thing) == watch.crd


def _tell_initial(watch: Watch, lines: list[bytes], now: Now) -> Watch:
    table, told = watch.initial, watch.columns_told
    assert table is not None
    for stored in table.all(watch.selection.namespace):
        if watch.selection.matches(stored, watch.endpoint):
            lines.append(_line(watch, "ADDED", stored, now, told))
            told = True
    if watch.mark_end:
        lines.append(_bookmark(watch, watch.after, {INITIAL_EVENTS_END: "true"}))
    return replace(watch, initial=None, columns_told=told)


def _tell(watch: Watch, event: Event, lines: list[bytes], now: Now, told: bool) -> bool:
    chosen, endpoint = watch.selection, watch.endpoint
    if chosen.namespace and event.last.key[1] != chosen.namespace:
        return told
    was = event.before is not None and chosen.matches(event.before, endpoint)
    stays = event.after is not None and chosen.matches(event.after, endpoint)
    if stays:
        lines.append(_line(watch, "MODIFIED" if was else "ADDED", event.last, now, told))
    elif was:
        lines.append(_line(watch, "DELETED", _as_left(event), now, told))
    return told or was or stays


def _as_left(event: Event) -> Stored:
    """The last object that was selected, at the version in which it went."""
    if event.after is None or event.before is None:
        return event.last
    found: Stored | None = event.last.memo.get("left")
    if found is None:
        thing = event.before.thing
        left = {**thing, "metadata": {**metadata(thing), "resourceVersion": str(event.version)}}
        found = event.last.memo["left"] = Stored(event.before.key, left, event.version)
    return found


def _line(watch: Watch, kind: str, stored: Stored, now: Now, told: bool) -> bytes:
    form, endpoint = watch.form, watch.endpoint
    if not form.shape:
        return b'{"type":"%s","object":%s}\n' % (kind.encode(), views.json_of(stored, endpoint))
    thing = views.thing_of(stored, endpoint)
    shown: Any
    if form.shape == "Table":
        row = tables.row(thing, endpoint, now, watch.include, form.version)
        meta = {"resourceVersion": str(stored.version)}
        shown = tables.table([row], None if told else tables.columns(endpoint), meta, form.version)
    else:
        shown = views.partial(thing, form.version)
    return encode({"type": kind, "object": shown}) + b"\n"


def _bookmark(watch: Watch, version: int, annotations: dict[str, str]) -> bytes:
    meta: dict[str, Any] = {"resourceVersion": str(version)}
    if annotations:
        meta["annotations"] = annotations
    endpoint, form = watch.endpoint, watch.form
    thing: Object = {"kind": endpoint.kind, "apiVersion": endpoint.api_version, "metadata": meta}
    if form.shape == "Table":
        thing = tables.table([], None, {"resourceVersion": str(version), **meta}, form.version)
    elif form.shape:
        thing = views.partial(thing, form.version)
    return encode({"type": "BOOKMARK", "object": thing}) + b"\n"


def _expired_line(asked: int, oldest: int) -> bytes:
    error = expired(f"too old resource version: {asked} ({oldest})")
    return encode({"type": "ERROR", "object": error.status()}) + b"\n"
