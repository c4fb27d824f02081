"""Validation of CustomResourceDefinitions: what POST and PUT of one are refused for.

Called by the strategy of the kind. Messages name the fields of the server's internal form (`hub`). `RuleCheck` is the
seam for CEL: without one, validation rules are checked for their form only. Source: Kubernetes
"CustomResourceDefinition" reference and the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gatewright.core import metadata, names, webhook_clients
from gatewright.core.crds import structural
from gatewright.core.crds.conditions import condition_true
from gatewright.core.crds.default_values import default_errors, without_number_or_text
from gatewright.core.crds.hub import SCHEMA_FIELDS, Hub, hub_of, shown_schema, shown_versions, unchanged_part
from gatewright.core.crds.schema_rules import (
    TYPES,
    Demands,
    RuleCheck,
    breaks_atomic_sets,
    key_errors,
    schema_errors,
)
from gatewright.core.crds.version_parts import (
    MOST_SELECTABLE,
    column_errors,
    conversion_errors,
    one_of,
    selectable_errors,
    subresource_errors,
)
from gatewright.core.field_errors import (
    FieldError,
    Marshalled,
    Path,
    forbidden,
    invalid,
    required,
)
from gatewright.core.go_text import quote
from gatewright.core.objects import Object
from gatewright.core.schemas import formats
from gatewright.core.schemas.nodes import read

SPEC = Path("spec")
APPROVAL = "api-approved.kubernetes.io"


_AT_ROOT_WITH_STATUS = (
    "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern "
    "MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example "
    "XPreserveUnknownFields XValidations"
)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What holds for this write; an update does not demand what the stored object broke already."""

    demands: Demands = field(default_factory=Demands)
    structural: bool = True
    schemas: bool = True
    pruned_defaults: bool = True
    review_versions: bool = True
    fixed_names: bool = False
    compile_rules: RuleCheck | None = None
    many_fields: frozenset[str] = frozenset()


def validate_create(crd: Object, compile_rules: RuleCheck | None = None) -> list[FieldError]:
    """Errors of a new CustomResourceDefinition, defaulted and prepared (status.storedVersions filled)."""
    spec: Object = crd.get("spec") or {}
    wanted = f"{_name(spec, 'plural')}.{spec.get('group') or ''}"

    def rule(name: str, prefix: bool) -> names.Texts:
        texts = names.name_is_subdomain(name, prefix)
        return texts if name == wanted else (*texts, 'must be spec.names.plural+"."+spec.group')

    errors = metadata.validate_create(crd.get("metadata") or {}, namespaced=False, rule=rule)
    errors += _spec_errors(crd, _Rules(compile_rules=compile_rules))
    errors += _status_errors(crd)
    errors += _approval_errors(crd, None)
    return errors + _preserve_errors(crd, None)


def validate_update(crd: Object, old: Object, compile_rules: RuleCheck | None = None) -> list[FieldError]:
    """Errors of a changed CustomResourceDefinition, metadata's included."""
    rules = _Rules(
        demands=Demands(
            known_types=not _any_schema(old, lambda schema: schema.get("type") not in (None, "", *TYPES)),
            atomic_sets=not _any_schema(old, breaks_atomic_sets),
            sound_keys=not _any_schema(old, lambda schema: bool(key_errors(schema, Path()))),
        ),
        structural=not any(_not_structural(schema) for schema in _schemas(old)),
        schemas=all(_schema_of(version) is not None for version in _versions(old)),
        pruned_defaults=not any(_has_loose_defaults(schema) for schema in _schemas(old)),
        review_versions=_known_review_version(old),
        fixed_names=condition_true(old, "Established"),
        compile_rules=compile_rules,
        many_fields=_many_fields_before(crd, old),
    )
    errors = metadata.validate_update(crd.get("metadata") or {}, old.get("metadata") or {})
    errors += _spec_errors(crd, rules)
    errors += _immutable_errors(crd.get("spec") or {}, old.get("spec") or {}, rules.fixed_names)
    errors += _status_errors(crd)
    errors += _approval_errors(crd, old)
    return errors + _preserve_errors(crd, old)


def validate_status_update(crd: Object, old: Object) -> list[FieldError]:
    """Errors of a write to /status."""
    errors = metadata.validate_update(crd.get("metadata") or {}, old.get("metadata") or {})
    accepted = (crd.get("status") or {}).get("acceptedNames") or {}
    return errors + _names_errors(accepted, Path("status", "acceptedNames"))


def warnings(crd: Object, old: Object | None = None) -> list[str]:
    """Warnings of a write: formats that mean nothing, as far as they are new."""
    known = set(_loose_formats(old)) if old is not None else set()
    return [f"unrecognized format {quote(name)}" for name in _loose_formats(crd) if name not in known]


