"""The repository as data: its files, and the modules of Python in it as syntax trees.

Read by the tests in this folder. Nothing here asks git: a clone without history, an unpacked archive and a working
tree give the same answers.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Rooms whose code decides: values in, values out (ARCHITECTURE.md, law 2).
PURE_ROOMS = ("core", "kinds", "rego", "cel", "policy", "mutation", "control", "reconcile", "kube", "apiserver")

CODE_FOLDERS = ("gatewright", "tests", "tools", "bench")

_MADE = {".git", ".venv", "__pycache__", "dist", "build", "site", "node_modules"}
_BINARY = {".gz", ".png", ".ico", ".pyc", ".so"}


@dataclass(frozen=True)
class Module:
    """One file of Python. `path` is relative to the root; `name` is its dotted name."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def room(self) -> str:
        """The package below `gatewright` that holds it; "" elsewhere."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 and parts[0] == "gatewright" else ""


@functools.cache
def files() -> tuple[str, ...]:
    """All files that a commit would hold, as paths relative to the root: no caches, nothing that was built."""
    return tuple(sorted(_walk(ROOT)))


def _walk(folder: Path) -> Iterator[str]:
    for path in folder.iterdir():
        if path.name in _MADE or path.name.endswith((".egg-info", "_cache")) or path.name == ".hypothesis":
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path.relative_to(ROOT).as_posix()


def texts() -> Iterator[tuple[str, str]]:
    """Path and text of each file that is text."""
    for path in files():
        if Path(path).suffix not in _BINARY and path != "bench/results.json":
            yield path, (ROOT / path).read_text(encoding="utf-8")


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every module of Python in the repository."""
    return tuple(_module(path) for path in files() if path.endswith(".py"))


def _module(path: str) -> Module:
    text = (ROOT / path).read_text(encoding="utf-8")
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Module(path, name, text, ast.parse(text, path))


def package() -> tuple[Module, ...]:
    """The modules of the product."""
    return tuple(module for module in modules() if module.path.startswith("gatewright/"))


def pure() -> tuple[Module, ...]:
    """The modules of the rooms that decide."""
    return tuple(module for module in package() if module.room in PURE_ROOMS)


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a module imports: `from a.b import c` gives a.b.c (c may be a module or
    a value of one).
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module or ''}.{alias.name}"


def functions(module: Module) -> Iterator[tuple[str, int, int]]:
    """Qualified name, first line and length of each function. The docstring does not count, and decorators neither."""
    yield from _functions(module.tree, "")


def _functions(parent: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{node.name}"
            yield name, node.lineno, _length(node)
            yield from _functions(node, f"{name}.")
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        else:
            yield from _functions(node, prefix)


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    told = 0
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        told = (first.end_lineno or first.lineno) - first.lineno + 1
    return (node.end_lineno or node.lineno) - node.lineno + 1 - told
