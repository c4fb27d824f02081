"""Reading one's own writes: what a key waits for before it is planned again.

Called by `execution`, which makes holds, and by `planning`, which asks whether they are over. After a write, a key
isn't planned before its caches show that write (or something newer), because a plan from older caches would only write
the same again or undo what another key did. The wait is bounded, so that a cache that lags for long slows us down but
stops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatewright.core.objects import Name, Resource
from gatewright.kube.items import behind
from gatewright.reconcile.informers import Informers

PATIENCE = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Hold:
    """Until a time, or until the caches of the resource show this version of the object (or that `gone`, a uid, is
    gone).

    resource None: only the time counts (a server asked to wait).
    """

    until: float
    resource: Resource | None = None
    name: Name = Name("", "")  # noqa: RUF009 (immutable)
    version: str = ""
    gone: str = ""

    def over(self, informers: Informers, now: float) -> bool:
        return now >= self.until or (self.resource is not None and self._shown(informers, self.resource))

    def _shown(self, informers: Informers, resource: Resource) -> bool:
        for informer in informers.covering(resource, self.name):
            item = informer.cache.get(self.name)
            if self.gone:
                if item is not None and item.uid == self.gone:
                    return False
            elif behind(informer.machine.seen, self.version) and (item is None or behind(item.version, self.version)):
                return False
        return True
