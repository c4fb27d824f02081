"""Suites: which files are read, what they may hold, which tests run, what assertions say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.gator import outcomes
from gatewright.gator import suites as reading
from gatewright.gator.assertions import check
from gatewright.gator.outcomes import CaseOutcome, SuiteOutcome, report
from gatewright.gator.patterns import PatternError, compile_pattern
from gatewright.gator.selection import SelectionError, parse_selection
from gatewright.gator.suites import Assertion, Case, SuiteError, find_suites

HEAD = "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\n"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


# --- finding


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        pytest.param("a/suite.yaml", ["a/suite.yaml"], id="a file"),
        pytest.param("a", ["a/suite.yaml"], id="a folder"),
        pytest.param("a/...", ["a/b/suite.yaml", "a/suite.yaml"], id="all below"),
        pytest.param("./...", ["a/b/suite.yaml", "a/suite.yaml", "z.yaml"], id="all below here"),
        pytest.param("...", ["a/b/suite.yaml", "a/suite.yaml", "z.yaml"], id="dots alone"),
        pytest.param(".", ["z.yaml"], id="here"),
        pytest.param("a/pod.yaml", [], id="no suite"),
        pytest.param("c", [], id="nothing in it"),
    ],
)
def test_which_suites(argument: str, shown: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path,
        a__suite_yaml=HEAD,
        a__b__suite_yaml=HEAD,
        a__pod_yaml="kind: Pod\napiVersion: v1\n",
        a__list_yaml="- 1\n",
        a__notes_txt="[",
        c__empty_yaml="",
        z_yaml=HEAD,
    )
    monkeypatch.chdir(tmp_path)
    suites = find_suites(argument)
    assert [suite.shown for suite in suites] == shown
    assert all(suite.file.is_absolute() for suite in suites)


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        pytest.param("nope", "no such file or directory", id="absent"),
        pytest.param("notes.txt", 'unsupported extension: ".txt"', id="extension"),
        pytest.param("z.yaml/...", "can only recursively traverse directories", id="a file with dots"),
        pytest.param("bad", "bad.yaml:1: did not find expected", id="malformed"),
        pytest.param("twice.yaml", 'twice.yaml:4: key "tests" stands twice, first in line 3', id="duplicate key"),
    ],
)
def test_what_cannot_be_found_or_read(
    argument: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = HEAD + "tests: []\ntests: []\n"
    write(tmp_path, notes_txt="", z_yaml=HEAD, bad__bad_yaml="{", twice_yaml=twice)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SuiteError) as raised:
        find_suites(argument)
    assert raised.value.what.startswith("listing test files: ")
    assert told in raised.value.one_line()


# --- reading


def test_fields_and_defaults(tmp_path: Path) -> None:
    write(
        tmp_path,
        suite_yaml=HEAD
        + """
Skip: true
unknown: 1
tests:
- name: t
  template: t.yaml
  constraint: c.yaml
  expansion: x.yaml
  invalid: true
  cases:
  - name: yes
    object: o.yaml
    inventory: [i.yaml]
    assertions: [{}, {violations: no}, {violations: 2, message: "a b"}, {violations: "1"}, {violations: ~}]
