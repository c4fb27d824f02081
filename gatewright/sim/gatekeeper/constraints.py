"""The peer's constraint controller and constraint status controller (lifecycle-races 1.4, 1.5).

The constraint controller reads the wait annotation from its own cache of the template; the constraint status
controller hears of pod statuses only, as upstream's does.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from gatewright.core.objects import Name, Object, deleting, dig, generation, labels, metadata, uid
from gatewright.kinds import podstatus
from gatewright.kinds.resources import (
    ADMISSION_POLICY_BINDINGS,
    CONSTRAINT_POD_STATUSES,
    CONSTRAINT_TEMPLATES,
    constraint_resource,
)
from gatewright.kinds.templates import NATIVE, read_template
from gatewright.sim.gatekeeper import steps
from gatewright.sim.gatekeeper.steps import CachedGet, CachedList, Done, Reconcile, Remember, Step, failed
from gatewright.sim.gatekeeper.templates import BLOCK_STATE, BLOCK_UNTIL, WAIT

POINT = "vap.k8s.io"


def reconcile(key: str, pod: str, namespace: str, pod_uid: str) -> Reconcile:
    """One pass of the constraint controller; key is Kind/name."""
    kind, _, name = key.partition("/")
    memory = yield Remember()
    constraint = None
    if f"watching:{kind}" in memory:  # 1: not watching is treated as deleted
        constraint = yield CachedGet(constraint_resource(kind), Name("", name))
    status_name = Name(namespace, podstatus.constraint_pod_status_name(pod, kind, name))
    held = yield CachedGet(CONSTRAINT_POD_STATUSES, status_name)
    if constraint is None or deleting(constraint):
        return (yield from _deleted(kind, name, held))
    reporter = podstatus.Reporter(pod, namespace, pod_uid, ("generate", "status", "webhook"))
    if held is None:  # 2
        empty = podstatus.constraint_pod_status(reporter, kind, name, "", 0, enforced=False)
        answer = yield steps.post(CONSTRAINT_POD_STATUSES, empty)
        if failed(answer):
            return Done(error=True)
        held = steps.thing(answer)
    yield Remember(add=(f"constraint:{key}",))  # 3
    error, point, after = yield from _binding(constraint, kind, name)  # 4
    status: dict[str, Any] = {
        "id": pod,
        "operations": sorted(reporter.operations),
        "constraintUID": uid(constraint),
        "observedGeneration": generation(constraint),
        "enforced": True,
    }
    if error:
        status["errors"] = [{"code": "", "message": error}]
    if point is not None:
        status["enforcementPointsStatus"] = [point]
    if held.get("status") != status:  # 5
        answer = yield steps.put(CONSTRAINT_POD_STATUSES, {**held, "status": status})
        if failed(answer):
            return Done(error=True)
    return Done(error=bool(error), after=after)


def _binding(
    constraint: Object, kind: str, name: str
) -> Generator[Step, Any, tuple[str, dict[str, Any] | None, float | None]]:
    """The error, the enforcement point's status, and when to look again."""
    template = yield CachedGet(CONSTRAINT_TEMPLATES, Name("", kind.lower()))
    if template is None:
        return "could not get ConstraintTemplate", None, None
    if NATIVE not in read_template(template).engines:
        return "", _point("error", "K8sNativeValidation engine is missing", constraint), None
    held = metadata(template).get("annotations") or {}
    if BLOCK_UNTIL not in held:
        return "could not find annotation to wait for VAPB generation in template", None, None
    if held.get(BLOCK_STATE) != "unblocked":
        return "", _point("waiting", f"waiting until {held[BLOCK_UNTIL]}", constraint), WAIT
    binding_name = f"gatekeeper-{kind.lower()}-{name}"
    binding = yield CachedGet(ADMISSION_POLICY_BINDINGS, Name("", binding_name))
    if binding is None:
        text = failed((yield steps.post(ADMISSION_POLICY_BINDINGS, _binding_object(constraint, kind, binding_name))))
        if text:
            return f"Could not create VAPB object: {text}", None, None
    return "", _point("generated", "", constraint), None


def _binding_object(constraint: Object, kind: str, name: str) -> dict[str, Any]:
    owner = {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "name": metadata(constraint)["name"],
        "uid": uid(constraint),
        "controller": True,
    }
    parameters = {"name": metadata(constraint)["name"], "parameterNotFoundAction": "Allow"}
    spec = {"policyName": f"gatekeeper-{kind.lower()}", "paramRef": parameters, "validationActions": ["Deny"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "ownerReferences": [owner]},
        "spec": spec,
    }


def _point(state: str, message: str, constraint: Object) -> dict[str, Any]:
    told = {"message": message} if message else {}
    return {"enforcementPoint": POINT, "state": state, **told, "observedGeneration": generation(constraint)}


def _deleted(kind: str, name: str, held: Object | None) -> Reconcile:
    yield Remember(drop=(f"constraint:{kind}/{name}",))
    if held is not None:
        answer = yield steps.remove(CONSTRAINT_POD_STATUSES, Name.of(held))
        if failed(answer):
            return Done(error=True)
    template = yield CachedGet(CONSTRAINT_TEMPLATES, Name("", kind.lower()))
    if template is None:
        return Done()  # the binding is left to the garbage collector
    binding = yield CachedGet(ADMISSION_POLICY_BINDINGS, Name("", f"gatekeeper-{kind.lower()}-{name}"))
    owners = [] if binding is None else [ref.get("name") for ref in metadata(binding).get("ownerReferences") or ()]
    if binding is not None and name in owners:  # by name only: the uid is not known here
        yield steps.remove(ADMISSION_POLICY_BINDINGS, Name.of(binding))
    return Done()


def reconcile_status(key: str) -> Reconcile:
    """Copies pod statuses into the constraint, as a whole-object write at the cached version."""
    kind, _, name = key.partition("/")
    constraint = yield CachedGet(constraint_resource(kind), Name("", name))
    if constraint is None:
        return Done()
    statuses = yield CachedList(CONSTRAINT_POD_STATUSES)
    wanted_labels = (name, kind)
    own = [
        one
        for one in statuses
        if (labels(one).get(podstatus.CONSTRAINT_NAME_LABEL), labels(one).get(podstatus.CONSTRAINT_KIND_LABEL))
        == wanted_labels
    ]
    entries = [dict(one["status"]) for one in own if dig(one, "status", "constraintUID") == uid(constraint)]
    entries.sort(key=lambda entry: str(entry.get("id")))
    status = {**(constraint.get("status") or {}), "byPod": entries}
    if constraint.get("status") == status:
        return Done()
    answer = yield steps.put(constraint_resource(kind), {**constraint, "status": status}, "status")
    return Done(error=bool(failed(answer)))
