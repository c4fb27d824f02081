"""Prints the lists of exceptions at the end of a run that tested the repository (law 11).

A pytest plugin: tests/conftest.py names it.
"""

from __future__ import annotations

import pytest

from tests.repo import exceptions


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    if any(getattr(report, "nodeid", "").startswith("tests/repo/") for report in reports):
        terminalreporter.section("listed exceptions")
        for line in exceptions.summary():
            terminalreporter.write_line(line)
