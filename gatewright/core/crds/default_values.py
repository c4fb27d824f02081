"""Whether the defaults of a schema are good values themselves.

Called by `definition` for structural schemas only. Source: Kubernetes "Defaulting" and the answers of a real API
server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gatewright.core.crds.embedded import coercion_error, embedded_errors
from gatewright.core.field_errors import FieldError, Path, invalid, message
from gatewright.core.go_text import same
from gatewright.core.schemas import Node, Schema
from gatewright.core.schemas.nodes import NO_DEFAULT

_META = ("metadata", "apiVersion", "kind")

Surround = Callable[[Any], dict[str, Any]]  # a value put where it would stand in a whole object


def without_number_or_text(schema: Any) -> Any:
    """The schema as defaults are checked by it: where a number or a text is asked for, any type will do."""
    if isinstance(schema, list):
        return [without_number_or_text(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {key: each for key, each in schema.items() if key != "x-kubernetes-int-or-string"}
    for key in ("properties", "patternProperties"):
        if isinstance(made.get(key), Mapping):
            made[key] = {name: without_number_or_text(each) for name, each in made[key].items()}
    for key in ("items", "additionalProperties", "not", "allOf", "anyOf", "oneOf"):
        if key in made:
            made[key] = without_number_or_text(made[key])
    return made


def default_errors(root: Node, path: Path, *, pruned: bool) -> list[FieldError]:
    """Errors of all defaults below the root of a whole object. pruned: whether unknown fields in defaults are
    refused."""
    return _errors(root, root, path, _whole, False, pruned, embedded=True)


def _whole(value: Any) -> dict[str, Any]:
    return {"kind": "Validation", "apiVersion": "validation/v1", **value}


def _errors(
    node: Node, root: Node, path: Path, surround: Surround, in_meta: bool, pruned: bool, embedded: bool
) -> list[FieldError]:
    errors: list[FieldError] = []
    if embedded or node.embedded:
        in_meta, root, surround, embedded = False, node, _whole, True
    if node.default is not NO_DEFAULT:
        at = path.child("default")
        if in_meta:
            errors += _meta_default_errors(node, root, surround, at)
        else:
            errors += _plain_default_errors(node, at, pruned, embedded)
    if node.items is not None:
        below: Surround = lambda value: surround([value])  # noqa: E731
        errors += _errors(node.items, root, path.child("items"), below, in_meta, pruned, False)
    for name, each in node.properties.items():
        below = lambda value, name=name: surround({name: value})  # type: ignore[misc]  # noqa: E731
        deeper = in_meta or (embedded and name in _META)
        errors += _errors(each, root, path.child("properties").key(name), below, deeper, pruned, False)
    return errors


def _plain_default_errors(node: Node, path: Path, pruned: bool, embedded: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    value = node.default
    schema = Schema(node)
    if pruned and not same(schema.prune(value, root=embedded)[0], value):
        errors.append(invalid(path, value, "must not have unknown fields"))
    refused = coercion_error(node, value, path, root=embedded)
    if refused is not None:
        return [*errors, refused]
    return errors + (embedded_errors(node, value, path, root=embedded) or schema.validate(value, path))


def _meta_default_errors(node: Node, root: Node, surround: Surround, path: Path) -> list[FieldError]:
    whole = surround(node.default)
    refused = coercion_error(root, whole, Path(), root=True)
    found = [refused] if refused is not None else embedded_errors(root, whole, Path(), root=True)
    if found:
        return [invalid(path, node.default, f"must result in valid metadata: {message(found)}")]
    return Schema(node).validate(node.default, path)
