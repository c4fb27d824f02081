"""Shared by the tests of the Rego engine: OPA's evaluation cases, run and judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatewright import rego

Case = dict[str, Any]


def comparable(value: Any, as_bag: bool = False) -> Any:
    """A JSON value as something hashable in which 1 equals 1.0 and true does not equal 1."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, (int, float)):
        return ("number", value)
    if isinstance(value, list):
        items = [comparable(v) for v in value]
        return ("array", tuple(sorted(items, key=repr) if as_bag else items))
    if isinstance(value, dict):
        return ("object", frozenset((k, comparable(v)) for k, v in value.items()))
    return ("other", value)


def bindings(solutions: list[dict[str, Any]], case: Case) -> set[Any]:
    as_bag = bool(case.get("sort_bindings"))
    hide = bool(case.get("ignore_generated_vars"))
    return {
        frozenset((k, comparable(v, as_bag)) for k, v in s.items() if not (hide and k.startswith("__localq")))
        for s in solutions
    }


def evaluate(case: Case, syntax: str) -> list[dict[str, Any]]:
    sources = {f"test-{i}.rego": text for i, text in enumerate(case.get("modules") or [])}
    program = rego.compile(sources, syntax=syntax)  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    if case.get("input_term") is not None:
        given["input"] = rego.parse_term(case["input_term"])
    elif "input" in case:
        given["input"] = case["input"]
    strict = bool(case.get("strict_error"))
    return program.query(case["query"], data=case.get("data") or {}, strict_builtin_errors=strict, **given)


def verdict(case: Case, syntax: str) -> str:
    """ "" where the case gives what it wants, else what it gave instead."""
    wants_error = case.get("want_error_code") or case.get("want_error")
    try:
        got = evaluate(case, syntax)
    except rego.EvalError as e:
        if not wants_error:
            return f"raised {e}"
        if case.get("want_error_code") and e.code != case["want_error_code"]:
            return f"raised {e}, wanted code {case['want_error_code']}"
        return "" if (case.get("want_error") or "") in str(e) else f"raised {e}, wanted {case['want_error']}"
    except rego.CompileError as e:
        return f"does not compile: {e}"
    except rego.Needs as e:
        return f"needs {e.keys}"
    if wants_error:
        return f"gave {got}, wanted an error: {wants_error}"
    if case.get("want_result") is None or bindings(got, case) == bindings(case["want_result"], case):
        return ""
    return f"gave {got}, wanted {case['want_result']}"


@pytest.fixture(scope="session")
def opa_categories(conformance: Path) -> Callable[[str], dict[str, list[Case]]]:
    """syntax -> category -> its cases."""

    def load(syntax: str) -> dict[str, list[Case]]:
        found = {p.stem: json.loads(p.read_text()) for p in sorted((conformance / "opa" / syntax).glob("*.json"))}
        assert found, f"no case found in {conformance / 'opa' / syntax}"
        return found

    return load


@pytest.fixture(scope="session")
def opa_verdict() -> Callable[[Case, str], str]:
    return verdict
