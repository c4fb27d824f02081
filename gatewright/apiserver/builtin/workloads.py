"""Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs, ReplicationControllers: defaults and preparation.

Called by `kinds`; their validation is in `workload_validation`. Source: the Kubernetes API reference and the answers
of a real API server.
"""

from __future__ import annotations

from typing import Any

from gatewright.apiserver.builtin.pod_defaults import default_claim_spec, default_template, with_defaults
from gatewright.core.metadata import unchanged
from gatewright.core.objects import Object

_MOST = 2**31 - 1
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _spec(thing: Object) -> dict[str, Any]:
    spec = dict(thing.get("spec") or {})
    if spec.get("template") is not None:
        spec["template"] = default_template(spec["template"])
    return spec


def default_deployment(thing: Object) -> Object:
    spec = with_defaults(_spec(thing), {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600})
    strategy = with_defaults(spec.get("strategy") or {}, {"type": "RollingUpdate"})
    if strategy["type"] == "RollingUpdate":
        rolling = with_defaults(strategy.get("rollingUpdate") or {}, {"maxUnavailable": "25%", "maxSurge": "25%"})
        strategy["rollingUpdate"] = rolling
    return {**thing, "spec": {**spec, "strategy": strategy}}


def default_replica_set(thing: Object) -> Object:
    return {**thing, "spec": with_defaults(_spec(thing), {"replicas": 1})}


def default_replication_controller(thing: Object) -> Object:
    spec = with_defaults(_spec(thing), {"replicas": 1})
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    made: Object = {**thing, "spec": spec}
    if labels:
        if not spec.get("selector"):
            spec["selector"] = labels
        made = _with_labels(made, labels)
    return made


