"""What a plan may see, and how a concern introduces itself to `reconcile`.

`see` reads only through a View. The shell records each read of the last `see` of a key and queues the key again when
one of them changes: so every input of a decision has a watch edge to it (lifecycle, rule 4) without a list to be
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from gatewright.control.intents import FactName, Plan
from gatewright.core.clock import Now
from gatewright.core.objects import Name, Object, Resource
from gatewright.core.settings import Operation, Settings

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    value: Any
    at: float  # monotonic seconds, when it became known


class View(Protocol):
    """The caches and facts of this process at one instant. Objects are immutable."""

    def synced(self, resource: Resource) -> bool:
        """Whether the first list of this resource is complete. Before that, absent means unknown."""
        ...

    def get(self, resource: Resource, name: Name) -> Object | None: ...

    def list(self, resource: Resource, label: tuple[str, str] | None = None) -> tuple[Object, ...]:
        """All objects, or those with a label of that value, ordered by name."""
        ...

    def fact(self, name: FactName) -> Fact | None: ...

    def version(self, resource: Resource) -> int:
        """The newest resourceVersion that the cache of this resource has seen (list, event or bookmark); 0 before the
        first list.

        Not recorded as a read: a plan that waits for it asks for a Wake.
        """
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """One static informer: a resource, perhaps in one namespace or by one label selector or field selector."""

    resource: Resource
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""


@dataclass(frozen=True, slots=True)
class Controller:
    """One concern: what it watches, which keys it has, what it sees, what it decides.

    roots:  keys that exist because of an object of a resource (called for each event; the key stays known while its
            plan has something to do). (resource, object) -> keys. Also called with no object once at start: (None,
            None) -> keys that always exist.
    see:    (view, key, settings) -> Seen; a frozen dataclass of the concern's own
    plan:   (seen, settings, now) -> Plan; pure
    lease:  name of the Lease that must be held, or "" for none
    """

    name: str
    operations: frozenset[Operation]
    watches: Callable[[Settings], tuple[Watched, ...]]
    roots: Callable[[Resource | None, Object | None, Settings], Iterable[Key]]
    see: Callable[[View, Key, Settings], Any]
    plan: Callable[[Any, Settings, Now], Plan]
    lease: str = ""
