"""The commands that the documents tell a reader to run, out of their fenced blocks.

A block marked `sh` holds commands, one a line. A block marked `console` holds commands behind `$ ` and what they print.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.repo.sources import ROOT, files

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Told:
    """A command, as words, and where it is told."""

    where: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where}: {' '.join(self.words)}"


def pages() -> tuple[str, ...]:
    """The documents for readers: at the root, in docs/ and beside the policies."""
    return tuple(path for path in files() if path.endswith(".md") and path.split("/")[0] in (path, "docs", "policies"))


@functools.cache
def commands() -> tuple[Told, ...]:
    return tuple(told for path in pages() for told in _commands(path))


def _commands(path: str) -> Iterator[Told]:
    for kind, body in FENCE.findall((ROOT / path).read_text()):
        for line in _lines(kind, body):
            for simple in re.split(r"\s(?:&&|\|\||[|;&])(?:\s|$)", line):
                words = [word for word in shlex.split(simple, comments=True) if word]
                while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                    words.pop(0)
                if words:
                    yield Told(path, tuple(words))


def _lines(kind: str, body: str) -> Iterator[str]:
    joined = body.replace("\\\n", " ")
    if kind == "sh":
        yield from joined.splitlines()
    elif kind == "console":
        yield from (line[2:] for line in joined.splitlines() if line.startswith("$ "))


def of(program: str) -> tuple[Told, ...]:
    """Commands of one program, without its name."""
    runs = {program, f".venv/bin/{program}"}
    found = []
    for told in commands():
        words = told.words
        if words[:3] in ((".venv/bin/python", "-m", program), ("python", "-m", program)):
            words = (program, *words[3:])
        if words[0] in runs:
            found.append(Told(told.where, words[1:]))
    return tuple(found)
