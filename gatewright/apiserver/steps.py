"""What one run of an actor asks for."""

from __future__ import annotations

from dataclasses import dataclass

from gatewright.apiserver.effects import Change
from gatewright.core.http import Request, User


@dataclass(frozen=True, slots=True)
class Step:
    """changes: to the store, each stands alone and may be Lost; requests: to be handled like a client's; again:
    monotonic seconds at which
    the actor wants to run even if nothing changed, None for never."""

    changes: tuple[Change, ...] = ()
    requests: tuple[tuple[Request, User], ...] = ()
    again: float | None = None


NOTHING = Step()
