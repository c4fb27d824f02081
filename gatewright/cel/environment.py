"""Environments: what expressions may name, and how a text becomes a program.

The public face of the room (`cel.Environment`), used by `validator` and by whoever evaluates CEL by itself. Which
libraries Kubernetes enables, and since when, is the table in `kubernetes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from gatewright.cel import messages
from gatewright.cel.checker import Checked, Scope, check
from gatewright.cel.declarations import Function, Library, Structs, merged
from gatewright.cel.emit import emit
from gatewright.cel.errors import Issue, Source
from gatewright.cel.literal_checks import check_literals
from gatewright.cel.macros import NO_MACROS, Macros
from gatewright.cel.parser import parse
from gatewright.cel.planner import plan
from gatewright.cel.program import Program
from gatewright.cel.types import Fields, Type

__all__ = ["Environment", "Libraries"]


@dataclass(frozen=True)
class Libraries:
    """A set of libraries, put together once and shared by all environments. escaped_names: whether a.`b-c` is read."""

    libraries: tuple[Library, ...]
    escaped_names: bool = True

    @cached_property
    def functions(self) -> dict[str, Function]:
        """All functions by name."""
        return merged(chain.from_iterable(one.functions for one in self.libraries))

    @cached_property
    def macros(self) -> Macros:
        """All macros."""
        found = NO_MACROS
        for one in self.libraries:
            found = found | one.macros
        return found

    @cached_property
    def types(self) -> dict[str, Type]:
        """Names whose value is a type."""
        return {name: one for library in self.libraries for name, one in library.types.items()}

    def __or__(self, other: Iterable[Library]) -> Libraries:
        return Libraries((*self.libraries, *other), self.escaped_names)


@dataclass(frozen=True)
class Environment:
    """What expressions may name. variables: name -> type; structs: type name -> fields; container: a name prefix.

    Immutable and shared: programs compiled by it know it no more.
    """

    variables: Mapping[str, Type]
    libraries: Libraries
    container: str = ""
    structs: Mapping[str, Fields] = field(default_factory=dict)

    def with_variables(self, variables: Mapping[str, Type], structs: Mapping[str, Fields] | None = None) -> Environment:
        """With more variables, and more types with fields."""
        return Environment(
            {**self.variables, **variables}, self.libraries, self.container, {**self.structs, **(structs or {})}
        )

    @cached_property
    def _scope(self) -> Scope:
        structs = Structs({**messages.FIELDS, **self.structs})
        types = {**messages.TYPES, **self.libraries.types}
        return Scope(self.variables, self.libraries.functions, types, structs, self.container)

    def check(self, text: str, strict: bool = True) -> Checked:
        """Parse and check an expression. Raises CompileError."""
        source = Source(text)
        try:
            tree = parse(source, self.libraries.macros, self.libraries.escaped_names)
            checked = check(tree, source, self._scope, strict)
            issues = check_literals(checked, source) if strict else []
        except RecursionError:
            raise source.error([Issue(-1, 0, "max recursion depth exceeded")]) from None
        if issues:
            raise source.error(issues)
        return checked

    def compile(self, text: str, strict: bool = True) -> Program:
        """A program. Raises CompileError: the text is refused; its `.issues` tell line, column and message.

        Not strict: the types are not checked, as when an expression is only parsed (see `checker.check`).
        """
        checked = self.check(text, strict)
        try:
            types = self._scope.types.__getitem__
            return Program(text, plan(checked, types, messages.make_message), emit(checked, types) if strict else None)
        except RecursionError:
            raise Source(text).error([Issue(-1, 0, "max recursion depth exceeded")]) from None
