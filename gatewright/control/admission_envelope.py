"""AdmissionReview on the wire: bytes to a checked request, a decision to bytes.

For `admission`, which decides, and through it for the webhook server and the simulator, which carry bytes. Nothing is
decided about policies here. Every answer has HTTP status 200; what is wrong with a call stands in the review
(Gatekeeper behaviour, 2.1; Kubernetes: AdmissionReview in admission.k8s.io/v1 and v1beta1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gatewright.core.objects import Object

MAX_BODY = 7 * 1024 * 1024  # bytes; a body of this size or more is refused
JSON = "application/json"

ALLOWED, BAD_REQUEST, FORBIDDEN, TOO_LARGE, UNPROCESSABLE, WARNED, FAILED = 200, 400, 403, 413, 422, 299, 500

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


@dataclass(frozen=True, slots=True)
class Call:
    """The AdmissionRequest of one review, its JSON types checked. Missing text reads as "", missing objects as None."""

    review_kind: str  # of the envelope, mirrored in the answer
    review_version: str
    uid: str
    group: str
    version: str
    kind: str
    name: str
    namespace: str
    operation: str
    username: str
    dry_run: bool
    object: Object | None
    old_object: Object | None
    request: Mapping[str, Any]  # the AdmissionRequest as it came

    @property
    def subject(self) -> Object | None:
        """The object that the operation is about: the old one where it is deleted."""
        return self.old_object if self.operation == DELETE else self.object

    @property
    def is_namespace(self) -> bool:
        return self.kind == "Namespace" and self.group == ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said about a call, before it is written: a Status and warnings."""

    allowed: bool
    code: int
    message: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()


class BadCall(Exception):
    """A body that is no AdmissionReview; carries what is answered."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


def allowed(message: str = "", warnings: tuple[str, ...] = ()) -> Verdict:
    return Verdict(True, WARNED if warnings else ALLOWED, message, warnings=warnings)


def denied(message: str, *, code: int = FORBIDDEN, warnings: tuple[str, ...] = ()) -> Verdict:
    return Verdict(False, code, message, "Forbidden", warnings)


def errored(code: int, message: str) -> Verdict:
    """A refusal because of an error; it carries no reason."""
    return Verdict(False, code, message)


_decode = msgspec.json.Decoder().decode


def read(body: bytes, content_type: str) -> Call:
    """The request in a body. Raises BadCall with the answer to give (codes 400 and 413)."""
    if not body:
        raise _bad("request body is empty")
    if len(body) >= MAX_BODY:
        raise BadCall(errored(TOO_LARGE, f"request entity is too large; limit is {MAX_BODY} bytes"))
    if content_type != JSON:
        raise _bad(f"contentType={content_type}, expected {JSON}")
    try:
        review = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _bad(f"the body is no JSON: {error}") from None
    except RecursionError:
        raise _bad("the body is nested too deep") from None
    if not isinstance(review, dict):
        raise _bad("the body is no AdmissionReview: it must be a JSON object")
    return _call(review)


def _call(review: dict[str, Any]) -> Call:
    request = review.get("request")
    if not isinstance(request, dict):
        raise _bad("the AdmissionReview has no request")
    kind = _mapping(request, "kind")
    user = _mapping(request, "userInfo")
    for where in ("resource", "requestKind", "requestResource"):
        for name in (found := _mapping(request, where)):
            _text(found, name, f"request.{where}")
    groups = user.get("groups")
    if groups is not None and not (isinstance(groups, list) and all(isinstance(group, str) for group in groups)):
        raise _bad("request.userInfo.groups must be a list of text")
    dry_run = request.get("dryRun")
    if dry_run is not None and not isinstance(dry_run, bool):
        raise _bad("request.dryRun must be a boolean")
    return Call(
        review_kind=_text(review, "kind", ""),
        review_version=_text(review, "apiVersion", ""),
        uid=_text(request, "uid", "request"),
        group=_text(kind, "group", "request.kind"),
        version=_text(kind, "version", "request.kind"),
        kind=_text(kind, "kind", "request.kind"),
        name=_text(request, "name", "request"),
        namespace=_text(request, "namespace", "request"),
        operation=_text(request, "operation", "request"),
        username=_text(user, "username", "request.userInfo"),
        dry_run=bool(dry_run),
        object=_object(request, "object"),
        old_object=_object(request, "oldObject"),
        request=request,
    )


def _text(holder: Mapping[str, Any], name: str, where: str) -> str:
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _bad(f"{where + '.' if where else ''}{name} must be text")
    return value


def _mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _bad(f"request.{name} must be a JSON object")
    return value


def _object(request: Mapping[str, Any], name: str) -> Object | None:
    """An embedded object; anything but a JSON object is refused here, where the server's own check stands."""
    value = request.get(name)
    if value is not None and not isinstance(value, dict):
        raise _bad(f"request.{name} must be a JSON object")
    return value


def _bad(message: str) -> BadCall:
    return BadCall(errored(BAD_REQUEST, message))


def write(verdict: Verdict, call: Call | None) -> bytes:
    """The answer's body. The envelope mirrors the request's version; an unreadable call (None) gets none, as in
    controller-runtime."""
    status: dict[str, Any] = {"metadata": {}}
    if verdict.message:
        status["message"] = verdict.message
    if verdict.reason:
        status["reason"] = verdict.reason
    status["code"] = verdict.code
    response: dict[str, Any] = {"uid": call.uid if call else "", "allowed": verdict.allowed, "status": status}
    if verdict.warnings:
        response["warnings"] = list(verdict.warnings)
    envelope: dict[str, Any] = {}
    if call is not None:
        known = bool(call.review_kind or call.review_version)
        envelope["kind"] = call.review_kind if known else "AdmissionReview"
        envelope["apiVersion"] = call.review_version if known else "admission.k8s.io/v1"
    envelope["response"] = response
    return msgspec.json.encode(envelope)
