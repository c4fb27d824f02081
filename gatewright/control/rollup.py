"""The one writer of a template's and a constraint's status: byPod, created and all conditions, in one write.

Run by the status role under a Lease; keys ("template", name) and ("constraint", kind, name). It reads what the pods
published in their own status objects and nothing of its own but the very version whose resourceVersion its write
names (lifecycle, rules 1 and 11): so each stored status is consistent alone, and a late writer of a dead incarnation
or an older view gets a conflict and looks again.

A view that is behind what the stored byPod was made from does not write: it waits for its watch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.control import applying, home, webhook
from gatewright.control.conditions import FALSE, TRUE, UNKNOWN, Condition, read, ready, settle
from gatewright.control.intents import Apply, Plan, Trouble, Wake
from gatewright.control.view import Controller, Key, View, Watched
from gatewright.core.clock import Known, Now
from gatewright.core.objects import Name, Object, Resource, deleting, dig, generation, labels, metadata, uid
from gatewright.core.settings import Operation, Settings
from gatewright.kinds import podstatus
from gatewright.kinds.resources import (
    CONSTRAINT_POD_STATUSES,
    CONSTRAINT_TEMPLATE_POD_STATUSES,
    CONSTRAINT_TEMPLATES,
    CONSTRAINTS_GROUP,
    CRDS,
    PODS,
    constraint_resource,
)
from gatewright.policy.enforcement import DENY, WARN, WEBHOOK_POINT, EnforcementError, action_of, actions_at

LEASE = "gatewright-status"
CATCH_UP = 0.1  # seconds between two looks of a view that is behind


@dataclass(frozen=True, slots=True)
class Seen:
    """What is rolled up for one object.

    statuses: pod statuses of the object, of any incarnation; kind_statuses: for a constraint, those of its template
    expected: ids of the pods whose word Ready needs; None while unknown
    conditions_declared: whether the CRD of templates knows status.conditions (an upstream CRD doesn't)
    """

    key: Key
    synced: bool
    subject: Object | None
    statuses: tuple[Object, ...]
    kind_statuses: tuple[Object, ...]
    template_uid: str
    expected: tuple[str, ...] | None
    seen_version: int
    conditions_declared: Known
    trouble: Trouble | None


def see(view: View, key: Key, settings: Settings) -> Seen:
    resource, name, statuses = _places(key)
    template = view.get(CONSTRAINT_TEMPLATES, Name("", _template_name(key)))
    of_template = view.list(CONSTRAINT_TEMPLATE_POD_STATUSES, (podstatus.TEMPLATE_LABEL, _template_name(key)))
    own = of_template
    if key[0] == "constraint":
        named = view.list(CONSTRAINT_POD_STATUSES, (podstatus.CONSTRAINT_NAME_LABEL, key[2]))
        own = tuple(one for one in named if labels(one).get(podstatus.CONSTRAINT_KIND_LABEL) == key[1])
    trouble = view.fact(("trouble", "rollup", key))
    return Seen(
        key=key,
        synced=all(view.synced(one) for one in (resource, statuses, CONSTRAINT_TEMPLATE_POD_STATUSES)),
        subject=view.get(resource, name),
        statuses=own,
        kind_statuses=of_template,
        template_uid="" if template is None else uid(template),
        expected=_expected(view),
        seen_version=view.version(statuses),
        conditions_declared=_declared(view) if key[0] == "template" else Known.YES,
        trouble=None if trouble is None else trouble.value,
    )


def plan(seen: Seen, settings: Settings, now: Now) -> Plan:
    if not seen.synced or seen.subject is None or deleting(seen.subject):
        return Plan()
    if seen.expected is None or seen.conditions_declared is Known.UNKNOWN:
        return Plan()
    subject = seen.subject
    if _behind(seen):
        return Plan(((Wake(now.monotonic + CATCH_UP),),))
    reports = _current(seen.statuses, uid(subject), seen.expected)
    prerequisites = _of_template(seen, reports) if seen.key[0] == "template" else _of_constraint(seen, reports)
    verdict = ready(_with_webhook(seen, prerequisites), generation(subject), _promise(seen))
    shown = (*prerequisites, *verdict, *_stalled(seen, verdict, settings, now))
    status = _status(seen, reports, shown, now)
    wanted = applying.at_version(_body(seen, status), subject)
    if not applying.due(subject, wanted, applying.STATUS_MANAGER, "status"):
        return Plan()
    resource, _, _ = _places(seen.key)
    return Plan(((Apply(resource, wanted, applying.STATUS_MANAGER, "status"),),))


# --- who must speak


def _expected(view: View) -> tuple[str, ...] | None:
    """The living pods of ours: a pod without a word yet is waited for, a dead one isn't."""
    if not view.synced(PODS):
        return None
    alive = []
    for pod in view.list(PODS, home.SYSTEM_LABEL):
        over = dig(pod, "status", "phase") in ("Succeeded", "Failed")
        if not deleting(pod) and not over:
            alive.append(str(metadata(pod).get("name")))
    return tuple(sorted(alive))


def _current(statuses: Iterable[Object], of_uid: str, expected: tuple[str, ...]) -> tuple[podstatus.PodReport, ...]:
    """The reports of living pods on this incarnation, ordered by id."""
    reports = (podstatus.read_pod_status(one) for one in statuses)
    return tuple(
        sorted((one for one in reports if one.of_uid == of_uid and one.id in expected), key=lambda one: one.id)
    )


def _behind(seen: Seen) -> bool:
    """Whether the stored byPod was made from pod statuses newer than any that this view has seen."""
    stored = [entry for entry in dig(seen.subject, "status", "byPod") or () if isinstance(entry, Mapping)]
    versions = [str(entry.get("podStatusVersion") or "0") for entry in stored]
    return any(version.isdecimal() and int(version) > seen.seen_version for version in versions)


# --- conditions


def _of_template(seen: Seen, reports: tuple[podstatus.PodReport, ...]) -> tuple[Condition, ...]:
    at = generation(seen.subject or {})
    return (
        _by_all_pods(seen, reports, "Ingested", "Compiled"),
        _reported(reports, "CRDEstablished", at, "Creating"),
        Condition("PolicyGenerated", FALSE, "NotApplicable", "the template has no code for generated policies", at),
        Condition("ParamKindResolvable", TRUE, "NotNeeded", "no generated policy names the kind", at),
    )


def _of_constraint(seen: Seen, reports: tuple[podstatus.PodReport, ...]) -> tuple[Condition, ...]:
    at = generation(seen.subject or {})
    enforced = _by_all_pods(seen, reports, "Enforced", "Enforced")
    in_force = _webhook(seen)
    if enforced.status == TRUE and in_force.status != TRUE:
        enforced = Condition("Enforced", in_force.status, in_force.reason, in_force.message, at, in_force.failed)
    binding = Condition("BindingGenerated", FALSE, "NotApplicable", "the template has no generated policy to bind", at)
    return (enforced, binding)


def _by_all_pods(seen: Seen, reports: tuple[podstatus.PodReport, ...], kind: str, reason: str) -> Condition:
    """True when every expected pod says so at this generation; False when one has failed at it."""
    at = generation(seen.subject or {})
    words = [(one.id, read(one.conditions[kind])) for one in reports if kind in one.conditions]
    spoken = [(pod, word) for pod, word in words if word.generation == at]
    failed = [(pod, word) for pod, word in spoken if word.failed]
    if failed:
        pod, word = failed[0]
        return Condition(kind, FALSE, word.reason, f"in pod {pod}: {word.message}", at, failed=True)
    true = [pod for pod, word in spoken if word.status == TRUE]
    expected = seen.expected or ()
    if expected and len(true) == len(expected):
        return Condition(kind, TRUE, reason, f"in {len(true)} of {len(expected)} pods", at)
    why = _waited_for(spoken, expected)
    return Condition(kind, UNKNOWN, "AwaitingPods", f"in {len(true)} of {len(expected)} pods{why}", at)


def _waited_for(spoken: Iterable[tuple[str, Condition]], expected: tuple[str, ...]) -> str:
    """Who keeps the rest waiting: a pod by what it says, else those that have not said anything of this generation."""
    words = tuple(spoken)
    waiting = [(pod, word) for pod, word in words if word.status != TRUE]
    if waiting:
        return f"; pod {waiting[0][0]}: {waiting[0][1].message}"
    heard = {pod for pod, _ in words}
    silent = [pod for pod in expected if pod not in heard]
    more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
    return f"; no word of this generation from pod {silent[0]}{more}" if silent else ""


def _reported(reports: Iterable[podstatus.PodReport], kind: str, at: int, first: str) -> Condition:
    """What the generate role last said of this generation. Only its Lease's holder speaks; after a hand-over
    the newest word counts.
    """
    words = [(one.conditions[kind], int(one.resource_version or 0)) for one in reports if kind in one.conditions]
    spoken = [(str(word.get("lastTransitionTime")), version, read(word)) for word, version in words]
    current = sorted((stamp, version, word.status, word) for stamp, version, word in spoken if word.generation == at)
    if not current:
        return Condition(kind, UNKNOWN, first, "no pod with the generate role has reported this generation yet", at)
    return current[-1][3]


def _webhook(seen: Seen) -> Condition:
    """F6, as the generate role reports it beside the template."""
    at = generation(seen.subject or {})
    reports = _current(seen.kind_statuses, seen.template_uid, seen.expected or ())
    words = [read(one.conditions[webhook.CONDITION]) for one in reports if webhook.CONDITION in one.conditions]
    if not words:
        return Condition(webhook.CONDITION, UNKNOWN, "AwaitingWebhook", "the webhook is not proved in force yet", at)
    best = next((word for word in words if word.status == TRUE), words[0])
    return Condition(webhook.CONDITION, best.status, best.reason, best.message, at, best.failed)


def _stalled(seen: Seen, verdict: tuple[Condition, ...], settings: Settings, now: Now) -> tuple[Condition, ...]:
    """The same transient failure for minutes is told, as Stalled; never as an error."""
    trouble = seen.trouble
    if trouble is None or now.monotonic < trouble.since + settings.stalled_after:
        return ()
    if any(condition.type == "Stalled" for condition in verdict):
        return ()
    return (Condition("Stalled", TRUE, "TransientFailure", trouble.message, generation(seen.subject or {})),)


def _with_webhook(seen: Seen, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    return (*conditions, _webhook(seen)) if seen.key[0] == "template" else conditions


def _promise(seen: Seen) -> str:
    if seen.key[0] == "template":
        return f"in force in every pod; {_webhook(seen).message}"
    outcome = _outcome(seen.subject or {})
    return f"{outcome}; {_webhook(seen).message}" if outcome else "the constraint names no action of the webhook"


def _outcome(constraint: Object) -> str:
    """What the webhook does with a violating request; "" where the constraint is scoped away from it."""
    try:
        scoped = actions_at(constraint, WEBHOOK_POINT)
        actions = scoped or (action_of(constraint) or DENY,)
    except EnforcementError:
        return ""  # no pod accepts it, so there is no promise either
    if scoped is None:
        return ""
    if DENY in actions:
        return "the next violating request is denied"
    if WARN in actions:
        return "the next violating request is answered with a warning"
    return "the next violating request is let through and at most recorded"


# --- the write


def _status(
    seen: Seen, reports: tuple[podstatus.PodReport, ...], conditions: tuple[Condition, ...], now: Now
) -> dict[str, Any]:
    subject = seen.subject or {}
    settled = settle(dig(subject, "status", "conditions") or (), conditions, now)
    names = {one.id for one in reports}
    held = sorted(
        (one for one in seen.statuses if podstatus.read_pod_status(one).id in names),
        key=lambda one: podstatus.read_pod_status(one).id,
    )
    entries = [podstatus.by_pod_entry(one) for one in held if podstatus.read_pod_status(one).of_uid == uid(subject)]
    status: dict[str, Any] = {"byPod": entries} if entries else {}
    if seen.conditions_declared is Known.YES:
        status["conditions"] = settled
        status["observedGeneration"] = generation(subject)
    else:  # an upstream CRD that we may not change: undeclared fields are a 500, so the words go into the entries
        for entry in entries:
            entry["conditions"] = settled
    if seen.key[0] == "template":
        created = _created(subject, reports, conditions)
        if created is not None:
            status["created"] = created
    return status


def _created(
    subject: Object, reports: tuple[podstatus.PodReport, ...], conditions: tuple[Condition, ...]
) -> bool | None:
    """Monotone per uid; False only together with a terminal error; absent before there is an outcome
    (lifecycle, rule 15).
    """
    if dig(subject, "status", "created") is True:
        return True
    established = any(one.type == "CRDEstablished" and one.status == TRUE for one in conditions)
    at = generation(subject)
    if established and any(one.generation == at and not one.errors for one in reports):
        return True
    failed = any(one.failed for one in conditions)
    return False if failed and any(one.errors for one in reports) else None


def _body(seen: Seen, status: Mapping[str, Any]) -> dict[str, Any]:
    resource, name, _ = _places(seen.key)
    meta = {"name": name.name}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": meta, "status": dict(status)}


# --- places


def _places(key: Key) -> tuple[Resource, Name, Resource]:
    """Resource and name of the object, and the resource of its pod statuses."""
    if key[0] == "template":
        return CONSTRAINT_TEMPLATES, Name("", key[1]), CONSTRAINT_TEMPLATE_POD_STATUSES
    return constraint_resource(key[1]), Name("", key[2]), CONSTRAINT_POD_STATUSES


def _template_name(key: Key) -> str:
    return key[1].lower() if key[0] == "constraint" else key[1]


def _declared(view: View) -> Known:
    if not view.synced(CRDS):
        return Known.UNKNOWN
    crd = view.get(CRDS, Name("", f"{CONSTRAINT_TEMPLATES.plural}.{CONSTRAINT_TEMPLATES.group}"))
    if crd is None:
        return Known.UNKNOWN
    for version in dig(crd, "spec", "versions") or ():
        if version.get("name") == CONSTRAINT_TEMPLATES.version:
            schema = dig(version, "schema", "openAPIV3Schema", "properties", "status", "properties", "conditions")
            return Known.YES if schema is not None else Known.NO
    return Known.NO


def _watches(settings: Settings) -> tuple[Watched, ...]:
    return (
        Watched(CONSTRAINT_TEMPLATES),
        Watched(CRDS),
        Watched(CONSTRAINT_TEMPLATE_POD_STATUSES, settings.namespace),
        Watched(CONSTRAINT_POD_STATUSES, settings.namespace),
        Watched(PODS, settings.namespace),
    )


def _roots(resource: Resource | None, thing: Object | None, _settings: Settings) -> Iterable[Key]:
    if resource is None or thing is None:
        return ()
    name = str(metadata(thing).get("name"))
    if resource == CONSTRAINT_TEMPLATES:
        return (("template", name),)
    return (("constraint", resource.kind, name),) if resource.group == CONSTRAINTS_GROUP else ()


CONTROLLER = Controller(
    name="rollup",
    operations=frozenset({Operation.STATUS}),
    watches=_watches,
    roots=_roots,
    see=see,
    plan=plan,
    lease=LEASE,
)
