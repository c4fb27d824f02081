"""Each module opens by saying what it is for; what is public is documented (law 7)."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.repo.sources import CODE_FOLDERS, modules, package

# The public Python API (docs/commands.md, "From Python"). A module that is not there yet comes with its issue.
PUBLIC = ("gatewright", "gatewright.client", "gatewright.rego", "gatewright.cel", "gatewright.testing")


def test_every_module_opens_with_a_docstring() -> None:
    silent = [
        module.path
        for module in modules()
        if module.path.split("/")[0] in CODE_FOLDERS and not (ast.get_docstring(module.tree) or "").strip()
    ]
    assert not silent


def test_every_room_says_what_it_is_for() -> None:
    """A room's __init__ tells a newcomer in a sentence what is in it."""
    short = [
        module.path
        for module in package()
        if module.path.endswith("/__init__.py") and len(ast.get_docstring(module.tree) or "") < 40
    ]
    assert not short


def _there() -> Iterator[str]:
    for name in PUBLIC:
        if importlib.util.find_spec(name) is not None:
            yield name


def _public(module: ModuleType) -> Iterator[tuple[str, object]]:
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in names:
        thing = getattr(module, name)
        if getattr(thing, "__module__", "").startswith("gatewright") and (inspect.isclass(thing) or callable(thing)):
            yield name, thing


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in _there()])
def test_the_public_interface_is_documented(name: str) -> None:
    silent = []
    for public, thing in _public(importlib.import_module(name)):
        if not (inspect.getdoc(thing) or "").strip():
            silent.append(public)
        if inspect.isclass(thing):
            silent += [
                f"{public}.{method}"
                for method, function in vars(thing).items()
                if not method.startswith("_") and inspect.isfunction(function) and not (function.__doc__ or "").strip()
            ]
    assert not silent
