"""One template's CRD: that it stands, is this incarnation's own, and is served everywhere (facts F1 and F2).

Run by the generate role; key (template name,). What follows is reported as a note that `pod_status` publishes in this
pod's own status object; nothing else is told from here. The CRD is the template's child: it carries the template's
uid as owner, and a CRD of a dead owner is removed here, after a live read of the owner, as a second line behind the
garbage collector.

Theory of operation. The states of a kind, and what moves it on:

    UNKNOWN      caches not synced                      -> nothing is decided
    ABSENT       no CRD of that name                    -> apply that only creates
    TERMINATING  being deleted, or a dead incarnation's -> cause its deletion (owner read live), and wait for it
    FOREIGN      the CRD has no template as its owner   -> left alone; terminal until it goes
    PENDING      ours, not yet Established              -> wait for the watch
    CONFLICT     ours, its names are taken              -> wait for the watch; told as a failure, since a user must act
    ESTABLISHED  F1: Established for this uid           -> ask every API server (F2)
    SERVED       F2: discovery and list answer on each  -> done
    REFUSED      the API server refused our CRD         -> told as a failure; tried again seldom
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gatewright.control import addresses, applying
from gatewright.control.conditions import FALSE, TRUE, UNKNOWN, Condition
from gatewright.control.intents import Ask, FactName, Intent, Note, Plan, Refusal, Wake, fields_digest
from gatewright.control.view import Controller, Fact, Key, View, Watched
from gatewright.core.clock import Known, Now
from gatewright.core.errors import PolicyError
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name, Object, Resource, deleting, dig, generation, metadata, uid
from gatewright.core.settings import Operation, Settings
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CRDS, constraint_resource
from gatewright.kinds.templates import TemplateError, read_template
from gatewright.policy.crd_generation import constraint_crd

LEASE = "gatewright-generate"


class State(Enum):
    UNKNOWN = "Unknown"
    ABSENT = "Creating"
    TERMINATING = "Terminating"
    FOREIGN = "NotOurs"
    PENDING = "NamesPending"
    CONFLICT = "NamesConflict"
    ESTABLISHED = "AwaitingDiscovery"
    SERVED = "Established"
    REFUSED = "Refused"


@dataclass(frozen=True, slots=True)
class Report:
    """What `pod_status` publishes for the generate role: of which incarnation and generation, in which words."""

    uid: str
    generation: int
    conditions: tuple[Condition, ...]
    errors: tuple[TemplateError, ...] = ()

    @property
    def final(self) -> bool:
        """Whether this is the outcome for the generation, not a step to it."""
        return all(condition.status == TRUE or condition.failed for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Seen:
    name: str
    synced: bool
    template: Object | None
    template_live: Fact | None  # of the LiveRead of the template
    wanted: Object | None  # the CRD this template asks for
    unwanted: str  # why no CRD can be made from it
    crd: Object | None
    dead: tuple[Object, ...]  # CRDs of this template's name whose owner is not this incarnation
    refusal: Refusal | None
    addresses: addresses.Addresses | None
    answers: tuple[tuple[str, Fact | None, Fact | None], ...]  # address, discovery, list


def see(view: View, key: Key, settings: Settings) -> Seen:
    (name,) = key
    template = view.get(CONSTRAINT_TEMPLATES, Name("", name))
    wanted, unwanted = _wanted(template)
    crd_name = f"{name}.constraints.gatekeeper.sh" if wanted is None else str(metadata(wanted)["name"])
    crd = view.get(CRDS, Name("", crd_name))
    where = addresses.find(view, settings)
    answers: tuple[tuple[str, Fact | None, Fact | None], ...] = ()
    if crd is not None and where is not None:
        answers = tuple((at, view.fact(_discovery(at)), view.fact(_listing(at, crd))) for at in where.each)
    return Seen(
        name=name,
        synced=view.synced(CONSTRAINT_TEMPLATES) and view.synced(CRDS),
        template=template,
        template_live=view.fact(("live", CONSTRAINT_TEMPLATES, Name("", name))),
        wanted=wanted,
        unwanted=unwanted,
        crd=crd,
        dead=_of_dead_owners(crd, template),
        refusal=applying.refusal(view, CRDS, Name("", crd_name)),
        addresses=where,
        answers=answers,
    )


def plan(seen: Seen, settings: Settings, now: Now) -> Plan:
    if not seen.synced:
        return Plan()
    sweep = _sweep(seen, settings, now)
    if seen.template is None or deleting(seen.template):
        return Plan((sweep, (Note(note(seen.name), None),)))
    if seen.wanted is None:
        return Plan((sweep, (_report(seen, State.REFUSED, seen.unwanted, "create_error"),)))
    state = _state(seen)
    keep = applying.keep(CRDS, seen.crd, seen.wanted, applying.MANAGER)
    if keep and seen.refusal is not None and seen.refusal.digest == fields_digest(seen.wanted):
        return Plan((sweep, _refused(seen, seen.refusal, keep, settings, now)))
    if state in (State.TERMINATING, State.FOREIGN):
        keep = ()
    questions, served = _served(seen, settings, now) if state is State.ESTABLISHED and not keep else ((), False)
    if served:
        state = State.SERVED
    return Plan((sweep, (_report(seen, state),), keep, questions))


def note(name: str) -> FactName:
    """The fact under which this pod's report on a template's CRD is kept."""
    return ("crd", name)


# --- what is wanted


def _wanted(template: Object | None) -> tuple[Object | None, str]:
    if template is None:
        return None, ""
    try:
        crd = constraint_crd(read_template(template))
    except PolicyError as error:
        return None, str(error)
    owner = {
        "apiVersion": CONSTRAINT_TEMPLATES.api_version,
        "kind": CONSTRAINT_TEMPLATES.kind,
        "name": str(metadata(template)["name"]),
        "uid": uid(template),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {**crd, "metadata": {**metadata(crd), "ownerReferences": [owner]}}, ""


def _state(seen: Seen) -> State:
    crd, template = seen.crd, seen.template
    if crd is None:
        return State.ABSENT
    owners = _template_owners(crd)
    if not owners:
        return State.FOREIGN
    if deleting(crd) or template is None or uid(template) not in owners:
        return State.TERMINATING
    names, established = _crd_condition(crd, "NamesAccepted"), _crd_condition(crd, "Established")
    if names == FALSE:
        return State.CONFLICT
    return State.ESTABLISHED if established == TRUE else State.PENDING


def _template_owners(crd: Object) -> tuple[str, ...]:
    refs = metadata(crd).get("ownerReferences") or ()
    return tuple(str(ref.get("uid")) for ref in refs if ref.get("kind") == "ConstraintTemplate")


def _crd_condition(crd: Object, kind: str) -> str:
    found = applying.condition_of(crd, kind)
    return str(found.get("status")) if found else UNKNOWN


# --- F2


def _discovery(address: str) -> FactName:
    return ("discovery", address)


def _listing(address: str, crd: Object) -> FactName:
    return ("listing", address, uid(crd))


def _served(seen: Seen, settings: Settings, now: Now) -> tuple[tuple[Intent, ...], bool]:
    """The questions still open, and whether every API server serves the kind."""
    if seen.wanted is None or seen.crd is None or seen.addresses is None:
        return (Wake(now.monotonic + settings.probe_period),), False
    resource = constraint_resource(str(dig(seen.wanted, "spec", "names", "kind")))
    intents: list[Intent] = []
    everywhere = True
    for address, discovery, listing in seen.answers:
        if _lists_kind(discovery, resource) is not Known.YES:
            everywhere = False
            intents += _again(discovery, _discovery(address), _discovery_request(resource), address, settings, now)
        elif _answers(listing) is not Known.YES:
            everywhere = False
            intents += _again(listing, _listing(address, seen.crd), _list_request(resource), address, settings, now)
    return tuple(intents), everywhere


def _again(
    fact: Fact | None, name: FactName, request: Request, address: str, settings: Settings, now: Now
) -> tuple[Intent, ...]:
    """Ask at once, and again each period; between two questions only the timer runs."""
    if fact is not None and now.monotonic < fact.at + settings.probe_period:
        return (Wake(fact.at + settings.probe_period),)
    return (Ask(name, request, address), Wake(now.monotonic + settings.probe_period))


def _discovery_request(resource: Resource) -> Request:
    return Request("GET", f"/apis/{resource.group}/{resource.version}", headers=(("accept", "application/json"),))


def _list_request(resource: Resource) -> Request:
    return Request("GET", resource.path(), (("limit", "1"),), (("accept", "application/json"),))


def _lists_kind(fact: Fact | None, resource: Resource) -> Known:
    """YES: discovery lists the kind; NO: it answered without it; UNKNOWN: no answer (never read as NO)."""
    if fact is None or isinstance(fact.value, NoAnswer):
        return Known.UNKNOWN
    answer: Response = fact.value
    if answer.status == 404:
        return Known.NO
    if answer.status != 200:
        return Known.UNKNOWN
    listed = json.loads(answer.body).get("resources") or ()
    return Known.YES if any(entry.get("kind") == resource.kind for entry in listed) else Known.NO


def _answers(fact: Fact | None) -> Known:
    if fact is None or isinstance(fact.value, NoAnswer):
        return Known.UNKNOWN
    if fact.value.status == 200:
        return Known.YES
    return Known.NO if fact.value.status == 404 else Known.UNKNOWN


# --- removal


def _of_dead_owners(crd: Object | None, template: Object | None) -> tuple[Object, ...]:
    if crd is None or deleting(crd):
        return ()
    owners = _template_owners(crd)
    alive = uid(template) if template is not None else ""
    return (crd,) if owners and alive not in owners else ()


def _sweep(seen: Seen, settings: Settings, now: Now) -> tuple[Intent, ...]:
    """Delete a dead incarnation's CRD, once a live read has said that its owner is gone (rule 7)."""
    if not seen.dead:
        return ()
    live = seen.template_live
    name = Name("", seen.name)
    if live is None or now.monotonic > live.at + settings.probe_period:
        return applying.ask_owner(CONSTRAINT_TEMPLATES, name)
    owner = "" if live.value is None else uid(live.value)
    return tuple(applying.delete(CRDS, crd) for crd in seen.dead if owner not in _template_owners(crd))


