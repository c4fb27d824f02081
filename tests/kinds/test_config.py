"""Reading Config and SyncSet."""

from __future__ import annotations

from gatewright.core.objects import Kind
from gatewright.kinds.config import Exclusion, read_config, read_sync_set


def test_config() -> None:
    read = read_config(
        {
            "apiVersion": "config.gatekeeper.sh/v1alpha1",
            "kind": "Config",
            "metadata": {"name": "config", "namespace": "gatekeeper-system", "uid": "u", "generation": 2},
            "spec": {
                "sync": {
                    "syncOnly": [
                        {"version": "v1", "kind": "Namespace"},
                        {"group": "apps", "version": "v1", "kind": "X"},
                    ]
                },
                "match": [{"processes": ["audit"], "excludedNamespaces": ["kube-*"]}],
                "validation": {"traces": [{"user": "me", "kind": {"version": "v1", "kind": "Pod"}, "dump": "All"}]},
                "readiness": {"statsEnabled": True},
            },
        }
    )
    assert read.sync_only == (Kind("", "v1", "Namespace"), Kind("apps", "v1", "X"))
    assert read.exclusions == (Exclusion(("audit",), ("kube-*",)),)
    assert (read.traces[0].user, read.traces[0].kind, read.traces[0].dump) == ("me", Kind("", "v1", "Pod"), "All")
    assert (read.stats, read.uid, read.generation) == (True, "u", 2)


def test_fields_of_the_wrong_type_read_as_absent() -> None:
    read = read_config(
        {"metadata": {"name": "config"}, "spec": {"sync": {"syncOnly": "x"}, "match": [1, {"processes": 2}]}}
    )
    assert read.sync_only == ()
    assert read.exclusions == (Exclusion((), ()),)


def test_sync_set() -> None:
    read = read_sync_set({"metadata": {"name": "s"}, "spec": {"gvks": [{"version": "v1", "kind": "Pod"}]}})
    assert (read.name, read.kinds) == ("s", (Kind("", "v1", "Pod"),))
