"""The rules of every built-in kind: `rules(group, plural)` gives what the server's strategy asks at each stage of a
request.

A row of the table names functions of the kind's family; a kind without a row has plain rules (metadata only). Source:
the Kubernetes API reference and the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gatewright.apiserver.builtin import (
    admission_registration,
    claims,
    coordination,
    core_kinds,
    jobs,
    networking,
    pod_defaults,
    pods,
    rbac,
    services,
    workload_rules,
    workloads,
)
from gatewright.core import metadata, names
from gatewright.core.clock import Now
from gatewright.core.crds import definition
from gatewright.core.crds import strategy as crd_strategy
from gatewright.core.field_errors import FieldError
from gatewright.core.metadata import unchanged
from gatewright.core.objects import Object

Errors = Sequence[FieldError]
Change = Callable[[Object], Object]
Change2 = Callable[[Object, Object], Object]


def _same(thing: Object) -> Object:
    return thing


def _no_warnings(new: Object, old: Object | None) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Rules:
    """One kind's rules.

    unconditional:    a PUT without resourceVersion overwrites
    create_on_update: a PUT of an absent object creates it
    graceful:         deletion may wait
    counted:          the fields whose changes bump metadata.generation; () for kinds without generation
    status:           whether status belongs to a subresource (then main writes keep the old one)
    blank:            a fresh status as it is written
    create, update:   errors beside those of metadata; update gets new and old
    name_rule:        the rule for names
    core:             finalizers must be known or have a domain
    again:            how a kind's own update check treats metadata: as a change ("once"), as a change and then as a
                      new object's ("then"), the other way round ("first"), only as a new object's ("new")
    """

    unconditional: bool = True
    create_on_update: bool = False
    graceful: bool = False
    namespaced: bool = True
    counted: tuple[str, ...] = ()
    status: bool = False
    blank: Mapping[str, Any] = field(default_factory=dict)
    name_rule: names.NameRule = names.name_is_subdomain
    core: bool = False
    again: str = "once"
    default: Change = _same
    prepare: Change = _same
    prepare_change: Change2 | None = None
    whole_create: Callable[[Object], Errors] | None = None  # errors with metadata's, where the kind checks that itself
    whole_update: Callable[[Object, Object], Errors] | None = None
    create: Callable[[Object], Errors] = lambda thing: ()
    update: Callable[[Object, Object], Errors] | None = None
    status_update: Callable[[Object, Object], Errors] | None = None
    warnings: Callable[[Object, Object | None], Sequence[str]] = _no_warnings

    def prepare_create(self, thing: Object, now: Now) -> Object:
        """A new object as it is about to be validated: fresh status, generation 1."""
        made: dict[str, Any] = dict(thing)
        if self.status:
            made["status"] = dict(self.blank)
        if self.counted:
            made["metadata"] = {**(thing.get("metadata") or {}), "generation": 1}
        return self.prepare(made)

    def prepare_update(self, new: Object, old: Object, subresource: str, now: Now) -> Object:
        """A changed object: what the endpoint may not write stays as it was."""
        made: dict[str, Any] = dict(new)
        if subresource == "status":
            for key in ("spec", *(each for each in self.counted if each != "spec")):
                _keep(made, old, key)
            return made
        if self.status:
            _keep(made, old, "status")
        if self.prepare_change is not None:
            made = dict(self.prepare_change(made, old))
        if self.counted:
            before = (old.get("metadata") or {}).get("generation") or 0
            same = all(unchanged(made.get(key), old.get(key)) for key in self.counted)
            meta = {**(made.get("metadata") or {}), "generation": before if same else before + 1}
            made["metadata"] = meta
        return made

    def validate_create(self, thing: Object) -> list[FieldError]:
        """Errors of a new object, in the server's order."""
        if self.whole_create is not None:
            return list(self.whole_create(thing))
        return [*self._new_metadata(thing), *self.create(thing)]

    def _new_metadata(self, thing: Object) -> list[FieldError]:
        meta = thing.get("metadata") or {}
        errors = metadata.validate_create(meta, namespaced=self.namespaced, rule=self.name_rule)
        return errors + self._finalizers(meta)

    def _changed_metadata(self, new: Object, old: Object) -> list[FieldError]:
        meta = new.get("metadata") or {}
        return metadata.validate_update(meta, old.get("metadata") or {}) + self._finalizers(meta)

    def _finalizers(self, meta: Object) -> list[FieldError]:
        return metadata.core_finalizer_errors(meta) if self.core else []

    def validate_update(self, new: Object, old: Object, subresource: str) -> list[FieldError]:
        """Errors of a changed object. The server checks metadata in common and by kind: errors may have two causes."""
        errors = metadata.common_update(new, old, namespaced=self.namespaced)
        if subresource == "status":
            own = self.status_update
            return [*errors, *self._changed_metadata(new, old), *(own(new, old) if own is not None else ())]
        if self.whole_update is not None:
            return [*errors, *self.whole_update(new, old)]
        told = self.update(new, old) if self.update is not None else self.create(new)
        if self.again == "new":
            return [*errors, *self._new_metadata(new), *told]
        if self.again == "first":
            return [*errors, *self._new_metadata(new), *told, *self._changed_metadata(new, old)]
        errors += self._changed_metadata(new, old)
        if self.again == "then":
            errors += self._new_metadata(new)
        return [*errors, *told]


