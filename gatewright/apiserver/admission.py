"""Admission: the built-in plugins that change Pods, then mutating webhooks; after validation, validating webhooks.

The writers call `mutate` and `validate`. AdmissionReviews, answers and texts are those of the real server (reference
measured on 1.36);
matchConditions are evaluated by the function in the Config, where there is one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from gatewright.apiserver import decoding, matching, views
from gatewright.apiserver.answers import Refused, encode, forbidden, internal_error
from gatewright.apiserver.calls import Call, Steps, new_uid
from gatewright.apiserver.effects import CallWebhook, Draw
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import State, Stored
from gatewright.apiserver.strategy import name_of
from gatewright.apiserver.targets import WriteOptions
from gatewright.core.http import NoAnswer, Response, User
from gatewright.core.objects import Object
from gatewright.core.patch import PatchMalformed, PatchNotApplicable, json_patch

VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"
MUTATING = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
_WARNING_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Attributes:
    """What admission is asked about.

    thing:   the new object, None for DELETE; old: the stored one, None for CREATE
    options: of a write; delete_body: the DeleteOptions of a DELETE, as a document
    named:   False for the objects of a collection delete, whose reviews carry no name
    """

    call: Call
    operation: str
    thing: Object | None
    old: Object | None
    options: WriteOptions | None
    delete_body: Mapping[str, Any] = field(default_factory=dict)
    delete_dry_run: bool = False
    named: bool = True

    def with_object(self, thing: Object) -> Attributes:
        return replace(self, thing=thing)

    @property
    def dry_run(self) -> bool:
        return self.delete_dry_run if self.options is None else self.options.dry_run

    def options_document(self) -> Mapping[str, Any]:
        if self.options is None:
            return self.delete_body
        kind = "CreateOptions" if self.operation == "CREATE" else "UpdateOptions"
        return replace(self.options, kind=kind).document()


def view_of(server: str, configurations: str) -> str:
    """The name of a server's view of webhook configurations."""
    return f"{server}/{configurations.split('.')[0]}"


def seconds_of(stamp: str) -> float:
    """A metav1.Time as seconds since the epoch; 0 for what is none."""
    try:
        return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


def mutate(attributes: Attributes, state: State) -> Steps[Object]:
    """The object after the plugins and webhooks that may change it. (The old object for DELETE.)"""
    thing = attributes.thing
    if thing is not None and attributes.call.endpoint.storage == "pods" and not attributes.call.target.subresource:
        thing = pod_defaults(thing, attributes.old if attributes.operation == "UPDATE" else None, state)
        attributes = attributes.with_object(thing)
    for hook, configuration in _hooks(attributes, state, MUTATING):
        changed = yield from _ask(attributes, state, hook, configuration, mutating=True)
        if changed is not None and attributes.thing is not None:
            attributes = attributes.with_object(changed)
    made = attributes.thing if attributes.thing is not None else attributes.old
    assert made is not None
    return made


def validate(attributes: Attributes, state: State) -> Steps[None]:
    """Ask the validating webhooks. Raises Refused."""
    for hook, configuration in _hooks(attributes, state, VALIDATING):
        yield from _ask(attributes, state, hook, configuration, mutating=False)


def _hooks(attributes: Attributes, state: State, kind: str) -> list[tuple[Mapping[str, Any], Stored]]:
    call = attributes.call
    view = state.view_all(view_of(call.config.server, kind))
    if not len(view) or matching.exempt(call.endpoint):
        return []
    return [(hook, view[name]) for name in sorted(view) for hook in view[name].thing.get("webhooks") or ()]


_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def pod_defaults(pod: Object, old: Object | None, state: State) -> Object:
    """What the plugins DefaultTolerationSeconds, Priority and RuntimeClass add to a Pod. Raises Refused for what they
    forbid."""
    spec: dict[str, Any] = dict(pod.get("spec") or {})
    tolerations = list(spec.get("tolerations") or ())
    for key in _TOLERATED:
        if not any(_tolerates(one, key) for one in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    spec["tolerations"] = tolerations
    if old is None:
        _set_priority(spec, pod, state)
        _find_runtime(spec, pod, state)
    else:
        before = old.get("spec") or {}
        for key in ("priority", "preemptionPolicy"):
            if spec.get(key) is None and before.get(key) is not None:
                spec[key] = before[key]
    return {**pod, "spec": spec}


def _tolerates(toleration: Mapping[str, Any], key: str) -> bool:
    if toleration.get("effect") not in (None, "", "NoExecute"):
        return False
    return toleration.get("key") == key or not toleration.get("key")


_SYSTEM_PRIORITIES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}


