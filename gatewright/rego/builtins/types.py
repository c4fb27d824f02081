"""Builtins that ask for or change the type of a value: is_*, type_name, to_number, cast_*."""

from __future__ import annotations

import re
from typing import Any

from gatewright.rego.builtins.registry import builtin, wrong_type
from gatewright.rego.errors import BuiltinError
from gatewright.rego.texts import number_from_text
from gatewright.rego.values import SETS, is_number, is_object, make_set, sorted_members, type_name

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


def _test(name: str, test: Any) -> None:
    builtin(name, "any", result="boolean")(test)


_test("is_string", lambda x: isinstance(x, str))
_test("is_number", is_number)
_test("is_boolean", lambda x: x.__class__ is bool)
_test("is_null", lambda x: x is None)
_test("is_array", lambda x: isinstance(x, list))
_test("is_object", is_object)
_test("is_set", lambda x: isinstance(x, SETS))
builtin("type_name", "any", result="string")(type_name)


@builtin("to_number", "null|boolean|number|string", result="number")
def to_number(x: Any) -> Any:
    if x is None:
        return 0
    if x.__class__ is bool:
        return 1 if x else 0
    if not isinstance(x, str):
        return x
    if x.isdigit() and x.isascii() and len(x) < 4000:
        return int(x)
    if x.lstrip("+-").lower() in ("inf", "infinity", "nan"):
        raise BuiltinError("operand 1 must be valid number", "eval_type_error")
    if not _NUMBER.fullmatch(x) or len(x) > 4000:
        raise BuiltinError("invalid syntax", "eval_builtin_error")
    value = number_from_text(x.removeprefix("+"))
    if value is None:
        raise BuiltinError("invalid syntax")
    return value


def _cast(name: str, kind: str, test: Any) -> None:
    def cast(x: Any) -> Any:
        if not test(x):
            raise wrong_type(1, kind, x)
        return x

    builtin(name, "any", result=kind)(cast)


_cast("cast_string", "string", lambda x: isinstance(x, str))
_cast("cast_boolean", "boolean", lambda x: x.__class__ is bool)
_cast("cast_null", "null", lambda x: x is None)
_cast("cast_object", "object", is_object)


@builtin("cast_array", "array|set", result="array")
def cast_array(x: Any) -> list[Any]:
    return x if isinstance(x, list) else sorted_members(x)


@builtin("cast_set", "array|set", result="set")
def cast_set(x: Any) -> Any:
    return make_set(x) if isinstance(x, list) else x
