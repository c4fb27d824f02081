"""Jobs and CronJobs: validation.

Called by `kinds`. Source: the Kubernetes API reference and the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gatewright.apiserver.builtin import forms
from gatewright.apiserver.builtin.internal_forms import shown, shown_template
from gatewright.apiserver.builtin.pods import template_errors
from gatewright.apiserver.builtin.schedules import schedule_problem, zone_problem
from gatewright.apiserver.builtin.workload_rules import (
    FIXED,
    NO_MATCH,
    SPEC,
    compiled_selector,
    labels_of,
    shown_selector,
)
from gatewright.core import names
from gatewright.core.field_errors import (
    OMITTED,
    FieldError,
    Marshalled,
    Path,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from gatewright.core.metadata import unchanged
from gatewright.core.objects import Object
from gatewright.core.selectors import validate_label_selector

_INDEXED = "requires indexed completion mode"
_MANY = 100_000
_FEWER = 10_000


def _spec(thing: Object) -> Object:
    found: Object = thing.get("spec") or {}
    return found


def _spec_errors(spec: Object, path: Path) -> list[FieldError]:
    """What holds for Jobs and for those that CronJobs make."""
    errors: list[FieldError] = []
    keys = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
    for key in (*keys, "backoffLimitPerIndex", "maxFailedIndexes"):
        errors += forms.nonnegative(spec.get(key), path.child(key))
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.append(required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"))
    manager = spec.get("managedBy")
    if manager is not None:
        errors += _prefixed_errors(manager, path.child("managedBy"))
        errors += [too_long(path.child("managedBy"), 63)] if len(manager) > 63 else []
    errors += _mode_errors(spec, path)
    if spec.get("podFailurePolicy") is not None:
        errors += _failure_errors(spec, path.child("podFailurePolicy", "rules"))
    if spec.get("successPolicy") is not None:
        errors += _success_errors(spec, path.child("successPolicy"))
    replacement = spec.get("podReplacementPolicy")
    if replacement is not None:
        errors += _replacement_errors(spec, replacement, path.child("podReplacementPolicy"))
    template, at = spec.get("template") or {}, path.child("template")
    errors += template_errors(template, at)
    return errors + _restart_errors(spec, template, at.child("spec", "restartPolicy"))


def _prefixed_errors(text: str, path: Path) -> list[FieldError]:
    if not text:
        return [required(path)]
    host, slash, rest = text.partition("/")
    if not (slash and host and rest):
        return [invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    return [invalid(path, host, told) for told in names.dns_subdomain(host)]


def _mode_errors(spec: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    mode = spec.get("completionMode")
    modes = ("NonIndexed", "Indexed")
    if mode is not None and mode not in modes:
        errors.append(not_supported(path.child("completionMode"), Marshalled(mode), modes))
    failed, limit = spec.get("maxFailedIndexes"), spec.get("backoffLimitPerIndex")
    if mode == "Indexed":
        errors += _indexed_errors(spec, path)
    elif mode in (None, "NonIndexed"):
        keys = (("backoffLimitPerIndex", limit), ("maxFailedIndexes", failed))
        errors += [invalid(path.child(key), value, _INDEXED) for key, value in keys if value is not None]
    return errors


def _indexed_errors(spec: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    total, workers, failed = (spec.get(key) for key in ("completions", "parallelism", "maxFailedIndexes"))
    at = path.child("maxFailedIndexes")
    if total is None:
        errors.append(required(path.child("completions"), "when completion mode is Indexed"))
    if workers is not None and workers > _MANY:
        told = f"must be less than or equal to {_MANY} when completion mode is Indexed"
        errors.append(invalid(path.child("parallelism"), workers, told))
    if total is not None and failed is not None and failed > total:
        errors.append(invalid(at, failed, "must be less than or equal to completions"))
    if failed is not None and failed > _MANY:
        errors.append(invalid(at, failed, f"must be less than or equal to {_MANY}"))
    if total is None or total <= _MANY or spec.get("backoffLimitPerIndex") is None:
        return errors
    told = f"must be less than or equal to {_FEWER} when completions are above {_MANY} and used with "
    told += "backoff limit per index"
    if failed is None:
        errors.append(required(at, f"must be specified when completions is above {_MANY}"))
    if workers is not None and workers > _FEWER:
        errors.append(invalid(path.child("parallelism"), workers, told))
    if failed is not None and failed > _FEWER:
        errors.append(invalid(at, failed, told))
    return errors


def _restart_errors(spec: Object, template: Object, path: Path) -> list[FieldError]:
    policy = (template.get("spec") or {}).get("restartPolicy") or ""
    if policy in ("", "Always"):
        return [required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(path, Marshalled(policy), ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(path, Marshalled(policy), 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def _replacement_errors(spec: Object, value: str, path: Path) -> list[FieldError]:
    if spec.get("podFailurePolicy") is not None:
        return forms.choice(value, ("Failed",), path)
    return forms.choice(value, ("Failed", "TerminatingOrFailed"), path)


# --- policies of failure and success

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")


def _needed(value: str, choices: Sequence[str], path: Path) -> list[FieldError]:
    if not value:
        listed = " ".join(f'"{choice}"' for choice in choices)
        return [required(path, f"valid values: [{listed}]")]
    return forms.choice(value, choices, path)


def _failure_errors(spec: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    rules: Sequence[Object] = (spec.get("podFailurePolicy") or {}).get("rules") or ()
    if len(rules) > 20:
        errors.append(too_many(path, len(rules), 20))
    pod = (spec.get("template") or {}).get("spec") or {}
    known = {each.get("name") for key in ("containers", "initContainers") for each in pod.get(key) or ()}
    for position, rule in enumerate(rules):
        at, action = path.index(position), rule.get("action") or ""
        if action == "FailIndex":
            if spec.get("backoffLimitPerIndex") is None:
                told = "requires the backoffLimitPerIndex to be set"
                errors.append(invalid(at.child("action"), Marshalled(action), told))
        else:
            errors += _needed(action, _ACTIONS, at.child("action"))
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
        if codes is not None:
            errors += _exit_errors(codes, known, at.child("onExitCodes"))
        errors += _condition_errors(conditions, at.child("onPodConditions"))
        if codes is not None and conditions:
            told = "specifying both OnExitCodes and OnPodConditions is not supported"
            errors.append(invalid(at, OMITTED, told))
        if codes is None and not conditions:
            errors.append(invalid(at, OMITTED, "specifying one of OnExitCodes and OnPodConditions is required"))
    return errors


def _exit_errors(codes: Object, known: set[Any], path: Path) -> list[FieldError]:
    operator, values = codes.get("operator") or "", list(codes.get("values") or ())
    errors = _needed(operator, ("In", "NotIn"), path.child("operator"))
    name, at = codes.get("containerName"), path.child("values")
    if name is not None and name not in known:
        told = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(path.child("containerName"), name, told))
    if not values:
        errors.append(invalid(at, codes.get("values"), "at least one value is required"))
    elif len(values) > 255:
        errors.append(too_many(at, len(values), 255))
    for position, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.append(invalid(at.index(position), value, "must not be 0 for the In operator"))
        if value in values[:position]:
            errors.append(duplicate(at.index(position), value))
    if values != sorted(values):
        errors.append(invalid(at, values, "must be ordered"))
    return errors


def _condition_errors(conditions: Sequence[Object], path: Path) -> list[FieldError]:
    errors = [too_many(path, len(conditions), 20)] if len(conditions) > 20 else []
    for position, each in enumerate(conditions):
        at, kind = path.index(position), each.get("type") or ""
        errors += [invalid(at.child("type"), kind, text) for text in names.label_key(kind)]
        errors += _needed(each.get("status") or "", ("False", "True", "Unknown"), at.child("status"))
    return errors


def _success_errors(spec: Object, path: Path) -> list[FieldError]:
    policy = spec["successPolicy"]
    if spec.get("completionMode") != "Indexed":
        return [invalid(path, shown("SuccessPolicy", policy), _INDEXED)]
    rules, at = policy.get("rules") or (), path.child("rules")
    errors: list[FieldError] = []
    if not rules:
        told = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(at, told))
    if len(rules) > 20:
        errors.append(too_many(at, len(rules), 20))
    total = spec.get("completions") or 0
    for position, rule in enumerate(rules):
        here, count = at.index(position), rule.get("succeededCount")
        if count is None and rule.get("succeededIndexes") is None:
            told = "at least one of succeededCount or succeededIndexes must be specified"
            errors.append(required(here, told))
        if count is not None:
            errors += forms.nonnegative(count, here.child("succeededCount"))
            if count > total:
                told = f"must be less than or equal to {total} (the number of specified completions)"
                errors.append(invalid(here.child("succeededCount"), count, told))
    return errors


# --- Job


def validate_job(thing: Object) -> list[FieldError]:
    """Errors of a Job beside those of metadata."""
    spec, meta = _spec(thing), thing.get("metadata") or {}
    errors = _generated_errors(spec, meta) + _whole_errors(spec)
    total = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and total > 0:
        name = meta.get("name") or ""
        last = f"{name}-{total - 1}"
        if names.dns_label(last):
            told = f"will not able to create pod with invalid DNS label: {last}"
            errors.append(invalid(Path("metadata", "name"), name, told))
    return errors


def _whole_errors(spec: Object) -> list[FieldError]:
    errors = _spec_errors(spec, SPEC)
    selector = spec.get("selector")
    if selector is None:
        errors.append(required(SPEC.child("selector")))
    else:
        errors += validate_label_selector(selector, SPEC.child("selector"))
    compiled, labels = compiled_selector(selector), labels_of(spec.get("template") or {})
    if compiled is not None and not compiled.matches(labels or {}):
        errors.append(invalid(SPEC.child("template", "metadata", "labels"), labels, NO_MATCH))
    return errors


def _generated_errors(spec: Object, meta: Object) -> list[FieldError]:
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    errors: list[FieldError] = []
    uid, name = meta.get("uid") or "", meta.get("name") or ""
    wanted = {
        "controller-uid": uid,
        "job-name": name,
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
    }
    if not uid:
        errors.append(required(Path("metadata", "uid")))
    labels = labels_of(spec.get("template") or {}) or {}
    at = SPEC.child("template", "metadata", "labels")
    for key, value in wanted.items():
        if key not in labels:
            errors.append(required(at.key(key), f"must be '{value}'"))
        elif labels[key] != value:
            errors.append(invalid(at.key(key), labels, f"must be '{value}'"))
    compiled = compiled_selector(spec["selector"])
    if compiled is not None and not compiled.matches(wanted):
        errors.append(
            invalid(SPEC.child("selector"), shown_selector(spec["selector"]), "`selector` not auto-generated")
        )
    return errors


_SHOWN: Mapping[str, Callable[[Any], Any]] = {
    "completions": lambda value: value,
    "selector": shown_selector,
    "template": lambda template: shown_template(template or {}),
    "completionMode": Marshalled,
    "podFailurePolicy": lambda policy: shown("*PodFailurePolicy", policy),
    "backoffLimitPerIndex": lambda value: value,
    "managedBy": lambda value: value,
    "successPolicy": lambda policy: shown("*SuccessPolicy", policy),
}


def validate_job_update(new: Object, old: Object) -> list[FieldError]:
    """Errors of a changed Job: most of it stays; the server looks at the spec twice."""
    spec, before = _spec(new), _spec(old)
    errors = validate_job(new) + _whole_errors(spec)
    for key, show in _SHOWN.items():
        if key == "completions" and spec.get("completionMode") == "Indexed":
            errors += _resize_errors(spec, before)
            continue
        kept = _as_started(spec, old) if key == "template" else before.get(key)
        if not unchanged(spec.get(key), kept):
            errors.append(invalid(SPEC.child(key), show(spec.get(key)), FIXED))
    return errors


def _resize_errors(spec: Object, before: Object) -> list[FieldError]:
    total = spec.get("completions")
    if total is None or total in (before.get("completions"), spec.get("parallelism")):
        return []
    told = "can only be modified in tandem with spec.parallelism"
    return [invalid(SPEC.child("completions"), total, told)]


def _as_started(spec: Object, old: Object) -> Object:
    """The template that must stay: where the Pods of a Job run may change while it waits suspended and never began."""
    before = _spec(old)
    kept: Object = before.get("template") or {}
    if not before.get("suspend") or (old.get("status") or {}).get("startTime") is not None:
        return kept
    new: Object = spec.get("template") or {}
    pod, own = new.get("spec") or {}, dict(kept.get("spec") or {})
    for key in ("nodeSelector", "tolerations", "schedulingGates"):
        own[key] = pod.get(key)
    near = (pod.get("affinity") or {}).get("nodeAffinity")
    own["affinity"] = {**(own.get("affinity") or {}), "nodeAffinity": near}
    meta = new.get("metadata") or {}
    metadata = {**(kept.get("metadata") or {}), "labels": meta.get("labels"), "annotations": meta.get("annotations")}
    return {**kept, "metadata": metadata, "spec": own}


# --- CronJob


def validate_cron_job(thing: Object) -> list[FieldError]:
    """Errors of a new CronJob beside those of metadata."""
    name = (thing.get("metadata") or {}).get("name") or ""
    errors = _cron_errors(_spec(thing), None)
    if len(name) > 52:
        errors.append(invalid(Path("metadata", "name"), name, "must be no more than 52 characters"))
    return errors


def validate_cron_job_update(new: Object, old: Object) -> list[FieldError]:
    """Errors of a changed CronJob."""
    return _cron_errors(_spec(new), _spec(old))


def _cron_errors(spec: Object, before: Object | None) -> list[FieldError]:
    errors: list[FieldError] = []
    schedule, zone = spec.get("schedule") or "", spec.get("timeZone")
    at = SPEC.child("schedule")
    if not schedule:
        errors.append(required(at))
    elif problem := schedule_problem(schedule):
        errors.append(invalid(at, schedule, problem))
    if "TZ" in schedule:
        allowed = before is not None and "TZ" in (before.get("schedule") or "")
        if not allowed:
            told = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            errors.append(invalid(at, schedule, told))
        elif zone is not None:
            errors.append(invalid(at, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule"))
    errors += forms.nonnegative(spec.get("startingDeadlineSeconds"), SPEC.child("startingDeadlineSeconds"))
    if zone is not None and (before is None or before.get("timeZone") != zone) and (problem := zone_problem(zone)):
        errors.append(invalid(SPEC.child("timeZone"), zone, problem))
    policies = ("Allow", "Forbid", "Replace")
    errors += forms.choice(spec.get("concurrencyPolicy"), policies, SPEC.child("concurrencyPolicy"), needed=True)
    errors += _template_errors((spec.get("jobTemplate") or {}).get("spec") or {}, SPEC.child("jobTemplate", "spec"))
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += forms.nonnegative(spec.get(key), SPEC.child(key))
    return errors


def _template_errors(job: Object, path: Path) -> list[FieldError]:
    errors = _spec_errors(job, path)
    if job.get("selector") is not None:
        told = "`selector` will be auto-generated"
        errors.append(invalid(path.child("selector"), shown_selector(job["selector"]), told))
    if job.get("manualSelector"):
        errors.append(not_supported(path.child("manualSelector"), True, ("nil", "false")))
    return errors
