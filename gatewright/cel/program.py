"""A compiled expression: evaluates, tells its type, and counts its cost.

Made by `environment`; immutable, so that one program serves many evaluations at once. The compiled path (`emit`) is
asked first; where it has no answer, or its bound of the cost is over the limit, the exact evaluator gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.cel.cost import PER_CALL
from gatewright.cel.emit import Compiled, Fuel
from gatewright.cel.errors import AbortError, CostError, EvalError
from gatewright.cel.planning import Frame, Plan
from gatewright.cel.types import Type


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an evaluation gave. error: None, or why there is no value.

    cost: Kubernetes' actual cost; where `exact` is not set, an upper bound of it.
    """

    value: Any
    error: EvalError | None
    cost: int
    exact: bool = True


class Program:
    """A compiled expression."""

    __slots__ = ("_compiled", "_plan", "_weight", "text")

    def __init__(self, text: str, plan: Plan, compiled: tuple[Compiled, int] | None = None) -> None:
        self.text = text
        self._plan = plan
        self._compiled: Compiled | None = compiled[0] if compiled is not None else None
        self._weight = compiled[1] if compiled is not None else 0

    @property
    def result_type(self) -> Type:
        """The type that the checker deduced; str() is Kubernetes' form of it."""
        return self._plan.checked.result

    @property
    def compiled(self) -> bool:
        """Whether the expression has a compiled form."""
        return self._compiled is not None

    def evaluate(self, bindings: Mapping[str, Any], cost_limit: int | None = None) -> Any:
        """The value. bindings: name -> value. cost_limit: of the actual cost, by default 1,000,000.

        Raises EvalError; CostError, one of them, where the limit is passed.
        """
        outcome = self.quick(bindings, cost_limit)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def quick(self, bindings: Mapping[str, Any], cost_limit: int | None = None) -> Outcome:
        """The value or the error; the cost may be only an upper bound."""
        if self._compiled is not None:
            fuel = Fuel()
            try:
                value = self._compiled(bindings, fuel)
            except Exception:
                # Whatever it was: expressions have no effects, and the exact evaluator says what is true.
                return self.run(bindings, cost_limit)
            spent = self._weight + fuel.spent
            if spent <= (PER_CALL if cost_limit is None else cost_limit):
                return Outcome(value, None, spent, False)
        return self.run(bindings, cost_limit)

    def bounded(self, bindings: Mapping[str, Any], fuel: Fuel) -> Any:
        """The value, with an upper bound of its cost added to the fuel. Raises EvalError."""
        if self._compiled is not None:
            before = fuel.spent
            try:
                value = self._compiled(bindings, fuel)
            except Exception:
                fuel.spent = before  # as in quick: the exact evaluator says what is true
            else:
                fuel.spent += self._weight
                if fuel.spent - before <= PER_CALL:
                    return value
                fuel.spent = before
        outcome = self.run(bindings)
        fuel.spent += outcome.cost
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def run(self, bindings: Mapping[str, Any], cost_limit: int | None = None) -> Outcome:
        """The value or the error, with the exact cost."""
        limit = PER_CALL if cost_limit is None else cost_limit
        frame = Frame(bindings, self._plan.slots, limit)
        try:
            value = self._plan.run(frame)
        except EvalError as error:
            if frame.cost > limit and not isinstance(error, AbortError):
                return Outcome(None, CostError(), frame.cost)
            return Outcome(None, error, frame.cost)
        except RecursionError:
            return Outcome(None, EvalError("max recursion depth exceeded"), frame.cost)
        if frame.cost > limit:
            return Outcome(None, CostError(), frame.cost)
        return Outcome(value, None, frame.cost)
