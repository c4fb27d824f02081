"""Roles and bindings: defaults and the minimal validation that a server without authorization checks needs.

Called by `kinds`. Source: the Kubernetes API reference and the answers of a real API server.
"""

from __future__ import annotations

from gatewright.core import names
from gatewright.core.field_errors import FieldError, Path, invalid, not_supported, required
from gatewright.core.go_text import Struct
from gatewright.core.objects import Object
from gatewright.core.selectors import SelectorError, label_selector, validate_label_selector

_GROUP = "rbac.authorization.k8s.io"


def prepare_role(role: Object) -> Object:
    """rules are always written, null where there are none (which nobody owns, as it is no default)."""
    return role if "rules" in role else {**role, "rules": None}


def prepare_role_change(role: Object, old: Object) -> Object:
    """As at create."""
    return prepare_role(role)


def default_binding(binding: Object) -> Object:
    """Groups of the role and of users and groups."""
    made = dict(binding)
    ref = dict(binding.get("roleRef") or {})
    if not ref.get("apiGroup"):
        ref["apiGroup"] = _GROUP
    made["roleRef"] = ref
    if binding.get("subjects"):
        made["subjects"] = [_default_subject(each) for each in binding["subjects"]]
    return made


def _default_subject(subject: Object) -> Object:
    if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
        return {**subject, "apiGroup": _GROUP}
    return subject


def validate_role(role: Object, *, cluster: bool) -> list[FieldError]:
    """Each rule names verbs, and resources or (in ClusterRoles) URLs."""
    errors: list[FieldError] = []
    for position, rule in enumerate(role.get("rules") or ()):
        at = Path("rules").index(position)
        if not rule.get("verbs"):
            errors.append(required(at.child("verbs"), "verbs must contain at least one value"))
        urls = rule.get("nonResourceURLs") or ()
        if urls:
            if not cluster:
                told = "namespaced rules cannot apply to non-resource URLs"
                errors.append(invalid(at.child("nonResourceURLs"), list(urls), told))
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                told = "rules cannot apply to both regular resources and non-resource URLs"
                errors.append(invalid(at.child("nonResourceURLs"), list(urls), told))
            continue
        if not rule.get("apiGroups"):
            errors.append(required(at.child("apiGroups"), "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            errors.append(required(at.child("resources"), "resource rules must supply at least one resource"))
    return errors + _aggregation_errors(role.get("aggregationRule"))


def _aggregation_errors(rule: Object | None) -> list[FieldError]:
    if rule is None:
        return []
    at = Path("aggregationRule", "clusterRoleSelectors")
    selectors = rule.get("clusterRoleSelectors") or ()
    errors: list[FieldError] = []
    if not selectors:
        told = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        errors.append(required(at, told))
    for position, selector in enumerate(selectors):
        errors += validate_label_selector(selector, at.index(position))
        try:
            label_selector(selector)
        except SelectorError:
            errors.append(invalid(at.index(position), None, "invalid label selector."))
    return errors


def validate_binding(binding: Object) -> list[FieldError]:
    """The role and the subjects."""
    errors: list[FieldError] = []
    ref = binding.get("roleRef") or {}
    at = Path("roleRef")
    if ref.get("apiGroup") != _GROUP:
        errors.append(not_supported(at.child("apiGroup"), ref.get("apiGroup") or "", (_GROUP,)))
    if ref.get("kind") not in ("Role", "ClusterRole"):
        errors.append(not_supported(at.child("kind"), ref.get("kind") or "", ("Role", "ClusterRole")))
    name = ref.get("name") or ""
    if not name:
        errors.append(required(at.child("name")))
    errors += [invalid(at.child("name"), name, text) for text in (names.path_segment(name) if name else ())]
    for position, subject in enumerate(binding.get("subjects") or ()):
        errors += _subject_errors(subject, Path("subjects").index(position))
    return errors


def _subject_errors(subject: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name, kind, group = subject.get("name") or "", subject.get("kind") or "", subject.get("apiGroup") or ""
    if not name:
        errors.append(required(path.child("name")))
    if kind == "ServiceAccount":
        if name:
            errors += [invalid(path.child("name"), name, text) for text in names.dns_subdomain(name)]
        if group:
            errors.append(not_supported(path.child("apiGroup"), group, ("",)))
        if not subject.get("namespace"):
            errors.append(required(path.child("namespace")))
    elif kind in ("User", "Group"):
        if group != _GROUP:
            errors.append(not_supported(path.child("apiGroup"), group, (_GROUP,)))
    else:
        errors.append(not_supported(path.child("kind"), kind, ("ServiceAccount", "User", "Group")))
    return errors


def validate_binding_update(new: Object, old: Object) -> list[FieldError]:
    """The role stays."""
    errors = validate_binding(new)
    if (new.get("roleRef") or {}) != (old.get("roleRef") or {}):
        ref = new.get("roleRef") or {}
        shown = Struct(
            [
                (title, ref.get(key) or "")
                for title, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
            ]
        )
        errors.append(invalid(Path("roleRef"), shown, "cannot change roleRef"))
    return errors
