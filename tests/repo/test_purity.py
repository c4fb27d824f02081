"""Code that decides does no I/O and reads no clock: checked on the syntax tree (law 2).

The layer contract in .importlinter forbids what must not be imported anywhere below; this is the stricter half: a pure
room imports only what is listed here, and does not reach the outside through what it may import.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

import pytest

from tests.repo import exceptions
from tests.repo.sources import Module, imports, modules, package, pure

# The standard library's modules whose functions depend on their arguments alone.
_STANDARD = """
    __future__ abc ast base64 binascii bisect calendar collections copy dataclasses datetime decimal difflib enum
    fractions functools graphlib gzip hashlib heapq hmac io ipaddress itertools json keyword marshal math numbers
    operator posixpath re string struct textwrap types typing unicodedata urllib.parse zlib zoneinfo
"""
STANDARD = frozenset(_STANDARD.split())

# Locked packages without I/O. cryptography is for Rego's builtins alone.
PACKAGES = {"msgspec": "", "rpds": "", "re2": "", "yaml": "", "cryptography": "rego"}

# The state of the world, behind names that need no import or hide in an allowed module.
BUILTINS = frozenset(
    ("open", "__import__", "exec", "eval", "compile", "input", "print", "breakpoint", "globals", "vars")
)
HIDDEN = {
    "datetime": frozenset({"now", "utcnow", "today"}),
    "date": frozenset({"today"}),
    "io": frozenset({"open", "FileIO", "open_code", "OpenWrapper"}),
    "gzip": frozenset({"open", "GzipFile"}),
    "json": frozenset({"load", "dump"}),
    "posixpath": frozenset({"abspath", "exists", "expanduser", "expandvars", "isdir", "isfile", "realpath", "relpath"}),
    "hashlib": frozenset({"file_digest"}),
}


def _forbidden_imports(module: Module) -> Iterator[tuple[int, str]]:
    for line, name in imports(module):
        top = name.split(".")[0]
        if top == "gatewright":
            continue
        if top in PACKAGES:
            if PACKAGES[top] in ("", module.room):
                continue
        elif top in sys.stdlib_module_names and any(name == one or name.startswith(f"{one}.") for one in STANDARD):
            continue
        yield line, name


def _forbidden_calls(module: Module) -> Iterator[tuple[int, str]]:
    own = _defined(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in BUILTINS and node.id not in own:
                yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            holder = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in HIDDEN.get(holder, ()):
                yield node.lineno, f"{holder}.{node.attr}"
            elif node.attr in ("import_module", "environ", "__builtins__"):
                yield node.lineno, node.attr
        elif isinstance(node, ast.Global):
            yield node.lineno, "global"


def _defined(module: Module) -> set[str]:
    """Names that the module itself gives a meaning to at its top level, such as `def compile`, and its parameters."""
    own = {node.name for node in module.tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.ImportFrom):
            own.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    return own


def _report(found: dict[tuple[str, str], int], name: str) -> list[str]:
    allowed = exceptions.of(name)
    lines = [f"{where}:{line}: {what}" for (where, what), line in sorted(found.items()) if (where, what) not in allowed]
    lines += [f"listed exception no longer holds: {one}" for key, one in allowed.items() if key not in found]
    return lines


def test_the_rooms_that_decide_are_there() -> None:
    assert {module.room for module in pure()} >= {"core", "kinds", "control", "kube", "reconcile", "apiserver"}


def test_imports_are_of_the_listed_set() -> None:
    found = {(module.path, name): line for module in pure() for line, name in _forbidden_imports(module)}
    assert not _report(found, "import")


def test_no_call_reaches_outside() -> None:
    found = {(module.path, name): line for module in pure() for line, name in _forbidden_calls(module)}
    assert not _report(found, "call")


def test_text_becomes_code_only_in_the_emitting_modules() -> None:
    """exec and compile are excepted nowhere but in the engines."""
    for one in exceptions.of("call").values():
        if one.what in ("exec", "compile", "eval"):
            assert one.where.split("/")[1] in ("rego", "cel"), one


def test_caches_are_bounded() -> None:
    """A bounded cache of a pure function is no state; an unbounded one is a leak that callers feed."""
    assert not [problem for module in package() for problem in _unbounded(module)]


def _unbounded(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        arguments = node.args
        takes = bool(arguments.args or arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg)
        for decorator in node.decorator_list:
            text = ast.unparse(decorator)
            bare = text.removeprefix("functools.")
            if takes and (bare == "cache" or (bare.startswith("lru_cache(") and "None" in bare)):
                yield f"{module.path}:{node.lineno}: {node.name} is cached without a bound"


def test_no_module_keeps_state() -> None:
    """A container at the top of a pure module that a function fills would be state that no argument shows."""
    found = {(module.path, name): line for module in pure() for line, name in _state(module)}
    assert not _report(found, "state")


MUTATORS = frozenset(
    (
        "add",
        "append",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "setdefault",
        "sort",
        "update",
    )
)


def _state(module: Module) -> Iterator[tuple[int, str]]:
    """Names bound at the top of the module that code inside a function changes in place."""
    own = {
        ast.unparse(target)
        for node in module.tree.body
        for target in (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
    }
    for function in ast.walk(module.tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        local = {arg.arg for arg in ast.walk(function) if isinstance(arg, ast.arg)}
        local |= {
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        for node in ast.walk(function):
            name = _changed(node)
            if name in own - local:
                yield node.lineno, name


def _changed(node: ast.AST) -> str:
    """The name that a node changes in place: x[...] = ..., del x[...], x.append(...)."""
    if (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store | ast.Del)
        and isinstance(node.value, ast.Name)
    ):
        return node.value.id
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Attribute) and called.attr in MUTATORS and isinstance(called.value, ast.Name):
        return called.value.id
    return ""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("import os", ["os"], id="import"),
        pytest.param("from urllib.request import urlopen", ["urllib.request.urlopen"], id="part-of-a-package"),
        pytest.param("from urllib.parse import quote", [], id="allowed-part"),
        pytest.param("import urllib", ["urllib"], id="package-of-an-allowed-part"),
        pytest.param("from datetime import datetime", [], id="allowed"),
        pytest.param("from cryptography import x509", ["cryptography.x509"], id="package-of-another-room"),
    ],
)
def test_the_import_check_sees(text: str, names: list[str]) -> None:
    module = Module("gatewright/core/x.py", "gatewright.core.x", text, ast.parse(text))
    assert [name for _, name in _forbidden_imports(module)] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("open('x')", ["open"], id="open"),
        pytest.param("read = open", ["open"], id="handed-on"),
        pytest.param("datetime.now(UTC)", ["datetime.now"], id="clock"),
        pytest.param("datetime.datetime.utcnow", ["datetime.utcnow"], id="clock-by-module"),
        pytest.param("now = engine.now()", [], id="clock-as-argument"),
        pytest.param("re.compile('x')", [], id="regular-expression"),
        pytest.param("compile(text, 'x', 'exec')", ["compile"], id="code"),
        pytest.param("def compile(x): ...\ncompile(1)", [], id="own-function"),
        pytest.param("importlib.import_module('os')", ["import_module"], id="import-module"),
        pytest.param("def f():\n    global x\n    x = 1", ["global"], id="global"),
    ],
)
def test_the_call_check_sees(text: str, names: list[str]) -> None:
    module = Module("gatewright/core/x.py", "gatewright.core.x", text, ast.parse(text))
    assert [name for _, name in _forbidden_calls(module)] == names


def test_print_is_for_the_command_line() -> None:
    speaking = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        if module.path.startswith("gatewright/") and module.room != "cli"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id == "print"
    ]
    assert not speaking


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("seen = {}\ndef f(x):\n    seen[x] = 1", ["seen"], id="stored-into"),
        pytest.param("seen = []\ndef f(x):\n    seen.append(x)", ["seen"], id="appended-to"),
        pytest.param("NONE = {}\ndef f(x):\n    return NONE", [], id="constant"),
        pytest.param("seen = []\ndef f():\n    seen = []\n    seen.append(1)", [], id="own-local"),
        pytest.param("TABLE = {}\nTABLE['a'] = 1", [], id="built-at-the-top"),
    ],
)
def test_the_state_check_sees(text: str, names: list[str]) -> None:
    module = Module("gatewright/core/x.py", "gatewright.core.x", text, ast.parse(text))
    assert [name for _, name in _state(module)] == names
