"""List-and-watch, the protocol of an informer, as a state machine value.

Driven by `reconcile.informing`, which owns the cache, carries the actions out and calls `step` with what came back.
Everything that decides what an informer does next is in this file; reading bytes is `items`' work, waiting is
arithmetic on the `now` that is handed in.

Theory of operation
-------------------
    IDLE       made, not started
    LISTING    a page is asked for; what came so far is gathered aside
    STREAMING  a streaming list is open (sendInitialEvents); what came so far is gathered aside
    WATCHING   a watch is open; each event is a change
    WAITING    nothing is open; at `until` goes on with what `resume` says (LISTING or WATCHING)
    STOPPED    for good

              Start                      last page                     clean close (reopened at `seen`)
        IDLE ------> LISTING ------------------------------> WATCHING <---+
                       |   ^  pages                           |   |  `---+
                       |   `-- WAITING <-- refused, lost -----+   |
                       v        ^                                 | 410 (event or answer): LISTING
                    STREAMING --+-- marked bookmark: WATCHING <---'

* A list is gathered aside and handed over whole (`Replaced`): whoever reads the cache sees the state before or the
  state after, and an object that is missing from it was deleted while nobody watched.
* `seen` is the newest resourceVersion that this machine knows the state of: of the list, of each event, of each
  bookmark. Versions of one server are compared as numbers (KEP-5504); one that is no number is never called old.
* Never back in time, silently. An event at or before `seen` repeats what is known and is dropped. A list behind `seen`
  (we reached an older API server) is dropped whole and asked for again, while the cache keeps what it has. Only after
  PATIENCE seconds is such a list taken (etcd was restored from a backup), and that is told (`Noticed("regressed")`).
* A server that no longer serves the kind (404, mostly plain text) makes the cache's completeness unknown (`Unsynced`):
  it is listed anew once it is served. The objects stay in the cache until then.
* Streaming lists are given up for pages for the life of the machine when the server refuses them (400, 422) or ignores
  them (no mark in time).
* A watch is closed by the server after `timeoutSeconds`. One that lives 15 s longer, or is silent for SILENCE seconds
  although this server sends bookmarks (about one a minute), is dead: hung up and reopened at `seen`.
* Waiting after failures: decorrelated jitter, a server's Retry-After as the least. A good answer resets it.
* An object that nests too deeply to be decoded is left out and told; it must not stop its whole kind. Seen in a watch,
  where it can't be told which object it is, it brings about a new list.
* An event that a state has no transition for is ignored: it belongs to a channel that was hung up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from rpds import HashTrieMap

from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name
from gatewright.kube import requests, statuses
from gatewright.kube.backoff import next_delay
from gatewright.kube.informer_events import (
    Answer,
    Ask,
    Closed,
    Data,
    HangUp,
    Incoming,
    Noticed,
    Open,
    Outgoing,
    Put,
    Removed,
    Replaced,
    Start,
    Stop,
    Target,
    Tick,
    Unsynced,
)
from gatewright.kube.items import Item, Malformed, behind, read_event, read_page

PAGE = 250  # objects asked for at once: a page is read in a few milliseconds
PATIENCE = 60.0  # seconds that lists behind `seen` are refused
SILENCE = 150.0
STREAM_PATIENCE = 10.0  # seconds without a line before a streaming list without its mark is given up
SHORTEST = 1.0  # a watch that closes sooner without an event counts as a failure
LONG_LIFE = 10.0
LATEST = 15.0  # seconds after its own timeout that a watch may live
UNSERVED_CAP = 5.0  # seconds: a kind not served yet is asked for more often than a failing server
TOO_DEEP = "an object that nests too deeply is left out"
LONGEST_LINE = 64 * 1024 * 1024

Draw = Callable[[int], float]  # how often -> a number in [0, 1)


class State(Enum):
    IDLE = "idle"
    LISTING = "listing"
    STREAMING = "streaming"
    WATCHING = "watching"
    WAITING = "waiting"
    STOPPED = "stopped"


Step = tuple["ListWatch", tuple[Outgoing, ...]]


@dataclass(frozen=True, slots=True)
class ListWatch:
    """One informer's protocol state. Times are monotonic seconds."""

    target: Target
    streaming: bool = True  # streaming lists are still allowed
    page: int = PAGE
    state: State = State.IDLE
    seen: str = ""
    synced: bool = False
    token: str = ""
    version: str = ""  # of the list being gathered
    gathered: HashTrieMap[Name, Item] = HashTrieMap()  # noqa: RUF009 (immutable)
    partial: bytes = b""  # the unfinished last line
    resume: State = State.LISTING
    until: float = 0.0
    delay: float = 0.0  # the last wait after a failure
    failures: int = 0
    opened: float = 0.0
    heard: float = 0.0
    lifetime: int = 0  # timeoutSeconds of the open watch
    opens: int = 0
    bookmarked: bool = False  # this server sends bookmarks
    behind_since: float | None = None

    @property
    def deadline(self) -> float | None:
        """When `Tick` is due, or None."""
        if self.state is State.WAITING:
            return self.until
        if self.state is State.STREAMING:
            return self.heard + STREAM_PATIENCE
        if self.state is State.WATCHING:
            end = self.opened + self.lifetime + LATEST
            return min(end, self.heard + SILENCE) if self.bookmarked else end
        return None

    @property
    def settled(self) -> bool:
        """Whether the cache is complete and live, as far as this machine knows."""
        return self.synced and self.state is State.WATCHING

    def signature(self) -> tuple[object, ...]:
        """All of the state in an order that doesn't depend on hashes, for digests."""
        gathered = tuple(sorted((name, item.version) for name, item in self.gathered.items()))
        plain = (self.target, self.streaming, self.state.value, self.seen, self.synced, self.token, self.version)
        waits = (self.resume.value, self.until, self.delay, self.failures, self.opened, self.heard, self.lifetime)
        return (*plain, gathered, self.partial, *waits, self.opens, self.bookmarked, self.behind_since)


