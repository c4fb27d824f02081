"""A constraint as a record: what a policy's instance says, of any template's kind and either served version.

Read by `policy` (snapshot, enforcement) and `control`. Nothing is checked here but the JSON types needed to read it;
whether the constraint is valid against its template is `policy.snapshot.Snapshot.validate_constraint`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.objects import Kind, Object, generation, metadata, uid


@dataclass(frozen=True, slots=True)
class Constraint:
    """spec.match and spec.parameters as they stand (None when absent); `object` is the whole constraint."""

    kind: str
    name: str
    version: str
    uid: str
    generation: int
    enforcement_action: Any
    match: Any
    parameters: Any
    object: Object

    @property
    def template_name(self) -> str:
        """The name of the template that this kind comes from."""
        return self.kind.lower()


def read_constraint(thing: Object) -> Constraint:
    """The record of a constraint object. Never raises: odd values are kept for validation to name."""
    kind = Kind.of(thing)
    spec = thing.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    return Constraint(
        kind=kind.kind,
        name=str(metadata(thing).get("name") or ""),
        version=kind.version,
        uid=uid(thing),
        generation=generation(thing),
        enforcement_action=spec.get("enforcementAction"),
        match=spec.get("match"),
        parameters=spec.get("parameters"),
        object=thing,
    )
