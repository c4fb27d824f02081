"""`gator verify`: suites run case by case (Gatekeeper behaviour, 12.3).

Called by `cli` with suites from `suites`; gives `outcomes`. Every case starts from its template and constraint alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatewright.core.documents import Dialect, DocumentError, read_documents
from gatewright.core.errors import GatewrightError, PolicyError, UserError
from gatewright.core.go_text import json_text, quote
from gatewright.core.objects import Object, metadata, split_api_version
from gatewright.core.settings import Settings
from gatewright.gator import admission_reviews
from gatewright.gator.assertions import check
from gatewright.gator.outcomes import CaseOutcome, SuiteOutcome, TestOutcome
from gatewright.gator.selection import Selection
from gatewright.gator.suites import Case, Suite, Test
from gatewright.gator.workbench import SCHEMA, Moment, Prints, Refused, Workbench, shown_kind
from gatewright.kinds.resources import is_constraint, is_template
from gatewright.kinds.templates import read_template
from gatewright.policy.results import Result
from gatewright.policy.review import Review, review_of_object

_ORIGINAL = "Original"
MAX_PRINTED = 1024 * 1024  # bytes of print() output kept per case
_CUT = "... additional print output truncated ..."

Clock = Callable[[], float]  # seconds, monotonic


class Failure(UserError):
    """A test or case that can't be run; `what` is the text of its outcome."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Runs suites under one choice of settings, time and tests."""

    settings: Settings
    moment: Moment
    clock: Clock
    selection: Selection

    def run(self, suite: Suite) -> SuiteOutcome:
        """All tests of a suite, in order. What fails is told in the outcome; nothing is raised."""
        start = self.clock()
        if suite.skip:
            return SuiteOutcome(suite.shown, skipped=True)
        tests = tuple(self._test(suite, test) for test in suite.tests)
        return SuiteOutcome(suite.shown, seconds=self.clock() - start, tests=tests)

    def _test(self, suite: Suite, test: Test) -> TestOutcome:
        if test.skip or not self.selection.takes_test(test):
            return TestOutcome(test.name, skipped=True)
        start = self.clock()
        error = ""
        cases: tuple[CaseOutcome, ...] = ()
        try:
            bench = self._bench(suite, test)
        except GatewrightError as problem:
            error = problem.what
        if test.invalid:
            error = _invalid(error)
        elif not error:
            cases = tuple(self._case(suite, test, case, bench) for case in test.cases)
        return TestOutcome(test.name, error=error, seconds=self.clock() - start, cases=cases)

    def _bench(self, suite: Suite, test: Test) -> Workbench:
        """Template and constraint of a test. Raises Failure and Refused."""
        folder = suite.file.parent
        bench = Workbench(self.settings, self.moment, prints=True)
        if not test.template:
            raise Failure("invalid Suite: missing template")
        path = _joined(folder, test.template)
        thing = _first(
            path, f"reading ConstraintTemplate from {quote(path)}: ", "adding template: parsing ConstraintTemplate YAML"
        )
        if not is_template(thing):
            raise Failure(f"path {quote(path)}: not a ConstraintTemplate")
        try:
            template = read_template(thing)
        except PolicyError as error:
            raise Failure(f"path {quote(path)}: adding template: {error.what}") from None
        try:
            bench = bench.with_template(template)
        except Refused as error:
            raise Failure(f"adding template: {error.what}") from None
        if not test.constraint:
            raise Failure("invalid Suite: missing constraint")
        path = _joined(folder, test.constraint)
        thing = _first(path, f"reading Constraint from {quote(path)}: ", "adding constraint: parsing Constraint")
        if not is_constraint(thing):
            raise Failure("not a Constraint")
        if test.expansion and not test.invalid:
            raise Failure("expansion is not supported yet: leave `expansion` out of the test, or skip it")
        return bench.with_constraint(thing)

    def _case(self, suite: Suite, test: Test, case: Case, bench: Workbench) -> CaseOutcome:
        if case.skip or not self.selection.takes_case(test, case):
            return CaseOutcome(case.name, skipped=True)
        start = self.clock()
        printed: Prints = []
        try:
            error = _checked(suite.file.parent, case, bench, printed)
        except GatewrightError as problem:
            error = problem.what
        return CaseOutcome(case.name, error=error, seconds=self.clock() - start, printed=_cut(printed))


