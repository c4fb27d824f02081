"""The static checker: which name and which overload each node means, and of which type it is.

`environment` calls `check` on every parsed expression; evaluators read the result by node id. Gradual: dyn fits
everywhere at compile time. Texts and places of the errors are cel-go's. Literals that cannot work (a bad regular
expression, mixed lists) are `literal_checks`' part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatewright.cel.declarations import Function, Structs
from gatewright.cel.errors import Issue, Source
from gatewright.cel.syntax import (
    Call,
    Comprehension,
    Entry,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Node,
    Select,
    StructLiteral,
    Tree,
)
from gatewright.cel.types import (
    BOOL,
    DYN,
    ERROR,
    INT,
    Type,
    format_call,
    format_type,
    list_of,
    map_of,
    optional_of,
    param,
    type_type,
)
from gatewright.cel.unification import most_general, substitute, unify
from gatewright.cel.values import type_of


@dataclass(frozen=True)
class Scope:
    """What an expression may name. types: names whose value is a type; container: where names are looked up first."""

    variables: Mapping[str, Type]
    functions: Mapping[str, Function]
    types: Mapping[str, Type]
    structs: Structs
    container: str = ""

    def candidates(self, name: str) -> list[str]:
        """The full names that a name may stand for, the innermost container first."""
        if name.startswith("."):
            return [name[1:]]
        found = []
        prefix = self.container
        while prefix:
            found.append(f"{prefix}.{name}")
            prefix = prefix.rpartition(".")[0]
        return [*found, name]

    def function(self, name: str) -> Function | None:
        """The function that a name stands for."""
        for candidate in self.candidates(name):
            found = self.functions.get(candidate)
            if found is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name means. kind: "local" (of a loop), "variable" or "type"."""

    kind: str
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a call means. overloads: the ids of all that fit; namespaced: the target is part of the function's name."""

    function: Function
    overloads: tuple[str, ...]
    namespaced: bool


@dataclass(slots=True)
class Checked:
    """The checker's findings, by node id."""

    tree: Tree
    types: dict[int, Type] = field(default_factory=dict)
    names: dict[int, Meaning] = field(default_factory=dict)
    calls: dict[int, Resolved] = field(default_factory=dict)

    @property
    def result(self) -> Type:
        """The type of the whole expression."""
        return self.types[self.tree.root.id]


def check(tree: Tree, source: Source, scope: Scope, strict: bool = True) -> Checked:
    """Check an expression. Raises CompileError with all that is wrong.

    Not strict: types decide nothing; names and functions are resolved, and values choose the overloads when they are
    there, as in cel-go's programs that were only parsed.
    """
    checker = _Checker(tree, source, scope, strict)
    checker.check(tree.root)
    if checker.issues and strict:
        raise source.error(checker.issues)
    checked = checker.checked
    checked.types = {id_: substitute(checker.mapping, one, True) for id_, one in checked.types.items()}
    return checked


