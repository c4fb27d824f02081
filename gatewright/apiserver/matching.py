"""Which webhooks (later: policies) a request concerns: rules, scope, equivalent resources, namespace and object
selectors.

Source: admissionregistration.k8s.io/v1 RuleWithOperations and the matching of k8s.io/apiserver's webhook and policy
plugins. `admission` is
the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.apiserver import resources
from gatewright.apiserver.calls import Call
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import State
from gatewright.core.objects import Object, labels
from gatewright.core.selectors import LabelSelector, label_selector

_EXEMPT = frozenset(
    {
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    }
)


def exempt(endpoint: Endpoint) -> bool:
    """Whether no webhook is asked about this resource."""
    return endpoint.group == "admissionregistration.k8s.io" and endpoint.plural in _EXEMPT


def matched_endpoint(hook: Mapping[str, Any], call: Call, operation: str, state: State) -> Endpoint | None:
    """The version of the resource that a webhook's rules name: the requested one, or an equivalent one
    (matchPolicy)."""
    rules: Sequence[Mapping[str, Any]] = hook.get("rules") or ()
    endpoint, subresource = call.endpoint, call.target.subresource
    if any(_rule_matches(rule, endpoint, subresource, operation) for rule in rules):
        return endpoint
    if hook.get("matchPolicy") == "Exact":
        return None
    others = equivalents(endpoint, call, state)
    for rule in rules:
        for other in others:
            if _rule_matches(rule, other, subresource, operation):
                return other
    return None


def equivalents(endpoint: Endpoint, call: Call, state: State) -> tuple[Endpoint, ...]:
    """The same objects under other groups and versions."""
    if endpoint.custom is not None:
        crd = state.view(resources.view_of(call.config.server), endpoint.group_resource)
        found = resources.endpoints_of(crd) if crd is not None else {}
        return tuple(found[version] for version in found if version != endpoint.version)
    return tuple(
        one
        for one in call.config.registry.endpoints
        if one.storage == endpoint.storage and (one.group, one.version) != (endpoint.group, endpoint.version)
    )


def _rule_matches(rule: Mapping[str, Any], endpoint: Endpoint, subresource: str, operation: str) -> bool:
    return (
        _listed(rule.get("operations"), operation)
        and _listed(rule.get("apiGroups"), endpoint.group)
        and _listed(rule.get("apiVersions"), endpoint.version)
        and _scope_matches(rule.get("scope"), endpoint)
        and any(_resource_matches(name, endpoint.plural, subresource) for name in rule.get("resources") or ())
    )


def _listed(choices: Sequence[str] | None, value: str) -> bool:
    return bool(choices) and ("*" in choices or value in choices)  # type: ignore[operator]


def _scope_matches(scope: str | None, endpoint: Endpoint) -> bool:
    if scope in (None, "", "*"):
        return True
    # A Namespace object is cluster-scoped although requests to it carry its name as namespace.
    return (scope == "Namespaced") == endpoint.namespaced


def _resource_matches(pattern: str, plural: str, subresource: str) -> bool:
    wanted, slash, sub = pattern.partition("/")
    if not slash:
        sub = ""
    if pattern == "*/*":
        return True
    if wanted not in ("*", plural):
        return False
    return sub == subresource or (sub == "*" and bool(slash) and bool(subresource or wanted == "*"))


def selected(hook: Mapping[str, Any], call: Call, thing: Object | None, old: Object | None, state: State) -> bool:
    """Whether the namespace and object selectors of a webhook let it see the request."""
    by_namespace = hook.get("namespaceSelector")
    if by_namespace and not _namespace_selected(label_selector(by_namespace), call, thing, state):
        return False
    by_object = hook.get("objectSelector")
    if not by_object:
        return True
    selector = label_selector(by_object)
    return any(one is not None and selector.matches(labels(one)) for one in (thing, old))


def _namespace_selected(selector: LabelSelector, call: Call, thing: Object | None, state: State) -> bool:
    if selector.empty:
        return True
    endpoint, name = call.endpoint, call.target.namespace
    if endpoint.storage == "namespaces":
        if thing is not None and not call.target.subresource:
            return selector.matches(labels(thing))
        name = call.target.name
    elif not endpoint.namespaced:
        return True
    found = state.get(("namespaces", "", name))
    return found is not None and selector.matches(labels(found.thing))
