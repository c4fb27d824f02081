"""One template into this process's engine: compile it elsewhere, load it, say how that went.

Run by every process that evaluates (webhook, audit) or reports; key (template name,). Compiling never happens in a
plan: it is an intent, and its outcome a fact by the digest of the source and the engine's version, so a template that
comes back unchanged is not compiled again.

Theory of operation, per generation of the template:

    COMPILING      the outcome of this digest is not known           -> Compile
    INVALID        the code or the template can't be used, for good  -> told; what was loaded before stays in force
    AWAITING_CRD   compiled, but the CRD of this name still has another kind (a CRD's kind can't change; the CRD's
                   own report says how that ends)                    -> wait; what was loaded before stays in force
    LOADING        compiled, not yet served by every worker          -> Load
    AWAITING_SYNC  loaded, but it reads data.inventory, which is not complete yet (unknown is not absent)
    INGESTED       every worker of this process serves it

A deleted template is unloaded at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from gatewright.control.conditions import FALSE, TRUE, UNKNOWN, Condition
from gatewright.control.intents import Compile, FactName, Intent, Load, Note, Plan
from gatewright.control.view import Controller, Fact, Key, View, Watched
from gatewright.core.clock import Now
from gatewright.core.errors import PolicyError
from gatewright.core.objects import Name, Object, Resource, deleting, dig, generation, metadata, uid
from gatewright.core.settings import Operation, Settings
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CRDS, constraint_resource
from gatewright.kinds.templates import CREATE_ERROR, INGEST_ERROR, PARSE_ERROR, TemplateError, read_template
from gatewright.policy import compiling
from gatewright.policy.snapshot import template_entry

EVALUATES = frozenset({Operation.WEBHOOK, Operation.AUDIT, Operation.STATUS})


_NAMED = 3  # kinds that a message names


class State(Enum):
    COMPILING = "Compiling"
    AWAITING_CRD = "AwaitingCRD"
    INVALID = "Invalid"
    LOADING = "Loading"
    AWAITING_SYNC = "AwaitingSync"
    INGESTED = "Compiled"


@dataclass(frozen=True, slots=True)
class Report:
    """What `pod_status` publishes of this process's engine, for one incarnation and generation."""

    uid: str
    generation: int
    state: State
    condition: Condition
    errors: tuple[TemplateError, ...]
    since: float  # monotonic: since when this generation is looked at

    @property
    def final(self) -> bool:
        """Whether this is the outcome for the generation, not a step to it."""
        return self.state in (State.INVALID, State.INGESTED)


@dataclass(frozen=True, slots=True)
class Seen:
    name: str
    synced: bool
    template: Object | None
    source: compiling.Source | None
    invalid: TemplateError | None  # why there is nothing to compile
    compiled: Fact | None  # of this digest: policy.compiling.Compiled or Failed
    loaded: Fact | None  # identity served by every worker
    lacking: tuple[str, ...] | None  # what data.inventory still lacks (control.sync); None while that is unknown
    kind: str  # of the template, "" where it has none that can be read
    crd_kind: str  # of the CRD of this name, "" while there is none
    before: Report | None


def note(name: str) -> FactName:
    """The fact under which this pod's report on a template's engine is kept."""
    return ("ingest", name)


def see(view: View, key: Key, settings: Settings) -> Seen:
    (name,) = key
    template = view.get(CONSTRAINT_TEMPLATES, Name("", name))
    source, invalid = _source(template, settings)
    before = view.fact(note(name))
    inventory = view.fact(("inventory",))
    crd = view.get(CRDS, Name("", f"{name}.constraints.gatekeeper.sh"))
    return Seen(
        name=name,
        synced=view.synced(CONSTRAINT_TEMPLATES),
        template=template,
        source=source,
        invalid=invalid,
        compiled=None if source is None else view.fact(("compiled", source.digest)),
        loaded=view.fact(("loaded", ("template", name))),
        lacking=None if inventory is None else inventory.value,
        kind=_kind(template),
        crd_kind="" if crd is None else str(dig(crd, "spec", "names", "kind") or ""),
        before=None if before is None else before.value,
    )


def plan(seen: Seen, settings: Settings, now: Now) -> Plan:
    if not seen.synced:
        return Plan()
    if seen.template is None or deleting(seen.template):
        unload = (Load(("template", seen.name), ("", 0), None),) if seen.loaded is not None else ()
        return Plan((unload, (Note(note(seen.name), None),)))
    state, errors, work = _decide(seen)
    report = _report(seen, state, errors, now)
    told = () if report == seen.before else (Note(note(seen.name), report),)
    return Plan((told, work), watches=_kind_watched(seen))


