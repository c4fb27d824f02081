"""Builtins of YAML: yaml.marshal, yaml.unmarshal, yaml.is_valid. YAML 1.1 as Kubernetes' library reads it: to JSON
types, dates are strings.
"""

from __future__ import annotations

from typing import Any

import yaml

from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.jsontext import dumps
from gatewright.rego.texts import to_json

MAX_NODES = 1_000_000


class _Loader(yaml.SafeLoader):
    """JSON's types only."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _json(x: Any, left: list[int]) -> Any:
    """A YAML value with JSON's keys; anchors that multiply beyond bounds are refused."""
    left[0] -= 1
    if left[0] < 0:
        raise BuiltinError("document is too large once its aliases are followed")
    if isinstance(x, dict):
        return {k if isinstance(k, str) else dumps(k): _json(v, left) for k, v in x.items()}
    if isinstance(x, list):
        return [_json(v, left) for v in x]
    if x is None or isinstance(x, (bool, int, float, str)):
        return x
    raise BuiltinError(f"unsupported YAML value of type {type(x).__name__}")


@builtin("yaml.unmarshal", "string")
def yaml_unmarshal(text: str) -> Any:
    try:
        return _json(yaml.load(text, Loader=_Loader), [MAX_NODES])
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as e:
        raise BuiltinError(str(e).replace("\n", " ")) from None


@builtin("yaml.marshal", "any", result="string")
def yaml_marshal(x: Any) -> str:
    return yaml.safe_dump(to_json(x), sort_keys=True, default_flow_style=False, allow_unicode=True, width=10**9)


@builtin("yaml.is_valid", "any", result="boolean")
def yaml_is_valid(x: Any) -> bool:
    if not isinstance(x, str):
        return False
    try:
        yaml_unmarshal(x)
    except BuiltinError:
        return False
    return True
