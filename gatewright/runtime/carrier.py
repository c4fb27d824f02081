"""Carries one Shell: its effects to a transport, a clock, workers and logs, and what comes back to it as events.

The same for `up` (in process) and `manager` (TCP). Nothing here looks into an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Response
from gatewright.policy.snapshot import Snapshot
from gatewright.reconcile import events, shell
from gatewright.runtime.compile_workers import CompileWorkers
from gatewright.runtime.transports import Transport

Tell = Callable[[str, str, tuple[tuple[str, Any], ...]], None]
Count = Callable[[str, tuple[tuple[str, str], ...], float], None]


class Carrier:
    """publish: called with each new policy snapshot, in this process; when it returns, the snapshot is served."""

    def __init__(
        self,
        first: shell.Shell,
        transport: Transport,
        workers: CompileWorkers,
        clock: Callable[[], Now],
        publish: Callable[[Snapshot], None],
        tell: Tell,
        count: Count,
    ) -> None:
        self.shell = first
        self._transport = transport
        self._workers = workers
        self._clock = clock
        self._publish = publish
        self._tell = tell
        self._count = count
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._tasks: dict[Any, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = False

    async def run(self) -> None:
        """Step the shell until `stop`."""
        self._put(events.Started())
        while not (self._stopping and self._events.empty()):
            event = await self._events.get()
            self.shell, effects = shell.step(self.shell, event, self._clock())
            for effect in effects:
                self._carry(effect)
            await asyncio.sleep(0)  # a review may come between two steps
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def stop(self, last: Callable[[], Awaitable[None]], patience: float = 2.0) -> None:
        """Let the shell say goodbye (release its Leases), do the last thing while the transport is still open, then
        end.
        """
        self._put(events.Stopping())
        deadline = self._clock().monotonic + patience
        while (left := deadline - self._clock().monotonic) > 0:
            await asyncio.sleep(0)
            sending = [task for key, task in self._tasks.items() if isinstance(key, int)]
            if sending:
                await asyncio.wait(sending, timeout=left)
            elif self._events.empty():
                break
        await last()
        self._stopping = True
        self._put(events.TimerFired(self._clock().monotonic))

    def note(self, fact: tuple[Any, ...], value: Any) -> None:
        self._put(events.Noted(fact, value))

    def _put(self, event: Any) -> None:
        self._events.put_nowait(event)

    def _carry(self, effect: Any) -> None:
        match effect:
            case events.Send():
                self._start(effect.request_id, self._send(effect))
            case events.OpenWatch():
                self._start(("watch", effect.stream), self._watch(effect))
            case events.CloseWatch():
                task = self._tasks.pop(("watch", effect.stream), None)
                if task is not None:
                    task.cancel()
            case events.SetTimer():
                self._set_timer(effect.at)
            case events.StartCompile():
                self._start(("compile", effect.digest), self._compile(effect))
            case events.Publish():
                self._publish(effect.snapshot)
                self._put(events.SnapshotServed(effect.version))
            case events.Count():
                self._count(effect.metric, effect.labels, effect.amount)
            case events.Tell():
                self._tell(effect.level, effect.event, effect.fields)

    def _start(self, key: Any, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._done(key, done))

    def _done(self, key: Any, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled() and task.exception() is not None:
            self._tell("error", "a carried effect failed", (("effect", str(key)), ("cause", repr(task.exception()))))

    async def _send(self, effect: events.Send) -> None:
        answer: Response | NoAnswer = NoAnswer("cancelled")
        try:
            answer = await self._transport.send(effect.request, effect.address, effect.timeout)
        finally:
            self._put(events.Answered(effect.request_id, answer))

    async def _watch(self, effect: events.OpenWatch) -> None:
        stream = effect.stream
        end = await self._transport.watch(effect.request, lambda data: self._put(events.WatchLines(stream, data)))
        self._put(events.WatchClosed(stream, end) if isinstance(end, str) else events.Answered(stream, end))

    async def _compile(self, effect: events.StartCompile) -> None:
        self._put(events.CompileDone(effect.digest, await self._workers.compile(effect.source)))

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay = max(0.0, at - self._clock().monotonic)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay, lambda: self._put(events.TimerFired(self._clock().monotonic)))