def _invalid(error: str) -> str:
    """The outcome of a test that expects its constraint to be refused by the schema."""
    if error.startswith(SCHEMA):
        return ""
    got = error or "%!w(<nil>)"  # what Gatekeeper prints where there is no error
    return f"constraint should have failed schema validation: got error {got} but want {SCHEMA}"


def _checked(folder: Path, case: Case, bench: Workbench, printed: Prints) -> str:
    """The text of the first assertion that does not hold, "" when all do. Raises Failure and Refused."""
    if not case.object:
        return "invalid Case: must define object"
    if not case.assertions:
        return "invalid Case: assertions must be non-empty"
    results = _results(folder, case, bench, printed)
    messages = [result.msg for result in results]
    for assertion in case.assertions:
        problem = check(assertion, messages)
        if problem:
            return problem
    return ""


def _results(folder: Path, case: Case, bench: Workbench, printed: Prints) -> tuple[Result, ...]:
    path = _joined(folder, case.object)
    things = _objects(path)
    if len(things) != 1:
        raise Failure(f"object file must contain exactly one object: {quote(path)} defines {len(things)} objects")
    for name in case.inventory:
        for thing in _objects(_joined(folder, name)):
            try:
                bench = bench.with_data(thing)
            except Refused as error:
                meta = metadata(thing)
                where = f"{shown_kind(thing)} {meta.get('namespace') or ''}/{meta.get('name') or ''}"
                raise Failure(f"unable to add object to data.inventory: {where}: {error.what}") from None
    return bench.review(_review(things[0]), printed)


def _review(thing: Object) -> Review:
    group, _ = split_api_version(str(thing.get("apiVersion") or ""))
    if thing.get("kind") == "AdmissionReview" and group == admission_reviews.GROUP:
        return admission_reviews.review_of(thing)
    return review_of_object(thing, show_namespace=False, source=_ORIGINAL)


# --- files


def _joined(folder: Path, name: str) -> str:
    """A path of the suite, absolute, `..` resolved as text."""
    return os.path.normpath(folder / name.lstrip("/"))


def _objects(path: str) -> list[Object]:
    """All documents of a sample or inventory file."""
    documents = _documents(path, "", f"reading {quote(path)}: invalid yaml")
    if not documents:
        raise Failure(f"missing objects: path {quote(path)} defines no YAML objects")
    return [_mapping(value, path) for value in documents]


def _first(path: str, opening: str, parsing: str) -> Object:
    """The first document of a template's or constraint's file; an empty file reads as an empty object."""
    documents = _documents(path, opening, f"{parsing} from {quote(path)}")
    return _mapping(documents[0], path) if documents else {}


def _documents(path: str, opening: str, parsing: str) -> list[object]:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise Failure(f"{opening}open {path}: {(error.strerror or str(error)).lower()}") from None
    try:
        return [document.value for document in read_documents(data, path, dialect=Dialect.YAML_1_2)]
    except DocumentError as error:
        raise Failure(f"{parsing}: {error.go or error.what}") from None


def _mapping(value: object, path: str) -> Object:
    if not isinstance(value, dict):
        told = f"yaml: unmarshal errors:\n  line 1: cannot unmarshal {_go_tag(value)} into map[string]interface {{}}"
        raise Failure(f"reading {quote(path)}: invalid yaml: {told}")
    return value


def _go_tag(value: object) -> str:
    """A value of a wrong kind as yaml.v3 names it."""
    if isinstance(value, list):
        return "!!seq"
    tag = "!!bool" if isinstance(value, bool) else "!!int" if isinstance(value, int) else "!!float"
    tag = "!!str" if isinstance(value, str) else tag
    text = value if isinstance(value, str) else json_text(value)
    return f"{tag} `{text if len(text) <= 10 else text[:7] + '...'}`"


def _cut(printed: Prints) -> str:
    """The lines of print(), each ended, within the bound."""
    text = "".join(f"{line}\n" for _, _, line in printed)
    if len(text.encode()) <= MAX_PRINTED:
        return text
    return text.encode()[:MAX_PRINTED].decode("utf-8", "ignore") + f"\n{_CUT}\n"
