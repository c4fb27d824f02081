"""Request bodies to objects: JSON, YAML and protobuf, with fieldValidation and the real server's texts for what is
wrong.

Built-in kinds are read by their shipped schemas (`typed_decoding`), custom resources by the CRD's; `creating`,
`updating` and `deleting`
are the callers. Defaults are part of decoding, as in the real server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.apiserver import protobuf
from gatewright.apiserver.answers import Refused, bad_request, unsupported_media_type
from gatewright.apiserver.config import Config
from gatewright.apiserver.go_json import SyntaxFault, load
from gatewright.apiserver.negotiation import PROTOBUF, TYPES
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.strategy import Strategy
from gatewright.apiserver.typed_decoding import Reader, TypeFault, described
from gatewright.core.documents import DocumentError, read_documents
from gatewright.core.http import Request
from gatewright.core.objects import split_api_version

YAML = "application/yaml"
_UNREGISTERED = 'no kind "{}" is registered for version "{}" in scheme "pkg/runtime/scheme.go:111"'
_GO_KIND = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'


@dataclass(frozen=True, slots=True)
class Decoded:
    """thing: the object, defaulted; strict: what strict decoding complains about (duplicates, unknown fields)."""

    thing: dict[str, Any]
    strict: tuple[str, ...]


class Malformed(Exception):
    """A body that is no document of its media type; str() is the text."""


def media_type(request: Request) -> str:
    """The Content-Type without parameters; JSON where there is none."""
    return request.header("content-type", TYPES[0]).split(";")[0].strip().lower() or TYPES[0]


def parse(body: bytes, media: str) -> tuple[Any, tuple[str, ...]]:
    """A JSON or YAML body as a value, and texts about keys that stand twice. Raises Malformed."""
    if media == YAML and not body.lstrip().startswith(b"{"):
        return _parse_yaml(body)
    try:
        value, twice = load(body)
    except SyntaxFault as fault:
        if media == YAML:
            return _parse_yaml(body)
        raise Malformed(f"couldn't get version/kind; json parse error: {fault}") from None
    return value, tuple(f'duplicate field "{path}"' for path in twice)


def _parse_yaml(body: bytes) -> tuple[Any, tuple[str, ...]]:
    try:
        documents = read_documents(body, unique_keys=True)
        twice: tuple[str, ...] = ()
    except DocumentError as error:
        found = re.match(r'key (".*") stands twice', error.problem)
        if found is None:
            line = f"line {error.line}: " if error.line > 1 else ""
            raise Malformed(f"yaml: {line}{error.problem}") from None
        documents = read_documents(body, unique_keys=False)
        twice = (f"yaml: unmarshal errors:\n  line {error.line}: key {found.group(1)} already set in map",)
    return (documents[0].value if documents else None), twice


def decode(request: Request, strategy: Strategy, config: Config) -> Decoded:
    """The body of a POST or PUT, defaulted. Raises Refused."""
    endpoint = strategy.endpoint
    media = media_type(request)
    if media not in TYPES:
        raise unsupported_media_type(TYPES)
    try:
        if media == PROTOBUF:
            if endpoint.custom:
                raise unsupported_media_type(TYPES[:2])
            value: Any = protobuf.decode(request.body, config.wire, config.definitions)
            duplicates: tuple[str, ...] = ()
        else:
            value, duplicates = parse(request.body, media)
        kind = _type_meta(value)
    except (Malformed, protobuf.ProtobufError) as fault:
        raise unrecognized(endpoint, str(fault), request.body) from None
    if endpoint.custom:
        return decode_custom(value, duplicates, strategy, config, request.body)
    return _decode_builtin(value, kind, duplicates, strategy, config)


def unrecognized(endpoint: Endpoint, text: str, body: bytes) -> Refused:
    """400 for a body without a kind that could be told."""
    told = f"the object provided is unrecognized (must be of type {endpoint.kind}): {text} ({_summary(body)})"
    return bad_request(told)


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    cut = body[:30]
    shown = cut.decode("utf-8", "replace") if body[:1] == b"{" else cut.hex()
    return f"{shown} ..." if len(body) > 30 else shown


def _type_meta(value: Any) -> tuple[str, str]:
    """apiVersion and kind of a document; Malformed where Go can't read them."""
    if value is None:
        return "", ""
    if not isinstance(value, Mapping):
        raise Malformed(
            f"couldn't get version/kind; json parse error: json: cannot unmarshal {described(value)}"
            f" into Go value of type {_GO_KIND}"
        )
    found = []
    for name in ("apiVersion", "kind"):
        part = value.get(name)
        if part is not None and not isinstance(part, str):
            raise Malformed(
                f"couldn't get version/kind; json parse error: json: cannot unmarshal {described(part)}"
                f" into Go struct field .{name} of type string"
            )
        found.append(part or "")
    return found[0], found[1]


