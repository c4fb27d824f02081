"""Checks of modules that need no types: duplicate imports, names that collide, what v1 forbids. Called by the
compiler.

Rules: OPA documentation, "Policy Language" (Rego v1: `if` and `contains` required, no duplicate imports, `input` and
`data` not shadowed, no deprecated builtins).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatewright.rego.errors import COMPILE, PARSE, TYPE, Problem
from gatewright.rego.groups import Groups
from gatewright.rego.syntax import Call, Module, walk

DEPRECATED = frozenset(
    [
        "all",
        "any",
        "cast_array",
        "cast_boolean",
        "cast_null",
        "cast_object",
        "cast_set",
        "cast_string",
        "net.cidr_overlap",
        "re_match",
        "set_diff",
    ]
)


def module(m: Module) -> list[Problem]:
    """The problems of one module by itself."""
    out = list(_shadowing(m))
    if m.v1:
        out += _v1(m)
    return out


def _shadowing(m: Module) -> Iterator[Problem]:
    for r in m.rules:
        if r.name in ("input", "data"):
            yield Problem(COMPILE, f"rules must not shadow {r.name} (use a different rule name)", r.loc)
    for i in m.imports:
        if i.path[0] in ("data", "input") and i.alias in ("input", "data"):
            yield Problem(COMPILE, f"imports must not shadow {i.alias} (use a different import name)", i.loc)


def _v1(m: Module) -> Iterator[Problem]:
    seen: set[str] = set()
    for i in m.imports:
        if i.path[0] in ("data", "input"):
            if i.name in seen:
                yield Problem(COMPILE, f"import must not shadow import {'.'.join(i.path)}", i.loc)
            seen.add(i.name)
    for r in m.rules:
        if r.has_body and not r.has_if and not r.default:
            yield Problem(PARSE, "`if` keyword is required before rule body", r.loc)
        for n in walk(r):
            if isinstance(n, Call) and ".".join(n.name) in DEPRECATED and n.name[0] not in {x.name for x in m.rules}:
                yield Problem(TYPE, f"deprecated built-in function calls in expression: {'.'.join(n.name)}", n.loc)


def packages(modules: Sequence[Module], groups: Groups) -> list[Problem]:
    """Rules that stand where a package is."""
    out = []
    for m in modules:
        path = tuple(m.package[1:])
        for n in range(1, len(path) + 1):
            group = groups.by_path.get(path[:n])
            if group is not None and (group.clauses or group.defaults):
                clause = (group.clauses or group.defaults)[0]
                out.append(
                    Problem(
                        TYPE,
                        f"package {'.'.join(path)} conflicts with rule {group.name} defined at {clause.loc}",
                        m.package_loc,
                    )
                )
    return out