def _loose_formats(crd: Object) -> list[str]:
    sources = [_schema_of(each) for each in _versions(crd)]
    if sources and all(unchanged_part(each, sources[0]) for each in sources):
        sources = sources[:1]
    found: list[str] = []
    for source in sources:
        for schema in _all_schemas(source):
            name, kind = schema.get("format") or "", schema.get("type") or ""
            if name and not formats.counts(name, (kind,)):
                found.append(name)
    return found


# --- walks


def _versions(crd: Object) -> Sequence[Object]:
    return (crd.get("spec") or {}).get("versions") or ()


def _schema_of(version: Object) -> Object | None:
    return (version.get("schema") or {}).get("openAPIV3Schema")


def _schemas(crd: Object) -> list[Object]:
    return [schema for schema in map(_schema_of, _versions(crd)) if schema is not None]


def _all_schemas(schema: Object | None) -> Iterator[Object]:
    if schema is None:
        return
    yield schema
    for each in structural.below(schema):
        yield from _all_schemas(each)


def _any_schema(crd: Object, test: Callable[[Object], bool]) -> bool:
    return any(test(each) for schema in _schemas(crd) for each in _all_schemas(schema))


def _not_structural(schema: Object) -> bool:
    return bool(structural.unreadable(schema) or structural.structural_errors(schema, Path()))


def _has_loose_defaults(schema: Object) -> bool:
    if _not_structural(schema):
        return False
    root = read(without_number_or_text(schema))
    found = default_errors(root, Path(), pruned=True)
    return len(found) > len(default_errors(root, Path(), pruned=False))


def _many_fields_before(crd: Object, old: Object) -> frozenset[str]:
    before = {each.get("name"): each.get("selectableFields") or () for each in _versions(old)}
    kept = [
        each.get("name") or ""
        for each in _versions(crd)
        if len(before.get(each.get("name"), ())) > MOST_SELECTABLE
        and unchanged_part(each.get("selectableFields"), before[each.get("name")])
    ]
    return frozenset([*kept, ""] if kept else ())


def _known_review_version(old: Object) -> bool:
    conversion = (old.get("spec") or {}).get("conversion") or {}
    versions = (conversion.get("webhook") or {}).get("conversionReviewVersions") or ()
    return not versions or any(each in ("v1", "v1beta1") for each in versions)


# --- the spec


def _name(spec: Object, key: str) -> str:
    return (spec.get("names") or {}).get(key) or ""


def _spec_errors(crd: Object, rules: _Rules) -> list[FieldError]:
    form = hub_of(crd)
    spec = form.spec
    errors = _group_errors(spec.get("group") or "")
    scope = spec.get("scope") or ""
    errors += one_of(SPEC.child("scope"), scope, ("Cluster", "Namespaced"))
    errors += _missing_schema_errors(form, rules)
    if (crd.get("spec") or {}).get("preserveUnknownFields") and _any_schema(crd, _has_default):
        told = "must be false in order to use defaults in the schema"
        errors.append(invalid(SPEC.child("preserveUnknownFields"), True, told))
    for position, version in enumerate(form.versions):
        errors += _version_errors(version, form, SPEC.child("versions").index(position), rules)
    errors += _version_list_errors(form)
    for key in ("plural", "singular", "kind", "listKind"):
        if not _name(spec, key):
            errors.append(required(SPEC.child("names", key)))
    errors += _names_errors(spec.get("names") or {}, SPEC.child("names"))
    with_status = any((each.get("subresources") or {}).get("status") is not None for each in _versions(crd))
    errors += _validation_errors(form.schema, with_status, SPEC.child("validation"), rules)
    errors += subresource_errors(form.subresources, SPEC.child("subresources"))
    for position, column in enumerate(form.columns):
        errors += column_errors(column, SPEC.child("additionalPrinterColumns").index(position))
    if form.selectable:
        at = SPEC.child("selectableFields")
        if form.schema is None:
            errors.append(invalid(at, "", "may only be set when validations.schema is included"))
        else:
            errors += selectable_errors(form.selectable, form.schema, SPEC, "" in rules.many_fields)
    strategy = (spec.get("conversion") or {}).get("strategy") or ""
    if (crd.get("spec") or {}).get("preserveUnknownFields") and strategy != "None":
        told = "must be None if spec.preserveUnknownFields is true"
        errors.append(invalid(SPEC.child("conversion", "strategy"), Marshalled(strategy), told))
    return errors + conversion_errors(spec, SPEC, rules.review_versions)


def _has_default(schema: Object) -> bool:
    return schema.get("default") is not None


