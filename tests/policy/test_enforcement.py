"""Enforcement actions: what is valid, and what holds at a point."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.policy.enforcement import (
    AUDIT_POINT,
    GATOR_POINT,
    WEBHOOK_POINT,
    EnforcementError,
    actions_at,
    metric_action,
    validate_enforcement,
)

POINTS = "[validation.gatekeeper.sh audit.gatekeeper.sh gator.gatekeeper.sh vap.k8s.io]"
ACTIONS = "is not within the supported list"


def constraint(action: Any = "scoped", *scoped: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"enforcementAction": action}
    if scoped:
        spec["scopedEnforcementActions"] = list(scoped)
    return {"spec": spec}


def at(action: str, *points: str) -> dict[str, Any]:
    return {"action": action, "enforcementPoints": [{"name": point} for point in points]}


@pytest.mark.parametrize(
    ("item", "text"),
    [
        pytest.param({}, "", id="absent"),
        pytest.param(constraint("deny"), "", id="deny"),
        pytest.param(constraint(""), "", id="empty is deny"),
        pytest.param(
            constraint("bogus"),
            f'unrecognized enforcementAction: "bogus" {ACTIONS} [deny dryrun warn scoped]',
            id="unknown",
        ),
        pytest.param(
            constraint(3),
            "spec.enforcementAction must be a string: .spec.enforcementAction accessor error: "
            "3 is of the type int64, expected string",
            id="no string",
        ),
        pytest.param(constraint("scoped", at("deny", WEBHOOK_POINT, "*")), "", id="scoped"),
        pytest.param(
            constraint("scoped"),
            "error fetching scopedEnforcementActions: scopedEnforcementActions is required",
            id="scoped without a list",
        ),
        pytest.param(
            constraint("scoped", at("deny", "web"), at("bogus")),
            "unrecognized enforcement points: constraint will not be enforced for enforcement points [web ], "
            f"supported enforcement points are {POINTS}\n"
            f"unrecognized enforcementAction: [bogus] {ACTIONS} [deny dryrun warn]",
            id="unknown point, no point, unknown action",
        ),
    ],
)
def test_validation(item: dict[str, Any], text: str) -> None:
    assert validate_enforcement(item) == text


@pytest.mark.parametrize(
    ("item", "point", "actions"),
    [
        pytest.param({}, AUDIT_POINT, (), id="deny everywhere"),
        pytest.param(constraint("warn"), AUDIT_POINT, (), id="unscoped holds everywhere"),
        pytest.param(constraint("scoped", at("deny", AUDIT_POINT)), WEBHOOK_POINT, None, id="scoped away"),
        pytest.param(
            constraint("scoped", at("warn", "*"), at("deny", GATOR_POINT, "x"), at("warn", GATOR_POINT)),
            GATOR_POINT,
            ("warn", "deny"),
            id="each once, in order",
        ),
    ],
)
def test_actions_at_a_point(item: dict[str, Any], point: str, actions: tuple[str, ...] | None) -> None:
    assert actions_at(item, point) == actions


def test_a_scoped_constraint_needs_its_list() -> None:
    with pytest.raises(EnforcementError) as caught:
        actions_at(constraint("scoped"), AUDIT_POINT)
    assert caught.value.what == "missing required field: spec.scopedEnforcementActions must be defined"


@pytest.mark.parametrize(("item", "label"), [({}, "deny"), (constraint("x"), "unrecognized"), (constraint(), "scoped")])
def test_metric_label(item: dict[str, Any], label: str) -> None:
    assert metric_action(item) == label