def step(machine: ListWatch, event: Incoming, now: float, draw: Draw) -> Step:
    """One transition. `draw` gives randomness for jitter; it is asked with a counter, so equal machines draw equal
    numbers.
    """
    transition = _TRANSITIONS.get((machine.state, type(event)))
    return (machine, ()) if transition is None else transition(machine, event, now, draw)


# --- transitions: opening


def _list(machine: ListWatch, now: float, draw: Draw) -> Step:
    """Begin a list from scratch, by stream where allowed."""
    fresh = replace(machine, token="", version="", gathered=HashTrieMap(), partial=b"")
    if fresh.streaming:
        return _open(fresh, State.STREAMING, now, draw)
    return replace(fresh, state=State.LISTING), (Ask(_page_request(fresh)),)


def _open(machine: ListWatch, state: State, now: float, draw: Draw) -> Step:
    """Open a watch at `seen`, or a streaming list."""
    initial = state is State.STREAMING
    lifetime = 240 + int(240 * draw(machine.opens))  # spread, so that watches do not all end together
    target = machine.target
    request = requests.watch(
        target.resource,
        target.namespace,
        resource_version="" if initial else machine.seen,
        timeout=lifetime,
        initial=initial,
        label_selector=target.label_selector,
        field_selector=target.field_selector,
    )
    opened = replace(
        machine, state=state, opened=now, heard=now, lifetime=lifetime, opens=machine.opens + 1, partial=b""
    )
    return opened, (Open(request),)


def _page_request(machine: ListWatch) -> Request:
    target = machine.target
    return requests.list_page(
        target.resource,
        target.namespace,
        limit=machine.page,
        token=machine.token,
        label_selector=target.label_selector,
        field_selector=target.field_selector,
    )


def _start(machine: ListWatch, _: Incoming, now: float, draw: Draw) -> Step:
    return _list(machine, now, draw)


def _stop(machine: ListWatch, _: Incoming, now: float, draw: Draw) -> Step:
    return replace(machine, state=State.STOPPED, gathered=HashTrieMap(), partial=b""), (HangUp(),)


# --- transitions: lists


