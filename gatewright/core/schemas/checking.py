"""Checks a value against a schema and words every complaint as the API server does.

This is the careful walk: `fast` says quickly that a value is good, this tells why it is not. The order of complaints,
the choice of the branch of anyOf and oneOf whose complaints are shown (the one with most successful checks), and the
ratcheting of updates (an unchanged bad value is let through) follow a real API server. Fields are walked in sorted
order where the server's order is chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.core import go_text
from gatewright.core.field_errors import FieldError, Path, Reason, invalid, not_supported, required, too_long, too_many
from gatewright.core.schemas import correlation, numbers
from gatewright.core.schemas.nodes import Node

Correlation = correlation.Correlation


class Finding:
    """One complaint. name: the value's path as messages show it, None for complaints that Kubernetes puts at no
    field."""

    __slots__ = ("extra", "message", "name", "reason", "value")

    def __init__(self, message: str, name: str | None, reason: Reason, value: Any = "", extra: Any = None) -> None:
        self.message = message
        self.name = name
        self.reason = reason
        self.value = value
        self.extra = extra

    def error(self, base: Path) -> FieldError:
        path = base
        if self.name and self.name != ".":
            path = base.child(self.name.removeprefix("."))
        if self.reason is Reason.REQUIRED:
            return required(path)
        if self.reason is Reason.NOT_SUPPORTED:
            return not_supported(path, self.value, self.extra)
        if self.reason is Reason.TOO_LONG:
            return too_long(path, self.extra)
        if self.reason is Reason.TOO_MANY:
            return too_many(path, self.value, self.extra)
        if self.reason is Reason.TYPE_INVALID:
            return FieldError(Reason.TYPE_INVALID, str(path), self.value, self.message)
        return invalid(path, self.value, self.message)


class Result:
    """Complaints, each text once, and how many checks went well (that picks a branch of anyOf and oneOf)."""

    __slots__ = ("count", "findings")

    def __init__(self) -> None:
        self.findings: dict[str, Finding] = {}
        self.count = 0

    def add(self, finding: Finding) -> None:
        self.findings.setdefault(finding.message, finding)

    def merge(self, other: Result) -> None:
        for message, finding in other.findings.items():
            self.findings.setdefault(message, finding)
        self.count += other.count


def check(node: Node, value: Any, name: str = "", link: Correlation | None = None) -> Result:
    """All complaints about a value. name: its path in messages; link: the old value, on updates."""
    result = Result()
    if value is None:
        _check_type(node, value, name, result)
        _check_enum(node, value, name, result)
        return result
    if node.types or node.format:
        _check_type(node, value, name, result)
        result.count += 1
    _check_branches(node, value, name, link, result)
    result.count += 1
    if isinstance(value, str):
        _check_string(node, value, name, result)
    elif isinstance(value, bool):
        pass
    elif isinstance(value, int | float):
        for finding in numbers.complaints(node, value, name):
            result.add(Finding(*finding))
        result.count += 2
    elif isinstance(value, list | tuple):
        _check_list(node, value, name, link, result)
        result.count += 2
    _check_enum(node, value, name, result)
    result.count += 1
    if isinstance(value, Mapping):
        _check_object(node, value, name, link, result)
        result.count += 1
    result.count += 1
    return result


def _below(node: Node, value: Any, name: str, link: Correlation | None, result: Result) -> None:
    """Checks a field's or an item's value; what was equally bad before an update is forgiven."""
    found = check(node, value, name, link)
    if link is not None and found.findings and link.unchanged():
        found.findings = {}
    result.merge(found)


def check_update(node: Node, value: Any, old: Any, name: str = "") -> Result:
    """As `check`, forgiving complaints about values that did not change (ratcheting)."""
    result = Result()
    _below(node, value, name, Correlation(node, value, old), result)
    return result


def type_name(value: Any) -> str:
    """The JSON type of a value as schemas name it; integers beyond 64 bits are numbers."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if numbers.is_int64(value) else "number"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def _check_type(node: Node, value: Any, name: str, result: Result) -> None:
    types = node.types
    kind = type_name(value)
    wanted = ",".join(types)
    if value is None:
        if types and "null" not in types and not node.nullable:
            result.add(_wrong_type(name, wanted, "null"))
        else:
            result.count += 1
        return
    fits = (
        kind in types
        or (kind == "number" and "integer" in types and numbers.is_json_integer(value))
        or (kind == "integer" and "number" in types)
    )
    if node.format:
        own = {"integer": "int64", "number": "float64"}.get(kind, "")
        texty = kind in ("string", "array")
        if not texty and not fits and own != node.format:
            result.add(_wrong_type(name, node.format, own))
            return
        if texty and "number" not in types and "integer" not in types:
            result.count += 1
            return
    if fits:
        result.count += 1
    else:
        result.add(_wrong_type(name, wanted, kind))


def _wrong_type(name: str, wanted: str, actual: str) -> Finding:
    text = f"{name} in body must be of type {wanted}: {go_text.quote(actual)}"
    return Finding(text, name, Reason.TYPE_INVALID, actual)


def _check_enum(node: Node, value: Any, name: str, result: Result) -> None:
    if not node.enum or in_enum(node.enum, value):
        return
    shown = [choice if isinstance(choice, str) else go_text.json_text(choice) for choice in node.enum]
    text = f"{name} in body should be one of {shown} not {go_text.json_text(value)}"
    result.add(Finding(text, name, Reason.NOT_SUPPORTED, value, shown))


