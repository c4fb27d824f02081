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
    request: Mapping[str, Any]  # the AdmissionRequest's known fields, absent and null ones left out

    @property
    def subject(self) -> Object | None:
        """The object that the operation is about: the old one where it is deleted."""
        return self.old_object if self.operation == DELETE else self.object

    @property
    def is_namespace(self) -> bool:
        """Whether the request is about a core Namespace."""
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
    """Code 200, or 299 where there are warnings."""
    return Verdict(True, WARNED if warnings else ALLOWED, message, warnings=warnings)


def denied(message: str, *, code: int = FORBIDDEN, warnings: tuple[str, ...] = ()) -> Verdict:
    """A refusal with the reason Forbidden."""
    return Verdict(False, code, message, "Forbidden", warnings)


def errored(code: int, message: str) -> Verdict:
    """A refusal because of an error; it carries no reason."""
    return Verdict(False, code, message)


class _User(msgspec.Struct):
    username: str | None = None
    uid: str | None = None
    groups: list[str] | None = None
    extra: dict[str, list[str] | None] | None = None


_Triple = dict[str, str | None] | None  # group, version, and kind or resource


class _Request(msgspec.Struct, rename="camel"):
    uid: str | None = None
    kind: _Triple = None
    resource: _Triple = None
    sub_resource: str | None = None
    request_kind: _Triple = None
    request_resource: _Triple = None
    request_sub_resource: str | None = None
    name: str | None = None
    namespace: str | None = None
    operation: str | None = None
    user_info: _User | None = None
    object: dict[str, Any] | None = None
    old_object: dict[str, Any] | None = None
    dry_run: bool | None = None
    options: Any = None


class _Review(msgspec.Struct, rename="camel"):
    api_version: str | None = None
    kind: str | None = None
    request: _Request | None = None


_decode = msgspec.json.Decoder(_Review).decode
_FIELDS = tuple(zip(_Request.__struct_fields__, _Request.__struct_encode_fields__, strict=True))


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
        raise _bad(f"the body is no AdmissionReview: {error}") from None
    except RecursionError:
        raise _bad("the body is nested too deep") from None
    if review.request is None:
        raise _bad("the AdmissionReview has no request")
    return _call(review, review.request)


def _call(review: _Review, request: _Request) -> Call:
    kind = request.kind or {}
    user = request.user_info or _User()
    fields = {wire: value for name, wire in _FIELDS if (value := getattr(request, name)) is not None}
    fields["userInfo"] = {"username": user.username, "uid": user.uid, "groups": user.groups, "extra": user.extra}
    return Call(
        review_kind=review.kind or "",
        review_version=review.api_version or "",
        uid=request.uid or "",
        group=kind.get("group") or "",
        version=kind.get("version") or "",
        kind=kind.get("kind") or "",
        name=request.name or "",
        namespace=request.namespace or "",
        operation=request.operation or "",
        username=user.username or "",
        dry_run=bool(request.dry_run),
        object=request.object,
        old_object=request.old_object,
        request=fields,
    )


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
