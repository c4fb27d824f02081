"""Two-variable comprehensions: the macros, and the function that their general form inserts with.

Source: the documentation of cel-go's ext.TwoVarComprehensions.
"""

from __future__ import annotations

from gatewright.cel.declarations import Library, function, overload
from gatewright.cel.macros import TWO_VARIABLES
from gatewright.cel.types import map_of, param

_K, _V = param("K"), param("V")
_MAP = map_of(_K, _V)

LIBRARY = Library(
    functions=(
        function(
            "cel.@mapInsert",
            overload("@mapInsert_map_key_value", (_MAP, _K, _V), _MAP),
            overload("@mapInsert_map_map", (_MAP, _MAP), _MAP),
        ),
    ),
    macros=TWO_VARIABLES,
)
