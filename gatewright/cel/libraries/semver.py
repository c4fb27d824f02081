"""Kubernetes' semver library, version 1.

Source: the documentation of Kubernetes' CEL semver library and of Semantic Versioning 2.0.0; error texts as a
kube-apiserver 1.36 answers them.
"""

from __future__ import annotations

from typing import Any

from gatewright.cel.declarations import Library, function, member, overload
from gatewright.cel.errors import EvalError
from gatewright.cel.libraries.formatting import quote
from gatewright.cel.types import BOOL, INT, STRING, Type, struct
from gatewright.cel.values import Opaque

SEMVER = struct("kubernetes.Semver")
_DIGITS = frozenset("0123456789")
_NAMED = _DIGITS | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-")


class Version(Opaque):
    """A semantic version. build metadata is kept but compares as nothing."""

    __slots__ = ("before", "build", "numbers")
    cel_type: Type = SEMVER

    def __init__(self, numbers: tuple[int, int, int], before: tuple[str, ...], build: tuple[str, ...]) -> None:
        self.numbers = numbers
        self.before = before
        self.build = build

    def compare(self, other: Version) -> int:
        """-1, 0 or 1."""
        if self.numbers != other.numbers:
            return 1 if self.numbers > other.numbers else -1
        if not self.before or not other.before:
            return bool(other.before) - bool(self.before)
        for mine, its in zip(self.before, other.before, strict=False):
            order = _order(mine, its)
            if order:
                return order
        return (len(self.before) > len(other.before)) - (len(self.before) < len(other.before))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.compare(other) == 0

    def __hash__(self) -> int:
        return hash((self.numbers, self.before))

    def __str__(self) -> str:
        text = ".".join(map(str, self.numbers))
        text += f"-{'.'.join(self.before)}" if self.before else ""
        return text + (f"+{'.'.join(self.build)}" if self.build else "")


def _order(mine: str, its: str) -> int:
    first, second = _numeric(mine), _numeric(its)
    if first and second:
        return (int(mine) > int(its)) - (int(mine) < int(its))
    if first or second:
        return -1 if first else 1
    return (mine > its) - (mine < its)


def _numeric(text: str) -> bool:
    return bool(text) and all(char in _DIGITS for char in text)


def parse(text: str) -> Version:
    """A version. Raises EvalError."""
    if text == "":
        raise EvalError("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise EvalError("No Major.Minor.Patch elements found")
    major, minor = _number(parts[0], "major"), _number(parts[1], "minor")
    patch, plus, build = parts[2].partition("+")
    patch, dash, before = patch.partition("-")
    names = tuple(before.split(".")) if dash else ()
    labels = tuple(build.split(".")) if plus else ()
    number = _number(patch, "patch")
    for name in names:
        if name == "":
            raise EvalError("Prerelease is empty")
        if _numeric(name):
            if len(name) > 1 and name[0] == "0":
                raise EvalError(f"Numeric PreRelease version must not contain leading zeroes {quote(name)}")
        elif not all(char in _NAMED for char in name):
            raise EvalError(f"Invalid character(s) found in prerelease {quote(name)}")
    for label in labels:
        if label == "":
            raise EvalError("Build meta data is empty")
        if not all(char in _NAMED for char in label):
            raise EvalError(f"Invalid character(s) found in build meta data {quote(label)}")
    return Version((major, minor, number), names, labels)


def _number(text: str, name: str) -> int:
    if not all(char in _DIGITS for char in text):
        raise EvalError(f"Invalid character(s) found in {name} number {quote(text)}")
    if len(text) > 1 and text[0] == "0":
        raise EvalError(f"{name.capitalize()} number must not contain leading zeroes {quote(text)}")
    if text == "":
        raise EvalError('strconv.ParseUint: parsing "": invalid syntax')
    if len(text) > 20 or int(text) >= 1 << 64:
        raise EvalError(f"strconv.ParseUint: parsing {quote(text)}: value out of range")
    return int(text)


def normalized(text: str) -> str:
    """Without a leading v and leading zeros, with all three numbers. Raises EvalError."""
    parts = [_trimmed(part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3:
        if "+" in parts[-1] or "-" in parts[-1]:
            raise EvalError("short version cannot contain PreRelease/Build meta data")
        parts += ["0"] * (3 - len(parts))
    return ".".join(parts)


def _trimmed(part: str) -> str:
    if len(part) <= 1:
        return part
    trimmed = part.lstrip("0")
    return trimmed if trimmed and trimmed[0] in _DIGITS else f"0{trimmed}"


def _semver(text: str, normalize: bool = False) -> Version:
    return parse(normalized(text) if normalize else text)


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        _semver(text, normalize)
    except EvalError:
        return False
    return True


def _number_of(name: str, index: int) -> Any:
    return function(name, member(f"semver_{name}", (SEMVER,), INT, lambda one: one.numbers[index]))


_PAIR = (SEMVER, SEMVER)

LIBRARY = Library(
    functions=(
        function(
            "semver",
            overload("string_to_semver", (STRING,), SEMVER, _semver),
            overload("string_bool_to_semver", (STRING, BOOL), SEMVER, _semver),
        ),
        function(
            "isSemver",
            overload("is_semver_string", (STRING,), BOOL, _is_semver),
            overload("is_semver_string_bool", (STRING, BOOL), BOOL, _is_semver),
        ),
        function(
            "isGreaterThan",
            member("semver_is_greater_than", _PAIR, BOOL, lambda one, other: one.compare(other) == 1),
        ),
        function("isLessThan", member("semver_is_less_than", _PAIR, BOOL, lambda one, other: one.compare(other) == -1)),
        function("compareTo", member("semver_compare_to", _PAIR, INT, lambda one, other: one.compare(other))),
        _number_of("major", 0),
        _number_of("minor", 1),
        _number_of("patch", 2),
    ),
)
