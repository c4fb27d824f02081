"""This pod's own status objects: what it knows of each template and constraint, published for the roll-up.

Run by every process; keys ("template", name) and ("constraint", kind, name). The other plans leave notes; this one
writes them down, alone, in objects that nobody else writes: one ConstraintTemplatePodStatus or ConstraintPodStatus
per pod and object, owned by the Pod.

A step on the way (compiling, waiting for discovery) is published only when it lasts: clients see the step in the
roll-up's own words at once, and most templates need one pod status, not five.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from gatewright.control import applying, constraint_ingest, home, template_crd, template_ingest, webhook
from gatewright.control.conditions import TRUE, Condition, read, settle
from gatewright.control.intents import Plan, Wake
from gatewright.control.view import Controller, Key, View, Watched
from gatewright.core.clock import Now
from gatewright.core.objects import Name, Object, Resource, deleting, dig, generation, metadata, uid
from gatewright.core.settings import SERVED_OPERATIONS, Settings
from gatewright.kinds import podstatus
from gatewright.kinds.resources import (
    CONSTRAINT_POD_STATUSES,
    CONSTRAINT_TEMPLATE_POD_STATUSES,
    CONSTRAINT_TEMPLATES,
    CONSTRAINTS_GROUP,
    constraint_resource,
)
from gatewright.kinds.templates import TemplateError

PATIENCE = 1.0  # seconds that a step may last before it is published


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be published of one incarnation and generation."""

    uid: str
    generation: int
    final: bool
    since: float
    conditions: tuple[Condition, ...]
    errors: tuple[TemplateError, ...]
    enforced: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    key: Key
    synced: bool
    subject: Object | None  # the template or constraint
    outcome: Outcome | None
    pod_uid: str  # "" while our Pod is not known
    held: Object | None  # our pod status as it stands


def see(view: View, key: Key, settings: Settings) -> Seen:
    resource, name = _subject(key)
    statuses = _statuses(key)
    outcome = _of_template(view, name.name) if key[0] == "template" else _of_constraint(view, key[1], key[2])
    # Without its template a constraint is gone: its kind is watched no more, so its own cache would never say so.
    kept = key[0] == "template" or view.get(CONSTRAINT_TEMPLATES, Name("", key[1].lower())) is not None
    return Seen(
        key=key,
        synced=view.synced(CONSTRAINT_TEMPLATES) and view.synced(statuses) and (not kept or view.synced(resource)),
        subject=view.get(resource, name) if kept else None,
        outcome=outcome,
        pod_uid=home.pod_uid(view, settings),
        held=view.get(statuses, Name(settings.namespace, _status_name(key, settings))),
    )


def plan(seen: Seen, settings: Settings, now: Now) -> Plan:
    if not seen.synced:
        return Plan()
    if seen.subject is None or deleting(seen.subject):
        return Plan(((applying.delete(_statuses(seen.key), seen.held),) if seen.held is not None else (),))
    outcome = seen.outcome
    current = (uid(seen.subject), generation(seen.subject))
    if outcome is None or (outcome.uid, outcome.generation) != current or not seen.pod_uid:
        return Plan()
    if not outcome.final and now.monotonic < outcome.since + PATIENCE:
        return Plan(((Wake(outcome.since + PATIENCE),),))
    wanted = _object(seen, outcome, settings, now)
    return Plan((applying.keep(_statuses(seen.key), seen.held, wanted, applying.pod_manager(settings.pod)),))


def _of_template(view: View, name: str) -> Outcome | None:
    engine, crd = view.fact(template_ingest.note(name)), view.fact(template_crd.note(name))
    if engine is None:
        return None
    of_engine: template_ingest.Report = engine.value
    conditions: tuple[Condition, ...] = (of_engine.condition,)
    errors, final = of_engine.errors, of_engine.final
    if crd is not None and (crd.value.uid, crd.value.generation) == (of_engine.uid, of_engine.generation):
        conditions += crd.value.conditions
        errors += tuple(error for error in crd.value.errors if error not in errors)
        final = final and crd.value.final
    in_force = view.fact(webhook.NOTE)
    if in_force is not None:
        word = replace(in_force.value.condition, generation=of_engine.generation)
        conditions += (word,)
        final = final and (word.status == TRUE or word.failed)
    final = final or bool(errors)  # a terminal error is an outcome, whatever is still on its way beside it
    return Outcome(of_engine.uid, of_engine.generation, final, of_engine.since, conditions, errors)


