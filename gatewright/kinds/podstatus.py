"""What one pod tells about one object: ConstraintTemplatePodStatus, ConstraintPodStatus and ConfigPodStatus.

Written by `control.ingest`, each by its own pod alone; read by the roll-up. Names, labels and fields are Gatekeeper's
(behaviour 1.3), plus our additive `conditions`. The kinds have no status subresource: `status` is a plain field, so
one apply writes it all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.errors import GatewrightError
from gatewright.core.objects import Object, Resource, dig, labels, resource_version
from gatewright.kinds.resources import (
    CONFIG_POD_STATUSES,
    CONSTRAINT_POD_STATUSES,
    CONSTRAINT_TEMPLATE_POD_STATUSES,
)
from gatewright.kinds.templates import TemplateError

LABEL_PREFIX = "internal.gatekeeper.sh/"
POD_LABEL = LABEL_PREFIX + "pod"
TEMPLATE_LABEL = LABEL_PREFIX + "constrainttemplate-name"
CONSTRAINT_NAME_LABEL = LABEL_PREFIX + "constraint-name"
CONSTRAINT_KIND_LABEL = LABEL_PREFIX + "constraint-kind"
CONFIG_LABEL = LABEL_PREFIX + "config-name"


class UnpackableName(GatewrightError):
    """A part of a name is empty or begins or ends with a dash, so that the packed name could not be told apart from
    another."""


def dash_packed(*parts: str) -> str:
    """One object name out of several names, readable and without clashes: dashes inside a part are doubled, parts are
    joined by one dash.

    Raises UnpackableName for an empty part and for one that begins or ends with a dash (Gatekeeper behaviour, 1.3).
    """
    if not parts:
        raise UnpackableName("dash packing needs at least one name")
    for part in parts:
        if not part:
            raise UnpackableName("dash packing cannot take an empty name")
        if part.startswith("-") or part.endswith("-"):
            raise UnpackableName(f"dash packing cannot take a name that begins or ends with a dash: {part}")
    return "-".join(part.replace("-", "--") for part in parts)


def dash_unpacked(name: str) -> tuple[str, ...]:
    """The parts that `dash_packed` was given."""
    return tuple(part.replace("\0", "-") for part in name.replace("--", "\0").split("-"))


def template_pod_status_name(pod: str, template: str) -> str:
    return dash_packed(pod, template)


def constraint_pod_status_name(pod: str, kind: str, name: str) -> str:
    return dash_packed(pod, kind.lower(), name)


def config_pod_status_name(pod: str, namespace: str, name: str) -> str:
    return dash_packed(pod, namespace, name)


@dataclass(frozen=True, slots=True)
class Reporter:
    """The pod that reports. `uid` is that of its Pod object; "" leaves the owner reference out."""

    pod: str
    namespace: str
    uid: str = ""
    operations: tuple[str, ...] = ()


def conditions_of(thing: Object | None) -> dict[str, Mapping[str, Any]]:
    """status.conditions by type ({} where there are none)."""
    found = dig(thing, "status", "conditions")
    return {str(c.get("type")): c for c in found if isinstance(c, Mapping)} if isinstance(found, list) else {}


@dataclass(frozen=True, slots=True)
class EnforcementPointStatus:
    point: str
    state: str
    message: str = ""
    observed_generation: int = 0

    def to_object(self) -> dict[str, Any]:
        out: dict[str, Any] = {"enforcementPoint": self.point, "state": self.state}
        if self.message:
            out["message"] = self.message
        if self.observed_generation:
            out["observedGeneration"] = self.observed_generation
        return out


def template_pod_status(
    reporter: Reporter,
    template: str,
    uid: str,
    generation: int,
    *,
    errors: Iterable[TemplateError] = (),
    conditions: Iterable[Mapping[str, Any]] = (),
    vap: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole ConstraintTemplatePodStatus to apply. `conditions` are objects; `vap` is
    vapGenerationStatus."""
    status = _status(reporter, "templateUID", uid, generation, errors, conditions)
    if vap:
        status["vapGenerationStatus"] = dict(vap)
    return _object(
        CONSTRAINT_TEMPLATE_POD_STATUSES,
        reporter,
        template_pod_status_name(reporter.pod, template),
        {TEMPLATE_LABEL: template},
        status,
    )


