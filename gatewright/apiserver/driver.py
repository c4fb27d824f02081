"""A small mutable holder of a State that carries effects in process: for the runtime's face, for tests, for tools.

Requests run until they need the outside (a webhook, a sleep); what the outside answers is fed back. The server's own
controllers run as soon
as their lag allows. The simulator does without it: it steps generators and actors itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from gatewright.apiserver.actors import ACTORS
from gatewright.apiserver.boot import boot_requests
from gatewright.apiserver.calls import Steps
from gatewright.apiserver.config import Config
from gatewright.apiserver.effects import CallWebhook, Change, Commit, Draw, Look, ReadClock, Sleep
from gatewright.apiserver.handling import Answer, handle
from gatewright.apiserver.state import State
from gatewright.apiserver.steps import Step
from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Request, Response, User

Blocking = CallWebhook | Sleep
_ROUNDS = 1000  # of actors after one change; more is a bug of theirs


class Run:
    """A request under way. blocked: what it waits for; answer: what it came to."""

    def __init__(self, steps: Steps[Answer]) -> None:
        self.steps = steps
        self.blocked: Blocking | None = None
        self.answer: Answer | None = None


def _same(before: tuple[Any, ...] | None, now: tuple[Any, ...]) -> bool:
    """Whether an actor's inputs are the very same values (numbers: equal ones)."""
    if before is None or len(before) != len(now):
        return False
    return all(old is new or (isinstance(old, int) and old == new) for old, new in zip(before, now, strict=True))


class Engine:
    """One API server in memory.

    clock, draw: the only sources of time and randomness
    block:  answers what blocks when requests run synchronously: (effect) -> Response | NoAnswer for webhooks, None
    for sleeps
    carry:  the same as a coroutine, for `serve`
    spawn:  starts a coroutine beside (a task), for requests of the server's own controllers that block
    record: called with every change before it is visible (durability)
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], Now],
        draw: Callable[[int], bytes],
        state: State | None = None,
        block: Callable[[Blocking], Any] | None = None,
        carry: Callable[[Blocking], Awaitable[Any]] | None = None,
        spawn: Callable[[Coroutine[Any, Any, None]], Any] | None = None,
        record: Callable[[Change], None] | None = None,
    ) -> None:
        self.config = config
        self.now = clock
        self.draw = draw
        self.state = state if state is not None else State()
        self.block = block
        self.carry = carry
        self.spawn = spawn
        self.record = record
        self._listeners: dict[int, Callable[[], None]] = {}
        self._next_listener = 0
        self._seen: dict[str, tuple[Any, ...]] = {}
        self._due: dict[str, float] = {}
        self._turning = False
        self._note_change()

    def boot(self) -> None:
        """Make what every cluster has. Objects that are there stay."""
        for request, user in boot_requests(self.config):
            self.run(request, user)

    # --- requests

    def start(self, request: Request, user: User) -> Run:
        """Begin a request: it runs until it blocks or ends."""
        run = Run(handle(request, user, self.config))
        self.resume(run, None)
        return run

    def resume(self, run: Run, answer: Any) -> None:
        """Feed the answer to what blocked a request."""
        run.blocked = None
        try:
            effect = run.steps.send(answer)
            while not isinstance(effect, CallWebhook | Sleep):
                effect = run.steps.send(self._answer(effect))
            run.blocked = effect
        except StopIteration as end:
            run.answer = end.value

    def _answer(self, effect: Any) -> Any:
        if isinstance(effect, Look):
            return self.state
        if isinstance(effect, Commit):
            return self.change(effect)
        if isinstance(effect, ReadClock):
            return self.now()
        assert isinstance(effect, Draw)
        return self.draw(effect.count)

    def change(self, change: Change) -> Any:
        """Carry out one change; its answer."""
        state, answer = self.state.change(change)
        if state is not self.state:
            if self.record is not None:
                self.record(change)
            self.state = state
            self._note_change()
        return answer

    def run(self, request: Request, user: User) -> Answer:
        """Answer a request now. Webhooks are asked through `block`; without it they are refused, and sleeps take no
        time."""
        run = self.start(request, user)
        while run.answer is None:
            assert run.blocked is not None
            self.resume(run, self._block(run.blocked))
        self.turn()
        return run.answer

    def _block(self, effect: Blocking) -> Any:
        if self.block is not None:
            return self.block(effect)
        return NoAnswer("this server calls no webhooks", sent=False) if isinstance(effect, CallWebhook) else None

    async def serve(self, request: Request, user: User) -> Answer:
        """Answer a request; what blocks is awaited through `carry`."""
        run = self.start(request, user)
        while run.answer is None:
            assert run.blocked is not None
            answer = await self.carry(run.blocked) if self.carry is not None else self._block(run.blocked)
            self.resume(run, answer)
        self.turn()
        return run.answer

    # --- listeners

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after every change of state (before the request that made it is answered); returns how to stop
        that."""
        number = self._next_listener
        self._next_listener += 1
        self._listeners[number] = callback
        return lambda: self._listeners.pop(number, None) and None

    def _note_change(self) -> None:
        now = self.now().monotonic
        for name, actor in ACTORS.items():
            inputs = actor.inputs(self.state)
            if _same(self._seen.get(name), inputs):
                continue
            self._seen[name] = inputs
            due = now + getattr(self.config.timing, actor.lag)
            self._due[name] = min(self._due.get(name, due), due)
        for callback in tuple(self._listeners.values()):
            callback()

    # --- controllers

    def turn(self) -> float | None:
        """Run the controllers that are due; the monotonic time at which the next one will be, None for never."""
        if self._turning:
            return None
        self._turning = True
        try:
            for _ in range(_ROUNDS):
                now = self.now()
                due = [name for name in ACTORS if self._due.get(name, float("inf")) <= now.monotonic]
                if not due:
                    break
                for name in due:
                    self._due.pop(name, None)
                    self._carry_out(name, ACTORS[name].step(self.state, now, self.config))
        finally:
            self._turning = False
        return self.wake_at

    @property
    def wake_at(self) -> float | None:
        """The monotonic time at which `turn` has something to do, None for never. May change with every change of
        state."""
        return min(self._due.values(), default=None)

    def _carry_out(self, name: str, step: Step) -> None:
        for change in step.changes:
            self.change(change)
        for request, user in step.requests:
            run = self.start(request, user)
            if run.answer is None:
                self._beside(run)
        if step.again is not None:
            self._due[name] = min(self._due.get(name, step.again), step.again)

    def _beside(self, run: Run) -> None:
        """A controller's request that blocks goes on by itself."""
        if self.spawn is not None and self.carry is not None:
            self.spawn(self._finish(run))
            return
        while run.answer is None:
            assert run.blocked is not None
            self.resume(run, self._block(run.blocked))

    async def _finish(self, run: Run) -> None:
        while run.answer is None:
            assert run.blocked is not None
            assert self.carry is not None
            self.resume(run, await self.carry(run.blocked))
        self.turn()


__all__ = ["Answer", "Blocking", "Engine", "Response", "Run"]
