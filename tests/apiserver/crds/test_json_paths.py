"""JSONPath as printer columns use it."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.apiserver.crds.json_paths import BadPath, compile_path

THING = {
    "spec": {
        "a": "x",
        "list": [{"type": "Ready", "n": 1}, {"type": "Other", "n": 2}, {"type": "Ready", "n": 3}],
        "map": {"b": 1, "a": 2},
        "dotted.key": "d",
        "flag": True,
    }
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".spec.a", ["x"]),
        ("{.spec.a}", ["x"]),
        ("spec.a", ["x"]),
        ("$.spec.a", ["x"]),
        (".spec.absent.below", []),
        (".spec.list[1].n", [2]),
        (".spec.list[-1].n", [3]),
        (".spec.list[9].n", []),
        (".spec.list[0:2].n", [1, 2]),
        (".spec.list[::2].n", [1, 3]),
        (".spec.list[0,2].n", [1, 3]),
        (".spec.list[*].n", [1, 2, 3]),
        (".spec.map.*", [2, 1]),
        (".spec['dotted.key']", ["d"]),
        (r".spec.dotted\.key", ["d"]),
        ('.spec.list[?(@.type=="Ready")].n', [1, 3]),
        (".spec.list[?(@.n>1)].type", ["Other", "Ready"]),
        (".spec.list[?(@.n<=1)].type", ["Ready"]),
        (".spec.list[?(@.type!='Ready')].n", [2]),
        (".spec.list[?(@.absent)].n", []),
        (".spec.list[?(@.n)].n", [1, 2, 3]),
        ("..n", [1, 2, 3]),
    ],
)
def test_values(path: str, expected: list[Any]) -> None:
    assert compile_path(path).find(THING) == expected


def test_the_first_value() -> None:
    assert compile_path(".spec.list[*].n").first(THING) == 1
    assert compile_path(".spec.absent").first(THING) is None


@pytest.mark.parametrize(
    "path", [".spec[", ".spec.a b", ".spec.list[x]", ".spec.list[?(@.n>1]", ".spec.list[?(@ ~ 1)]"]
)
def test_bad_paths(path: str) -> None:
    with pytest.raises(BadPath):
        compile_path(path)
