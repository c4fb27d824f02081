"""Which form an answer takes: JSON or YAML, whole objects, a Table or only metadata (HTTP Accept and its as=
parameters).

The real server also answers protobuf; this one decodes it (`protobuf`) but writes only Statuses in it. A client that
would take protobuf or
JSON gets JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatewright.apiserver.answers import Refused

PROTOBUF = "application/vnd.kubernetes.protobuf"
TYPES = ("application/json", "application/yaml", PROTOBUF)
_TRANSFORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


@dataclass(frozen=True, slots=True)
class Form:
    """media: application/json or application/yaml; shape: "" or one of Table, PartialObjectMetadata,
    PartialObjectMetadataList, of
    meta.k8s.io/`version`; protobuf_errors: Statuses go out as protobuf."""

    media: str = "application/json"
    shape: str = ""
    version: str = "v1"
    protobuf_errors: bool = False


@dataclass(frozen=True, slots=True)
class _Clause:
    media: str
    parameters: dict[str, str]
    quality: float


PLAIN = Form()


def form_of(accept: str, *, custom: bool, collection: bool) -> Form:
    """The form that an Accept header asks for, or a 406.

    custom: a custom resource (its handler words the 406 differently); collection: the path may be watched
    """
    if accept in ("", "application/json", "*/*"):
        return PLAIN
    clauses = _parse(accept)
    if not custom and not any(_media_matches(clause.media) for clause in clauses):
        offered = [*TYPES, *((f"{TYPES[0]};stream=watch", f"{PROTOBUF};stream=watch") if collection else ())]
        text = f"406: Not Acceptable\n\nAvailable representations: {', '.join(offered)}"
        raise Refused(406, "NotAcceptable", text, {})
    protobuf = False
    for clause in clauses:
        if not _media_matches(clause.media):
            continue
        shape = clause.parameters.get("as", "")
        if shape:
            version = clause.parameters.get("v", "")
            known = clause.parameters.get("g") == "meta.k8s.io" and version in ("v1", "v1beta1")
            if not known or shape not in _TRANSFORMS:
                continue
        else:
            version = "v1"
        media = clause.media if clause.media in TYPES else TYPES[0]
        if media == PROTOBUF:
            protobuf = True
            continue
        return Form(media, shape, version, protobuf)
    error = Refused(406, "NotAcceptable", f"only the following media types are accepted: {', '.join(TYPES)}")
    if protobuf:
        error.protobuf = True
    raise error


def _media_matches(media: str) -> bool:
    return media in TYPES or media in ("*/*", "application/*")


def _parse(accept: str) -> list[_Clause]:
    clauses = []
    for part in accept.split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        values: dict[str, str] = {}
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key == "q":
                quality = _quality(value)
            else:
                values[key] = value.strip('"')
        if media:
            clauses.append(_Clause(media.lower(), values, quality))
    return sorted(clauses, key=lambda clause: (-clause.quality, "*" in clause.media))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


_PACKAGES = {
    "": "core",
    "events.k8s.io": "core",
    "rbac.authorization.k8s.io": "rbac",
    "flowcontrol.apiserver.k8s.io": "flowcontrol",
}


def go_type(group: str, kind: str) -> str:
    """The Go type of a built-in kind inside the real server, as its texts name it: *core.ConfigMapList."""
    return f"*{_PACKAGES.get(group, group.split('.')[0])}.{kind}"
