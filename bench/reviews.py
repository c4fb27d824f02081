"""Microseconds per review, and how compiled Rego stands beside the same policy written by hand, in the same run."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from typing import Any

import msgspec

from bench import by_hand, inputs
from bench.figures import Figure, compared, microseconds
from gatewright.control import admission
from gatewright.core.settings import Settings
from gatewright.policy.drivers import World
from gatewright.policy.policies import Policies

JSON = "application/json"


def figures() -> list[Figure]:
    """Figures of the engine, and of the webhook's decision from bytes to bytes."""
    found = [*_engine()]
    for count in (1, 50):
        found += _webhook(count)
    return found


def told(case: inputs.Case) -> list[list[tuple[str, Any]]]:
    """What the compiled policy says of each review of a case."""
    world = World({"inventory": {}})
    return [
        [(one.msg, one.details) for one in case.loaded.violations(review, case.parameters, world)]
        for review in case.reviews
    ]


def agree(case: inputs.Case) -> bool:
    """Whether the policy written by hand says the same of each review."""
    function = by_hand.POLICIES[case.name]
    by_function = [function(review.value, case.parameters) for review in case.reviews]
    return [_sorted(one) for one in told(case)] == [_sorted(one) for one in by_function]


def _sorted(violations: list[tuple[str, Any]]) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in violations)


def _engine() -> list[Figure]:
    ratios, found = [], []
    for name, function in by_hand.POLICIES.items():
        case = inputs.case(name)
        if not agree(case):
            raise AssertionError(f"{name}: the policy written by hand does not agree with the compiled one")
        compiled, by_function = compared(_compiled(case), _by_hand(case, function))
        ratios.append(compiled / by_function)
        count = len(case.reviews)
        note = f"{compiled / count:.1f} us compiled, {by_function / count:.1f} us by hand, over {count} samples"
        found.append(Figure(f"review, {name}: ratio to a Python function", ratios[-1], "x", note=note))
    note = "median of the five"
    return [*found, Figure("review: ratio to a Python function", statistics.median(ratios), "x", goal=1.5, note=note)]


def _compiled(case: inputs.Case) -> Callable[[], None]:
    world = World({"inventory": {}})

    def run() -> None:
        for review in case.reviews:
            case.loaded.violations(review, case.parameters, world)

    return run


def _by_hand(case: inputs.Case, function: Callable[..., Any]) -> Callable[[], None]:
    def run() -> None:
        for review in case.reviews:
            function(review.value, case.parameters)

    return run


def _webhook(count: int) -> list[Figure]:
    """One AdmissionReview, allowed under so many constraints: what the webhook does between two sockets."""
    body = inputs.admission_review()
    constraints = [inputs.registries(index) for index in range(count)]
    policies = Policies(inputs.objects(inputs.STARTERS / "trusted-registries" / "template.yaml"), constraints)
    settings, fetched = Settings(), admission.Fetched(namespaces={"shop": {"metadata": {"name": "shop"}}})

    def decide() -> admission.Answer | admission.Needs:
        return admission.admit(body, JSON, policies.snapshot, settings, fetched)

    parameters = [one["spec"]["parameters"] for one in constraints]

    def handler() -> bytes:
        return _handler(body, parameters)

    answer = decide()
    if not isinstance(answer, admission.Answer) or not answer.verdict.allowed:
        raise AssertionError(f"the bench's Pod is not allowed: {answer}")
    taken, by_function = compared(decide, handler)
    what = f"webhook decision, {count} constraint{'s' if count > 1 else ''}"
    size = f"{len(body)} bytes of AdmissionReview"
    decode = microseconds(lambda: msgspec.json.decode(body))
    return [
        Figure(what, taken, "us", note=f"{size}, bytes to bytes; decoding alone {decode:.1f} us"),
        Figure(f"{what}: ratio to a Python handler", taken / by_function, "x", note=f"by hand {by_function:.1f} us"),
    ]


def _handler(body: bytes, parameters: list[dict[str, Any]]) -> bytes:
    """The whole webhook written by hand for this one policy: decode, match the kind, evaluate, encode."""
    request = msgspec.json.decode(body)["request"]
    messages = []
    if (request["kind"]["group"], request["kind"]["kind"]) == ("", "Pod"):
        for held in parameters:
            messages += [text for text, _ in by_hand.trusted_registries(request, held)]
    status = {"code": 403 if messages else 200, "message": "\n".join(sorted(messages))}
    response = {"uid": request["uid"], "allowed": not messages, "status": status}
    return msgspec.json.encode({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
