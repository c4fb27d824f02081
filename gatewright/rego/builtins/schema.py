"""Builtins of JSON Schema: json.match_schema and json.verify_schema (drafts 4 to 7, without remote references).

Texts of errors are those of the Go package gojsonschema, which OPA shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gatewright.rego.arithmetic import decimal, remainder, whole
from gatewright.rego.builtins.regex import compiled
from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.jsontext import dumps, loads
from gatewright.rego.texts import to_json
from gatewright.rego.values import U, equal, freeze, is_number, is_object

TYPES = ("array", "boolean", "integer", "number", "null", "object", "string")
MAX_DEPTH = 100
Found = tuple[str, str, str]  # field, type of error, text


def _document(x: Any) -> Any:
    """A schema or document: a JSON text, or a value."""
    if isinstance(x, str):
        try:
            return loads(x)
        except ValueError as e:
            raise BuiltinError(f"invalid JSON: {e}") from None
    return to_json(x)


def _check_schema(s: Any, depth: int = 0) -> None:
    """Raises BuiltinError for what is no schema."""
    if s.__class__ is bool:
        return
    if not is_object(s) or depth > MAX_DEPTH:
        raise BuiltinError("jsonschema: schema must be an object")
    kinds = s.get("type", [])
    for k in kinds if isinstance(kinds, list) else [kinds]:
        if k not in TYPES:
            shown = " ".join(TYPES)
            text = f"has a primitive type that is NOT VALID -- given: /{k}/ Expected valid values are:[{shown}]"
            raise BuiltinError(text)
    for key in ("properties", "patternProperties", "definitions", "$defs", "dependencies"):
        inner = s.get(key, {})
        if not is_object(inner):
            raise BuiltinError(f"{key} must be of type object")
        for v in inner.values():
            if not isinstance(v, list):
                _check_schema(v, depth + 1)
    for key in (
        "items",
        "additionalProperties",
        "additionalItems",
        "not",
        "contains",
        "propertyNames",
        "if",
        "then",
        "else",
    ):
        if key in s:
            for v in s[key] if isinstance(s[key], list) else [s[key]]:
                _check_schema(v, depth + 1)
    for key in ("allOf", "anyOf", "oneOf"):
        for v in s.get(key, []):
            _check_schema(v, depth + 1)
    if "required" in s and not (isinstance(s["required"], list) and all(isinstance(r, str) for r in s["required"])):
        raise BuiltinError("required must be an array of strings")


def _type(x: Any) -> str:
    if x is None:
        return "null"
    if x.__class__ is bool:
        return "boolean"
    if isinstance(x, str):
        return "string"
    if is_number(x):
        return "integer" if whole(x) is not None else "number"
    return "array" if isinstance(x, list) else "object"


class _Validator:
    """One schema document against one value."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.depth = 0

    def resolved(self, s: Any) -> Any:
        seen = 0
        while is_object(s) and "$ref" in s:
            ref, seen = s["$ref"], seen + 1
            if not isinstance(ref, str) or not ref.startswith("#") or seen > 50:
                raise BuiltinError(f"Could not read schema from reference {ref}: remote references are not followed")
            s = self.root
            for part in [p for p in ref[1:].split("/") if p]:
                key = part.replace("~1", "/").replace("~0", "~")
                s = s.get(key, U) if is_object(s) else s[int(key)] if isinstance(s, list) and key.isdigit() else U
                if s is U:
                    raise BuiltinError(f"Object has no key '{key}'")
        return s

    def errors(self, s: Any, x: Any, field: str) -> Iterator[Found]:
        s = self.resolved(s)
        if s is True:
            return
        if s is False:
            yield field, "false", "False always fails validation"
            return
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BuiltinError("document is nested too deeply")
        yield from self.kind(s, x, field)
        yield from self.combined(s, x, field)
        if is_object(x):
            yield from self.object(s, x, field)
        elif isinstance(x, list):
            yield from self.array(s, x, field)
        elif isinstance(x, str):
            yield from self.string(s, x, field)
        elif is_number(x):
            yield from self.number(s, x, field)
        self.depth -= 1

    def kind(self, s: Any, x: Any, field: str) -> Iterator[Found]:
        if "type" in s:
            kinds = s["type"] if isinstance(s["type"], list) else [s["type"]]
            given = _type(x)
            if given not in kinds and not (given == "integer" and "number" in kinds):
                wanted = ",".join(kinds) if len(kinds) < 2 else "[" + ",".join(kinds) + "]"
                yield field, "invalid_type", f"Invalid type. Expected: {wanted}, given: {given}"
        if "const" in s and not equal(s["const"], x):
            yield field, "const", f"{_last(field)} does not match: {dumps(s['const'])}"
        if "enum" in s and not any(equal(v, x) for v in s["enum"]):
            shown = ", ".join(dumps(v) for v in s["enum"])
            yield field, "enum", f"{_last(field)} must be one of the following: {shown}"

    def combined(self, s: Any, x: Any, field: str) -> Iterator[Found]:
        if "allOf" in s:
            parts = [list(self.errors(v, x, field)) for v in s["allOf"]]
            if any(parts):
                yield field, "number_all_of", "Must validate all the schemas (allOf)"
            yield from (e for p in parts for e in p)
        if "anyOf" in s and not any(self.holds(v, x, field) for v in s["anyOf"]):
            yield field, "number_any_of", "Must validate at least one schema (anyOf)"
        if "oneOf" in s and sum(self.holds(v, x, field) for v in s["oneOf"]) != 1:
            yield field, "number_one_of", "Must validate one and only one schema (oneOf)"
        if "not" in s and self.holds(s["not"], x, field):
            yield field, "number_not", "Must not validate the schema (not)"
        if "if" in s:
            branch = "then" if self.holds(s["if"], x, field) else "else"
            if branch in s:
                yield from self.errors(s[branch], x, field)

    def holds(self, s: Any, x: Any, field: str) -> bool:
        depth = self.depth
        good = next(self.errors(s, x, field), None) is None
        self.depth = depth
        return good

    def object(self, s: Any, x: Any, field: str) -> Iterator[Found]:
        for name in s.get("required", []):
            if name not in x:
                yield field, "required", f"{name} is required"
        if "minProperties" in s and len(x) < s["minProperties"]:
            yield field, "array_min_properties", f"Must have at least {s['minProperties']} properties"
        if "maxProperties" in s and len(x) > s["maxProperties"]:
            yield field, "array_max_properties", f"Must have at most {s['maxProperties']} properties"
        known, patterns = s.get("properties", {}), s.get("patternProperties", {})
        for k in sorted(x):
            name = k if field == "(root)" else f"{field}.{k}"
            if k in known:
                yield from self.errors(known[k], x[k], name)
            hits = [p for p in sorted(patterns) if compiled(p).search(k)]
            for p in hits:
                yield from self.errors(patterns[p], x[k], name)
            if k not in known and not hits and "additionalProperties" in s:
                if s["additionalProperties"] is False:
                    yield field, "additional_property_not_allowed", f"Additional property {k} is not allowed"
                else:
                    yield from self.errors(s["additionalProperties"], x[k], name)
            if "propertyNames" in s and not self.holds(s["propertyNames"], k, field):
                yield field, "invalid_property_name", f'Property name of "{k}" does not match'
        for k, needs in s.get("dependencies", {}).items():
            if k in x and isinstance(needs, list):
                for n in needs:
                    if n not in x:
                        yield field, "missing_dependency", f"Has a dependency on {n}"
            elif k in x:
                yield from self.errors(needs, x, field)

    def array(self, s: Any, x: list[Any], field: str) -> Iterator[Found]:
        items = s.get("items", True)
        for i, v in enumerate(x):
            name = str(i) if field == "(root)" else f"{field}.{i}"
            if not isinstance(items, list):
                yield from self.errors(items, v, name)
            elif i < len(items):
                yield from self.errors(items[i], v, name)
            elif s.get("additionalItems") is False:
                yield field, "array_no_additional_items", "No additional items allowed on array"
                break
            else:
                yield from self.errors(s.get("additionalItems", True), v, name)
        if "minItems" in s and len(x) < s["minItems"]:
            yield field, "array_min_items", f"Array must have at least {s['minItems']} items"
        if "maxItems" in s and len(x) > s["maxItems"]:
            yield field, "array_max_items", f"Array must have at most {s['maxItems']} items"
        if s.get("uniqueItems") is True and len({freeze(v) for v in x}) < len(x):
            yield field, "unique", "array items must be unique"
        if "contains" in s and not any(self.holds(s["contains"], v, field) for v in x):
            yield field, "contains", "At least one of the items must match"

    def string(self, s: Any, x: str, field: str) -> Iterator[Found]:
        if "minLength" in s and len(x) < s["minLength"]:
            yield field, "string_gte", f"String length must be greater than or equal to {s['minLength']}"
        if "maxLength" in s and len(x) > s["maxLength"]:
            yield field, "string_lte", f"String length must be less than or equal to {s['maxLength']}"
        if "pattern" in s and not compiled(s["pattern"]).search(x):
            yield field, "pattern", f"Does not match pattern '{s['pattern']}'"
        test = _FORMATS.get(s.get("format", ""))
        if test is not None and not re.fullmatch(test, x):
            yield field, "format", f"Does not match format '{s['format']}'"

    def number(self, s: Any, x: Any, field: str) -> Iterator[Found]:
        low, high = s.get("minimum"), s.get("maximum")
        above, below = s.get("exclusiveMinimum"), s.get("exclusiveMaximum")
        if low is not None and above is True:
            low, above = None, low
        if high is not None and below is True:
            high, below = None, high
        if low is not None and x < low:
            yield field, "number_gte", f"Must be greater than or equal to {dumps(low)}"
        if high is not None and x > high:
            yield field, "number_lte", f"Must be less than or equal to {dumps(high)}"
        if is_number(above) and x <= above:
            yield field, "number_gt", f"Must be greater than {dumps(above)}"
        if is_number(below) and x >= below:
            yield field, "number_lt", f"Must be less than {dumps(below)}"
        step = s.get("multipleOf")
        if is_number(step) and step > 0:
            exact = (
                remainder(x, step) == 0
                if whole(x) is not None and whole(step) is not None
                else not decimal(x) % decimal(step)
            )
            if not exact:
                yield field, "multiple_of", f"Must be a multiple of {dumps(step)}"


_FORMATS = {
    "date": r"\d{4}-\d\d-\d\d",
    "date-time": r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)",
    "time": r"\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)?",
    "email": r"[^@\s]+@[^@\s]+",
    "ipv4": r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}",
    "uuid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "hostname": r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63})*\.?",
}


def _last(field: str) -> str:
    return field


@builtin("json.verify_schema", "string|object", result="array")
def verify_schema(schema: Any) -> list[Any]:
    try:
        _check_schema(_document(schema))
    except BuiltinError as e:
        text = e.message if e.message.startswith("jsonschema: ") else f"jsonschema: {e.message}"
        return [False, text]
    return [True, None]


@builtin("json.match_schema", "string|object", "string|object", result="array")
def match_schema(document: Any, schema: Any) -> list[Any]:
    s = _document(schema)
    _check_schema(s)
    x = _document(document)
    found = []
    for field, kind, text in _Validator(s).errors(s, x, "(root)"):
        found.append({"error": f"{field}: {text}", "type": kind, "field": field, "desc": text})
    return [not found, found]
