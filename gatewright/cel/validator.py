"""ValidatingAdmissionPolicy's rules around expressions: the one place for them.

Variables (computed when first read, shared by the expressions of one step), matchConditions, validations,
messageExpression with its fall-backs, auditAnnotations, failurePolicy and budgets, with the API server's texts. Used
by the driver of K8sNativeValidation templates, by ValidatingAdmissionPolicy in the embedded API server and for the
match conditions of webhooks. Which policies and bindings apply is the callers' matter. Source: the documentation of
ValidatingAdmissionPolicy; texts as a kube-apiserver 1.36 answers them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewright.cel.admission import environment, variable_type
from gatewright.cel.environment import Environment, Libraries
from gatewright.cel.errors import CompileError, EvalError, InstantiationError
from gatewright.cel.kubernetes import API_SERVER, KUBERNETES
from gatewright.cel.libraries.formatting import quote
from gatewright.cel.program import Program
from gatewright.cel.types import DYN, Type
from gatewright.cel.values import LazyFields

MATCH, VARIABLE, VALIDATION, MESSAGE, AUDIT = "match", "variable", "validation", "message", "audit"

BUDGET = 10_000_000
"""The cost of all validations of one binding."""
MATCH_BUDGET = 2_500_000
"""The cost of the match conditions."""
_LONGEST_MESSAGE = 5 * 1024
_SPENT = "validation failed due to running out of cost budget, no further validation rules will be run"
_RESULTS: dict[str, tuple[str, ...]] = {
    MATCH: ("bool",),
    VALIDATION: ("bool",),
    MESSAGE: ("string",),
    AUDIT: ("string", "null_type"),
}


@dataclass(frozen=True, slots=True)
class Named:
    """A variable, a match condition, or an audit annotation (its key)."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Validation:
    """One validation. message, message_expression, reason: "" where the policy states none."""

    expression: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """The expressions of a policy. ignores: failurePolicy Ignore."""

    validations: tuple[Validation, ...] = ()
    variables: tuple[Named, ...] = ()
    match_conditions: tuple[Named, ...] = ()
    audit_annotations: tuple[Named, ...] = ()
    ignores: bool = False

    @staticmethod
    def of(spec: Mapping[str, Any]) -> Policy:
        """From the spec of a ValidatingAdmissionPolicy."""
        return Policy(
            tuple(
                Validation(
                    one.get("expression", ""),
                    one.get("message") or "",
                    one.get("messageExpression") or "",
                    one.get("reason") or "",
                )
                for one in spec.get("validations") or ()
            ),
            _named(spec.get("variables"), "name", "expression"),
            _named(spec.get("matchConditions"), "name", "expression"),
            _named(spec.get("auditAnnotations"), "key", "valueExpression"),
            spec.get("failurePolicy") == "Ignore",
        )


def _named(items: Iterable[Mapping[str, Any]] | None, name: str, expression: str) -> tuple[Named, ...]:
    return tuple(Named(one.get(name, ""), one.get(expression, "")) for one in items or ())


@dataclass(frozen=True, slots=True)
class Setting:
    """Which names the places of a policy see: the places with `params`, `authorizer` and `variables`."""

    libraries: Libraries
    params: frozenset[str]
    authorizer: frozenset[str]
    variables: frozenset[str]


def api_server(params: bool, libraries: Libraries = API_SERVER) -> Setting:
    """The places as the API server has them. params: whether the policy states a paramKind."""
    everywhere = frozenset({MATCH, VARIABLE, VALIDATION, MESSAGE, AUDIT})
    return Setting(libraries, everywhere if params else frozenset(), everywhere - {MESSAGE}, everywhere - {MATCH})


