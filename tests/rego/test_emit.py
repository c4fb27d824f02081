"""What generated code may contain: generated names, constants, and nothing that reaches out of its namespace."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gatewright import rego
from gatewright.rego.emit import ALLOWED, GLOBALS

NAME = re.compile(r"[A-Za-z]\w*")
LOCAL = re.compile(r"(?:[rlqfgtxkvnmoaKPXLC]|[rlq]_[A-Za-z0-9_]*)\d*(?:_\d+)?|C|r|q|out|T|F|B_[a-z0-9_]+")
_METHODS = """get items add append s i d m b e at startswith endswith lower split removeprefix removesuffix replace
value __class__"""
METHODS = frozenset(_METHODS.split())
HOSTILE = r"""package a
p["');import os#"] = y { y := "\n''';__builtins__" }
q = "\u0000\\'\"{0}%s{}"
__class__(self) = self { self.__class__ == "x" }
exec(open) = open { open["__dict__"] }
r { exec({"a": 1}); __class__({"b": 1}) }
"""


def check(source: str) -> None:
    """Only names that the emitter makes, listed globals and listed attributes."""
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Lambda, ast.Global, ast.Delete))
        if isinstance(node, ast.Name):
            assert node.id in GLOBALS or node.id in ALLOWED or LOCAL.fullmatch(node.id), node.id
        elif isinstance(node, ast.Attribute):
            assert node.attr in METHODS, node.attr
        elif isinstance(node, ast.FunctionDef):
            assert LOCAL.fullmatch(node.name), node.name


def test_hostile_names_and_strings_stay_inside() -> None:
    program = rego.compile({"a'); import os #": HOSTILE})
    check(program.source)
    assert program.rule("data.a.q")({}, {}) == ["\x00\\'\"{0}%s{}"]


@pytest.mark.slow
@pytest.mark.needs("conformance")
def test_the_code_of_the_whole_corpus_is_clean(conformance: Path) -> None:
    import json

    checked = 0
    for path in sorted((conformance / "opa" / "v1").glob("*.json")):
        for case in json.loads(path.read_text())[::7]:
            sources = {f"m{i}": m for i, m in enumerate(case.get("modules") or [])}
            try:
                program = rego.compile(sources, syntax="v1")
            except rego.CompileError:
                continue
            check(program.source)
            checked += 1
    assert checked > 100


def test_generated_functions_are_named_after_their_rules() -> None:
    source = rego.compile({"a": "package a\nallowed_repos { input.x }"}).source
    assert "def r_allowed_repos_0(C):" in source
    assert NAME.search(source)
