"""From a template to the CRD of its constraints.

Called by `control` (the CRD to apply), by the webhook (may this template be created) and by gator. Equal to what
Gatekeeper generates (behaviour 1.2, goldens/crd); a template whose CRD Kubernetes would refuse is refused here with
Kubernetes' own texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gatewright.core.crds.definition import validate_create
from gatewright.core.crds.strategy import default_crd, prepare_create
from gatewright.core.errors import PolicyError
from gatewright.core.field_errors import message
from gatewright.core.go_text import quote
from gatewright.kinds.resources import CONSTRAINT_VERSIONS, CONSTRAINTS_GROUP, constraint_crd_name
from gatewright.kinds.templates import PRESERVE, TARGET, Template
from gatewright.policy.match_schema import match_schema

CONSTRAINT_LABEL = "gatekeeper.sh/constraint"
INVALID_TEMPLATE = "invalid ConstraintTemplate"

_COLUMNS: tuple[dict[str, Any], ...] = (
    {
        "name": "enforcement-action",
        "type": "string",
        "description": "Type of enforcement action",
        "jsonPath": ".spec.enforcementAction",
    },
    {
        "name": "total-violations",
        "type": "integer",
        "description": "Total number of violations",
        "jsonPath": ".status.totalViolations",
    },
)


class TemplateRefused(PolicyError):
    """A template from which no CRD can be made, or whose code no engine takes; `what` is Gatekeeper's text."""


def check_template(template: Template) -> None:
    """What must hold of a template before anything is made of it: one target, ours; a kind; a name that is the
    lower-case kind.

    Raises TemplateRefused.
    """
    if not template.kind:
        raise TemplateRefused(
            f"{INVALID_TEMPLATE}: ConstraintTemplate {quote(template.name)} does not specify CRD Kind"
        )
    if template.name.lower() != template.kind.lower():
        raise TemplateRefused(
            f"{INVALID_TEMPLATE}: the ConstraintTemplate's name {quote(template.name)} is not equal to the lowercase "
            f"of CRD's Kind: {quote(template.kind.lower())}"
        )
    if template.targets is None or len(template.targets) != 1:
        raise TemplateRefused(f"{INVALID_TEMPLATE}: must declare exactly one target")
    target = template.targets[0].name
    if not target:
        raise TemplateRefused(f"{INVALID_TEMPLATE}: target name must not be empty")
    if target != TARGET:
        raise TemplateRefused(f"{INVALID_TEMPLATE}: target {quote(target)} not recognized, known targets [{TARGET}]")


def constraint_crd(template: Template) -> dict[str, Any]:
    """The CustomResourceDefinition (v1) of the template's constraints, without status and owner.

    Raises TemplateRefused with the text "invalid ConstraintTemplate: ...".
    """
    check_template(template)
    made_of = (template.kind, list(template.short_names), dict(template.labels or {}), template.schema)
    errors = _crd_errors(json.dumps(made_of, sort_keys=True))
    if errors:
        raise TemplateRefused(f"{INVALID_TEMPLATE}: {errors}")
    return _crd(*made_of)


@lru_cache(maxsize=1024)
def _crd_errors(made_of: str) -> str:
    # Remembered by its text: a template is looked at in every plan about it, and this takes a millisecond or two.
    return message(validate_create(prepare_create(default_crd(_crd(*json.loads(made_of))))))


def _crd(kind: str, short_names: list[str], labels: Mapping[str, str], parameters: Any) -> dict[str, Any]:
    schema = constraint_schema(parameters)
    names: dict[str, Any] = {
        "plural": kind.lower(),
        "singular": kind.lower(),
        "kind": kind,
        "listKind": f"{kind}List",
        "categories": ["constraint", "constraints"],
    }
    if short_names:
        names["shortNames"] = short_names
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": constraint_crd_name(kind), "labels": {**labels, CONSTRAINT_LABEL: "yes"}},
        "spec": {
            "group": CONSTRAINTS_GROUP,
            "names": names,
            "scope": "Cluster",
            "versions": [_version(name, schema, name == CONSTRAINT_VERSIONS[0]) for name in CONSTRAINT_VERSIONS],
            "conversion": {"strategy": "None"},
        },
    }


def _version(name: str, schema: dict[str, Any], storage: bool) -> dict[str, Any]:
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [dict(column) for column in _COLUMNS],
    }


def constraint_schema(parameters: Any) -> dict[str, Any]:
    """The schema of a whole constraint: match, enforcement and the template's parameters, where it has a schema for
    them."""
    point = {"type": "object", "properties": {"name": {"type": "string"}}}
    scoped = {
        "type": "object",
        "properties": {"action": {"type": "string"}, "enforcementPoints": {"type": "array", "items": point}},
    }
    fields: dict[str, Any] = {
        "enforcementAction": {"type": "string", "default": "deny"},
        "match": match_schema(),
        "scopedEnforcementActions": {"type": "array", "items": scoped},
    }
    if parameters is not None:
        fields["parameters"] = parameters
    name = {"type": "string", "maxLength": 63}
    return {
        "type": "object",
        "properties": {
            "metadata": {"type": "object", "properties": {"name": name}},
            "spec": {"type": "object", "properties": fields},
            "status": {PRESERVE: True},
        },
    }
