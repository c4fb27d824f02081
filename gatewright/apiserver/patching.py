"""What a PATCH makes of an object: JSON patch, merge patch, strategic merge patch of built-in kinds, server-side apply.

`updating` asks for a patcher once per request and calls it with every version of the object that it meets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gatewright.apiserver import decoding
from gatewright.apiserver.answers import Refused, bad_request, conflict, encode, internal, invalid, not_found, rejected
from gatewright.apiserver.apply import (
    ApplyConflict,
    ApplyRejected,
    StrategicPatchError,
    TypedPatchError,
    Writer,
    apply,
    conversion_fault,
    go_plain,
    strategic_merge,
    track,
)
from gatewright.apiserver.calls import Call, with_metadata
from gatewright.apiserver.decoding import Decoded
from gatewright.apiserver.go_json import SyntaxFault, load
from gatewright.apiserver.strategy import name_of
from gatewright.apiserver.targets import WriteOptions
from gatewright.apiserver.typed_decoding import Reader, TypeFault, described
from gatewright.apiserver.wire import Wire
from gatewright.core import field_errors
from gatewright.core.field_errors import Path
from gatewright.core.go_text import quote
from gatewright.core.objects import Object, metadata
from gatewright.core.patch import PatchMalformed, PatchNotApplicable, PatchTooLarge, json_patch, merge_patch

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

Make = Callable[[Object | None], Object]


def accepted(call: Call) -> tuple[str, ...]:
    """The patch types of a resource, as its 415 lists them."""
    if call.endpoint.custom is not None:
        return (JSON_PATCH, MERGE_PATCH, APPLY)
    return (JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY)


def patcher(call: Call, options: WriteOptions, writer: Writer) -> Make:
    """The function that makes the new object of the current one. Refuses what is wrong with the patch itself."""
    media = decoding.media_type(call.request)
    known = accepted(call)
    if media not in known:
        text = f"the body of the request was in an unknown format - accepted media types include: {', '.join(known)}"
        raise Refused(415, "UnsupportedMediaType", text)
    if media == APPLY:
        return _applier(call, options, writer)
    if media == JSON_PATCH:
        return _by_json_patch(call, options, writer)
    return _by_merge(call, options, writer, strategic=media == STRATEGIC)


def _by_json_patch(call: Call, options: WriteOptions, writer: Writer) -> Make:
    def make(current: Object | None) -> Object:
        thing = _there(current, call)
        return _patched(call, options, writer, thing, json_patched(thing, call.request.body))

    return make


def json_patched(thing: Object, body: bytes) -> Any:
    """The document after a JSON patch, or a refusal."""
    try:
        operations, _ = load(body)
    except SyntaxFault as fault:
        raise bad_request(f"error decoding patch: {fault}") from None
    if not isinstance(operations, list):
        wanted = "[]handlers.jsonPatchOp"
        text = f"json: cannot unmarshal {described(operations)} into Go value of type {wanted}"
        raise bad_request(f"error decoding patch: {text}")
    try:
        return json_patch(thing, operations)
    except PatchTooLarge as error:
        raise Refused(413, "RequestEntityTooLarge", str(error)) from None
    except PatchMalformed as error:
        raise bad_request(str(error)) from None
    except PatchNotApplicable:
        raise rejected() from None


def _by_merge(call: Call, options: WriteOptions, writer: Writer, *, strategic: bool) -> Make:
    try:
        body, twice = load(call.request.body)
    except SyntaxFault as fault:
        raise bad_request(str(fault) if strategic else f"error decoding patch: {fault}") from None
    if not isinstance(body, Mapping):
        text = _no_map(body)
        raise bad_request(text if strategic else f"error decoding patch: {text}")
    duplicates = tuple(f'duplicate field "{path}"' for path in twice)

    def make(current: Object | None) -> Object:
        thing = _there(current, call)
        if strategic:
            try:
                patched: Any = strategic_merge(
                    call.config.schemas, call.endpoint.api_version, call.endpoint.kind, thing, body
                )
            except StrategicPatchError as error:
                if error.status == 422:
                    raise rejected() from None
                reason = "BadRequest" if error.status == 400 else None
                raise Refused(error.status, reason, error.message) from None
            fault = conversion_fault(call.config.schemas, call.endpoint.api_version, call.endpoint.kind, patched)
            if fault:
                shown = go_plain(body)
                raise invalid("", "", "", [field_errors.invalid(Path("patch"), shown, fault)])
        else:
            patched = merge_patch(thing, body)
        return _patched(call, options, writer, thing, patched, duplicates)

    return make


def _no_map(body: Any) -> str:
    wanted = "map[string]interface {}"
    return f"json: cannot unmarshal {described(body)} into Go value of type {wanted}"


def _there(current: Object | None, call: Call) -> Object:
    if current is None:
        raise not_found(call.endpoint.group, call.endpoint.plural, call.target.name)
    return current


def _patched(
    call: Call, options: WriteOptions, writer: Writer, current: Object, patched: Any, duplicates: tuple[str, ...] = ()
) -> Object:
    endpoint = call.endpoint
    if not isinstance(patched, Mapping):
        raise rejected()
    try:
        if endpoint.custom is not None:
            read, unknown = decoding.read_custom(patched, call.strategy, call.config)
        else:
            read, unknown = decoding.read_builtin(patched, endpoint, call.config)
            read = call.strategy.default(read)
    except TypeFault as fault:
        raise _refused_patch(patched, current, call, str(fault)) from None
    decoded = Decoded(read, (*duplicates, *unknown))
    if decoded.strict and options.validation == "Strict":
        told = f"strict decoding error: {', '.join(decoded.strict)}"
        raise _refused_patch(patched, current, call, told)
    if options.validation == "Warn":
        call.warn(*decoded.strict)
    _check(read, call)
    new = track(
        current, read, writer=writer, types=call.strategy.types(), reset=call.strategy.reset(writer.subresource)
    )
    return with_metadata(new, selfLink=None)


def _refused_patch(patched: Object, current: Object, call: Call, text: str) -> Refused:
    """422 for a patch whose outcome can't be decoded; the outcome is told as the real server holds it."""
    kind = call.config.schemas.kinds.get(call.endpoint.api_version, {}).get(call.endpoint.kind, "")
    touched = decoding.media_type(call.request) != STRATEGIC
    shown = _in_order(patched, current, kind if touched else "", call.config.wire)
    return invalid("", "", "", [field_errors.invalid(Path("patch"), encode(shown).decode(), text)])