def _page_answered(machine: ListWatch, event: Incoming, now: float, draw: Draw) -> Step:
    assert isinstance(event, Answer)
    if isinstance(event.answer, NoAnswer):
        return _wait(machine, State.LISTING, Noticed("lost", event.answer.cause), now, draw)
    if event.answer.status != 200:
        return _refused(machine, event.answer, State.LISTING, now, draw)
    try:
        page = read_page(event.answer.body, machine.target.resource)
    except Malformed as error:
        return _wait(machine, State.LISTING, Noticed("garbage", str(error)), now, draw)
    gathered = machine.gathered.update([(item.name, item) for item in page.items])
    version = machine.version or page.version
    more = replace(machine, gathered=gathered, version=version, token=page.token)
    told = (Noticed("skipped", TOO_DEEP),) if page.skipped else ()
    if page.token:
        return more, (*told, Ask(_page_request(more)))
    done, actions = _complete(more, version, now, draw)
    if done.state is not State.LISTING:
        return done, told + actions
    watching, opening = _open(done, State.WATCHING, now, draw)
    return watching, told + actions + opening


def _complete(machine: ListWatch, version: str, now: float, draw: Draw) -> Step:
    """A gathered list is whole: hand it over, unless it would take us back in time. Leaves the state as it is when
    handed over.
    """
    notices: tuple[Outgoing, ...] = ()
    if behind(version, machine.seen):
        since = now if machine.behind_since is None else machine.behind_since
        if now - since < PATIENCE:
            notice = Noticed("behind", f"list at {version}, seen {machine.seen}")
            waiting, actions = _wait(replace(machine, behind_since=since), State.LISTING, notice, now, draw)
            return waiting, ((HangUp(), *actions) if machine.state is State.STREAMING else actions)
        notices = (Noticed("regressed", f"list at {version} taken, seen {machine.seen}"),)
    done = replace(machine, seen=version, synced=True, gathered=HashTrieMap(), behind_since=None, token="", version="")
    return done, (*notices, Replaced(machine.gathered, version))


def _stream_refused(machine: ListWatch, event: Incoming, now: float, draw: Draw) -> Step:
    assert isinstance(event, Answer)
    if isinstance(event.answer, NoAnswer):
        return _wait(machine, State.LISTING, Noticed("lost", event.answer.cause), now, draw)
    if event.answer.status in (400, 422):
        return _by_pages(machine, statuses.read(event.answer).message, now, draw)
    return _refused(machine, event.answer, State.LISTING, now, draw)


def _by_pages(machine: ListWatch, why: str, now: float, draw: Draw) -> Step:
    listing, actions = _list(replace(machine, streaming=False), now, draw)
    return listing, (Noticed("fallback", why), *actions)


def _stream_data(machine: ListWatch, event: Incoming, now: float, draw: Draw) -> Step:
    """Gather until the marked bookmark; what follows it in the same bytes is watched already."""
    assert isinstance(event, Data)
    lines, partial = _lines(machine.partial + event.data)
    gathered = machine.gathered
    for index, line in enumerate(lines):
        try:
            found = read_event(line, machine.target.resource)
        except Malformed as error:
            return _hang_up(machine, State.LISTING, Noticed("garbage", str(error)), now, draw)
        if found.type == "SKIPPED":
            continue
        if found.item is None:
            return _stream_error(replace(machine, gathered=gathered), found.raw, now, draw)
        if found.type == "BOOKMARK":
            if found.ends_initial:
                whole = replace(machine, gathered=gathered, heard=now, bookmarked=True, partial=b"")
                done, actions = _complete(whole, found.item.version, now, draw)
                if done.state is not State.STREAMING:
                    return done, actions
                rest = b"".join(line + b"\n" for line in lines[index + 1 :]) + partial
                watching, more = _watch_data(replace(done, state=State.WATCHING), Data(rest), now, draw)
                return watching, actions + more
        elif found.type == "DELETED":
            gathered = gathered.discard(found.item.name)
        else:
            gathered = gathered.insert(found.item.name, found.item)
    return replace(machine, gathered=gathered, partial=partial, heard=now), ()


def _stream_closed(machine: ListWatch, event: Incoming, now: float, draw: Draw) -> Step:
    assert isinstance(event, Closed)
    if machine.failures >= 2:  # closed again and again before its mark: this server may not know the form
        return _by_pages(machine, "closed before the initial events were complete", now, draw)
    return _wait(machine, State.LISTING, Noticed("lost", event.cause or "closed early"), now, draw)


