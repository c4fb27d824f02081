"""AdmissionReviews in the files of suites: read strictly, as `gator verify` does (Gatekeeper behaviour, 12.3).

For `verifying`. The webhook reads its own requests in `control.admission_envelope`, leniently as a server must.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gatewright.core.errors import UserError
from gatewright.core.go_text import json_text, quote
from gatewright.core.objects import Object
from gatewright.gator.workbench import Refused
from gatewright.kinds.templates import TARGET
from gatewright.policy.review import Review, ReviewError, review_of_request

GROUP = "admission.k8s.io"
_INVALID = (
    "not a valid AdmissionReview object: unable to convert to an AdmissionReview object, error: strict decoding error"
)

_ANY: None = None
_KIND = {"group": str, "version": str, "kind": str}
_RESOURCE = {"group": str, "version": str, "resource": str}
_USER = {"username": str, "uid": str, "groups": list, "extra": dict}
# The fields of admission.k8s.io/v1; nested mappings are checked in depth, None stands for any JSON value.
_FIELDS: dict[str, Any] = {
    "apiVersion": str,
    "kind": str,
    "request": {
        "uid": str,
        "kind": _KIND,
        "resource": _RESOURCE,
        "subResource": str,
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        "requestSubResource": str,
        "name": str,
        "namespace": str,
        "operation": str,
        "userInfo": _USER,
        "object": _ANY,
        "oldObject": _ANY,
        "dryRun": bool,
        "options": _ANY,
    },
    "response": {
        "uid": str,
        "allowed": bool,
        "status": dict,
        "patch": str,
        "patchType": str,
        "auditAnnotations": dict,
        "warnings": list,
    },
}


class BadReview(UserError):
    """A file's AdmissionReview that can't be reviewed; `what` is Gatekeeper's text."""


def review_of(thing: Object) -> Review:
    """The review of an AdmissionReview object. Raises BadReview and Refused."""
    problems = list(_problems(thing, _FIELDS, ""))
    if problems:
        raise BadReview(f"{_INVALID}: {', '.join(problems)}")
    request = thing.get("request")
    if request is None:
        raise BadReview("missing an AdmissionRequest object: request did not actually pass in an AdmissionRequest")
    if request.get("object") is None and request.get("oldObject") is None:
        raise BadReview(
            "no object or oldObject found to review: "
            'AdmissionRequest does not contain an "object" or "oldObject" to review'
        )
    for field in ("object", "oldObject"):
        embedded = request.get(field)
        if embedded is not None and not (isinstance(embedded, Mapping) and embedded.get("kind")):
            told = f"Object 'Kind' is missing in '{json_text(embedded)}'"
            raise BadReview(f"object or oldObject cannot be unmarshalled: {told}")
    try:
        return review_of_request(request, source="Original", is_admission=False)
    except ReviewError as error:
        raise Refused(f"{TARGET}: target.HandleReview failed for target {quote(TARGET)}: {error.what}\n") from None


def _problems(value: Mapping[str, Any], fields: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in value:
        if name not in fields:
            yield f"unknown field {quote(path + name)}"
            continue
        wanted, found = fields[name], value[name]
        if wanted is None or found is None:
            continue
        if isinstance(wanted, Mapping):
            if isinstance(found, Mapping):
                yield from _problems(found, wanted, f"{path}{name}.")
            else:
                yield f"{path}{name} must be a mapping"
        elif not isinstance(found, wanted) or (wanted is not bool and isinstance(found, bool)):
            yield f"{path}{name} must be a {_JSON_NAMES[wanted]}"


_JSON_NAMES = {str: "string", bool: "boolean", list: "list", dict: "mapping"}
