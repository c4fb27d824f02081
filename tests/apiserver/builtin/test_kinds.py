"""The stages of built-in kinds: defaults, preparation, what is refused at create and at update, in which words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gatewright.apiserver.builtin.kinds import rules
from gatewright.core.clock import Now
from gatewright.core.objects import Object

NOW = Now(1_790_000_000.0, 0.0)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
)
UID = "00000000-0000-0000-0000-000000000001"

POD: Any = {
    "containers": [
        {
            "name": "main",
            "image": "img:1",
            "ports": [{"containerPort": 80}],
            "env": [{"name": "A", "value": "b"}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }
    ],
    "volumes": [{"name": "v", "emptyDir": {}}],
}
SELECTOR = {"matchLabels": {"a": "b"}}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
JOB = {"template": {"spec": {**POD, "restartPolicy": "Never"}}}
BODIES: dict[tuple[str, str], Any] = {
    ("", "pods"): {"spec": POD},
    ("", "services"): {"spec": {"ports": [{"port": 80}], "clusterIP": "10.0.0.9"}},
    ("", "configmaps"): {"data": {"a": "b"}},
    ("", "secrets"): {"data": {"a": "Yg=="}},
    ("", "namespaces"): {},
    ("", "serviceaccounts"): {},
    ("apps", "deployments"): {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    ("apps", "replicasets"): {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    ("apps", "statefulsets"): {"spec": {"selector": SELECTOR, "template": TEMPLATE, "serviceName": "s"}},
    ("apps", "daemonsets"): {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    ("batch", "jobs"): {"spec": JOB},
    ("batch", "cronjobs"): {"spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": JOB}}},
    ("networking.k8s.io", "ingresses"): {
        "spec": {
            "rules": [
                {
                    "host": "x.io",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "s", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ]
        }
    },
    ("networking.k8s.io", "networkpolicies"): {
        "spec": {"podSelector": SELECTOR, "ingress": [{"ports": [{"port": 80}]}]}
    },
    ("coordination.k8s.io", "leases"): {"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}},
    ("discovery.k8s.io", "endpointslices"): {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.2.3"]}],
        "ports": [{"name": "web", "port": 80}],
    },
    ("policy", "poddisruptionbudgets"): {"spec": {"minAvailable": 1, "selector": SELECTOR}},
    ("rbac.authorization.k8s.io", "roles"): {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    ("rbac.authorization.k8s.io", "clusterroles"): {"rules": []},
    ("rbac.authorization.k8s.io", "rolebindings"): {
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "u"}],
    },
}


def prepared(key: tuple[str, str], body: Object) -> Object:
    """A new object as validation sees it."""
    kind = rules(*key)
    namespace = {"namespace": "default"} if kind.namespaced else {}
    given = {"name": "x", "uid": UID, **namespace, **(body.get("metadata") or {})}
    return kind.prepare_create(kind.default({**body, "metadata": given}), NOW)


def changed(key: tuple[str, str], path: str, value: Any) -> Any:
    """The kind's good body with another value at a path such as "spec.ports.0.port"."""
    body: Any = copy.deepcopy(BODIES[key])
    place = body
    *way, last = path.split(".")
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    if isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return body


def refused(key: tuple[str, str], body: Object) -> list[str]:
    return [str(error) for error in rules(*key).validate_create(prepared(key, body))]


@pytest.mark.parametrize("key", BODIES, ids=lambda key: key[1])
def test_good_objects_are_good_and_may_be_written_again(key: tuple[str, str]) -> None:
    kind = rules(*key)
    made = prepared(key, BODIES[key])
    assert [str(error) for error in kind.validate_create(made)] == []
    stored: Any = {**made, "metadata": {**made["metadata"], "resourceVersion": "5"}}
    again = kind.prepare_update(kind.default(stored), stored, "", NOW)
    assert again == stored
    assert [str(error) for error in kind.validate_update(again, stored, "")] == []