def _set_priority(spec: dict[str, Any], pod: Object, state: State) -> None:
    name = spec.get("priorityClassName")
    found = state.get(("priorityclasses.scheduling.k8s.io", "", str(name))) if name else None
    if name and found is None and name not in _SYSTEM_PRIORITIES:
        raise _pod_forbidden(pod, f"no PriorityClass with name {name} was found")
    priority, policy = _SYSTEM_PRIORITIES.get(str(name), 0), "PreemptLowerPriority"
    if found is not None:
        priority, policy = found.thing.get("value") or 0, found.thing.get("preemptionPolicy") or policy
    told = (
        "must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name"
    )
    given = spec.get("priority")
    if given is not None and given != priority:
        raise _pod_forbidden(pod, f"the integer value of priority ({given}) {told.format(priority)}")
    given = spec.get("preemptionPolicy")
    if given is not None and given != policy:
        raise _pod_forbidden(pod, f"the string value of PreemptionPolicy ({given}) {told.format(policy)}")
    spec["priority"], spec["preemptionPolicy"] = priority, policy


def _find_runtime(spec: Mapping[str, Any], pod: Object, state: State) -> None:
    name = spec.get("runtimeClassName")
    if name and state.get(("runtimeclasses.node.k8s.io", "", str(name))) is None:
        raise _pod_forbidden(pod, f'pod rejected: RuntimeClass "{name}" not found')


def _pod_forbidden(pod: Object, why: str) -> Refused:
    return forbidden("", "pods", str((pod.get("metadata") or {}).get("name") or ""), why)


# --- one webhook


def _ask(
    attributes: Attributes, state: State, hook: Mapping[str, Any], configuration: Stored, *, mutating: bool
) -> Steps[Object | None]:
    """Call a webhook if the request concerns it. The changed object of a mutating one. Raises Refused."""
    call = attributes.call
    endpoint = matching.matched_endpoint(hook, call, attributes.operation, state)
    if endpoint is None or not matching.selected(hook, call, attributes.thing, attributes.old, state):
        return None
    drawn: bytes = yield Draw(16)
    uid = new_uid(drawn)
    request = review_request(attributes, endpoint, uid)
    if not _conditions_hold(hook, request, attributes):
        return None
    if attributes.dry_run and hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
        raise Refused(400, "BadRequest", f'admission webhook "{hook["name"]}" does not support dry run')
    effect = _call_of(hook, request)
    answer: Response | NoAnswer = yield effect
    try:
        answered = _read(answer, uid, effect.url, mutating=mutating)
    except _BrokenError as broken:
        if (hook.get("failurePolicy") or "Fail") == "Ignore":
            return None
        raise internal_error(f'failed calling webhook "{hook["name"]}": {broken}') from None
    for warning in answered.get("warnings") or ():
        call.warn(str(warning)[:_WARNING_LIMIT])
    if not answered.get("allowed"):
        raise _denied(str(hook["name"]), answered.get("status"))
    return _changed(attributes, answered, hook) if mutating and answered.get("patch") else None


def review_request(attributes: Attributes, endpoint: Endpoint, uid: str) -> dict[str, Any]:
    """The `request` of an AdmissionReview, its objects in the endpoint's version."""
    call = attributes.call
    asked, subresource = call.endpoint, call.target.subresource
    scale = subresource == "scale"
    kind = {"group": endpoint.group, "version": endpoint.version, "kind": endpoint.kind}
    asked_kind = {"group": asked.group, "version": asked.version, "kind": asked.kind}
    if scale:
        kind = asked_kind = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    request: dict[str, Any] = {
        "uid": uid,
        "kind": kind,
        "resource": {"group": endpoint.group, "version": endpoint.version, "resource": endpoint.plural},
        "requestKind": asked_kind,
        "requestResource": {"group": asked.group, "version": asked.version, "resource": asked.plural},
    }
    if subresource:
        request["subResource"] = request["requestSubResource"] = subresource
    name = name_of(attributes.thing or {}) or call.target.name
    if name and attributes.named:
        request["name"] = name
    namespace = call.target.namespace if asked.namespaced else name if asked.storage == "namespaces" else ""
    if namespace:
        request["namespace"] = namespace
    request["operation"] = attributes.operation
    request["userInfo"] = user_info(call.user)
    request["object"] = _in_version(attributes.thing, endpoint, scale=scale)
    request["oldObject"] = _in_version(attributes.old, endpoint, scale=scale)
    request["dryRun"] = attributes.dry_run
    request["options"] = attributes.options_document()
    return request


def _in_version(thing: Object | None, endpoint: Endpoint, *, scale: bool) -> Object | None:
    if thing is None or scale or thing.get("apiVersion") == endpoint.api_version:
        return thing
    return views.convert(thing, endpoint.api_version)


def user_info(user: User) -> dict[str, Any]:
    """authentication.k8s.io/v1 UserInfo."""
    info: dict[str, Any] = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra}
    return info


