"""Requests and limits of containers and Pods, and claims of resources: validation.

Called by `containers` and `pods`. Names are walked in sorted order where the server's order is chance. Source: the
Kubernetes API reference ("ResourceRequirements") and the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gatewright.apiserver.builtin import forms, quantities
from gatewright.core import names
from gatewright.core.field_errors import (
    FieldError,
    Marshalled,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from gatewright.core.go_text import Struct
from gatewright.core.objects import Object

_COMPUTE = ("cpu", "ephemeral-storage", "memory")
_COUNTED = (
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
    "requests.storage",
)
_STANDARD = frozenset(
    {*_COMPUTE, *_COUNTED, *(f"{kind}.{name}" for kind in ("requests", "limits") for name in _COMPUTE)}
)
_WHOLE = frozenset(_COUNTED) - {"storage", "requests.storage"}
_POD_LEVEL = ("cpu", "hugepages-", "memory")

NameRule = Callable[[str, Path], list[FieldError]]


def resource_errors(resources: Object, path: Path, claims: frozenset[str] = frozenset()) -> list[FieldError]:
    """Errors of the resources of a container. claims: the names of the Pod's resource claims."""
    return _amounts_errors(resources, path, claims, _container_name_errors)


def pod_resource_errors(resources: Object, path: Path, claims: frozenset[str]) -> list[FieldError]:
    """Errors of the resources of a whole Pod."""
    errors: list[FieldError] = []
    if resources.get("claims") is not None:
        told = "claims may not be set for Resources at pod-level"
        errors.append(forbidden(path.child("claims"), told))
    return errors + _amounts_errors(resources, path, claims, _pod_name_errors)


def _amounts_errors(resources: Object, path: Path, claims: frozenset[str], rule: NameRule) -> list[FieldError]:
    errors: list[FieldError] = []
    limits: Mapping[str, Any] = resources.get("limits") or {}
    requests: Mapping[str, Any] = resources.get("requests") or {}
    at_limits, at_requests = path.child("limits"), path.child("requests")
    for name in sorted(limits):
        errors += rule(name, at_limits.key(name)) + _amount_errors(name, limits[name], at_limits.key(name))
    for name in sorted(requests):
        errors += rule(name, at_requests.key(name)) + _amount_errors(name, requests[name], at_requests.key(name))
        if name in limits:
            errors += _request_errors(name, requests[name], limits[name], at_requests)
        elif not _overcommits(name):
            errors.append(required(at_limits, "Limit must be set for non overcommitable resources"))
    huge = any(name.startswith("hugepages-") for name in (*limits, *requests))
    if huge and not {"cpu", "memory"} & {*limits, *requests}:
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    return errors + _claimed_errors(resources.get("claims") or (), claims, path.child("claims"))


def _request_errors(name: str, request: Any, limit: Any, path: Path) -> list[FieldError]:
    asked, most = quantities.parse(request), quantities.parse(limit)
    if asked is None or most is None:
        return []
    if asked != most and not _overcommits(name):
        return [invalid(path, str(request), f"must be equal to {name} limit of {limit}")]
    if asked > most:
        return [invalid(path, str(request), f"must be less than or equal to {name} limit of {limit}")]
    return []


def _overcommits(name: str) -> bool:
    return ("/" not in name or "kubernetes.io/" in name) and not name.startswith("hugepages-")


def _name_errors(name: str, path: Path) -> list[FieldError]:
    errors = [invalid(path, Marshalled(name), text) for text in names.label_key(name)]
    if not errors and "/" not in name and name not in _STANDARD and not name.startswith("hugepages-"):
        told = "must be a standard resource type or fully qualified"
        errors.append(invalid(path, Marshalled(name), told))
    return errors


def _container_name_errors(name: str, path: Path) -> list[FieldError]:
    errors = _name_errors(name, path)
    if "/" not in name:
        if name not in _COMPUTE and not name.startswith("hugepages-"):
            errors.append(invalid(path, Marshalled(name), "must be a standard resource for containers"))
    elif "kubernetes.io/" not in name and (name.startswith("requests.") or names.label_key(f"requests.{name}")):
        errors.append(invalid(path, Marshalled(name), "doesn't follow extended resource name standard"))
    return errors