# --- what is told

_WORDS: Mapping[State, tuple[str, str]] = {
    State.ABSENT: (UNKNOWN, "the CRD of the kind is being created"),
    State.TERMINATING: (UNKNOWN, "an earlier CRD of this name is being deleted"),
    State.FOREIGN: (FALSE, "a CRD of this name exists and belongs to no ConstraintTemplate: delete or rename it"),
    State.PENDING: (UNKNOWN, "the API server has not established the CRD yet"),
    State.CONFLICT: (FALSE, "another CRD uses these names"),
    State.ESTABLISHED: (UNKNOWN, "not every API server serves the kind yet"),
    State.SERVED: (TRUE, "the kind is served"),
}


def _report(seen: Seen, state: State, message: str = "", code: str = "") -> Note:
    assert seen.template is not None
    at = generation(seen.template)
    status, text = _WORDS.get(state, (FALSE, message))
    if state is State.CONFLICT and seen.crd is not None:
        found = applying.condition_of(seen.crd, "NamesAccepted") or {}
        text = str(found.get("message") or text)
    if state in (State.ESTABLISHED, State.SERVED) and seen.addresses is not None:
        text = f"{text} {seen.addresses.scope()}" if state is State.SERVED else text
    reason = state.value if state is not State.REFUSED else "InvalidSchema"
    failed = status == FALSE
    errors = (TemplateError(code or "create_error", message or f"{reason}: {text}"),) if failed else ()
    condition = Condition("CRDEstablished", status, reason, text, at, failed=failed)
    return Note(note(seen.name), Report(uid(seen.template), at, (condition,), errors))


