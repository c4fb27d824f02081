"""The work queue: which keys are to be planned, which are being worked on, and how long failed ones wait.

Called by `planning` and `execution`. Keys are handed out in the order in which they became dirty, so one that is dirty
all the time waits its turn behind the others. What wakes keys lives in `reads` and `timers`; here is only the
bookkeeping, with these promises:

- a key that is being worked on is never handed out again before `done`;
- a key made dirty while it is worked on or held is handed out once more afterwards: no wake-up is lost;
- a key that is queued is queued once;
- a failure delays only its own key, by decorrelated jitter; success forgets it. A key that waits for its retry is
  still handed out at once when something that it read changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from rpds import HashTrieMap

from gatewright.kube.backoff import next_delay
from gatewright.reconcile.lines import Line

QueueKey = tuple[str, tuple[str, ...]]  # name of the controller, key


class Mark(Enum):
    """Where a key stands; one that is absent has nothing to do."""

    QUEUED = "queued"
    WORKING = "working"
    WORKING_DIRTY = "working, dirty"
    HELD = "held"  # nothing to do, and not to be handed out
    HELD_DIRTY = "held, dirty"


@dataclass(frozen=True, slots=True)
class Retry:
    """at: monotonic seconds; delay: the last one; failures in a row."""

    at: float
    delay: float
    failures: int


@dataclass(frozen=True, slots=True)
class Queue:
    line: Line[QueueKey] = Line()  # noqa: RUF009 (immutable)
    marks: HashTrieMap[QueueKey, Mark] = HashTrieMap()  # noqa: RUF009
    retries: HashTrieMap[QueueKey, Retry] = HashTrieMap()  # noqa: RUF009
    queued: int = 0

    def add(self, key: QueueKey) -> Queue:
        """The key is dirty."""
        mark = self.marks.get(key)
        if mark is None:
            return self._enqueued(key)
        if mark is Mark.WORKING:
            return self._marked(key, Mark.WORKING_DIRTY)
        return self._marked(key, Mark.HELD_DIRTY) if mark is Mark.HELD else self

    def take(self) -> tuple[Queue, QueueKey | None]:
        """The next key, which is being worked on from now; None when none is ready."""
        line = self.line
        while line.size:
            key, line = line.take()
            if self.marks.get(key) is Mark.QUEUED:
                marks = self.marks.insert(key, Mark.WORKING)
                return replace(self, line=line, marks=marks, queued=self.queued - 1), key
        return replace(self, line=line), None

    def done(self, key: QueueKey) -> Queue:
        """The work on a taken key has ended; it is queued again if it became dirty meanwhile."""
        dirty = self.marks.get(key) is Mark.WORKING_DIRTY
        return self._enqueued(key) if dirty else self._unmarked(key)

    def hold(self, key: QueueKey) -> Queue:
        """Give a taken key back as dirty, not to be handed out before `release`."""
        return self._marked(key, Mark.HELD_DIRTY)

    def release(self, key: QueueKey) -> Queue:
        mark = self.marks.get(key)
        if mark is Mark.HELD_DIRTY:
            return self._enqueued(key)
        return self._unmarked(key) if mark is Mark.HELD else self

    def held(self, key: QueueKey) -> bool:
        return self.marks.get(key) in (Mark.HELD, Mark.HELD_DIRTY)

    def failed(self, key: QueueKey, now: float, draw: float, *, base: float, cap: float) -> Queue:
        """Note a failure: the key is due again at `retries[key].at` (the caller keeps the timer). draw in [0, 1)."""
        before = self.retries.get(key)
        delay = next_delay(0.0 if before is None else before.delay, draw, base=base, cap=cap)
        retry = Retry(now + delay, delay, 1 if before is None else before.failures + 1)
        return replace(self, retries=self.retries.insert(key, retry))

    def succeeded(self, key: QueueKey) -> Queue:
        return replace(self, retries=self.retries.discard(key)) if key in self.retries else self

    def failures(self, key: QueueKey) -> int:
        retry = self.retries.get(key)
        return 0 if retry is None else retry.failures

    @property
    def idle(self) -> bool:
        """Nothing is ready and nothing is worked on."""
        return self.queued == 0 and all(mark is Mark.HELD for mark in self.marks.values())

    def signature(self) -> tuple[object, ...]:
        """All of the state in an order that doesn't depend on hashes."""
        marks = tuple(sorted((key, mark.value) for key, mark in self.marks.items()))
        retries = tuple(sorted((key, one.at, one.delay, one.failures) for key, one in self.retries.items()))
        line = tuple(key for key in self.line if self.marks.get(key) is Mark.QUEUED)
        return marks, retries, tuple(dict.fromkeys(line))

    def _enqueued(self, key: QueueKey) -> Queue:
        marks = self.marks.insert(key, Mark.QUEUED)
        return replace(self, line=self.line.put(key), marks=marks, queued=self.queued + 1)

    def _marked(self, key: QueueKey, mark: Mark) -> Queue:
        return replace(self, marks=self.marks.insert(key, mark))

    def _unmarked(self, key: QueueKey) -> Queue:
        return replace(self, marks=self.marks.discard(key))
