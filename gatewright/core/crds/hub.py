"""A CustomResourceDefinition as the API server's own code sees it: what all versions share stands once, at the top.

`definition` validates this form, therefore paths such as spec.validation.openAPIV3Schema appear in messages although
v1 has no such field. Values of whole versions and schemas are printed with the names of this form (`shown_versions`,
`shown_schema`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatewright.core.go_text import Struct
from gatewright.core.metadata import unchanged
from gatewright.core.objects import Object

_SHARED = ("subresources", "schema", "additionalPrinterColumns", "selectableFields")


@dataclass(frozen=True, slots=True)
class Hub:
    """spec: as written. The shared parts are None or () where versions differ or have none; `versions` lack what is
    shared."""

    spec: Object
    versions: tuple[Object, ...]
    version: str
    schema: Object | None  # {"openAPIV3Schema": ...}
    subresources: Object | None
    columns: Sequence[Object]
    selectable: Sequence[Object]


def hub_of(crd: Object) -> Hub:
    """The shared form of a CustomResourceDefinition."""
    spec: Object = crd.get("spec") or {}
    written: Sequence[Object] = spec.get("versions") or ()
    if not written:
        return Hub(spec, (), "", None, None, (), ())
    first = written[0]
    shared: dict[str, Any] = {}
    for name in _SHARED:
        if all(unchanged_part(each.get(name), first.get(name)) for each in written):
            shared[name] = first.get(name)
    versions = tuple({key: value for key, value in each.items() if key not in shared} for each in written)
    return Hub(
        spec,
        versions,
        first.get("name") or "",
        shared.get("schema"),
        shared.get("subresources"),
        shared.get("additionalPrinterColumns") or (),
        shared.get("selectableFields") or (),
    )


def unchanged_part(new: Any, old: Any) -> bool:
    """Equality of parts of a version: absent differs from present, lists may be absent or empty."""
    if isinstance(new, Mapping) != isinstance(old, Mapping):
        return False
    return unchanged(new, old)


def shown_versions(versions: Sequence[Object]) -> list[Struct]:
    """Versions as messages print them."""
    return [_shown_version(each) for each in versions]


def _shown_version(version: Object) -> Struct:
    schema = version.get("schema")
    return Struct(
        [
            ("Name", version.get("name") or ""),
            ("Served", version.get("served") or False),
            ("Storage", version.get("storage") or False),
            ("Deprecated", version.get("deprecated") or False),
            ("DeprecationWarning", version.get("deprecationWarning")),
            (
                "Schema",
                None if schema is None else Struct([("OpenAPIV3Schema", _maybe(schema.get("openAPIV3Schema")))]),
            ),
            ("Subresources", _shown_subresources(version.get("subresources"))),
            ("AdditionalPrinterColumns", _shown_columns(version.get("additionalPrinterColumns"))),
            (
                "SelectableFields",
                [Struct([("JSONPath", each.get("jsonPath") or "")]) for each in version.get("selectableFields") or ()]
                or None,
            ),
        ]
    )


def _shown_subresources(subresources: Object | None) -> Struct | None:
    if subresources is None:
        return None
    scale = subresources.get("scale")
    shown = None
    if scale is not None:
        shown = Struct(
            [
                ("SpecReplicasPath", scale.get("specReplicasPath") or ""),
                ("StatusReplicasPath", scale.get("statusReplicasPath") or ""),
                ("LabelSelectorPath", scale.get("labelSelectorPath")),
            ]
        )
    return Struct([("Status", subresources.get("status")), ("Scale", shown)])


def _shown_columns(columns: Sequence[Object] | None) -> list[Struct] | None:
    if not columns:
        return None
    return [
        Struct(
            [
                ("Name", each.get("name") or ""),
                ("Type", each.get("type") or ""),
                ("Format", each.get("format") or ""),
                ("Description", each.get("description") or ""),
                ("Priority", each.get("priority") or 0),
                ("JSONPath", each.get("jsonPath") or ""),
            ]
        )
        for each in columns
    ]


# The fields of a schema in the order in which they are printed: name here, name in JSON, what stands for none.
SCHEMA_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("ID", "id", ""),
    ("Schema", "$schema", ""),
    ("Ref", "$ref", None),
    ("Description", "description", ""),
    ("Type", "type", ""),
    ("Nullable", "nullable", False),
    ("Format", "format", ""),
    ("Title", "title", ""),
    ("Default", "default", None),
    ("Maximum", "maximum", None),
    ("ExclusiveMaximum", "exclusiveMaximum", False),
    ("Minimum", "minimum", None),
    ("ExclusiveMinimum", "exclusiveMinimum", False),
    ("MaxLength", "maxLength", None),
    ("MinLength", "minLength", None),
    ("Pattern", "pattern", ""),
    ("MaxItems", "maxItems", None),
    ("MinItems", "minItems", None),
    ("UniqueItems", "uniqueItems", False),
    ("MultipleOf", "multipleOf", None),
    ("Enum", "enum", None),
    ("MaxProperties", "maxProperties", None),
    ("MinProperties", "minProperties", None),
    ("Required", "required", None),
    ("Items", "items", None),
    ("AllOf", "allOf", None),
    ("OneOf", "oneOf", None),
    ("AnyOf", "anyOf", None),
    ("Not", "not", None),
    ("Properties", "properties", None),
    ("AdditionalProperties", "additionalProperties", None),
    ("PatternProperties", "patternProperties", None),
    ("Dependencies", "dependencies", None),
    ("AdditionalItems", "additionalItems", None),
    ("Definitions", "definitions", None),
    ("ExternalDocs", "externalDocs", None),
    ("Example", "example", None),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", None),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", False),
    ("XIntOrString", "x-kubernetes-int-or-string", False),
    ("XListMapKeys", "x-kubernetes-list-map-keys", None),
    ("XListType", "x-kubernetes-list-type", None),
    ("XMapType", "x-kubernetes-map-type", None),
    ("XValidations", "x-kubernetes-validations", None),
)


def shown_schema(schema: Object) -> Struct:
    """A schema as messages print it."""
    return Struct([(name, _shown_field(key, schema.get(key), none)) for name, key, none in SCHEMA_FIELDS])


def _maybe(schema: Object | None) -> Struct | None:
    return None if schema is None else shown_schema(schema)


def _shown_field(key: str, value: Any, none: Any) -> Any:
    if value is None:
        return none
    if key in ("allOf", "oneOf", "anyOf"):
        return [shown_schema(each) for each in value] or None
    if key == "not":
        return shown_schema(value)
    if key in ("properties", "patternProperties", "definitions"):
        return {name: shown_schema(each) for name, each in value.items()}
    if key == "items":
        return shown_items(value)
    if key in ("additionalProperties", "additionalItems"):
        allows = value if isinstance(value, bool) else True
        schema = None if isinstance(value, bool) else shown_schema(value)
        return Struct([("Allows", allows), ("Schema", schema)])
    if key == "externalDocs":
        return Struct([("Description", value.get("description") or ""), ("URL", value.get("url") or "")])
    if key == "x-kubernetes-validations":
        return [shown_rule(each) for each in value] or None
    return value


def shown_items(items: Any) -> Struct:
    """The schema of items as messages print it: one schema, or a list of them."""
    if isinstance(items, Mapping):
        return Struct([("Schema", shown_schema(items)), ("JSONSchemas", None)])
    return Struct([("Schema", None), ("JSONSchemas", [shown_schema(each) for each in items])])


def shown_rule(rule: Object) -> Struct:
    """A validation rule as messages print it."""
    return Struct(
        [
            ("Rule", rule.get("rule") or ""),
            ("Message", rule.get("message") or ""),
            ("MessageExpression", rule.get("messageExpression") or ""),
            ("Reason", rule.get("reason")),
            ("FieldPath", rule.get("fieldPath") or ""),
            ("OptionalOldSelf", rule.get("optionalOldSelf")),
        ]
    )
