"""The peer's ConstraintTemplate controller and ConstraintTemplate status controller (lifecycle-races 1.2, 1.3).

Step numbers in comments are those of the table in 1.2. `fixed` is the upstream mend of issue 3982: the annotation's
write is tried up to four times, each after a read of the informer cache.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from gatewright.core.errors import PolicyError
from gatewright.core.objects import Name, Object, deleting, dig, generation, labels, metadata, uid
from gatewright.kinds import podstatus
from gatewright.kinds.resources import (
    ADMISSION_POLICIES,
    CONSTRAINT_TEMPLATE_POD_STATUSES,
    CONSTRAINT_TEMPLATES,
    CRDS,
)
from gatewright.kinds.templates import NATIVE, Template, read_template
from gatewright.policy.crd_generation import constraint_crd
from gatewright.sim.gatekeeper import steps
from gatewright.sim.gatekeeper.steps import (
    CachedGet,
    CachedList,
    Done,
    Enqueue,
    Pause,
    Reconcile,
    Remember,
    Step,
    conflict,
    failed,
)

BLOCK_UNTIL = "gatekeeper.sh/block-vapb-generation-until"
BLOCK_STATE = "gatekeeper.sh/vapb-generation-state"
RETRIES = (0.01, 0.05, 0.25)  # seconds between the four tries of the upstream mend
WAIT = 30.0


def reconcile(key: str, pod: str, namespace: str, pod_uid: str, *, fixed: bool, until: str) -> Reconcile:
    """One pass of the template controller. until: the timestamp that the annotation will carry."""
    template = yield CachedGet(CONSTRAINT_TEMPLATES, Name("", key))  # 1
    if template is None or deleting(template):
        return (yield from _deleted(key, pod, namespace))
    reporter = podstatus.Reporter(pod, namespace, pod_uid, ("generate", "status", "webhook"))
    status_name = Name(namespace, podstatus.template_pod_status_name(pod, key))
    held = yield CachedGet(CONSTRAINT_TEMPLATE_POD_STATUSES, status_name)  # 2
    if held is None:
        empty = podstatus.template_pod_status(reporter, key, "", 0)
        answer = yield steps.post(CONSTRAINT_TEMPLATE_POD_STATUSES, empty)
        if failed(answer):
            return Done(error=True)
        held = steps.thing(answer)
    error, after = "", None
    try:
        record = read_template(template)
        crd = constraint_crd(record)  # 4
    except PolicyError as problem:
        yield from _persist(held, reporter, template, f"create_error:{problem}")
        return Done()
    yield Remember(add=(f"template:{key}",))  # 6
    error = yield from _crd(template, crd)  # 8
    generates = NATIVE in record.engines
    if not error and generates:
        error, after = yield from _annotate(template, key, fixed, until)  # 9
    vap: dict[str, Any] | None = None
    if not error:
        yield Remember(add=(f"watching:{record.kind}",))  # 10
        if generates:
            error, vap = yield from _policy(template, record)  # 11
    again = yield from _persist(held, reporter, template, error, vap)  # 13
    return Done(error=bool(error) or again, after=after)  # 14


def _deleted(key: str, pod: str, namespace: str) -> Reconcile:
    memory = yield Remember(drop=(f"template:{key}",))
    if f"template:{key}" in memory:
        yield steps.remove(ADMISSION_POLICIES, Name("", f"gatekeeper-{key}"))
    held = yield CachedGet(
        CONSTRAINT_TEMPLATE_POD_STATUSES, Name(namespace, podstatus.template_pod_status_name(pod, key))
    )
    if held is not None:
        answer = yield steps.remove(CONSTRAINT_TEMPLATE_POD_STATUSES, Name.of(held))
        return Done(error=bool(failed(answer)))
    return Done()


def _crd(template: Object, wanted: Object) -> Generator[Step, Any, str]:
    owner = {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "name": metadata(template)["name"],
        "uid": uid(template),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    wanted = {**wanted, "metadata": {**metadata(wanted), "ownerReferences": [owner]}}
    held = yield CachedGet(CRDS, Name("", str(metadata(wanted)["name"])))  # 5
    if held is None:
        text = failed((yield steps.post(CRDS, wanted)))
        return f"create_error:Could not create CRD: {text}" if text else ""
    if _stands(held.get("spec"), wanted.get("spec")):
        return ""
    updated = {**held, "spec": wanted["spec"]}
    text = failed((yield steps.put(CRDS, updated)))
    return f"update_error:Could not update CRD: {text}" if text else ""


def _annotate(template: Object, key: str, fixed: bool, until: str) -> Generator[Step, Any, tuple[str, float | None]]:
    """The annotation that holds back the binding: the write of issue 3982."""
    current: Object | None = template
    delays = RETRIES if fixed else ()
    text = ""
    for attempt in range(len(delays) + 1):
        if fixed:
            current = yield CachedGet(CONSTRAINT_TEMPLATES, Name("", key))
            if current is None:
                return "", None
        held = dict(metadata(current or {}).get("annotations") or {})
        if held.get(BLOCK_STATE) == "unblocked" or BLOCK_UNTIL in held:
            return "", WAIT
        wanted = steps.changed_metadata(current or {}, {BLOCK_UNTIL: until, BLOCK_STATE: "blocked"})
        answer = yield steps.put(CONSTRAINT_TEMPLATES, wanted)
        text = failed(answer)
        if not text:
            return "", WAIT
        if not conflict(answer):
            break
        if attempt < len(delays):
            yield Pause(delays[attempt])
    told = f"Could not annotate with timestamp to block VAPB generation: {text}"
    return f"create_error:{told}", None


def _policy(template: Object, record: Template) -> Generator[Step, Any, tuple[str, dict[str, Any] | None]]:
    """The generated policy, a plain object here."""
    name = f"gatekeeper-{record.name}"
    held = yield CachedGet(ADMISSION_POLICIES, Name("", name))
    if held is None:
        answer = yield steps.post(ADMISSION_POLICIES, policy(template, record))
        text = failed(answer)
        if text:
            return f"create_error:Could not create VAP object: {text}", None
        yield Enqueue("constraint", (f"{record.kind}/*",))
    return "", {"state": "generated", "observedGeneration": generation(template)}


def policy(template: Object, record: Template) -> dict[str, Any]:
    """A ValidatingAdmissionPolicy of the peer's shape, with one validation."""
    owner = {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "name": record.name,
        "uid": uid(template),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["*"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"gatekeeper-{record.name}", "ownerReferences": [owner]},
        "spec": {
            "paramKind": {"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": record.kind},
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "true"}],
        },
    }


