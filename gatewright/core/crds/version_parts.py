"""The parts of a version of a CustomResourceDefinition beside its schema: columns, subresources, selectable fields,
conversion.

Called by `definition`. Source: Kubernetes "CustomResourceDefinition" reference and the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.core import webhook_clients
from gatewright.core.crds import structural
from gatewright.core.crds.field_paths import find_field
from gatewright.core.field_errors import (
    FieldError,
    Marshalled,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_many,
)
from gatewright.core.objects import Object

MOST_SELECTABLE = 8
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")


def one_of(path: Path, value: str, choices: tuple[str, ...]) -> list[FieldError]:
    """Errors of a required choice."""
    if not value:
        return [required(path)]
    return [] if value in choices else [not_supported(path, value, choices)]


def _simple_path_errors(text: str, path: Path) -> list[FieldError]:
    if not text.startswith("."):
        return [invalid(path, text, "must be a simple json path starting with .")]
    return []


def column_errors(column: Object, path: Path) -> list[FieldError]:
    """Errors of a printer column."""
    errors: list[FieldError] = []
    if not column.get("name"):
        errors.append(required(path.child("name")))
    told = "must be one of "
    kind, form, text = column.get("type") or "", column.get("format") or "", column.get("jsonPath") or ""
    if not kind:
        errors.append(required(path.child("type"), told + ",".join(_COLUMN_TYPES)))
    elif kind not in _COLUMN_TYPES:
        errors.append(invalid(path.child("type"), kind, told + ",".join(_COLUMN_TYPES)))
    if form and form not in _COLUMN_FORMATS:
        errors.append(invalid(path.child("format"), form, told + ",".join(_COLUMN_FORMATS)))
    if not text:
        return [*errors, required(path.child("JSONPath"))]
    return errors + _simple_path_errors(text, path.child("JSONPath"))


def subresource_errors(subresources: Object | None, path: Path) -> list[FieldError]:
    """Errors of the paths of the scale subresource."""
    scale = (subresources or {}).get("scale")
    if scale is None:
        return []
    errors: list[FieldError] = []
    for key, root in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        text, at = scale.get(key) or "", path.child(f"scale.{key}")
        if not text:
            errors.append(required(at))
        elif found := _simple_path_errors(text, at):
            errors += found
        elif not text.startswith(f"{root}."):
            errors.append(invalid(at, text, f"should be a json path under {root}"))
    selector, at = scale.get("labelSelectorPath") or "", path.child("scale.labelSelectorPath")
    if selector:
        found = _simple_path_errors(selector, at)
        if not found and not selector.startswith((".spec.", ".status.")):
            found = [invalid(at, Marshalled(selector), "should be a json path under either .spec or .status")]
        errors += found
    return errors


def selectable_errors(fields: Sequence[Object], validation: Object, path: Path, many: bool) -> list[FieldError]:
    """Errors of the fields that selectors may name. many: whether more than the server allows were there before."""
    schema: Object = validation.get("openAPIV3Schema") or {}
    errors: list[FieldError] = []
    if problem := structural.unreadable(schema):
        errors.append(invalid(path.child("schema.openAPIV3Schema"), "", problem))
        schema = {}
    at = path.child("selectableFields")
    seen: set[str] = set()
    for position, each in enumerate(fields):
        text, here = each.get("jsonPath") or "", at.index(position).child("jsonPath")
        if not text:
            errors.append(required(here))
            continue
        found = find_field(schema, text, brackets=False)
        if isinstance(found, str):
            errors.append(invalid(here, text, f"is an invalid path: {found}"))
            continue
        if found.names[:1] == ("metadata",):
            errors.append(invalid(here, text, "must not point to fields in metadata"))
        if found.schema.get("type") not in ("string", "boolean", "integer"):
            told = "must point to a field of type string, boolean or integer. "
            errors.append(invalid(here, text, told + "Enum string fields and strings with formats are allowed."))
        if found.text in seen:
            errors.append(duplicate(here, text))
        seen.add(found.text)
    if len(seen) > MOST_SELECTABLE and not many:
        errors.append(too_many(at, len(seen), MOST_SELECTABLE))
    return errors


def conversion_errors(spec: Object, path: Path, demand_known: bool) -> list[FieldError]:
    """Errors of the conversion between versions. demand_known: a review version that the server knows must be named."""
    conversion = spec.get("conversion")
    if conversion is None:
        return []
    at = path.child("conversion")
    strategy = conversion.get("strategy") or ""
    webhook = conversion.get("webhook") or {}
    client, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or ()
    errors = one_of(at.child("strategy"), strategy, ("None", "Webhook"))
    if strategy != "Webhook":
        told = "should not be set when strategy is not set to Webhook"
        if client is not None:
            errors.append(forbidden(at.child("webhookClientConfig"), told))
        if versions:
            errors.append(forbidden(at.child("conversionReviewVersions"), told))
        return errors
    if client is None:
        told = "required when strategy is set to Webhook"
        errors.append(required(at.child("webhookClientConfig"), told))
    else:
        errors += webhook_clients.client_errors(client, at.child("webhookClientConfig"))
    return errors + webhook_clients.review_version_errors(
        versions, at.child("conversionReviewVersions"), demand_known=demand_known, labels=True
    )
