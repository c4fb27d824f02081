"""What this process knows beside the cached objects: notes of plans, answers to questions, outcomes of writes and
compilations.

Called by the desk. A fact is found by its name (a tuple whose first element is the family) and says when it became
known. Facts that are answers are forgotten when nobody reads them any more; compiled code stays a while longer, for a
template that comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rpds import HashTrieMap, HashTrieSet

from gatewright.control.intents import FactName
from gatewright.control.view import Fact
from gatewright.reconcile.lines import Line

KEPT_COMPILED = 64  # outcomes that nobody reads at the moment


@dataclass(frozen=True, slots=True)
class Facts:
    """answers: names of facts that came as answers; unread: compiled outcomes without a reader, oldest first;
    under_lease: notes with the lease under which they were written."""

    known: HashTrieMap[FactName, Fact] = HashTrieMap()  # noqa: RUF009 (immutable)
    answers: HashTrieSet[FactName] = HashTrieSet()  # noqa: RUF009
    unread: Line[FactName] = Line()  # noqa: RUF009
    under_lease: HashTrieMap[FactName, str] = HashTrieMap()  # noqa: RUF009

    def get(self, name: FactName) -> Fact | None:
        return self.known.get(name)

    def put(self, name: FactName, fact: Fact, *, answer: bool = False) -> Facts:
        answers = self.answers.insert(name) if answer else self.answers
        return replace(self, known=self.known.insert(name, fact), answers=answers)

    def drop(self, name: FactName) -> Facts:
        under_lease = self.under_lease.discard(name)
        return replace(
            self, known=self.known.discard(name), answers=self.answers.discard(name), under_lease=under_lease
        )

    def written_under(self, name: FactName, lease: str) -> Facts:
        """The note belongs to whoever holds this lease."""
        return replace(self, under_lease=self.under_lease.insert(name, lease)) if name in self.known else self

    def of_lease(self, lease: str) -> tuple[FactName, ...]:
        return tuple(sorted((name for name, one in self.under_lease.items() if one == lease), key=repr))

    def release(self, name: FactName) -> Facts:
        """Nobody reads this fact any more. The caller tells for each name once per loss of its last reader."""
        if name not in self.answers:
            return self
        if name[0] != "compiled":
            return self.drop(name)
        return replace(self, unread=self.unread.put(name))

    def trimmed(self, is_read: Callable[[FactName], bool]) -> Facts:
        """Without the oldest unread outcomes beyond KEPT_COMPILED."""
        facts = self
        while len(facts.unread) > KEPT_COMPILED:
            name, unread = facts.unread.take()
            facts = replace(facts, unread=unread)
            if not is_read(name) and name in facts.answers:
                facts = facts.drop(name)
        return facts

    def entries(self) -> Iterator[tuple[str, Fact]]:
        """All facts by the text of their names, in order."""
        yield from sorted(((repr(name), fact) for name, fact in self.known.items()), key=lambda entry: entry[0])
