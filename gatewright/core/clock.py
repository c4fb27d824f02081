"""Time as an argument, and what is known as one of three values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum


class Known(Enum):
    """A fact's three values. UNKNOWN (not synced, not asked, no answer) is never read as NO."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Now:
    """One reading of both clocks, in seconds."""

    wall: float  # since the epoch, UTC: for what others read
    monotonic: float  # from any start: for waiting

    def timestamp(self) -> str:
        """The wall clock as Kubernetes writes it (RFC 3339, whole seconds, Z)."""
        return rfc3339(self.wall)


def rfc3339(wall: float) -> str:
    """Seconds since the epoch as metav1.Time, e.g. 2026-11-23T22:17:47Z."""
    return datetime.fromtimestamp(int(wall), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
