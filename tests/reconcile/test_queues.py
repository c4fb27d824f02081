"""The work queue: each key once, never twice at once, no wake-up lost."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gatewright.reconcile.queues import Queue, QueueKey

KEYS = st.sampled_from([("c", (name,)) for name in "abc"])


class Queueing(RuleBasedStateMachine):
    """Against the plainest model: which keys are dirty since they were last taken, which are worked on, which are
    held.
    """

    def __init__(self) -> None:
        super().__init__()
        self.queue = Queue()
        self.dirty: set[QueueKey] = set()
        self.working: set[QueueKey] = set()
        self.held: set[QueueKey] = set()
        self.waiting: list[QueueKey] = []  # in the order in which they became ready

    def ready(self, key: QueueKey) -> None:
        if key in self.dirty and key not in self.working and key not in self.held and key not in self.waiting:
            self.waiting.append(key)

    @rule(key=KEYS)
    def add(self, key: QueueKey) -> None:
        self.queue = self.queue.add(key)
        self.dirty.add(key)
        self.ready(key)

    @rule()
    def take(self) -> None:
        self.queue, key = self.queue.take()
        expected = self.waiting.pop(0) if self.waiting else None
        assert key == expected
        if key is not None:
            assert key not in self.working, "the same key twice at once"
            self.working.add(key)
            self.dirty.discard(key)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        self.queue = self.queue.done(key)
        self.working.discard(key)
        self.ready(key)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        self.queue = self.queue.hold(key)
        self.working.discard(key)
        self.held.add(key)
        self.dirty.add(key)

    @rule(key=KEYS)
    def release(self, key: QueueKey) -> None:
        self.queue = self.queue.release(key)
        self.held.discard(key)
        self.ready(key)

    @invariant()
    def counts(self) -> None:
        assert self.queue.queued == len(self.waiting)
        assert {key for key in self.held if not self.queue.held(key)} == set()
        assert self.queue.idle == (not self.waiting and not self.working and not self.held)

    def teardown(self) -> None:
        """Whatever was dirty is handed out in the end."""
        for key in sorted(self.held):
            self.queue = self.queue.release(key)
        for key in sorted(self.working):
            self.queue = self.queue.done(key)
        found = set()
        while True:
            self.queue, key = self.queue.take()
            if key is None:
                break
            found.add(key)
            self.queue = self.queue.done(key)
        assert found == self.dirty


TestQueueing = Queueing.TestCase
TestQueueing.settings = settings(max_examples=100, stateful_step_count=40, deadline=None, derandomize=True)


def test_a_failure_delays_its_own_key_and_success_forgets_it() -> None:
    key, other = ("c", ("a",)), ("c", ("b",))
    queue = Queue()
    delays = []
    for _ in range(12):
        queue = queue.failed(key, 100.0, 0.5, base=0.02, cap=30.0)
        delays.append(queue.retries[key].delay)
    assert delays == sorted(delays)
    assert 0.02 <= delays[0] < delays[-1] <= 30.0
    assert queue.failures(key) == 12
    assert queue.failures(other) == 0
    assert queue.succeeded(key).failures(key) == 0


def test_an_older_version_of_a_queue_stays_as_it_was() -> None:
    first = Queue().add(("c", ("a",)))
    second, key = first.take()
    assert key == ("c", ("a",))
    assert first.queued == 1
    assert second.queued == 0
    assert first.take()[1] == key
