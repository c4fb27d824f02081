"""Errors at fields of an object, printed as Kubernetes prints them, and the Invalid Status made of them.

Validation in `core.schemas`, `apiserver` and `policy` returns tuples or lists of FieldError; nothing here raises.
Source of the texts: the answers of a real API server (kinds of causes: metav1.CauseType).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gatewright.core import go_text


class Reason(Enum):
    """Why a field is refused; the value is the `reason` of a cause in Status.details."""

    NOT_FOUND = "FieldValueNotFound"
    REQUIRED = "FieldValueRequired"
    DUPLICATE = "FieldValueDuplicate"
    INVALID = "FieldValueInvalid"
    NOT_SUPPORTED = "FieldValueNotSupported"
    FORBIDDEN = "FieldValueForbidden"
    TOO_LONG = "FieldValueTooLong"
    TOO_MANY = "FieldValueTooMany"
    TOO_FEW = "FieldValueTooFew"
    TOO_SHORT = "FieldValueTooShort"
    TYPE_INVALID = "FieldValueTypeInvalid"
    INTERNAL = "InternalError"


_HEAD = {
    Reason.NOT_FOUND: "Not found",
    Reason.REQUIRED: "Required value",
    Reason.DUPLICATE: "Duplicate value",
    Reason.INVALID: "Invalid value",
    Reason.NOT_SUPPORTED: "Unsupported value",
    Reason.FORBIDDEN: "Forbidden",
    Reason.TOO_LONG: "Too long",
    Reason.TOO_MANY: "Too many",
    Reason.TOO_FEW: "Too few",
    Reason.TOO_SHORT: "Too short",
    Reason.TYPE_INVALID: "Invalid value",
    Reason.INTERNAL: "Internal error",
}

_WITHOUT_VALUE = frozenset({Reason.REQUIRED, Reason.FORBIDDEN, Reason.TOO_LONG, Reason.TOO_SHORT, Reason.INTERNAL})


class _Omitted:
    __slots__ = ()


OMITTED = _Omitted()  # a bad value that the text leaves out


class Path:
    """A field's path as it is printed: spec.containers[0].name, metadata.labels[a/b]. Immutable.

    Path() is no path at all: it prints "<nil>", its children start afresh. Path("") prints "[]", as Kubernetes'
    unnamed root does.
    """

    __slots__ = ("text",)

    def __init__(self, *names: str) -> None:
        self.text = ".".join(names) if names != ("",) else "[]"

    def child(self, *names: str) -> Path:
        made = Path()
        made.text = ".".join((self.text, *names) if self.text else names)
        return made

    def index(self, position: int) -> Path:
        return self.key(str(position))

    def key(self, key: str) -> Path:
        made = Path()
        made.text = f"{self.text}[{key}]"
        return made

    def __str__(self) -> str:
        return self.text or "<nil>"

    def __repr__(self) -> str:
        return f"Path({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Path) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused field.

    field:  its printed path
    value:  the bad value: a JSON value, go_text.Struct or Verbatim, Marshalled, or OMITTED; unused by the reasons
    that print none
    detail: what is wrong, "" for nothing more than the reason says
    """

    reason: Reason
    field: str
    value: Any = OMITTED
    detail: str = ""

    def body(self) -> str:
        """The text without the field: the `message` of a cause."""
        text = _HEAD[self.reason]
        if self.reason not in _WITHOUT_VALUE and self.value is not OMITTED:
            text = f"{text}: {_rendered(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def cause(self) -> dict[str, str]:
        """The entry of Status.details.causes."""
        made = {"reason": self.reason.value, "message": self.body(), "field": self.field}
        return {key: text for key, text in made.items() if text}

    def __str__(self) -> str:
        return f"{self.field}: {self.body()}"


@dataclass(frozen=True, slots=True)
class Marshalled:
    """A bad value that Kubernetes holds in a named string type or behind a pointer: printed as JSON even where it is
    a string."""

    value: Any


def _rendered(value: Any) -> str:
    if isinstance(value, str):
        return go_text.quote(value)
    if isinstance(value, float):
        return go_text.number(value)
    if isinstance(value, Marshalled):
        return go_text.json_text(value.value)
    return go_text.json_text(value)


def required(path: Path, detail: str = "") -> FieldError:
    return FieldError(Reason.REQUIRED, str(path), detail=detail)


def invalid(path: Path, value: Any, detail: str) -> FieldError:
    return FieldError(Reason.INVALID, str(path), value, detail)


def type_invalid(path: Path, value: Any, detail: str) -> FieldError:
    return FieldError(Reason.TYPE_INVALID, str(path), value, detail)


def not_supported(path: Path, value: Any, supported: Iterable[str]) -> FieldError:
    """The supported values are printed in the order given: sort them where Kubernetes does."""
    choices = ", ".join(go_text.quote(choice) for choice in supported)
    return FieldError(Reason.NOT_SUPPORTED, str(path), value, f"supported values: {choices}" if choices else "")


def not_found(path: Path, value: Any, detail: str = "") -> FieldError:
    return FieldError(Reason.NOT_FOUND, str(path), value, detail)


def duplicate(path: Path, value: Any) -> FieldError:
    return FieldError(Reason.DUPLICATE, str(path), value)


def forbidden(path: Path, detail: str) -> FieldError:
    return FieldError(Reason.FORBIDDEN, str(path), detail=detail)


def too_long(path: Path, most: int, unit: str = "byte") -> FieldError:
    """most: the greatest length; unit: byte or character; a negative length leaves it out."""
    detail = f"may not be more than {most} {unit}{'' if most == 1 else 's'}" if most >= 0 else "value is too long"
    return FieldError(Reason.TOO_LONG, str(path), detail=detail)


def too_many(path: Path, actual: int, most: int) -> FieldError:
    """actual: how many there are (negative: not told); most: how many may be."""
    detail = f"must have at most {most} item{'' if most == 1 else 's'}" if most >= 0 else "has too many items"
    return FieldError(Reason.TOO_MANY, str(path), actual if actual >= 0 else OMITTED, detail)


def internal(path: Path, detail: str) -> FieldError:
    return FieldError(Reason.INTERNAL, str(path), detail=detail)


def aggregate(texts: Iterable[str]) -> str:
    """Several error texts as one: repeated ones once, more than one in brackets ("" for none).

    >>> aggregate(["a", "b", "a"])
    '[a, b]'
    """
    once = tuple(dict.fromkeys(texts))
    return once[0] if len(once) == 1 else f"[{', '.join(once)}]" if once else ""


def message(errors: Iterable[FieldError]) -> str:
    """The errors as one text, as Kubernetes joins them."""
    return aggregate(map(str, errors))


def invalid_status(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> dict[str, Any]:
    """The Status of a refused object: 422, reason Invalid (fields in the order in which the API server writes them).

    group and kind name the kind ("" is the core group), name the object ("" where it has none yet).
    """
    shown = f"{kind}.{group}" if group else kind
    text = message(errors)
    details: dict[str, Any] = {"name": name, "group": group, "kind": kind}
    details = {key: value for key, value in details.items() if value}
    if errors:
        details["causes"] = [error.cause() for error in errors]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"{shown} {go_text.quote(name)} is invalid" + (f": {text}" if text else ""),
        "reason": "Invalid",
        "details": details,
        "code": 422,
    }
