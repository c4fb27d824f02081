"""Kubernetes' authorizer: authorizer.group('').resource('pods').check('create').allowed().

Who may what is the caller's to say: it binds `authorizer` to an Authorizer with a function that decides. Source: the
documentation of Kubernetes' CEL authorizer library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gatewright.cel.declarations import Library, function, member
from gatewright.cel.errors import EvalError
from gatewright.cel.types import BOOL, STRING, Type, struct
from gatewright.cel.values import Opaque

_P = "kubernetes.authorization."
AUTHORIZER, PATH_CHECK, GROUP_CHECK = struct(_P + "Authorizer"), struct(_P + "PathCheck"), struct(_P + "GroupCheck")
RESOURCE_CHECK, DECISION = struct(_P + "ResourceCheck"), struct(_P + "Decision")


@dataclass(frozen=True)
class Decision(Opaque):
    """What the authorizer said. error: "" where it worked."""

    allowed: bool
    reason: str = ""
    error: str = ""
    cel_type: Type = field(default=DECISION, init=False)


Decide = Callable[[Mapping[str, str]], Decision]
"""From verb, path or apiGroup, resource, subresource, namespace, name, fieldSelector, labelSelector, and
serviceAccount ("namespace/name", where another than the requesting user is asked about)."""


@dataclass(frozen=True)
class Authorizer(Opaque):
    """Answers for one user."""

    decide: Decide
    service_account: str = ""
    cel_type: Type = field(default=AUTHORIZER, init=False)


@dataclass(frozen=True)
class Request(Opaque):
    """A question that is being put together."""

    authorizer: Authorizer
    cel_type: Type
    parts: Mapping[str, str]


def request_resource(authorizer: Authorizer, parts: Mapping[str, str]) -> Request:
    """The value of `authorizer.requestResource`: a check of the resource that is requested."""
    return Request(authorizer, RESOURCE_CHECK, parts)


def _path(authorizer: Authorizer, path: str) -> Request:
    if not path.strip():
        raise EvalError("path must not be empty")
    return Request(authorizer, PATH_CHECK, {"path": path})


def _group(authorizer: Authorizer, group: str) -> Request:
    return Request(authorizer, GROUP_CHECK, {"apiGroup": group})


def _service_account(authorizer: Authorizer, namespace: str, name: str) -> Authorizer:
    return replace(authorizer, service_account=f"{namespace}/{name}")


def _resource(request: Request, resource: str) -> Request:
    if not resource.strip():
        raise EvalError("resource must not be empty")
    return Request(request.authorizer, RESOURCE_CHECK, {**request.parts, "resource": resource})


def _with(part: str) -> Callable[[Request, str], Request]:
    return lambda request, value: replace(request, parts={**request.parts, part: value})


def _check(request: Request, verb: str) -> Decision:
    parts = {**request.parts, "verb": verb}
    if request.authorizer.service_account:
        parts["serviceAccount"] = request.authorizer.service_account
    return request.authorizer.decide(parts)


def _part(name: str, overload_id: str, part: str) -> Any:
    return function(name, member(overload_id, (RESOURCE_CHECK, STRING), RESOURCE_CHECK, _with(part)))


def _answer(name: str, result: Type, read: Callable[[Decision], Any]) -> Any:
    return function(name, member(f"decision_{name}", (DECISION,), result, read))


LIBRARY = Library(
    functions=(
        function("path", member("authorizer_path", (AUTHORIZER, STRING), PATH_CHECK, _path)),
        function("group", member("authorizer_group", (AUTHORIZER, STRING), GROUP_CHECK, _group)),
        function(
            "serviceAccount",
            member("authorizer_serviceaccount", (AUTHORIZER, STRING, STRING), AUTHORIZER, _service_account),
        ),
        function("resource", member("groupcheck_resource", (GROUP_CHECK, STRING), RESOURCE_CHECK, _resource)),
        _part("subresource", "resourcecheck_subresource", "subresource"),
        _part("namespace", "resourcecheck_namespace", "namespace"),
        _part("name", "resourcecheck_name", "name"),
        function(
            "check",
            member("pathcheck_check", (PATH_CHECK, STRING), DECISION, _check),
            member("resourcecheck_check", (RESOURCE_CHECK, STRING), DECISION, _check),
        ),
        _answer("errored", BOOL, lambda decision: decision.error != ""),
        _answer("error", STRING, lambda decision: decision.error),
        _answer("allowed", BOOL, lambda decision: decision.allowed),
        _answer("reason", STRING, lambda decision: decision.reason),
    ),
)

SELECTORS = Library(
    functions=(
        _part("fieldSelector", "authorizer_fieldselector", "fieldSelector"),
        _part("labelSelector", "authorizer_labelselector", "labelSelector"),
    ),
)
