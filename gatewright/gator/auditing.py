"""`gator test`: every object of the input reviewed against the templates and constraints in the same input (Gatekeeper
behaviour, 12.2 and 3.4).

Called by `cli`, which reads the input with `sources` and prints with `listing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gatewright.core.errors import PolicyError
from gatewright.core.go_text import quote
from gatewright.core.objects import Kind, Object, metadata
from gatewright.core.settings import Settings
from gatewright.gator.sources import Source
from gatewright.gator.statistics import Clock, Statistic, Stopwatch
from gatewright.gator.workbench import Moment, Prints, Refused, Workbench, shown_kind
from gatewright.kinds.resources import EXPANSION_GROUP, MUTATIONS_GROUP, is_constraint, is_template
from gatewright.kinds.templates import read_template
from gatewright.policy.enforcement import DENY
from gatewright.policy.results import Result
from gatewright.policy.review import review_of_object

_ORIGINAL = "Original"
_EMPTY_NAMESPACE: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ""}}
_DEFAULT_NAMESPACE: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}


@dataclass(frozen=True, slots=True)
class Violation:
    """A result and the object that it is about."""

    result: Result
    thing: Object

    @property
    def denies(self) -> bool:
        """Whether it makes the command fail."""
        return self.result.action == DENY or DENY in self.result.scoped_actions


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found in the input."""

    violations: tuple[Violation, ...]  # by action, then message, then the order of the input
    prints: tuple[str, ...] = ()  # lines of Rego's print(), where they were asked for
    statistics: tuple[Statistic, ...] = ()  # per object and template, where they were asked for

    @property
    def failed(self) -> bool:
        return any(violation.denies for violation in self.violations)


def audit(
    sources: Sequence[Source],
    settings: Settings,
    moment: Moment,
    *,
    prints: bool = False,
    stopwatch: Clock | None = None,
) -> Audit:
    """stopwatch: measures each template, where it is given.

    Raises Refused with the whole text of the error, naming the object and its place.
    """
    bench = _bench(sources, Workbench(settings, moment, prints))
    watch = Stopwatch(bench, stopwatch) if stopwatch is not None else None
    namespaces = {_name(source.value): source.value for source in sources if _is_namespace(source.value)}
    printed: Prints | None = [] if prints else None
    violations: list[Violation] = []
    statistics: list[Statistic] = []
    for source in sources:
        thing = source.value
        namespace = _namespace(thing, namespaces)
        review = review_of_object(thing, namespace=namespace, show_namespace=False, source=_ORIGINAL)
        where = f"{shown_kind(thing)} {metadata(thing).get('namespace') or ''}/{_name(thing)}"
        with _telling(f"reviewing {where}", source, mend="mend the template that reviews it"):
            violations += (Violation(result, thing) for result in bench.review(review, printed))
            if watch is not None:
                statistics += watch.measure(review)
    violations.sort(key=lambda violation: (violation.result.action, violation.result.msg))
    return Audit(tuple(violations), tuple(text for _, _, text in printed or ()), tuple(statistics))


def _bench(sources: Sequence[Source], bench: Workbench) -> Workbench:
    """Templates first, then constraints, then everything as data."""
    for source in sources:
        if is_template(source.value):
            name = quote(_name(source.value))
            with _telling(f"converting unstructured {name} to template: adding template", source):
                template = read_template(source.value)
            with _telling(f"adding template {name}", source):
                bench = bench.with_template(template)
    for source in sources:
        if is_constraint(source.value):
            with _telling(f"adding constraint {quote(_name(source.value))}", source):
                bench = bench.with_constraint(source.value)
    for source in sources:
        with _telling(f"adding data of GVK {quote(shown_kind(source.value))}", source):
            bench = bench.with_data(source.value)
        _refuse_unsupported(source)
    return bench


@contextmanager
def _telling(doing: str, source: Source, mend: str = "") -> Iterator[None]:
    """Puts before an error what was being done, and behind it the mend and the place."""
    try:
        yield
    except PolicyError as error:
        first = mend or error.mend
        mend = f"{first} ({source.where})" if first else f"mend {source.where}"
        raise Refused(f"auditing objects: {doing}: {error.what}", mend=mend) from None


def _refuse_unsupported(source: Source) -> None:
    """Mutators and ExpansionTemplates change what is reviewed: answers that leave them out would be wrong."""
    kind = Kind.of(source.value)
    if kind.group == MUTATIONS_GROUP or (kind.group == EXPANSION_GROUP and kind.kind == "ExpansionTemplate"):
        raise Refused(
            f"auditing objects: {kind.kind} {quote(_name(source.value))}: mutation and expansion are not supported yet",
            mend=f"leave {source.where} out of the input",
        )


def _namespace(thing: Object, namespaces: Mapping[str, Object]) -> Object | None:
    """The Namespace that matching sees: that of the input; an empty one for objects without namespace; `default` is
    known."""
    name = metadata(thing).get("namespace")
    if not isinstance(name, str) or not name:
        return _EMPTY_NAMESPACE
    return namespaces.get(name) or (_DEFAULT_NAMESPACE if name == "default" else None)


def _is_namespace(thing: Object) -> bool:
    kind = Kind.of(thing)
    return kind.kind == "Namespace" and kind.group == ""


def _name(thing: Object) -> str:
    name = metadata(thing).get("name")
    return name if isinstance(name, str) else ""
