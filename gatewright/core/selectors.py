"""Label and field selectors: read, checked, matched.

Two forms of label selector: the string of list requests (`parse_labels`, texts of errors as Kubernetes') and the
LabelSelector object in policies and workloads (`label_selector` to match by, `validate_label_selector` to check).
Field selectors are strings only. Source: Kubernetes "Labels and Selectors", "Field Selectors" and the answers of a
real API server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatewright.core import names
from gatewright.core.errors import UserError
from gatewright.core.field_errors import (
    FieldError,
    Marshalled,
    Path,
    forbidden,
    invalid,
    message,
    not_supported,
    required,
)
from gatewright.core.go_text import quote

Labels = Mapping[str, str]

OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt", "exists", "!")
_BINARY = "in, notin, =, ==, !=, gt, lt"  # as a parse error lists them
_WRITTEN = {"gt": ">", "lt": "<", "in": " in ", "notin": " notin "}


class SelectorError(UserError):
    """A selector that can't be read; `what` is the text Kubernetes answers."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on labels. operator: one of OPERATORS; values sorted, without repeats when read from a string."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        operator = self.operator
        if operator in ("=", "==", "in"):
            return self.key in labels and labels[self.key] in self.values
        if operator in ("!=", "notin"):
            return self.key not in labels or labels[self.key] not in self.values
        if operator == "exists":
            return self.key in labels
        if operator == "!":
            return self.key not in labels
        return self._compares(labels.get(self.key))

    def _compares(self, value: str | None) -> bool:
        if value is None or len(self.values) != 1:
            return False
        left, right = _integer(value), _integer(self.values[0])
        if left is None or right is None:
            return False
        return left > right if self.operator == "gt" else left < right

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        values = ",".join(sorted(self.values))
        if self.operator in ("in", "notin"):
            values = f"({values})"
        return f"{self.key}{_WRITTEN.get(self.operator, self.operator)}{values}"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements must hold. nothing: matches no object whatever the labels (a LabelSelector that is null)."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    def matches(self, labels: Labels) -> bool:
        if self.nothing:
            return False
        return all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def empty(self) -> bool:
        """Whether it matches everything."""
        return not self.nothing and not self.requirements

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


def _integer(text: str) -> int | None:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    value = int(text)
    return value if -(2**63) <= value < 2**63 else None


def requirement(
    key: str, operator: str, values: Sequence[str], path: Path | None = None, *, parsed: bool = True
) -> Requirement:
    """A checked requirement. path: the field it comes from (texts name `key` and `values` without one); parsed: from
    a text, not from an object (where Go has a nil list for no values, which prints as null).

    Raises SelectorError with the text of all that is wrong with it.
    """
    path = path or Path()
    errors: list[FieldError] = []
    if texts := names.label_key(key):
        errors.append(invalid(path.child("key"), key, "; ".join(texts)))
    at = path.child("values")
    if operator in ("in", "notin"):
        if not values:
            errors.append(
                invalid(at, list(values) if parsed else None, "for 'in', 'notin' operators, values set can't be empty")
            )
    elif operator in ("=", "==", "!="):
        if len(values) != 1:
            errors.append(invalid(at, list(values), "exact-match compatibility requires one single value"))
    elif operator in ("exists", "!"):
        if values:
            errors.append(invalid(at, list(values), "values set must be empty for exists and does not exist"))
    elif operator in ("gt", "lt"):
        if len(values) != 1:
            errors.append(invalid(at, list(values), "for 'Gt', 'Lt' operators, exactly one value is required"))
        text = "for 'Gt', 'Lt' operators, the value must be an integer"
        errors += [invalid(at.index(i), value, text) for i, value in enumerate(values) if _integer(value) is None]
    else:
        errors.append(not_supported(path.child("operator"), Marshalled(operator), OPERATORS))
    for i, value in enumerate(values):
        if texts := names.label_value(value):
            errors.append(invalid(at.index(i).key(key), value, "; ".join(texts)))
    if errors:
        raise SelectorError(message(errors))
    return Requirement(key, operator, tuple(values))


# --- the string form

