"""What happens on a violation, and where: enforcement actions and enforcement points.

Read by `snapshot` (which actions hold at a point), by `constraint_checks` and `control` (is the constraint's wish
valid). Rules and texts: Gatekeeper behaviour, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.errors import PolicyError
from gatewright.core.go_text import quote
from gatewright.core.objects import Object
from gatewright.policy.match import go_type, shown

DENY, WARN, DRYRUN, SCOPED = "deny", "warn", "dryrun", "scoped"
UNRECOGNIZED = "unrecognized"  # the label of metrics for every other word

WEBHOOK_POINT = "validation.gatekeeper.sh"
AUDIT_POINT = "audit.gatekeeper.sh"
GATOR_POINT = "gator.gatekeeper.sh"
VAP_POINT = "vap.k8s.io"
EVERY_POINT = "*"
POINTS = (WEBHOOK_POINT, AUDIT_POINT, GATOR_POINT, VAP_POINT)

_ACTIONS = (DENY, DRYRUN, WARN, SCOPED)
_SCOPED_ACTIONS = (DENY, DRYRUN, WARN)
_SCOPED_SHAPE = "[{action: string, enforcementPoints: [{name: string}]}]"


class EnforcementError(PolicyError):
    """spec.enforcementAction or spec.scopedEnforcementActions can't be used; `what` is Gatekeeper's text."""


@dataclass(frozen=True, slots=True)
class ScopedAction:
    action: str
    points: tuple[str, ...]


def action_of(constraint: Object) -> str:
    """The constraint's action as it stands; "deny" when it is absent. Raises EnforcementError when it is no string."""
    spec = constraint.get("spec")
    if not isinstance(spec, Mapping) or "enforcementAction" not in spec:
        return DENY
    action = spec["enforcementAction"]
    if not isinstance(action, str):
        raise EnforcementError("invalid Constraint: invalid spec.enforcementAction")
    return action


def metric_action(constraint: Object) -> str:
    """The action as metrics name it: unknown words are "unrecognized", "" is deny."""
    spec = constraint.get("spec")
    action = spec.get("enforcementAction") if isinstance(spec, Mapping) else None
    if action is None or action == "":
        return DENY
    return action if action in _ACTIONS else UNRECOGNIZED


def actions_by_point(constraint: Object, points: Iterable[str] = POINTS) -> dict[str, tuple[str, ...]]:
    """Per enforcement point, the scoped actions that hold there, in the order of the constraint and each once.

    Only for constraints whose action is "scoped"; points without an action are left out. Raises EnforcementError.
    """
    found: dict[str, dict[str, None]] = {}
    wanted = tuple(points)
    spec = constraint.get("spec")
    entries = spec.get("scopedEnforcementActions") if isinstance(spec, Mapping) else None
    if not isinstance(entries, list):
        raise EnforcementError("missing required field: spec.scopedEnforcementActions must be defined")
    for entry in entries:
        scoped = _loaded(entry)
        for point in wanted:
            if point in scoped.points or EVERY_POINT in scoped.points:
                found.setdefault(point, {})[scoped.action] = None
    return {point: tuple(actions) for point, actions in found.items()}


def actions_at(constraint: Object, point: str) -> tuple[str, ...] | None:
    """The actions of a constraint at a point: () when the action isn't scoped (the action itself holds everywhere),
    the scoped actions where it is, None when the constraint is scoped away from the point. Raises EnforcementError."""
    if action_of(constraint) != SCOPED:
        return ()
    return actions_by_point(constraint, (point,)).get(point)


def _loaded(entry: Any) -> ScopedAction:
    if not isinstance(entry, Mapping):
        raise EnforcementError(f"invalid Constraint: scopedEnforcementActions value must be a {_SCOPED_SHAPE}")
    points = entry.get("enforcementPoints")
    action = entry.get("action")
    if not isinstance(points or [], list) or not isinstance(action or "", str):
        raise EnforcementError(f"invalid Constraint: scopedEnforcementActions value must be a {_SCOPED_SHAPE}")
    names = (point.get("name") or "" if isinstance(point, Mapping) else "" for point in points or ())
    return ScopedAction(action or "", tuple(str(name) for name in names))


def _scoped_actions(constraint: Object) -> tuple[ScopedAction, ...]:
    spec = constraint.get("spec")
    if not isinstance(spec, Mapping) or "scopedEnforcementActions" not in spec:
        raise EnforcementError("error fetching scopedEnforcementActions: scopedEnforcementActions is required")
    entries = spec["scopedEnforcementActions"]
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise EnforcementError(
            "error fetching scopedEnforcementActions: could not convert JSON to scopedEnforcementActions: "
            f"spec.scopedEnforcementActions is of the type {go_type(entries)}"
        )
    return tuple(_loaded(entry) for entry in entries)


def validate_enforcement(constraint: Object) -> str:
    """Why the constraint's enforcement actions can't be accepted, "" when they can.

    The webhook and the constraint controller refuse with this text (Gatekeeper behaviour, 2.3 and section 4). An
    absent or empty action is deny.
    """
    spec = constraint.get("spec")
    action = spec.get("enforcementAction") if isinstance(spec, Mapping) else None
    if action is None or action == "":
        return ""
    if not isinstance(action, str):
        return (
            "spec.enforcementAction must be a string: .spec.enforcementAction accessor error: "
            f"{shown(action)} is of the type {go_type(action)}, expected string"
        )
    if action != SCOPED:
        return "" if action in _SCOPED_ACTIONS else _unknown_action(quote(action), _ACTIONS)
    try:
        return _validate_scoped(_scoped_actions(constraint))
    except EnforcementError as error:
        return error.what


def _validate_scoped(entries: tuple[ScopedAction, ...]) -> str:
    bad_actions = [entry.action for entry in entries if entry.action not in _SCOPED_ACTIONS]
    bad_points: list[str] = []
    for entry in entries:
        if not entry.points:
            bad_points.append("")
        bad_points += [point for point in entry.points if point not in POINTS and point != EVERY_POINT]
    texts = []
    if bad_points:
        texts.append(
            "unrecognized enforcement points: constraint will not be enforced for enforcement points "
            f"[{' '.join(bad_points)}], supported enforcement points are [{' '.join(POINTS)}]"
        )
    if bad_actions:
        texts.append(_unknown_action(f"[{' '.join(bad_actions)}]", _SCOPED_ACTIONS))
    return "\n".join(texts)


def _unknown_action(what: str, known: tuple[str, ...]) -> str:
    return f"unrecognized enforcementAction: {what} is not within the supported list [{' '.join(known)}]"