def _in_order(value: Any, before: Any, kind: str, wire: Wire) -> Any:
    """Objects that the patch went through have sorted fields, the others those of the Go struct in its order."""
    if isinstance(value, Mapping):
        struct = wire.struct(wire.resolved(kind.lstrip("*"))) if kind else None
        keys = sorted(value)
        if value == before and struct is not None:
            keys = [*(name for name in struct.flat if name in value), *(key for key in keys if key not in struct.flat)]
        inner = wire.resolved(kind.lstrip("*")) if kind else ""
        old = before if isinstance(before, Mapping) else {}
        made = {}
        for key in keys:
            field = struct.flat.get(key) if struct is not None else None
            below = field.type if field is not None else inner[4:] if inner.startswith("map:") else ""
            made[key] = _in_order(value[key], old.get(key), below, wire)
        return made
    if isinstance(value, list):
        item = wire.resolved(kind.lstrip("*")) if kind else ""
        item = item[2:] if item.startswith("[]") else ""
        past = before if isinstance(before, list) and len(before) == len(value) else [None] * len(value)
        return [_in_order(one, old, item, wire) for one, old in zip(value, past, strict=True)]
    return value


def _check(thing: Object, call: Call) -> None:
    name = name_of(thing)
    if name != call.target.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.target.name})")
    asked = call.target.namespace if call.endpoint.namespaced else ""
    if str(metadata(thing).get("namespace") or "") != asked:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def _applier(call: Call, options: WriteOptions, writer: Writer) -> Make:
    try:
        body, twice = decoding.parse(call.request.body, decoding.YAML)
    except decoding.Malformed as fault:
        raise bad_request(f"error decoding YAML: error converting YAML to JSON: {fault}") from None
    if body is None:
        body = {}
    if not isinstance(body, Mapping):
        text = f"json: cannot unmarshal {described(body)} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: {text}")
    if twice and options.validation == "Strict":
        raise bad_request(f"error strict decoding YAML: {', '.join(twice)}")
    if options.validation == "Warn":
        call.warn(*twice)
    applied = _applied(body, call)
    types, reset = call.strategy.types(), call.strategy.reset(writer.subresource)

    def make(current: Object | None) -> Object:
        if current is None:
            _check_absent(applied, call)
        try:
            merged = apply(current, applied, writer=writer, force=bool(options.force), types=types, reset=reset)
        except ApplyConflict as error:
            causes = [
                {"reason": "FieldManagerConflict", "message": message, "field": field}
                for message, field in error.causes
            ]
            raise Refused(409, "Conflict", error.message, {"causes": causes}) from None
        except TypedPatchError as error:
            raise internal(error.message) from None
        except ApplyRejected as error:
            raise bad_request(error.message) from None
        asked = call.target.namespace if call.endpoint.namespaced else ""
        return _normal(with_metadata(merged, name=call.target.name, namespace=asked or None), call)

    return make


