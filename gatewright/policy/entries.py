"""What stands in a policy snapshot's slots for templates and constraints, and the two bound together.

Made by `control` (in plans: cheap, nothing is loaded yet) and by gator; read by `snapshot`. Entries travel to worker
processes: they pickle as what they were made from, and each process derives the rest when it first needs it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from gatewright.core.objects import Object, dig
from gatewright.kinds.constraints import Constraint, read_constraint
from gatewright.kinds.templates import Template
from gatewright.policy.compiling import Compiled
from gatewright.policy.constraint_checks import ConstraintRefused, check_loadable, with_defaults
from gatewright.policy.drivers import Loaded
from gatewright.policy.enforcement import POINTS, SCOPED, action_of, actions_by_point
from gatewright.policy.engines import ENGINES
from gatewright.policy.match import Matcher, MatchError, Subject, matcher_of, matches_any
from gatewright.policy.results import Result


@lru_cache(maxsize=1024)
def _load(engine: str, artefact: bytes) -> Loaded:
    # Loaded code keeps nothing between evaluations, so equal artefacts can share it.
    return ENGINES[engine].load(artefact)


class TemplateEntry:
    """A template and its compiled code."""

    __slots__ = ("_loaded", "compiled", "template")

    def __init__(self, template: Template, compiled: Compiled) -> None:
        self.template = template
        self.compiled = compiled
        self._loaded: Loaded | None = None

    @property
    def loaded(self) -> Loaded:
        """The code, loaded into this process at its first use."""
        if self._loaded is None:
            self._loaded = _load(self.compiled.engine, self.compiled.artefact)
        return self._loaded

    def __repr__(self) -> str:
        # By value: the simulation takes its digests from it.
        return f"TemplateEntry({self.template!r}, {self.compiled!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (TemplateEntry, (self.template, self.compiled))


class ConstraintEntry:
    """A constraint that can be enforced once its template is there."""

    __slots__ = ("_bound", "constraint")

    def __init__(self, constraint: Constraint) -> None:
        self.constraint = constraint
        self._bound: Bound | None = None

    def bound_to(self, template: TemplateEntry) -> Bound:
        """The constraint under a template; remembered for the last template asked for."""
        if self._bound is None or self._bound.template is not template:
            self._bound = Bound(self.constraint, template)
        return self._bound

    def __repr__(self) -> str:
        return f"ConstraintEntry({self.constraint!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (ConstraintEntry, (self.constraint,))


def template_entry(template: Template, compiled: Compiled) -> TemplateEntry:
    """The entry for slot ("template", name)."""
    return TemplateEntry(template, compiled)


def constraint_entry(constraint: Object) -> ConstraintEntry:
    """The entry for slot ("constraint", kind, name). Raises ConstraintRefused for one that could not be enforced:
    match or enforcement actions of the wrong form."""
    text = check_loadable(constraint)
    if text:
        raise ConstraintRefused(text)
    return ConstraintEntry(read_constraint(constraint))


class Bound:
    """A constraint and its template: all that a review needs, worked out once."""

    __slots__ = (
        "_scoped",
        "action",
        "kind",
        "matcher",
        "name",
        "object",
        "operations",
        "parameters",
        "template",
        "unmatched",
    )

    def __init__(self, constraint: Constraint, template: TemplateEntry) -> None:
        filled = with_defaults(constraint.object, template.template)
        parameters = dig(filled, "spec", "parameters")
        self.template = template
        self.kind = constraint.kind
        self.name = constraint.name
        self.object: Object = {key: value for key, value in filled.items() if key != "status"}
        self.parameters = {} if parameters is None else parameters
        self.matcher: Matcher = matcher_of(filled)
        self.unmatched = dig(filled, "spec", "match") is None
        self.action = action_of(filled)
        self._scoped = actions_by_point(filled, POINTS) if self.action == SCOPED else None
        self.operations = frozenset(template.template.operations)

    @property
    def loaded(self) -> Loaded:
        return self.template.loaded

    def active_at(self, point: str) -> bool:
        """Whether the constraint is enforced at a point."""
        return self._scoped is None or point in self._scoped

    def for_operation(self, operation: str) -> bool:
        """Whether the template wants requests of an operation (asked at the webhook only; Gatekeeper behaviour 2.2)."""
        return not self.operations or operation in self.operations or "*" in self.operations

    def matches(self, subjects: tuple[Subject, ...], unmatchable: MatchError | None) -> bool:
        """Whether the constraint is for the object or the old object. Raises MatchError where that can't be told."""
        if self.unmatched:
            return True  # without criteria nothing is looked at
        if unmatchable is not None:
            raise unmatchable
        if len(subjects) == 1 and not self.matcher.checks:
            return True  # the snapshot's index has looked at the kinds
        return matches_any(self.matcher, subjects)

    def result(self, msg: str, metadata: dict[str, Any] | None, point: str) -> Result:
        scoped = self._scoped.get(point, ()) if self._scoped is not None else ()
        return Result(msg, self.kind, self.name, self.action, scoped, metadata, self.object)
