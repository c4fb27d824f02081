"""What a builtin is, how one is declared, and how its errors become undefined or end an evaluation.

A family module declares its functions with `@builtin(name, operand types..., result=...)`. Types are "any" or names
of Rego types joined by "|". A function gets values as gatewright.rego.values describes them and returns one, or
UNDEFINED; what it cannot work with it reports by raising BuiltinError. It must charge the context before it makes
something large. Texts of errors are OPA's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gatewright.rego.errors import BuiltinError, EvalError
from gatewright.rego.values import FrozenDict, FrozenList, U, plain, type_name

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Builtin:
    """name as policies call it; operands: a type per operand, or None for any number of any; context: the function
    gets the Context first; relation: it gives an iterable of values, each a result; void: its result counts as
    true.
    """

    name: str
    fn: Function
    operands: tuple[str, ...] | None
    result: str
    context: bool = False
    relation: bool = False
    void: bool = False

    @property
    def arity(self) -> int:
        return -1 if self.operands is None else len(self.operands)


# What a builtin may raise for operands it cannot work with: its own error, or Python's for values of a type it did not
# expect inside of a collection, or for texts that are no Unicode.
UNFIT = (BuiltinError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
REGISTRY: dict[str, Builtin] = {}


def builtin(
    name: str,
    *operands: str,
    result: str = "any",
    context: bool = False,
    relation: bool = False,
    void: bool = False,
    variadic: bool = False,
) -> Callable[[Function], Function]:
    """Declares a function as a builtin."""

    def declare(fn: Function) -> Function:
        REGISTRY[name] = Builtin(name, fn, None if variadic else operands, result, context, relation, void)
        return fn

    return declare


_CLASSES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "number": (int, float, Decimal),
    "string": (str,),
    "array": (list, FrozenList),
    "object": (dict, FrozenDict),
    "set": (set, frozenset),
}


def _classes(kind: str) -> frozenset[type] | None:
    if kind == "any":
        return None
    return frozenset(c for k in kind.split("|") for c in _CLASSES[k])


def wrong_type(position: int, kinds: str, value: Any) -> BuiltinError:
    """operand 1 must be string but got number"""
    names = kinds.split("|")
    wanted = names[0] if len(names) == 1 else "one of {" + ", ".join(names) + "}"
    return BuiltinError(f"operand {position} must be {wanted} but got {type_name(value)}", "eval_type_error")


def checked(b: Builtin) -> Function:
    """The function behind tests of its operands' types; raises BuiltinError."""
    if b.operands is None:
        return b.fn
    kinds = b.operands
    classes = [_classes(k) for k in kinds]
    if not any(classes):
        return b.fn
    fn, offset = b.fn, 1 if b.context else 0

    def call(*args: Any) -> Any:
        for i, allowed in enumerate(classes):
            if allowed is not None and args[i + offset].__class__ not in allowed:
                value = plain(args[i + offset])
                if value.__class__ not in allowed:
                    raise wrong_type(i + 1, kinds[i], value)
                args = (*args[: i + offset], value, *args[i + offset + 1 :])
        return fn(*args)

    return call


def lenient(b: Builtin) -> Function:
    """For ordinary evaluation: an error of the builtin is undefined."""
    if b.relation:
        return _lenient_relation(b)
    classes = [_classes(k) for k in b.operands or ()]
    slow, fn = checked(b), b.fn
    if len(classes) == 1 and not b.context and classes[0] is not None:
        only = classes[0]

        def one(a: Any) -> Any:
            try:
                return fn(a) if a.__class__ in only else slow(a)
            except UNFIT:
                return U

        return one
    if len(classes) == 2 and not b.context and classes[0] is not None and classes[1] is not None:
        first, second = classes[0], classes[1]

        def two(a: Any, c: Any) -> Any:
            try:
                return fn(a, c) if a.__class__ in first and c.__class__ in second else slow(a, c)
            except UNFIT:
                return U

        return two

    if len(classes) == 2 and b.context and classes[0] is not None and classes[1] is not None:
        return _lenient_in_context(fn, slow, classes[0], classes[1])

    def many(*args: Any) -> Any:
        try:
            return slow(*args)
        except UNFIT:
            return U

    return many


def _lenient_in_context(fn: Function, slow: Function, first: frozenset[type], second: frozenset[type]) -> Function:
    def two(c: Any, x: Any, y: Any) -> Any:
        try:
            return fn(c, x, y) if x.__class__ in first and y.__class__ in second else slow(c, x, y)
        except UNFIT:
            return U

    return two


def _lenient_relation(b: Builtin) -> Function:
    slow = checked(b)

    def each(*args: Any) -> Any:
        try:
            return list(slow(*args))
        except UNFIT:
            return ()

    return each


def strict(b: Builtin) -> Function:
    """For strict evaluation: an error of the builtin ends it."""
    slow = checked(b)

    def call(*args: Any) -> Any:
        try:
            out = slow(*args)
            return list(out) if b.relation else out
        except BuiltinError as e:
            raise EvalError(e.code, f"{b.name}: {e.message}") from None
        except UNFIT as e:
            raise EvalError("eval_builtin_error", f"{b.name}: {type(e).__name__}: {e}") from None

    return call


_PREPARED: dict[bool, dict[str, Function]] = {False: {}, True: {}}


def prepared(names: Sequence[str], is_strict: bool) -> Mapping[str, Function]:
    """Callables for the builtins named, under the names that generated code uses."""
    done = _PREPARED[is_strict]
    out = {}
    for name in names:
        if name not in done:
            b = REGISTRY[name]
            done[name] = strict(b) if is_strict else lenient(b)
        out["B_" + name.replace(".", "_")] = done[name]
    return out