@pytest.mark.parametrize("key", BODIES, ids=lambda key: key[1])
def test_defaults_are_given_once(key: tuple[str, str]) -> None:
    kind = rules(*key)
    once = kind.default({**BODIES[key], "metadata": {"name": "x"}})
    assert kind.default(once) == once


PODS, SERVICES, DEPLOYMENTS = ("", "pods"), ("", "services"), ("apps", "deployments")
STATEFUL, DAEMONS, JOBS, CRONS = (
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
)
INGRESSES, POLICIES = ("networking.k8s.io", "ingresses"), ("networking.k8s.io", "networkpolicies")
SLICES, LEASES = ("discovery.k8s.io", "endpointslices"), ("coordination.k8s.io", "leases")
BUDGETS, RBAC = ("policy", "poddisruptionbudgets"), "rbac.authorization.k8s.io"


@pytest.mark.parametrize(
    ("key", "path", "value", "expected"),
    [
        (PODS, "spec.containers", [], ["spec.containers: Required value"]),
        (PODS, "spec.containers.0.image", "", ["spec.containers[0].image: Required value"]),
        (
            PODS,
            "spec.containers.0.name",
            "A_B",
            [f'spec.containers[0].name: Invalid value: "A_B": {LABEL}'],
        ),
        (
            PODS,
            "spec.containers.0.ports.0.containerPort",
            65536,
            ["spec.containers[0].ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive"],
        ),
        (
            PODS,
            "spec.containers.0.ports.0.protocol",
            "tcp",
            ['spec.containers[0].ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'],
        ),
        (
            PODS,
            "spec.containers.0.volumeMounts.0.name",
            "w",
            ['spec.containers[0].volumeMounts[0].name: Not found: "w"'],
        ),
        (
            PODS,
            "spec.containers.0.env.0.valueFrom",
            {},
            [
                'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, '
                "`resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            ],
        ),
        (
            PODS,
            "spec.containers.0.resources",
            {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
            ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
        ),
        (
            PODS,
            "spec.containers.0.resources.claims",
            [{"name": "c"}],
            [
                'spec.containers[0].resources.claims[0]: Not found: "c": must be one of the names in '
                "pod.spec.resourceClaims which is empty"
            ],
        ),
        (
            PODS,
            "spec.containers.0.livenessProbe",
            {"httpGet": {"port": 80, "path": "/"}, "successThreshold": 2},
            ["spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"],
        ),
        (
            PODS,
            "spec.volumes.0.hostPath",
            {"path": "/x"},
            [
                "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
                "spec.containers[0].volumeMounts[0].name",
            ],
        ),
        (PODS, "spec.restartPolicy", "Sometimes", ['spec.restartPolicy: Unsupported value: "Sometimes"']),
        (
            PODS,
            "spec.hostnameOverride",
            "A",
            ['spec.hostnameOverride: Invalid value: "A": a lowercase RFC 1123 subdomain'],
        ),
        (
            PODS,
            "spec.securityContext.seccompProfile",
            {"type": "Unconfined", "localhostProfile": "x"},
            [
                "spec.securityContext.seccompProfile.localhostProfile: Invalid value: "
                '{"Type":"Unconfined","LocalhostProfile":"x"}: can only be set when seccomp type is Localhost'
            ],
        ),
        (
            PODS,
            "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution",
            [{"topologyKey": "z", "matchLabelKeys": ["a"]}],
            [
                "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchLabelKeys: "
                "Forbidden: must not be specified when labelSelector is not set"
            ],
        ),
        (SERVICES, "spec.ports", [], ["spec.ports: Required value"]),
        (
            SERVICES,
            "spec.ports.0.port",
            0,
            ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535", "spec.ports[0].targetPort: Invalid"],
        ),
        (
            SERVICES,
            "spec.type",
            "X",
            ['spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName"'],
        ),
        (
            SERVICES,
            "spec.loadBalancerSourceRanges",
            ["10.0.0.0/8"],
            ["spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
        ),
        (
            DEPLOYMENTS,
            "spec.selector.matchLabels",
            {"a": "c"},
            ['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
        ),
        (
            DEPLOYMENTS,
            "spec.strategy",
            {"type": "X", "rollingUpdate": {"maxSurge": 1}},
            [
                'spec.strategy: Unsupported value: {"Type":"X","RollingUpdate":{"MaxUnavailable":0,"MaxSurge":1}}: '
                'supported values: "Recreate", "RollingUpdate"'
            ],
        ),
        (DEPLOYMENTS, "spec.replicas", -1, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
        (
            STATEFUL,
            "spec.podManagementPolicy",
            "X",
            ["spec.podManagementPolicy: Invalid value: \"X\": must be 'OrderedReady' or 'Parallel'"],
        ),
        (
            DAEMONS,
            "spec.template.spec.restartPolicy",
            "Never",
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
        ),
        (
            JOBS,
            "spec.template.spec.restartPolicy",
            "Always",
            ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
        ),
        (
            JOBS,
            "spec.podFailurePolicy",
            {"rules": [{"action": "X"}]},
            [
                'spec.podFailurePolicy.rules[0].action: Unsupported value: "X": supported values: "Count"',
                "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions",
            ],
        ),
        (
            JOBS,
            "spec.maxFailedIndexes",
            5,
            [
                "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
                "spec.maxFailedIndexes: Invalid value: 5: requires indexed completion mode",
            ],
        ),
        (
            CRONS,
            "spec.schedule",
            "* * *",
            ['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]'],
        ),
        (CRONS, "spec.timeZone", "Nowhere", ['spec.timeZone: Invalid value: "Nowhere": unknown time zone Nowhere']),
        (
            INGRESSES,
            "spec.rules.0.http.paths.0.path",
            "x",
            ['spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path'],
        ),
        (
            INGRESSES,
            "spec.rules.0.http.paths.0.backend",
            {},
            ['spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required'],
        ),
        (
            POLICIES,
            "spec.ingress.0.ports.0.protocol",
            "X",
            ['spec.ingress[0].ports[0].protocol: Unsupported value: "X": supported values: "TCP", "UDP", "SCTP"'],
        ),
        (
            SLICES,
            "endpoints.0.addresses",
            [],
            ["endpoints[0].addresses: Required value: must contain at least 1 address"],
        ),
        (
            SLICES,
            "endpoints.0.addresses",
            ["127.0.0.1"],
            ['endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range'],
        ),
        (
            LEASES,
            "spec.leaseDurationSeconds",
            0,
            ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
        ),
        (
            BUDGETS,
            "spec.maxUnavailable",
            1,
            ['spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"a":"b"}},"MaxUnavailable":1,'],
        ),
        (
            (RBAC, "roles"),
            "rules.0.verbs",
            [],
            ["rules[0].verbs: Required value: verbs must contain at least one value"],
        ),
        (
            (RBAC, "rolebindings"),
            "roleRef.kind",
            "X",
            ['roleRef.kind: Unsupported value: "X": supported values: "Role", "ClusterRole"'],
        ),
        (
            ("", "namespaces"),
            "spec.finalizers",
            ["a"],
            ['spec.finalizers: Invalid value: "a": name is neither a standard finalizer name'],
        ),
        (
            ("", "configmaps"),
            "data",
            {"a/b": ""},
            ['data[a/b]: Invalid value: "a/b": a valid config key must consist of'],
        ),
        (
            ("", "secrets"),
            "type",
            "kubernetes.io/tls",
            ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
        ),
        (
            ("", "configmaps"),
            "metadata.name",
            "A",
            ['metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of'],
        ),
        (("", "services"), "metadata.name", "a.b", ['metadata.name: Invalid value: "a.b": must not contain dots']),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_refused(key: tuple[str, str], path: str, value: Any, expected: list[str]) -> None:
    found = refused(key, changed(key, path, value))
    assert len(found) == len(expected), found
    for text, begin in zip(found, expected, strict=True):
        assert text.startswith(begin)


def update(key: tuple[str, str], path: str, value: Any, subresource: str = "") -> list[str]:
    """Errors of writing the kind's good object again with one change."""
    kind = rules(*key)
    old = prepared(key, BODIES[key])
    stored: Any = {**old, "metadata": {**old["metadata"], "resourceVersion": "5"}}
    new = prepared(key, changed(key, path, value))
    written: Any = {**new, "metadata": {**stored["metadata"], **({} if "metadata" not in path else new["metadata"])}}
    written["metadata"]["resourceVersion"] = "5"
    ready = kind.prepare_update(kind.default(written), stored, subresource, NOW)
    return [str(error) for error in kind.validate_update(ready, stored, subresource)]


@pytest.mark.parametrize(
    ("key", "path", "value", "expected"),
    [
        (PODS, "spec.containers.0.image", "img:2", []),
        (DEPLOYMENTS, "spec.selector.matchLabels", {"a": "c"}, ["spec.template.metadata.labels", "spec.selector"]),
        (STATEFUL, "spec.serviceName", "t", ["spec"]),
        (JOBS, "spec.completions", 7, ["spec.completions"]),
        (JOBS, "spec.suspend", True, []),
        (SERVICES, "spec.clusterIP", "10.0.0.10", ["spec.clusterIPs[0]"]),
        (SLICES, "addressType", "FQDN", ["addressType"]),
        ((RBAC, "rolebindings"), "roleRef.name", "s", ["roleRef"]),
        (("", "secrets"), "type", "x", ["type"]),
        (LEASES, "spec.leaseDurationSeconds", -1, ["spec.leaseDurationSeconds"]),
    ],
)
def test_what_may_not_change(key: tuple[str, str], path: str, value: Any, expected: list[str]) -> None:
    assert [text.split(": ")[0] for text in update(key, path, value)] == expected


def test_bad_labels_of_a_change_have_as_many_causes_as_the_server_has_checks() -> None:
    bad = {"a": "b c"}
    assert len(update(("", "configmaps"), "metadata.labels", bad)) == 4
    assert len(update(("", "services"), "metadata.labels", bad)) == 3
    assert len(update(SLICES, "metadata.labels", bad)) == 3
    assert len(update(BUDGETS, "metadata.labels", bad)) == 2


def test_a_changed_pod_is_told_line_by_line() -> None:
    (text,) = update(PODS, "spec.containers.0.env.0.value", "c")
    assert text.startswith("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,")
    _, _, lines = text.partition("(allow it to be set to 1 if it was previously negative)\n")
    assert lines.splitlines()[1:] == [
        '    "Env": [',
        "     {",
        '      "Name": "A",',
        '-     "Value": "b",',
        '+     "Value": "c",',
        '      "ValueFrom": null',
        "     }",
        "    ],",
    ]


def test_an_immutable_config_map_stays() -> None:
    kind = rules("", "configmaps")
    meta = {"name": "x", "namespace": "d", "resourceVersion": "1"}
    old = {"metadata": meta, "immutable": True, "data": {"a": "b"}}
    found = kind.validate_update({"metadata": meta, "data": {"a": "c"}}, old, "")
    assert [error.field for error in found] == ["immutable", "data"]


def test_status_belongs_to_its_subresource() -> None:
    kind = rules(*DEPLOYMENTS)
    old: Any = prepared(DEPLOYMENTS, BODIES[DEPLOYMENTS])
    written = {**old, "status": {"replicas": 3}, "spec": {**old["spec"], "replicas": 7}}
    main = kind.prepare_update(written, old, "", NOW)
    assert (main["status"], main["spec"]["replicas"], main["metadata"]["generation"]) == ({}, 7, 2)
    status = kind.prepare_update(written, old, "status", NOW)
    assert (status["status"], status["spec"]["replicas"], status["metadata"]["generation"]) == ({"replicas": 3}, 1, 1)


def test_kinds_without_a_row_have_plain_rules() -> None:
    assert rules("unheard", "of").namespaced
    assert not rules("storage.k8s.io", "volumeattributesclasses").namespaced