def _stream_tick(machine: ListWatch, _: Incoming, now: float, draw: Draw) -> Step:
    if now < machine.heard + STREAM_PATIENCE:
        return machine, ()
    listing, actions = _by_pages(machine, "no end of the initial events in time", now, draw)
    return listing, (HangUp(), *actions)


# --- transitions: watches


def _watch_data(machine: ListWatch, event: Incoming, now: float, draw: Draw) -> Step:
    assert isinstance(event, Data)
    lines, partial = _lines(machine.partial + event.data)
    actions: list[Outgoing] = []
    seen, bookmarked = machine.seen, machine.bookmarked
    for line in lines:
        try:
            found = read_event(line, machine.target.resource)
        except Malformed as error:
            stopped = replace(machine, seen=seen)
            failed, more = _hang_up(stopped, State.WATCHING, Noticed("garbage", str(error)), now, draw)
            return failed, (*actions, *more)
        if found.item is None:
            refused = _skipped if found.type == "SKIPPED" else _watch_error
            failed, more = refused(replace(machine, seen=seen), found.raw, now, draw)
            return failed, (*actions, *more)
        item = found.item
        if found.type == "BOOKMARK":
            bookmarked = True
            seen = seen if behind(item.version, seen) else item.version
        elif item.version == seen or behind(item.version, seen):
            actions.append(Noticed("stale", f"{found.type} {item.name} at {item.version}, seen {seen}"))
        else:
            gone = found.type == "DELETED"
            actions.append(Removed(item.name, item.uid, item.version) if gone else Put(item))
            seen = item.version
    if len(partial) > LONGEST_LINE:
        failed, more = _hang_up(
            replace(machine, seen=seen), State.WATCHING, Noticed("garbage", "endless line"), now, draw
        )
        return failed, (*actions, *more)
    calm = bool(lines)
    failures, delay = (0, 0.0) if calm else (machine.failures, machine.delay)
    heard = replace(
        machine, seen=seen, partial=partial, heard=now, bookmarked=bookmarked, failures=failures, delay=delay
    )
    return heard, tuple(actions)


def _watch_error(machine: ListWatch, raw: bytes, now: float, draw: Draw) -> Step:
    """An ERROR event ends the stream. 410: what we saw last is forgotten there, list again; 429: wait; else look at
    everything again.
    """
    status = statuses.of_object(statuses.decoded(raw))
    if status.code == 410:
        return _expired(machine, status.message, now, draw)
    notice = Noticed("refused", status.message, status.code)
    resume = State.WATCHING if status.code == 429 else State.LISTING
    return _hang_up(machine, resume, notice, now, draw, status.retry_after)


def _skipped(machine: ListWatch, _: bytes, now: float, draw: Draw) -> Step:
    """Which object it was, and what became of it, isn't known: a list tells (and leaves it out)."""
    return _relist(machine, Noticed("skipped", TOO_DEEP), now, draw)


def _stream_error(machine: ListWatch, raw: bytes, now: float, draw: Draw) -> Step:
    status = statuses.of_object(statuses.decoded(raw))
    notice = Noticed("refused", status.message, status.code)
    return _hang_up(machine, State.LISTING, notice, now, draw, status.retry_after)


def _expired(machine: ListWatch, why: str, now: float, draw: Draw) -> Step:
    return _relist(machine, Noticed("expired", why, 410), now, draw)


def _relist(machine: ListWatch, notice: Noticed, now: float, draw: Draw) -> Step:
    """At once the first time; where this comes again and again, ever less often."""
    machine = _rested(machine, now)
    if machine.failures:
        return _hang_up(machine, State.LISTING, notice, now, draw)
    listing, actions = _list(replace(machine, failures=1), now, draw)
    return listing, (notice, HangUp(), *actions)