_SYMBOLS = ("==", "!=", "=", "!", "(", ")", ",", ">", "<")
_TOKEN = re.compile(r"[ \t\r\n]*(?:([=!(),<>]+)|([^=!(),<> \t\r\n\x00]+)|(\x00.*)?$)", re.DOTALL)
_END = ("end", "")


def _tokens(text: str) -> list[tuple[str, str]]:
    """(kind, literal): kind is the symbol itself, "word", "error" or "end"."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or (match.group(1) is None and match.group(2) is None):
            break
        if match.group(2) is not None:
            found.append(("word", match.group(2)))
            position = match.end()
            continue
        position = match.start(1)
        symbol = next(symbol for symbol in _SYMBOLS if text.startswith(symbol, position))
        found.append((symbol, symbol))
        position += len(symbol)
    return [*found, _END]


class _Parser:
    """Reads the string form as Kubernetes does: the keywords in and notin are words wherever a value may stand."""

    def __init__(self, text: str, path: Path | None) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._path = path

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            kind, literal = self._peek()
            if kind == "end":
                return found
            if kind not in ("word", "!"):
                raise SelectorError(f"found '{literal}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error.what}") from None
            kind, literal = self._take()
            if kind == "end":
                return found
            if kind != ",":
                raise SelectorError(f"found '{literal}', expected: ',' or 'end of string'")
            kind, literal = self._peek()
            if kind not in ("word", "!"):
                raise SelectorError(f"found '{literal}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        kind, key = self._take()
        negated = kind == "!"
        if negated:
            kind, key = self._take()
        if kind != "word":
            raise SelectorError(f"found '{key}', expected: identifier")
        if texts := names.label_key(key):
            raise SelectorError(str(invalid(self._path or Path(), key, "; ".join(texts))))
        if negated or self._peek()[0] in ("end", ","):
            return requirement(key, "!" if negated else "exists", (), self._path)
        operator = self._operator()
        values = self._values() if operator in ("in", "notin") else self._value()
        return requirement(key, operator, sorted(values), self._path)

    def _operator(self) -> str:
        kind, literal = self._take()
        if kind == "word" and literal in ("in", "notin"):
            return literal
        if kind in ("=", "==", "!="):
            return kind
        if kind in (">", "<"):
            return "gt" if kind == ">" else "lt"
        raise SelectorError(f"found '{literal}', expected: {_BINARY}")

    def _value(self) -> set[str]:
        if self._peek()[0] in ("end", ","):
            return {""}
        kind, literal = self._take()
        if kind != "word":
            raise SelectorError(f"found '{literal}', expected: identifier")
        return {literal}

    def _values(self) -> set[str]:
        kind, literal = self._take()
        if kind != "(":
            raise SelectorError(f"found '{literal}' expected: '('")
        kind, literal = self._peek()
        if kind == ")":
            self._take()
            return {""}
        if kind not in ("word", ","):
            raise SelectorError(f"found '{literal}', expected: ',', ')' or identifier")
        values = self._list()
        if self._take()[0] != ")":
            raise SelectorError(f"found '{literal}', expected: ')'")
        return values

    def _list(self) -> set[str]:
        values: set[str] = set()
        while True:
            kind, literal = self._take()
            if kind == "word":
                values.add(literal)
                kind, literal = self._peek()
                if kind == ")":
                    return values
                if kind != ",":
                    raise SelectorError(f"found '{literal}', expected: ',' or ')'")
            elif kind == ",":
                if not values:
                    values.add("")
                kind, _ = self._peek()
                if kind in (")", ","):
                    values.add("")
                if kind == ")":
                    return values
            else:
                raise SelectorError(f"found '{literal}', expected: ',', or identifier")


def parse_labels(text: str, path: Path | None = None) -> LabelSelector:
    """The string form: `a=b,c in (d,e),!f,g>1`. Raises SelectorError with Kubernetes' text. path: prefix of fields in
    that text."""
    found = _Parser(text, path).requirements()
    return LabelSelector(tuple(sorted(found, key=lambda requirement: requirement.key)))


# --- the object form

_OBJECT_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def label_selector(selector: Mapping[str, Any] | None) -> LabelSelector:
    """A metav1.LabelSelector to match by: None matches nothing, {} everything.

    Raises SelectorError with the text of Kubernetes' conversion, e.g. `"X" is not a valid label selector operator`.
    """
    if selector is None:
        return NOTHING
    found = [requirement(key, "=", (value,)) for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        operator = str(expression.get("operator") or "")
        if operator not in _OBJECT_OPERATORS:
            raise SelectorError(f"{quote(operator)} is not a valid label selector operator")
        key = str(expression.get("key") or "")
        found.append(requirement(key, _OBJECT_OPERATORS[operator], tuple(expression.get("values") or ()), parsed=False))
    return LabelSelector(tuple(sorted(found, key=lambda requirement: requirement.key)))


def validate_label_selector(selector: Mapping[str, Any] | None, path: Path) -> list[FieldError]:
    """Errors of a metav1.LabelSelector at `path`, as the API server finds them (keys of matchLabels in sorted
    order)."""
    if selector is None:
        return []
    errors = validate_labels(selector.get("matchLabels") or {}, path.child("matchLabels"))
    for position, expression in enumerate(selector.get("matchExpressions") or ()):
        errors += _validate_expression(expression, path.child("matchExpressions").index(position))
    return errors


def _validate_expression(expression: Mapping[str, Any], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    operator = expression.get("operator") or ""
    values = expression.get("values") or ()
    at = path.child("values")
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(at, "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.append(forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    else:
        errors.append(invalid(path.child("operator"), Marshalled(operator), "not a valid selector operator"))
    errors += validate_label_key(expression.get("key") or "", path.child("key"))
    for position, value in enumerate(values):
        errors += [invalid(at.index(position), value, text) for text in names.label_value(value)]
    return errors


def validate_label_key(key: str, path: Path) -> list[FieldError]:
    """Errors of a label's key."""
    return [invalid(path, key, text) for text in names.label_key(key)]


