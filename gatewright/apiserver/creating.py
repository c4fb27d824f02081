"""POST to a collection: the real server's order of decoding, owners, admission, preparation, validation and storing.

Also what an apply to an absent object does from admission on (`create_object`). `handling` and `updating` are the
callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.apiserver import admission, decoding, reading, reviews, services, views
from gatewright.apiserver.answers import (
    already_exists,
    bad_request,
    encode,
    forbidden,
    internal,
    invalid,
    not_found,
)
from gatewright.apiserver.apply import Writer, track
from gatewright.apiserver.calls import Call, Steps, new_uid, with_metadata
from gatewright.apiserver.effects import Commit, Committed, Draw, Look, Sleep
from gatewright.apiserver.resources import condition, view_of
from gatewright.apiserver.state import State
from gatewright.apiserver.strategy import name_of
from gatewright.apiserver.targets import WriteOptions, write_options
from gatewright.core.http import Response
from gatewright.core.objects import Object, deleting, metadata

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX = 5
_LONGEST_BASE = 58  # of a generated name, before its suffix
_TRIES = 8  # for a generated name that is taken


def create(call: Call) -> Steps[Response]:
    """Answer a POST."""
    options = write_options(call.request, "CreateOptions")
    if call.endpoint.group in ("authorization.k8s.io", "authentication.k8s.io"):
        return (yield from reviews.answer(call, options))
    yield from _wait_for_new_crd(call)
    decoded = decoding.decode(call.request, call.strategy, call.config)
    call.warn(*decoding.check_strict(decoded, options.validation, call.endpoint))
    state: State = yield Look()
    thing = in_namespace(call, decoded.thing)
    if call.endpoint.custom is not None and _crd_terminating(call, state):
        told = "create not allowed while custom resource definition is terminating"
        raise forbidden(call.endpoint.group, call.endpoint.plural, name_of(thing), told)
    base = str(metadata(thing).get("generateName") or "")
    generated = bool(base) and not name_of(thing)
    for attempt in range(_TRIES):
        named = thing
        if generated:
            named = with_metadata(thing, name=(yield from _generated(base)))
        filled = yield from fill_system_fields(named, call)
        writer = Writer(options.manager, call.endpoint.api_version, call.endpoint.kind, call.now.timestamp())
        owned = track(
            call.strategy.nothing(), filled, writer=writer, types=call.strategy.types(), reset=call.strategy.reset("")
        )
        made = yield from create_object(call, owned, options, last=not generated or attempt == _TRIES - 1)
        if made is not None:
            return reading.answer(201, made, call.endpoint, call.request, call.form, call.now, call.headers())
    raise internal("unreachable")


def _wait_for_new_crd(call: Call) -> Steps[None]:
    """The first creates of a custom resource wait: other servers may not know it yet."""
    delay = call.config.timing.create_delay
    if call.endpoint.custom is None or not delay:
        return
    state: State = yield Look()
    crd = state.view(view_of(call.config.server), call.endpoint.group_resource)
    since = condition(crd.thing, "Established").get("lastTransitionTime") if crd is not None else None
    if since is not None and call.now.wall - admission.seconds_of(since) < delay:
        yield Sleep(delay)


def _crd_terminating(call: Call, state: State) -> bool:
    crd = state.view(view_of(call.config.server), call.endpoint.group_resource)
    return crd is not None and condition(crd.thing, "Terminating").get("status") == "True"


def in_namespace(call: Call, thing: Mapping[str, Any]) -> dict[str, Any]:
    """The object in the namespace of the request, or a 400."""
    asked = call.target.namespace if call.endpoint.namespaced else ""
    given = str(metadata(thing).get("namespace") or "")
    if given and given != asked:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return with_metadata(thing, namespace=asked or None)


def _generated(base: str) -> Steps[str]:
    drawn: bytes = yield Draw(_SUFFIX * 4)
    return base[:_LONGEST_BASE] + "".join(
        _LETTERS[int.from_bytes(drawn[index * 4 : index * 4 + 4], "big") % len(_LETTERS)] for index in range(_SUFFIX)
    )


def fill_system_fields(thing: Mapping[str, Any], call: Call) -> Steps[dict[str, Any]]:
    """uid and creationTimestamp; what only the server may set is taken out."""
    drawn: bytes = yield Draw(16)
    return with_metadata(
        thing,
        uid=new_uid(drawn),
        creationTimestamp=call.now.timestamp(),
        deletionTimestamp=None,
        deletionGracePeriodSeconds=None,
        selfLink=None,
    )


def create_object(call: Call, thing: Object, options: WriteOptions, *, last: bool = True) -> Steps[Object | None]:
    """From admission to the store. None: the (generated) name is taken and may be drawn again."""
    endpoint, strategy = call.endpoint, call.strategy
    state: State = yield Look()
    check_namespace(call, thing, state)
    attributes = admission.Attributes(call, "CREATE", thing, None, options)
    thing = yield from admission.mutate(attributes, state)
    thing = strategy.prepare_create(thing, call.now)
    thing = services.allocated(thing, None, endpoint, state, call.config)
    errors = strategy.validate_create(thing)
    if errors:
        raise invalid(str(thing.get("kind")), endpoint.group, name_of(thing), errors)
    call.warn(*strategy.warnings(thing, None))
    yield from admission.validate(attributes.with_object(thing), state)
    key = (endpoint.storage, str(metadata(thing).get("namespace") or ""), name_of(thing))
    if options.dry_run:
        now_there = state.get(key)
        if now_there is not None:
            raise already_exists(endpoint.group, endpoint.plural, key[2], terminating=deleting(now_there.thing))
        return thing
    if metadata(thing).get("resourceVersion"):
        raise internal("resourceVersion should not be set on objects to be created")
    check_size(thing, call)
    done = yield Commit(key, 0, to_storage(thing, call))
    if isinstance(done, Committed):
        return as_answered(done.stored.thing, call)
    if not last:
        return None
    state = yield Look()
    there = state.get(key)
    terminating = there is not None and deleting(there.thing)
    raise already_exists(endpoint.group, endpoint.plural, key[2], terminating=terminating)


def check_namespace(call: Call, thing: Object, state: State) -> None:
    """Objects need a namespace that exists and is not going (admission plugin NamespaceLifecycle)."""
    endpoint = call.endpoint
    namespace = str(metadata(thing).get("namespace") or "")
    if not endpoint.namespaced or not namespace:
        return
    there = state.get(("namespaces", "", namespace))
    if there is None:
        raise not_found("", "namespaces", namespace)
    if deleting(there.thing):
        told = f"unable to create new content in namespace {namespace} because it is being terminated"
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        raise forbidden(endpoint.group, endpoint.plural, name_of(thing), told, (cause,))


STORE_LIMIT = 1536 * 1024  # bytes of one object, as etcd's default


def check_size(thing: Object, call: Call) -> None:
    """The store takes no objects larger than its limit. Only large requests are measured."""
    if len(call.request.body) > STORE_LIMIT // 2 and len(encode(thing)) > STORE_LIMIT:
        raise internal("etcdserver: request is too large")


def to_storage(thing: Object, call: Call) -> Object:
    """The object as it is stored: in the storage version."""
    version = storage_version(call)
    return thing if thing.get("apiVersion") == version else views.convert(thing, version)


def storage_version(call: Call) -> str:
    endpoint = call.endpoint
    if endpoint.custom is not None:
        return f"{endpoint.group}/{endpoint.custom.storage_version}"
    return "v1" if endpoint.storage == "events" else endpoint.api_version


def as_answered(thing: Object, call: Call) -> Object:
    """A stored object in the version of the request."""
    if thing.get("apiVersion") == call.endpoint.api_version:
        return thing
    return views.convert(thing, call.endpoint.api_version)