def _decide(seen: Seen) -> tuple[State, tuple[TemplateError, ...], tuple[Intent, ...]]:
    """The state of this generation, its terminal errors, and the work to do next."""
    assert seen.template is not None
    if seen.invalid is not None or seen.source is None:
        return State.INVALID, (seen.invalid,) if seen.invalid is not None else (), ()
    if seen.compiled is None:
        return State.COMPILING, (), (Compile(seen.source.digest, seen.source.text),)
    outcome = seen.compiled.value
    if isinstance(outcome, compiling.Failed):
        return State.INVALID, outcome.errors, ()
    if seen.crd_kind and seen.crd_kind != seen.kind:
        return State.AWAITING_CRD, (), ()
    identity = (uid(seen.template), generation(seen.template))
    if seen.loaded is None or seen.loaded.value != identity:
        entry = template_entry(read_template(seen.template), outcome)
        return State.LOADING, (), (Load(("template", seen.name), identity, entry),)
    if outcome.reads_inventory and seen.lacking != ():
        return State.AWAITING_SYNC, (), ()
    return State.INGESTED, (), ()


_WORDS = {
    State.COMPILING: (UNKNOWN, "the template is being compiled"),
    State.AWAITING_CRD: (UNKNOWN, "the CRD of this name has another kind"),
    State.LOADING: (UNKNOWN, "the template is being loaded"),
    State.AWAITING_SYNC: (UNKNOWN, "the objects for data.inventory are not complete yet"),
    State.INGESTED: (TRUE, "the template is in force in this pod"),
}


def _report(seen: Seen, state: State, errors: tuple[TemplateError, ...], now: Now) -> Report:
    assert seen.template is not None
    at, who = generation(seen.template), uid(seen.template)
    same = seen.before is not None and (seen.before.uid, seen.before.generation) == (who, at)
    since = seen.before.since if same and seen.before is not None else now.monotonic
    status, text = _WORDS.get(state, (FALSE, errors[0].message if errors else "the template can't be used"))
    reason = state.value
    if state is State.AWAITING_CRD:
        text = f"{text}, {seen.crd_kind}: give the template that kind again, or delete it and create it anew"
    if state is State.AWAITING_SYNC and seen.lacking:
        text = f"{text}: {_some(seen.lacking)}"
    if state is State.INVALID:
        reason = _invalid_reason(errors)
    condition = Condition("Ingested", status, reason, text, at, failed=state is State.INVALID)
    return Report(who, at, state, condition, errors, since)


def _some(texts: tuple[str, ...]) -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more


def _invalid_reason(errors: tuple[TemplateError, ...]) -> str:
    return "InvalidRego" if any(error.code in (INGEST_ERROR, PARSE_ERROR) for error in errors) else "InvalidTemplate"


def _source(template: Object | None, settings: Settings) -> tuple[compiling.Source | None, TemplateError | None]:
    if template is None:
        return None, None
    try:
        return compiling.source_of(read_template(template), settings), None
    except PolicyError as error:
        return None, TemplateError(CREATE_ERROR, str(error))


def _kind(template: Object | None) -> str:
    if template is None:
        return ""
    try:
        return read_template(template).kind
    except PolicyError:
        return ""


def _kind_watched(seen: Seen) -> tuple[Resource, ...]:
    """The kind that the CRD serves is watched from the moment it is seen: its constraints are this process's
    business, also while the template asks for another kind.
    """
    kind = seen.crd_kind if seen.crd_kind.lower() == seen.name else seen.kind  # else it is a foreign CRD
    return (constraint_resource(kind),) if seen.crd_kind and kind else ()


def _watches(_settings: Settings) -> tuple[Watched, ...]:
    return (Watched(CONSTRAINT_TEMPLATES), Watched(CRDS))


def _roots(resource: Resource | None, thing: Object | None, _settings: Settings) -> Iterable[Key]:
    if resource != CONSTRAINT_TEMPLATES or thing is None:
        return ()
    return ((str(metadata(thing).get("name")),),)


CONTROLLER = Controller(
    name="template-ingest", operations=EVALUATES, watches=_watches, roots=_roots, see=see, plan=plan
)
