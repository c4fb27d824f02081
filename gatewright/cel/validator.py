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
from gatewright.cel.program import Program
from gatewright.cel.steps import CompiledExpression, OutOfBudget, QuickStep, Step
from gatewright.cel.types import DYN, Type

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

    def _compile_variables(self) -> dict[str, CompiledExpression]:
        compiled: dict[str, CompiledExpression] = {}
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

    def _compile_all(
        self, place: str, items: tuple[Named, ...], path: str, last: str
    ) -> tuple[CompiledExpression, ...]:
        return tuple(self._compile(place, one.expression, f"{path}[{at}].{last}") for at, one in enumerate(items))

    def _compile(self, place: str, text: str, path: str) -> CompiledExpression:
        return self._compiled(self._environments[place], text, _RESULTS[place], path)

    def _compiled(
        self, place: Environment, text: str, results: tuple[str, ...] | None, path: str
    ) -> CompiledExpression:
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
        return CompiledExpression(text, program, error)

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
        quick = self._validated(QuickStep(bindings, self._variables, budget))
        if quick is not None:
            return quick
        exact = self._validated(Step(bindings, self._variables, budget))
        return exact if exact is not None else Verdict(True, (self._failure(-1, _SPENT),))

    def _validated(self, step: Step) -> Verdict | None:
        """The verdict once the match conditions hold; None where the budget does not last."""
        try:
            results = [step.outcome(one) for one in self._validations]
            messages, trouble = self._run_messages(step)
            decisions = tuple(
                self._decision(at, result, messages[at] if messages else None, trouble)
                for at, result in enumerate(results)
            )
            return Verdict(True, decisions, self._annotations(step) if self._audit else ())
        except OutOfBudget:
            return None

    def matches(self, inputs: Inputs, budget: int = MATCH_BUDGET) -> tuple[bool, str]:
        """Whether the match conditions hold, and the error where that is not known (failurePolicy Fail only).

        A false condition decides, whatever failed beside it; with Ignore a failure means no match.
        """
        if not self._match:
            return True, ""
        bindings = {**inputs.bindings(), "namespaceObject": None}
        variables = self._variables if MATCH in self._setting.variables else {}
        for step in (QuickStep(bindings, variables, budget), Step(bindings, variables, budget)):
            try:
                return self._matched(step)
            except OutOfBudget:
                continue
        return (False, "") if self.policy.ignores else (True, _SPENT)

    def _matched(self, step: Step) -> tuple[bool, str]:
        results = [step.outcome(one) for one in self._match]
        errors = list(dict.fromkeys(one.message for one in results if isinstance(one, EvalError)))
        if any(one is False for one in results) or (errors and self.policy.ignores):
            return False, ""
        return True, errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]" if errors else ""

    def _failure(self, index: int, message: str) -> Decision:
        return Decision(index, not self.policy.ignores, True, message, "" if self.policy.ignores else "Invalid")

    def _run_messages(self, step: Step) -> tuple[list[Any], str]:
        """The messages' values (None without a messageExpression), and what kept all of them from being had."""
        then = step.then()
        try:
            return [None if one is None else then.outcome(one) for one in self._messages], ""
        except OutOfBudget:
            if step.quick:
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

    def _annotations(self, step: Step) -> tuple[Annotation, ...]:
        again = step.anew()
        found = []
        for one, compiled in zip(self.policy.audit_annotations, self._audit, strict=True):
            value = again.outcome(compiled)
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
