"""YAML and JSON files as Kubernetes tools written in Go read them: bytes in, documents with their positions out.

For `gator`, `cli` and `up`, which read users' files. A document is a JSON value plus the file, index and line it came
from, so that every error can name the place. PyYAML's C loader does the parsing; what the parsed scalars mean is told
by `yaml_values`, because Go's two YAML libraries and PyYAML disagree about `yes`, `0o17`, `1_000`, `n:` as a key,
timestamps and duplicate keys. Nothing here opens a file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from gatewright.core.objects import Object
from gatewright.core.yaml_values import (
    MAPPING,
    MAX_DEPTH,
    PLAIN,
    SEQUENCE,
    TEXT,
    Converter,
    Dialect,
    DocumentError,
    too_deep,
)

__all__ = ["Dialect", "Document", "DocumentError", "describe", "objects_of", "read_documents", "read_objects"]

_SHALLOW = 2_000  # the C loader composes this depth safely, whatever the stack


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file. `value` is JSON: dict with text keys, list, str, int, float, bool or None."""

    value: Any
    file: str
    index: int  # among the documents of the file, from 0, empty ones counted
    line: int  # of its first node, from 1

    @property
    def where(self) -> str:
        """'pods.yaml:12', for messages."""
        return f"{self.file}:{self.line}" if self.file else f"line {self.line}"


def read_documents(
    data: bytes,
    file: str = "",
    *,
    dialect: Dialect = Dialect.YAML_1_1,
    unique_keys: bool = True,
    float64: bool = False,
) -> tuple[Document, ...]:
    """All documents of a file that are not empty. What begins with `{` is read as JSON documents, one after another.

    unique_keys: refuse a mapping that has a key twice (else the last one wins, as `gator test` does).
    float64: numbers lose what a Go float64 loses (9007199254740993 becomes ...992), as where Gatekeeper decodes
    into interface{}.
    Raises DocumentError.
    """
    text = _text(data, file)
    convert = Converter(file, dialect, unique_keys, float64)
    if text.lstrip().startswith("{"):
        documents = _json_documents(text, convert)
        if documents is not None:
            return documents
    return _yaml_documents(text, convert)


def read_objects(data: bytes, file: str = "") -> tuple[Document, ...]:
    """The Kubernetes objects of a manifest, strictly: each has apiVersion, kind and a name, no key stands twice.

    A `kind: List` gives its items. Raises DocumentError.
    """
    return tuple(found for document in read_documents(data, file) for found in objects_of(document))


def objects_of(document: Document) -> Iterator[Document]:
    """The Kubernetes objects in one document, checked; `kind: List` is unpacked. Raises DocumentError."""
    thing = document.value
    if not isinstance(thing, Mapping):
        raise DocumentError(
            f"a {_type_name(thing)} is no Kubernetes object",
            file=document.file,
            line=document.line,
            mend="write a mapping with apiVersion, kind and metadata.name",
        )
    if thing.get("kind") == "List" and isinstance(thing.get("items"), list):
        for item in thing["items"]:
            yield from objects_of(Document(item, document.file, document.index, document.line))
        return
    missing = [name for name in ("apiVersion", "kind") if not isinstance(thing.get(name), str) or not thing[name]]
    meta = thing.get("metadata")
    if not isinstance(meta, Mapping) or not isinstance(meta.get("name"), str) or not meta["name"]:
        missing.append("metadata.name")
    if missing:
        raise DocumentError(
            f"the object {describe(thing)} lacks {' and '.join(missing)}",
            file=document.file,
            line=document.line,
            mend="every Kubernetes object in a manifest needs apiVersion, kind and metadata.name as text",
        )
    yield document


def describe(thing: Object) -> str:
    """'Pod shop/web' or what there is of it."""
    meta = thing.get("metadata")
    meta = meta if isinstance(meta, Mapping) else {}
    name = "/".join(str(part) for part in (meta.get("namespace"), meta.get("name")) if part)
    return " ".join(part for part in (str(thing.get("kind") or ""), name) if part) or "without kind and name"


def _text(data: bytes, file: str) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError(
            f"byte {error.start} is not {error.encoding} text", file=file, line=line, mend="save the file as UTF-8"
        ) from None


# --- JSON


def _json_documents(text: str, convert: Converter) -> tuple[Document, ...] | None:
    """The JSON objects of a text, one after another; None where it is not JSON after all (`{a: 1}` is YAML)."""
    decoder = json.JSONDecoder(
        object_pairs_hook=convert.pairs if convert.unique_keys else None,
        parse_int=convert.integer,
        parse_float=convert.decimal,
    )
    documents: list[Document] = []
    at, end = 0, len(text)
    while at < end:
        blank = _BETWEEN_JSON.match(text, at)
        at = blank.end() if blank else at
        if at == end:
            break
        convert.line = text.count("\n", 0, at) + 1
        try:
            value, at = decoder.raw_decode(text, at)
        except RecursionError:
            raise too_deep(convert.file, convert.line) from None
        except ValueError:
            return None
        documents.append(Document(value, convert.file, len(documents), convert.line))
    return tuple(documents)


_BETWEEN_JSON = re.compile(r"(?:\s+|^---[ \t]*$)*", re.MULTILINE)


# --- YAML


class _Loader(yaml.CSafeLoader):
    """Composes nodes only; says of each scalar no more than whether it was written plain."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return PLAIN if implicit[0] else TEXT
        return SEQUENCE if kind is yaml.SequenceNode else MAPPING


def _yaml_documents(text: str, convert: Converter) -> tuple[Document, ...]:
    documents: list[Document] = []
    try:
        _check_depth(text, convert.file)
        loader = _Loader(text)
        index = 0
        while loader.check_node():
            node: Any = loader.get_node()
            convert.begin()
            value = convert.value(node, 0)
            if value is not None:
                documents.append(Document(value, convert.file, index, node.start_mark.line + 1))
            index += 1
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "malformed YAML"
        last = text.count("\n") + (not text.endswith("\n"))  # the parser may stop behind the end
        line = min(mark.line + 1, last) if mark else 0
        mend = "mend the YAML at or before this line"
        raise DocumentError(problem, file=convert.file, line=line, mend=mend, go=_go_text(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(str(error.reason), file=convert.file, line=line, mend="remove the character") from None
    except yaml.YAMLError as error:
        raise DocumentError(" ".join(str(error).split()), file=convert.file, mend="mend the YAML") from None
    return tuple(documents)


def _go_text(error: yaml.MarkedYAMLError) -> str:
    """The error as gopkg.in/yaml.v3 words it, with the line that it names."""
    lines = [mark.line for mark in (error.context_mark, error.problem_mark) if mark is not None and mark.line]
    scanning = isinstance(error, yaml.scanner.ScannerError)  # its lines count from 1 there, those of the parser from 0
    where = f"line {lines[0] + scanning}: " if lines else ""
    return f"yaml: {where}{error.problem}"


def _check_depth(text: str, file: str) -> None:
    """Refuses what would overflow the stack of the C composer; costs a parse only where the text could be that deep."""
    brackets = text.count("[") + text.count("{")
    widest = max(map(len, text.splitlines()), default=0)
    if brackets + widest < _SHALLOW:
        return
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark = event.start_mark
                raise too_deep(file, mark.line + 1 if mark else 0)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            depth -= 1


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if value is None:
        return "null"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "mapping"
