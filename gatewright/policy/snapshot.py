"""Everything that reviews read, as one immutable value: templates, constraints, exclusions, Namespaces and the
inventory.

Built by `reconcile` from Load intents and mirrored objects, by gator and by `policies`; replaced whole, so that a
review runs on one snapshot from beginning to end. A new version shares all that did not change. What is derived
(which constraints are for which kind, constraints with defaults filled in) is worked out when first needed and kept
with the parts it was made from.

Slots: ("template", name) TemplateEntry | ("constraint", kind, name) ConstraintEntry | ("exclusions",) Exclusions |
("namespace", name) bytes or object | ("object", group, version, kind, namespace, name) bytes or object. An entry of
None empties a slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rpds import HashTrieMap

from gatewright.core.errors import PolicyError
from gatewright.core.objects import Kind, Object
from gatewright.policy import constraint_checks, inventory
from gatewright.policy.drivers import World
from gatewright.policy.enforcement import WEBHOOK_POINT
from gatewright.policy.entries import Bound, ConstraintEntry, TemplateEntry, constraint_entry, template_entry
from gatewright.policy.exclusion import Exclusions
from gatewright.policy.inventory import Entry, Inventory
from gatewright.policy.match import MatchError, Subject
from gatewright.policy.results import Result, in_order
from gatewright.policy.review import Review

__all__ = ["ConstraintEntry", "Snapshot", "TemplateEntry", "constraint_entry", "template_entry"]

Slot = tuple[str, ...]
_INDEX_LIMIT = 4096  # kinds and points remembered; a cluster has a few hundred


class Rules:
    """Templates and constraints of a snapshot, and the index from kinds of objects to constraints. Shared by versions
    that differ in data only."""

    __slots__ = ("_index", "constraints", "templates")

    def __init__(
        self,
        templates: HashTrieMap[str, TemplateEntry],
        constraints: HashTrieMap[str, HashTrieMap[str, ConstraintEntry]],
    ) -> None:
        self.templates = templates
        self.constraints = constraints  # by kind, then by name
        self._index: dict[tuple[str, str, str], tuple[Bound, ...]] = {}

    def bound(self, point: str) -> Iterable[Bound]:
        """The constraints in force at a point, by kind and name."""
        for kind in sorted(self.constraints):
            template = self.templates.get(kind.lower())
            if template is None or template.template.kind != kind:
                continue
            held = self.constraints[kind]
            for name in sorted(held):
                bound = held[name].bound_to(template)
                if bound.active_at(point):
                    yield bound

    def for_kind(self, point: str, group: str, kind: str) -> tuple[Bound, ...]:
        """The constraints in force at a point whose kinds criterion fits."""
        key = (point, group, kind)
        found = self._index.get(key)
        if found is None:
            if len(self._index) >= _INDEX_LIMIT:
                self._index.clear()
            found = tuple(bound for bound in self.bound(point) if bound.matcher.fits_kind(group, kind))
            self._index[key] = found
        return found


class Snapshot:
    """One version of the policies and the data they read. `version` grows with each change."""

    __slots__ = ("_namespaces", "exclusions", "inventory", "rules", "version")

    def __init__(self) -> None:
        self.version = 0
        self.rules = Rules(HashTrieMap(), HashTrieMap())
        self.exclusions = Exclusions()
        self._namespaces: HashTrieMap[str, Entry] = HashTrieMap()
        self.inventory = Inventory()

    def with_entry(self, slot: Slot, entry: Any) -> Snapshot:
        """The snapshot with one slot filled, or emptied (None). Raises InventoryError or PolicyError for an unknown
        slot."""
        return self.with_entries(((slot, entry),))

    def with_entries(self, entries: Iterable[tuple[Slot, Any]]) -> Snapshot:
        """As `with_entry`, for several slots in one new version."""
        out = Snapshot()
        out.version = self.version + 1
        out.rules, out.exclusions = self.rules, self.exclusions
        out._namespaces, out.inventory = self._namespaces, self.inventory
        for slot, entry in entries:
            out._fill(slot, entry)
        return out

    def _fill(self, slot: Slot, entry: Any) -> None:
        """Changes a snapshot that nobody has seen yet."""
        family = slot[0]
        if family == "template":
            templates = self.rules.templates
            templates = templates.discard(slot[1]) if entry is None else templates.insert(slot[1], entry)
            self.rules = Rules(templates, self.rules.constraints)
            if entry is not None:
                _prepare(entry, self.rules.constraints.get(entry.template.kind))
        elif family == "constraint":
            self.rules = Rules(self.rules.templates, _with_constraint(self.rules.constraints, slot[1], slot[2], entry))
            template = self.rules.templates.get(slot[1].lower())
            if entry is not None and template is not None:
                entry.bound_to(template)
        elif family == "exclusions":
            self.exclusions = entry if entry is not None else Exclusions()
        elif family == "namespace":
            held = self._namespaces
            self._namespaces = held.discard(slot[1]) if entry is None else held.insert(slot[1], Entry(entry))
        elif family == "object":
            self.inventory = self.inventory.with_object(inventory.path(*slot[1:]), entry)
        else:
            raise PolicyError(f"a policy snapshot has no slot {family!r}")

    # --- what is in it

    def template(self, name: str) -> TemplateEntry | None:
        return self.rules.templates.get(name)

    def constraint(self, kind: str, name: str) -> ConstraintEntry | None:
        held = self.rules.constraints.get(kind)
        return None if held is None else held.get(name)

    def namespace(self, name: str) -> Object | None:
        """A Namespace, from its own slot or from the inventory."""
        entry = self._namespaces.get(name)
        found: Object | None = (
            self.inventory.find(("cluster", "v1", "Namespace", name)) if entry is None else entry.object
        )
        return found

    def excludes(self, process: str, thing: Object) -> bool:
        """Whether Config tells a process to leave an object alone."""
        return self.exclusions.excludes_object(process, thing)

    # --- checking constraints

    def validate_constraint(self, constraint: Object) -> str:
        """Why a constraint can't be accepted beside the templates of this snapshot, as Gatekeeper's webhook says it;
        "" when it can.

        Enforcement actions are not looked at: `enforcement.validate_enforcement` does that.
        """
        text = constraint_checks.validate_metadata(constraint)
        if text:
            return text
        kind = Kind.of(constraint).kind
        template = self.template(kind.lower())
        if template is None:
            return constraint_checks.template_missing(kind)
        return constraint_checks.validate_against(constraint, template.template)

    # --- reviewing

    def review(
        self,
        review: Review,
        point: str,
        *,
        now_ns: int = 0,
        seed: int = 0,
        answers: Mapping[tuple[str, str], Any] | None = None,
        budget: int | None = None,
        prints: list[tuple[str, int, str]] | None = None,
    ) -> tuple[Result, ...]:
        """What the constraints in force at a point say of a review, in Gatekeeper's order.

        now_ns, seed: the time and the randomness that policies may read. answers: the answer book of external data
        and http.send. budget: steps per evaluation. prints: collects the lines of print().
        Raises rego.errors.Needs for answers that the book lacks (fetch them, review again on the same snapshot),
        ReviewError when a template answers what can't be a violation.
        """
        namespace = review.namespace
        if namespace is None and review.request_namespace:
            namespace = self.namespace(review.request_namespace)
        plain = not now_ns and not seed and not answers and budget is None and prints is None
        world = World({"inventory": self.inventory.document}, now_ns, seed, answers, budget, prints, plain)
        results: list[Result] = []
        try:
            subjects = review.subjects(namespace)
            candidates = self._candidates(point, subjects)
            unmatchable = None
        except MatchError as error:
            subjects, candidates, unmatchable = (), tuple(self.rules.bound(point)), error
        for bound in candidates:
            if point == WEBHOOK_POINT and not bound.for_operation(review.operation):
                continue
            try:
                if not bound.matches(subjects, unmatchable):
                    continue
            except MatchError as error:
                results.append(bound.result(f"unable to match constraints: {error.what}", None, point))
                continue
            told = bound.loaded.violations(review, bound.parameters, world)
            results += [bound.result(one.msg, {"details": one.details}, point) for one in told]
        return in_order(results) if len(results) > 1 else tuple(results)

    def _candidates(self, point: str, subjects: tuple[Subject, ...]) -> tuple[Bound, ...]:
        """The constraints whose kinds fit the object or the old object."""
        if not subjects:
            return tuple(self.rules.bound(point))
        found = self.rules.for_kind(point, subjects[0].group, subjects[0].kind)
        for subject in subjects[1:]:
            if (subject.group, subject.kind) != (subjects[0].group, subjects[0].kind):
                more = self.rules.for_kind(point, subject.group, subject.kind)
                found = (*found, *(bound for bound in more if bound not in found))
        return found


def _prepare(template: TemplateEntry, held: HashTrieMap[str, ConstraintEntry] | None) -> None:
    """Does now, where a template arrives, what the first review would have to wait for."""
    _ = template.loaded
    if held is not None:
        for name in sorted(held):
            held[name].bound_to(template)


def _with_constraint(
    held: HashTrieMap[str, HashTrieMap[str, ConstraintEntry]], kind: str, name: str, entry: ConstraintEntry | None
) -> HashTrieMap[str, HashTrieMap[str, ConstraintEntry]]:
    names: HashTrieMap[str, ConstraintEntry] | None = held.get(kind)
    if entry is not None:
        names = HashTrieMap() if names is None else names
        return held.insert(kind, names.insert(name, entry))
    if names is None:
        return held
    names = names.discard(name)
    return held.insert(kind, names) if names else held.discard(kind)
