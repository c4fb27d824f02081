"""The CRDs of our own kinds: that they stand, in the schema that this version needs.

Run by the generate role; one key per CRD. An upstream CRD of the same name is upgraded in place (its objects keep
their data); where that is not allowed, the roll-up sees that conditions are not declared and does without (lifecycle,
rule 2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gatewright.control import applying
from gatewright.control.intents import Plan, Refusal, Wake, fields_digest
from gatewright.control.view import Controller, Key, View, Watched
from gatewright.core.clock import Now
from gatewright.core.objects import Name, Object, Resource, deleting, metadata
from gatewright.core.settings import Operation, Settings
from gatewright.kinds.install import installed_crds
from gatewright.kinds.resources import CRDS


@dataclass(frozen=True, slots=True)
class Seen:
    synced: bool
    wanted: Object
    held: Object | None
    refusal: Refusal | None


def see(view: View, key: Key, _settings: Settings) -> Seen:
    (name,) = key
    wanted = next(crd for crd in installed_crds() if metadata(crd)["name"] == name)
    return Seen(
        synced=view.synced(CRDS),
        wanted=wanted,
        held=view.get(CRDS, Name("", name)),
        refusal=applying.refusal(view, CRDS, Name("", name)),
    )


def plan(seen: Seen, settings: Settings, now: Now) -> Plan:
    if not seen.synced or (seen.held is not None and deleting(seen.held)):
        return Plan()
    refused = seen.refusal
    if refused is not None and refused.digest == fields_digest(seen.wanted):
        due = refused.at + settings.terminal_retry
        if now.monotonic < due:
            return Plan(((Wake(due),),))
    return Plan((applying.keep(CRDS, seen.held, seen.wanted, applying.MANAGER),))


def _watches(_settings: Settings) -> tuple[Watched, ...]:
    return (Watched(CRDS),)


def _roots(resource: Resource | None, _thing: Object | None, _settings: Settings) -> Iterable[Key]:
    return tuple((str(metadata(crd)["name"]),) for crd in installed_crds()) if resource is None else ()


CONTROLLER = Controller(
    name="install",
    operations=frozenset({Operation.GENERATE}),
    watches=_watches,
    roots=_roots,
    see=see,
    plan=plan,
)