def _decode_builtin(
    value: Any, kind: tuple[str, str], duplicates: tuple[str, ...], strategy: Strategy, config: Config
) -> Decoded:
    endpoint = strategy.endpoint
    api_version, name = kind[0] or endpoint.api_version, kind[1] or endpoint.kind
    version = split_api_version(api_version)[1]
    thing = dict(value) if value is not None else {}
    if (api_version, name) != (endpoint.api_version, endpoint.kind):
        raise _cannot_handle(name, version, endpoint, _other_kind(api_version, name, endpoint, config))
    thing["apiVersion"], thing["kind"] = api_version, name
    try:
        read, unknown = read_builtin(thing, endpoint, config)
    except TypeFault as fault:
        raise _cannot_handle(name, version, endpoint, str(fault)) from None
    return Decoded(strategy.default(read), (*duplicates, *unknown))


def read_builtin(
    thing: Mapping[str, Any], endpoint: Endpoint, config: Config
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A built-in object as its Go struct holds it, and texts about unknown fields. Raises TypeFault."""
    definition = config.schemas.kinds.get(endpoint.api_version, {}).get(endpoint.kind)
    if definition is None or config.wire.struct(definition) is None:
        return dict(thing), ()
    reader = Reader(config.wire)
    read = reader.read(thing, definition)
    return read, tuple(f'unknown field "{path}"' for path in reader.unknown)


def _other_kind(api_version: str, kind: str, endpoint: Endpoint, config: Config) -> str:
    if kind in config.schemas.kinds.get(api_version, {}):
        version = split_api_version(api_version)[1]
        group = endpoint.group.split(".")[0] or "core"
        return f"converting ({version}.{kind}) to ({group}.{endpoint.kind}): unknown conversion"
    return _UNREGISTERED.format(kind, api_version)


def _cannot_handle(kind: str, version: str, endpoint: Endpoint, text: str) -> Refused:
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {endpoint.kind}: {text}')


def decode_custom(value: Any, duplicates: tuple[str, ...], strategy: Strategy, config: Config, body: bytes) -> Decoded:
    """A custom resource: pruned, its metadata read as ObjectMeta, defaulted. Raises Refused."""
    endpoint = strategy.endpoint
    thing: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    if not thing.get("kind"):
        raise unrecognized(endpoint, f"Object 'Kind' is missing in '{body.decode('utf-8', 'replace')}'", body)
    if thing.get("apiVersion", "") != endpoint.api_version:
        raise bad_request(
            f"the API version in the data ({thing.get('apiVersion') or ''}) does not match the expected API version"
            f" ({endpoint.api_version})"
        )
    read, unknown = read_custom(thing, strategy, config)
    return Decoded(read, (*duplicates, *unknown))


def read_custom(thing: Mapping[str, Any], strategy: Strategy, config: Config) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A custom object as the server takes it in: metadata typed, pruned, defaulted; and texts about unknown fields.
    Raises Refused."""
    endpoint = strategy.endpoint
    made = dict(thing)
    unknown_meta: list[str] = []
    if "metadata" in made:
        reader = Reader(config.wire)
        try:
            made["metadata"] = reader.read(made["metadata"] or {}, "meta.v1.ObjectMeta", "metadata")
        except TypeFault as fault:
            version = split_api_version(str(made.get("apiVersion")))[1]
            raise _cannot_handle(str(made.get("kind")), version, endpoint, str(fault)) from None
        unknown_meta = reader.unknown
    made, unknown = strategy.prune(made)
    texts = [*unknown_meta, *unknown]
    return strategy.default(made), tuple(f'unknown field "{path}"' for path in texts)


def check_strict(decoded: Decoded, validation: str, endpoint: Endpoint) -> tuple[str, ...]:
    """fieldValidation: Strict refuses with 400, Warn gives the warnings to send, Ignore nothing."""
    if not decoded.strict or validation == "Ignore":
        return ()
    if validation == "Warn":
        return decoded.strict
    thing = decoded.thing
    version = split_api_version(str(thing.get("apiVersion")))[1]
    text = f"strict decoding error: {', '.join(decoded.strict)}"
    raise _cannot_handle(str(thing.get("kind")), version, endpoint, text)
