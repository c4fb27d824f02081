"""Pods and Pod templates: validation of new and of changed ones.

Called by `kinds` and `workload_rules`; containers and volumes have their own modules. Source: the Kubernetes API
reference ("Pod") and the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewright.apiserver.builtin import containers, forms
from gatewright.apiserver.builtin.internal_forms import spec_difference
from gatewright.apiserver.builtin.resources import claim_errors, pod_resource_errors, resource_errors
from gatewright.apiserver.builtin.scheduling import affinity_errors, spread_errors, toleration_errors
from gatewright.apiserver.builtin.security import pod_security_errors
from gatewright.apiserver.builtin.services import ip_errors
from gatewright.apiserver.builtin.volumes import volume_errors
from gatewright.core import metadata, names
from gatewright.core.field_errors import (
    FieldError,
    Marshalled,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from gatewright.core.objects import Object
from gatewright.core.selectors import validate_labels

SPEC = Path("spec")
_MOST = 2**31 - 1
_MIRROR = "kubernetes.io/config.mirror"
_COST = "controller.kubernetes.io/pod-deletion-cost"


def validate_pod(thing: Object) -> list[FieldError]:
    """Errors of a new Pod beside those of metadata."""
    spec: Object = thing.get("spec") or {}
    errors = _pod_errors(thing)
    if spec.get("ephemeralContainers"):
        errors.append(forbidden(SPEC.child("ephemeralContainers"), "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        told = "cannot be set until all schedulingGates have been cleared"
        errors.append(forbidden(SPEC.child("nodeName"), told))
    return errors


def _pod_errors(thing: Object) -> list[FieldError]:
    spec: Object = thing.get("spec") or {}
    annotations = (thing.get("metadata") or {}).get("annotations") or {}
    errors = _annotation_errors(annotations, spec, Path("metadata", "annotations"))
    errors += pod_spec_errors(spec, SPEC, pod=True, name=(thing.get("metadata") or {}).get("name") or "")
    if not spec.get("serviceAccountName"):
        errors += _token_errors(spec)
    for key in ("containers", "initContainers"):
        for position, container in enumerate(spec.get(key) or ()):
            image = container.get("image") or ""
            if image and image != image.strip():
                told = "must not have leading or trailing whitespace"
                errors.append(invalid(SPEC.child(key).index(position).child("image"), image, told))
    return errors


def _token_errors(spec: Object) -> list[FieldError]:
    told = "must not be specified when serviceAccountName is not set"
    return [
        forbidden(
            SPEC.child("volumes").index(i).child("projected", "sources").index(j).child("serviceAccountToken"), told
        )
        for i, volume in enumerate(spec.get("volumes") or ())
        for j, source in enumerate((volume.get("projected") or {}).get("sources") or ())
        if source.get("serviceAccountToken") is not None
    ]


def _annotation_errors(annotations: Object, spec: Object, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if _MIRROR in annotations and not spec.get("nodeName"):
        told = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(path.key(_MIRROR), annotations[_MIRROR], told))
    cost = annotations.get(_COST)
    if cost is not None:
        digits = str(cost).removeprefix("-")
        good = digits.isdigit() and -(2**31) <= int(cost) < 2**31 and (digits == "0" or digits[0] != "0")
        if not good:
            errors.append(invalid(path.key(_COST), cost, "must be a 32bit integer"))
    return errors


def template_errors(template: Object, path: Path) -> list[FieldError]:
    """Errors of the Pod template of a workload."""
    meta: Object = template.get("metadata") or {}
    spec: Object = template.get("spec") or {}
    errors = validate_labels(meta.get("labels") or {}, path.child("labels"))
    errors += metadata.validate_annotations(meta.get("annotations") or {}, path.child("annotations"))
    errors += _annotation_errors(meta.get("annotations") or {}, spec, path.child("annotations"))
    errors += pod_spec_errors(spec, path.child("spec"))
    if spec.get("ephemeralContainers"):
        told = "ephemeral containers not allowed in pod template"
        errors.append(forbidden(path.child("spec", "ephemeralContainers"), told))
    return errors


def pod_spec_errors(spec: Object, path: Path, *, pod: bool = False, name: str = "") -> list[FieldError]:
    """Errors of a PodSpec, in the server's order. pod: of a Pod itself, not of a template."""
    errors: list[FieldError] = []
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is None:
        errors.append(required(path.child("terminationGracePeriodSeconds")))
    good, found = volume_errors(spec.get("volumes") or (), path.child("volumes"), name)
    errors += found
    claims: Sequence[Object] = spec.get("resourceClaims") or ()
    known = frozenset(claim["name"] for claim in claims if claim.get("name"))
    around = containers.Around(good, known, spec.get("hostUsers") is not False, spec.get("restartPolicy") or "")
    errors += claim_errors(claims, path.child("resourceClaims"))
    errors += _container_errors(spec.get("containers") or (), around, grace, path.child("containers"))
    errors += _init_errors(spec, around, grace, path.child("initContainers"))
    if spec.get("resources") is not None:
        errors += pod_resource_errors(spec["resources"], path.child("resources"), known)
    if spec.get("hostNetwork"):
        errors += _host_network_errors(spec, path.child("containers"), pod)
    restarts = ("Always", "OnFailure", "Never")
    errors += forms.choice(spec.get("restartPolicy"), restarts, path.child("restartPolicy"), needed=True)
    lookups = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
    errors += forms.choice(spec.get("dnsPolicy"), lookups, path.child("dnsPolicy"), needed=True)
    errors += validate_labels(spec.get("nodeSelector") or {}, path.child("nodeSelector"))
    errors += pod_security_errors(spec, path.child("securityContext"))
    errors += affinity_errors(spec.get("affinity"), path.child("affinity"))
    errors += _dns_errors(spec, path.child("dnsConfig"))
    for position, gate in enumerate(spec.get("readinessGates") or ()):
        at, name = path.child("readinessGates").index(position).child("conditionType"), gate.get("conditionType") or ""
        errors += [invalid(at, name, text) for text in names.label_key(name)]
    errors += _gate_errors(spec.get("schedulingGates") or (), path.child("schedulingGates"))
    errors += spread_errors(spec.get("topologySpreadConstraints") or (), path.child("topologySpreadConstraints"))
    return errors + _name_errors(spec, path)