def _group_errors(group: str) -> list[FieldError]:
    at = SPEC.child("group")
    if not group:
        return [required(at)]
    if texts := names.dns_subdomain(group):
        return [invalid(at, group, ",".join(texts))]
    if "." not in group:
        return [invalid(at, group, "should be a domain with at least one dot")]
    return []


def _missing_schema_errors(form: Hub, rules: _Rules) -> list[FieldError]:
    if form.schema is not None and form.schema.get("openAPIV3Schema") is not None:
        return []
    told = "" if rules.schemas else "because otherwise all fields are pruned"
    return [
        required(SPEC.child("versions").index(position).child("schema", "openAPIV3Schema"), told)
        for position, version in enumerate(form.versions)
        if _schema_of(version) is None and (rules.schemas or version.get("served"))
    ]


def _version_errors(version: Object, form: Hub, path: Path, rules: _Rules) -> list[FieldError]:
    errors: list[FieldError] = []
    name = version.get("name") or ""
    if texts := names.dns_1035_label(name):
        errors.append(invalid(path.child("name"), name, ",".join(texts)))
    warning = version.get("deprecationWarning")
    problems = _warning_problems(bool(version.get("deprecated")), warning)
    errors += [invalid(path.child("deprecationWarning"), Marshalled(warning), text) for text in problems]
    per_version = any(each.get("subresources") is not None for each in form.versions)
    subresources = version.get("subresources") if per_version else form.subresources
    with_status = (subresources or {}).get("status") is not None
    errors += _validation_errors(version.get("schema"), with_status, path.child("schema"), rules)
    errors += subresource_errors(version.get("subresources"), path.child("subresources"))
    for position, column in enumerate(version.get("additionalPrinterColumns") or ()):
        errors += column_errors(column, path.child("additionalPrinterColumns").index(position))
    fields = version.get("selectableFields") or ()
    if fields:
        if _schema_of(version) is None:
            told = "may only be set when `version.schema.openAPIV3Schema` is not included"
            errors.append(invalid(path.child("selectableFields"), "", told))
        else:
            errors += selectable_errors(fields, version["schema"], path, name in rules.many_fields)
    return errors


def _warning_problems(deprecated: bool, warning: str | None) -> list[str]:
    if warning is None:
        return []
    if not deprecated:
        return ["can only be set for deprecated versions"]
    problems: list[str] = []
    encoded = warning.encode("utf-8", "replace")
    if len(encoded) > 256:
        problems.append("must be <= 256 characters long")
    if not warning:
        problems.append("must not be an empty string")
    for position, char in enumerate(warning):
        if not char.isprintable():
            at = len(warning[:position].encode("utf-8", "replace"))
            told = "must only contain printable UTF-8 characters; non-printable character found at index"
            problems.append(f"{told} {at}")
            break
    return problems


def _version_list_errors(form: Hub) -> list[FieldError]:
    errors: list[FieldError] = []
    shown = shown_versions(form.versions)
    found = [each.get("name") or "" for each in form.versions]
    if len(set(found)) != len(found):
        errors.append(invalid(SPEC.child("versions"), shown, "must contain unique version names"))
    if sum(bool(each.get("storage")) for each in form.versions) != 1:
        told = "must have exactly one version marked as storage version"
        errors.append(invalid(SPEC.child("versions"), shown, told))
    if form.version and (texts := names.dns_1035_label(form.version)):
        errors.append(invalid(SPEC.child("version"), form.version, ",".join(texts)))
    return errors


