"""Optional values: optional.of and its kin, and the declarations behind .? and [?].

Selection and or/orValue are special to the evaluators. Source: the documentation of cel-go's optional types.
"""

from __future__ import annotations

from typing import Any

from gatewright.cel.declarations import Library, function, member, overload
from gatewright.cel.errors import EvalError
from gatewright.cel.macros import OPTIONALS
from gatewright.cel.types import BOOL, DYN, INT, OPTIONAL, STRING, list_of, map_of, optional_of, param
from gatewright.cel.values import NONE, Duration, Optional, Timestamp, Uint

K, V = param("K"), param("V")
_OPT, _LIST, _MAP = optional_of(V), list_of(V), map_of(K, V)
_YEAR_ONE = -62135596800 * 10**9


def _is_zero(value: Any) -> bool:
    kind = type(value)
    if value is None:
        return True
    if kind in (bool, int, Uint, float, str, bytes, list, dict):
        return not value
    if kind is Duration:
        return bool(value.nanos == 0)
    if kind is Timestamp:
        return bool(value.nanos == _YEAR_ONE)
    return False


def _of_non_zero(value: Any) -> Optional:
    return NONE if _is_zero(value) else Optional(value)


def _value(value: Optional) -> Any:
    if not value.present:
        raise EvalError("optional.none() dereference")
    return value.value


def _unwrap(values: list[Any]) -> list[Any]:
    found = []
    for one in values:
        if type(one) is not Optional:
            raise EvalError(f"value {one} is not optional")
        if one.present:
            found.append(one.value)
    return found


def _edge(index: int) -> Any:
    return lambda values: Optional(values[index]) if values else NONE


LIBRARY = Library(
    functions=(
        function("optional.of", overload("optional_of", (V,), _OPT, Optional)),
        function("optional.ofNonZeroValue", overload("optional_ofNonZeroValue", (V,), _OPT, _of_non_zero)),
        function("optional.none", overload("optional_none", (), _OPT, lambda: NONE)),
        function("value", member("optional_value", (_OPT,), V, _value)),
        function("hasValue", member("optional_hasValue", (_OPT,), BOOL, lambda value: value.present)),
        function("or", member("optional_or_optional", (_OPT, _OPT), _OPT)),
        function("orValue", member("optional_orValue_value", (_OPT, V), V)),
        function("_?._", overload("select_optional_field", (DYN, STRING), _OPT)),
        function(
            "_[?_]",
            overload("list_optindex_optional_int", (_LIST, INT), _OPT),
            overload("optional_list_optindex_optional_int", (optional_of(_LIST), INT), _OPT),
            overload("map_optindex_optional_value", (_MAP, K), _OPT),
            overload("optional_map_optindex_optional_value", (optional_of(_MAP), K), _OPT),
        ),
        function(
            "_[_]",
            overload("optional_list_index_int", (optional_of(_LIST), INT), _OPT),
            overload("optional_map_index_value", (optional_of(_MAP), K), _OPT),
        ),
        function("last", member("list_last", (_LIST,), _OPT, _edge(-1))),
        function("first", member("list_first", (_LIST,), _OPT, _edge(0))),
        function("optional.unwrap", overload("optional_unwrap", (list_of(_OPT),), _LIST, _unwrap)),
        function("unwrapOpt", member("optional_unwrapOpt", (list_of(_OPT),), _LIST, _unwrap)),
    ),
    macros=OPTIONALS,
    types={"optional_type": OPTIONAL},
)
