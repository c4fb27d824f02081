"""The compiled path: an expression as one Python expression over plain values.

`program` runs it first. It gives a value together with an upper bound of the cost, or raises anything at all, upon
which the exact evaluator decides: generated code never reports an error itself. Only generated names and constants
by name reach the source. What it cannot say (optionals, messages, transformMap) has no compiled form. This is the one
module of the room that turns text into code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gatewright.cel import cost, operators, selection
from gatewright.cel.calls import dispatcher
from gatewright.cel.checker import Checked
from gatewright.cel.declarations import Function
from gatewright.cel.planner import CONVERSIONS
from gatewright.cel.syntax import Call, Comprehension, Ident, ListLiteral, Literal, MapLiteral, Node, Select, children
from gatewright.cel.values import Optional

Compiled = Callable[[Mapping[str, Any], "Fuel"], Any]
"""From the values of names to the value; adds to the fuel what depends on them."""

_ORDER = {"_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
_SURE = frozenset({"bool", "int", "string"})
_MOST = 20_000_000  # no step has so much to spend
_LONGEST = 40_000  # of the source; longer expressions stay with the exact evaluator


class Fuel:
    """The part of the cost's upper bound that depends on values."""

    __slots__ = ("spent",)

    def __init__(self) -> None:
        self.spent = 0


class _Unsaid(Exception):
    """The expression has no compiled form."""


def emit(checked: Checked, types: Callable[[str], Any]) -> tuple[Compiled, int] | None:
    """The compiled expression and the constant part of its cost's upper bound; None where it has no compiled form."""
    emitter = _Emitter(checked, types)
    try:
        text = emitter.node(checked.tree.root)
        if len(text) > _LONGEST:
            return None
        names = "".join(f"    {python} = values[{name!r}]\n" for name, python in emitter.read.items())
        source = f"def compiled(values, fuel):\n{names}    return {text}\n"
        namespace: dict[str, Any] = {**_HELPERS, **emitter.constants, "__builtins__": {}}
        exec(compile(source, "<cel>", "exec"), namespace)
    except (_Unsaid, SyntaxError, RecursionError, MemoryError, ValueError):
        return None
    made: Compiled = namespace["compiled"]
    return made, emitter.weight


# -------------------------------------------------------------------- what generated code calls


def _truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise TypeError


def _has(value: Any, key: str) -> bool:
    if type(value) is dict:
        return key in value
    if type(value) is Optional:
        raise TypeError
    return selection.has(value, key)


def _get(value: Any, key: Any) -> Any:
    if type(value) is Optional:
        raise TypeError
    return selection.get(value, key)


def _range(value: Any, fuel: Fuel, weight: int) -> Any:
    if type(value) is not list and type(value) is not dict:
        raise TypeError
    fuel.spent += len(value) * weight
    return value


def _pairs(value: Any, fuel: Fuel, weight: int) -> Iterable[tuple[Any, Any]]:
    _range(value, fuel, weight)
    return enumerate(value) if type(value) is list else value.items()


def _equal(left: Any, right: Any, fuel: Fuel) -> bool:
    fuel.spent += cost.equality(left, right)
    return operators.equal(left, right)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _joined(fuel: Fuel, left: Any, right: Any) -> str:
    fuel.spent += (len(_text(left)) + len(_text(right))) // 10 + 1
    return str(left + right)


def _starts(fuel: Fuel, text: Any, part: Any) -> bool:
    fuel.spent += len(_text(text)) // 10 + 1
    return bool(text.startswith(_text(part)))


def _ends(fuel: Fuel, text: Any, part: Any) -> bool:
    fuel.spent += len(_text(text)) // 10 + 1
    return bool(text.endswith(_text(part)))


