"""The actors behind a CustomResourceDefinition: names, establishing, the end."""

from __future__ import annotations

from typing import Any

from gatewright.apiserver.crds import naming
from gatewright.core.crds import strategy
from gatewright.core.crds.conditions import condition
from gatewright.core.objects import Object

NOW = "2026-01-01T00:00:00Z"


def made(plural: str, kind: str, **names: Any) -> Object:
    spec = {"group": "example.io", "names": {"plural": plural, "kind": kind, **names}, "versions": []}
    metadata = {"name": f"{plural}.example.io"}
    return strategy.prepare_create(strategy.default_crd({"metadata": metadata, "spec": spec}))


def told(crd: Object | None, kind: str) -> tuple[str, str, str]:
    assert crd is not None
    found = condition(crd, kind)
    assert found is not None
    return found["status"], found["reason"], found["message"]


def accepted(plural: str, kind: str, **names: Any) -> Object:
    found = naming.accept_names(made(plural, kind, **names), [], NOW)
    assert found is not None
    return found


def established(plural: str, kind: str) -> Object:
    found = naming.establish(accepted(plural, kind), NOW)
    assert found is not None
    return found


def test_free_names_are_accepted_then_the_resource_is_established() -> None:
    crd = accepted("things", "Thing", shortNames=["th"], categories=["all"])
    assert told(crd, "NamesAccepted") == ("True", "NoConflicts", "no conflicts found")
    assert told(crd, "Established") == ("False", "Installing", "the initial names have been accepted")
    assert crd["status"]["acceptedNames"] == {
        "plural": "things",
        "singular": "thing",
        "shortNames": ["th"],
        "kind": "Thing",
        "listKind": "ThingList",
        "categories": ["all"],
    }
    assert naming.accept_names(crd, [crd], NOW) is None
    served = naming.establish(crd, NOW)
    assert told(served, "Established") == ("True", "InitialNamesAccepted", "the initial names have been accepted")
    assert naming.establish(served or {}, NOW) is None


def test_taken_names_are_refused_and_the_others_accepted() -> None:
    holder = accepted("things", "Thing", shortNames=["th", "t"])
    crd = naming.accept_names(made("items", "Thing", shortNames=["th", "t"]), [holder], NOW)
    assert told(crd, "NamesAccepted") == ("False", "ListKindConflict", '"ThingList" is already in use')
    assert told(crd, "Established") == ("False", "NotAccepted", "not all names are accepted")
    assert crd is not None
    assert crd["status"]["acceptedNames"] == {"plural": "items", "kind": ""}
    assert naming.establish(crd, NOW) is None
    assert naming.accept_names(crd, [holder, crd], NOW) is None


def test_names_of_other_groups_do_not_matter() -> None:
    holder = accepted("things", "Thing")
    elsewhere = {**holder, "spec": {**holder["spec"], "group": "other.io"}}
    assert told(naming.accept_names(made("things", "Thing"), [elsewhere], NOW), "NamesAccepted")[0] == "True"


def test_freed_names_are_accepted_later() -> None:
    holder = accepted("things", "Thing")
    crd = naming.accept_names(made("items", "Thing"), [holder], NOW)
    later = naming.accept_names(crd or {}, [crd or {}], NOW)
    assert told(later, "NamesAccepted") == ("True", "NoConflicts", "no conflicts found")


def test_several_taken_short_names_are_told_together() -> None:
    holder = accepted("things", "Thing", shortNames=["a", "b"])
    crd = naming.accept_names(made("items", "Item", shortNames=["a", "b"]), [holder], NOW)
    assert told(crd, "NamesAccepted") == (
        "False",
        "ShortNamesConflict",
        '["a" is already in use, "b" is already in use]',
    )


def test_the_end_waits_for_the_instances() -> None:
    crd = strategy.prepare_delete(established("things", "Thing"), NOW)
    begun = naming.begin_finalizing(crd, NOW)
    assert told(begun, "Terminating")[1] == "InstanceDeletionInProgress"
    assert begun is not None
    assert naming.terminating(begun)
    assert naming.begin_finalizing(begun, NOW) is None
    assert naming.finish_finalizing(begun, 2, NOW) is None
    gone = naming.finish_finalizing(begun, 0, NOW)
    assert told(gone, "Terminating") == ("False", "InstanceDeletionCompleted", "removed all instances")
    assert gone is not None
    assert "finalizers" not in gone["metadata"]


def test_one_that_was_never_established_has_no_instances() -> None:
    crd = strategy.prepare_delete(made("things", "Thing"), NOW)
    begun = naming.begin_finalizing(crd, NOW)
    gone = naming.finish_finalizing(begun or {}, 5, NOW)
    assert told(gone, "Terminating") == ("False", "NeverEstablished", "resource was never established")


def test_nothing_ends_that_is_not_being_deleted() -> None:
    assert naming.begin_finalizing(established("things", "Thing"), NOW) is None
    assert naming.finish_finalizing(established("things", "Thing"), 0, NOW) is None
