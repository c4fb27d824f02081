"""Modules up to 500 lines, functions up to 60 (law 8). What is larger is listed with a reason in exceptions.toml."""

from __future__ import annotations

import ast

from tests.repo import exceptions
from tests.repo.sources import CODE_FOLDERS, Module, functions, modules

MODULE_LINES = 500
FUNCTION_LINES = 60


def _code() -> tuple[Module, ...]:
    return tuple(module for module in modules() if module.path.split("/")[0] in CODE_FOLDERS)


def _report(found: dict[tuple[str, str], int], name: str, limit: int) -> list[str]:
    allowed = exceptions.of(name)
    lines = [f"{where}: {size} lines, {limit} are the limit" for (where, _), size in sorted(found.items())]
    lines = [line for line, key in zip(lines, sorted(found), strict=True) if key not in allowed]
    return lines + [f"listed exception no longer holds: {one}" for key, one in allowed.items() if key not in found]


def test_modules_are_small() -> None:
    found = {(module.path, ""): module.lines for module in _code() if module.lines > MODULE_LINES}
    assert not _report(found, "module-size", MODULE_LINES)


def test_functions_are_small() -> None:
    found = {
        (f"{module.path}:{name}", ""): length
        for module in _code()
        for name, _, length in functions(module)
        if length > FUNCTION_LINES
    }
    assert not _report(found, "function-size", FUNCTION_LINES)


def test_the_count_leaves_out_the_docstring() -> None:
    text = 'class A:\n    def f(self):\n        """One.\n\n        Two.\n        """\n        return 1\n'
    assert list(functions(Module("x.py", "x", text, ast.parse(text)))) == [("A.f", 2, 2)]
