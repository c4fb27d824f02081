"""Walks a checked tree and plans each node: the compiler of the exact evaluator.

`program` calls `plan`. How nodes run is in `planning`, loops are in `loops`, what calls cost in `cost`; here is which
of them a node becomes, and which constants are folded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewright.cel import cost, loops, operators, regular, selection
from gatewright.cel.calls import dispatcher
from gatewright.cel.checker import Checked, Resolved
from gatewright.cel.errors import AbortError, EvalError, InstantiationError, Issue
from gatewright.cel.planning import (
    Chain,
    Frame,
    Plan,
    Planned,
    Qualifier,
    Run,
    attempt,
    chained,
    constant,
    either,
    equals,
    logical,
    resolved,
)
from gatewright.cel.syntax import (
    Call,
    Comprehension,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Node,
    Select,
    StructLiteral,
)
from gatewright.cel.values import Optional, put

CONVERSIONS = frozenset(("bool", "bytes", "double", "dyn", "duration", "int", "string", "timestamp", "type", "uint"))


def plan(checked: Checked, types: Callable[[str], Any], structs: Callable[[str, dict[str, Any]], Any]) -> Plan:
    """The exact program. types: the value of a type's name; structs: makes a message of a name and its fields.

    Raises InstantiationError where a constant cannot be computed.
    """
    planner = _Planner(checked, types, structs)
    try:
        planned = planner.plan(checked.tree.root)
    except AbortError:
        raise
    except EvalError as error:
        raise InstantiationError((Issue(-1, 0, error.message),), error.message) from None
    return Plan(planned.run, planner.slots, checked)


class _Planner:
    def __init__(self, checked: Checked, types: Callable[[str], Any], structs: Callable[..., Any]) -> None:
        self.slots = 0
        self._checked = checked
        self._types = types
        self._structs = structs
        self._scopes: list[dict[str, int]] = []

    def plan(self, node: Node) -> Planned:
        """What the node becomes. Raises EvalError where a constant cannot be folded."""
        match node:
            case Literal():
                return constant(node.value)
            case Ident():
                return self._name(node)
            case Select():
                return self._select(node)
            case Call():
                return self._call(node)
            case ListLiteral():
                return self._list(node)
            case MapLiteral():
                return self._map(node)
            case StructLiteral():
                return self._struct(node)
            case Comprehension():
                return self._comprehension(node)
        raise TypeError(f"no node of an expression: {node!r}")

    # ---------------------------------------------------------------- names and chains

    def _name(self, node: Node) -> Planned:
        meaning = self._checked.names[node.id]
        name = meaning.name
        if meaning.kind == "type":
            return constant(self._types(name))
        if meaning.kind == "local":
            return chained(Chain(self._local(name), 1))

        def run(frame: Frame) -> Any:
            try:
                return frame.values[name]
            except KeyError:
                raise EvalError(f"no such attribute(s): {name}") from None

        return chained(Chain(run, 1))

    def _local(self, name: str) -> Run:
        slot = next(scope[name] for scope in reversed(self._scopes) if name in scope)

        def run(frame: Frame) -> Any:
            value = frame.slots[slot]
            return value.get(frame) if type(value) is loops.Lazy else value

        return run

    def _operand(self, planned: Planned) -> Chain:
        return planned.chain if planned.chain is not None else Chain(planned.run, 1)

    def _select(self, node: Select) -> Planned:
        if node.id in self._checked.names:
            return self._name(node)
        chain = self._operand(self.plan(node.operand))
        stepped = chain.stepped(Qualifier(node.field, None, False, node.test, 1))
        if not node.test:
            return chained(stepped)
        # Asking for presence costs the steps alone, and nothing can be selected from the answer.
        return Planned(resolved(stepped))

    def _index(self, args: list[Planned], optional: bool) -> Planned:
        chain, index = self._operand(args[0]), args[1]
        if index.constant:
            selection.check_key(index.value)
            return chained(chain.stepped(Qualifier(index.value, None, optional, False, 1)))
        run, charge = index.run, 1
        if index.chain is not None:
            run = resolved(index.chain)
        return chained(chain.stepped(Qualifier(None, run, optional, False, charge)))

    # ---------------------------------------------------------------- calls

    def _call(self, node: Call) -> Planned:
        found = self._checked.calls[node.id]
        args = [self.plan(argument) for argument in node.args]
        if node.target is not None and not found.namespaced:
            args.insert(0, self.plan(node.target))
        name = found.function.name
        runs = [one.run for one in args]
        match name:
            case "_&&_" | "_||_":
                return logical((runs[0], runs[1]), name == "_||_")
            case "_?_:_":
                sides = (self._operand_of_choice(args[1]), self._operand_of_choice(args[2]))
                return chained(Chain(None, 0, (), runs[0], sides))
            case "_==_" | "_!=_":
                return equals(runs[0], runs[1], name == "_==_")
            case "_[_]":
                return self._index(args, False)
            case "_[?_]" | "_?._":
                return self._index(args, True)
            case "or" | "orValue" if found.overloads[0].startswith("optional_or"):
                return either(runs[0], runs[1], name == "orValue")
        if name == "@in" and found.overloads == ("in_list",) and args[1].constant:
            member = _membership(runs[0], args[1].value)
            if member is not None:
                return member
        if not found.overloads and found.function.overloads:
            raise EvalError(f"no such overload: {name}({'arg' if len(args) == 1 else '...'})")
        planned = _function(found, runs, args[1].value if len(args) > 1 and args[1].constant else None)
        if name in CONVERSIONS and len(args) == 1 and args[0].constant:
            return constant(planned.run(Frame({}, 0, cost.PER_CALL)))
        return planned

    def _operand_of_choice(self, planned: Planned) -> Chain:
        return planned.chain if planned.chain is not None else Chain(planned.run, 0)

    # ---------------------------------------------------------------- aggregates

    def _list(self, node: ListLiteral) -> Planned:
        parts = [self.plan(element) for element in node.elements]
        runs = [part.run for part in parts]
        optional = node.optional

        def run(frame: Frame) -> Any:
            frame.cost += cost.LIST
            if not optional:
                return [one(frame) for one in runs]
            found = []
            for index, one in enumerate(runs):
                value = one(frame)
                if index in optional:
                    if type(value) is not Optional:
                        text = "cannot initialize optional list element from non-optional value"
                        raise EvalError(f"{text} {selection.shown(value)}")
                    if not value.present:
                        continue
                    value = value.value
                found.append(value)
            return found

        if all(part.constant for part in parts):
            return constant(run(Frame({}, 0, cost.PER_CALL)))
        return Planned(run)

    def _map(self, node: MapLiteral) -> Planned:
        keys = [self.plan(entry.key) for entry in node.entries]
        values = [self.plan(entry.value) for entry in node.entries]
        parts = [
            (key.run, value.run, entry.optional) for key, value, entry in zip(keys, values, node.entries, strict=True)
        ]

        def run(frame: Frame) -> Any:
            frame.cost += cost.MAP
            found: dict[Any, Any] = {}
            for key_of, value_of, optional in parts:
                key, value = key_of(frame), value_of(frame)
                if optional:
                    if type(value) is not Optional:
                        text = f"cannot initialize optional entry '{selection.shown(key)}' from non-optional value"
                        raise EvalError(f"{text} {selection.shown(value)}")
                    if not value.present:
                        found.pop(key, None)
                        continue
                    value = value.value
                put(found, key, value)
            return found

        if all(part.constant for part in (*keys, *values)):
            return constant(run(Frame({}, 0, cost.PER_CALL)))
        return Planned(run)

    def _struct(self, node: StructLiteral) -> Planned:
        meaning = self._checked.names.get(node.id)
        if meaning is None:
            raise EvalError(f"unknown type: {node.name}")
        name, make = meaning.name, self._structs
        parts = [
            (entry.key.value, self.plan(entry.value).run, entry.optional)
            for entry in node.entries
            if isinstance(entry.key, Literal)
        ]

        def run(frame: Frame) -> Any:
            frame.cost += cost.STRUCT
            found: dict[str, Any] = {}
            for field, value_of, optional in parts:
                value = value_of(frame)
                if optional:
                    if type(value) is not Optional:
                        text = f"cannot initialize optional entry '{field}' from non-optional value"
                        raise EvalError(f"{text} {selection.shown(value)}")
                    if not value.present:
                        found.pop(field, None)
                        continue
                    value = value.value
                found[field] = value
            return make(name, found)

        return Planned(run)

    # ---------------------------------------------------------------- loops

    def _slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def _comprehension(self, node: Comprehension) -> Planned:
        if node.macro == "bind":
            value = self.plan(node.init).run
            slot = self._slot()
            self._scopes.append({node.accu: slot})
            body = self.plan(node.result).run
            self._scopes.pop()
            return loops.binding(slot, value, body)
        ranged = self.plan(node.range).run
        slots = (self._slot(), self._slot() if node.var2 else -1)
        self._scopes.append({node.var: slots[0], **({node.var2: slots[1]} if node.var2 else {})})
        predicate = self.plan(node.predicate) if node.predicate is not None else None
        transform = self.plan(node.transform) if node.transform is not None else None
        self._scopes.pop()
        test = predicate.run if predicate is not None else None
        if node.macro in ("all", "exists", "exists_one"):
            assert test is not None
            if node.macro == "exists_one":
                return loops.exists_one(ranged, slots, test)
            return loops.quantifier(ranged, slots, test, node.macro == "exists")
        assert transform is not None
        if node.macro == "list":
            return loops.listing(ranged, slots, test, transform)
        return loops.mapping(ranged, slots, test, transform.run, node.macro == "entries")


# -------------------------------------------------------------------- functions


def _membership(value: Run, among: list[Any]) -> Planned | None:
    """`in` a constant list of scalars: a look-up that costs nothing; None where cel-go does not make one."""
    if not among:
        return constant(False)
    if any(type(one) not in operators.NUMBERS and type(one) not in (bool, str) for one in among):
        return None

    def run(frame: Frame) -> Any:
        return operators.contains(value(frame), among)

    return Planned(run)


def _function(found: Resolved, args: list[Run], second: Any = None) -> Planned:
    """A call: the arguments, the charge, the implementation. second: the second argument where it is constant."""
    run = dispatcher(found.function, found.overloads, len(args))
    if type(second) is str and found.function.name in ("matches", "find", "findAll"):
        run = _prepared(run, second)
    charge, after = cost.call_cost(found.function.name, found.overloads)
    if isinstance(charge, int) and len(args) == 1:
        return Planned(_unary(run, args[0], charge))
    if isinstance(charge, int) and len(args) == 2:
        return Planned(_binary(run, args[0], args[1], charge))

    def call(frame: Frame) -> Any:
        values = _arguments(frame, args, charge)
        if not after:
            frame.cost += cost.charged(charge, values, None)
            frame.check()
        if not after:
            return run(*values)
        result: Any = None
        try:
            result = run(*values)
        except EvalError as error:
            result = error
            raise
        finally:
            frame.cost += cost.charged(charge, values, result)
            frame.check()
        return result

    return Planned(call)


def _prepared(run: Callable[..., Any], pattern: str) -> Callable[..., Any]:
    """A function of a text and a constant pattern: a bad pattern is an error before anything runs."""
    try:
        regular.compiled(pattern)
    except regular.PatternError as error:
        raise EvalError(str(error)) from None

    def call(*values: Any) -> Any:
        if type(values[0]) is not str:
            raise operators.no_overload()
        return run(*values)

    return call


def _arguments(frame: Frame, args: list[Run], charge: int | cost.Charge) -> tuple[Any, ...]:
    """The values of the arguments. Of up to two all are run; from three on the first error ends it, uncharged."""
    values = []
    error: EvalError | None = None
    for run in args:
        value = attempt(frame, run)
        values.append(value)
        if isinstance(value, EvalError):
            error = error or value
            if len(args) > 2:
                break
    if error is not None:
        if len(values) == len(args):
            frame.cost += cost.charged(charge, tuple(values), error)
        raise error
    return tuple(values)


def _unary(run: Callable[..., Any], argument: Run, charge: int) -> Run:
    def call(frame: Frame) -> Any:
        try:
            value = argument(frame)
        finally:
            frame.cost += charge
        return run(value)

    return call


def _binary(run: Callable[..., Any], left: Run, right: Run, charge: int) -> Run:
    def call(frame: Frame) -> Any:
        try:
            first = left(frame)
        except AbortError:
            raise
        except EvalError:
            attempt(frame, right)
            frame.cost += charge
            raise
        try:
            second = right(frame)
        finally:
            frame.cost += charge
        return run(first, second)

    return call