def _includes(fuel: Fuel, text: Any, part: Any) -> bool:
    fuel.spent += (len(_text(text)) // 10 + 1) * (len(_text(part)) // 10 + 1)
    return part in text


# The commonest calls whose cost depends on their texts, by overload.
_QUICK: dict[str, Callable[..., Any]] = {
    "add_string": _joined,
    "starts_with_string": _starts,
    "ends_with_string": _ends,
    "contains_string": _includes,
}

_HELPERS: dict[str, Any] = {
    "truth": _truth,
    "has": _has,
    "get": _get,
    "ranged": _range,
    "pairs": _pairs,
    "equal": _equal,
    "contains": operators.contains,
    "add": operators.add,
    "type": type,
    "dict": dict,
    "all": all,
    "any": any,
    "sum": sum,
}


def _charged(run: Callable[..., Any], charge: cost.Charge, after: bool) -> Callable[..., Any]:
    """A function whose cost depends on its arguments, or on its result."""

    def call(fuel: Fuel, *values: Any) -> Any:
        if after:
            result = run(*values)
            fuel.spent += charge(values, result)
            return result
        fuel.spent += charge(values, None)
        if fuel.spent > _MOST:
            raise OverflowError
        return run(*values)

    return call


# -------------------------------------------------------------------- the emitter


class _Emitter:
    """Writes the source. weight: the cost's constant part in the place that is being written."""

    def __init__(self, checked: Checked, types: Callable[[str], Any]) -> None:
        self.weight = 0
        self.read: dict[str, str] = {}
        self.constants: dict[str, Any] = {}
        self._checked = checked
        self._types = types
        self._locals: list[dict[str, str]] = []
        self._count = 0

    def _name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _constant(self, value: Any) -> str:
        if value is None or value is True or value is False or type(value) in (int, str):
            return repr(value) if type(value) is not int or value >= 0 else f"({value})"
        name = self._name("k")
        self.constants[name] = value
        return name

    def node(self, node: Node) -> str:
        """The source of a node. Raises _Unsaid."""
        match node:
            case Literal():
                return self._constant(node.value)
            case Ident():
                return self._ident(node)
            case Select():
                return self._select(node)
            case Call():
                return self._call(node)
            case ListLiteral() if not node.optional:
                self.weight += cost.LIST
                return f"[{', '.join(map(self.node, node.elements))}]"
            case MapLiteral():
                return self._map(node)
            case Comprehension():
                return self._loop(node)
        raise _Unsaid

    def _ident(self, node: Node) -> str:
        meaning = self._checked.names[node.id]
        if meaning.kind == "type":
            return self._constant(self._types(meaning.name))
        self.weight += 1
        if meaning.kind == "local":
            return next(scope[meaning.name] for scope in reversed(self._locals) if meaning.name in scope)
        if meaning.name not in self.read:
            self.read[meaning.name] = self._name("v")
        return self.read[meaning.name]

    def _select(self, node: Select) -> str:
        if node.id in self._checked.names:
            return self._ident(node)
        operand = self.node(node.operand)
        if _constant_text(operand) or operand[0] == "[":
            raise _Unsaid  # Python would warn of it
        self.weight += 1
        if self._checked.types[node.operand.id].name == "kubernetes.variables":
            if node.test:
                raise _Unsaid
            return f"{operand}.read({node.field!r})"
        if not node.test:
            return f"{operand}[{node.field!r}]"
        if operand.isidentifier():
            return f"({node.field!r} in {operand} if type({operand}) is dict else has({operand}, {node.field!r}))"
        return f"has({operand}, {node.field!r})"

    def _map(self, node: MapLiteral) -> str:
        self.weight += cost.MAP
        keys = [entry.key.value if isinstance(entry.key, Literal) else None for entry in node.entries]
        if any(type(key) is not str for key in keys) or any(entry.optional for entry in node.entries):
            raise _Unsaid
        return (
            "{"
            + ", ".join(
                f"{entry.key.value!r}: {self.node(entry.value)}"
                for entry in node.entries
                if isinstance(entry.key, Literal)
            )
            + "}"
        )

    # ---------------------------------------------------------------- calls

    def _condition(self, node: Node) -> str:
        text = self.node(node)
        return text if self._sure(node) == "bool" else f"truth({text})"

    def _sure(self, node: Node) -> str:
        """The type that a value surely has: "bool", "int", "string", or "" where only the values tell."""
        if isinstance(node, Literal):
            return {bool: "bool", int: "int", str: "string"}.get(type(node.value), "")
        kind = self._checked.types[node.id].kind
        if kind not in _SURE:
            return ""
        if isinstance(node, Select) and node.test:
            return "bool"
        if isinstance(node, Comprehension):
            return "bool" if node.macro in ("all", "exists", "exists_one") else ""
        if isinstance(node, Call):
            name = self._checked.calls[node.id].function.name
            if name == "_?_:_":
                return kind if all(self._sure(one) == kind for one in node.args[1:]) else ""
            if name not in ("_[_]", "value", "or", "orValue", "min", "max", "sum", "dyn"):
                return kind
        return ""

    def _call(self, node: Call) -> str:
        found = self._checked.calls[node.id]
        name = found.function.name
        args = list(node.args)
        if node.target is not None and not found.namespaced:
            args.insert(0, node.target)
        match name:
            case "_&&_" | "_||_":
                word = "and" if name == "_&&_" else "or"
                return f"({self._condition(args[0])} {word} {self._condition(args[1])})"
            case "!_":
                self.weight += 1
                return f"(not {self._condition(args[0])})"
            case "_?_:_":
                return f"({self.node(args[1])} if {self._condition(args[0])} else {self.node(args[2])})"
            case "_==_" | "_!=_":
                return self._equality(args[0], args[1], name == "_==_")
            case "_[_]":
                self.weight += 2
                return f"get({self.node(args[0])}, {self.node(args[1])})"
            case "_[?_]" | "_?._" | "or" | "orValue":
                raise _Unsaid
            case "@in":
                return self._membership(found.overloads, args[0], args[1])
        if name in _ORDER and self._sure(args[0]) == self._sure(args[1]) == "int":
            self.weight += 1
            return f"({self.node(args[0])} {_ORDER[name]} {self.node(args[1])})"
        return self._function(found.function, found.overloads, args)

    def _function(self, function: Function, overloads: tuple[str, ...], args: list[Node]) -> str:
        run = dispatcher(function, overloads, len(args))
        if function.name in CONVERSIONS and len(args) == 1 and isinstance(args[0], Literal):
            return self._constant(run(args[0].value))
        charge, after = cost.call_cost(function.name, overloads)
        texts = ", ".join(map(self.node, args))
        name = self._name("f")
        if isinstance(charge, int):
            self.weight += charge
            self.constants[name] = run
            return f"{name}({texts})"
        known = _QUICK.get(overloads[0]) if len(overloads) == 1 else None
        self.constants[name] = known or _charged(run, charge, after)
        return f"{name}(fuel, {texts})" if texts else f"{name}(fuel)"

    def _equality(self, left: Node, right: Node, positive: bool) -> str:
        if isinstance(left, Literal):
            left, right = right, left
        text = self.node(left)
        if isinstance(right, Literal) and not _constant_text(text) and _plain(left):
            if right.value is None or type(right.value) is bool:
                self.weight += 1
                return f"({text} {'is' if positive else 'is not'} {right.value!r})"
            if type(right.value) is str:
                self.weight += -(-len(right.value) // 10)
                return f"({text} {'==' if positive else '!='} {right.value!r})"
        if self._sure(left) == self._sure(right) == "int":
            self.weight += 1
            return f"({text} {'==' if positive else '!='} {self.node(right)})"
        made = f"equal({text}, {self.node(right)}, fuel)"
        return made if positive else f"(not {made})"

    def _membership(self, overloads: tuple[str, ...], value: Node, among: Node) -> str:
        text = self.node(value)
        if isinstance(among, ListLiteral) and not among.optional:
            values = [one.value for one in among.elements if isinstance(one, Literal)]
            if len(values) == len(among.elements) and all(type(one) is str for one in values):
                self.weight += len(values)
                return f"({text} in {self._constant(frozenset(values))})"
        if overloads != ("in_list",):
            self.weight += 1
            return f"contains({text}, {self.node(among)})"
        name = self._name("f")
        self.constants[name] = _charged(operators.contains, lambda args, _: cost.size(args[1]), False)
        return f"{name}(fuel, {text}, {self.node(among)})"

    # ---------------------------------------------------------------- loops

    def _loop(self, node: Comprehension) -> str:
        if node.macro not in ("all", "exists", "exists_one", "list"):
            raise _Unsaid
        ranged = self.node(node.range)
        names = [self._name("x"), self._name("x")] if node.var2 else [self._name("x")]
        self._locals.append(dict(zip((node.var, node.var2), names, strict=False)))
        outside, self.weight = self.weight, 16
        test = self._condition(node.predicate) if node.predicate is not None else ""
        made = self.node(node.transform) if node.transform is not None else ""
        inside, self.weight = self.weight, outside + 3
        self._locals.pop()
        each = f"for {', '.join(names)} in {'pairs' if node.var2 else 'ranged'}({ranged}, fuel, {inside})"
        match node.macro:
            case "all" | "exists":
                return (
                    f"{'all' if node.macro == 'all' else 'any'}([{test} {each}])"
                    if _quick(node)
                    else (f"{'all' if node.macro == 'all' else 'any'}({test} {each})")
                )
            case "exists_one":
                return f"(sum([{test} {each}]) == 1)"
        return f"[{made} {each}{f' if {test}' if test else ''}]"


def _quick(node: Comprehension) -> bool:
    """Whether the test is so short that testing all elements costs less than stopping early."""
    return node.predicate is not None and sum(1 for _ in _below(node.predicate)) < 6


def _below(node: Node) -> Iterable[Node]:
    yield node
    for child in children(node):
        yield from _below(child)


def _constant_text(text: str) -> bool:
    """Whether generated source is one of Python's own literals."""
    return text in ("None", "True", "False") or text[0] in "0123456789'\"" or text.startswith("(-")


def _plain(node: Node) -> bool:
    """Whether a value comes from data and functions of plain values: nothing opaque hides behind dyn in it."""
    return not any(isinstance(one, Call) and one.function in ("dyn", "value", "orValue") for one in _below(node))
