"""Objects from files, folders and standard input, as `gator test` takes them (Gatekeeper behaviour, 12.1).

For `auditing` by way of `cli`. Folders are walked in lexical order, names of other extensions passed over; a file that
is named must have one of them. An object that stands in two places is reported, and reviewed twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gatewright.core.documents import DocumentError, read_documents
from gatewright.core.errors import UserError
from gatewright.core.go_text import quote
from gatewright.core.objects import Kind, metadata

EXTENSIONS = (".yaml", ".yml", ".json")
STDIN = "stdin"


class SourceError(UserError):
    """An input that can't be read."""


@dataclass(frozen=True, slots=True)
class Source:
    """One object of the input.

    where:  'x.yaml:12', for messages
    origin: 'file: "x.yaml"' or 'stdin', for warnings as gator words them
    """

    value: dict[str, Any]
    where: str
    origin: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All objects of the input, in its order."""

    objects: tuple[Source, ...]
    warnings: tuple[str, ...]  # one per object that stands twice


def read_sources(filenames: Iterable[str], stdin: bytes | None) -> Sources:
    """stdin: None where it is a terminal. Raises SourceError."""
    found: list[Source] = []
    for name in filenames:
        for path in _paths(name):
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except OSError as error:
                raise SourceError(f"reading: reading from filenames: {path}: {_reason(error)}") from None
            found += _objects(data, path, f"file: {quote(path)}", "reading from filenames")
    if stdin is not None:
        found += _objects(stdin, STDIN, STDIN, "reading from stdin")
    return Sources(tuple(found), tuple(_repeated(found)))


def _paths(name: str) -> Iterator[str]:
    """The files that an argument stands for."""
    try:
        os.stat(name)
    except OSError as error:
        raise SourceError(
            f"reading: reading from filenames: stat on path {quote(name)}: {_reason(error)}",
            mend="name a file or a folder",
        ) from None
    if os.path.isdir(name):
        yield from _below(os.path.normpath(name))
        return
    if os.path.splitext(name)[1] not in EXTENSIONS:
        known = " ".join(EXTENSIONS)
        raise SourceError(
            f"reading: reading from filenames: path {quote(name)} must be of extensions: [{known}]",
            mend="rename the file",
        )
    yield name


def _below(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        held = sorted(entries, key=lambda entry: entry.name)
    for entry in held:
        path = os.path.normpath(os.path.join(folder, entry.name))
        if entry.is_dir(follow_symlinks=False):
            yield from _below(path)
        elif os.path.splitext(entry.name)[1] in EXTENSIONS:
            yield path


def _objects(data: bytes, name: str, origin: str, doing: str) -> list[Source]:
    try:
        documents = read_documents(data, name, unique_keys=False, float64=True)
    except DocumentError as error:
        raise SourceError(f"reading: {doing}: {error.what}", mend=error.mend) from None
    found = []
    for document in documents:
        if not isinstance(document.value, dict):
            raise SourceError(
                f"reading: {doing}: {document.where}: the document is no object",
                mend="write a mapping with apiVersion, kind and metadata.name",
            )
        if document.value:
            found.append(Source(document.value, document.where, origin))
    return found


def _repeated(objects: Iterable[Source]) -> Iterator[str]:
    origins: dict[tuple[str, str, str, str], str] = {}
    for source in objects:
        kind, meta = Kind.of(source.value), metadata(source.value)
        name, namespace = _text(meta.get("name")), _text(meta.get("namespace"))
        key = (kind.group, kind.kind, namespace, name)
        if key in origins:
            yield f"WARNING - Resource named {quote(name)} (from {source.origin}) is already defined in {origins[key]}"
        origins[key] = source.origin


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
