"""Runs over the expressions of a policy: one budget, and variables that are computed when they are first read.

`validator` makes a Step for the validations, one for the messages that follow them with what is left of the budget,
and one for the audit annotations. A Step counts the exact cost; a QuickStep bounds it by the compiled path and shares
the variables' values between the steps, since they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.cel.emit import Fuel
from gatewright.cel.errors import EvalError
from gatewright.cel.libraries.formatting import quote
from gatewright.cel.program import Program
from gatewright.cel.values import LazyFields


class OutOfBudget(Exception):
    """The budget of the step is spent."""


@dataclass(frozen=True, slots=True)
class CompiledExpression:
    """An expression: its program, or why there is none."""

    text: str
    program: Program | None
    error: str


class _Variables(LazyFields):
    """`variables` of one step. spent: the exact cost of those that were read since it was last taken."""

    __slots__ = ("_bindings", "_compiled", "_failed", "_values", "spent")

    def __init__(self, compiled: Mapping[str, CompiledExpression], bindings: dict[str, Any]) -> None:
        self._compiled = compiled
        self._bindings = bindings
        self._values: dict[str, Any] = {}
        self._failed: dict[str, str] = {}
        self.spent = 0

    def has(self, name: str) -> bool:
        """Whether there is such a variable."""
        return name in self._compiled

    def read(self, name: str) -> Any:
        """Its value. Raises EvalError where it does not compile or fails, the same each time."""
        try:
            return self._values[name]
        except KeyError:
            pass
        if name not in self._failed:
            program = self._compiled[name].program
            if program is None:
                self._failed[name] = f"fails to compile: {self._compiled[name].error}"
            else:
                try:
                    value = self._values[name] = self._computed(program)
                    return value
                except EvalError as error:
                    self._failed[name] = f"fails to evaluate: {error.message}"
        raise EvalError(f"composited variable {quote(name)} {self._failed[name]}")

    def _computed(self, program: Program) -> Any:
        outcome = program.run(self._bindings)
        self.spent += outcome.cost
        if outcome.error is not None:
            raise outcome.error
        return outcome.value


class Step:
    """A run with exact costs. budget: what is left of it."""

    quick = False

    def __init__(self, inputs: Mapping[str, Any], variables: Mapping[str, CompiledExpression], budget: int) -> None:
        self._inputs = inputs
        self._compiled = variables
        self._whole = budget
        self.budget = budget
        self._bindings = dict(inputs)
        self._variables = _Variables(variables, self._bindings)
        self._bindings["variables"] = self._variables

    def outcome(self, one: CompiledExpression) -> Any:
        """The value, or an EvalError with the API server's text instead of it. Raises OutOfBudget."""
        if one.program is None:
            return EvalError(f"compilation error: {one.error}")
        result = one.program.run(self._bindings)
        self._charge(self._variables.spent)
        self._variables.spent = 0
        self._charge(result.cost)
        if result.error is not None:
            return EvalError(f"expression '{one.text}' resulted in error: {result.error.message}")
        return result.value

    def _charge(self, cost: int) -> None:
        if cost > self.budget:
            raise OutOfBudget
        self.budget -= cost

    def then(self) -> Step:
        """The step after this one, with what is left of the budget and variables of its own."""
        return Step(self._inputs, self._compiled, self.budget)

    def anew(self) -> Step:
        """A step with the whole budget and variables of its own."""
        return Step(self._inputs, self._compiled, self._whole)


class _QuickVariables(_Variables):
    """Variables by the compiled path; their costs go into the step's fuel."""

    __slots__ = ("_fuel",)

    def __init__(self, compiled: Mapping[str, CompiledExpression], bindings: dict[str, Any], fuel: Fuel) -> None:
        super().__init__(compiled, bindings)
        self._fuel = fuel

    def _computed(self, program: Program) -> Any:
        return program.bounded(self._bindings, self._fuel)


class QuickStep(Step):
    """A run with bounds of the costs, by the compiled path: out of budget means that the exact cost must be known.

    A following step reads the variables that this one computed; the bound counts them as if it computed them again.
    """

    quick = True

    def __init__(self, inputs: Mapping[str, Any], variables: Mapping[str, CompiledExpression], budget: int) -> None:
        self.budget = self._whole = budget
        self._fuel = Fuel()
        self._bindings = dict(inputs)
        if variables:
            self._bindings["variables"] = _QuickVariables(variables, self._bindings, self._fuel)

    def outcome(self, one: CompiledExpression) -> Any:
        """The value, or an EvalError with the API server's text instead of it. Raises OutOfBudget."""
        if one.program is None:
            return EvalError(f"compilation error: {one.error}")
        try:
            value = one.program.bounded(self._bindings, self._fuel)
        except EvalError as error:
            value = EvalError(f"expression '{one.text}' resulted in error: {error.message}")
        if self._fuel.spent > self.budget:
            raise OutOfBudget
        return value

    def then(self) -> Step:
        """This step again: what it spent so far is counted once more, for the variables."""
        self._fuel.spent *= 2
        return self

    def anew(self) -> Step:
        """This step again, as in `then`; a bound that is too high does no harm."""
        return self.then()