def in_enum(choices: list[Any], value: Any) -> bool:
    """Whether a value is among the choices; null never is, and numbers are first converted to the choice's type."""
    if value is None:
        return False
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    for choice in choices:
        if choice is None:
            continue
        if numeric and isinstance(choice, int) and not isinstance(choice, bool):
            if int(value) == choice:
                return True
        elif go_text.same(choice, value):
            return True
    return False


def _check_string(node: Node, value: str, name: str, result: Result) -> None:
    length = len(value)
    if node.max_length is not None and length > node.max_length:
        text = f"{name} in body should be at most {node.max_length} chars long"
        result.add(Finding(text, name, Reason.TOO_LONG, value, node.max_length))
    elif node.min_length is not None and length < node.min_length:
        text = f"{name} in body should be at least {node.min_length} chars long"
        result.add(Finding(text, name, Reason.INVALID, value))
    elif node.pattern is not None and not node.pattern.found_in(value):
        problem = f", but pattern is invalid: {node.pattern.problem}" if node.pattern.problem else ""
        text = f"{name} in body should match '{node.pattern.text}{problem}'"
        result.add(Finding(text, name, Reason.INVALID, value))
    result.count += 1
    if node.format_check is not None:
        if not node.format_check(value):
            result.add(_wrong_type(name, node.format, value))
        result.count += 1


def _check_list(node: Node, value: Any, name: str, link: Correlation | None, result: Result) -> None:
    if node.items is not None:
        for position, each in enumerate(value):
            below = link.index(position) if link is not None else None
            _below(node.items, each, f"{name}[{position}]", below, result)
    size = len(value)
    if node.min_items is not None and size < node.min_items:
        text = f"{name} in body should have at least {node.min_items} items"
        result.add(Finding(text, name, Reason.INVALID, size))
    if node.max_items is not None and size > node.max_items:
        text = f"{name} in body should have at most {node.max_items} items"
        result.add(Finding(text, name, Reason.TOO_MANY, size, node.max_items))
    if node.unique and any(go_text.same(value[i], value[j]) for i in range(size) for j in range(i)):
        result.add(Finding(f"{name} in body shouldn't contain duplicates", name, Reason.INVALID))


def _check_object(node: Node, value: Mapping[str, Any], name: str, link: Correlation | None, result: Result) -> None:
    size = len(value)
    if node.min_properties is not None and size < node.min_properties:
        text = f"{name} in body should have at least {node.min_properties} properties"
        result.add(Finding(text, name, Reason.INVALID, size))
    if node.max_properties is not None and size > node.max_properties:
        text = f"{name} in body should have at most {node.max_properties} properties"
        result.add(Finding(text, name, Reason.TOO_MANY, size, node.max_properties))
    additional = node.additional
    if additional is False:
        for key in sorted(value.keys() - node.properties.keys()):
            result.add(Finding(f"{name}.{key} in body is a forbidden property", name, Reason.INVALID, key))
    elif isinstance(additional, Node):
        for key in sorted(value.keys() - node.properties.keys()):
            _below(additional, value[key], f"{name}.{key}", _field(link, name, key), result)
    for key, below in node.properties.items():
        if key in value:
            _below(below, value[key], f"{name}.{key}" if name else key, _field(link, name, key), result)
    for key in node.required:
        if key not in value:
            result.add(Finding(f"{name}.{key} in body is required", f"{name}.{key}", Reason.REQUIRED))


def _field(link: Correlation | None, name: str, key: str) -> Correlation | None:
    if link is None or (not name and key in ("kind", "apiVersion")):
        return None  # the type of an object is never forgiven
    return link.field(key)


def _check_branches(node: Node, value: Any, name: str, link: Correlation | None, result: Result) -> None:
    if node.any_of:
        _check_any_of(node, value, name, link, result)
    if node.one_of:
        _check_one_of(node, value, name, link, result)
    if node.all_of:
        good = 0
        for branch in node.all_of:
            found = check(branch, value, name, link)
            good += not found.findings
            result.merge(found)
        if good != len(node.all_of):
            none = "" if good else ". None validated"
            result.add(_whole(f"{go_text.quote(name)} must validate all the schemas (allOf){none}"))
    if node.not_ is not None and not check(node.not_, value, name, link).findings:
        result.add(_whole(f"{go_text.quote(name)} must not validate the schema (not)"))
    result.count += 1


def _whole(text: str) -> Finding:
    return Finding(text, None, Reason.INVALID)


def _check_any_of(node: Node, value: Any, name: str, link: Correlation | None, result: Result) -> None:
    best: Result | None = None
    for branch in node.any_of:
        found = check(branch, value, name, link)
        if not found.findings:
            result.merge(found)
            return
        if best is None or found.count > best.count:
            best = found
    result.add(_whole(f"{go_text.quote(name)} must validate at least one schema (anyOf)"))
    if best is not None:
        result.merge(best)


def _check_one_of(node: Node, value: Any, name: str, link: Correlation | None, result: Result) -> None:
    best: Result | None = None
    first: Result | None = None
    good = 0
    for branch in node.one_of:
        found = check(branch, value, name, link)
        if not found.findings:
            good += 1
            first = first or found
        elif not good and (best is None or found.count > best.count):
            best = found
    if good == 1 and first is not None:
        result.merge(first)
        return
    told = f"Found {good} valid alternatives" if good else "Found none valid"
    result.add(_whole(f"{go_text.quote(name)} must validate one and only one schema (oneOf). {told}"))
    if not good and best is not None:
        result.merge(best)