def validate_labels(labels: Labels, path: Path) -> list[FieldError]:
    """Errors of a set of labels; the path is that of the set, as Kubernetes has it."""
    errors: list[FieldError] = []
    for key in sorted(labels):
        errors += validate_label_key(key, path)
        errors += [invalid(path, labels[key], text) for text in names.label_value(labels[key])]
    return errors


# --- field selectors


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """field = value, or field != value where `equal` is False."""

    field: str
    value: str
    equal: bool = True

    def __str__(self) -> str:
        value = re.sub(r"([\\,=])", r"\\\1", self.value)
        return f"{self.field}{'=' if self.equal else '!='}{value}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All requirements must hold; in sorted order."""

    requirements: tuple[FieldRequirement, ...] = ()

    def matches(self, value_of: Callable[[str], str]) -> bool:
        """value_of: the object's value of a field as text, "" where it has none."""
        return all((value_of(found.field) == found.value) == found.equal for found in self.requirements)

    @property
    def empty(self) -> bool:
        return not self.requirements

    def exact(self, field: str) -> str | None:
        """The one value that the field must have, or None where the selector does not say."""
        return next((found.value for found in self.requirements if found.equal and found.field == field), None)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


def parse_fields(text: str) -> FieldSelector:
    """`metadata.name=a,status.phase!=Running`; backslash escapes a comma, an equals sign, a backslash. Raises
    SelectorError."""
    found: list[FieldRequirement] = []
    for term in sorted(_split_terms(text)):
        if not term:
            continue
        match = re.search("!=|==|=", term)
        if match is None:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
        field, value = term[: match.start()], _unescape(term[match.end() :])
        if field or value:
            found.append(FieldRequirement(field, value, match.group() != "!="))
    return FieldSelector(tuple(found))


def _split_terms(text: str) -> list[str]:
    return [found.group(1) for found in re.finditer(r"(?:^|,)((?:[^,\\]|\\.|\\$)*)", text, re.DOTALL)] if text else []


def _unescape(value: str) -> str:
    found: list[str] = []
    escaped = False
    for char in value:
        if escaped:
            if char not in "\\,=":
                raise SelectorError(f"invalid field selector: invalid escape sequence: \\{char}")
            found.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise SelectorError(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            found.append(char)
    if escaped:
        raise SelectorError("invalid field selector: invalid escape sequence: \\")
    return "".join(found)
