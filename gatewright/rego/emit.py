"""The emitting module: a grouped program becomes the source of a Python module, a code object, and a namespace to
run it in.

The only module of the project in which `compile` and `exec` stand. What is executed was written by the emitters of
this package: generated names, constants as Python's repr writes them, and the globals listed in `GLOBALS`; there are
no Python builtins in reach but those of `ALLOWED`.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import CodeType
from typing import Any

from gatewright.rego import runtime, texts, values
from gatewright.rego.builtins.numeric import member
from gatewright.rego.builtins.regex import matcher
from gatewright.rego.builtins.registry import REGISTRY, Builtin, prepared
from gatewright.rego.builtins.sprintf import verb
from gatewright.rego.code import flat
from gatewright.rego.emit_calls import Variant
from gatewright.rego.emit_rules import RuleEmitter
from gatewright.rego.errors import Location
from gatewright.rego.groups import Groups
from gatewright.rego.runtime import Context, Tables
from gatewright.rego.syntax import Expr

ALLOWED = ("bool", "dict", "float", "frozenset", "int", "isinstance", "len", "list", "set", "str")


def charge(c: Context, collection: Any) -> None:
    """Charges a loop inside a loop by the size of what it goes through."""
    try:
        n = len(collection)
    except TypeError:
        return
    c.b[0] -= n + 1
    if c.b[0] < 0:
        runtime.spent()


def template_text(value: Any) -> str:
    """A part of an interpolated string."""
    if value is values.U:
        return "<undefined>"
    return value if isinstance(value, str) else texts.text_of(value)


def listed(fn: Any) -> Any:
    """A relation as an ordinary function, for calls that may be replaced."""
    return fn


GLOBALS: dict[str, Any] = {
    "U": values.U,
    "N": runtime.EMPTY,
    "R": values.get,
    "V": values.values_of,
    "KV": values.items_of,
    "SV": values.sorted_values_of,
    "SKV": values.sorted_items_of,
    "EQ": values.equal,
    "LT": values.less,
    "LE": values.less_equal,
    "fz": values.freeze,
    "T": values.T,
    "F": values.F,
    "FrozenDict": values.FrozenDict,
    "FrozenList": values.FrozenList,
    "SETS": values.SETS,
    "NUMBER": frozenset([int, float, Decimal]),
    "COUNTED": frozenset([list, dict, set, frozenset, str]),
    "Decimal": Decimal,
    "Mapping": Mapping,
    "make_set": values.make_set,
    "plain": values.plain,
    "path_of": runtime.path_of,
    "part_of": runtime.part_of,
    "BoolMember": values.BoolMember,
    "base_path": runtime.base_path,
    "Location": Location,
    "COLLECTION": (list, Mapping, set, frozenset),
    "document": runtime.document,
    "with_": runtime.with_,
    "Mock": runtime.Mock,
    "mocked": runtime.mocked,
    "overridden": runtime.overridden,
    "below": runtime.below,
    "conflict": runtime.conflict,
    "put": runtime.put,
    "put_member": runtime.put_member,
    "put_set": runtime.put_set,
    "default_at": runtime.default_at,
    "key_value": runtime.key_value,
    "write_print": runtime.write_print,
    "BIG": runtime.BIG,
    "ONCE": (0,),
    "big": runtime.big,
    "charge": charge,
    "spent": runtime.spent,
    "listed": listed,
    "member": member,
    "matcher": matcher,
    "template_text": template_text,
    "verb": verb,
}


@dataclass(slots=True)
class Unit:
    """A generated module: its source, and what its loader must know. Everything in it but `code` and `source` is
    plain data.

    rules: (path below data, Python name or None for functions); functions: dotted name -> Python name, those a `with`
    may put in place of others; used: builtins by name.
    """

    code: CodeType
    source: str
    slots: int
    memos: int
    rules: list[tuple[tuple[str, ...], str | None]]
    packages: list[tuple[str, ...]]
    functions: dict[str, str]
    used: list[str]
    strict: bool
    prints: bool
    kinds: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """What to emit: groups, variant, the query with its shown variables, and what `with` replaces anywhere in the
    program.
    """

    groups: Groups
    variant: Variant
    builtins: Mapping[str, Builtin]
    query: tuple[Sequence[Expr], dict[str, str]] | None = None
    targets: Collection[tuple[Any, ...]] = ()
    mocks: Collection[str] = ()
    stand_ins: Collection[str] = ()
    name: str = "policy"


def emit(request: Request) -> Unit:
    """Generates and compiles the module of a program."""
    e = RuleEmitter(request.groups, request.builtins, request.variant)
    e.targets = frozenset(request.targets)
    e.mock_names = set(request.mocks)
    e.name_groups()
    lists = {".".join(map(str, g.path)): e.list_function(g) for g in request.groups.roots() if e.listable(g)}
    for g in request.groups.by_path.values():
        if g.path in e.lists:
            e.set_of_list(g)
        else:
            e.group(g)
    if request.query is not None:
        e.query(*request.query)
    e.finish_lists()
    functions = {}
    for name in sorted(request.stand_ins):
        parts = tuple(name.split("."))
        functions[name] = e.functions[parts[1:]] if parts[0] == "data" else e.builtin_name(name)
    source = "\n".join([*e.head, *flat(e.lines), ""])
    code = compile(source, f"<rego {request.name}>", "exec", dont_inherit=True, optimize=2)
    rules = [(p, None if g.kind == "function" else e.functions[p]) for p, g in request.groups.by_path.items()]
    kinds = {".".join(map(str, p)): g.kind for p, g in request.groups.by_path.items()}
    packages = sorted(request.groups.packages)
    variant = request.variant
    return Unit(
        code,
        source,
        len(e.slots),
        e.memos,
        rules,
        packages,
        functions,
        list(e.used),
        variant.strict,
        variant.prints,
        kinds,
        lists,
    )


def load(unit: Unit) -> tuple[Tables, dict[str, Any]]:
    """Runs a generated module and fills the tables that its contexts share."""
    allowed = {name: getattr(builtins, name) for name in ALLOWED}
    namespace: dict[str, Any] = {**GLOBALS, **prepared(unit.used, unit.strict), "__builtins__": allowed}
    exec(unit.code, namespace)
    tables = Tables()
    tables.slots, tables.memos = unit.slots, unit.memos
    for package in unit.packages:
        tables.add_package(package)
    for path, name in unit.rules:
        tables.add_rule(path, namespace[name] if name else None)
    tables.lists = {tuple(path.split(".")): namespace[name] for path, name in unit.lists.items()}
    for name, python in unit.functions.items():
        fn = namespace[python]
        if not name.startswith("data.") and not REGISTRY[name].context:
            fn = _without_context(fn)
        tables.functions[name] = fn
    return tables, namespace


def _without_context(fn: Any) -> Any:
    return lambda _c, *args: fn(*args)
