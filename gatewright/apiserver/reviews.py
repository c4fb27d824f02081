"""SelfSubjectReview, SelfSubjectAccessReview and their kin: answered, never stored.

This server allows everything to everyone who is let in; other users named in a SubjectAccessReview are allowed what
members of
system:masters are. `creating` is the caller.
"""

from __future__ import annotations

from typing import Any

from gatewright.apiserver import admission, decoding, reading
from gatewright.apiserver.apply import Writer, reset_fields, track
from gatewright.apiserver.calls import Call, Steps, with_metadata
from gatewright.apiserver.effects import Look
from gatewright.apiserver.targets import WriteOptions
from gatewright.core.http import Response
from gatewright.core.objects import Object

MASTERS = "system:masters"


def answer(call: Call, options: WriteOptions) -> Steps[Response]:
    """Answer a POST of a review."""
    decoded = decoding.decode(call.request, call.strategy, call.config)
    call.warn(*decoding.check_strict(decoded, options.validation, call.endpoint))
    thing: dict[str, Any] = dict(decoded.thing)
    state = yield Look()
    attributes = admission.Attributes(call, "CREATE", thing, None, options)
    yield from admission.validate(attributes, state)
    endpoint = call.endpoint
    reset = reset_fields(endpoint.group, endpoint.kind, "", custom=False, has_status=True)
    writer = Writer(options.manager, call.endpoint.api_version, call.endpoint.kind, call.now.timestamp())
    thing = dict(track(call.strategy.nothing(), thing, writer=writer, types=call.strategy.types(), reset=reset))
    if call.endpoint.kind == "SelfSubjectReview":
        thing = with_metadata(thing, creationTimestamp=call.now.timestamp())
    made = _REVIEWS[call.endpoint.kind](thing, call)
    return reading.answer(201, made, call.endpoint, call.request, call.form, call.now, call.headers())


def _self_subject(thing: dict[str, Any], call: Call) -> Object:
    return {**thing, "status": {"userInfo": admission.user_info(call.user)}}


def _self_access(thing: dict[str, Any], call: Call) -> Object:
    return {**thing, "status": {"allowed": True}}


def _subject_access(thing: dict[str, Any], call: Call) -> Object:
    spec: dict[str, Any] = dict(thing.get("spec") or {})
    allowed = MASTERS in (spec.get("groups") or ()) or spec.get("user") == call.user.name
    return {**thing, "status": {"allowed": allowed}}


def _self_rules(thing: dict[str, Any], call: Call) -> Object:
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    return {
        **thing,
        "status": {
            "resourceRules": [everything],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": False,
        },
    }


def _token(thing: dict[str, Any], call: Call) -> Object:
    return {**thing, "status": {"user": {}, "error": "[invalid bearer token, unknown]"}}


_REVIEWS = {
    "SelfSubjectReview": _self_subject,
    "SelfSubjectAccessReview": _self_access,
    "SubjectAccessReview": _subject_access,
    "LocalSubjectAccessReview": _subject_access,
    "SelfSubjectRulesReview": _self_rules,
    "TokenReview": _token,
}