TEMPLATES = Setting(
    KUBERNETES, frozenset({VARIABLE}), frozenset(), frozenset({MATCH, VARIABLE, VALIDATION, MESSAGE, AUDIT})
)
"""The places as templates with K8sNativeValidation have them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An expression that does not compile. path: below spec, such as validations[0].messageExpression."""

    path: str
    expression: str
    text: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one request gives the expressions. request and namespace: see `admission`; params: None without."""

    object: Any = None
    old_object: Any = None
    request: Mapping[str, Any] = field(default_factory=dict)
    params: Any = None
    namespace: Mapping[str, Any] | None = None
    authorizer: Any = None
    request_resource: Any = None

    def bindings(self) -> dict[str, Any]:
        """The values of names."""
        found = {
            "object": self.object,
            "oldObject": self.old_object,
            "request": self.request,
            "params": self.params,
            "namespaceObject": self.namespace,
        }
        if self.authorizer is not None:
            found["authorizer"] = self.authorizer
            found["authorizer.requestResource"] = self.request_resource
        return found


@dataclass(frozen=True, slots=True)
class Decision:
    """What one validation says. denies: under the policy's failurePolicy; failed: no answer came, message tells why.

    index: of the validation, -1 where the policy as a whole failed. reason: the status' reason, "" for an admission.
    """

    index: int
    denies: bool
    failed: bool = False
    message: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """An audit annotation. value: None where it is left out; error: why, "" otherwise."""

    key: str
    value: str | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says of a request. matched: the match conditions hold; without them nothing is decided."""

    matched: bool
    decisions: tuple[Decision, ...] = ()
    annotations: tuple[Annotation, ...] = ()

    @property
    def denials(self) -> tuple[Decision, ...]:
        """The decisions that deny."""
        return tuple(one for one in self.decisions if one.denies)


class _OutOfBudget(Exception):
    """The budget of the step is spent."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """An expression: its program, or why there is none."""

    text: str
    program: Program | None
    error: str


class _Variables(LazyFields):
    """`variables` of one step: each is computed when it is first read. spent: the cost of those so far."""

    __slots__ = ("_bindings", "_compiled", "_quick", "_values", "spent")

    def __init__(self, compiled: Mapping[str, _Compiled], bindings: dict[str, Any], quick: bool) -> None:
        self._compiled = compiled
        self._quick = quick
        self._bindings = bindings
        self._values: dict[str, Any] = {}
        self.spent = 0

    def has(self, name: str) -> bool:
        """Whether there is such a variable."""
        return name in self._compiled

    def read(self, name: str) -> Any:
        """Its value. Raises EvalError where it does not compile or fails, the same each time."""
        if name not in self._values:
            self._values[name] = self._computed(name)
        value = self._values[name]
        if isinstance(value, EvalError):
            raise value
        return value

    def _computed(self, name: str) -> Any:
        one = self._compiled[name]
        if one.program is None:
            return EvalError(f"composited variable {quote(name)} fails to compile: {one.error}")
        outcome = one.program.quick(self._bindings) if self._quick else one.program.run(self._bindings)
        self.spent += outcome.cost
        if outcome.error is not None:
            return EvalError(f"composited variable {quote(name)} fails to evaluate: {outcome.error.message}")
        return outcome.value


class _Step:
    """A run over some expressions with one budget and their own variables."""

    def __init__(
        self, inputs: dict[str, Any], variables: Mapping[str, _Compiled], budget: int, quick: bool = False
    ) -> None:
        self._bindings = dict(inputs)
        self._quick = quick
        self._variables = _Variables(variables, self._bindings, quick)
        self._bindings["variables"] = self._variables
        self.budget = budget

    def run(self, one: _Compiled) -> Any:
        """The value. Raises EvalError with the API server's text, _OutOfBudget."""
        if one.program is None:
            raise EvalError(f"compilation error: {one.error}")
        outcome = one.program.quick(self._bindings) if self._quick else one.program.run(self._bindings)
        self._charge(self._variables.spent)
        self._variables.spent = 0
        self._charge(outcome.cost)
        if outcome.error is not None:
            raise EvalError(f"expression '{one.text}' resulted in error: {outcome.error.message}")
        return outcome.value

    def _charge(self, cost: int) -> None:
        if cost > self.budget:
            raise _OutOfBudget
        self.budget -= cost