def _conditions_hold(hook: Mapping[str, Any], request: Mapping[str, Any], attributes: Attributes) -> bool:
    conditions = hook.get("matchConditions") or ()
    unsupported = ""
    for condition in conditions:
        expression = str(condition.get("expression") or "")
        evaluate = attributes.call.config.evaluate_condition
        answer = None if evaluate is None else evaluate(expression, request)
        if answer is False:
            return False
        if answer is None:
            unsupported = unsupported or expression
    if not unsupported:
        return True
    if (hook.get("failurePolicy") or "Fail") == "Ignore":
        return False
    endpoint = attributes.call.endpoint
    told = f"expression '{unsupported}' resulted in error: this server evaluates no match conditions"
    raise forbidden(endpoint.group, endpoint.plural, str(request.get("name") or ""), told)


def _call_of(hook: Mapping[str, Any], request: Mapping[str, Any]) -> CallWebhook:
    client: Mapping[str, Any] = hook.get("clientConfig") or {}
    seconds = int(hook.get("timeoutSeconds") or 10)
    service: Mapping[str, Any] | None = client.get("service")
    place, server_name = None, ""
    if service is not None:
        namespace, name, port = str(service["namespace"]), str(service["name"]), int(service.get("port") or 443)
        place, server_name = (namespace, name, port), f"{name}.{namespace}.svc"
        url = f"https://{server_name}:{port}{service.get('path') or '/'}"
    else:
        url = str(client.get("url") or "")
    url += f"{'&' if '?' in url else '?'}timeout={seconds}s"
    try:
        bundle = base64.b64decode(str(client.get("caBundle") or ""))
    except (binascii.Error, ValueError):
        bundle = b""
    body = encode({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})
    headers = (
        ("content-type", "application/json"),
        ("accept", "application/json, */*"),
        ("user-agent", "kube-apiserver-admission"),
    )
    return CallWebhook(str(hook.get("name") or ""), url, bundle, headers, body, float(seconds), server_name, place)


class _BrokenError(Exception):
    """The webhook gave no usable answer."""


def _read(answer: Response | NoAnswer, uid: str, url: str, *, mutating: bool) -> Mapping[str, Any]:
    if isinstance(answer, NoAnswer):
        raise _BrokenError(f'failed to call webhook: Post "{url}": {answer.cause}')
    if not 200 <= answer.status < 300:
        raise _BrokenError(f"failed to call webhook: {_http_failure(answer.status)}")
    try:
        review = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        raise _BrokenError(f"failed to call webhook: {_json_failure(answer.body)}") from None
    found = review if isinstance(review, Mapping) else {}
    version, kind = str(found.get("apiVersion") or ""), str(found.get("kind") or "")
    if version not in ("admission.k8s.io/v1", "admission.k8s.io/v1beta1") or kind != "AdmissionReview":
        group, slash, told = version.partition("/")
        shown = f"{group}/{told}" if slash else f"/{version}"
        text = f"expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {shown}, Kind={kind}"
        raise _BrokenError(f"received invalid webhook response: {text}")
    response = found.get("response")
    if not isinstance(response, Mapping):
        raise _BrokenError("received invalid webhook response: webhook response was absent")
    got = str(response.get("uid") or "")
    if got != uid:
        raise _BrokenError(f'received invalid webhook response: expected response.uid="{uid}", got "{got}"')
    if response.get("patch") and not mutating:
        raise _BrokenError("received invalid webhook response: validating webhook may not return response.patch")
    if response.get("patch") and response.get("patchType") != "JSONPatch":
        raise _BrokenError(
            "received invalid webhook response: webhook returned response.patch but not response.patchType"
        )
    return response


def _http_failure(status: int) -> str:
    texts = {
        404: "the server could not find the requested resource",
        403: "unknown",
        503: "the server is currently unable to handle the request",
    }
    return texts.get(status, 'an error on the server ("unknown") has prevented the request from succeeding')


def _json_failure(body: bytes) -> str:
    try:
        decoding.parse(body, "application/json")
    except decoding.Malformed as fault:
        return str(fault)
    return "couldn't get version/kind"


def _denied(name: str, status: Any) -> Refused:
    told: Mapping[str, Any] = status if isinstance(status, Mapping) else {}
    message, reason = str(told.get("message") or ""), str(told.get("reason") or "")
    code = told.get("code")
    number = code if isinstance(code, int) and code >= 400 else 400
    text = f'admission webhook "{name}" denied the request'
    text = f"{text}: {message or reason}" if message or reason else f"{text} without explanation"
    return Refused(number, reason or None, text, told.get("details"))


def _changed(attributes: Attributes, answered: Mapping[str, Any], hook: Mapping[str, Any]) -> Object:
    """The object after a mutating webhook's patch, read and defaulted as a request's."""
    call, thing = attributes.call, attributes.thing
    try:
        operations = msgspec.json.decode(base64.b64decode(str(answered["patch"])))
        patched = json_patch(thing, operations)
    except (binascii.Error, ValueError, PatchMalformed, PatchNotApplicable) as error:
        raise internal_error(f'failed calling webhook "{hook["name"]}": {error}') from None
    if call.endpoint.custom is not None:
        return decoding.read_custom(patched, call.strategy, call.config)[0]
    return call.strategy.default(decoding.read_builtin(patched, call.endpoint, call.config)[0])
