"""One process of ours: a shell with its carrier, and the webhook server that reviews on the published snapshot.

`up` and `manager` build one each, over different transports; what they share is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable

from gatewright.control import readiness
from gatewright.control.registry import CONTROLLERS
from gatewright.core.clock import Now
from gatewright.core.objects import Name, Object, uid
from gatewright.core.settings import Operation, Settings
from gatewright.kinds.resources import PODS
from gatewright.kube import requests
from gatewright.policy.snapshot import Snapshot
from gatewright.reconcile import shell
from gatewright.runtime import certificates, clock
from gatewright.runtime.carrier import Carrier
from gatewright.runtime.compile_workers import CompileWorkers
from gatewright.runtime.logs import tell
from gatewright.runtime.serving import Listener
from gatewright.runtime.telemetry import Telemetry
from gatewright.runtime.transports import Transport
from gatewright.runtime.webhooks import Webhooks

HELD = 15.0  # seconds after the start that reviews may be held back
LOOK = 0.05  # seconds between two looks whether they may be answered


class Process:
    """settings: with the webhook's URL and authority already filled in where it registers itself."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        webhook: tuple[socket.socket, certificates.Pair] | None,
        read_clock: Callable[[], Now] = clock.now,
    ) -> None:
        self.settings = settings
        self.telemetry = Telemetry()
        self.workers = CompileWorkers()
        self.snapshot = Snapshot()
        self._transport = transport
        self._caught_up = asyncio.Event()
        first = shell.Shell.new(CONTROLLERS, settings, snapshot=self.snapshot, seed=clock.seed(), identity=settings.pod)
        self.carrier = Carrier(first, transport, self.workers, read_clock, self._publish, tell, self.telemetry.count)
        self._listener = None
        if webhook is not None and settings.does(Operation.WEBHOOK, Operation.MUTATION_WEBHOOK):
            bound, pair = webhook
            reviews = Webhooks(
                lambda: self.snapshot, settings, transport, read_clock, self.telemetry.count, self._caught_up
            )
            self._listener = Listener(reviews, bound, certificates.server_context(pair))

    def _publish(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    async def run(self) -> None:
        """Run until `stop`. The webhook listens before the first request to the API server leaves (starting
        never waits on it).
        """
        _calm_collector()
        self.workers.warm()
        try:
            async with asyncio.TaskGroup() as group:
                if self._listener is not None:
                    group.create_task(self._listener.serve())
                looking = group.create_task(self._look())
                await group.create_task(self.carrier.run())
                looking.cancel()
        finally:
            self.workers.close()
            await self._transport.close()

    async def _look(self) -> None:
        """Let reviews be answered once what stood before us is in force here, and after HELD seconds in any case."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HELD):
                while not readiness.caught_up(self.carrier.shell.view()):
                    await asyncio.sleep(LOOK)
        self._caught_up.set()

    async def stop(self) -> None:
        """Give the Leases back and take our Pod object away, then end what `run` runs."""
        pod = self.carrier.shell.get(PODS, Name(self.settings.namespace, self.settings.pod))
        await self.carrier.stop(last=lambda: self._leave(pod))
        if self._listener is not None:
            self._listener.stop()

    async def _leave(self, pod: Object | None) -> None:
        """Outside of a cluster our Pod object is ours to remove: else everybody would wait for the word of a process
        that has gone. Its pod statuses go with it."""
        if pod is not None and self.settings.owns_pod:
            await self._transport.send(requests.delete(PODS, Name.of(pod), uid=uid(pod), grace=0), "", 2.0)


def _calm_collector() -> None:
    """What is loaded at start stays, and the rest is looked at seldom: full collections held a loop with thousands of
    cached objects up for more than 100 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