def _container_errors(
    found: Sequence[Object], around: containers.Around, grace: int | None, path: Path
) -> list[FieldError]:
    if not found:
        return [required(path)]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, container in enumerate(found):
        at = path.index(position)
        errors += containers.common_errors(container, around, at)
        name = container.get("name") or ""
        if name in seen:
            errors.append(duplicate(at.child("name"), name))
        seen.add(name)
        errors += containers.probe_errors(container, grace, at)
        errors += _restart_errors(container, at)
    return errors + containers.host_port_conflicts(found, path)


def _restart_errors(container: Object, path: Path) -> list[FieldError]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    at = path.child("restartPolicy")
    errors: list[FieldError] = []
    if policy is None:
        errors += [required(at, "must specify restartPolicy when restart rules are used")] if rules else []
    else:
        errors += forms.choice(policy, ("Always", "Never", "OnFailure"), at)
    if len(rules) > 20:
        errors.append(too_many(path.child("restartPolicyRules"), len(rules), 20))
    for position, rule in enumerate(rules):
        here, codes = path.child("restartPolicyRules").index(position), rule.get("exitCodes")
        errors += forms.choice(rule.get("action"), ("Restart", "RestartAllContainers"), here.child("action"))
        if codes is None:
            errors.append(required(here.child("exitCodes"), "must be specified"))
            continue
        errors += forms.choice(codes.get("operator"), ("In", "NotIn"), here.child("exitCodes", "operator"))
        values = codes.get("values") or ()
        if len(values) > 255:
            errors.append(too_many(here.child("exitCodes", "values"), len(values), 255))
    return errors


