"""Lists of exceptions as data: every list of the repository, in one shape, counted and printed.

A list is a file `exceptions.toml` in a folder of tests. Each entry names its list, what it lets pass and a reason. A
reason is a deliberate difference from Gatekeeper (by its name in docs/differences.toml), a need for the network, a
refusal by Kubernetes, or, for lists of the repository's own shape, why the rule does not serve at that place. "Not
yet" is none: what an open issue will bring is chosen by area, not excepted (law 11).
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.repo.sources import ROOT, files

OWN = "tests/repo/exceptions.toml"
OWN_LISTS = frozenset({"module-size", "function-size", "import", "call", "state"})
CAUSES = frozenset({"difference", "network", "kubernetes"})


@dataclass(frozen=True)
class Exempt:
    """One entry. because: "difference", "network" or "kubernetes"; "" in the repository's own lists."""

    file: str
    list: str
    where: str
    what: str
    reason: str
    because: str
    difference: str

    def __str__(self) -> str:
        name = f"{self.where} {self.what}".strip()
        return f"{self.list}: {name}: {self.reason}"


@functools.cache
def exempt() -> tuple[Exempt, ...]:
    """All entries of all lists."""
    found = []
    for path in files():
        if path.startswith("tests/") and Path(path).name == "exceptions.toml":
            for entry in tomllib.loads((ROOT / path).read_text()).get("exception", []):
                texts = {name: str(entry.get(name, "")) for name in ("list", "where", "what", "reason", "because")}
                found.append(Exempt(path, difference=str(entry.get("difference", "")), **texts))
    return tuple(found)


def of(name: str) -> dict[tuple[str, str], Exempt]:
    """The entries of one of the repository's own lists, by (where, what)."""
    return {(one.where, one.what): one for one in exempt() if one.file == OWN and one.list == name}


def summary() -> list[str]:
    """Lines for the end of a test run: how many of each list, and each entry."""
    lists: dict[tuple[str, str], list[Exempt]] = {}
    for one in exempt():
        lists.setdefault((one.file, one.list), []).append(one)
    lines = [f"listed exceptions: {len(exempt())}"]
    for (file, name), entries in sorted(lists.items()):
        lines.append(f"  {file}, {name}: {len(entries)}")
        lines += [f"    {entry.where} {entry.what}".rstrip() + f": {entry.reason}" for entry in entries]
    return lines