def _keep(made: dict[str, Any], old: Object, key: str) -> None:
    made.pop(key, None)
    if key in old:
        made[key] = old[key]


class _Definitions(Rules):
    """CustomResourceDefinitions: their status is made, not kept."""

    __slots__ = ()

    def prepare_create(self, thing: Object, now: Now) -> Object:
        return crd_strategy.prepare_create(thing)

    def prepare_update(self, new: Object, old: Object, subresource: str, now: Now) -> Object:
        if subresource == "status":
            return crd_strategy.prepare_status_update(new, old)
        return crd_strategy.prepare_update(new, old)

    def validate_update(self, new: Object, old: Object, subresource: str) -> list[FieldError]:
        common = metadata.common_update(new, old, namespaced=False)
        if subresource == "status":
            return common + definition.validate_status_update(new, old)
        return common + definition.validate_update(new, old)


_CLUSTER = Rules(namespaced=False)
_WORKLOAD = Rules(counted=("spec",), status=True, core=True)
_BALANCED: Mapping[str, Any] = {"loadBalancer": {}}
_DAEMONS = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
_DISRUPTIONS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
_LABEL_NAMED = replace(_CLUSTER, name_rule=names.name_is_label)


def _webhooks(mutating: bool) -> Rules:
    return Rules(
        unconditional=False,
        namespaced=False,
        counted=("webhooks",),
        default=partial(admission_registration.default_webhooks, mutating=mutating),
        whole_create=lambda thing: admission_registration.validate_webhooks(thing, mutating=mutating),
        whole_update=lambda new, old: admission_registration.validate_webhooks(new, old, mutating=mutating),
    )


def _rbac(namespaced: bool, binding: bool) -> Rules:
    return Rules(
        create_on_update=True,
        namespaced=namespaced,
        core=True,
        again="first",
        name_rule=names.name_is_path_segment,
        default=rbac.default_binding if binding else _same,
        prepare=_same if binding else rbac.prepare_role,
        prepare_change=None if binding else rbac.prepare_role_change,
        create=rbac.validate_binding if binding else partial(rbac.validate_role, cluster=not namespaced),
        update=rbac.validate_binding_update if binding else None,
    )


def _budget_errors(thing: Object) -> list[FieldError]:
    """Metadata is checked after the rest, as the server does where a kind does not."""
    found = workload_rules.validate_disruption_budget(thing)
    meta = thing.get("metadata") or {}
    return found or metadata.validate_create(meta, namespaced=True, rule=names.name_is_path_segment)


_ADMISSION = "admissionregistration.k8s.io"
_RBAC = "rbac.authorization.k8s.io"