def _refused(
    seen: Seen, refusal: Refusal, keep: tuple[Intent, ...], settings: Settings, now: Now
) -> tuple[Intent, ...]:
    """The API server refused this very CRD for good: told, and tried again seldom."""
    assert seen.template is not None
    verb = "create" if seen.crd is None else "update"
    reason = "Forbidden" if refusal.status == 403 else "NonStructuralSchema" if refusal.status == 422 else "Refused"
    at = generation(seen.template)
    condition = Condition("CRDEstablished", FALSE, reason, refusal.message, at, failed=True)
    errors = (TemplateError(f"{verb}_error", f"Could not {verb} CRD: {refusal.message}"),)
    told = Note(note(seen.name), Report(uid(seen.template), at, (condition,), errors))
    due = refusal.at + settings.terminal_retry
    return (told, *keep) if now.monotonic >= due else (told, Wake(due))


def _watches(settings: Settings) -> tuple[Watched, ...]:
    slices = () if settings.addresses else (addresses.WATCHED,)
    return (Watched(CONSTRAINT_TEMPLATES), Watched(CRDS), *slices)


def _roots(resource: Resource | None, thing: Object | None, _settings: Settings) -> Iterable[Key]:
    if thing is None:
        return ()
    if resource == CONSTRAINT_TEMPLATES:
        return ((str(metadata(thing).get("name")),),)
    if resource == CRDS:
        refs: Iterable[Mapping[str, Any]] = metadata(thing).get("ownerReferences") or ()
        return tuple((str(ref.get("name")),) for ref in refs if ref.get("kind") == "ConstraintTemplate")
    return ()


CONTROLLER = Controller(
    name="template-crd",
    operations=frozenset({Operation.GENERATE}),
    watches=_watches,
    roots=_roots,
    see=see,
    plan=plan,
    lease=LEASE,
)
