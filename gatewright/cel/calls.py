"""Which implementation a call runs: by the overload that the checker chose, or by the values' types.

`planner` and the compiled path ask for a dispatcher. Source of the rules and error texts: cel-go's answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewright.cel.declarations import Function, Implementation, Overload
from gatewright.cel.errors import EvalError
from gatewright.cel.types import Type
from gatewright.cel.values import type_name, type_of


def dispatcher(function: Function, ids: tuple[str, ...], count: int) -> Implementation:
    """What to call with the values of the arguments. It raises EvalError where no overload takes them."""
    if function.run is not None:
        return function.run
    if len(ids) == 1:
        chosen = next(one for one in function.overloads if one.id == ids[0])
        if chosen.run is None:
            return _declared_only(function.name)
        if not function.guarded or all(one.kind in ("dyn", "param") for one in chosen.arguments):
            return chosen.run
        return _guarded(function.name, chosen)
    candidates = [one for one in function.overloads if len(one.arguments) == count and one.run is not None]

    def run(*values: Any) -> Any:
        for one in candidates:
            if accepts(one, values):
                assert one.run is not None
                return one.run(*values)
        raise no_such(function.name, values)

    return run


def _declared_only(name: str) -> Implementation:
    def run(*values: Any) -> Any:
        raise EvalError(f"no such overload: {name}")

    return run


def no_such(name: str, values: tuple[Any, ...]) -> EvalError:
    """The error for values that no overload takes."""
    return EvalError(f"no such overload: {name}({', '.join(map(type_name, values))})")


def _guarded(name: str, chosen: Overload) -> Implementation:
    run = chosen.run
    assert run is not None
    if len(chosen.arguments) == 1:
        only, takes = run, acceptor(chosen.arguments[0])

        def unary(value: Any) -> Any:
            if not takes(value):
                raise no_such(name, (value,))
            return only(value)

        return unary
    implementation = run
    tests = tuple(map(acceptor, chosen.arguments))

    def guarded(*values: Any) -> Any:
        for test, value in zip(tests, values, strict=True):
            if not test(value):
                raise no_such(name, values)
        return implementation(*values)

    return guarded


def accepts(chosen: Overload, values: tuple[Any, ...]) -> bool:
    """Whether an overload takes these values."""
    return len(values) == len(chosen.arguments) and all(
        takes(one, value) for one, value in zip(chosen.arguments, values, strict=True)
    )


def takes(one: Type, value: Any) -> bool:
    """Whether a value is of a declared type; of lists and maps the first element tells."""
    if one.kind in ("dyn", "any", "param"):
        return True
    if type_of(value).name != one.name:
        return False
    if one.kind == "list" and value:
        return takes(one.parameters[0], value[0])
    if one.kind == "map" and value:
        key, first = next(iter(value.items()))
        return takes(one.parameters[0], key) and takes(one.parameters[1], first)
    return True


_PYTHON = {"bool": bool, "int": int, "double": float, "string": str, "bytes": bytes}


def acceptor(one: Type) -> Callable[[Any], bool]:
    """`takes` for one type, quick for the plain ones."""
    kind = _PYTHON.get(one.kind)
    if kind is not None:
        return lambda value: type(value) is kind
    if one.kind in ("dyn", "any", "param"):
        return lambda value: True
    return lambda value: takes(one, value)