def constraint_pod_status(
    reporter: Reporter,
    kind: str,
    name: str,
    uid: str,
    generation: int,
    *,
    enforced: bool,
    errors: Iterable[TemplateError] = (),
    conditions: Iterable[Mapping[str, Any]] = (),
    points: Iterable[EnforcementPointStatus] = (),
) -> dict[str, Any]:
    """The whole ConstraintPodStatus to apply."""
    status = _status(reporter, "constraintUID", uid, generation, errors, conditions)
    status["enforced"] = enforced
    states = [point.to_object() for point in points]
    if states:
        status["enforcementPointsStatus"] = states
    marks = {CONSTRAINT_NAME_LABEL: name, CONSTRAINT_KIND_LABEL: kind, TEMPLATE_LABEL: kind.lower()}
    packed = constraint_pod_status_name(reporter.pod, kind, name)
    return _object(CONSTRAINT_POD_STATUSES, reporter, packed, marks, status)


def config_pod_status(
    reporter: Reporter,
    namespace: str,
    name: str,
    uid: str,
    generation: int,
    *,
    errors: Iterable[tuple[str, str]] = (),
    conditions: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The whole ConfigPodStatus to apply; `errors` are (type, message)."""
    status = _status(reporter, "configUID", uid, generation, (), conditions)
    found = [{"type": kind, "message": message} for kind, message in errors]
    if found:
        status["errors"] = found
    packed = config_pod_status_name(reporter.pod, namespace, name)
    return _object(CONFIG_POD_STATUSES, reporter, packed, {CONFIG_LABEL: name}, status)


def _status(
    reporter: Reporter,
    uid_field: str,
    uid: str,
    generation: int,
    errors: Iterable[TemplateError],
    conditions: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    status: dict[str, Any] = {
        "id": reporter.pod,
        uid_field: uid,
        "operations": sorted(reporter.operations),
        "observedGeneration": generation,
    }
    found = [error.to_object() for error in errors]
    if found:
        status["errors"] = found
    held = [dict(condition) for condition in conditions]
    if held:
        status["conditions"] = held
    return status


def _object(
    resource: Resource, reporter: Reporter, name: str, marks: Mapping[str, str], status: Mapping[str, Any]
) -> dict[str, Any]:
    # A label's value is at most 63 characters (Kubernetes, "Labels and Selectors"). Longer names are refused by the
    # webhook anyway.
    label = {key: value for key, value in {POD_LABEL: reporter.pod, **marks}.items() if len(value) <= 63}
    meta: dict[str, Any] = {"name": name, "namespace": reporter.namespace, "labels": label}
    if reporter.uid:
        meta["ownerReferences"] = [{"apiVersion": "v1", "kind": "Pod", "name": reporter.pod, "uid": reporter.uid}]
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": meta, "status": dict(status)}


@dataclass(frozen=True, slots=True)
class PodReport:
    """A pod status as the roll-up reads it."""

    id: str
    of_uid: str  # templateUID, constraintUID or configUID
    generation: int
    errors: tuple[Mapping[str, Any], ...]
    operations: tuple[str, ...]
    enforced: bool
    resource_version: str
    status: Object

    @property
    def conditions(self) -> dict[str, Mapping[str, Any]]:
        return conditions_of({"status": self.status})


def read_pod_status(thing: Object) -> PodReport:
    """What a pod status of any kind says; missing fields read as "", 0, False or ()."""
    status = thing.get("status")
    status = status if isinstance(status, Mapping) else {}
    of_uid = status.get("templateUID") or status.get("constraintUID") or status.get("configUID") or ""
    return PodReport(
        id=str(status.get("id") or ""),
        of_uid=str(of_uid),
        generation=int(status.get("observedGeneration") or 0),
        errors=tuple(e for e in status.get("errors") or () if isinstance(e, Mapping)),
        operations=tuple(str(o) for o in status.get("operations") or ()),
        enforced=bool(status.get("enforced")),
        resource_version=resource_version(thing),
        status=status,
    )


def by_pod_entry(thing: Object) -> dict[str, Any]:
    """The entry of status.byPod made from a pod status: its status, plus `podStatusVersion`, the resourceVersion it
    was read at (lifecycle, rule 1), without the pod's own conditions."""
    status = thing.get("status")
    status = status if isinstance(status, Mapping) else {}
    entry = {key: value for key, value in status.items() if key != "conditions"}
    entry["podStatusVersion"] = resource_version(thing)
    return entry


def described(thing: Object) -> tuple[str, ...]:
    """What a pod status is about, by its labels: ("template", name), ("constraint", kind, name), ("config", name) or
    ()."""
    marks = labels(thing)
    if CONSTRAINT_NAME_LABEL in marks:
        return ("constraint", marks.get(CONSTRAINT_KIND_LABEL, ""), marks[CONSTRAINT_NAME_LABEL])
    if TEMPLATE_LABEL in marks:
        return ("template", marks[TEMPLATE_LABEL])
    if CONFIG_LABEL in marks:
        return ("config", marks[CONFIG_LABEL])
    return ()
