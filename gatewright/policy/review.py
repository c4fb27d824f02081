"""What is reviewed: an admission request, or an object by itself, in the form that policies read.

Made by the webhook (from AdmissionReview), by audit and by gator (from objects); evaluated by `snapshot`. The form of
`value` is `input.review` of Gatekeeper's Rego templates (behaviour 5.2). Here, and only here, numbers pass through a
float64, as in Gatekeeper's JSON round trip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.errors import PolicyError
from gatewright.core.objects import Kind, Object, metadata
from gatewright.policy.match import MatchError, Subject

DELETE = "DELETE"
_EXACT = 1_000_000  # Go prints a float64 of this size or more with an exponent


class ReviewError(PolicyError):
    """A request that can't be reviewed; `what` is Gatekeeper's text."""


@dataclass(frozen=True, slots=True)
class Review:
    """One thing to review.

    value:      what Rego templates see as input.review
    object, old_object: as matching sees them (on DELETE both are the old object); None where absent
    request:    the admission request as it came, {} for a bare object
    namespace:  the Namespace that the caller knows the object to be in, else None
    source:     All, Generated, Original or ""
    """

    value: dict[str, Any]
    object: Object | None
    old_object: Object | None
    request: Object
    request_namespace: str
    namespace: Object | None
    source: str
    operation: str
    is_admission: bool

    def subjects(self, namespace: Object | None) -> tuple[Subject, ...]:
        """What matching looks at: the object, then the old one, where present. Raises MatchError for an object
        without a kind."""
        held: list[Subject] = []
        for what, thing in (("object", self.object), ("oldObject", self.old_object)):
            if thing is None or (held and thing is self.object):  # on DELETE both are the same
                continue
            if not thing.get("kind"):
                text = f"invalid request object: failed to unmarshal gkReview {what}: Object 'Kind' is missing"
                raise MatchError(text)
            held.append(Subject(thing, namespace, self.source))
        return tuple(held)


def review_of_request(
    request: Object, *, namespace: Object | None = None, source: str = "", is_admission: bool = True
) -> Review:
    """The review of an AdmissionRequest (the `request` of an AdmissionReview, decoded from JSON).

    namespace: the Namespace object of the request's namespace, where it is known: for matching and as namespaceObject.
    Raises ReviewError for a DELETE without oldObject.
    """
    operation = str(request.get("operation") or "")
    thing, old = _object(request, "object"), _object(request, "oldObject")
    if operation == DELETE:
        if old is None:
            raise ReviewError("oldObject cannot be nil for DELETE operations")
        thing = old
    value: dict[str, Any] = {
        "uid": str(request.get("uid") or ""),
        "kind": _triple(request.get("kind"), "kind"),
        "resource": _triple(request.get("resource"), "resource"),
        "operation": operation,
        "userInfo": _user(request.get("userInfo")),
        "object": go_numbers(thing),
        "oldObject": go_numbers(old),
        "options": go_numbers(request.get("options")),
        "namespaceObject": go_numbers(namespace) if namespace is not None else {},
    }
    for field in ("subResource", "requestSubResource", "name", "namespace"):
        if request.get(field):
            value[field] = request[field]
    for field, last in (("requestKind", "kind"), ("requestResource", "resource")):
        if request.get(field) is not None:
            value[field] = _triple(request[field], last)
    if request.get("dryRun") is not None:
        value["dryRun"] = request["dryRun"]
    return Review(
        value=value,
        object=thing,
        old_object=old,
        request=request,
        request_namespace=str(request.get("namespace") or ""),
        namespace=namespace,
        source=source,
        operation=operation,
        is_admission=is_admission,
    )


def review_of_object(
    thing: Object,
    *,
    namespace: Object | None = None,
    show_namespace: bool = True,
    source: str = "",
    operation: str = "",
) -> Review:
    """The review of an object by itself, as audit and gator make it.

    namespace:      its Namespace, where it is known (for matching)
    show_namespace: whether policies see it as namespaceObject too (gator doesn't show it; Gatekeeper behaviour 3.4)
    operation:      with DELETE, the object is also the old object
    """
    kind = Kind.of(thing)
    meta = metadata(thing)
    seen = go_numbers(thing)
    value: dict[str, Any] = {
        "uid": "",
        "kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "resource": {"group": "", "version": "", "resource": ""},
        "operation": operation,
        "userInfo": {},
        "object": seen,
        "oldObject": seen if operation == DELETE else None,
        "options": None,
        "namespaceObject": go_numbers(namespace) if show_namespace and namespace is not None else {},
    }
    for field in ("name", "namespace"):
        if meta.get(field):
            value[field] = meta[field]
    return Review(
        value=value,
        object=thing,
        old_object=thing if operation == DELETE else None,
        request={},
        request_namespace=str(meta.get("namespace") or ""),
        namespace=namespace,
        source=source,
        operation=operation,
        is_admission=False,
    )


def _object(request: Object, field: str) -> Object | None:
    found = request.get(field)
    if found is None or isinstance(found, Mapping):
        return found
    raise ReviewError(f"invalid request object: failed to unmarshal gkReview {field}: it is no JSON object")


def _triple(found: Any, last: str) -> dict[str, str]:
    found = found if isinstance(found, Mapping) else {}
    return {field: str(found.get(field) or "") for field in ("group", "version", last)}


def _user(found: Any) -> dict[str, Any]:
    if not isinstance(found, Mapping):
        return {}
    return {field: found[field] for field in ("username", "uid", "groups", "extra") if found.get(field)}


def go_numbers(value: Any) -> Any:
    """The value with every number as Go's decoder and OPA's printer leave it: through a float64, and an int again where
    Go prints it without an exponent (below a million). What needs no change is shared, not copied.

    Raises ReviewError for a number that no float64 holds, and for a value nested too deeply to be evaluated.
    """
    try:
        return _numbers(value)
    except RecursionError:
        raise ReviewError("the object under review is nested too deeply") from None


def _numbers(value: Any) -> Any:
    kind = value.__class__
    if kind is dict:
        return _object_numbers(value)
    if kind is list:
        return _list_numbers(value)
    if kind is int:
        return value if -_EXACT < value < _EXACT else _float(value)
    if kind is float:
        return int(value) if value.is_integer() and -_EXACT < value < _EXACT else value
    if isinstance(value, Mapping):
        return {key: _numbers(item) for key, item in value.items()}
    return value


# Nearly all that a review holds are strings, and nearly no number changes: the two loops below ask for that first.


def _object_numbers(value: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] | None = None
    for key, item in value.items():
        held = item.__class__
        if held is str:
            continue
        if held is dict:
            fresh: Any = _object_numbers(item)
        elif held is list:
            fresh = _list_numbers(item)
        elif held is bool or item is None:
            continue
        else:
            fresh = _numbers(item)
        if fresh is not item:
            changed = changed or {}
            changed[key] = fresh
    return value if changed is None else {**value, **changed}


def _list_numbers(value: list[Any]) -> list[Any]:
    changed: list[Any] | None = None
    for at, item in enumerate(value):
        held = item.__class__
        if held is str:
            continue
        fresh = _object_numbers(item) if held is dict else _numbers(item)
        if fresh is not item:
            changed = changed or list(value)
            changed[at] = fresh
    return value if changed is None else changed


def _float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ReviewError(f"a number with {len(str(number))} digits does not fit a float64") from None