def _pod_name_errors(name: str, path: Path) -> list[FieldError]:
    errors = _name_errors(name, path)
    if errors or name in ("cpu", "memory") or name.startswith("hugepages-"):
        return errors
    return [not_supported(path, Marshalled(name), _POD_LEVEL)]


def _whole_pages(name: str, exact: Decimal) -> bool:
    page = quantities.parse(name.removeprefix("hugepages-"))
    return page is not None and page > 0 and page == page.to_integral_value() and exact % page == 0


def _amount_errors(name: str, value: Any, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    exact = quantities.parse(value)
    if exact is not None and exact < 0:
        errors.append(invalid(path, str(value), "must be greater than or equal to 0"))
    counted = name in _WHOLE or ("/" in name and "kubernetes.io/" not in name)
    if exact is not None and counted and exact != exact.to_integral_value():
        errors.append(invalid(path, Marshalled(str(value)), "must be an integer"))
    if exact is not None and name.startswith("hugepages-") and not _whole_pages(name, exact):
        errors.append(invalid(path, str(value), f"{value} is not positive integer multiple of {name}"))
    return errors


def resize_errors(policies: Sequence[Object], path: Path, restarts: str) -> list[FieldError]:
    """Errors of what happens to a container whose resources change. restarts: the Pod's restart policy."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, each in enumerate(policies):
        name, policy = each.get("resourceName") or "", each.get("restartPolicy") or ""
        if name in seen:
            errors.append(duplicate(path.index(position), Marshalled(name)))
        seen.add(name)
        errors += forms.choice(name, ("cpu", "memory"), path, needed=True)
        errors += forms.choice(policy, ("NotRequired", "RestartContainer"), path, needed=True)
        if restarts == "Never" and policy != "NotRequired":
            told = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid(path, Marshalled(policy), told))
    return errors


# --- claims


def _claimed_errors(claims: Sequence[Object], known: frozenset[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, claim in enumerate(claims):
        at = path.index(position)
        name, request = claim.get("name") or "", claim.get("request") or ""
        if not name:
            errors.append(required(at))
            continue
        if name in seen:
            errors.append(duplicate(at, name))
        else:
            if request:
                errors += forms.label(request, at.child("request"))
            key = f"{name}/{request}" if request else name
            if key in seen:
                errors.append(duplicate(at, key))
            elif not request:
                errors += [duplicate(at, name) for each in sorted(seen) if each.startswith(f"{name}/")]
            seen.add(key)
        if name not in known:
            listed = f": {', '.join(sorted(known))}" if known else " which is empty"
            errors.append(not_found(at, name, f"must be one of the names in pod.spec.resourceClaims{listed}"))
    return errors


def claim_errors(claims: Sequence[Object], path: Path) -> list[FieldError]:
    """Errors of the resource claims of a Pod."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    sources = ("resourceClaimName", "resourceClaimTemplateName")
    for position, claim in enumerate(claims):
        at, name = path.index(position), claim.get("name") or ""
        if not name:
            errors.append(required(at.child("name")))
        elif name in seen:
            errors.append(duplicate(at.child("name"), name))
        else:
            errors += forms.label(name, at.child("name"))
            seen.add(name)
        given = [key for key in sources if claim.get(key) is not None]
        if len(given) == 2:
            told = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid(at, _shown(claim), told))
        if not given:
            told = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(invalid(at, _shown(claim), told))
        for key in given:
            errors += [invalid(at.child(key), claim[key], text) for text in names.dns_subdomain(claim[key])]
    return errors


def _shown(claim: Object) -> Struct:
    return Struct(
        [
            ("Name", claim.get("name") or ""),
            ("ResourceClaimName", claim.get("resourceClaimName")),
            ("ResourceClaimTemplateName", claim.get("resourceClaimTemplateName")),
        ]
    )
