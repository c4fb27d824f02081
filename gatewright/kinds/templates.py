"""ConstraintTemplate as a record, the same for each served version.

Read by `policy` (CRD generation, compiling) and by `control`. The rules of conversion are Gatekeeper's (behaviour
1.1, "Conversion to internal"): `rego` and `libs` of a target become, or replace, its code for the engine Rego;
`legacySchema` (default true in the two older versions) lets every object of the parameters keep unknown fields.
Whether the template makes sense is decided in `policy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.errors import PolicyError
from gatewright.core.objects import Kind, Object, metadata
from gatewright.kinds.resources import TEMPLATE_VERSIONS, TEMPLATES_GROUP, is_template

TARGET = "admission.k8s.gatekeeper.sh"  # the one target there is
REGO = "Rego"
NATIVE = "K8sNativeValidation"
PRESERVE = "x-kubernetes-preserve-unknown-fields"

# Codes of status.byPod[].errors (Gatekeeper behaviour, 1.3)
CREATE_ERROR = "create_error"
UPDATE_ERROR = "update_error"
CONVERSION_ERROR = "conversion_error"
INGEST_ERROR = "ingest_error"
PARSE_ERROR = "parse_error"


@dataclass(frozen=True, slots=True)
class TemplateError:
    """One entry of status.byPod[].errors."""

    code: str
    message: str
    location: str = ""

    def to_object(self) -> dict[str, Any]:
        entry = {"code": self.code, "message": self.message}
        return {**entry, "location": self.location} if self.location else entry


class NotATemplate(PolicyError):
    """The object is no ConstraintTemplate that can be read (status code conversion_error)."""


@dataclass(frozen=True, slots=True)
class Code:
    """One engine's source. `source` is whatever JSON value the template holds (None when absent)."""

    engine: str
    source: Any


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    code: tuple[Code, ...] = ()
    operations: tuple[str, ...] = ()

    def source(self, engine: str) -> Any:
        """The source for an engine, or None."""
        for code in self.code:
            if code.engine == engine:
                return code.source
        return None


@dataclass(frozen=True, slots=True)
class Template:
    """What a ConstraintTemplate says.

    schema:       the schema of spec.parameters after conversion, or None: constraints have no parameters
    targets:      None when spec.targets is absent (an error that `policy` words differently from an empty list)
    """

    name: str
    kind: str
    version: str = "v1"
    uid: str = ""
    generation: int = 0
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    short_names: tuple[str, ...] = ()
    schema: Object | None = None
    targets: tuple[Target, ...] | None = None

    @property
    def engines(self) -> tuple[str, ...]:
        """Engines of the first target, in the order of the template."""
        return tuple(code.engine for code in self.targets[0].code) if self.targets else ()

    def source(self, engine: str) -> Any:
        """The first target's source for an engine, or None."""
        return self.targets[0].source(engine) if self.targets else None

    @property
    def operations(self) -> tuple[str, ...]:
        """Operations the first target is limited to; () means all."""
        return self.targets[0].operations if self.targets else ()


def read_template(thing: Object) -> Template:
    """The record of a ConstraintTemplate object of any served version.

    Raises NotATemplate for another kind, an unknown version, or a field of the wrong JSON type (worded as Go's
    decoder words it).
    """
    kind = Kind.of(thing)
    if not is_template(thing):
        raise NotATemplate("not a ConstraintTemplate")
    if kind.version not in TEMPLATE_VERSIONS:
        raise NotATemplate(
            f'no kind "ConstraintTemplate" is registered for version "{kind.api_version}"',
            mend=f"use one of {', '.join(f'{TEMPLATES_GROUP}/{v}' for v in TEMPLATE_VERSIONS)}",
        )
    meta = metadata(thing)
    spec = _mapping(thing.get("spec"), "spec", "ConstraintTemplateSpec")
    crd = _mapping(_mapping(spec.get("crd"), "spec.crd", "CRD").get("spec"), "spec.crd.spec", "CRDSpec")
    names = _mapping(crd.get("names"), "spec.crd.spec.names", "Names")
    found = spec.get("targets")
    targets = None
    if found is not None:
        targets = tuple(_target(item, f"spec.targets[{i}]") for i, item in enumerate(_list(found, "spec.targets")))
    return Template(
        name=_text(meta.get("name"), "metadata.name"),
        kind=_text(names.get("kind"), "spec.crd.spec.names.kind"),
        version=kind.version,
        uid=_text(meta.get("uid"), "metadata.uid"),
        generation=int(meta.get("generation") or 0),
        labels=meta.get("labels") or None,
        annotations=meta.get("annotations") or None,
        short_names=_texts(names.get("shortNames"), "spec.crd.spec.names.shortNames"),
        schema=_parameters_schema(crd.get("validation"), kind.version),
        targets=targets,
    )