_TABLE: dict[tuple[str, str], Rules] = {
    ("", "pods"): Rules(
        graceful=True,
        counted=("spec",),
        status=True,
        core=True,
        again="then",
        default=pod_defaults.default_pod,
        prepare=core_kinds.prepare_pod,
        create=pods.validate_pod,
        update=pods.validate_pod_update,
        warnings=core_kinds.pod_warnings,
    ),
    ("", "configmaps"): Rules(
        core=True, again="then", create=core_kinds.validate_config_map, update=core_kinds.validate_config_map_update
    ),
    ("", "secrets"): Rules(
        core=True,
        again="then",
        default=core_kinds.default_secret,
        create=core_kinds.validate_secret,
        update=core_kinds.validate_secret_update,
    ),
    ("", "namespaces"): replace(
        _LABEL_NAMED,
        core=True,
        again="first",
        status=True,
        default=core_kinds.default_namespace,
        prepare=core_kinds.prepare_namespace,
        prepare_change=core_kinds.prepare_namespace_change,
        create=core_kinds.validate_namespace,
    ),
    ("", "services"): Rules(
        create_on_update=True,
        status=True,
        blank=_BALANCED,
        prepare=services.prepare_service,
        prepare_change=services.prepare_service_change,
        core=True,
        name_rule=names.name_is_label,
        default=services.default_service,
        create=services.validate_service,
        update=services.validate_service_update,
    ),
    ("", "serviceaccounts"): Rules(
        core=True,
        again="then",
        prepare=core_kinds.prepare_account,
        prepare_change=core_kinds.prepare_account_change,
    ),
    ("", "events"): Rules(create_on_update=True, whole_create=core_kinds.validate_event),
    ("", "endpoints"): Rules(create_on_update=True, core=True, default=core_kinds.default_endpoints),
    ("", "limitranges"): Rules(create_on_update=True, core=True, again="new"),
    ("", "nodes"): replace(_CLUSTER, core=True, again="first", status=True),
    ("", "persistentvolumes"): replace(
        _CLUSTER,
        core=True,
        again="first",
        status=True,
        blank={"phase": "Pending"},
        default=core_kinds.default_volume,
    ),
    ("", "persistentvolumeclaims"): Rules(
        core=True,
        again="then",
        status=True,
        blank={"phase": "Pending"},
        default=core_kinds.default_claim,
        create=claims.validate_claim,
        update=claims.validate_claim_update,
    ),
    ("", "podtemplates"): Rules(core=True, counted=("template",), default=core_kinds.default_pod_template),
    ("", "replicationcontrollers"): replace(
        _WORKLOAD,
        blank={"replicas": 0},
        default=workloads.default_replication_controller,
        create=workload_rules.validate_replication_controller,
    ),
    ("", "resourcequotas"): Rules(core=True, status=True),
    ("apps", "deployments"): replace(
        _WORKLOAD,
        default=workloads.default_deployment,
        create=workload_rules.validate_deployment,
        update=workload_rules.validate_deployment_update,
    ),
    ("apps", "replicasets"): replace(
        _WORKLOAD,
        blank={"replicas": 0},
        default=workloads.default_replica_set,
        create=workload_rules.validate_replica_set,
        update=workload_rules.validate_replica_set_update,
    ),
    ("apps", "statefulsets"): replace(
        _WORKLOAD,
        blank={"replicas": 0, "availableReplicas": 0},
        default=workloads.default_stateful_set,
        create=workload_rules.validate_stateful_set,
        update=workload_rules.validate_stateful_set_update,
    ),
    ("apps", "daemonsets"): replace(
        _WORKLOAD,
        blank=dict.fromkeys(_DAEMONS, 0),
        default=workloads.default_daemon_set,
        prepare=workloads.prepare_daemon_set,
        prepare_change=workloads.prepare_daemon_set_update,
        create=workload_rules.validate_daemon_set,
        update=workload_rules.validate_daemon_set_update,
    ),
    ("apps", "controllerrevisions"): Rules(core=True),
    ("batch", "jobs"): replace(
        _WORKLOAD,
        again="first",
        default=workloads.default_job,
        prepare=workloads.prepare_job,
        create=jobs.validate_job,
        update=jobs.validate_job_update,
    ),
    ("batch", "cronjobs"): replace(
        _WORKLOAD,
        default=workloads.default_cron_job,
        create=jobs.validate_cron_job,
        update=jobs.validate_cron_job_update,
    ),
    ("networking.k8s.io", "ingresses"): Rules(
        core=True,
        counted=("spec",),
        status=True,
        blank=_BALANCED,
        create=networking.validate_new_ingress,
        update=lambda new, old: networking.validate_ingress(new),
    ),
    ("networking.k8s.io", "networkpolicies"): Rules(
        core=True,
        counted=("spec",),
        default=networking.default_policy,
        create=networking.validate_policy,
    ),
    ("networking.k8s.io", "ingressclasses"): replace(
        _CLUSTER,
        core=True,
        again="then",
        counted=("spec",),
        default=networking.default_class,
        create=networking.validate_class,
    ),
    ("coordination.k8s.io", "leases"): Rules(
        unconditional=False,
        create_on_update=True,
        prepare=coordination.prepare_lease,
        prepare_change=lambda new, old: coordination.prepare_lease(new),
        create=coordination.validate_lease,
    ),
    ("discovery.k8s.io", "endpointslices"): Rules(
        core=True,
        again="new",
        counted=("endpoints", "ports", "addressType"),
        default=coordination.default_slice,
        prepare=coordination.prepare_slice,
        create=coordination.validate_slice,
        update=coordination.validate_slice_update,
    ),
    ("apiextensions.k8s.io", "customresourcedefinitions"): _Definitions(
        unconditional=False,
        namespaced=False,
        counted=("spec",),
        default=crd_strategy.default_crd,
        whole_create=definition.validate_create,
        warnings=definition.warnings,
    ),
    (_ADMISSION, "validatingwebhookconfigurations"): _webhooks(False),
    (_ADMISSION, "mutatingwebhookconfigurations"): _webhooks(True),
    (_ADMISSION, "validatingadmissionpolicies"): Rules(
        unconditional=False,
        namespaced=False,
        counted=("spec",),
        status=True,
        default=admission_registration.default_policy,
        whole_create=admission_registration.validate_policy,
        whole_update=admission_registration.validate_policy,
    ),
    (_ADMISSION, "validatingadmissionpolicybindings"): Rules(
        unconditional=False,
        namespaced=False,
        counted=("spec",),
        default=admission_registration.default_binding,
        whole_create=admission_registration.validate_binding,
        whole_update=lambda new, old: admission_registration.validate_binding(new),
    ),
    (_ADMISSION, "mutatingadmissionpolicies"): replace(_CLUSTER, unconditional=False, counted=("spec",)),
    (_ADMISSION, "mutatingadmissionpolicybindings"): replace(_CLUSTER, unconditional=False, counted=("spec",)),
    (_RBAC, "roles"): _rbac(True, False),
    (_RBAC, "clusterroles"): _rbac(False, False),
    (_RBAC, "rolebindings"): _rbac(True, True),
    (_RBAC, "clusterrolebindings"): _rbac(False, True),
    ("policy", "poddisruptionbudgets"): Rules(
        unconditional=False,
        counted=("spec",),
        status=True,
        blank=dict.fromkeys(_DISRUPTIONS, 0),
        whole_create=_budget_errors,
        whole_update=lambda new, old: workload_rules.validate_disruption_budget(new),
    ),
    ("scheduling.k8s.io", "priorityclasses"): replace(_CLUSTER, counted=("value",)),
    ("storage.k8s.io", "storageclasses"): replace(_CLUSTER, core=True, again="first"),
    ("storage.k8s.io", "csidrivers"): replace(_CLUSTER, unconditional=False),
    ("storage.k8s.io", "csinodes"): replace(_CLUSTER, unconditional=False),
    ("storage.k8s.io", "volumeattachments"): replace(_CLUSTER, unconditional=False, status=True),
    ("storage.k8s.io", "csistoragecapacities"): Rules(unconditional=False),
    ("autoscaling", "horizontalpodautoscalers"): Rules(core=True, status=True, blank={"desiredReplicas": 0}),
    ("certificates.k8s.io", "certificatesigningrequests"): replace(_CLUSTER, status=True),
    ("node.k8s.io", "runtimeclasses"): replace(_CLUSTER, unconditional=False, create_on_update=True),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): replace(_CLUSTER, counted=("spec",), status=True),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): replace(_CLUSTER, counted=("spec",), status=True),
    ("apiregistration.k8s.io", "apiservices"): replace(_CLUSTER, unconditional=False, status=True),
}
_TABLE[("events.k8s.io", "events")] = _TABLE[("", "events")]

_CLUSTER_WIDE = frozenset(
    {
        ("storage.k8s.io", "volumeattributesclasses"),
        ("networking.k8s.io", "ipaddresses"),
        ("networking.k8s.io", "servicecidrs"),
        ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "resourceslices"),
    }
)
_PLAIN = Rules()


def rules(group: str, plural: str) -> Rules:
    """The rules of a built-in resource."""
    found = _TABLE.get((group, plural))
    if found is None:
        found = _CLUSTER if (group, plural) in _CLUSTER_WIDE else _PLAIN
    return found
