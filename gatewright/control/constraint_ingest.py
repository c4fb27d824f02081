"""One constraint into this process's engine, once its template is there.

Run by every process that evaluates or reports; key (kind, name). A constraint without its template is no error: the
template may be on its way; the constraint is told as waiting, and the key is planned again when the template's load
is known (the view has read it).

Theory of operation, per generation of the constraint:

    AWAITING_TEMPLATE  no template of this kind is loaded here      -> wait
    INVALID            refused by the template's schema or by the rules of enforcement actions, for good -> told;
    unloaded
    LOADING            valid, not yet served by every worker        -> Load
    ENFORCED           every worker of this process enforces it
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from gatewright.control.conditions import FALSE, TRUE, UNKNOWN, Condition
from gatewright.control.intents import FactName, Intent, Load, Note, Plan
from gatewright.control.template_ingest import EVALUATES
from gatewright.control.view import Controller, Fact, Key, View, Watched
from gatewright.core.clock import Now
from gatewright.core.errors import PolicyError
from gatewright.core.objects import Name, Object, Resource, deleting, generation, metadata, uid
from gatewright.core.settings import Settings
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CONSTRAINTS_GROUP, constraint_resource
from gatewright.kinds.templates import Template, TemplateError, read_template
from gatewright.policy.constraint_checks import check_constraint
from gatewright.policy.snapshot import constraint_entry


class State(Enum):
    AWAITING_TEMPLATE = "AwaitingTemplate"
    INVALID = "InvalidConstraint"
    LOADING = "Loading"
    ENFORCED = "Enforced"


@dataclass(frozen=True, slots=True)
class Report:
    """What `pod_status` publishes of this process's engine for one incarnation and generation of a constraint."""

    uid: str
    generation: int
    state: State
    condition: Condition
    errors: tuple[TemplateError, ...]
    since: float  # monotonic

    @property
    def final(self) -> bool:
        return self.state in (State.INVALID, State.ENFORCED)


@dataclass(frozen=True, slots=True)
class Seen:
    kind: str
    name: str
    synced: bool
    constraint: Object | None
    template: Object | None
    template_loaded: Fact | None
    loaded: Fact | None
    before: Report | None


def note(kind: str, name: str) -> FactName:
    """The fact under which this pod's report on a constraint is kept."""
    return ("constraint", kind, name)


def see(view: View, key: Key, _settings: Settings) -> Seen:
    kind, name = key
    template = view.get(CONSTRAINT_TEMPLATES, Name("", kind.lower()))
    before = view.fact(note(kind, name))
    return Seen(
        kind=kind,
        name=name,
        synced=view.synced(constraint_resource(kind)) and view.synced(CONSTRAINT_TEMPLATES),
        constraint=view.get(constraint_resource(kind), Name("", name)),
        template=template,
        template_loaded=view.fact(("loaded", ("template", kind.lower()))),
        loaded=view.fact(("loaded", ("constraint", kind, name))),
        before=None if before is None else before.value,
    )


def plan(seen: Seen, settings: Settings, now: Now) -> Plan:
    if seen.template is None and seen.constraint is None:
        return Plan((_unload(seen), (Note(note(seen.kind, seen.name), None),)))
    if not seen.synced:
        return Plan()
    if seen.constraint is None or deleting(seen.constraint):
        return Plan((_unload(seen), (Note(note(seen.kind, seen.name), None),)))
    state, errors, work = _decide(seen, seen.constraint, settings)
    report = _report(seen, seen.constraint, state, errors, now)
    told = () if report == seen.before else (Note(note(seen.kind, seen.name), report),)
    return Plan((told, work))


def _decide(
    seen: Seen, constraint: Object, settings: Settings
) -> tuple[State, tuple[TemplateError, ...], tuple[Intent, ...]]:
    loaded_template = None if seen.template_loaded is None else seen.template_loaded.value
    if seen.template is None or loaded_template is None or loaded_template[0] != uid(seen.template):
        return State.AWAITING_TEMPLATE, (), _unload(seen)
    identity = (uid(constraint), generation(constraint))
    template = _template(seen)
    if template is None:
        kept = seen.loaded is not None and seen.loaded.value == identity
        return State.ENFORCED if kept else State.AWAITING_TEMPLATE, (), ()
    try:
        check_constraint(constraint, template, settings)
        entry = constraint_entry(constraint)
    except PolicyError as error:
        return State.INVALID, (TemplateError("", str(error)),), _unload(seen)
    if seen.loaded is None or seen.loaded.value != identity:
        return State.LOADING, (), (Load(("constraint", seen.kind, seen.name), identity, entry),)
    return State.ENFORCED, (), ()


def _template(seen: Seen) -> Template | None:
    """The template of this kind; None where its newest generation can't be read or asks for another kind: then the
    generation before is the one in force, with the constraints that it had."""
    if seen.template is None:
        return None
    try:
        template = read_template(seen.template)
    except PolicyError:
        return None
    return template if template.kind == seen.kind else None


def _unload(seen: Seen) -> tuple[Intent, ...]:
    if seen.loaded is None:
        return ()
    return (Load(("constraint", seen.kind, seen.name), ("", 0), None),)


_WORDS = {
    State.AWAITING_TEMPLATE: (UNKNOWN, "the ConstraintTemplate of this kind is not loaded yet"),
    State.LOADING: (UNKNOWN, "the constraint is being loaded"),
    State.ENFORCED: (TRUE, "the constraint is in force in this pod"),
}


def _report(seen: Seen, constraint: Object, state: State, errors: tuple[TemplateError, ...], now: Now) -> Report:
    at, who = generation(constraint), uid(constraint)
    same = seen.before is not None and (seen.before.uid, seen.before.generation) == (who, at)
    since = seen.before.since if same and seen.before is not None else now.monotonic
    status, text = _WORDS.get(state, (FALSE, errors[0].message if errors else ""))
    condition = Condition("Enforced", status, state.value, text, at, failed=state is State.INVALID)
    return Report(who, at, state, condition, errors, since)


def _watches(_settings: Settings) -> tuple[Watched, ...]:
    return (Watched(CONSTRAINT_TEMPLATES),)


def _roots(resource: Resource | None, thing: Object | None, _settings: Settings) -> Iterable[Key]:
    if thing is None or resource is None or resource.group != CONSTRAINTS_GROUP:
        return ()
    return ((resource.kind, str(metadata(thing).get("name"))),)


CONTROLLER = Controller(
    name="constraint-ingest", operations=EVALUATES, watches=_watches, roots=_roots, see=see, plan=plan
)
