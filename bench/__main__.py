"""`python -m bench [AREA...]`: measures, prints a table, and writes bench/results.json."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench import explorer, lifecycle, reviews
from bench.figures import Figure

AREAS: dict[str, Callable[[], list[Figure]]] = {
    "reviews": reviews.figures,
    "lifecycle": lifecycle.figures,
    "explorer": explorer.figures,
}
RESULTS = Path(__file__).resolve().parent / "results.json"


def main(arguments: list[str]) -> int:
    """0; 1 when something that can be measured here could not; 64 for an unknown area."""
    unknown = [one for one in arguments if one not in AREAS]
    if unknown:
        sys.stderr.write(f"bench: unknown area {unknown[0]!r} - choose from {', '.join(AREAS)}\n")
        return 64
    found: list[Figure] = []
    for name in arguments or list(AREAS):
        sys.stderr.write(f"measuring {name} ...\n")
        found += AREAS[name]()
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }
    RESULTS.write_text(json.dumps({"machine": machine, "figures": [asdict(one) for one in found]}, indent=2) + "\n")
    sys.stdout.write(table(found))
    sys.stdout.write("".join(f"{name}: {value}  " for name, value in machine.items()).rstrip() + "\n")
    return 1 if any(one.note.startswith("FAILED") for one in found) else 0


def table(figures: list[Figure]) -> str:
    """The figures as lines of columns."""
    rows = [("figure", "value", "goal", "timing", "")]
    for one in figures:
        value = "-" if one.value is None else f"{one.value:.4g} {one.unit}"
        goal = "" if one.goal is None else f"{one.goal:g} {one.unit}"
        rows.append((one.name, value, goal, one.timing, one.note))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for row in rows:
        cells = [row[column].ljust(widths[column]) for column in range(4)]
        lines.append("  ".join([*cells, row[4]]).rstrip())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