def _watch_refused(machine: ListWatch, event: Incoming, now: float, draw: Draw) -> Step:
    assert isinstance(event, Answer)
    answer = event.answer
    if isinstance(answer, NoAnswer):
        return _wait(machine, State.WATCHING, Noticed("lost", answer.cause), now, draw)
    if answer.status == 410:
        return _expired(machine, statuses.read(answer).message, now, draw)
    again = answer.status == 429 or answer.status >= 500
    return _refused(machine, answer, State.WATCHING if again else State.LISTING, now, draw)


def _watch_closed(machine: ListWatch, event: Incoming, now: float, draw: Draw) -> Step:
    assert isinstance(event, Closed)
    machine = _rested(machine, now)
    if event.cause:
        return _wait(machine, State.WATCHING, Noticed("lost", event.cause), now, draw)
    if now - machine.opened < SHORTEST and machine.heard == machine.opened:
        return _wait(machine, State.WATCHING, Noticed("lost", "closed at once"), now, draw)
    return _open(machine, State.WATCHING, now, draw)


def _watch_tick(machine: ListWatch, _: Incoming, now: float, draw: Draw) -> Step:
    deadline = machine.deadline
    if deadline is None or now < deadline:
        return machine, ()
    opened, actions = _open(machine, State.WATCHING, now, draw)
    return opened, (Noticed("stalled", f"silent since {now - machine.heard:.0f} s"), HangUp(), *actions)


# --- transitions: waiting


def _wait_tick(machine: ListWatch, _: Incoming, now: float, draw: Draw) -> Step:
    if now < machine.until:
        return machine, ()
    if machine.resume is State.WATCHING and machine.seen:
        return _open(machine, State.WATCHING, now, draw)
    return _list(machine, now, draw)


def _refused(machine: ListWatch, answer: Response, resume: State, now: float, draw: Draw) -> Step:
    status = statuses.read(answer)
    unserved = status.code == 404
    cap = UNSERVED_CAP if unserved else 30.0
    notice = Noticed("refused", status.message, status.code)
    waiting, actions = _wait(machine, resume, notice, now, draw, status.retry_after, cap)
    if unserved:
        return replace(waiting, synced=False), (*((Unsynced(),) if machine.synced else ()), *actions)
    return waiting, actions


def _hang_up(
    machine: ListWatch, resume: State, notice: Noticed, now: float, draw: Draw, least: float | None = None
) -> Step:
    waiting, actions = _wait(machine, resume, notice, now, draw, least)
    return waiting, (HangUp(), *actions)


def _wait(
    machine: ListWatch,
    resume: State,
    notice: Noticed,
    now: float,
    draw: Draw,
    least: float | None = None,
    cap: float = 30.0,
) -> Step:
    delay = next_delay(machine.delay, draw(machine.failures), cap=cap)
    waiting = replace(
        machine,
        state=State.WAITING,
        resume=resume,
        until=now + max(delay, least or 0.0),
        delay=delay,
        failures=machine.failures + 1,
        gathered=HashTrieMap(),
        partial=b"",
        token="",
        version="",
    )
    return waiting, (notice,)


def _rested(machine: ListWatch, now: float) -> ListWatch:
    """A watch that lived is as good as an event: failures before it are forgiven. A list alone is not (list, 410, list,
    410, ...).
    """
    return replace(machine, failures=0, delay=0.0) if now - machine.opened > LONG_LIFE else machine


def _lines(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole lines without blank ones, and the rest."""
    *lines, rest = data.split(b"\n")
    return [line for line in lines if line.strip()], rest


_Transition = Callable[[ListWatch, Incoming, float, Draw], Step]
_TRANSITIONS: dict[tuple[State, type[Incoming]], _Transition] = {
    (State.IDLE, Start): _start,
    (State.LISTING, Answer): _page_answered,
    (State.STREAMING, Answer): _stream_refused,
    (State.STREAMING, Data): _stream_data,
    (State.STREAMING, Closed): _stream_closed,
    (State.STREAMING, Tick): _stream_tick,
    (State.WATCHING, Answer): _watch_refused,
    (State.WATCHING, Data): _watch_data,
    (State.WATCHING, Closed): _watch_closed,
    (State.WATCHING, Tick): _watch_tick,
    (State.WAITING, Tick): _wait_tick,
    **{(state, Stop): _stop for state in State if state is not State.STOPPED},
}
