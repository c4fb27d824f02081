"""What must hold after every committed write, and what must hold when everything is quiet.

Numbers are those of the lifecycle design (I1 to I20, lifecycle-races 3.10). A check is a pure function of one write,
or of a quiet world, to texts of what is wrong. `race` names the known race of Gatekeeper that a violation shows,
where it is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.objects import Object, deleting, dig, generation, metadata, uid
from gatewright.kinds import podstatus
from gatewright.kinds.resources import CONSTRAINTS_GROUP, constraint_crd_name
from gatewright.sim.world import World, Written

TRANSIENT = re.compile(r"Operation cannot be fulfilled|already exists|annotation to wait|deadline exceeded|not found")

TEMPLATES = "constrainttemplates.templates.gatekeeper.sh"
TEMPLATE_POD_STATUSES = "constrainttemplatepodstatuses.status.gatekeeper.sh"
CONSTRAINT_POD_STATUSES = "constraintpodstatuses.status.gatekeeper.sh"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    what: str
    race: str = ""


def after_write(written: Written, oracle: Oracle) -> tuple[Violation, ...]:
    """The violations that one committed write shows."""
    found = (violation for check in _SAFETY for violation in check(written))
    return tuple(one for one in found if not oracle.only or one.invariant in oracle.only)


def when_quiet(world: World, oracle: Oracle) -> tuple[Violation, ...]:
    """The violations that a world at rest shows."""
    return tuple(found for check in _LIVENESS for found in check(world, oracle))


@dataclass(frozen=True, slots=True)
class Oracle:
    """What the makers of a world know about it.

    broken: names of templates whose spec can't be used; pods: names of our pods; managed: whether our algorithm runs
            (conditions are there); only: the invariants that are looked at (empty: all);
            sought: the races that an exploration of a peer goes on for (empty: any violation ends it)
    """

    broken: frozenset[str] = frozenset()
    pods: tuple[str, ...] = ()
    managed: bool = True
    only: frozenset[str] = frozenset()
    sought: frozenset[str] = frozenset()


# --- after every write


def _no_transient_error(written: Written) -> Iterator[Violation]:
    """I1 on the template or constraint itself and on pod statuses: errors[] holds nothing that a retry mends."""
    if not _ours(written.storage) or written.after is None:
        return
    entries = dig(written.after, "status", "byPod") or [written.after.get("status") or {}]
    for entry in entries:
        for error in entry.get("errors") or ():
            text = str(error.get("message"))
            if TRANSIENT.search(text):
                yield Violation("I1", f"{_named(written.after)}: {text}", _race_of(text))


def _race_of(text: str) -> str:
    if "Could not annotate" in text:
        return "R1"
    if "annotation to wait" in text:
        return "R5"
    return "R2" if text.startswith("Could not ") else ""


def _created_is_monotone(written: Written) -> Iterator[Violation]:
    """I2: never true -> false for one uid; true only once the CRD of this uid was Established; false only with
    a terminal error.
    """
    if written.storage != TEMPLATES or written.after is None:
        return
    was, now = dig(written.before, "status", "created"), dig(written.after, "status", "created")
    same = written.before is not None and uid(written.before) == uid(written.after)
    if same and was is True and now is not True:
        yield Violation("I2", f"{_named(written.after)}: created fell from true")
    if now is True and not (same and was is True) and not _established(written, written.after):
        yield Violation("I2", f"{_named(written.after)}: created without an Established CRD of this uid", "R18")


def _established(written: Written, template: Object) -> bool:
    kind = str(dig(template, "spec", "crd", "spec", "names", "kind"))
    stored = written.state.get((CRDS, "", constraint_crd_name(kind)))
    if stored is None:
        return False
    owners = [ref.get("uid") for ref in metadata(stored.thing).get("ownerReferences") or ()]
    conditions = dig(stored.thing, "status", "conditions") or ()
    fine = any(one.get("type") == "Established" and one.get("status") == "True" for one in conditions)
    return uid(template) in owners and fine


def _deletes_are_fenced(written: Written) -> Iterator[Violation]:
    """I7: a delete by a process of ours names uid and resourceVersion, and of nothing but what it judged."""
    request = written.request
    if request is None or request.method != "DELETE" or not written.sender.startswith("gatewright"):
        return
    conditions = dig(json.loads(request.body or b"{}"), "preconditions") or {}
    if not conditions.get("uid") or not conditions.get("resourceVersion"):
        yield Violation("I7", f"{request.path} deleted without uid and resourceVersion")


def _never_revived(written: Written) -> Iterator[Violation]:
    """I6, I7: a write of ours never lands in another incarnation than the one whose uid or version it names."""
    request = written.request
    if request is None or request.method != "PATCH" or not written.sender.startswith("gatewright"):
        return
    if written.storage.startswith("leases."):
        return
    meta = metadata(json.loads(request.body or b"{}"))
    if written.before is None and meta.get("uid"):
        yield Violation("I6", f"{request.path} was created although the apply named a uid")
    if not meta.get("uid") and not meta.get("resourceVersion"):
        yield Violation("I7", f"{request.path} was written without a fence")


def _status_tells_truth(written: Written) -> Iterator[Violation]:
    """I8: observedGeneration never passes the generation, and never falls for one uid; a True condition held at
    that write.
    """
    if written.storage != TEMPLATES and CONSTRAINTS_GROUP not in written.storage:
        return
    if written.after is None:
        return
    before = _conditions(written.before) if _same_uid(written) else {}
    for kind, condition in _conditions(written.after).items():
        at = int(condition.get("observedGeneration") or 0)
        if at > generation(written.after):
            yield Violation("I8", f"{_named(written.after)}: {kind} speaks of generation {at}, not there yet")
        if kind in before and at < int(before[kind].get("observedGeneration") or 0):
            yield Violation("I8", f"{_named(written.after)}: observedGeneration of {kind} fell")
    established = _conditions(written.after).get("CRDEstablished", {})
    fresh = established.get("status") == "True" and before.get("CRDEstablished", {}).get("status") != "True"
    if written.storage == TEMPLATES and fresh and not _established(written, written.after):
        yield Violation("I8", f"{_named(written.after)}: CRDEstablished is True without an Established CRD of its uid")


def _by_pod_never_goes_back(written: Written) -> Iterator[Violation]:
    """I9: an entry of byPod is never replaced by one from an older version of the same pod's status."""
    if not _same_uid(written) or written.after is None:
        return
    before = {str(one.get("id")): _pod_version(one) for one in dig(written.before, "status", "byPod") or ()}
    for entry in dig(written.after, "status", "byPod") or ():
        old = before.get(str(entry.get("id")), 0)
        if old and 0 < _pod_version(entry) < old:
            yield Violation("I9", f"{_named(written.after)}: the entry of {entry.get('id')} went back", "R14")


