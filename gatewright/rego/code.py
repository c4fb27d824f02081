"""The paper that the emitter writes on: lines, indentation, names, constants. Base class of the emitters; decides
nothing about Rego.

Only generated names and repr'd constants go into the text. A name is made here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gatewright.rego.syntax import Array, Expr, ObjectTerm, Scalar, SetTerm, Term
from gatewright.rego.values import SETS, BoolMember, freeze

Env = dict[str, str]
Line = str | list[str]
MAX_BLOCKS = 12  # Python allows 20 nested loops; beyond this the lines so far become a generator, or a function
ISOLATE = 9


class NotConstant(Exception):
    """A term is not made of scalars only."""


class Code:
    """Lines of one generated module, and the state of the function being written."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.head: list[str] = []
        self.ind = 0
        self.fail = "return U"
        self.blocks = 0
        self.loops = 0
        self.ctx = "C"
        self.ordered = False
        self.counter = 0
        self.kinds: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.fetched: dict[tuple[Any, ...], str] = {}  # what has been looked up before the loops, defined or not
        self.hoisted: list[str] | None = None  # where such look-ups go: lines before the outermost loop
        self.known: dict[tuple[Any, ...], str] = {}  # what has been looked up on the way to here, and is defined
        self.slots: dict[tuple[Any, ...], int] = {}
        self.memos = 0

    def emit(self, text: str) -> None:
        self.lines.append("    " * self.ind + text)

    def tmp(self, prefix: str = "t") -> str:
        self.counter += 1
        return f"{prefix}{self.counter}"

    def let(self, code: str, kind: str = "", prefix: str = "t") -> str:
        """A new local variable with a value; `kind` is what is known of its type."""
        name = self.tmp(prefix)
        self.emit(f"{name} = {code}")
        if kind:
            self.kinds[name] = kind
        return name

    def fail_if(self, condition: str) -> None:
        self.emit(f"if {condition}: {self.fail}")

    # -- constants
    def constant(self, value: Any) -> str:
        """Source of a constant; composite ones are made once, when the module is loaded."""
        source = literal(value)
        kind = kind_of(value)
        if isinstance(value, (str, int, float, bool)) or value is None:
            self.kinds[source] = kind
            return source
        name = self.constants.get(source)
        if name is None:
            name = f"K{len(self.constants)}"
            self.constants[source] = name
            self.head.append(f"{name} = {source}")
        self.kinds[name] = kind
        return name

    def shared(self, source: str, prefix: str) -> str:
        """A name at module level for something computed once when the module is loaded."""
        name = self.constants.get(source)
        if name is None:
            name = f"{prefix}{len(self.constants)}"
            self.constants[source] = name
            self.head.append(f"{name} = {source}")
        return name

    def slot(self, root: str, path: tuple[Any, ...]) -> int:
        return self.slots.setdefault((root, *path), len(self.slots))

    # -- blocks
    def isolated(self, result: str, write: Callable[[], None]) -> None:
        """Writes a block that leaves its answer in the variable `result`; deep inside other blocks it becomes a
        function.
        """
        if self.blocks < ISOLATE:
            write()
            return
        name = self.tmp("f")
        self.emit(f"def {name}():")
        saved = self.ind, self.blocks, self.fail
        self.ind, self.blocks = self.ind + 1, 0
        write()
        self.emit(f"return {result}")
        self.ind, self.blocks, self.fail = saved
        self.emit(f"{result} = {name}()")

    def spill(self, start: int, base: int, env: Env, before: Collection[str]) -> None:
        """Turns the lines since `start` (a body at indentation `base`) into a generator, and goes on in a loop over
        it.
        """
        body, self.lines = self.lines[start:], self.lines[:start]
        names = [v for v in dict.fromkeys(env.values()) if v.isidentifier() and v not in before and v[0] in "txkv"]
        inner, self.ind = self.ind, base
        gen = self.tmp("g")
        self.emit(f"def {gen}():")
        self.emit("    for o in ONCE:")  # which both `break` and `continue` leave
        self.lines += ["        " + line for line in flat(body)]
        values = ", ".join([*names, self.ctx])
        self.lines.append("    " * (inner + 2) + f"yield ({values},)")
        fresh = self.tmp("C")
        self.emit(f"for {', '.join([*names, fresh])}, in {gen}():")
        self.ctx = fresh
        self.known, self.fetched, self.hoisted = {}, {}, None
        self.ind = base + 1
        self.fail = "continue"


def flat(lines: Sequence[Line]) -> list[str]:
    """Lines with those that were put in later in their places."""
    out: list[str] = []
    for line in lines:
        if isinstance(line, str):
            out.append(line)
        else:
            out += line
    return out


def literal(value: Any) -> str:
    """Python source of a constant value."""
    if isinstance(value, Decimal):
        return f"Decimal({str(value)!r})"
    if value is None or isinstance(value, (str, int, float, bool)):
        return repr(value)
    if isinstance(value, BoolMember):
        return "T" if value.value else "F"
    if isinstance(value, list):
        name = "[{}]" if value.__class__ is list else "FrozenList([{}])"
        return name.format(", ".join(literal(v) for v in value))
    if isinstance(value, dict):
        inner = ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items())
        return "{" + inner + "}" if value.__class__ is dict else "FrozenDict({" + inner + "})"
    if isinstance(value, SETS):
        return "frozenset((" + "".join(sorted(literal(v) + ", " for v in value)) + "))"
    raise TypeError(f"no literal for {type(value).__name__}")


def kind_of(value: Any) -> str:
    """What the emitter knows of a constant's type."""
    if value is None:
        return "null"
    if value.__class__ is bool:
        return "bool"
    if isinstance(value, str):
        return "str"
    if isinstance(value, int):
        return "int"
    if isinstance(value, (float, Decimal)):
        return "num"
    if isinstance(value, list):
        return "list"
    return "set" if isinstance(value, SETS) else "dict"


def constant_value(t: Term) -> Any:
    """The value of a term made of scalars; raises NotConstant."""
    if isinstance(t, Scalar):
        return t.value
    if isinstance(t, Array):
        return [constant_value(x) for x in t.items]
    if isinstance(t, SetTerm):
        return frozenset([freeze(constant_value(x)) for x in t.items])
    if isinstance(t, ObjectTerm):
        return {freeze(constant_value(k)): constant_value(v) for k, v in t.pairs}
    raise NotConstant


def identifier(prefix: str, name: str, number: int) -> str:
    """A Python name that reads like a rule's."""
    return f"{prefix}_{re.sub(r'[^A-Za-z0-9]', '_', name)[:40]}_{number}"


__all__ = ["Code", "Env", "Expr", "Mapping", "NotConstant", "constant_value", "identifier", "kind_of", "literal"]
