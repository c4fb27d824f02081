"""Test suites of policies: from files to records.

For `verifying`. A suite is a YAML document of group test.gatekeeper.sh, kind Suite, version of no matter; all other
YAML files are passed over in silence (Gatekeeper behaviour, 12.3). Unknown fields are ignored and field names are
matched without regard to case, as Go's encoding/json does; a value of a wrong type is an error that names the field.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.core.documents import Dialect, Document, DocumentError, read_documents
from gatewright.core.errors import UserError
from gatewright.core.go_text import json_text
from gatewright.core.objects import split_api_version

GROUP, KIND = "test.gatekeeper.sh", "Suite"
SUFFIXES = (".yaml", ".yml")
RECURSIVE = "..."
_INT32 = range(-(2**31), 2**31)


class SuiteError(UserError):
    """Suites that can't be found or read."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """What must hold for the results of one review.

    violations: "yes" (at least one), "no", a number (exactly), or any other text, which fails when it is checked
    message:    only results whose message holds this expression count; None counts all
    """

    violations: str | int = "yes"
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One object, reviewed beside an inventory, and what must come of it."""

    name: str = ""
    object: str = ""  # path relative to the suite, as all paths here
    inventory: tuple[str, ...] = ()
    assertions: tuple[Assertion, ...] = ()
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Test:
    """A template and a constraint, and the cases for them."""

    name: str = ""
    template: str = ""
    constraint: str = ""
    expansion: str = ""
    cases: tuple[Case, ...] = ()
    invalid: bool = False  # the constraint is expected to be refused by the template's schema
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Suite:
    """One file of tests."""

    shown: str  # the path as results name it
    file: Path  # absolute
    tests: tuple[Test, ...] = ()
    skip: bool = False


# --- finding files


def find_suites(argument: str) -> tuple[Suite, ...]:
    """The suites that an argument of `verify` names: a file, a folder, or a folder and all below (`folder/...`).

    Ordered by absolute path. Raises SuiteError.
    """
    recursive = argument == RECURSIVE or argument.endswith("/" + RECURSIVE)
    start = argument.removesuffix(RECURSIVE) if recursive else argument
    target = Path(os.path.abspath(start or "."))
    try:
        files = _files(target, recursive)
    except OSError as error:
        raise SuiteError(f"listing test files: {_os_text(error, target)}", mend="name a suite or a folder") from None
    suites = []
    for file in sorted(files, key=str):
        shown = start if file == target else os.path.join(start, os.path.relpath(file, target)).removeprefix("./")
        suite = _read(file, shown)
        if suite is not None:
            suites.append(suite)
    return tuple(suites)


def _files(target: Path, recursive: bool) -> list[Path]:
    if not os.path.lexists(target):
        raise FileNotFoundError(2, "no such file or directory")
    if not target.is_dir():
        if recursive:
            raise SuiteError(
                f'listing test files: can only recursively traverse directories, not a directory: "{target}"'
            )
        if target.suffix not in SUFFIXES:
            raise SuiteError(
                f'listing test files: unsupported extension: "{target.suffix}"', mend=f"name {target.name} .yaml"
            )
        return [target]
    if not recursive:
        return [entry for entry in target.iterdir() if entry.suffix in SUFFIXES and not entry.is_dir()]
    found = []
    for folder, _, names in os.walk(target):
        found += [Path(folder, name) for name in names if name.endswith(SUFFIXES)]
    return found


def _os_text(error: OSError, path: Path) -> str:
    return f"{path}: {(error.strerror or str(error)).lower()}"


# --- decoding


def _read(file: Path, shown: str) -> Suite | None:
    """The suite in a file's first document; None where it is none."""
    try:
        documents = read_documents(file.read_bytes(), str(file), dialect=Dialect.YAML_1_2)
    except OSError as error:
        raise SuiteError(f"listing test files: {_os_text(error, file)}") from None
    except DocumentError as error:
        raise SuiteError(f"listing test files: invalid yaml: {error.what}", mend=error.mend) from None
    if not documents or not isinstance(documents[0].value, Mapping):
        return None
    head = documents[0].value
    group, _ = split_api_version(str(head.get("apiVersion") or ""))
    if group != GROUP or head.get("kind") != KIND:
        return None
    return decode_suite(documents[0], file, shown)


def decode_suite(document: Document, file: Path, shown: str) -> Suite:
    """The record of a suite. Raises SuiteError naming the field that has a wrong type."""
    fields = _Fields(document, document.value, "")
    return Suite(
        shown=shown,
        file=file,
        tests=tuple(_test(test) for test in fields.items("tests")),
        skip=fields.boolean("skip"),
    )


def _test(fields: _Fields) -> Test:
    return Test(
        name=fields.text("name"),
        template=fields.text("template"),
        constraint=fields.text("constraint"),
        expansion=fields.text("expansion"),
        cases=tuple(_case(case) for case in fields.items("cases")),
        invalid=fields.boolean("invalid"),
        skip=fields.boolean("skip"),
    )


def _case(fields: _Fields) -> Case:
    return Case(
        name=fields.text("name"),
        object=fields.text("object"),
        inventory=fields.texts("inventory"),
        assertions=tuple(_assertion(assertion) for assertion in fields.items("assertions")),
        skip=fields.boolean("skip"),
    )


def _assertion(fields: _Fields) -> Assertion:
    violations = fields.get("violations")
    if violations is None:
        violations = "yes"
    elif isinstance(violations, bool) or not isinstance(violations, str | int):
        raise fields.wrong("violations", violations, "yes, no or a whole number")
    elif isinstance(violations, int) and violations not in _INT32:
        raise fields.wrong("violations", violations, "yes, no or a whole number of 32 bits")
    message = fields.get("message")
    if message is not None and not isinstance(message, str):
        raise fields.wrong("message", message, "text")
    return Assertion(violations, message)


class _Fields:
    """The fields of one mapping in a suite, with the path to them for errors."""

    def __init__(self, document: Document, value: Mapping[str, Any], path: str) -> None:
        self._document, self._path = document, path
        self._values = {name.lower(): item for name, item in value.items()} | dict(value)

    def get(self, name: str) -> Any:
        return self._values.get(name)

    def text(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(name, value, "text")
        return value

    def boolean(self, name: str) -> bool:
        value = self.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.wrong(name, value, "true or false")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._list(name, str, "a list of paths"))

    def items(self, name: str) -> list[_Fields]:
        items = self._list(name, Mapping, "a list of mappings")
        return [_Fields(self._document, item, f"{self._path}{name}[{at}].") for at, item in enumerate(items)]

    def _list(self, name: str, kind: type, wanted: str) -> list[Any]:
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
            raise self.wrong(name, value, wanted)
        return value

    def wrong(self, name: str, value: Any, wanted: str) -> SuiteError:
        where = f"{self._document.where}: {self._path}{name}"
        return SuiteError(
            f"listing test files: invalid yaml: {where} must be {wanted}, not {json_text(value)}",
            mend="quote it or mend the value" if wanted == "text" else "mend the value",
        )
