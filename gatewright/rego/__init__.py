"""The Rego language, compiled to Python. Usable on its own; knows nothing of Kubernetes.

    program = rego.compile({"policy.rego": text}, syntax="v1")
    program.query("data.example.allow = x", input={"user": "alice"})     # [{"x": True}]

`policy` uses parse_sources, compile_artifact, load_artifact and Program.rule.
"""

from __future__ import annotations

from gatewright.rego.errors import CompileError, EvalError, Location, Needs, Problem
from gatewright.rego.program import (
    Prepared,
    Program,
    compile_artifact,
    compile_modules,
    load_artifact,
    parse_sources,
    parse_term,
)
from gatewright.rego.program import compile_sources as compile  # noqa: A004 - the word of the public interface

__all__ = [
    "CompileError",
    "EvalError",
    "Location",
    "Needs",
    "Prepared",
    "Problem",
    "Program",
    "compile",
    "compile_artifact",
    "compile_modules",
    "load_artifact",
    "parse_sources",
    "parse_term",
]