def _init_errors(spec: Object, around: containers.Around, grace: int | None, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen = {each.get("name") or "" for each in spec.get("containers") or ()}
    told = "may not be set for init containers without restartPolicy=Always"
    for position, container in enumerate(spec.get("initContainers") or ()):
        at = path.index(position)
        errors += containers.common_errors(container, around, at)
        if container.get("restartPolicy") is not None or not container.get("restartPolicyRules"):
            errors += _restart_errors(container, at)
        else:
            errors.append(required(at.child("restartPolicy"), "must specify restartPolicy when restart rules are used"))
        name = container.get("name") or ""
        if name in seen:
            errors.append(duplicate(at.child("name"), name))
        elif name:
            seen.add(name)
        errors += containers.host_port_conflicts([container], path)
        if container.get("restartPolicy") == "Always":
            errors += containers.probe_errors(container, grace, at)
            continue
        keys = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
        errors += [forbidden(at.child(key), told) for key in keys if container.get(key) is not None]
    return errors


def _host_network_errors(spec: Object, path: Path, pod: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, container in enumerate(spec.get("containers") or ()):
        for j, port in enumerate(container.get("ports") or ()):
            host, own = port.get("hostPort") or 0, port.get("containerPort") or 0
            if (pod or host) and host != own:
                told = "must match `containerPort` when `hostNetwork` is true"
                errors.append(invalid(path.index(i).child("ports").index(j).child("hostPort"), host, told))
    return errors


def _dns_errors(spec: Object, path: Path) -> list[FieldError]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            told = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(path.child("nameservers"), told)]
    if config is None:
        return []
    errors: list[FieldError] = []
    servers, searches = list(config.get("nameservers") or ()), list(config.get("searches") or ())
    if len(servers) > 3:
        errors.append(invalid(path.child("nameservers"), servers, "must not have more than 3 nameservers"))
    for position, server in enumerate(servers):
        errors += ip_errors(server, path.child("nameservers").index(position))
    if len(searches) > 32:
        errors.append(invalid(path.child("searches"), searches, "must not have more than 32 search paths"))
    if len(" ".join(searches)) > 2048:
        told = "must not have more than 2048 characters (including spaces) in the search list"
        errors.append(invalid(path.child("searches"), searches, told))
    for position, search in enumerate(searches):
        if search != ".":
            plain, at = search.removesuffix("."), path.child("searches").index(position)
            errors += [invalid(at, plain, text) for text in names.dns_subdomain_with_underscore(plain)]
    for position, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            errors.append(required(path.child("options").index(position), "must not be empty"))
    return errors


def _gate_errors(gates: Sequence[Object], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, gate in enumerate(gates):
        name = gate.get("name") or ""
        errors += [invalid(path.index(position), name, text) for text in names.label_key(name)]
        if name in seen:
            errors.append(duplicate(path.index(position), name))
        seen.add(name)
    return errors


def _host_errors(spec: Object, path: Path) -> list[FieldError]:
    """What a Pod with users of its own may not share with its host; the name that overrides its host's."""
    errors: list[FieldError] = []
    if spec.get("hostUsers") is False:
        shared = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
        errors += [forbidden(path.child(title), "when `hostUsers` is false") for key, title in shared if spec.get(key)]
    name, at = spec.get("hostnameOverride"), path.child("hostnameOverride")
    if name is None:
        return errors
    for key in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(key):
            errors.append(forbidden(at, f"may not be specified when {key} is true"))
    if len(name) > 64:
        errors.append(too_long(at, 64))
    return errors + [invalid(at, name, text) for text in names.dns_subdomain(name)]


def _name_errors(spec: Object, path: Path) -> list[FieldError]:
    """Names of things beside the Pod, deadlines, tolerations, aliases."""
    errors = _host_errors(spec, path)
    for key in ("serviceAccountName", "nodeName"):
        value = spec.get(key) or ""
        errors += [invalid(path.child(key), value, text) for text in (names.dns_subdomain(value) if value else ())]
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None:
        at = path.child("activeDeadlineSeconds")
        errors += [invalid(at, deadline, text) for text in forms.in_range(deadline, 1, _MOST)]
    for key in ("hostname", "subdomain"):
        if spec.get(key):
            errors += forms.label(spec[key], path.child(key))
    errors += toleration_errors(spec.get("tolerations") or (), path.child("tolerations"))
    for position, alias in enumerate(spec.get("hostAliases") or ()):
        at = path.child("hostAliases").index(position)
        errors += ip_errors(alias.get("ip") or "", at.child("ip"))
        for i, host in enumerate(alias.get("hostnames") or ()):
            errors += [invalid(at.child("hostnames").index(i), host, text) for text in names.dns_subdomain(host)]
    for key in ("priorityClassName", "runtimeClassName"):
        value = spec.get(key)
        if value or (value is not None and key == "runtimeClassName"):
            errors += [invalid(path.child(key), value, text) for text in names.dns_subdomain(value)]
    preemption = spec.get("preemptionPolicy")
    if preemption is not None:
        choices = ("PreemptLowerPriority", "Never")
        errors += forms.choice(preemption, choices, path.child("preemptionPolicy"), needed=True)
    if spec.get("overhead"):
        errors += resource_errors({"limits": spec["overhead"]}, path.child("overhead"))
    system = (spec.get("os") or {}).get("name")
    if system is not None and system not in ("linux", "windows"):
        at = path.child("os")
        choices = ("linux", "windows")
        errors.append(not_supported(at, Marshalled(system), choices) if system else required(at.child("name")))
    return errors + containers.file_volume_errors(spec, path)


# --- changes

_CHANGEABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def validate_pod_update(new: Object, old: Object) -> list[FieldError]:
    """Errors of a changed Pod: few fields of a Pod may change."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _pod_errors(new)
    for key in ("containers", "initContainers"):
        if len(spec.get(key) or ()) != len(before.get(key) or ()):
            return [*errors, forbidden(SPEC.child(key), "pod updates may not add or remove containers")]
        for position, container in enumerate(spec.get(key) or ()):
            at, image = SPEC.child(key).index(position).child("image"), container.get("image") or ""
            if not image:
                errors.append(required(at))
            elif image != image.strip():
                errors.append(invalid(at, image, "must not have leading or trailing whitespace"))
    stop = _deadline_errors(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    errors += stop
    if stop and spec.get("activeDeadlineSeconds") is not None:
        return errors
    errors += _toleration_changes(spec, before)
    known = {gate.get("name") for gate in before.get("schedulingGates") or ()}
    for position, gate in enumerate(spec.get("schedulingGates") or ()):
        if gate.get("name") not in known:
            told = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            errors.append(forbidden(SPEC.child("schedulingGates").index(position).child("name"), told))
    made = _munged(spec, before)
    if not metadata.unchanged(made, before):
        told = f"pod updates may not change fields other than {_CHANGEABLE}\n{spec_difference(before, made)}"
        errors.append(forbidden(SPEC, told))
    return errors


def _deadline_errors(new: int | None, old: int | None) -> list[FieldError]:
    at = SPEC.child("activeDeadlineSeconds")
    if new is None:
        if old is None:
            return []
        return [invalid(at, None, "must not update from a positive integer to nil value")]
    if not 0 <= new <= _MOST:
        return [invalid(at, new, f"must be between 0 and {_MOST}, inclusive")]
    return [invalid(at, new, "must be less than or equal to previous value")] if old is not None and old < new else []


def _toleration_changes(spec: Object, before: Object) -> list[FieldError]:
    def plain(toleration: Object) -> dict[str, Any]:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    at = SPEC.child("tolerations")
    found = [plain(each) for each in spec.get("tolerations") or ()]
    if any(plain(each) not in found for each in before.get("tolerations") or ()):
        return [forbidden(at, "existing toleration can not be modified except its tolerationSeconds")]
    return toleration_errors(spec.get("tolerations") or (), at)


def _munged(spec: Object, before: Object) -> dict[str, Any]:
    """The new spec with what may change as it was."""
    made = dict(spec)
    for key in ("containers", "initContainers"):
        old = before.get(key) or ()
        if spec.get(key):
            made[key] = [{**each, "image": was.get("image")} for each, was in zip(spec[key], old, strict=True)]
    for key in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        made.pop(key, None)
        if key in before:
            made[key] = before[key]
    was = before.get("terminationGracePeriodSeconds")
    if was is not None and was < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        made["terminationGracePeriodSeconds"] = was
    if before.get("schedulingGates") and "nodeSelector" in spec:
        kept = before.get("nodeSelector") or {}
        if all(spec["nodeSelector"].get(key) == value for key, value in kept.items()):
            made["nodeSelector"] = kept
    return made
