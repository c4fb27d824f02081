"""Deployments, ReplicaSets, StatefulSets, DaemonSets, ReplicationControllers: validation.

Called by `kinds`. Source: the Kubernetes API reference and the answers of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gatewright.apiserver.builtin import forms
from gatewright.apiserver.builtin.claims import claim_spec_errors
from gatewright.apiserver.builtin.pods import template_errors
from gatewright.core.field_errors import FieldError, Marshalled, Path, forbidden, invalid, not_supported, required
from gatewright.core.go_text import Struct
from gatewright.core.metadata import unchanged
from gatewright.core.objects import Object
from gatewright.core.selectors import (
    NOTHING,
    LabelSelector,
    SelectorError,
    label_selector,
    validate_label_selector,
)

SPEC = Path("spec")
NO_MATCH = "`selector` does not match template `labels`"
FIXED = "field is immutable"


def _spec(thing: Object) -> Object:
    found: Object = thing.get("spec") or {}
    return found


def shown_selector(selector: Object | None) -> Any:
    """A label selector as messages print it."""
    if selector is None:
        return None
    fields: list[tuple[str, Any]] = []
    if selector.get("matchLabels"):
        fields.append(("matchLabels", dict(selector["matchLabels"])))
    if selector.get("matchExpressions"):
        order = ("key", "operator", "values")
        shown = [Struct.of(each, order) for each in selector["matchExpressions"]]
        fields.append(("matchExpressions", shown))
    return Struct(fields)


def _selector_errors(selector: Object | None, kind: str, path: Path) -> list[FieldError]:
    if selector is None:
        return [required(path)]
    errors = validate_label_selector(selector, path)
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.append(invalid(path, shown_selector(selector), f"empty selector is invalid for {kind}"))
    return errors


def compiled_selector(selector: Object | None) -> LabelSelector | None:
    try:
        return label_selector(selector) if selector is not None else NOTHING
    except SelectorError:
        return None


def labels_of(template: Object) -> Any:
    return (template.get("metadata") or {}).get("labels")


def _label_errors(selector: LabelSelector, template: Object, path: Path) -> list[FieldError]:
    labels = labels_of(template)
    if selector.empty or selector.matches(labels or {}):
        return []
    return [invalid(path.child("metadata", "labels"), labels, NO_MATCH)]


def _always_errors(template: Object, kind: str, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    spec = template.get("spec") or {}
    policy = spec.get("restartPolicy") or ""
    if policy != "Always":
        errors.append(not_supported(path.child("spec", "restartPolicy"), Marshalled(policy), ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        told = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden(path.child("spec", "activeDeadlineSeconds"), told))
    return errors


def _set_template_errors(spec: Object, path: Path) -> list[FieldError]:
    selector = compiled_selector(spec.get("selector"))
    template: Object = spec.get("template") or {}
    if selector is None:
        return [invalid(path.child("selector"), shown_selector(spec.get("selector")), "invalid label selector")]
    at = path.child("template")
    errors = _label_errors(selector, template, at)
    return errors + template_errors(template, at) + _always_errors(template, "ReplicaSet", at)


# --- Deployment and ReplicaSet


def validate_deployment(thing: Object) -> list[FieldError]:
    spec = _spec(thing)
    errors = forms.nonnegative(spec.get("replicas"), SPEC.child("replicas"))
    errors += _selector_errors(spec.get("selector"), "deployment", SPEC.child("selector"))
    errors += _set_template_errors(spec, SPEC)
    errors += _strategy_errors(spec.get("strategy") or {}, SPEC.child("strategy"))
    for key in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        errors += forms.nonnegative(spec.get(key), SPEC.child(key))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        told = "must be greater than minReadySeconds"
        errors.append(invalid(SPEC.child("progressDeadlineSeconds"), deadline, told))
    return errors


def validate_deployment_update(new: Object, old: Object) -> list[FieldError]:
    return validate_deployment(new) + _fixed_selector_errors(new, old)


def _fixed_selector_errors(new: Object, old: Object) -> list[FieldError]:
    selector = _spec(new).get("selector")
    if unchanged(selector, _spec(old).get("selector")):
        return []
    return [invalid(SPEC.child("selector"), shown_selector(selector), FIXED)]


def _strategy_errors(strategy: Object, path: Path) -> list[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    at = path.child("rollingUpdate")
    if kind == "Recreate":
        told = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden(at, told)] if rolling is not None else []
    if kind != "RollingUpdate":
        return [not_supported(path, _shown_strategy(kind, rolling), ("Recreate", "RollingUpdate"))]
    if rolling is None:
        return [required(at, "this should be defaulted and never be nil")]
    lost, extra = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = amount_errors(lost, at.child("maxUnavailable")) + amount_errors(extra, at.child("maxSurge"))
    if _number(lost) == 0 and _number(extra) == 0:
        told = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid(at.child("maxUnavailable"), Marshalled(lost), told))
    return errors + at_most_all(lost, at.child("maxUnavailable"))


def _shown_strategy(kind: str, rolling: Object | None) -> Struct:
    fields = None
    if rolling is not None:
        fields = Struct([(f"Max{key}", rolling.get(f"max{key}", 0)) for key in ("Unavailable", "Surge")])
    return Struct([("Type", kind), ("RollingUpdate", fields)])


def amount_errors(value: Any, path: Path) -> list[FieldError]:
    if isinstance(value, str):
        return [invalid(path, Marshalled(value), text) for text in forms.percentage(value)]
    return forms.nonnegative(value, path)


def _number(value: Any) -> int:
    if isinstance(value, str):
        found = re.fullmatch("([0-9]+)%", value)
        return int(found[1]) if found else 0
    return int(value or 0)


def at_most_all(value: Any, path: Path) -> list[FieldError]:
    if not isinstance(value, str) or forms.percentage(value) or _number(value) <= 100:
        return []
    return [invalid(path, Marshalled(value), "must not be greater than 100%")]


def validate_replica_set(thing: Object) -> list[FieldError]:
    spec = _spec(thing)
    errors: list[FieldError] = []
    for key in ("replicas", "minReadySeconds"):
        errors += forms.nonnegative(spec.get(key), SPEC.child(key))
    errors += _selector_errors(spec.get("selector"), "deployment", SPEC.child("selector"))
    return errors + _set_template_errors(spec, SPEC)


def validate_replica_set_update(new: Object, old: Object) -> list[FieldError]:
    return validate_replica_set(new) + _fixed_selector_errors(new, old)


def validate_replication_controller(thing: Object) -> list[FieldError]:
    spec = _spec(thing)
    errors = forms.nonnegative(spec.get("minReadySeconds"), SPEC.child("minReadySeconds"))
    selector = spec.get("selector") or {}
    if not selector:
        errors.append(required(SPEC.child("selector")))
    errors += forms.nonnegative(spec.get("replicas"), SPEC.child("replicas"))
    template, at = spec.get("template"), SPEC.child("template")
    if template is None:
        return [*errors, required(at)]
    labels = labels_of(template)
    if any((labels or {}).get(key) != value for key, value in selector.items()):
        errors.append(invalid(at.child("metadata", "labels"), labels, NO_MATCH))
    return errors + template_errors(template, at) + _always_errors(template, "ReplicationController", at)


# --- DaemonSet


def validate_daemon_set(thing: Object) -> list[FieldError]:
    spec = _spec(thing)
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors = validate_label_selector(selector, SPEC.child("selector"))
    compiled = compiled_selector(selector)
    at = SPEC.child("template")
    if compiled is not None and not compiled.matches(labels_of(template) or {}):
        errors.append(invalid(at.child("metadata", "labels"), labels_of(template), NO_MATCH))
    if selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        told = "empty selector is invalid for daemonset"
        errors.append(invalid(SPEC.child("selector"), shown_selector(selector), told))
    errors += template_errors(template, at) + _always_errors(template, "DaemonSet", at)
    errors += forms.nonnegative(spec.get("minReadySeconds"), SPEC.child("minReadySeconds"))
    errors += _daemon_strategy_errors(spec.get("updateStrategy") or {}, SPEC.child("updateStrategy"))
    return errors + forms.nonnegative(spec.get("revisionHistoryLimit"), SPEC.child("revisionHistoryLimit"))


def _daemon_strategy_errors(strategy: Object, path: Path) -> list[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return []
    at = path.child("rollingUpdate")
    if kind != "RollingUpdate":
        return [not_supported(path, _shown_strategy(kind, rolling), ("RollingUpdate", "OnDelete"))]
    if rolling is None:
        return [required(at)]
    lost, extra = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors: list[FieldError] = []
    for key, value in (("maxUnavailable", lost), ("maxSurge", extra)):
        errors += amount_errors(value, at.child(key)) + at_most_all(value, at.child(key))
    some, more = _number(lost) != 0, _number(extra) != 0
    if some and more:
        told = "may not be set when maxUnavailable is non-zero"
        errors.append(invalid(at.child("maxSurge"), Marshalled(extra), told))
    if not some and not more:
        errors.append(required(at.child("maxUnavailable"), "cannot be 0 when maxSurge is 0"))
    return errors


def validate_daemon_set_update(new: Object, old: Object) -> list[FieldError]:
    return _fixed_selector_errors(new, old) + validate_daemon_set(new)


# --- StatefulSet


def validate_stateful_set(thing: Object, old: Object | None = None) -> list[FieldError]:
    """Errors of a StatefulSet; of a changed one the claims are not looked at again."""
    spec = _spec(thing)
    policy = spec.get("podManagementPolicy") or ""
    errors: list[FieldError] = []
    if policy not in ("OrderedReady", "Parallel"):
        told = "must be 'OrderedReady' or 'Parallel'"
        errors.append(invalid(SPEC.child("podManagementPolicy"), Marshalled(policy), told))
    errors += _stateful_strategy_errors(spec.get("updateStrategy") or {}, SPEC.child("updateStrategy"))
    for key in ("whenDeleted", "whenScaled"):
        value = (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get(key)
        at = SPEC.child("persistentVolumeClaimRetentionPolicy", key)
        errors += forms.choice(value, ("Retain", "Delete"), at) if value is not None else []
    for position, claim in enumerate(spec.get("volumeClaimTemplates") or () if old is None else ()):
        at = SPEC.child("volumeClaimTemplates").index(position).child("spec")
        errors += claim_spec_errors(claim.get("spec") or {}, at)
    for key in ("replicas", "minReadySeconds"):
        errors += forms.nonnegative(spec.get(key), SPEC.child(key))
    start = (spec.get("ordinals") or {}).get("start")
    errors += forms.nonnegative(start, SPEC.child("ordinals.start"))
    if spec.get("serviceName"):
        errors += forms.label(spec["serviceName"], SPEC.child("serviceName"))
    errors += _selector_errors(spec.get("selector"), "statefulset", SPEC.child("selector"))
    return errors + _stateful_template_errors(spec)


def _shown_partition(rolling: Object | None) -> Struct | None:
    if rolling is None:
        return None
    return Struct(
        [("Partition", rolling.get("partition") or 0), ("MaxUnavailable", None)]
    )  # the latter is no feature yet


def _stateful_strategy_errors(strategy: Object, path: Path) -> list[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    at = path.child("rollingUpdate")
    if not kind:
        return [required(path)]
    if kind == "OnDelete":
        if rolling is None:
            return []
        return [invalid(at, _shown_partition(rolling), "only allowed for updateStrategy 'RollingUpdate'")]
    if kind != "RollingUpdate":
        shown = Struct([("Type", kind), ("RollingUpdate", _shown_partition(rolling))])
        return [invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")]
    return forms.nonnegative((rolling or {}).get("partition"), at.child("partition"))


def _stateful_template_errors(spec: Object) -> list[FieldError]:
    template: Object = spec.get("template") or {}
    selector = compiled_selector(spec.get("selector"))
    at = SPEC.child("template")
    errors: list[FieldError] = []
    if selector is None:
        errors.append(invalid(SPEC.child("selector"), shown_selector(spec.get("selector")), ""))
    else:
        errors += _label_errors(selector, template, at)
        errors += template_errors(_with_claims(template, spec.get("volumeClaimTemplates") or ()), at)
    return errors + _always_errors(template, "StatefulSet", at)


def _with_claims(template: Object, claims: Sequence[Object]) -> Object:
    """The template with the volumes of its claims, as its Pods will have them; their names come from the set."""
    pod = {key: value for key, value in (template.get("spec") or {}).items() if key not in ("subdomain", "hostname")}
    named = [(each.get("metadata") or {}).get("name") or "" for each in claims]
    own = [each for each in pod.get("volumes") or () if each.get("name") not in named]
    made = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in named]
    if claims:
        pod["volumes"] = [*made, *own]
    return {**template, "spec": pod}


_STATEFUL_CHANGEABLE = (
    "replicas",
    "template",
    "updateStrategy",
    "minReadySeconds",
    "ordinals",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
)


def validate_stateful_set_update(new: Object, old: Object) -> list[FieldError]:
    errors = validate_stateful_set(new, old)

    def fixed(spec: Object) -> dict[str, Any]:
        return {key: value for key, value in spec.items() if key not in _STATEFUL_CHANGEABLE}

    if not unchanged(fixed(_spec(new)), fixed(_spec(old))):
        told = (
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
        )
        told += "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        errors.append(forbidden(SPEC, told))
    return errors


# --- PodDisruptionBudget


def validate_disruption_budget(thing: Object) -> list[FieldError]:
    """Errors of a PodDisruptionBudget; the server does not look at its metadata again."""
    spec = _spec(thing)
    errors: list[FieldError] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        fields = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
        shown = Struct(
            [
                (key[0].upper() + key[1:], shown_selector(spec.get(key)) if key == "selector" else spec.get(key))
                for key in fields
            ]
        )
        errors.append(invalid(SPEC, shown, "minAvailable and maxUnavailable cannot be both set"))
    for key in ("minAvailable", "maxUnavailable"):
        if spec.get(key) is not None:
            errors += amount_errors(spec[key], SPEC.child(key)) + at_most_all(spec[key], SPEC.child(key))
    errors += validate_label_selector(spec.get("selector"), SPEC.child("selector"))
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None:
        errors += forms.choice(policy, ("AlwaysAllow", "IfHealthyBudget"), SPEC.child("unhealthyPodEvictionPolicy"))
    return errors