class Validator:
    """A compiled policy. Immutable; serves any number of requests."""

    def __init__(self, policy: Policy, setting: Setting) -> None:
        self.policy = policy
        self._setting = setting
        self._environments: dict[str, Environment] = {}
        self._faults: list[Fault] = []
        self._variables = self._compile_variables()
        self._match = self._compile_all(MATCH, policy.match_conditions, "matchConditions", "expression")
        self._validations = tuple(
            self._compile(VALIDATION, one.expression, f"validations[{at}].expression")
            for at, one in enumerate(policy.validations)
        )
        self._messages = tuple(
            self._compile(MESSAGE, one.message_expression, f"validations[{at}].messageExpression")
            if one.message_expression
            else None
            for at, one in enumerate(policy.validations)
        )
        self._audit = self._compile_all(AUDIT, policy.audit_annotations, "auditAnnotations", "valueExpression")

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The expressions that do not compile; the API server refuses a policy for them."""
        return tuple(self._faults)

    # ---------------------------------------------------------------- compiling

    def _compile_variables(self) -> dict[str, _Compiled]:
        compiled: dict[str, _Compiled] = {}
        types: dict[str, Type] = {}
        setting = self._setting
        for at, one in enumerate(self.policy.variables):
            place = environment(
                setting.libraries, VARIABLE in setting.params, VARIABLE in setting.authorizer, dict(types)
            )
            made = self._compiled(place, one.expression, None, f"variables[{at}].expression")
            compiled[one.name] = made
            types[one.name] = variable_type(made.program.result_type) if made.program is not None else DYN
        for name in (MATCH, VALIDATION, MESSAGE, AUDIT):
            visible = types if name in setting.variables and types else None
            self._environments[name] = environment(
                setting.libraries, name in setting.params, name in setting.authorizer, visible
            )
        return compiled

    def _compile_all(self, place: str, items: tuple[Named, ...], path: str, last: str) -> tuple[_Compiled, ...]:
        return tuple(self._compile(place, one.expression, f"{path}[{at}].{last}") for at, one in enumerate(items))

    def _compile(self, place: str, text: str, path: str) -> _Compiled:
        return self._compiled(self._environments[place], text, _RESULTS[place], path)

    def _compiled(self, place: Environment, text: str, results: tuple[str, ...] | None, path: str) -> _Compiled:
        error = ""
        program: Program | None = None
        try:
            program = place.compile(text)
        except InstantiationError as raised:
            error = f"program instantiation failed: {raised}"
        except CompileError as raised:
            error = f"compilation failed: {raised}"
        if program is not None and results is not None and str(program.result_type) not in results:
            wanted = results[0] if len(results) == 1 else f"one of [{' '.join(results)}]"
            error, program = f"must evaluate to {wanted} but got {program.result_type}", None
        if error:
            self._faults.append(Fault(path, text, error))
        return _Compiled(text, program, error)

    # ---------------------------------------------------------------- deciding

    def validate(self, inputs: Inputs, budget: int = BUDGET, match_budget: int = MATCH_BUDGET) -> Verdict:
        """What the policy says of a request. budget: of validations and messages, and again of annotations."""
        bindings = inputs.bindings()
        matched, error = self.matches(inputs, match_budget)
        if error:
            return Verdict(True, (self._failure(-1, error),))
        if not matched:
            return Verdict(False)
        # Bounds of the cost are had faster than the cost; where they fit the budget, so does the cost.
        return self._validated(bindings, budget, True) or self._validated(bindings, budget, False) or Verdict(False)

    def _validated(self, bindings: dict[str, Any], budget: int, quick: bool) -> Verdict | None:
        """The verdict once the match conditions hold; None where quick costs do not fit the budget."""
        step = _Step(bindings, self._variables, budget, quick)
        try:
            results = [self._outcome(step, one) for one in self._validations]
            messages, trouble = self._run_messages(bindings, step.budget, quick)
            decisions = tuple(
                self._decision(at, result, messages[at] if messages else None, trouble)
                for at, result in enumerate(results)
            )
            annotations = self._annotations(bindings, budget, quick)
        except _OutOfBudget:
            if quick:
                return None
            return Verdict(True, (self._failure(-1, _SPENT),))
        return Verdict(True, decisions, annotations)

    def matches(self, inputs: Inputs, budget: int = MATCH_BUDGET) -> tuple[bool, str]:
        """Whether the match conditions hold, and the error where that is not known (failurePolicy Fail only).

        A false condition decides, whatever failed beside it; with Ignore a failure means no match.
        """
        if not self._match:
            return True, ""
        return self._matched(inputs, budget, True) or self._matched(inputs, budget, False) or (False, "")

    def _matched(self, inputs: Inputs, budget: int, quick: bool) -> tuple[bool, str] | None:
        bindings = {**inputs.bindings(), "namespaceObject": None}
        variables = self._variables if MATCH in self._setting.variables else {}
        step = _Step(bindings, variables, budget, quick)
        errors: list[str] = []
        matched = True
        try:
            for one in self._match:
                result = self._outcome(step, one)
                if isinstance(result, EvalError):
                    errors.append(result.message)
                matched = matched and result is not False
        except _OutOfBudget:
            if quick:
                return None
            return (False, "") if self.policy.ignores else (True, _SPENT)
        if not matched:
            return False, ""
        if not errors:
            return True, ""
        if self.policy.ignores:
            return False, ""
        distinct = list(dict.fromkeys(errors))
        return True, distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"

    def _outcome(self, step: _Step, one: _Compiled) -> Any:
        """The value, or the EvalError instead of it."""
        try:
            return step.run(one)
        except EvalError as error:
            return error

    def _failure(self, index: int, message: str) -> Decision:
        return Decision(index, not self.policy.ignores, True, message, "" if self.policy.ignores else "Invalid")

    def _run_messages(self, bindings: dict[str, Any], budget: int, quick: bool) -> tuple[list[Any], str]:
        """The messages' values (None without a messageExpression), and what kept all of them from being had."""
        step = _Step(bindings, self._variables, budget, quick)
        try:
            return [None if one is None else self._outcome(step, one) for one in self._messages], ""
        except _OutOfBudget:
            if quick:
                raise
            return [], f"failed messageExpression: {_SPENT}"

    def _decision(self, index: int, result: Any, message: Any, trouble: str) -> Decision:
        if isinstance(result, EvalError):
            return self._failure(index, result.message)
        if trouble:
            return self._failure(index, trouble)
        if result is True:
            return Decision(index, False)
        rule = self.policy.validations[index]
        return Decision(index, True, False, message_of(rule, message), rule.reason or "Invalid")

    def _annotations(self, bindings: dict[str, Any], budget: int, quick: bool) -> tuple[Annotation, ...]:
        if not self._audit:
            return ()
        step = _Step(bindings, self._variables, budget, quick)
        found = []
        for one, compiled in zip(self.policy.audit_annotations, self._audit, strict=True):
            value = self._outcome(step, compiled)
            if isinstance(value, EvalError):
                found.append(Annotation(one.name, None, "" if self.policy.ignores else value.message))
            else:
                text = value.strip() if type(value) is str else ""
                found.append(Annotation(one.name, text or None))
        return tuple(found)


def message_of(rule: Validation, value: Any) -> str:
    """The text of a denial. value: of the messageExpression, or an error or None where it gave none.

    A value that is no text, empty, of several lines or longer than 5 KiB counts for nothing.
    """
    if type(value) is str:
        text = value.strip()
        if text and "\n" not in text and len(text.encode(errors="surrogatepass")) <= _LONGEST_MESSAGE:
            return text
    return rule.message.strip() or f"failed expression: {rule.expression.strip()}"
