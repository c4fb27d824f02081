"""A compiled expression: evaluates, tells its type, and counts its cost.

Made by `environment`; immutable, so that one program serves many evaluations at once. The exact plan answers here; the
compiled path (`compiled`) is asked first where the caller does not need the exact cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.cel.cost import PER_CALL
from gatewright.cel.errors import CostError, EvalError
from gatewright.cel.planning import Frame, Plan
from gatewright.cel.types import Type


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an evaluation gave. error: None, or why there is no value; cost: Kubernetes' actual cost."""

    value: Any
    error: EvalError | None
    cost: int


class Program:
    """A compiled expression."""

    __slots__ = ("_plan", "text")

    def __init__(self, text: str, plan: Plan) -> None:
        self.text = text
        self._plan = plan

    @property
    def result_type(self) -> Type:
        """The type that the checker deduced; str() is Kubernetes' form of it."""
        return self._plan.checked.result

    def evaluate(self, bindings: Mapping[str, Any], cost_limit: int | None = None) -> Any:
        """The value. bindings: name -> value. cost_limit: of the actual cost, by default 1,000,000.

        Raises EvalError; CostError, one of them, where the limit is passed.
        """
        outcome = self.run(bindings, cost_limit)
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
            if frame.cost > limit and not isinstance(error, CostError):
                return Outcome(None, CostError(), frame.cost)
            return Outcome(None, error, frame.cost)
        except RecursionError:
            return Outcome(None, EvalError("max recursion depth exceeded"), frame.cost)
        if frame.cost > limit:
            return Outcome(None, CostError(), frame.cost)
        return Outcome(value, None, frame.cost)
