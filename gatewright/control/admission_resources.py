"""What the webhook says of our own resources: templates, constraints, Config (Gatekeeper behaviour, 2.3).

For `admission`, before any policy is asked. A template's code is not compiled here: its status tells whether it
compiles. Kinds of mutation, expansion and external data pass unchecked until those rooms exist; the API server's schema
of their CRDs holds meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gatewright.control.admission_envelope import DELETE, FAILED, UNPROCESSABLE, Call, Verdict, errored
from gatewright.core.errors import PolicyError
from gatewright.core.objects import Object
from gatewright.core.settings import Settings
from gatewright.kinds.config import CONFIG_NAME
from gatewright.kinds.resources import CHECKED_GROUPS, CONFIG_GROUP, CONSTRAINTS_GROUP, STATUS_GROUP, TEMPLATES_GROUP
from gatewright.kinds.templates import read_template
from gatewright.policy.crd_generation import constraint_crd
from gatewright.policy.enforcement import validate_enforcement

MAX_NAME = 63  # characters; names become label values of pod statuses

CheckConstraint = Callable[[Object], str]  # "" or why the constraint can't be accepted


def check(call: Call, settings: Settings, check_constraint: CheckConstraint) -> Verdict | None:
    """The refusal of a request about one of our resources; None where it may go on to policy review."""
    if call.group not in CHECKED_GROUPS:
        return None
    if call.operation == DELETE and not call.name:
        return None  # a whole collection: there is no object to look at
    if call.group != STATUS_GROUP and len(call.name.encode()) > MAX_NAME:
        length = len(call.name.encode())
        return errored(FAILED, f"resource cannot have metadata.name larger than 63 char; length: {length}")
    if call.group == TEMPLATES_GROUP and call.kind == "ConstraintTemplate":
        return _template(call)
    if call.group == CONSTRAINTS_GROUP:
        return _constraint(call, settings, check_constraint)
    if call.group == CONFIG_GROUP and call.kind == "Config" and call.name != CONFIG_NAME:
        return errored(UNPROCESSABLE, "config resource must have name 'config'")
    return None


def _template(call: Call) -> Verdict | None:
    subject = call.subject
    if subject is None:
        return errored(FAILED, "there is no object to decode")
    try:
        template = read_template(subject)
    except PolicyError as error:
        return errored(FAILED, error.what)
    for target in template.targets or ():
        if "*" in target.operations and len(target.operations) > 1:
            return errored(FAILED, "if '*' is present, must not specify other operations")
    try:
        constraint_crd(template)
    except PolicyError as error:
        return errored(UNPROCESSABLE, error.what)
    return None


def _constraint(call: Call, settings: Settings, check_constraint: CheckConstraint) -> Verdict | None:
    subject = call.subject
    if subject is None:
        return errored(FAILED, "there is no object to decode")
    text = check_constraint(subject)
    if text:
        return errored(UNPROCESSABLE, text)
    if settings.validate_enforcement_action or not isinstance(_action(subject), str):
        text = validate_enforcement(subject)
        if text:
            return errored(FAILED, text)
    return None


def _action(constraint: Object) -> Any:
    spec = constraint.get("spec")
    return (spec.get("enforcementAction") or "") if isinstance(spec, Mapping) else ""