def _status_is_atomic(written: Written) -> Iterator[Violation]:
    """I19: each stored status is consistent alone."""
    if written.after is None or (written.storage != TEMPLATES and CONSTRAINTS_GROUP not in written.storage):
        return
    conditions = _conditions(written.after)
    ready = conditions.get("Ready")
    if ready is None:
        return
    at = ready.get("observedGeneration")
    if dig(written.after, "status", "observedGeneration") not in (None, at):
        yield Violation("I19", f"{_named(written.after)}: observedGeneration and Ready speak of different generations")
    if ready.get("status") != "True":
        return
    for kind, condition in conditions.items():
        wanted = condition.get("reason") not in ("NotApplicable", "OptedOut")
        if kind in ("Ready", "Reconciling", "Stalled") or not wanted:
            continue
        if condition.get("status") != "True" or condition.get("observedGeneration") != at:
            yield Violation("I19", f"{_named(written.after)}: Ready is True beside {kind} {condition.get('status')}")
    errors = [e for entry in dig(written.after, "status", "byPod") or () for e in entry.get("errors") or ()]
    if errors:
        yield Violation("I19", f"{_named(written.after)}: Ready is True beside an error in byPod")


def _naive_watcher_is_calm(written: Written) -> Iterator[Violation]:
    """I20: who alarms on created=false or on any error of byPod alarms only where the spec is at fault (told by
    a False Ready).
    """
    if written.storage != TEMPLATES or written.after is None:
        return
    errors = [e for entry in dig(written.after, "status", "byPod") or () for e in entry.get("errors") or ()]
    if dig(written.after, "status", "created") is not False and not errors:
        return
    fault = dig(written.after, "metadata", "labels", FAULTY) == "yes"
    if not fault:
        text = str(errors[0].get("message")) if errors else "created: false"
        yield Violation("I20", f"{_named(written.after)}: a naive watcher is alarmed: {text}", _race_of(text))


