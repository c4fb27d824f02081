"""PUT and PATCH of objects and of their status: preconditions, owners, admission, preparation, validation, no-ops,
storing.

The order is that of the real server's Store.Update and patch handler. A write that loses a race looks again, applies
itself again and is
admitted again. `handling` is the caller; the scale subresource is in `scaling`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewright.apiserver import admission, creating, decoding, reading, services, views
from gatewright.apiserver.answers import Refused, bad_request, conflict, internal, invalid, not_found
from gatewright.apiserver.apply import Writer, settle_times, track
from gatewright.apiserver.calls import Call, Steps, with_metadata
from gatewright.apiserver.effects import Commit, Committed, Look
from gatewright.apiserver.patching import patcher
from gatewright.apiserver.state import State, Stored
from gatewright.apiserver.strategy import name_of
from gatewright.apiserver.targets import WriteOptions, write_options
from gatewright.core import field_errors
from gatewright.core.field_errors import Path
from gatewright.core.go_text import quote
from gatewright.core.http import Response
from gatewright.core.objects import Object, metadata

TRIES = 6  # the first and five more

# The object that a request makes of the current one (None: there is none), with its managedFields.
Make = Callable[[Object | None], Object]


def replace(call: Call) -> Steps[Response]:
    """Answer a PUT."""
    options = write_options(call.request, "UpdateOptions")
    subresource = call.target.subresource
    decoded = decoding.decode(call.request, call.strategy, call.config)
    call.warn(*decoding.check_strict(decoded, options.validation, call.endpoint))
    thing = creating.in_namespace(call, decoded.thing)
    check_name(thing, call)
    wanted = str(metadata(thing).get("uid") or "")
    writer = _writer(call, options)
    types, reset = call.strategy.types(), call.strategy.reset(subresource)

    def make(current: Object | None) -> Object:
        if wanted and wanted != (metadata(current).get("uid") if current else ""):
            raise _uid_precondition(call, wanted, str(metadata(current).get("uid") or "") if current else "")
        if current is None and not (call.strategy.create_on_update and not subresource):
            raise not_found(call.endpoint.group, call.endpoint.plural, call.target.name)
        return track(current, thing, writer=writer, types=types, reset=reset)

    return (yield from update(call, options, make, by_patch=False))


def patch(call: Call) -> Steps[Response]:
    """Answer a PATCH."""
    media = decoding.media_type(call.request)
    options = write_options(call.request, "PatchOptions", apply=media == "application/apply-patch+yaml")
    make = patcher(call, options, _writer(call, options))
    return (yield from update(call, options, make, by_patch=True))


def _writer(call: Call, options: WriteOptions) -> Writer:
    endpoint = call.endpoint
    stamp = call.now.timestamp()
    return Writer(options.manager, endpoint.api_version, endpoint.kind, stamp, call.target.subresource)


def check_name(thing: Object, call: Call) -> None:
    """The name in a body is that of the path (or absent from a status that has no name: refused too)."""
    name = name_of(thing)
    if name != call.target.name:
        if not name:
            raise bad_request("name must be provided") if not call.target.name else _no_name(call)
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.target.name})")


def _no_name(call: Call) -> Refused:
    return bad_request(f"the name of the object () does not match the name on the URL ({call.target.name})")


def _uid_precondition(call: Call, wanted: str, found: str) -> Refused:
    endpoint = call.endpoint
    group = endpoint.group if endpoint.custom is not None or endpoint.group == "apiextensions.k8s.io" else ""
    plural = "services/specs" if endpoint.storage == "services" else endpoint.plural
    parts = ["/registry", *filter(None, (group, plural, call.key[1], call.target.name))]
    cause = (
        f"StorageError: invalid object, Code: 4, Key: {'/'.join(parts)}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    )
    return conflict(endpoint.group, endpoint.plural, call.target.name, cause)


def update(call: Call, options: WriteOptions, make: Make, *, by_patch: bool) -> Steps[Response]:
    """Store what `make` makes of the current object, again when somebody else wrote meanwhile."""
    for _ in range(TRIES):
        state: State = yield Look()
        stored = state.get(call.key)
        current = None if stored is None else views.thing_of(stored, call.endpoint)
        made = make(current)
        if stored is None or current is None:
            filled = yield from creating.fill_system_fields(made, call)
            filled = with_metadata(filled, resourceVersion=None)
            created = yield from creating.create_object(call, filled, _as_create(options))
            assert created is not None
            return reading.answer(201, created, call.endpoint, call.request, call.form, call.now, call.headers())
        result = yield from store(call, options, stored, current, made, state)
        if result is not None:
            return reading.answer(200, result, call.endpoint, call.request, call.form, call.now, call.headers())
    raise conflict(call.endpoint.group, call.endpoint.plural, call.target.name)


def _as_create(options: WriteOptions) -> WriteOptions:
    given = options.given_manager, options.given_validation
    return WriteOptions("CreateOptions", options.dry_run, options.manager, options.validation, None, *given)


def store(
    call: Call, options: WriteOptions, stored: Stored, current: Object, made: Object, state: State
) -> Steps[Object | None]:
    """From admission of an update to the store. None: lost to another writer."""
    endpoint, strategy, subresource = call.endpoint, call.strategy, call.target.subresource
    attributes = admission.Attributes(call, "UPDATE", made, current, options)
    new = yield from admission.mutate(attributes, state)
    new = checked_version(new, current, call)
    new = with_metadata(new, generation=metadata(current).get("generation"))
    new = strategy.prepare_update(new, current, subresource, call.now)
    new = _kept_metadata(new, current)
    new = services.allocated(new, current, endpoint, state, call.config)
    errors = strategy.validate_update(new, current, subresource)
    if errors:
        raise invalid(str(new.get("kind")), endpoint.group, name_of(new), errors)
    call.warn(*strategy.warnings(new, current))
    new = settle_times(current, new)
    yield from admission.validate(attributes.with_object(new), state)
    if finished(new):
        if not options.dry_run:
            done = yield Commit(stored.key, stored.version, creating.to_storage(new, call), remove=True)
            if not isinstance(done, Committed):
                return None
        return new
    if options.dry_run or new == current:
        return new
    creating.check_size(new, call)
    done = yield Commit(stored.key, stored.version, creating.to_storage(new, call))
    return creating.as_answered(done.stored.thing, call) if isinstance(done, Committed) else None


def finished(thing: Object) -> bool:
    """Whether an object under deletion may go now: nobody waits for it any more."""
    meta = metadata(thing)
    if not meta.get("deletionTimestamp") or meta.get("finalizers"):
        return False
    if (
        thing.get("kind") == "Namespace"
        and thing.get("apiVersion") == "v1"
        and (thing.get("spec") or {}).get("finalizers")
    ):
        return False
    return not meta.get("deletionGracePeriodSeconds")


def checked_version(new: Object, current: Object, call: Call) -> Object:
    """The object at the version that it replaces; refusals where its resourceVersion is another one, missing or
    none."""
    endpoint = call.endpoint
    asked, there = str(metadata(new).get("resourceVersion") or ""), str(metadata(current).get("resourceVersion") or "")
    number = 0
    if asked:
        if not (asked.isascii() and asked.isdigit()):
            raise internal(f"strconv.ParseUint: parsing {quote(asked)}: invalid syntax")
        number = int(asked)
    if number == 0:
        if not call.strategy.unconditional:
            path = Path("metadata").child("resourceVersion")
            error = field_errors.invalid(path, 0, "must be specified for an update")
            raise invalid(endpoint.plural, endpoint.group, call.target.name, [error])
        return with_metadata(new, resourceVersion=there)
    if asked != there:
        raise conflict(endpoint.group, endpoint.plural, call.target.name)
    return new


def _kept_metadata(new: Object, current: Object) -> Object:
    """What no update can change."""
    old = metadata(current)
    changes: dict[str, Any] = {"creationTimestamp": old.get("creationTimestamp")}
    if not metadata(new).get("uid"):
        changes["uid"] = old.get("uid")
    changes["deletionTimestamp"] = old.get("deletionTimestamp")
    if old.get("deletionGracePeriodSeconds") is None or metadata(new).get("deletionGracePeriodSeconds") is None:
        changes["deletionGracePeriodSeconds"] = old.get("deletionGracePeriodSeconds")
    return with_metadata(new, **changes)