def _applied(body: Mapping[str, Any], call: Call) -> Object:
    """The configuration, if its name and namespace are those of the path; or a 400."""
    thing = dict(body)
    name = name_of(thing)
    if name and name != call.target.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.target.name})")
    meta = thing.get("metadata")
    given = str(meta.get("namespace") or "") if isinstance(meta, Mapping) else ""
    asked = call.target.namespace if call.endpoint.namespaced else ""
    if given and given != asked:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return thing


def _check_absent(applied: Object, call: Call) -> None:
    """An apply that creates: a uid names an object that is not there."""
    endpoint, name = call.endpoint, call.target.name
    meta = metadata(applied)
    if call.target.subresource:
        raise not_found(endpoint.group, endpoint.plural, name)
    version, wanted = str(meta.get("resourceVersion") or ""), str(meta.get("uid") or "")
    if version and not (version.isascii() and version.isdigit()):
        raise internal(f"strconv.ParseUint: parsing {quote(version)}: invalid syntax")
    if version and int(version) == 0:
        path = Path("metadata").child("resourceVersion")
        error = field_errors.invalid(path, 0, "must be specified for an update")
        raise invalid(endpoint.plural, endpoint.group, name, [error])
    if wanted:
        if version:
            raise conflict(endpoint.group, endpoint.plural, name)
        cause = f"uid mismatch: the provided object specified uid {wanted}, and no existing object was found"
        raise conflict(endpoint.group, endpoint.plural, name, cause)


def _normal(merged: Object, call: Call) -> Object:
    """The merged object as the server holds it: typed and defaulted."""
    if call.endpoint.custom is not None:
        made = dict(merged)
        try:
            made["metadata"] = Reader(call.config.wire).read(metadata(merged), "meta.v1.ObjectMeta", "metadata")
        except TypeFault as fault:
            raise internal(str(fault)) from None
        return call.strategy.default(made)
    try:
        read, _ = decoding.read_builtin(merged, call.endpoint, call.config)
    except TypeFault as fault:
        raise internal(_not_converted(merged, call, str(fault))) from None
    return call.strategy.default(read)


def _not_converted(merged: Object, call: Call, text: str) -> str:
    """What the server says of a merged object that its Go type does not hold."""
    endpoint = call.endpoint
    kind = f"{endpoint.group}/{endpoint.version}, Kind={endpoint.kind}"
    name = f"{metadata(merged).get('namespace') or ''}/{name_of(merged)}; {kind}"
    told = f"unable to convert unstructured object to {kind}: error decoding from json: {text}"
    return f"failed to convert new object ({name}) to proper version: {told}"
