"""The stages of requests for custom resources: pruning, defaults, preparation, validation, warnings.

`strategy` of the server calls these in the order of a request. Rules of the schema's own (CEL) come in by the
`RuleRun` argument (the seam for CEL). Source: the answers of a real API server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gatewright.apiserver.crds.served import Scale, Served, served_versions
from gatewright.core import metadata
from gatewright.core.crds.embedded import coerce, embedded_errors
from gatewright.core.field_errors import FieldError, Path, Reason, invalid
from gatewright.core.go_text import number, quote, same
from gatewright.core.objects import Object, dig

__all__ = [
    "NotReadable",
    "RuleRun",
    "Served",
    "default",
    "prepare_create",
    "prepare_update",
    "prune",
    "served_versions",
    "validate_create",
    "validate_update",
    "warnings",
]

RuleRun = Callable[[Served, Object, Object | None], Sequence[FieldError]]  # the version, the object, the old one

_BLOCKING = frozenset({Reason.NOT_SUPPORTED, Reason.REQUIRED, Reason.TOO_LONG, Reason.TOO_MANY, Reason.TYPE_INVALID})
_MOST_REPLICAS = 2**31 - 1


class NotReadable(Exception):
    """An embedded resource whose apiVersion, kind or metadata can't be read; 400 with this text."""


def prune(served: Served, thing: Object) -> tuple[Object, tuple[str, ...]]:
    """The object without fields that the schema does not know and without nulls that may not be, and the paths of the
    former.

    Its own metadata is the decoder's business. Raises NotReadable.
    """
    pruned, unknown = served.schema.prune(thing)
    pruned = served.schema.drop_nulls(pruned)
    dropped: list[str] = []
    pruned, error = coerce(served.schema.root, pruned, dropped)
    if error is not None:
        raise NotReadable(str(error))
    return pruned, (*unknown, *sorted(dropped))


def default(served: Served, thing: Object) -> Object:
    """The object with defaults."""
    return served.default(thing)


# --- preparation


def prepare_create(served: Served, thing: Object) -> Object:
    """A new object: no status where that is a subresource, generation 1."""
    made = {key: value for key, value in thing.items() if key != "status" or not served.status_subresource}
    made["metadata"] = {**(thing.get("metadata") or {}), "generation": 1}
    return made


def prepare_update(served: Served, new: Object, old: Object, subresource: str = "") -> Object:
    """A changed object: what the endpoint may not write stays as it was; the generation counts changes outside
    metadata."""
    if subresource == "status":
        return _prepare_status(new, old)
    made = {**new}
    if served.status_subresource:
        made.pop("status", None)
        if "status" in old:
            made["status"] = old["status"]
    before = (old.get("metadata") or {}).get("generation") or 0
    meta = {**(made.get("metadata") or {})}
    if not same(_without_metadata(made), _without_metadata(old)):  # null is not absent, {} is not either
        meta["generation"] = before + 1
    elif before:
        meta["generation"] = before
    made["metadata"] = meta
    return made


def _without_metadata(thing: Object) -> dict[str, Any]:
    return {key: value for key, value in thing.items() if key != "metadata"}


def _prepare_status(new: Object, old: Object) -> Object:
    # Everything but status and managedFields is the old object's, its uid included: that is why a uid does not fence
    # here.
    made = {key: value for key, value in old.items() if key != "status"}
    if "status" in new:
        made["status"] = new["status"]
    meta = {key: value for key, value in (old.get("metadata") or {}).items() if key != "managedFields"}
    managed = (new.get("metadata") or {}).get("managedFields")
    if managed:
        meta["managedFields"] = managed
    made["metadata"] = meta
    return made


# --- validation


def validate_create(served: Served, thing: Object, rules: RuleRun | None = None) -> list[FieldError]:
    """Errors of a new object."""
    errors = _type_errors(served, thing)
    if not errors:
        errors = metadata.validate_create(thing.get("metadata") or {}, namespaced=served.namespaced)
        errors += served.schema.validate(thing)
        errors += _scale_errors(served.scale, thing)
    errors += embedded_errors(served.schema.root, thing)
    errors += served.schema.duplicates(thing)
    return errors + _rule_errors(served, thing, None, errors, rules)


def validate_update(
    served: Served, new: Object, old: Object, subresource: str = "", rules: RuleRun | None = None
) -> list[FieldError]:
    """Errors of a changed object; what was as bad before is let through.

    The server checks metadata twice, so its errors have two causes each.
    """
    common = metadata.common_update(new, old, namespaced=served.namespaced)
    errors = _type_errors(served, new)
    status = subresource == "status"
    if not errors:
        errors = metadata.validate_update(new.get("metadata") or {}, old.get("metadata") or {})
        errors += _status_errors(served, new, old) if status else served.schema.validate_update(new, old)
        errors += _scale_errors(served.scale, new, spec=not status)
    if not status:
        errors += embedded_errors(served.schema.root, new)
    repeated = served.schema.duplicates(new)
    if repeated and not served.schema.duplicates(old):
        errors += repeated
    if status and same(new.get("status"), old.get("status")):
        return common + errors
    return common + errors + _rule_errors(served, new, old, errors, rules)


