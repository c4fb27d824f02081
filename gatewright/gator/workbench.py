"""Policies from files, ready to review: a policy snapshot that objects of a file are put into.

For `auditing` (gator test) and `verifying`. A workbench is a value: putting something in gives a new one, and all share
what they have in common. Texts of refusals are Gatekeeper's; the callers put their own words before them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from gatewright.core.errors import PolicyError
from gatewright.core.objects import Kind, Object, metadata
from gatewright.core.settings import Settings
from gatewright.kinds.templates import TARGET, Template
from gatewright.policy import inventory
from gatewright.policy.compiling import Compiled, Failed, compile_source, source_of
from gatewright.policy.enforcement import GATOR_POINT
from gatewright.policy.results import Result
from gatewright.policy.review import Review
from gatewright.policy.snapshot import Snapshot, constraint_entry, template_entry
from gatewright.rego.errors import Needs

SCHEMA = "schema validation failed"  # how the text of a constraint begins that its template's schema refuses

Prints = list[tuple[str, int, str]]  # file, row and text of each print()

_compile = lru_cache(maxsize=512)(compile_source)


class Refused(PolicyError):
    """What can't be put in, or a review that can't be made; `what` is Gatekeeper's text."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The time and the randomness that policies may read."""

    now_ns: int
    seed: int


@dataclass(frozen=True, slots=True)
class Workbench:
    """prints: whether templates are compiled to keep print()."""

    settings: Settings
    moment: Moment
    prints: bool = False
    snapshot: Snapshot = field(default_factory=Snapshot)

    def with_template(self, template: Template) -> Workbench:
        """Compiles the template. Raises Refused."""
        try:
            outcome: Compiled | Failed = _compile(source_of(template, self.settings, prints=self.prints).text)
        except PolicyError as error:
            raise Refused(error.what) from None
        if isinstance(outcome, Failed):
            raise Refused(outcome.text)
        return self._with(("template", template.name), template_entry(template, outcome))

    def with_constraint(self, constraint: Object) -> Workbench:
        """Checks the constraint against its template, which must be in already. Raises Refused."""
        text = self.snapshot.validate_constraint(constraint)
        if text:
            raise Refused(text)
        try:
            entry = constraint_entry(constraint)
        except PolicyError as error:
            raise Refused(error.what) from None
        name = str(metadata(constraint).get("name") or "")
        return self._with(("constraint", Kind.of(constraint).kind, name), entry)

    def with_data(self, *things: Object) -> Workbench:
        """Puts objects into data.inventory. Raises Refused for one without kind or version."""
        filled = []
        for thing in things:
            try:
                inventory.path_of(thing)
            except inventory.InventoryError as error:
                raise Refused(f"{TARGET}: {error.what}\n") from None
            kind, meta = Kind.of(thing), metadata(thing)
            names = (str(meta.get("namespace") or ""), str(meta.get("name") or ""))
            filled.append((("object", kind.group, kind.version, kind.kind, *names), thing))
        return replace(self, snapshot=self.snapshot.with_entries(filled))

    def review(self, review: Review, prints: Prints | None = None) -> tuple[Result, ...]:
        """What the constraints in force at gator's point say, in order. Raises Refused where a policy fails the whole
        review."""
        moment = self.moment
        try:
            return self.snapshot.review(review, GATOR_POINT, now_ns=moment.now_ns, seed=moment.seed, prints=prints)
        except Needs as needs:
            asked = ", ".join(sorted({name for name, _ in needs.keys}))
            raise Refused(f"{asked} needs the network, which gator does not give to policies") from None
        except PolicyError as error:
            raise Refused(f"{TARGET}: {error.what}\n") from None

    def _with(self, slot: tuple[str, ...], entry: object) -> Workbench:
        return replace(self, snapshot=self.snapshot.with_entry(slot, entry))


def shown_kind(thing: Object) -> str:
    """A group, version and kind as Go prints them: 'apps/v1, Kind=Deployment'."""
    kind = Kind.of(thing)
    return f"{kind.group}/{kind.version}, Kind={kind.kind}"
