"""Policies for Python programs: templates and constraints in, verdicts on objects out. Public (`from gatewright
import Policies`).

    policies = Policies.from_yaml(template_text, constraint_text)
    for result in policies.review(pod):
        print(result.constraint["metadata"]["name"], result.msg)

Everything happens in the calling process, without a cluster: compiling when templates are added, evaluating on
`review`. The controllers do the same over `compiling` and `snapshot`, in their own time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gatewright.core.documents import read_objects
from gatewright.core.errors import PolicyError
from gatewright.core.objects import Kind, Object, metadata
from gatewright.core.settings import Settings
from gatewright.kinds.resources import is_constraint, is_template
from gatewright.kinds.templates import read_template
from gatewright.policy.compiling import Failed, compile_source, source_of
from gatewright.policy.constraint_checks import ConstraintRefused, check_loadable
from gatewright.policy.enforcement import GATOR_POINT
from gatewright.policy.entries import constraint_entry, template_entry
from gatewright.policy.inventory import path_of
from gatewright.policy.results import Result
from gatewright.policy.review import Review, review_of_object, review_of_request
from gatewright.policy.snapshot import Snapshot


class Policies:
    """An immutable collection of templates, constraints and the objects that referential policies read.

    templates, constraints: objects (plain dicts as YAML or JSON give them); data: objects for data.inventory, among
    them the Namespaces that namespaceSelectors look at.
    Raises PolicyError for a template that doesn't compile and a constraint that its template refuses, naming it.
    """

    def __init__(
        self,
        templates: Iterable[Object] = (),
        constraints: Iterable[Object] = (),
        data: Iterable[Object] = (),
        *,
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings or Settings()
        self._snapshot = Snapshot().with_entries(
            [(("template", str(metadata(one).get("name"))), self._compiled(one)) for one in templates]
        )
        for one in constraints:
            self._snapshot = self._snapshot.with_entry(*self._checked(one))
        self._snapshot = self._snapshot.with_entries((_data_slot(one), one) for one in data)

    @classmethod
    def from_yaml(cls, *texts: str | bytes, settings: Settings | None = None) -> Policies:
        """Policies from manifests: templates and constraints are recognised by their groups, all other objects become
        data."""
        things = [
            document.value
            for text in texts
            for document in read_objects(text.encode() if isinstance(text, str) else text)
        ]
        templates = [one for one in things if is_template(one)]
        constraints = [one for one in things if is_constraint(one)]
        others = [one for one in things if not is_template(one) and not is_constraint(one)]
        return cls(templates, constraints, others, settings=settings)

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that reviews run on."""
        return self._snapshot

    def with_data(self, objects: Iterable[Object]) -> Policies:
        """The same policies over more data; an object replaces the one of its kind and name."""
        out = Policies(settings=self._settings)
        out._snapshot = self._snapshot.with_entries((_data_slot(one), one) for one in objects)
        return out

    def review(
        self,
        thing: Object,
        *,
        operation: str = "",
        namespace: Object | None = None,
        point: str = GATOR_POINT,
        **world: Any,
    ) -> list[Result]:
        """What the policies say of an object, in order of action and message; [] when it is fine.

        operation: "" or CREATE, UPDATE, DELETE; namespace: the Namespace object it is in; point: the enforcement
        point whose actions count; world: now_ns, seed, answers, budget and prints of `Snapshot.review`.
        """
        return self._ask(review_of_object(thing, namespace=namespace, operation=operation), point, world)

    def review_request(
        self, request: Object, *, namespace: Object | None = None, point: str = GATOR_POINT, **world: Any
    ) -> list[Result]:
        """As `review`, for an AdmissionRequest or a whole AdmissionReview."""
        inner = request.get("request") if request.get("kind") == "AdmissionReview" else request
        if not isinstance(inner, dict):
            raise PolicyError("an AdmissionReview without a request", mend="give the request that the API server sent")
        return self._ask(review_of_request(inner, namespace=namespace), point, world)

    def _ask(self, review: Review, point: str, world: dict[str, Any]) -> list[Result]:
        return list(self._snapshot.review(review, point, **world))

    def _compiled(self, thing: Object) -> Any:
        template = read_template(thing)
        outcome = compile_source(source_of(template, self._settings).text)
        if isinstance(outcome, Failed):
            raise PolicyError(f"ConstraintTemplate {template.name}: {outcome.text}")
        return template_entry(template, outcome)

    def _checked(self, thing: Object) -> tuple[tuple[str, ...], Any]:
        kind, name = Kind.of(thing).kind, str(metadata(thing).get("name") or "")
        text = self._snapshot.validate_constraint(thing) or check_loadable(thing)
        if text:
            raise ConstraintRefused(f"{kind} {name}: {text}")
        return ("constraint", kind, name), constraint_entry(thing)


def _data_slot(thing: Object) -> tuple[str, ...]:
    path_of(thing)  # refuses what has no place
    kind, meta = Kind.of(thing), metadata(thing)
    return (
        "object",
        kind.group,
        kind.version,
        kind.kind,
        str(meta.get("namespace") or ""),
        str(meta.get("name") or ""),
    )
