"""Which namespaces a process leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.kinds.config import Exclusion
from gatewright.policy.exclusion import Exclusions

HELD = Exclusions.from_entries(
    [
        Exclusion(("audit", "webhook"), ("kube-*",)),
        Exclusion(("*",), ("gatekeeper-system",)),
        Exclusion(("sync",), ("*",)),
    ]
)


def thing(namespace: str = "", kind: str = "Pod", name: str = "x", api_version: str = "v1") -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


@pytest.mark.parametrize(
    ("process", "item", "excluded"),
    [
        pytest.param("audit", thing("kube-system"), True, id="prefix"),
        pytest.param("webhook", thing("kube"), False, id="no match"),
        pytest.param("mutation-webhook", thing("kube-system"), False, id="another process"),
        pytest.param("mutation-webhook", thing("gatekeeper-system"), True, id="star stands for all processes"),
        pytest.param("webhook", thing(kind="Namespace", name="kube-system"), True, id="a Namespace by its own name"),
        pytest.param("webhook", thing("", "Namespace", "kube-system", "x.io/v1"), False, id="another Namespace kind"),
        pytest.param("sync", thing(), True, id="star covers cluster-scoped objects"),
        pytest.param("audit", thing(), False, id="cluster-scoped"),
    ],
)
def test_excludes(process: str, item: dict[str, Any], excluded: bool) -> None:
    assert HELD.excludes_object(process, item) is excluded


def test_without_a_config_nothing_is_excluded() -> None:
    assert not Exclusions.of(None).excludes("audit", "kube-system")