""",
    )
    (suite,) = find_suites(str(tmp_path / "suite.yaml"))
    assert suite.skip
    assert suite.tests == (
        reading.Test(
            name="t",
            template="t.yaml",
            constraint="c.yaml",
            expansion="x.yaml",
            invalid=True,
            cases=(
                Case(
                    name="yes",  # no boolean: suites are YAML 1.2
                    object="o.yaml",
                    inventory=("i.yaml",),
                    assertions=(
                        Assertion(),
                        Assertion("no"),
                        Assertion(2, "a b"),
                        Assertion("1"),
                        Assertion("yes"),
                    ),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("tests: 3", "tests must be a list of mappings, not 3", id="tests"),
        pytest.param("tests: [3]", "tests must be a list of mappings, not [3]", id="a test"),
        pytest.param("tests: [{name: 3}]", "tests[0].name must be text, not 3", id="name"),
        pytest.param("skip: yes", 'skip must be true or false, not "yes"', id="skip"),
        pytest.param(
            "tests: [{cases: [{inventory: x}]}]", "tests[0].cases[0].inventory must be a list", id="inventory"
        ),
        pytest.param(
            "tests: [{}, {cases: [{assertions: [{violations: true}]}]}]",
            "tests[1].cases[0].assertions[0].violations must be yes, no or a whole number, not true",
            id="boolean violations",
        ),
        pytest.param(
            "tests: [{cases: [{assertions: [{violations: 1.5}]}]}]", "violations must be yes, no or a whole", id="1.5"
        ),
        pytest.param(
            "tests: [{cases: [{assertions: [{violations: 4294967296}]}]}]", "of 32 bits, not 4294967296", id="2**32"
        ),
        pytest.param("tests: [{cases: [{assertions: [{message: 1}]}]}]", "message must be text, not 1", id="message"),
    ],
)
def test_wrong_types_name_the_field(text: str, told: str, tmp_path: Path) -> None:
    write(tmp_path, suite_yaml=HEAD + text)
    with pytest.raises(SuiteError) as raised:
        find_suites(str(tmp_path / "suite.yaml"))
    assert told in raised.value.what
    assert "suite.yaml:1: " in raised.value.what


# --- choosing


ONE, TWO = Case(name="one"), Case(name="two")
FIRST, SECOND = reading.Test(name="first", cases=(ONE, TWO)), reading.Test(name="second", cases=(ONE,))


@pytest.mark.parametrize(
    ("text", "tests", "cases"),
    [
        pytest.param("", ["first", "second"], ["first/one", "first/two", "second/one"], id="everything"),
        pytest.param("two", ["first"], ["first/two"], id="a case"),
        pytest.param("first", ["first"], ["first/one", "first/two"], id="a test"),
        pytest.param("^(first|one)$", ["first", "second"], ["first/one", "first/two", "second/one"], id="both"),
        pytest.param("first//", ["first"], ["first/one", "first/two"], id="test alone"),
        pytest.param("//one", ["first", "second"], ["first/one", "second/one"], id="case alone"),
        pytest.param("s.*//^t", ["first", "second"], ["first/two"], id="test and case"),
        pytest.param("none", [], [], id="nothing"),
    ],
)
def test_selection(text: str, tests: list[str], cases: list[str]) -> None:
    selection = parse_selection(text)
    assert [test.name for test in (FIRST, SECOND) if selection.takes_test(test)] == tests
    taken = [
        f"{test.name}/{case.name}"
        for test in (FIRST, SECOND)
        if selection.takes_test(test)
        for case in test.cases
        if selection.takes_case(test, case)
    ]
    assert taken == cases


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a//b//c", 'at most one "//"', id="three parts"),
        pytest.param("a//[", "error parsing regexp: missing closing ]: `[`", id="expression"),
    ],
)
def test_selection_that_cannot_be_read(text: str, told: str) -> None:
    with pytest.raises(SelectionError, match="compiling filter: invalid test filter: ") as raised:
        parse_selection(text)
    assert told in raised.value.what


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        pytest.param("(", "missing closing ): `(`", id="paren"),
        pytest.param("a)", "unexpected ): `a)`", id="other paren"),
        pytest.param("*", "missing argument to repetition operator: `*`", id="star"),
        pytest.param("a{2000}", "invalid repeat count: `{2000}`", id="count"),
        pytest.param("(?=a)", "invalid or unsupported Perl syntax: `(?=`", id="look-ahead"),
        pytest.param("a\\", "trailing backslash at end of expression: ``", id="backslash"),
        pytest.param("[z-a]", "invalid character class range: `z-a`", id="range"),
    ],
)
def test_expressions_are_refused_in_gos_words(expression: str, told: str) -> None:
    with pytest.raises(PatternError) as raised:
        compile_pattern(expression)
    assert raised.value.what == f"error parsing regexp: {told}"


# --- asserting

NEITHER = 'invalid yaml: assertion.violation, if set, must be a nonnegative integer, "yes", or "no"'


@pytest.mark.parametrize(
    ("assertion", "messages", "told"),
    [
        pytest.param(Assertion(), ["a"], "", id="yes holds"),
        pytest.param(
            Assertion(),
            [],
            "unexpected number of violations: got 0 violations but want at least 1: got messages []",
            id="yes fails",
        ),
        pytest.param(Assertion("no"), [], "", id="no holds"),
        pytest.param(
            Assertion("no"),
            ["a", "b c"],
            "unexpected number of violations: got 2 violations but want none: got messages [a b c]",
            id="no fails",
        ),
        pytest.param(Assertion(0), [], "", id="zero holds"),
        pytest.param(
            Assertion(1, 'a"b'),
            ["x"],
            'unexpected number of violations: got 0 violations containing "a\\"b" but want exactly 1: got messages [x]',
            id="message fails",
        ),
        pytest.param(Assertion(1, "^a"), ["ab", "ba"], "", id="message holds"),
        pytest.param(Assertion("no", "["), [], "", id="an expression is not read without results"),
        pytest.param(
            Assertion("no", "["),
            ["x"],
            "message contains invalid regular expression: error parsing regexp: missing closing ]: `[`",
            id="bad expression",
        ),
        pytest.param(
            Assertion(-1),
            ["x"],
            f"{NEITHER}: got messages [x]",
            id="negative",
        ),
        pytest.param(
            Assertion("1"),
            [],
            f"{NEITHER}: got messages []",
            id="a number as text",
        ),
    ],
)
def test_assertions(assertion: Assertion, messages: list[str], told: str) -> None:
    assert check(assertion, messages) == told


# --- reporting


OUTCOMES = (
    SuiteOutcome(
        "a.yaml",
        seconds=0.25,
        tests=(
            outcomes.TestOutcome("skipped", skipped=True),
            outcomes.TestOutcome("broken", error="why"),
            outcomes.TestOutcome(
                "t",
                seconds=1.5,
                cases=(
                    CaseOutcome("left", skipped=True),
                    CaseOutcome("good", printed="one\ntwo\n"),
                    CaseOutcome("bad", error="because", trace="x\ny"),
                ),
            ),
        ),
    ),
    SuiteOutcome("b.yaml", skipped=True),
)


def test_report() -> None:
    assert report(OUTCOMES).split("\n") == [
        "--- FAIL: broken\t(0.000s)",
        "  why",
        "    --- FAIL: bad\t(0.000s)",
        "        because",
        "TRACE: bad\tx",
        "y",
        "--- FAIL: t\t(1.500s)",
        "FAIL\ta.yaml\t0.250s",
        "ok\tb.yaml\t0.000s",
        "FAIL",
        "",
        "",
    ]


def test_verbose_report() -> None:
    assert report(OUTCOMES, verbose=True).split("\n")[:17] == [
        "=== SKIP  skipped",
        "=== RUN   broken",
        "--- FAIL: broken\t(0.000s)",
        "  why",
        "=== RUN   t",
        "    === SKIP  left",
        "    === RUN   good",
        "        === PRINT ===",
        "        one",
        "        two",
        "    --- PASS: good\t(0.000s)",
        "    === RUN   bad",
        "    --- FAIL: bad\t(0.000s)",
        "        because",
        "    --- TRACE: bad\tx",
        "    --- y",
        "--- FAIL: t\t(1.500s)",
    ]


def test_nothing_to_report_passes() -> None:
    assert report(()) == "PASS\n\n"
