"""Webhook configurations, ValidatingAdmissionPolicies and their bindings: defaults and validation.

CEL expressions are checked for their form; a `Compile` given by the caller compiles them (the seam for CEL). Source:
Kubernetes "Dynamic Admission Control", "Validating Admission Policy" and the answers of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from gatewright.core import metadata, names, webhook_clients
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
from gatewright.core.go_text import Struct
from gatewright.core.objects import Object
from gatewright.core.selectors import validate_label_selector

# What it is ("matchCondition", "variable", "validation", "messageExpression", "auditAnnotation"), the expression,
# whether params may be used, the policy's spec, the field -> errors.
Compile = Callable[[str, str, bool, Object, Path], Sequence[FieldError]]

_FAILURE_POLICIES = ("Fail", "Ignore")
_MATCH_POLICIES = ("Equivalent", "Exact")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_ALL_SIDE_EFFECTS = ("None", "NoneOnDryRun", "Some", "Unknown")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_CEL_WORDS = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)


# --- defaults


def default_webhooks(config: Object, *, mutating: bool) -> Object:
    """A webhook configuration with the defaults of its webhooks."""
    hooks = config.get("webhooks")
    if not hooks:
        return config
    return {**config, "webhooks": [_default_webhook(hook, mutating) for hook in hooks]}


def _default_webhook(hook: Object, mutating: bool) -> Object:
    made: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "timeoutSeconds": 10,
        **({"reinvocationPolicy": "Never"} if mutating else {}),
        **{key: value for key, value in hook.items() if value is not None},
    }
    if made.get("rules"):
        made["rules"] = [_default_rule(rule) for rule in made["rules"]]
    client = made.get("clientConfig") or {}
    service = client.get("service")
    if service is not None and service.get("port") is None:
        made["clientConfig"] = {**client, "service": {**service, "port": 443}}
    return made


def _default_rule(rule: Object) -> Object:
    return rule if rule.get("scope") is not None else {**rule, "scope": "*"}


def default_policy(policy: Object) -> Object:
    """A ValidatingAdmissionPolicy with its defaults."""
    spec: Object = policy.get("spec") or {}
    made = {**spec}
    if made.get("failurePolicy") is None:
        made["failurePolicy"] = "Fail"
    if made.get("matchConstraints") is not None:
        made["matchConstraints"] = _default_match(made["matchConstraints"])
    return {**policy, "spec": made}


def default_binding(binding: Object) -> Object:
    """A ValidatingAdmissionPolicyBinding with its defaults."""
    spec: Object = binding.get("spec") or {}
    if spec.get("matchResources") is None:
        return binding
    return {**binding, "spec": {**spec, "matchResources": _default_match(spec["matchResources"])}}


def _default_match(match: Object) -> Object:
    made: dict[str, Any] = {
        "namespaceSelector": {},
        "objectSelector": {},
        "matchPolicy": "Equivalent",
        **{key: value for key, value in match.items() if value is not None},
    }
    for key in ("resourceRules", "excludeResourceRules"):
        if made.get(key):
            made[key] = [_default_rule(rule) for rule in made[key]]
    return made


# --- webhook configurations


def validate_webhooks(
    config: Object, old: Object | None = None, *, mutating: bool = False, compile_: Compile | None = None
) -> list[FieldError]:
    """Errors of a webhook configuration; an update does not demand what the old object broke already."""
    before: Sequence[Object] = (old or {}).get("webhooks") or ()
    hooks: Sequence[Object] = config.get("webhooks") or ()
    errors = metadata.validate_create(config.get("metadata") or {}, namespaced=False)
    no_effects = all(hook.get("sideEffects") in _SIDE_EFFECTS for hook in before)
    known = all(
        not hook.get("admissionReviewVersions")
        or set(hook["admissionReviewVersions"]).intersection(webhook_clients.REVIEW_VERSIONS)
        for hook in before
    )
    unique = len({hook.get("name") for hook in before}) == len(before)
    same_conditions = old is not None and [hook.get("matchConditions") or [] for hook in hooks] == [
        hook.get("matchConditions") or [] for hook in before
    ]
    seen: set[str] = set()
    for position, hook in enumerate(hooks):
        path = Path("webhooks").index(position)
        errors += _webhook_errors(hook, path, mutating, no_effects)
        if not same_conditions:
            errors += _condition_errors(hook.get("matchConditions"), path, compile_, False, {})
        errors += webhook_clients.review_version_errors(
            hook.get("admissionReviewVersions") or (), path.child("admissionReviewVersions"), demand_known=known
        )
        name = hook.get("name") or ""
        if unique and name:
            if name in seen:
                errors.append(duplicate(path.child("name"), name))
            seen.add(name)
    return errors


def _webhook_errors(hook: Object, path: Path, mutating: bool, no_effects: bool) -> list[FieldError]:
    errors = webhook_clients.qualified_name_errors(hook.get("name") or "", path.child("name"))
    for position, rule in enumerate(hook.get("rules") or ()):
        errors += _rule_errors(rule, path.child("rules").index(position))
    errors += _choice(hook.get("failurePolicy"), _FAILURE_POLICIES, path.child("failurePolicy"))
    errors += _choice(hook.get("matchPolicy"), _MATCH_POLICIES, path.child("matchPolicy"))
    effects = _SIDE_EFFECTS if no_effects else _ALL_SIDE_EFFECTS
    at = path.child("sideEffects")
    if hook.get("sideEffects") is None:
        errors.append(required(at, f"must specify one of {', '.join(effects)}"))
    else:
        errors += _choice(hook["sideEffects"], effects, at)
    timeout = hook.get("timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= 30:
        told = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid(path.child("timeoutSeconds"), timeout, told))
    for key in ("namespaceSelector", "objectSelector"):
        errors += validate_label_selector(hook.get(key), path.child(key))
    if mutating:
        choices = ("IfNeeded", "Never")
        errors += _choice(hook.get("reinvocationPolicy"), choices, path.child("reinvocationPolicy"))
    return errors + webhook_clients.client_errors(hook.get("clientConfig") or {}, path.child("clientConfig"))


def _choice(value: Any, choices: tuple[str, ...], path: Path) -> list[FieldError]:
    return [] if value is None or value in choices else [not_supported(path, Marshalled(value), choices)]


def _rule_errors(rule: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    operations: Sequence[str] = rule.get("operations") or ()
    at = path.child("operations")
    if not operations:
        errors.append(required(at))
    if len(operations) > 1 and "*" in operations:
        errors.append(invalid(at, list(operations), "if '*' is present, must not specify other operations"))
    for position, operation in enumerate(operations):
        errors += _choice(operation, _OPERATIONS, at.index(position))
    for key, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values: Sequence[str] = rule.get(key) or ()
        if not values:
            errors.append(required(path.child(key)))
        if len(values) > 1 and "*" in values:
            told = f"if '*' is present, must not specify other {what}"
            errors.append(invalid(path.child(key), list(values), told))
        if key == "apiVersions":
            errors += [required(path.child(key).index(i)) for i, value in enumerate(values) if not value]
    errors += _resource_errors(rule.get("resources") or (), path.child("resources"))
    return errors + _choice(rule.get("scope"), _SCOPES, path.child("scope"))


def _resource_errors(resources: Sequence[str], path: Path) -> list[FieldError]:
    errors = [] if resources else [required(path)]
    whole: set[str] = set()  # resources whose subresources are all named
    everywhere: set[str] = set()  # subresources named for all resources
    plain = False
    for position, text in enumerate(resources):
        at = path.index(position)
        if not text:
            errors.append(required(at))
            continue
        resource, slash, subresource = text.partition("/")
        if not slash:
            plain = text != "*"
            continue
        if resource in whole:
            errors.append(invalid(at, text, f"if '{resource}/*' is present, must not specify {text}"))
        if subresource in everywhere:
            errors.append(invalid(at, text, f"if '*/{subresource}' is present, must not specify {text}"))
        if subresource == "*":
            whole.add(resource)
        if resource == "*":
            everywhere.add(subresource)
    if len(resources) > 1 and "*/*" in resources:
        told = "if '*/*' is present, must not specify other resources"
        errors.append(invalid(path, list(resources), told))
    if "*" in resources and plain:
        told = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid(path, list(resources), told))
    return errors


def _condition_errors(
    conditions: Sequence[Object] | None, parent: Path, compile_: Compile | None, params: bool, spec: Object
) -> list[FieldError]:
    path = parent.child("matchConditions")
    found = conditions or ()
    errors = [too_many(path, len(found), 64)] if len(found) > 64 else []
    seen: set[str] = set()
    for position, condition in enumerate(found):
        at = path.index(position)
        expression = (condition.get("expression") or "").strip()
        if not expression:
            errors.append(required(at.child("expression")))
        elif compile_ is not None:
            errors += compile_("matchCondition", expression, params, spec, at.child("expression"))
        name = condition.get("name") or ""
        if not name:
            errors.append(required(at.child("name")))
            continue
        errors += [invalid(at.child("name"), name, text) for text in names.label_key(name)]
        if name in seen:
            errors.append(duplicate(at.child("name"), name))
        seen.add(name)
    return errors


# --- policies and bindings


def validate_policy(policy: Object, old: Object | None = None, *, compile_: Compile | None = None) -> list[FieldError]:
    """Errors of a ValidatingAdmissionPolicy."""
    spec: Object = policy.get("spec") or {}
    before: Object = (old or {}).get("spec") or {}
    path = Path("spec")
    errors = metadata.validate_create(policy.get("metadata") or {}, namespaced=False)
    errors += _needed_choice(spec.get("failurePolicy"), _FAILURE_POLICIES, path.child("failurePolicy"))
    params = spec.get("paramKind")
    if params is not None:
        errors += _param_kind_errors(params, path.child("paramKind"))
    match = spec.get("matchConstraints")
    at = path.child("matchConstraints")
    if match is None:
        errors.append(required(at))
    else:
        errors += _match_errors(match, at)
        if not match.get("resourceRules"):
            errors.append(required(at.child("resourceRules")))
    kept = old is not None and all(
        metadata.unchanged(spec.get(key), before.get(key)) for key in ("paramKind", "matchConditions")
    )
    if not kept:
        errors += _condition_errors(spec.get("matchConditions"), path, compile_, params is not None, spec)
    for position, variable in enumerate(spec.get("variables") or ()):
        errors += _variable_errors(variable, path.child("variables").index(position), compile_, spec)
    return errors + _validation_errors(policy, spec, path, compile_)


def _needed_choice(value: Any, choices: tuple[str, ...], path: Path) -> list[FieldError]:
    return [required(path)] if value is None else _choice(value, choices, path)


def _validation_errors(policy: Object, spec: Object, path: Path, compile_: Compile | None) -> list[FieldError]:
    validations: Sequence[Object] = spec.get("validations") or ()
    audits: Sequence[Object] = spec.get("auditAnnotations") or ()
    if not validations and not audits:
        told = "validations or auditAnnotations must contain at least one item"
        return [required(path.child("validations"), told), required(path.child("auditAnnotations"), told)]
    errors: list[FieldError] = []
    for position, validation in enumerate(validations):
        errors += _one_validation_errors(validation, path.child("validations").index(position), compile_, spec)
    at = path.child("auditAnnotations")
    if len(audits) > 20:
        shown = [
            Struct([("Key", each.get("key") or ""), ("ValueExpression", each.get("valueExpression") or "")])
            for each in audits
        ]
        errors.append(invalid(at, shown, "must not have more than 20 auditAnnotations"))
    name = (policy.get("metadata") or {}).get("name") or ""
    seen: set[str] = set()
    for position, audit in enumerate(audits):
        errors += _audit_errors(audit, name, at.index(position), compile_, spec)
        key = audit.get("key") or ""
        if key in seen:
            errors.append(duplicate(at.index(position).child("key"), key))
        seen.add(key)
    return errors


def _one_validation_errors(validation: Object, path: Path, compile_: Compile | None, spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    params = spec.get("paramKind") is not None
    expression = validation.get("expression") or ""
    if not expression.strip():
        errors.append(required(path.child("expression"), "expression is not specified"))
    elif compile_ is not None:
        errors += compile_("validation", expression, params, spec, path.child("expression"))
    shown, message = validation.get("messageExpression") or "", validation.get("message") or ""
    if shown and not shown.strip():
        errors.append(invalid(path.child("messageExpression"), shown, "must be non-empty if specified"))
    elif shown and compile_ is not None:
        errors += compile_("messageExpression", shown, params, spec, path.child("messageExpression"))
    if message and not message.strip():
        errors.append(invalid(path.child("message"), message, "must be non-empty if specified"))
    elif re.search("[\n\r]", message.strip()):
        errors.append(invalid(path.child("message"), message, "must not contain line breaks"))
    return errors + _choice(validation.get("reason"), _REASONS, path.child("reason"))


def _audit_errors(audit: Object, name: str, path: Path, compile_: Compile | None, spec: Object) -> list[FieldError]:
    key = audit.get("key") or ""
    if name:
        whole = f"{name}/{key}"
        errors = [invalid(path.child("key"), whole, text) for text in names.label_key(whole)]
    else:
        errors = [invalid(path.child("key"), key, "requires metadata.name be non-empty")]
    expression = (audit.get("valueExpression") or "").strip()
    at = path.child("valueExpression")
    if not expression:
        errors.append(required(at, "valueExpression is not specified"))
    elif len(expression.encode()) > 5 * 1024:
        errors.append(required(at, "must not exceed 5120 bytes in length"))
    elif compile_ is not None:
        errors += compile_("auditAnnotation", expression, spec.get("paramKind") is not None, spec, at)
    return errors


def _variable_errors(variable: Object, path: Path, compile_: Compile | None, spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    name, expression = variable.get("name") or "", variable.get("expression") or ""
    if not name.strip():
        errors.append(required(path.child("name"), "name is not specified"))
    elif not re.fullmatch("[_a-zA-Z][_a-zA-Z0-9]*", name) or name in _CEL_WORDS:
        errors.append(invalid(path.child("name"), name, "must be a valid CEL identifier"))
    if not expression.strip():
        errors.append(required(path.child("expression"), "expression is not specified"))
    elif compile_ is not None:
        params = spec.get("paramKind") is not None
        errors += compile_("variable", expression, params, spec, path.child("expression"))
    return errors


def _param_kind_errors(kind: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    api_version, name = kind.get("apiVersion") or "", kind.get("kind") or ""
    at = path.child("apiVersion")
    if not api_version:
        errors.append(required(at))
    elif api_version.count("/") > 1:
        errors.append(invalid(at, api_version, f"unexpected GroupVersion string: {api_version}"))
    else:
        group, _, version = api_version.rpartition("/")
        if group and (texts := names.dns_subdomain(group)):
            errors.append(invalid(at, group, ",".join(texts)))
        if not version:
            errors.append(invalid(at, api_version, "version must be specified"))
        elif texts := names.dns_1035_label(version):
            errors.append(invalid(at, version, ",".join(texts)))
    if not name:
        errors.append(required(path.child("kind")))
    elif texts := names.dns_1035_label(name.lower()):
        told = "may have mixed case, but should otherwise match: " + ",".join(texts)
        errors.append(invalid(path.child("kind"), name, told))
    return errors


def _match_errors(match: Object, path: Path) -> list[FieldError]:
    errors = _needed_choice(match.get("matchPolicy"), _MATCH_POLICIES, path.child("matchPolicy"))
    for key in ("namespaceSelector", "objectSelector"):
        if match.get(key) is None:
            errors.append(required(path.child(key)))
        else:
            errors += validate_label_selector(match[key], path.child(key))
    for key in ("resourceRules", "excludeResourceRules"):
        for position, rule in enumerate(match.get(key) or ()):
            at = path.child(key).index(position)
            errors += _resource_name_errors(rule.get("resourceNames") or (), at.child("resourceNames"))
            errors += _rule_errors(rule, at)
    return errors


def _resource_name_errors(found: Sequence[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, name in enumerate(found):
        errors += [invalid(path.index(position), name, text) for text in names.path_segment(name)]
        if name in seen:
            errors.append(duplicate(path.index(position), name))
        seen.add(name)
    return errors


def validate_binding(binding: Object) -> list[FieldError]:
    """Errors of a ValidatingAdmissionPolicyBinding."""
    spec: Object = binding.get("spec") or {}
    path = Path("spec")
    errors = metadata.validate_create(binding.get("metadata") or {}, namespaced=False)
    name = spec.get("policyName") or ""
    if not name:
        errors.append(required(path.child("policyName")))
    errors += [invalid(path.child("policyName"), name, text) for text in (names.dns_subdomain(name) if name else ())]
    if spec.get("paramRef") is not None:
        errors += _param_ref_errors(spec["paramRef"], path.child("paramRef"))
    if spec.get("matchResources") is not None:
        errors += _match_errors(spec["matchResources"], path.child("matchResources"))
    return errors + _action_errors(spec.get("validationActions") or (), path.child("validationActions"))


def _param_ref_errors(ref: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name, selector = ref.get("name") or "", ref.get("selector")
    told = "name and selector are mutually exclusive"
    if name:
        errors += [invalid(path.child("name"), name, text) for text in names.path_segment(name)]
        if selector is not None:
            errors.append(forbidden(path.child("name"), told))
    if selector is not None:
        errors += validate_label_selector(selector, path.child("selector"))
        if name:
            errors.append(forbidden(path.child("selector"), told))
    if not name and selector is None:
        errors.append(required(path, "one of name or selector must be specified"))
    action, at = ref.get("parameterNotFoundAction"), path.child("parameterNotFoundAction")
    if not action:
        errors.append(required(at))
    elif action not in ("Deny", "Allow"):
        errors.append(not_supported(at, Marshalled(action), ("Deny", "Allow")))
    return errors


def _action_errors(actions: Sequence[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, action in enumerate(actions):
        errors += _choice(action, _ACTIONS, path.index(position))
        if action in seen:
            errors.append(duplicate(path.index(position), Marshalled(action)))
        seen.add(action)
    if {"Deny", "Warn"} <= seen:
        told = "must not contain both Deny and Warn (repeating the same validation failure information in the API "
        errors.append(invalid(path, list(actions), told + "response and headers serves no purpose)"))
    if not seen:
        errors.append(required(path, "at least one validation action is required"))
    return errors