FAULTY = "sim.example.com/faulty"  # label of templates whose spec is at fault, as the world's maker knows

_SAFETY: tuple[Callable[[Written], Iterable[Violation]], ...] = (
    _no_transient_error,
    _created_is_monotone,
    _deletes_are_fenced,
    _never_revived,
    _status_tells_truth,
    _by_pod_never_goes_back,
    _status_is_atomic,
    _naive_watcher_is_calm,
)


# --- when quiet


def _everything_converged(world: World, oracle: Oracle) -> Iterator[Violation]:
    """I4: every living template has its CRD, every living object of a sound spec is Ready at its generation."""
    if not oracle.managed:
        return
    for stored in world.state.table(TEMPLATES).all():
        thing = stored.thing
        name = str(metadata(thing).get("name"))
        wanted = "False" if name in oracle.broken else "True"
        yield from _ready(thing, wanted)
        kind = str(dig(thing, "spec", "crd", "spec", "names", "kind"))
        if name not in oracle.broken and world.state.get((CRDS, "", constraint_crd_name(kind))) is None:
            yield Violation("I4", f"{_named(thing)}: no CRD")
        for constraint in world.state.table(f"{kind.lower()}.{CONSTRAINTS_GROUP}").all():
            if name not in oracle.broken:
                yield from _ready(constraint.thing, "True")


def _ready(thing: Object, wanted: str) -> Iterator[Violation]:
    ready = _conditions(thing).get("Ready") or {}
    at = ready.get("observedGeneration")
    if deleting(thing):
        yield Violation("I4", f"{_named(thing)}: still being deleted")
    elif ready.get("status") != wanted or at != generation(thing):
        told = f"{ready.get('status')} at {at}: {ready.get('message')}"
        yield Violation("I4", f"{_named(thing)}: Ready is {told}, not {wanted} at {generation(thing)}")


def _no_orphans(world: World, oracle: Oracle) -> Iterator[Violation]:
    """I5, I6: nothing of ours without a living owner."""
    templates = {uid(one.thing) for one in world.state.table(TEMPLATES).all()}
    names = {str(metadata(one.thing).get("name")) for one in world.state.table(TEMPLATES).all()}
    for stored in world.state.table(CRDS).all():
        owners = metadata(stored.thing).get("ownerReferences") or ()
        of_template = [ref for ref in owners if ref.get("kind") == "ConstraintTemplate"]
        if of_template and not any(ref.get("uid") in templates for ref in of_template):
            yield Violation("I5", f"{_named(stored.thing)}: its template is gone")
    for storage in (TEMPLATE_POD_STATUSES, CONSTRAINT_POD_STATUSES):
        for stored in world.state.table(storage).all():
            about = podstatus.described(stored.thing)
            template = about[1].lower() if len(about) == 3 else about[1] if about else ""
            if template not in names:
                yield Violation("I5", f"{_named(stored.thing)}: what it reports on is gone")


_LIVENESS: tuple[Callable[[World, Oracle], Iterable[Violation]], ...] = (_everything_converged, _no_orphans)


# --- reading


def _ours(storage: str) -> bool:
    return storage in (TEMPLATES, TEMPLATE_POD_STATUSES, CONSTRAINT_POD_STATUSES) or CONSTRAINTS_GROUP in storage


def _same_uid(written: Written) -> bool:
    both = written.before is not None and written.after is not None
    return both and uid(written.before) == uid(written.after)


def _conditions(thing: Object | None) -> Mapping[str, Mapping[str, Any]]:
    return podstatus.conditions_of(thing)


def _pod_version(entry: Mapping[str, Any]) -> int:
    text = str(entry.get("podStatusVersion") or "0")
    return int(text) if text.isdecimal() else 0


def _named(thing: Object) -> str:
    return f"{thing.get('kind')} {metadata(thing).get('name')}"