def qualified_name(node: Node) -> str | None:
    """a.b.c as a name, None where the node is something else."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test:
        prefix = qualified_name(node.operand)
        return None if prefix is None else f"{prefix}.{node.field}"
    return None


def _unwrapped(one: Type) -> tuple[Type, bool]:
    if one.kind == "opaque" and one.name == "optional_type":
        return one.parameters[0], True
    return one, False


class _Checker:
    def __init__(self, tree: Tree, source: Source, scope: Scope, strict: bool) -> None:
        self.checked = Checked(tree)
        self._strict = strict
        self.issues: list[Issue] = []
        self.mapping: dict[str, Type] = {}
        self._source = source
        self._scope = scope
        self._locals: list[dict[str, Type]] = []
        self._fresh = 0

    # ---------------------------------------------------------------- helpers

    def _error(self, node: Node, message: str) -> None:
        self.issues.append(self._source.issue(node.offset, message))

    def _type(self, node: Node) -> Type:
        return self.checked.types[node.id]

    def _set(self, node: Node, one: Type) -> Type:
        self.checked.types[node.id] = one
        return one

    def _new(self) -> Type:
        self._fresh += 1
        return param(f"_var{self._fresh - 1}")

    def _fits(self, wanted: list[Type], given: list[Type]) -> bool:
        found = unify(self.mapping, wanted, given)
        if found is None:
            return False
        self.mapping = found
        return True

    def _shown(self, one: Type) -> str:
        return format_type(one)

    def _mismatch(self, node: Node, expected: Type, actual: Type) -> None:
        self._error(node, f"expected type '{self._shown(expected)}' but found '{self._shown(actual)}'")

    def _undeclared(self, node: Node, name: str) -> None:
        self._error(node, f"undeclared reference to '{name}' (in container '{self._scope.container}')")

    def _is_local(self, name: str) -> bool:
        return any(name in scope for scope in self._locals)

    def _look_up(self, name: str) -> Meaning | None:
        if not name.startswith("."):
            for scope in reversed(self._locals):
                if name in scope:
                    return Meaning("local", name, scope[name])
        for candidate in self._scope.candidates(name):
            variable = self._scope.variables.get(candidate)
            if variable is not None:
                return Meaning("variable", candidate, variable)
            value = self._scope.types.get(candidate)
            if value is not None:
                return Meaning("type", candidate, type_type(value))
        return None

    # ---------------------------------------------------------------- nodes

    def check(self, node: Node) -> Type:
        """Note the types of the node and of all below it."""
        match node:
            case Literal():
                return self._set(node, type_of(node.value))
            case Call():
                return self._call(node)
            case Select():
                return self._select(node)
            case Ident():
                return self._ident(node)
            case Comprehension():
                return self._comprehension(node)
            case ListLiteral():
                return self._list(node)
            case MapLiteral():
                return self._map(node)
            case StructLiteral():
                return self._struct(node)
        raise TypeError(f"no node of an expression: {node!r}")

    def _ident(self, node: Ident) -> Type:
        found = self._look_up(node.name)
        if found is None:
            self._undeclared(node, node.name)
            self.checked.names[node.id] = Meaning("variable", node.name, DYN)
            return self._set(node, ERROR)
        self.checked.names[node.id] = found
        return self._set(node, found.type)

    def _select(self, node: Select) -> Type:
        name = qualified_name(node)
        if name is not None and self._is_local(name.partition(".")[0]):
            name = None  # a loop's name hides qualified ones that begin with it
        found = self._look_up(name) if name is not None else None
        if found is not None:
            self.checked.names[node.id] = found
            return self._set(node, found.type)
        result = self._field(node, node.operand, node.field, False)
        return self._set(node, BOOL if node.test else substitute(self.mapping, result, False))

    def _field(self, node: Node, operand: Node, name: str, optional: bool) -> Type:
        self.check(operand)
        target, wrapped = _unwrapped(substitute(self.mapping, self._type(operand), False))
        result = ERROR
        if target.kind == "map":
            result = target.parameters[1]
        elif target.kind == "struct":
            fields = self._scope.structs.fields.get(target.name)
            if fields is None:
                self._error(node, f"unexpected failed resolution of '{target.name}'")
            elif name not in fields:
                self._error(node, f"undefined field '{name}'")
            else:
                result = fields[name]
        elif target.kind == "param":
            self._fits([DYN], [target])
            result = DYN
        else:
            if target.kind not in ("dyn", "any", "error"):
                self._error(node, f"type '{self._shown(target)}' does not support field selection")
            result = DYN
        return optional_of(result) if wrapped or optional else result

    # ---------------------------------------------------------------- calls

    def _call(self, node: Call) -> Type:
        if node.function == "_?._":
            return self._optional_select(node)
        for argument in node.args:
            self.check(argument)
        if node.target is None:
            return self._resolve(node, node.function, None)
        prefix = qualified_name(node.target)
        if prefix is not None:
            found = self._scope.function(f"{prefix}.{node.function}")
            if found is not None:
                return self._overloads(node, found, None, True)
        self.check(node.target)
        return self._resolve(node, node.function, node.target)

    def _optional_select(self, node: Call) -> Type:
        operand, name = node.args
        assert isinstance(name, Literal)
        result = self._field(node, operand, name.value, True)
        function = self._scope.functions["_?._"]
        self.checked.calls[node.id] = Resolved(function, ("select_optional_field",), False)
        return self._set(node, substitute(self.mapping, result, False))

    def _resolve(self, node: Call, name: str, target: Node | None) -> Type:
        found = self._scope.function(name)
        if found is None:
            self._undeclared(node, name)
            self.checked.calls[node.id] = Resolved(Function(name, ()), (), False)
            return self._set(node, ERROR)
        return self._overloads(node, found, target, False)

    def _overloads(self, node: Call, function: Function, target: Node | None, namespaced: bool) -> Type:
        given = [self._type(argument) for argument in node.args]
        if function.name in ("_&&_", "_||_"):
            return self._logical(node, function, given)
        if target is not None:
            given.insert(0, self._type(target))
        result: Type | None = None
        ids: list[str] = []
        fitting = [
            one for one in function.overloads if one.member == (target is not None) and len(one.arguments) == len(given)
        ]
        if not self._strict:
            self.checked.calls[node.id] = Resolved(function, tuple(one.id for one in fitting), namespaced)
            return self._set(node, DYN)
        for one in fitting:
            wanted, gives = list(one.arguments), one.result
            if one.params:
                fresh = {name: self._new() for name in one.params}
                wanted = [substitute(fresh, part, False) for part in wanted]
                gives = substitute(fresh, gives, False)
            if not self._fits(given, wanted):
                continue
            ids.append(one.id)
            gives = substitute(self.mapping, gives, False)
            if result is None:
                result = gives
            elif result.kind not in ("dyn", "any") and gives != result:
                result = DYN
        if result is None:
            shown = [substitute(self.mapping, one, True) for one in given]
            signature = format_call(shown, target is not None)
            self._error(node, f"found no matching overload for '{function.name}' applied to '{signature}'")
            return self._set(node, ERROR)
        self.checked.calls[node.id] = Resolved(function, tuple(ids), namespaced)
        return self._set(node, result)

    def _logical(self, node: Call, function: Function, given: list[Type]) -> Type:
        wrong = False
        for argument, one in zip(node.args, given, strict=True):
            if not self._fits([one], [BOOL]):
                self._mismatch(argument, BOOL, one)
                wrong = True
        if wrong and self._strict:
            return self._set(node, ERROR)
        self.checked.calls[node.id] = Resolved(function, (function.overloads[0].id,), False)
        return self._set(node, BOOL)

    # ---------------------------------------------------------------- aggregates

    def _join(self, previous: Type | None, current: Type) -> Type:
        if previous is None:
            return current
        if self._fits([previous], [current]):
            return most_general(previous, current)
        return DYN  # mixed literals are `literal_checks`' to refuse: those of a format may be mixed

    def _present(self, node: Node, one: Type, optional: bool) -> Type:
        """The type of an element that may be absent."""
        if not optional:
            return one
        inner, wrapped = _unwrapped(one)
        if not wrapped and inner.kind not in ("dyn", "any"):
            self._mismatch(node, optional_of(inner), inner)
        return inner

    def _list(self, node: ListLiteral) -> Type:
        joined: Type | None = None
        for index, element in enumerate(node.elements):
            one = self._present(element, self.check(element), index in node.optional)
            joined = self._join(joined, one)
        return self._set(node, list_of(self._new() if joined is None else joined))

    def _map(self, node: MapLiteral) -> Type:
        keys: Type | None = None
        values: Type | None = None
        for entry in node.entries:
            keys = self._join(keys, self.check(entry.key))
            one = self._present(entry.value, self.check(entry.value), entry.optional)
            values = self._join(values, one)
        if keys is None or values is None:
            return self._set(node, map_of(self._new(), self._new()))
        return self._set(node, map_of(keys, values))

    def _struct(self, node: StructLiteral) -> Type:
        found = self._look_up(node.name)
        if found is None:
            self._undeclared(node, node.name)
            return self._set(node, ERROR)
        result = ERROR
        if found.kind != "type":
            if found.type.kind != "error":
                self._error(node, f"'{self._shown(found.type)}' is not a type")
        elif found.name not in self._scope.structs.fields:
            self._error(node, f"'{found.type.parameters[0].name}' is not a message type")
        else:
            result = found.type.parameters[0]
            self.checked.names[node.id] = found
        self._set(node, result)
        for entry in node.entries:
            self._struct_field(node, entry, found.name)
        return result

    def _struct_field(self, node: StructLiteral, entry: Entry, name: str) -> None:
        assert isinstance(entry.key, Literal)
        given = self._present(entry.value, self.check(entry.value), entry.optional)
        fields = self._scope.structs.fields.get(name)
        wanted = ERROR
        if fields is None:
            self._error(entry, f"unexpected failed resolution of '{name}'")
        elif entry.key.value not in fields:
            self._error(entry, f"undefined field '{entry.key.value}'")
        else:
            wanted = fields[entry.key.value]
        if not self._fits([wanted], [given]):
            types = f"'{self._shown(wanted)}' but provided type is '{self._shown(given)}'"
            self._error(entry, f"expected type of field '{entry.key.value}' is {types}")

    # ---------------------------------------------------------------- loops

    def _comprehension(self, node: Comprehension) -> Type:
        self.check(node.range)
        accumulated = self.check(node.init)
        ranged = substitute(self.mapping, self._type(node.range), False)
        self._locals.append({node.accu: accumulated})
        self._locals.append(self._loop_variables(node, ranged))
        self.check(node.condition)
        self._assert(node.condition, BOOL)
        self.check(node.step)
        self._assert(node.step, accumulated)
        self._locals.pop()
        self.check(node.result)
        self._locals.pop()
        return self._set(node, substitute(self.mapping, self._type(node.result), False))

    def _loop_variables(self, node: Comprehension, ranged: Type) -> dict[str, Type]:
        first, second = DYN, DYN
        if ranged.kind == "list":
            first = second = ranged.parameters[0]
            if node.var2:
                first = INT
        elif ranged.kind == "map":
            first, second = ranged.parameters
        elif ranged.kind in ("dyn", "any", "error", "param"):
            self._fits([DYN], [ranged])
        else:
            text = f"expression of type '{self._shown(ranged)}' cannot be range of a comprehension"
            self._error(node.range, f"{text} (must be list, map, or dynamic)")
            first = second = ERROR
        return {node.var: first, node.var2: second} if node.var2 else {node.var: first}

    def _assert(self, node: Node, wanted: Type) -> None:
        given = self._type(node)
        if not self._fits([wanted], [given]):
            self._mismatch(node, wanted, given)
