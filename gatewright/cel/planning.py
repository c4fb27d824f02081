"""From a checked tree to closures: the exact evaluator, with cel-go's cost node by node.

`program` runs it where the compiled path may not, or does not, give the answer. A closure takes a Frame and returns a
value or raises EvalError. && and ||, loops and ?: absorb errors as CEL demands. Constants are folded where cel-go
folds them, since folded nodes cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.cel import operators, selection
from gatewright.cel.checker import Checked
from gatewright.cel.cost import equality
from gatewright.cel.errors import AbortError, CostError, EvalError
from gatewright.cel.values import NONE, Optional


class Frame:
    """One evaluation: the values of names, of the loops' names by slot, and the cost so far."""

    __slots__ = ("cost", "limit", "slots", "values")

    def __init__(self, values: Mapping[str, Any], slots: int, limit: int) -> None:
        self.values = values
        self.slots: list[Any] = [None] * slots
        self.cost = 0
        self.limit = limit

    def check(self) -> None:
        """Raise CostError where the limit is passed."""
        if self.cost > self.limit:
            raise CostError


Run = Callable[[Frame], Any]


@dataclass(frozen=True, slots=True)
class Qualifier:
    """One step of a chain: a constant key, or an index that is computed. cost: what the step is charged."""

    key: Any
    index: Run | None
    optional: bool
    test: bool
    cost: int


@dataclass(frozen=True, slots=True)
class Chain:
    """A name, an operand or a choice of two chains, with the steps below it.

    run: the value before the steps; cost: what reading it is charged where the chain is evaluated by itself.
    """

    run: Run | None
    cost: int
    steps: tuple[Qualifier, ...] = ()
    condition: Run | None = None
    chosen: tuple[Chain, Chain] | None = None

    def stepped(self, step: Qualifier) -> Chain:
        """With one more step; a choice hands it to both sides."""
        if self.chosen is not None:
            return Chain(
                None, self.cost, (), self.condition, (self.chosen[0].stepped(step), self.chosen[1].stepped(step))
            )
        return Chain(self.run, self.cost, (*self.steps, step))


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned node: what to run; constant: its value is known; chain: steps may be added to it."""

    run: Run
    constant: bool = False
    value: Any = None
    chain: Chain | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The exact program of an expression."""

    run: Run
    slots: int
    checked: Checked


def constant(value: Any) -> Planned:
    """A value that is known and costs nothing."""
    return Planned(lambda frame: value, True, value)


def truth(value: Any) -> bool:
    """The value as a condition. Raises EvalError for what is no bool."""
    if value is True or value is False:
        return bool(value)
    raise operators.no_overload()


# -------------------------------------------------------------------- chains


def chained(chain: Chain) -> Planned:
    """The chain as a node: its own cost and its value."""
    resolve = resolved(chain)
    cost = chain.cost
    if not chain.steps and chain.chosen is None and cost == 1:

        def plain(frame: Frame) -> Any:
            frame.cost += 1
            return resolve(frame)

        return Planned(plain, chain=chain)

    def run(frame: Frame) -> Any:
        frame.cost += cost
        return resolve(frame)

    return Planned(run, chain=chain)


def resolved(chain: Chain) -> Run:
    """The chain's value without the chain's own cost."""
    if chain.chosen is not None:
        return _choice(chain)
    base, steps = chain.run, chain.steps
    assert base is not None
    if not steps:
        return base
    if all(step.index is None and not step.optional and not step.test for step in steps):
        return _fields(base, steps)

    def run(frame: Frame) -> Any:
        value = base(frame)
        if type(value) is not Optional and not steps[0].optional:
            return _walk(frame, value, steps)
        if type(value) is Optional:
            if not value.present:
                return False if steps[-1].test else NONE
            value = value.value
        return _walk_optional(frame, value, steps)

    return run


def _fields(base: Run, steps: tuple[Qualifier, ...]) -> Run:
    """The commonest chain: constant keys only."""
    keys = tuple(step.key for step in steps)
    get, count = selection.get, len(keys)

    def run(frame: Frame) -> Any:
        value = base(frame)
        if type(value) is Optional:
            return _walk_optional(frame, value.value, steps) if value.present else NONE
        frame.cost += count
        for index, key in enumerate(keys):
            if type(value) is dict and type(key) is str and key in value:
                value = value[key]
                continue
            try:
                value = get(value, key)
            except EvalError:
                frame.cost -= count - index - 1
                raise
        return value

    return run


def _choice(chain: Chain) -> Run:
    assert chain.chosen is not None
    assert chain.condition is not None
    condition, first, second = chain.condition, resolved(chain.chosen[0]), resolved(chain.chosen[1])

    def run(frame: Frame) -> Any:
        return first(frame) if truth(condition(frame)) else second(frame)

    return run


def _walk(frame: Frame, value: Any, steps: tuple[Qualifier, ...]) -> Any:
    for at, step in enumerate(steps):
        if step.optional:
            return _walk_optional(frame, value, steps[at:])
        try:
            key = step.key if step.index is None else step.index(frame)
        finally:
            frame.cost += step.cost
        value = selection.has(value, key) if step.test else selection.get(value, key)
    return value


def _walk_optional(frame: Frame, value: Any, steps: tuple[Qualifier, ...]) -> Any:
    """From an optional or an optional step on, all steps are optional."""
    for step in steps:
        key = step.key if step.index is None else step.index(frame)
        found = selection.get_optional(value, key)
        if not found.present:
            return False if step.test else NONE
        frame.cost += step.cost
        value = found.value
    return True if steps[-1].test else Optional(value)


# -------------------------------------------------------------------- logic


def logical(terms: tuple[Run, Run], decided: bool) -> Planned:
    """&& (decided by False) and || (decided by True): an error counts only where the other side does not decide."""
    first, second = terms
    other = not decided

    def run(frame: Frame) -> Any:
        error: EvalError | None = None
        try:
            value = first(frame)
            if value is decided:
                return decided
            if value is not other:
                error = operators.no_overload()
        except AbortError:
            raise
        except EvalError as raised:
            error = raised
        try:
            value = second(frame)
        except AbortError:
            raise
        except EvalError as raised:
            raise error or raised from None
        if value is decided:
            return decided
        if error is not None:
            raise error
        if value is not other:
            raise operators.no_overload()
        return other

    return Planned(run)


def attempt(frame: Frame, run: Run) -> Any:
    """The value, or the EvalError instead of it."""
    try:
        return run(frame)
    except AbortError:
        raise
    except EvalError as error:
        return error


def equals(left: Run, right: Run, positive: bool) -> Planned:
    """== and !=; both sides run, the left one's error comes first."""

    def run(frame: Frame) -> Any:
        first, second = attempt(frame, left), attempt(frame, right)
        frame.cost += equality(first, second)
        if isinstance(first, EvalError):
            raise first
        if isinstance(second, EvalError):
            raise second
        try:
            return operators.equal(first, second) is positive
        except EvalError:
            if positive:
                raise
            return True

    return Planned(run)


def either(left: Run, right: Run, unwrap: bool) -> Planned:
    """optional.or and orValue: the right side runs only where the left is absent."""

    def run(frame: Frame) -> Any:
        value = left(frame)
        if type(value) is not Optional:
            return value
        if value.present:
            return value.value if unwrap else value
        return right(frame)

    return Planned(run)