def _names_errors(given: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    mixed = "may have mixed case, but should otherwise match: "
    for key, prefix in (("plural", ""), ("singular", ""), ("kind", mixed), ("listKind", mixed)):
        value = given.get(key) or ""
        texts = names.dns_1035_label(value.lower() if prefix else value)
        if value and texts:
            errors.append(invalid(path.child(key), value, prefix + ",".join(texts)))
    errors += _label_errors(given.get("shortNames") or (), path.child("shortNames"))
    kind = given.get("kind") or ""
    if kind and kind == given.get("listKind"):
        errors.append(invalid(path.child("listKind"), kind, "kind and listKind may not be the same"))
    return errors + _label_errors(given.get("categories") or (), path.child("categories"))


def _label_errors(values: Sequence[str], path: Path) -> list[FieldError]:
    return [
        invalid(path.index(position), value, ",".join(texts))
        for position, value in enumerate(values)
        if (texts := names.dns_1035_label(value))
    ]


def _validation_errors(validation: Object | None, with_status: bool, path: Path, rules: _Rules) -> list[FieldError]:
    schema = (validation or {}).get("openAPIV3Schema")
    if schema is None:
        return []
    at = path.child("openAPIV3Schema")
    errors = _status_root_errors(schema, path) if with_status else []
    if schema.get("nullable"):
        errors.append(forbidden(at.child("nullable"), "nullable cannot be true at the root"))
    problem = structural.unreadable(schema)
    sound = False
    if not problem:
        found = structural.structural_errors(schema, at)
        found = found or default_errors(read(without_number_or_text(schema)), at, pruned=rules.pruned_defaults)
        errors += found
        sound = not found
    errors += schema_errors(schema, at, rules.demands, rules.compile_rules if sound else None)
    if problem and not errors:
        errors.append(invalid(at, "", problem))
    return errors


def _status_root_errors(schema: Object, path: Path) -> list[FieldError]:
    """With a status subresource few keywords may stand at the root; only the first that may not is told."""
    allowed = _AT_ROOT_WITH_STATUS.split()
    for name, key, none in SCHEMA_FIELDS:
        value = schema.get(key)
        if name == "Type" and value not in (None, "", "object"):
            told = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
            return [invalid(path.child("openAPIV3Schema.type"), value, told)]
        if value is not None and value != none and name not in allowed:
            told = f"only [{_AT_ROOT_WITH_STATUS}] fields are allowed at the root of the schema if the status "
            shown = shown_schema(schema)
            return [invalid(path.child("openAPIV3Schema"), shown, told + "subresource is enabled")]
    return []


# --- beside the spec


def _immutable_errors(spec: Object, old: Object, fixed_names: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    told = "field is immutable"
    if fixed_names:
        if spec.get("scope") != old.get("scope"):
            errors.append(invalid(SPEC.child("scope"), Marshalled(spec.get("scope") or ""), told))
        if _name(spec, "kind") != _name(old, "kind"):
            errors.append(invalid(SPEC.child("names", "kind"), _name(spec, "kind"), told))
    if spec.get("group") != old.get("group"):
        errors.append(invalid(SPEC.child("group"), spec.get("group") or "", told))
    if _name(spec, "plural") != _name(old, "plural"):
        errors.append(invalid(SPEC.child("names", "plural"), _name(spec, "plural"), told))
    return errors


def _status_errors(crd: Object) -> list[FieldError]:
    status = crd.get("status") or {}
    errors = _names_errors(status.get("acceptedNames") or {}, Path("status", "acceptedNames"))
    stored: Sequence[str] = status.get("storedVersions") or ()
    at = Path("status", "storedVersions")
    if not stored:
        shown: list[str] | None = None if status.get("storedVersions") is None else []
        return [*errors, invalid(at, shown, "must have at least one stored version")]
    present = [each.get("name") or "" for each in _versions(crd)]
    left = set(stored)
    for version in _versions(crd):
        name = version.get("name") or ""
        if version.get("storage") and name not in left:
            errors.append(invalid(at, list(stored), f"must have the storage version {name}"))
        left.discard(name)
    for position, name in enumerate(stored):
        if name not in present:
            told = f"missing from spec.versions; {name} was previously a storage version, and must remain in "
            told += f"spec.versions until a storage migration ensures no data remains persisted in {name} and removes "
            errors.append(invalid(at.index(position), name, f"{told}{name} from status.storedVersions"))
    return errors


def _approval(crd: Object) -> tuple[str, str]:
    """The state of approval of a group of Kubernetes' own, and the annotation."""
    text = str(((crd.get("metadata") or {}).get("annotations") or {}).get(APPROVAL) or "")
    if not text:
        return "missing", text
    if text.startswith("unapproved"):
        return "bypassed", text
    return ("approved" if webhook_clients.is_absolute_url(text) else "invalid"), text


def _approval_errors(crd: Object, old: Object | None) -> list[FieldError]:
    group = (crd.get("spec") or {}).get("group") or ""
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return []
    state, text = _approval(crd)
    if (old is not None and _approval(old)[0] == state) or state in ("approved", "bypassed"):
        return []
    at = Path("metadata", "annotations").key(APPROVAL)
    see = "see https://github.com/kubernetes/enhancements/pull/1111"
    told = f'protected groups must have approval annotation "{APPROVAL}"'
    if state == "missing":
        return [required(at, f"{told}, {see}")]
    return [invalid(at, text, f'{told} with either a URL or a reason starting with "unapproved", {see}')]


def _preserve_errors(crd: Object, old: Object | None) -> list[FieldError]:
    if old is not None and (old.get("spec") or {}).get("preserveUnknownFields"):
        return []
    if not (crd.get("spec") or {}).get("preserveUnknownFields"):
        return []
    told = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    return [invalid(SPEC.child("preserveUnknownFields"), True, told)]