def _status_errors(served: Served, new: Object, old: Object) -> list[FieldError]:
    if "status" not in new or served.status_schema is None:
        return []
    return served.status_schema.validate_update(new["status"], old.get("status"), Path("status"))


def _type_errors(served: Served, thing: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, api_version = thing.get("kind") or "", thing.get("apiVersion") or ""
    if kind != served.kind:
        errors.append(invalid(Path("kind"), kind, f"must be {served.kind}"))
    if api_version != served.api_version:
        errors.append(invalid(Path("apiVersion"), api_version, f"must be {served.api_version}"))
    return errors


def _rule_errors(
    served: Served, thing: Object, old: Object | None, errors: Sequence[FieldError], rules: RuleRun | None
) -> list[FieldError]:
    if not served.has_rules:
        return []
    if any(error.reason in _BLOCKING for error in errors):
        told = "some validation rules were not checked because the object was invalid; "
        return [invalid(Path(), None, told + "correct the existing errors to complete validation")]
    return list(rules(served, thing, old)) if rules is not None else []


def _scale_errors(scale: Scale | None, thing: Object, *, spec: bool = True) -> list[FieldError]:
    if scale is None:
        return []
    errors = _replica_errors(scale.replicas, thing) if spec else []
    errors += _replica_errors(scale.status_replicas, thing)
    if scale.selector:
        found = dig(thing, *scale.selector)
        at, blocked = Path("." + ".".join(scale.selector)), _blocked(scale.selector, thing)
        if blocked or (found is not None and not isinstance(found, str)):
            told = f"{at} accessor error: {_go_value(found)} is of the type {_go_type(found)}, expected string"
            errors.append(invalid(at, "", blocked or told))
    return errors


def _blocked(path: tuple[str, ...], thing: Any) -> str:
    """Why nothing can stand at the path: something on the way is no object; "" where it could."""
    for position, step in enumerate(path):
        if thing is None:
            return ""
        if not isinstance(thing, Mapping):
            at = ".".join(path[: position + 1])
            told = f"{_go_value(thing)} is of the type {_go_type(thing)}, expected map[string]interface{{}}"
            return f".{at} accessor error: {told}"
        thing = thing.get(step)
    return ""


def _replica_errors(path: tuple[str, ...], thing: Object) -> list[FieldError]:
    found = dig(thing, *path)
    at, blocked = Path("." + ".".join(path)), _blocked(path, thing)
    if blocked:
        return [invalid(at, 0, blocked)]
    if found is None:
        return []
    if isinstance(found, bool) or not isinstance(found, int):
        told = f"{at} accessor error: {_go_value(found)} is of the type {_go_type(found)}, expected int64"
        return [invalid(at, 0, told)]
    if found < 0:
        return [invalid(at, found, "should be a non-negative integer")]
    if found > _MOST_REPLICAS:
        return [invalid(at, found, f"should be less than or equal to {_MOST_REPLICAS}")]
    return []


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "map[string]interface {}" if isinstance(value, Mapping) else "[]interface {}"


def _go_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{_go_value(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(_go_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    return "<nil>" if value is None else str(value)


def warnings(served: Served, new: Object, old: Object | None) -> list[str]:
    """Warnings of a write: finalizers without a domain. (That of a deprecated version is `served.warning`.)"""
    return metadata.finalizer_warnings(new.get("metadata") or {}, None if old is None else old.get("metadata") or {})


# --- scale


def scale_of(served: Served, thing: Object) -> dict[str, Any] | str:
    """The Scale of an object, or why it has none (an internal error's text)."""
    scale = served.scale
    if scale is None:
        return "the scale subresource is not enabled"
    replicas = dig(thing, *scale.replicas)
    if replicas is None:
        return f"the spec replicas field {quote('.' + '.'.join(scale.replicas))} does not exist"
    meta = thing.get("metadata") or {}
    status: dict[str, Any] = {"replicas": dig(thing, *scale.status_replicas) or 0}
    selector = dig(thing, *scale.selector) if scale.selector else None
    if selector:
        status["selector"] = selector
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if meta.get(key)},
        "spec": {"replicas": replicas},
        "status": status,
    }


def with_replicas(served: Served, thing: Object, replicas: int) -> Object:
    """The object with another number of replicas at the scale subresource's path."""
    return _set(thing, served.scale.replicas, replicas) if served.scale is not None else thing


def _set(thing: Object, path: tuple[str, ...], value: Any) -> Object:
    if not path:
        return thing
    below = thing.get(path[0])
    made = value if len(path) == 1 else _set(below if isinstance(below, Mapping) else {}, path[1:], value)
    return {**thing, path[0]: made}
