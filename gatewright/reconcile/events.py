"""What the shell is told and what it asks for, as values.

Whoever drives a shell (`runtime`, `sim`, `client`) makes the events and carries out the effects, each exactly once and
without judging any answer. Times are seconds on the monotonic clock. Requests and streams are named by numbers of one
counter.

Promises of the driver: each Send gets exactly one Answered (the driver owns time-outs: NoAnswer). Each OpenWatch gets
WatchLines and then one WatchClosed, or one Answered when the server gave anything but a 200 stream. Events of a stream
after its CloseWatch are ignored. A TimerFired that comes early or late does no harm. Each StartCompile gets one
CompileDone, each Publish one SnapshotServed (a later one stands for those before it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewright.control.intents import FactName
from gatewright.core.http import NoAnswer, Request, Response

Labels = tuple[tuple[str, str], ...]


# --- events


@dataclass(frozen=True, slots=True)
class Started:
    """Begin: open the static watches, ask for the leases, plan the keys that always exist."""


@dataclass(frozen=True, slots=True)
class Answered:
    request: int
    answer: Response | NoAnswer


@dataclass(frozen=True, slots=True)
class WatchLines:
    """Bytes of a stream, cut anywhere."""

    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class WatchClosed:
    """cause: "" for a clean end."""

    stream: int
    cause: str = ""


@dataclass(frozen=True, slots=True)
class TimerFired:
    at: float


@dataclass(frozen=True, slots=True)
class CompileDone:
    """outcome: what `policy.compiling.compile_source` gave; None where there is none (the worker died): tried again."""

    digest: str
    outcome: Any


@dataclass(frozen=True, slots=True)
class SnapshotServed:
    """Every worker of this process serves this version or a later one."""

    version: int


@dataclass(frozen=True, slots=True)
class Noted:
    """The driver knows something that plans read (None: no longer), e.g. ("serving",)."""

    fact: FactName
    value: Any


@dataclass(frozen=True, slots=True)
class Stopping:
    """Give the leases back and close the watches. Nothing is planned any more; answers are still wanted."""


Event = Started | Answered | WatchLines | WatchClosed | TimerFired | CompileDone | SnapshotServed | Noted | Stopping


# --- effects


@dataclass(frozen=True, slots=True)
class Send:
    """address: HOST:PORT, "" for the API server that this process is connected to; timeout in seconds."""

    request_id: int
    request: Request
    address: str = ""
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class OpenWatch:
    stream: int
    request: Request


@dataclass(frozen=True, slots=True)
class CloseWatch:
    stream: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """The one wake-up; replaces the former. at <= now: as soon as the driver has done its other duties."""

    at: float


@dataclass(frozen=True, slots=True)
class StartCompile:
    digest: str
    source: bytes


@dataclass(frozen=True, slots=True)
class Publish:
    """Hand this snapshot to everything that serves reviews."""

    version: int
    snapshot: Any


@dataclass(frozen=True, slots=True)
class Count:
    metric: str
    labels: Labels = ()
    amount: int = 1


@dataclass(frozen=True, slots=True)
class Tell:
    """A log line. level: debug, info, warning or error."""

    level: str
    event: str
    fields: Labels = ()


Effect = Send | OpenWatch | CloseWatch | SetTimer | StartCompile | Publish | Count | Tell
