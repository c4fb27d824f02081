"""Whether a constraint can be accepted: against the rules of all constraints, and against its template's schema.

Called by the webhook (through `Snapshot.validate_constraint`), by `control.constraint_ingest` and by gator. The steps
and texts are Gatekeeper's (behaviour 2.3, "Constraint validation pipeline", and 1.3 for the controller's prefixes).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gatewright.core import names
from gatewright.core.errors import PolicyError
from gatewright.core.field_errors import Path, message
from gatewright.core.go_text import quote
from gatewright.core.objects import Kind, Object, metadata
from gatewright.core.schemas import Schema, compile_schema
from gatewright.core.selectors import validate_label_selector
from gatewright.core.settings import Settings
from gatewright.kinds.resources import CONSTRAINT_VERSIONS, CONSTRAINTS_GROUP
from gatewright.kinds.templates import Template
from gatewright.policy.crd_generation import constraint_schema
from gatewright.policy.enforcement import SCOPED, EnforcementError, action_of, actions_by_point, validate_enforcement
from gatewright.policy.match import MatchError, accessor_error, check_selector, matcher_of, without_nulls

INVALID = "invalid Constraint"


class ConstraintRefused(PolicyError):
    """A constraint that can't be used as it stands; `what` is Gatekeeper's text."""


def template_missing(kind: str) -> str:
    """The text for a constraint whose template is not known."""
    return f"missing ConstraintTemplate: template {quote(kind.lower())} not found"


def validate_metadata(constraint: Object) -> str:
    """Name, kind and group; "" when they are there."""
    name, kind = _name(constraint), Kind.of(constraint)
    if not name:
        return f"{INVALID}: missing metadata.name"
    if not kind.kind:
        return f"{INVALID}: missing kind"
    if kind.group != CONSTRAINTS_GROUP:
        return (
            f"{INVALID}: wrong API Group for Constraint {quote(name)}, "
            f"got {quote(kind.group)} but need {quote(CONSTRAINTS_GROUP)}"
        )
    return ""


def validate_selectors(constraint: Object) -> str:
    """The two selectors of spec.match; "" when they are valid. Both are told under the path spec.labelSelector, as
    Gatekeeper does."""
    for field in ("labelSelector", "namespaceSelector"):
        found, error = _nested(constraint, "spec", "match", field)
        if error:
            return error
        if found is None:
            continue
        try:
            check_selector(found)
        except MatchError as wrong:
            return f"Could not convert JSON to LabelSelector: {wrong.what}"
        errors = validate_label_selector(without_nulls(found), Path("spec", "labelSelector"))
        if errors:
            return message(errors)
    return ""


def validate_against(constraint: Object, template: Template) -> str:
    """The whole pipeline after the metadata: selectors, name, kind, version, schema, unknown fields. "" when the
    constraint is valid."""
    text = validate_selectors(constraint)
    if text:
        return f"{INVALID}: {text}"
    name, kind = _name(constraint), Kind.of(constraint)
    texts = names.dns_subdomain(name)
    if texts:
        joined = "\n".join(texts)
        return f"{INVALID}: invalid name: {quote(joined)}"
    if kind.kind != template.kind:
        # The order of name and kind in this text is Gatekeeper's.
        return f"{INVALID}: wrong kind {quote(name)} for constraint {quote(kind.kind)}; want {quote(template.kind)}"
    if kind.version not in CONSTRAINT_VERSIONS:
        known = " ".join(f"{version}:true" for version in sorted(CONSTRAINT_VERSIONS))
        return (
            f"{INVALID}: unsupported version {quote(kind.version)} for Constraint {quote(name)}; "
            f"supported versions: map[{known}]"
        )
    return validate_schema(constraint, template)


def check_constraint(constraint: Object, template: Template, settings: Settings) -> None:
    """What the constraint controller checks before it takes a constraint over.

    Raises ConstraintRefused: "could not validate enforcement actions: ..." or "could not cache constraint: ...".
    """
    if settings.validate_enforcement_action:
        text = validate_enforcement(constraint)
        if text:
            raise ConstraintRefused(f"could not validate enforcement actions: {text}")
    text = validate_metadata(constraint) or validate_against(constraint, template) or check_loadable(constraint)
    if text:
        raise ConstraintRefused(f"could not cache constraint: {text}")


def validate_schema(constraint: Object, template: Template) -> str:
    """The constraint against the schema of its CRD, and against fields that the schema does not know; "" when it is
    valid."""
    schema = schema_of(template)
    errors = schema.validate(constraint, Path(""))
    if errors:
        return f"schema validation failed: {message(errors)}"
    _, unknown = schema.prune(constraint)
    return f"{INVALID}: unknown fields: [{' '.join(unknown)}]" if unknown else ""


def with_defaults(constraint: Object, template: Template) -> Object:
    """The constraint with the defaults of its CRD's schema filled in; the same object where there is nothing to fill
    in."""
    filled: Object = schema_of(template).default(constraint)
    return filled


def schema_of(template: Template) -> Schema:
    """The compiled schema of the template's constraints."""
    return _compiled(json.dumps(template.schema, sort_keys=True, default=dict))


@lru_cache(maxsize=1024)
def _compiled(parameters: str) -> Schema:
    # By its text: templates are read anew for each plan, and compiling costs a thousand times a check.
    schema = json.loads(parameters)
    return compile_schema(constraint_schema(schema))


def check_loadable(constraint: Object) -> str:
    """Why a valid constraint still can't be put into a snapshot; "" when it can."""
    try:
        if action_of(constraint) == SCOPED:
            actions_by_point(constraint)
    except EnforcementError as error:
        return error.what
    try:
        matcher_of(constraint)
    except MatchError as error:
        return f"{INVALID}: {error.what}"
    return ""


def _name(constraint: Object) -> str:
    return str(metadata(constraint).get("name") or "")


def _nested(thing: Any, *path: str) -> tuple[Any, str]:
    """The object at a path (None where a step is absent or null), or the error for a step that is no object."""
    for i, step in enumerate(path):
        if not isinstance(thing, Mapping):
            return None, accessor_error(f".{'.'.join(path[: i + 1])}", thing)
        thing = thing.get(step)
        if thing is None:
            return None, ""
    if not isinstance(thing, Mapping):
        return None, accessor_error(f".{'.'.join(path)}", thing)
    return thing, ""
