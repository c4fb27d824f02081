"""The starter policies: their suites hold, and each has what a newcomer looks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.core.documents import read_documents
from gatewright.core.settings import Settings
from gatewright.gator.selection import Selection
from gatewright.gator.suites import Suite, find_suites
from gatewright.gator.verifying import Verifier
from gatewright.gator.workbench import Moment
from gatewright.kinds.config import read_config
from gatewright.kinds.templates import read_template
from gatewright.policy.compiling import Compiled, compile_source, source_of

ROOT = Path(__file__).resolve().parents[2] / "policies"
POLICIES = sorted(path.parent for path in ROOT.glob("*/template.yaml"))

each = pytest.mark.parametrize("policy", [pytest.param(policy, id=policy.name) for policy in POLICIES])


def _suite(policy: Path) -> Suite:
    (suite,) = find_suites(str(policy / "suite.yaml"))
    return suite


def test_there_are_policies() -> None:
    assert len(POLICIES) >= 7


@each
def test_suite_holds(policy: Path) -> None:
    verifier = Verifier(Settings(), Moment(1_700_000_000_000_000_000, 1), lambda: 0.0, Selection())
    outcome = verifier.run(_suite(policy))
    told = [test.error for test in outcome.tests] + [case.error for test in outcome.tests for case in test.cases]
    assert not any(told), told
    assert not outcome.failed


@each
def test_suite_has_failing_and_passing_cases_and_messages(policy: Path) -> None:
    assertions = [a for test in _suite(policy).tests for case in test.cases for a in case.assertions]
    assert any(assertion.violations == "no" for assertion in assertions)
    assert any(assertion.violations != "no" for assertion in assertions)
    assert any(assertion.message for assertion in assertions)


@each
def test_every_sample_is_used(policy: Path) -> None:
    suite = _suite(policy)
    used = {test.constraint for test in suite.tests}
    for test in suite.tests:
        for case in test.cases:
            used |= {case.object, *case.inventory}
    assert {str(path.relative_to(policy)) for path in (policy / "samples").iterdir()} <= used


@each
def test_template_is_described_and_readable_by_both_yaml_readers(policy: Path) -> None:
    (document,) = read_documents((policy / "template.yaml").read_bytes(), "template.yaml")
    template = read_template(document.value)
    notes = template.annotations or {}
    assert notes["metadata.gatekeeper.sh/title"]
    assert notes["metadata.gatekeeper.sh/version"]
    assert len(notes["description"]) > 40
    (constraint,) = read_documents((policy / "constraint.yaml").read_bytes(), "constraint.yaml")
    assert constraint.value["kind"] == template.kind
    assert constraint.value["spec"]["enforcementAction"] in ("deny", "warn")


def test_config_syncs_what_the_referential_policies_read() -> None:
    (document,) = read_documents((ROOT / "config.yaml").read_bytes(), "config.yaml")
    synced = {kind.kind for kind in read_config(document.value).sync_only}
    referential = []
    for policy in POLICIES:
        (template,) = read_documents((policy / "template.yaml").read_bytes())
        outcome = compile_source(source_of(read_template(template.value), Settings()).text)
        assert isinstance(outcome, Compiled)
        if outcome.reads_inventory:
            referential.append(policy.name)
    assert referential == ["ingress-hosts"]
    assert synced == {"Ingress"}


def test_readme_lists_every_policy() -> None:
    text = (ROOT / "README.md").read_text()
    assert all(f"| {policy.name} |" in text for policy in POLICIES)
