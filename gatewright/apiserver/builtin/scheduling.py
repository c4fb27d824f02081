"""Where Pods may run: validation of affinity, tolerations and spread constraints.

Called by `pods`. Source: the Kubernetes API reference ("Pod") and the answers of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gatewright.apiserver.builtin import forms
from gatewright.core import names
from gatewright.core.field_errors import (
    FieldError,
    Marshalled,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from gatewright.core.objects import Object
from gatewright.core.selectors import validate_label_key, validate_label_selector

_HARD = "requiredDuringSchedulingIgnoredDuringExecution"
_SOFT = "preferredDuringSchedulingIgnoredDuringExecution"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def toleration_errors(tolerations: Sequence[Object], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, each in enumerate(tolerations):
        at = path.index(position)
        key, operator, value = each.get("key") or "", each.get("operator") or "", each.get("value") or ""
        effect = each.get("effect") or ""
        if key:
            errors += validate_label_key(key, at.child("key"))
        elif operator != "Exists":
            told = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid(at.child("operator"), Marshalled(operator), told))
        if each.get("tolerationSeconds") is not None and effect != "NoExecute":
            told = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid(at.child("effect"), Marshalled(effect), told))
        errors += _operator_errors(operator, value, at)
        if effect:
            errors += forms.choice(effect, _EFFECTS, at.child("effect"))
    return errors


def _operator_errors(operator: str, value: str, path: Path) -> list[FieldError]:
    at = path.child("operator")
    if operator in ("", "Equal"):
        texts = names.label_value(value)
        return [invalid(at, value, ";".join(texts))] if texts else []
    if operator == "Exists":
        return [invalid(at, value, "value must be empty when `operator` is 'Exists'")] if value else []
    choices = ("Equal", "Exists", "Lt", "Gt") if operator in ("Lt", "Gt") else ("Equal", "Exists")
    return [not_supported(at, Marshalled(operator), choices)]


def affinity_errors(affinity: Object | None, path: Path) -> list[FieldError]:
    if affinity is None:
        return []
    errors = _node_affinity_errors(affinity.get("nodeAffinity") or {}, path.child("nodeAffinity"))
    for key in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(key) or {}
        at = path.child(key)
        for position, term in enumerate(terms.get(_HARD) or ()):
            errors += _pod_term_errors(term, at.child(_HARD).index(position))
        for position, term in enumerate(terms.get(_SOFT) or ()):
            here = at.child(_SOFT).index(position)
            errors += _weight_errors(term, here)
            errors += _pod_term_errors(term.get("podAffinityTerm") or {}, here.child("podAffinityTerm"))
    return errors


def _weight_errors(term: Object, path: Path) -> list[FieldError]:
    weight = term.get("weight") or 0
    return [] if 0 < weight <= 100 else [invalid(path.child("weight"), weight, "must be in the range 1-100")]


def _node_affinity_errors(affinity: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    hard = affinity.get(_HARD)
    if hard is not None:
        at = path.child(_HARD, "nodeSelectorTerms")
        terms: Sequence[Object] = hard.get("nodeSelectorTerms") or ()
        if not terms:
            errors.append(required(at, "must have at least one node selector term"))
        for position, term in enumerate(terms):
            errors += _node_term_errors(term, at.index(position))
    for position, term in enumerate(affinity.get(_SOFT) or ()):
        at = path.child(_SOFT).index(position)
        errors += _weight_errors(term, at)
        errors += _node_term_errors(term.get("preference") or {}, at.child("preference"))
    return errors


def _node_term_errors(term: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, each in enumerate(term.get("matchExpressions") or ()):
        at = path.child("matchExpressions").index(position)
        operator, values = each.get("operator") or "", each.get("values") or ()
        if operator in ("In", "NotIn"):
            if not values:
                told = "must be specified when `operator` is 'In' or 'NotIn'"
                errors.append(required(at.child("values"), told))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                told = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                errors.append(forbidden(at.child("values"), told))
        elif operator in ("Gt", "Lt"):
            if len(values) != 1:
                told = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                errors.append(required(at.child("values"), told))
        else:
            errors.append(invalid(at.child("operator"), Marshalled(operator), "not a valid selector operator"))
        errors += validate_label_key(each.get("key") or "", at.child("key"))
        for i, value in enumerate(values):
            errors += [invalid(at.child("values").index(i), value, text) for text in names.label_value(value)]
    for position, each in enumerate(term.get("matchFields") or ()):
        errors += _node_field_errors(each, path.child("matchFields").index(position))
    return errors


def _node_field_errors(each: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, values = each.get("operator") or "", list(each.get("values") or ())
    if operator in ("In", "NotIn"):
        if len(values) != 1:
            told = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            errors.append(required(path.child("values"), told))
    else:
        errors.append(invalid(path.child("operator"), Marshalled(operator), "not a valid selector operator"))
    key = each.get("key") or ""
    if key != "metadata.name":
        errors.append(invalid(path.child("key"), key, "not a valid field selector key"))
        return errors
    for i, value in enumerate(values):
        errors += [invalid(path.child("values").index(i), value, text) for text in names.dns_subdomain(value)]
    return errors


def _pod_term_errors(term: Object, path: Path) -> list[FieldError]:
    errors = validate_label_selector(term.get("labelSelector"), path.child("labelSelector"))
    errors += validate_label_selector(term.get("namespaceSelector"), path.child("namespaceSelector"))
    for namespace in term.get("namespaces") or ():
        errors += [invalid(path.child("namespace"), namespace, text) for text in names.dns_label(namespace)]
    errors += _label_keys_errors(term, path)
    key, at = term.get("topologyKey") or "", path.child("topologyKey")
    if not key:
        errors.append(required(at, "can not be empty"))
    return errors + validate_label_key(key, at)


def _label_keys_errors(term: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    selector = term.get("labelSelector")
    for name in ("matchLabelKeys", "mismatchLabelKeys"):
        keys: Sequence[str] = term.get(name) or ()
        if keys and selector is None:
            errors.append(forbidden(path.child(name), "must not be specified when labelSelector is not set"))
        elif keys:
            errors += [
                error for i, key in enumerate(keys) for error in validate_label_key(key, path.child(name).index(i))
            ]
    wanted: Sequence[str] = term.get("matchLabelKeys") or ()
    if selector is not None:
        selected = set(selector.get("matchLabels") or {})
        for each in selector.get("matchExpressions") or ():
            key = each.get("key") or ""
            if key in wanted and key in selected:
                told = "exists in both matchLabelKeys and labelSelector"
                errors.append(invalid(path.index(wanted.index(key)), key, told))
            selected.add(key)
    unwanted = set(term.get("mismatchLabelKeys") or ())
    told = "exists in both matchLabelKeys and mismatchLabelKeys"
    at = path.child("matchLabelKeys")
    return errors + [invalid(at.index(i), key, told) for i, key in enumerate(wanted) if key in unwanted]


def spread_errors(constraints: Sequence[Object], path: Path) -> list[FieldError]:
    """Errors of topologySpreadConstraints."""
    errors: list[FieldError] = []
    pairs = [(each.get("topologyKey") or "", each.get("whenUnsatisfiable") or "") for each in constraints]
    for position, each in enumerate(constraints):
        at = path.index(position)
        key, action = pairs[position]
        skew = each.get("maxSkew") or 0
        if skew <= 0:
            errors.append(invalid(at.child("maxSkew"), skew, "must be greater than zero"))
        if not key:
            errors.append(required(at.child("topologyKey"), "can not be empty"))
        actions = ("DoNotSchedule", "ScheduleAnyway")
        errors += forms.choice(action, actions, at.child("whenUnsatisfiable"))
        if (key, action) in pairs[position + 1 :]:
            shown = f"{{{key}, {action}}}"
            errors.append(duplicate(at.child("{topologyKey, whenUnsatisfiable}"), shown))
        domains = each.get("minDomains")
        if domains is not None:
            if domains <= 0:
                errors.append(invalid(at.child("minDomains"), domains, "must be greater than zero"))
            if action != "DoNotSchedule":
                told = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"
                errors.append(invalid(at.child("minDomains"), domains, re.sub("ScheduleAnyway$", action, told)))
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if each.get(name) is not None:
                errors += forms.choice(each[name], ("Honor", "Ignore"), at.child(name))
        errors += _spread_key_errors(each, at)
        errors += validate_label_selector(each.get("labelSelector"), at.child("labelSelector"))
    return errors


def _spread_key_errors(each: Object, path: Path) -> list[FieldError]:
    keys: Sequence[str] = each.get("matchLabelKeys") or ()
    at, selector = path.child("matchLabelKeys"), each.get("labelSelector")
    if not keys:
        return []
    if selector is None:
        return [forbidden(at, "must not be specified when labelSelector is not set")]
    expressions = [expression.get("key") for expression in selector.get("matchExpressions") or ()]
    selected = {*(selector.get("matchLabels") or {}), *expressions}
    errors: list[FieldError] = []
    for position, key in enumerate(keys):
        errors += validate_label_key(key, at.index(position))
        if key in selected:
            errors.append(invalid(at.index(position), key, "exists in both matchLabelKeys and labelSelector"))
    return errors
