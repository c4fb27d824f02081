"""The scale subresource: a view of an object's replicas as autoscaling/v1 Scale, read and written. `handling` is the
caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatewright.apiserver import decoding, patching, reading, updating, views
from gatewright.apiserver.answers import Refused, bad_request, conflict, invalid, not_found
from gatewright.apiserver.apply import Writer, track
from gatewright.apiserver.calls import Call, Steps, with_metadata
from gatewright.apiserver.effects import Look
from gatewright.apiserver.go_json import SyntaxFault, load
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import State
from gatewright.apiserver.targets import write_options
from gatewright.apiserver.typed_decoding import Reader, TypeFault
from gatewright.core import field_errors
from gatewright.core.field_errors import Path
from gatewright.core.http import Response
from gatewright.core.objects import Object, dig, metadata
from gatewright.core.patch import merge_patch

_SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def answer(call: Call) -> Steps[Response]:
    """Answer GET, PUT or PATCH of a scale."""
    if call.request.method in ("GET", "HEAD"):
        state: State = yield Look()
        stored = state.get(call.key)
        if stored is None:
            raise not_found(call.endpoint.group, call.endpoint.plural, call.target.name)
        return _answered(scale_of(views.thing_of(stored, call.endpoint), call.endpoint), call)
    return (yield from _write(call))


def _answered(scale: Object, call: Call) -> Response:
    return reading.render(200, scale, call.form, call.headers())


def scale_of(thing: Object, endpoint: Endpoint) -> dict[str, Any]:
    """The Scale of an object."""
    meta = {name: value for name, value in metadata(thing).items() if name in _SHOWN}
    paths = _paths(endpoint)
    status: dict[str, Any] = {"replicas": _number(dig(thing, *paths[1]))}
    selector = _selector(thing, endpoint)
    if selector:
        status["selector"] = selector
    wanted = _number(dig(thing, *paths[0]))
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": meta,
        "spec": {"replicas": wanted} if wanted else {},
        "status": status,
    }


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _paths(endpoint: Endpoint) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where the wanted and the counted replicas stand."""
    if endpoint.custom is None or endpoint.custom.scale is None:
        return ("spec", "replicas"), ("status", "replicas")
    return endpoint.custom.scale.replicas, endpoint.custom.scale.status_replicas


def _selector(thing: Object, endpoint: Endpoint) -> str:
    if endpoint.custom is not None and endpoint.custom.scale is not None:
        path = endpoint.custom.scale.selector
        found = dig(thing, *path) if path else None
        return found if isinstance(found, str) else ""
    selector = dig(thing, "spec", "selector") or {}
    wanted: Mapping[str, str] = selector.get("matchLabels") or (selector if "matchExpressions" not in selector else {})
    return ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))


def _write(call: Call) -> Steps[Response]:
    kind = "UpdateOptions" if call.request.method == "PUT" else "PatchOptions"
    options = write_options(call.request, kind, apply=decoding.media_type(call.request) == patching.APPLY)
    for _ in range(updating.TRIES):
        state: State = yield Look()
        stored = state.get(call.key)
        if stored is None:
            raise not_found(call.endpoint.group, call.endpoint.plural, call.target.name)
        current = views.thing_of(stored, call.endpoint)
        wanted = _wanted(call, scale_of(current, call.endpoint))
        made = _scaled(call, current, wanted)
        endpoint = call.endpoint  # the real server writes no time for writers of a scale
        writer = Writer(options.manager, endpoint.api_version, endpoint.kind, "", call.target.subresource)
        made = _untimed(track(current, made, writer=writer, types=call.strategy.types()))
        whole = replace(call, target=replace(call.target, subresource=""))
        result = yield from updating.store(whole, options, stored, current, made, state)
        if result is not None:
            return _answered(scale_of(result, call.endpoint), call)
    raise conflict(call.endpoint.group, call.endpoint.plural, call.target.name)


def _untimed(thing: Object) -> Object:
    """Without the empty times of managedFields."""
    entries = metadata(thing).get("managedFields") or ()
    kept = [{key: value for key, value in entry.items() if key != "time" or value} for entry in entries]
    return with_metadata(thing, managedFields=kept or None)


def _wanted(call: Call, scale: Object) -> Object:
    """The Scale that the request asks for."""
    try:
        if call.request.method == "PUT":
            value, _ = decoding.parse(call.request.body, decoding.media_type(call.request))
        else:
            value = _patched(call, scale)
        read = Reader(call.config.wire).read(value, "autoscaling.v1.Scale")
    except (decoding.Malformed, TypeFault) as fault:
        raise bad_request(str(fault)) from None
    name = str(metadata(read).get("name") or "")
    if name != call.target.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.target.name})")
    replicas = dig(read, "spec", "replicas") or 0
    if replicas < 0:
        path = Path("spec").child("replicas")
        error = field_errors.invalid(path, replicas, "must be greater than or equal to 0")
        there = str(metadata(read).get("resourceVersion") or "")
        if there and there != str(metadata(scale).get("resourceVersion")):
            raise conflict(call.endpoint.group, call.endpoint.plural, call.target.name)
        raise invalid("Scale", "autoscaling", call.target.name, [error])
    return dict(read)


def _patched(call: Call, scale: Object) -> Any:
    media = decoding.media_type(call.request)
    if media == patching.JSON_PATCH:
        return patching.json_patched(scale, call.request.body)
    if media in (patching.MERGE_PATCH, patching.STRATEGIC):
        try:
            return merge_patch(scale, load(call.request.body)[0])
        except SyntaxFault as fault:
            raise bad_request(f"error decoding patch: {fault}") from None
    if media == patching.APPLY:
        return merge_patch(scale, decoding.parse(call.request.body, decoding.YAML)[0])
    known = patching.accepted(call)
    text = f"the body of the request was in an unknown format - accepted media types include: {', '.join(known)}"
    raise Refused(415, "UnsupportedMediaType", text)


def _scaled(call: Call, current: Object, wanted: Object) -> Object:
    version = metadata(wanted).get("resourceVersion")
    replicas = dig(wanted, "spec", "replicas") or 0
    made = _with(current, _paths(call.endpoint)[0], replicas)
    return with_metadata(made, resourceVersion=version or metadata(current).get("resourceVersion"))


def _with(thing: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    if len(path) == 1:
        return {**thing, path[0]: value}
    inner = thing.get(path[0])
    return {**thing, path[0]: _with(inner if isinstance(inner, Mapping) else {}, path[1:], value)}