def _persist(
    held: Object,
    reporter: podstatus.Reporter,
    template: Object,
    error: str,
    vap: dict[str, Any] | None = None,
) -> Generator[Step, Any, bool]:
    """The deferred write of the pod status; True when it must be tried again."""
    status: dict[str, Any] = {
        "id": reporter.pod,
        "operations": sorted(reporter.operations),
        "templateUID": uid(template),
        "observedGeneration": generation(template),
    }
    if error:
        code, _, text = error.partition(":")
        status["errors"] = [{"code": code, "message": text}]
    if vap is not None:
        status["vapGenerationStatus"] = vap
    if held.get("status") == status:
        return False
    answer = yield steps.put(CONSTRAINT_TEMPLATE_POD_STATUSES, {**held, "status": status})
    return bool(failed(answer))


def reconcile_status(key: str) -> Reconcile:
    """The status controller: copies pod statuses into the template, as a whole-object write at the cached
    version (1.3).
    """
    template = yield CachedGet(CONSTRAINT_TEMPLATES, Name("", key))
    if template is None:
        return Done()
    statuses = yield CachedList(CONSTRAINT_TEMPLATE_POD_STATUSES)
    own = [one for one in statuses if labels(one).get(podstatus.TEMPLATE_LABEL) == key]
    entries = [dict(one["status"]) for one in own if dig(one, "status", "templateUID") == uid(template)]
    entries.sort(key=lambda entry: str(entry.get("id")))
    created = dig(template, "status", "created") is True or any(not entry.get("errors") for entry in entries)
    wanted = {"created": created, **({"byPod": entries} if entries else {})}
    if template.get("status") == wanted:
        return Done()
    answer = yield steps.put(CONSTRAINT_TEMPLATES, {**template, "status": wanted}, "status")
    return Done(error=bool(failed(answer)))


def _stands(held: Any, wanted: Any) -> bool:
    """Whether each wanted field stands in what is held (the server fills in others)."""
    if isinstance(wanted, dict):
        return isinstance(held, dict) and all(
            name in held and _stands(held[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        same = isinstance(held, list) and len(held) == len(wanted)
        return same and all(_stands(one, other) for one, other in zip(held, wanted, strict=True))
    return bool(held == wanted)