def _parameters_schema(validation: Any, version: str) -> Object | None:
    """The schema of `parameters`. The default of legacySchema is false in v1 and true before (Gatekeeper behaviour,
    1.1)."""
    older = version != "v1"
    if validation is None:
        return {PRESERVE: True} if older else None
    validation = _mapping(validation, "spec.crd.spec.validation", "Validation")
    legacy = validation.get("legacySchema")
    if legacy is None:
        legacy = older
    if not isinstance(legacy, bool):
        raise _wrong(legacy, "spec.crd.spec.validation.legacySchema", "bool")
    schema = validation.get("openAPIV3Schema")
    if schema is None:
        return {PRESERVE: True} if legacy else None
    schema = known_fields(_mapping(schema, "spec.crd.spec.validation.openAPIV3Schema", "JSONSchemaProps"))
    return preserving(schema) if legacy else schema


# The fields of a JSON schema that Kubernetes knows (apiextensions.k8s.io/v1, JSONSchemaProps). By the form of what
# they hold.
_PLAIN_FIELDS = frozenset(
    [
        "$ref",
        "$schema",
        "default",
        "description",
        "enum",
        "example",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "externalDocs",
        "format",
        "id",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "nullable",
        "pattern",
        "required",
        "title",
        "type",
        "uniqueItems",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    ]
)
_SCHEMA_FIELDS = frozenset(["additionalItems", "additionalProperties", "items", "not"])
_LIST_FIELDS = frozenset(["allOf", "anyOf", "oneOf"])
_MAP_FIELDS = frozenset(["definitions", "dependencies", "patternProperties", "properties"])


def known_fields(schema: Any) -> Any:
    """A schema without the fields that Kubernetes does not know: its decoder drops them without a word."""
    if isinstance(schema, list):
        return [known_fields(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _PLAIN_FIELDS:
            out[key] = value
        elif key in _SCHEMA_FIELDS or key in _LIST_FIELDS:
            out[key] = known_fields(value)
        elif key in _MAP_FIELDS:
            out[key] = {k: known_fields(v) for k, v in value.items()} if isinstance(value, Mapping) else value
    return out


def preserving(schema: Object) -> dict[str, Any]:
    """A copy in which every object (and every schema without a type) keeps unknown fields, and arrays have an item
    schema."""
    out: dict[str, Any] = dict(schema)
    kind = out.get("type") or ""
    if kind in ("", "object"):
        out[PRESERVE] = True
    elif kind == "array" and not isinstance(out.get("items"), Mapping | list):
        out["items"] = {PRESERVE: True}
    properties = out.get("properties")
    if isinstance(properties, Mapping):
        out["properties"] = {
            name: preserving(child) if isinstance(child, Mapping) else child for name, child in properties.items()
        }
    items = out.get("items")
    if isinstance(items, list):
        raise NotATemplate("non-nil JSONSchemas encountered, multiple schemas are not supported")
    if isinstance(items, Mapping):
        out["items"] = preserving(items)
    additional = out.get("additionalProperties")
    if isinstance(additional, Mapping):
        out["additionalProperties"] = preserving(additional)
    return out


def _target(item: Any, where: str) -> Target:
    item = _mapping(item, where, "Target")
    code = []
    for i, entry in enumerate(_list(item.get("code"), f"{where}.code")):
        entry = _mapping(entry, f"{where}.code[{i}]", "Code")
        code.append(Code(_text(entry.get("engine"), f"{where}.code[{i}].engine"), entry.get("source")))
    rego = _text(item.get("rego"), f"{where}.rego")
    if rego:
        source: dict[str, Any] = {"rego": rego, "version": ""}
        libs = _texts(item.get("libs"), f"{where}.libs")
        if libs:
            source["libs"] = list(libs)
        at = next((i for i, entry in enumerate(code) if entry.engine == REGO), len(code))
        code[at : at + 1] = [Code(REGO, source)]
    return Target(
        name=_text(item.get("target"), f"{where}.target"),
        code=tuple(code),
        operations=_texts(item.get("operations"), f"{where}.operations"),
    )


def _wrong(value: Any, where: str, wanted: str) -> NotATemplate:
    return NotATemplate(f"json: cannot unmarshal {json_type(value)} into Go struct field {where} of type {wanted}")


def json_type(value: Any) -> str:
    """The name that Go's JSON decoder gives to the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "object" if isinstance(value, Mapping) else "array"


def _mapping(value: Any, where: str, wanted: str) -> Object:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(value, where, wanted)
    return value


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(value, where, "[]")
    return value


def _text(value: Any, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(value, where, "string")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    return tuple(_text(item, where) for item in _list(value, where))
