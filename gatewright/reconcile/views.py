"""What a controller sees: `control.view.View` over informers and facts, noting each read.

Called by `planning` for each pass, and by the shell for those who only look.
"""

from __future__ import annotations

from gatewright.control.intents import FactName
from gatewright.control.view import Fact
from gatewright.core.objects import Name, Object, Resource
from gatewright.reconcile.facts import Facts
from gatewright.reconcile.informers import Informers
from gatewright.reconcile.reads import Read


class RecordingView:
    """One instant of caches and facts. `reads` grows with each question, in order, each once."""

    def __init__(self, informers: Informers, facts: Facts) -> None:
        self._informers = informers
        self._facts = facts
        self.reads: dict[Read, None] = {}

    def synced(self, resource: Resource) -> bool:
        self.reads["synced", resource] = None
        return self._informers.synced(resource)

    def get(self, resource: Resource, name: Name) -> Object | None:
        self.reads["object", resource, name] = None
        return self._informers.get(resource, name)

    def list(self, resource: Resource, label: tuple[str, str] | None = None) -> tuple[Object, ...]:
        self.reads["list", resource, label] = None
        return self._informers.list(resource, label)

    def version(self, resource: Resource) -> int:
        """Not recorded as a read."""
        return self._informers.version(resource)

    def fact(self, name: FactName) -> Fact | None:
        self.reads["fact", name] = None
        return self._facts.get(name)
