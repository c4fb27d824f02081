"""Makes docs/differences.md from docs/differences.toml: `python -m tools.differences`.

The data is also what lists of exceptions refer to (an entry with because = "difference" names one of these), so that
a deliberate difference is told once. tests/repo holds the page against the data.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"

AREAS = {
    "lifecycle": "Lifecycle and status",
    "webhook": "Webhook",
    "templates": "Templates, constraints and CRDs",
    "rego": "Rego",
    "gator": "Testing on files",
}

HEAD = """\
# Deliberate differences from Gatekeeper

Made from differences.toml by `python -m tools.differences`; edit the data, not this page.

The rule: verdicts, messages, generated objects, exit codes and outputs are Gatekeeper's, unless the original is plainly
wrong or unsafe. Each exception is listed here once. Additions (new conditions, flags, metrics) never change what a
client of Gatekeeper reads. Compared with Gatekeeper's master of August 2026 (v3.24.0-beta.0).
"""


@dataclass(frozen=True)
class Difference:
    """One difference. shown: files of the repository where it can be read or is tested."""

    name: str
    area: str
    gatekeeper: str
    gatewright: str
    why: str
    shown: tuple[str, ...]


def read() -> tuple[Difference, ...]:
    """The data, in the order of the file."""
    found = tomllib.loads((DOCS / "differences.toml").read_text())
    return tuple(
        Difference(
            name=entry["name"],
            area=entry["area"],
            gatekeeper=" ".join(entry["gatekeeper"].split()),
            gatewright=" ".join(entry["gatewright"].split()),
            why=" ".join(entry["why"].split()),
            shown=tuple(entry["shown"]),
        )
        for entry in found["difference"]
    )


def page(differences: tuple[Difference, ...]) -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for area, title in AREAS.items():
        here = [one for one in differences if one.area == area]
        if not here:
            continue
        parts.append(f"\n## {title}\n")
        for one in here:
            shown = ", ".join(f"`{path}`" for path in one.shown)
            parts.append(
                f"\n### {one.name}\n\n- Gatekeeper: {one.gatekeeper}\n- Gatewright: {one.gatewright}\n"
                f"- Why: {one.why}\n- Shown in: {shown}\n"
            )
    return "".join(parts)


if __name__ == "__main__":
    (DOCS / "differences.md").write_text(page(read()))