def _of_constraint(view: View, kind: str, name: str) -> Outcome | None:
    fact = view.fact(constraint_ingest.note(kind, name))
    if fact is None:
        return None
    report: constraint_ingest.Report = fact.value
    enforced = report.state is constraint_ingest.State.ENFORCED
    return Outcome(
        report.uid, report.generation, report.final, report.since, (report.condition,), report.errors, enforced
    )


def _object(seen: Seen, outcome: Outcome, settings: Settings, now: Now) -> dict[str, Any]:
    reporter = podstatus.Reporter(
        settings.pod, settings.namespace, seen.pod_uid, tuple(op.value for op in settings.operations)
    )
    held = dig(seen.held, "status", "conditions") or ()
    conditions = settle(held, (*outcome.conditions, *_kept(seen, outcome)), now)
    # observedGeneration names the generation of the last outcome: while there is none yet for this one, it stays
    # where it was
    at = outcome.generation if outcome.final else _last_generation(seen.held, outcome.uid)
    if seen.key[0] == "template":
        return podstatus.template_pod_status(
            reporter, seen.key[1], outcome.uid, at, errors=outcome.errors, conditions=conditions
        )
    return podstatus.constraint_pod_status(
        reporter,
        seen.key[1],
        seen.key[2],
        outcome.uid,
        at,
        enforced=outcome.enforced,
        errors=outcome.errors,
        conditions=conditions,
    )


def _kept(seen: Seen, outcome: Outcome) -> tuple[Condition, ...]:
    """Words of the generate role that this process published and has nothing newer to say of: after a restart, and
    while its Lease is
    another's. The roll-up takes the newest word, so an outlived one does no harm; dropping it would make Ready flap."""
    if seen.held is None or podstatus.read_pod_status(seen.held).of_uid != outcome.uid:
        return ()
    spoken = {condition.type for condition in outcome.conditions}
    words = (read(entry) for entry in dig(seen.held, "status", "conditions") or ())
    return tuple(word for word in words if word.type not in spoken and word.generation == outcome.generation)


def _last_generation(held: Object | None, of_uid: str) -> int:
    if held is None:
        return 0
    report = podstatus.read_pod_status(held)
    return report.generation if report.of_uid == of_uid else 0


def _subject(key: Key) -> tuple[Resource, Name]:
    if key[0] == "template":
        return CONSTRAINT_TEMPLATES, Name("", key[1])
    return constraint_resource(key[1]), Name("", key[2])


def _statuses(key: Key) -> Resource:
    return CONSTRAINT_TEMPLATE_POD_STATUSES if key[0] == "template" else CONSTRAINT_POD_STATUSES


def _status_name(key: Key, settings: Settings) -> str:
    if key[0] == "template":
        return podstatus.template_pod_status_name(settings.pod, key[1])
    return podstatus.constraint_pod_status_name(settings.pod, key[1], key[2])


def _watches(settings: Settings) -> tuple[Watched, ...]:
    return (
        Watched(CONSTRAINT_TEMPLATES),
        Watched(CONSTRAINT_TEMPLATE_POD_STATUSES, settings.namespace),
        Watched(CONSTRAINT_POD_STATUSES, settings.namespace),
    )


def _roots(resource: Resource | None, thing: Object | None, settings: Settings) -> Iterable[Key]:
    if resource is None or thing is None:
        return ()
    name = str(metadata(thing).get("name"))
    if resource == CONSTRAINT_TEMPLATES:
        return (("template", name),)
    if resource.group == CONSTRAINTS_GROUP:
        return (("constraint", resource.kind, name),)
    if resource in (CONSTRAINT_TEMPLATE_POD_STATUSES, CONSTRAINT_POD_STATUSES):
        # our own status of a template or constraint that went while we were away
        ours = podstatus.read_pod_status(thing).id == settings.pod
        about = podstatus.described(thing)
        return (about,) if ours and about and about[0] in ("template", "constraint") else ()
    return ()


CONTROLLER = Controller(
    name="pod-status", operations=SERVED_OPERATIONS, watches=_watches, roots=_roots, see=see, plan=plan
)
