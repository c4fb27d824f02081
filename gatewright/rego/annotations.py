"""Metadata of rules and packages: the comments that begin with `# METADATA` (OPA documentation, "Metadata").

The parser collects them; `resolve` puts what `rego.metadata.rule()` and `rego.metadata.chain()` give in place of the
calls. Metadata that is no YAML is ignored, as are comments that only look like it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_BEGIN = re.compile(r"^[ \t]*#[ \t]*METADATA[ \t]*$", re.MULTILINE)
SCOPES = ("rule", "document", "package", "subpackages")


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one comment says: its scope, the line of the statement after it, and its content with the scope."""

    scope: str
    row: int
    content: Any


def collect(source: str) -> list[Annotation]:
    """The annotations of a source, in order."""
    return list(_collect(source)) if "METADATA" in source else []


def _collect(source: str) -> Iterator[Annotation]:
    lines = source.split("\n")
    for m in _BEGIN.finditer(source):
        first = source.count("\n", 0, m.start()) + 1
        last = first
        while last < len(lines) and lines[last].lstrip(" \t").startswith("#"):
            last += 1
        text = "\n".join(line.lstrip(" \t")[1:].removeprefix(" ") for line in lines[first:last])
        try:
            content = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        if not isinstance(content, dict):
            continue
        row = last
        while row < len(lines) and (not lines[row].strip() or lines[row].lstrip(" \t").startswith("#")):
            row += 1
        following = lines[row].lstrip(" \t") if row < len(lines) else ""
        scope = str(content.get("scope") or ("package" if following.startswith("package") else "rule"))
        if scope in SCOPES:
            yield Annotation(scope, row + 1, {**content, "scope": scope})


class Annotations:
    """The annotations of all modules, to be asked for a rule."""

    def __init__(self) -> None:
        self.packages: dict[tuple[str, ...], Any] = {}
        self.subpackages: dict[tuple[str, ...], Any] = {}
        self.documents: dict[tuple[str, ...], Any] = {}
        self.rules: dict[tuple[str, int], Any] = {}

    def add(self, file: str, package: tuple[str, ...], found: Iterable[Annotation], names: dict[int, str]) -> None:
        """The annotations of one module; `names` gives the rule that begins in a row."""
        for a in found:
            if a.scope == "package":
                self.packages.setdefault(package, a.content)
            elif a.scope == "subpackages":
                self.subpackages.setdefault(package, a.content)
            elif a.scope == "rule":
                self.rules[file, a.row] = a.content
            elif a.row in names:
                self.documents.setdefault((*package, names[a.row]), a.content)

    def rule(self, file: str, row: int) -> Any:
        """What rego.metadata.rule() gives in a rule."""
        return self.rules.get((file, row), {})

    def chain(self, file: str, row: int, package: tuple[str, ...], name: str) -> list[Any]:
        """What rego.metadata.chain() gives in a rule: the rule, its document, its package, the packages above."""
        path = [*package, name]
        own = self.rules.get((file, row))
        out: list[Any] = [{"path": path} | ({"annotations": own} if own else {})]
        if (document := self.documents.get((*package, name))) is not None:
            out.append({"path": path, "annotations": document})
        if package in self.packages:
            out.append({"path": list(package), "annotations": self.packages[package]})
        above = [package[:n] for n in range(len(package), 0, -1)]
        return out + [{"path": list(p), "annotations": self.subpackages[p]} for p in above if p in self.subpackages]
