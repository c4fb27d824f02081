"""DELETE of an object and of a collection: options, preconditions, finalizers, grace periods, propagation.

The rules are those of the real server's Store.Delete and rest.BeforeDelete. Once a body is sent the query does not
count, dryRun included.
`handling` is the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gatewright.apiserver import admission, creating, decoding, protobuf, reading, views
from gatewright.apiserver.answers import bad_request, conflict, document, invalid, not_found, success
from gatewright.apiserver.calls import Call, Steps, with_metadata
from gatewright.apiserver.effects import Commit, Committed, Look
from gatewright.apiserver.negotiation import PROTOBUF
from gatewright.apiserver.resources import CRDS
from gatewright.apiserver.state import State, Stored
from gatewright.apiserver.targets import boolean, dry_run_errors, list_options, present
from gatewright.apiserver.typed_decoding import Reader, TypeFault
from gatewright.apiserver.updating import TRIES, finished
from gatewright.core import field_errors
from gatewright.core.clock import rfc3339
from gatewright.core.crds import strategy as crd_strategy
from gatewright.core.field_errors import FieldError, Path
from gatewright.core.http import Request, Response
from gatewright.core.objects import Object, metadata

_POLICIES = ("Foreground", "Background", "Orphan")
# Kinds whose DELETE answers the object even when it is gone at once.
_ANSWERED_WHOLE = frozenset(
    {
        "pods",
        "services",
        "serviceaccounts",
        "podtemplates",
        "resourcequotas",
        "persistentvolumes",
        "persistentvolumeclaims",
        "storageclasses.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
        "csinodes.storage.k8s.io",
    }
)
_GC_FINALIZERS = ("orphan", "foregroundDeletion")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """metav1.DeleteOptions; body: as an AdmissionReview shows them."""

    grace: int | None = None
    uid: str | None = None
    version: str | None = None
    orphan: bool | None = None
    policy: str | None = None
    dry_run: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)


def delete_options(call: Call) -> DeleteOptions:
    """The options of a DELETE, from its body or else from its query."""
    request = call.request
    raw = _from_body(call) if request.body else _from_query(request)
    raw.pop("ignoreStoreReadErrorWithClusterBreakingPotential", None)
    preconditions: Mapping[str, Any] = raw.get("preconditions") or {}
    dry_runs = list(raw.get("dryRun") or ())
    policy = raw.get("propagationPolicy")
    errors = _errors(raw, policy, dry_runs)
    if errors:
        raise invalid("DeleteOptions", "meta.k8s.io", "", errors)
    body = {key: value for key, value in raw.items() if key not in ("kind", "apiVersion")}
    return DeleteOptions(
        grace=raw.get("gracePeriodSeconds"),
        uid=preconditions.get("uid"),
        version=preconditions.get("resourceVersion"),
        orphan=raw.get("orphanDependents"),
        policy=policy,
        dry_run=bool(dry_runs),
        body={"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", **body},
    )


def _errors(raw: Mapping[str, Any], policy: str | None, dry_runs: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    path = Path("propagationPolicy")
    if policy is not None:
        if raw.get("orphanDependents") is not None:
            told = "orphanDependents and deletionPropagation cannot be both set"
            errors.append(field_errors.invalid(path, policy, told))
        elif policy not in _POLICIES:
            errors.append(field_errors.not_supported(path, policy, (*_POLICIES, "nil")))
    errors.extend(dry_run_errors(dry_runs))
    return errors


def _from_query(request: Request) -> dict[str, Any]:
    raw: dict[str, Any] = {}
    grace = request.argument("gracePeriodSeconds")
    if grace:
        try:
            raw["gracePeriodSeconds"] = int(grace)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{grace}": invalid syntax') from None
    if present(request, "orphanDependents"):
        raw["orphanDependents"] = boolean(request, "orphanDependents")
    if request.argument("propagationPolicy"):
        raw["propagationPolicy"] = request.argument("propagationPolicy")
    dry_runs = [value for key, value in request.query if key == "dryRun"]
    if dry_runs:
        raw["dryRun"] = dry_runs
    return raw


def _from_body(call: Call) -> dict[str, Any]:
    body, media = call.request.body, decoding.media_type(call.request)
    try:
        if media == PROTOBUF:
            definitions = {(version, "DeleteOptions"): "meta.v1.DeleteOptions" for version in _versions(call)}
            value: Any = protobuf.decode(body, call.config.wire, definitions)
        else:
            value, _ = decoding.parse(body, media)
    except (decoding.Malformed, protobuf.ProtobufError) as fault:
        raise bad_request(str(fault)) from None
    if not isinstance(value, Mapping):
        value = {}
    version, kind = value.get("apiVersion") or "v1", value.get("kind") or "DeleteOptions"
    if kind != "DeleteOptions" or version not in _versions(call):
        raise bad_request(
            f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        )
    try:
        read: dict[str, Any] = Reader(call.config.wire).read(dict(value), "meta.v1.DeleteOptions")
    except TypeFault as fault:
        raise bad_request(str(fault)) from None
    return read


def _versions(call: Call) -> tuple[str, ...]:
    return ("v1", "meta.k8s.io/v1", call.endpoint.api_version)


def delete(call: Call) -> Steps[Response]:
    """Answer the DELETE of an object."""
    options = delete_options(call)
    for _ in range(TRIES):
        state: State = yield Look()
        stored = state.get(call.key)
        if stored is None:
            raise not_found(call.endpoint.group, call.endpoint.plural, call.target.name)
        done = yield from _delete_one(call, stored, options, state)
        if done is None:
            continue
        gone, thing = done
        if gone and call.endpoint.storage not in _ANSWERED_WHOLE:
            uid = str(metadata(thing).get("uid") or "")
            body: Any = success(call.target.name, call.endpoint.group, call.endpoint.plural, uid)
            return document(200, body, call.headers())
        return reading.answer(200, thing, call.endpoint, call.request, call.form, call.now, call.headers())
    raise conflict(call.endpoint.group, call.endpoint.plural, call.target.name)


def _delete_one(
    call: Call, stored: Stored, options: DeleteOptions, state: State, *, named: bool = True
) -> Steps[tuple[bool, Object] | None]:
    """Delete one object as far as it goes now. (gone, the object to answer), or None: lost to another writer."""
    thing = views.thing_of(stored, call.endpoint)
    _check_preconditions(call, thing, options)
    attributes = admission.Attributes(call, "DELETE", None, thing, None, options.body, options.dry_run, named)
    yield from admission.mutate(attributes, state)
    yield from admission.validate(attributes, state)
    marked = _marked(call, thing, options)
    if marked is thing:
        return False, thing
    meta = metadata(marked)
    waits = bool(meta.get("finalizers")) or bool(meta.get("deletionGracePeriodSeconds")) or not finished(marked)
    if options.dry_run:
        return not waits, (marked if waits or call.strategy.graceful else thing)
    if waits or call.strategy.graceful:
        done = yield Commit(stored.key, stored.version, creating.to_storage(marked, call))
        if not isinstance(done, Committed):
            return None
        marked = creating.as_answered(done.stored.thing, call)
        if waits:
            return False, marked
        yield Commit(stored.key, done.stored.version, done.stored.thing, remove=True)
        return True, marked
    done = yield Commit(stored.key, stored.version, stored.thing, remove=True)
    return (True, thing) if isinstance(done, Committed) else None


def _check_preconditions(call: Call, thing: Object, options: DeleteOptions) -> None:
    meta, endpoint = metadata(thing), call.endpoint
    cause = ""
    if options.uid is not None and options.uid != meta.get("uid"):
        if endpoint.storage == CRDS:
            cause = f"Precondition failed: UID in precondition: {options.uid}, UID in object meta: {meta.get('uid')}"
            raise conflict(endpoint.group, endpoint.plural, call.target.name, cause)
        cause = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta.get('uid')})."
            " The object might have been deleted and then recreated"
        )
    elif options.version is not None and options.version != meta.get("resourceVersion"):
        cause = (
            f"the ResourceVersion in the precondition ({options.version}) does not match the ResourceVersion in record"
            f" ({meta.get('resourceVersion')}). The object might have been modified"
        )
    if cause:
        raise conflict(endpoint.group, endpoint.kind, str(meta.get("name") or ""), cause)


def _marked(call: Call, thing: Object, options: DeleteOptions) -> Object:
    """The object with the marks of its deletion; the very same object where nothing changes."""
    meta = metadata(thing)
    finalizers = _finalizers(list(meta.get("finalizers") or ()), options)
    if call.endpoint.storage == CRDS and not meta.get("deletionTimestamp"):
        return crd_strategy.prepare_delete(with_metadata(thing, finalizers=finalizers or None), call.now.timestamp())
    grace = _grace(call, thing, options)
    changes: dict[str, Any] = {}
    if finalizers != list(meta.get("finalizers") or ()):
        changes["finalizers"] = finalizers or None
    before = meta.get("deletionTimestamp")
    if not before:
        changes["deletionTimestamp"] = rfc3339(call.now.wall + grace)
        changes["deletionGracePeriodSeconds"] = grace
        if meta.get("generation"):
            changes["generation"] = meta["generation"] + 1
        if call.endpoint.storage == "namespaces":
            changes.pop("deletionGracePeriodSeconds")
    elif call.strategy.graceful and grace < (meta.get("deletionGracePeriodSeconds") or 0):
        changes["deletionTimestamp"] = rfc3339(call.now.wall + grace)
        changes["deletionGracePeriodSeconds"] = grace
    elif not changes and (finalizers or not finished(thing)):
        return thing
    marked = with_metadata(thing, **changes)
    if call.endpoint.storage == "namespaces":
        marked["status"] = {**(thing.get("status") or {}), "phase": "Terminating"}
    return marked


def _finalizers(finalizers: list[str], options: DeleteOptions) -> list[str]:
    """With those that the propagation policy asks for, without those that it rules out."""
    wanted = ""
    if options.orphan is not None:
        wanted = "orphan" if options.orphan else "none"
    elif options.policy is not None:
        wanted = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}.get(options.policy, "none")
    if not wanted:
        return finalizers
    kept = [name for name in finalizers if name not in _GC_FINALIZERS]
    if wanted != "none":
        kept.append(wanted)
    return kept


def _grace(call: Call, thing: Object, options: DeleteOptions) -> int:
    if not call.strategy.graceful:
        return 0
    spec: Mapping[str, Any] = thing.get("spec") or {}
    period = options.grace
    if period is None:
        period = spec.get("terminationGracePeriodSeconds")
        period = 30 if period is None else period
    if not spec.get("nodeName") or (thing.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return 0
    return 1 if period < 0 else int(period)


def delete_collection(call: Call) -> Steps[Response]:
    """Answer the DELETE of a collection: the objects as they were."""
    options = delete_options(call)
    chosen_by = list_options(call.request)
    chosen = reading.selection(call.endpoint, call.target.namespace, chosen_by)
    state: State = yield Look()
    version = state.version
    found = [
        stored
        for stored in state.table(call.endpoint.storage).all(chosen.namespace)
        if chosen.matches(stored, call.endpoint)
    ]
    for stored in found:
        for _ in range(TRIES):
            state = yield Look()
            there = state.get(stored.key)
            if there is None:
                break
            done = yield from _delete_one(call, there, options, state, named=False)
            if done is not None:
                break
    meta: dict[str, Any] = {"resourceVersion": str(version)}
    if call.endpoint.custom is not None:
        meta["continue"] = ""
    body = reading.list_body(found, call.endpoint, meta)
    if call.form.media != "application/json" or call.form.shape:
        return reading.render(200, msgspec.json.decode(body), call.form, call.headers())
    return Response(200, (("content-type", "application/json"), *call.headers()), body)