def default_stateful_set(thing: Object) -> Object:
    spec = with_defaults(
        _spec(thing), {"podManagementPolicy": "OrderedReady", "replicas": 1, "revisionHistoryLimit": 10}
    )
    strategy = dict(spec.get("updateStrategy") or {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"] = with_defaults(strategy["rollingUpdate"], {"partition": 0})
    spec["updateStrategy"] = strategy
    spec["persistentVolumeClaimRetentionPolicy"] = with_defaults(
        spec.get("persistentVolumeClaimRetentionPolicy") or {}, {"whenDeleted": "Retain", "whenScaled": "Retain"}
    )
    if spec.get("volumeClaimTemplates"):
        spec["volumeClaimTemplates"] = [_default_claim(each) for each in spec["volumeClaimTemplates"]]
    status = with_defaults(thing.get("status") or {}, {"replicas": 0, "availableReplicas": 0})
    return {**thing, "spec": spec, "status": status}


def _default_claim(claim: Object) -> Object:
    made = with_defaults(claim, {"kind": "PersistentVolumeClaim", "apiVersion": "v1"})
    made["spec"] = default_claim_spec(claim.get("spec") or {})
    made["status"] = with_defaults(claim.get("status") or {}, {"phase": "Pending"})
    return made


def default_daemon_set(thing: Object) -> Object:
    spec = with_defaults(_spec(thing), {"revisionHistoryLimit": 10})
    strategy = with_defaults(spec.get("updateStrategy") or {}, {"type": "RollingUpdate"})
    if strategy["type"] == "RollingUpdate":
        rolling = with_defaults(strategy.get("rollingUpdate") or {}, {"maxUnavailable": 1, "maxSurge": 0})
        strategy["rollingUpdate"] = rolling
    spec["updateStrategy"] = strategy
    counts = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
    status = with_defaults(thing.get("status") or {}, dict.fromkeys(counts, 0))
    meta = thing.get("metadata") or {}
    if TEMPLATE_GENERATION not in (meta.get("annotations") or {}):
        meta = {**meta, "annotations": {**(meta.get("annotations") or {}), TEMPLATE_GENERATION: "0"}}
    return {**thing, "metadata": meta, "spec": spec, "status": status}


def default_job_spec(spec: Object) -> dict[str, Any]:
    """The spec of a Job."""
    made = _spec({"spec": spec})
    if made.get("completions") is None and made.get("parallelism") is None:
        made["completions"] = made["parallelism"] = 1
    backoff = _MOST if made.get("backoffLimitPerIndex") is not None else 6
    replacement = "Failed" if made.get("podFailurePolicy") is not None else "TerminatingOrFailed"
    made = with_defaults(
        made,
        {
            "parallelism": 1,
            "backoffLimit": backoff,
            "completionMode": "NonIndexed",
            "suspend": False,
            "podReplacementPolicy": replacement,
            "manualSelector": False,
        },
    )
    return _default_conditions(made)


def _default_conditions(job: dict[str, Any]) -> dict[str, Any]:
    policy = job.get("podFailurePolicy")
    if policy:
        rules = [
            {**rule, "onPodConditions": [with_defaults(each, {"status": "True"}) for each in rule["onPodConditions"]]}
            if rule.get("onPodConditions")
            else rule
            for rule in policy.get("rules") or ()
        ]
        job["podFailurePolicy"] = {**policy, "rules": rules}
    return job


def default_job(thing: Object) -> Object:
    spec = default_job_spec(thing.get("spec") or {})
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    return _with_labels({**thing, "spec": spec}, labels)


def _with_labels(thing: Object, labels: Object | None) -> Object:
    meta = thing.get("metadata") or {}
    return {**thing, "metadata": {**meta, "labels": labels}} if labels and not meta.get("labels") else thing


def default_cron_job(thing: Object) -> Object:
    spec = with_defaults(
        thing.get("spec") or {},
        {
            "concurrencyPolicy": "Allow",
            "suspend": False,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
        },
    )
    template = spec.get("jobTemplate") or {}
    inner = _default_conditions(_spec({"spec": template.get("spec") or {}}))  # Job's own come later
    return {**thing, "spec": {**spec, "jobTemplate": {**template, "spec": inner}}}


# --- preparation at create


def prepare_job(thing: Object) -> Object:
    """A new Job selects its own Pods by its uid, unless it says how."""
    spec = thing.get("spec") or {}
    if spec.get("manualSelector"):
        return thing
    meta = thing.get("metadata") or {}
    uid, name = str(meta.get("uid") or ""), str(meta.get("name") or "")
    own = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = spec.get("template") or {}
    inner = template.get("metadata") or {}
    labels = {**(inner.get("labels") or {})}
    for key, value in own.items():
        labels.setdefault(key, value)
    template = {**template, "metadata": {**inner, "labels": labels}}
    selector = dict(spec.get("selector") or {})
    wanted = dict(selector.get("matchLabels") or {})
    wanted.setdefault("batch.kubernetes.io/controller-uid", uid)
    selector["matchLabels"] = wanted
    if meta.get("labels") is inner.get("labels"):  # labels taken from the template are the template's
        meta = {key: value for key, value in meta.items() if key != "labels"}
    made = {**thing, "metadata": meta, "spec": {**spec, "template": template, "selector": selector}}
    return _with_labels(made, labels)


def prepare_daemon_set(thing: Object, generation: int = 1) -> Object:
    """A DaemonSet carries the generation of its template as an annotation."""
    meta = dict(thing.get("metadata") or {})
    meta["annotations"] = {**(meta.get("annotations") or {}), TEMPLATE_GENERATION: str(generation)}
    return {**thing, "metadata": meta}


def prepare_daemon_set_update(new: Object, old: Object) -> Object:
    """The template's generation counts changes of the template."""
    text = ((old.get("metadata") or {}).get("annotations") or {}).get(TEMPLATE_GENERATION, "0")
    generation = int(text) if str(text).isdigit() else 0
    before, after = (old.get("spec") or {}).get("template"), (new.get("spec") or {}).get("template")
    return prepare_daemon_set(new, generation if unchanged(before, after) else generation + 1)
