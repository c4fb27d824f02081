"""The Statuses that the server answers, with the real server's texts (k8s.io/apimachinery/pkg/api/errors), and how
answers become bytes.

Every other module raises Refused; `handling` turns it into a Response. A Refused is also what actors see in answers
to their requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gatewright.core import field_errors
from gatewright.core.field_errors import FieldError
from gatewright.core.http import Pairs, Response

JSON = "application/json"
PLAIN = "text/plain; charset=utf-8"

encode = msgspec.json.Encoder().encode


class Refused(Exception):
    """The request gets a Status instead of what it asked for."""

    def __init__(
        self,
        code: int,
        reason: str | None,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Pairs = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = headers
        self.metadata: Mapping[str, Any] = {}
        self.protobuf = False  # the client asked for protobuf first: the Status goes out in it

    def status(self) -> dict[str, Any]:
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": dict(self.metadata)}
        body["status"] = "Failure"
        if self.message:
            body["message"] = self.message
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = dict(self.details)
        body["code"] = self.code
        return body

    def response(self, headers: Pairs = ()) -> Response:
        return Response(self.code, (("content-type", JSON), *self.headers, *headers), encode(self.status()))


class NotHere(Exception):
    """The path leads nowhere: the bare 404 of Go's mux, no Status."""


class NotAcceptable(Exception):
    """The real server answers nothing but a code and perhaps a text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def qualified(resource: str, group: str) -> str:
    """The GroupResource or GroupKind string: "widgets.example.io", "pods"."""
    return f"{resource}.{group}" if group else resource


def _details(name: str, group: str, kind: str, **more: Any) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    details.update(more)
    return details


def success(name: str, group: str, kind: str, uid: str) -> dict[str, Any]:
    """What a DELETE answers when the object is gone."""
    details = _details(name, group, kind, uid=uid)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def not_found(group: str, plural: str, name: str) -> Refused:
    return Refused(404, "NotFound", f'{qualified(plural, group)} "{name}" not found', _details(name, group, plural))


def no_such_resource() -> Refused:
    return Refused(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> Refused:
    return Refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def not_supported(group: str, plural: str, action: str) -> Refused:
    text = f'{action} is not supported on resources of kind "{qualified(plural, group)}"'
    return Refused(405, "MethodNotAllowed", text, _details("", group, plural))


def already_exists(group: str, plural: str, name: str, *, terminating: bool = False) -> Refused:
    text = f'{qualified(plural, group)} "{name}" already exists'
    if terminating:
        text = f"object is being deleted: {text}"
    return Refused(409, "AlreadyExists", text, _details(name, group, plural))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(group: str, plural: str, name: str, cause: str = MODIFIED) -> Refused:
    text = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {cause}'
    return Refused(409, "Conflict", text, _details(name, group, plural))


def bad_request(message: str) -> Refused:
    return Refused(400, "BadRequest", message)


def forbidden(group: str, plural: str, name: str, why: str, causes: Sequence[Mapping[str, str]] = ()) -> Refused:
    what = f'{qualified(plural, group)} "{name}"' if name else qualified(plural, group)
    details = _details(name, group, plural)
    if causes:
        details["causes"] = list(causes)
    return Refused(403, "Forbidden", f"{what} is forbidden: {why}", details)


def internal(message: str) -> Refused:
    """A 500 without a reason: an error that the real server passes on as it is."""
    return Refused(500, None, message)


def internal_error(message: str) -> Refused:
    details = {"causes": [{"message": message}]}
    return Refused(500, "InternalError", f"Internal error occurred: {message}", details)


def rejected() -> Refused:
    """A JSON patch that could not be applied."""
    return Refused(422, "Invalid", "the server rejected our request due to an error in our request", {})


def unsupported_media_type(accepted: Iterable[str]) -> Refused:
    text = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return Refused(415, "UnsupportedMediaType", text)


def invalid(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> Refused:
    """422 Invalid with one cause per field error."""
    message = f'{qualified(kind, group)} "{name}" is invalid: {field_errors.message(errors)}'
    details = _details(name, group, kind, causes=[error.cause() for error in errors])
    return Refused(422, "Invalid", message, details)


def too_large_version(asked: int, current: int) -> Refused:
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    text = f"Timeout: Too large resource version: {asked}, current: {current}"
    return Refused(504, "Timeout", text, details, (("retry-after", "1"),))


def expired(message: str) -> Refused:
    return Refused(410, "Expired", message)


def plain(status: int, text: str, headers: Pairs = ()) -> Response:
    return Response(status, (("content-type", PLAIN), *headers), text.encode())


def document(status: int, body: Any, headers: Pairs = ()) -> Response:
    return Response(status, (("content-type", JSON), *headers), encode(body))
