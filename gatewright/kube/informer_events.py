"""What goes into an informer's state machine and what comes out of it, as values.

The machine itself, all of its states and transitions, is `listwatch`; `reconcile.informing` makes these from what the
carrier brought and carries out what comes back.
"""

from __future__ import annotations

from dataclasses import dataclass

from rpds import HashTrieMap

from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name, Resource
from gatewright.kube.items import Item


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """What is listed and watched."""

    resource: Resource
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""


# --- what comes in


@dataclass(frozen=True, slots=True)
class Start:
    pass


@dataclass(frozen=True, slots=True)
class Answer:
    """To the page asked for, or to a watch that did not become a stream."""

    answer: Response | NoAnswer


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the open stream, cut anywhere."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The stream ended. cause: "" for a clean end."""

    cause: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed; due when `deadline` is reached, harmless before."""


@dataclass(frozen=True, slots=True)
class Stop:
    pass


Incoming = Start | Answer | Data | Closed | Tick | Stop


# --- what goes out


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this list request; one Answer comes back."""

    request: Request


@dataclass(frozen=True, slots=True)
class Open:
    """Open this watch; Data and one Closed come back, or one Answer."""

    request: Request


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the stream or forget the request in flight; nothing of it is wanted any more."""


@dataclass(frozen=True, slots=True)
class Put:
    item: Item


@dataclass(frozen=True, slots=True)
class Removed:
    """Gone at `version`, which is newer than what the cache holds."""

    name: Name
    uid: str
    version: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The whole state at `version`: what is cached and not in it was deleted. The cache is complete from here on."""

    items: HashTrieMap[Name, Item]
    version: str


@dataclass(frozen=True, slots=True)
class Unsynced:
    """Completeness is unknown until the next Replaced."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """To be counted and told. kind: refused, lost, expired, behind, regressed, stale, stalled, garbage, skipped,
    fallback.
    """

    kind: str
    detail: str = ""
    status: int = 0


Outgoing = Ask | Open | HangUp | Put | Removed | Replaced | Unsynced | Noticed
