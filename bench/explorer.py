"""States and schedules per second of the lifecycle explorer, as `gatewright simulate` reports them."""

from __future__ import annotations

import json
import subprocess
import sys

from bench.figures import Figure
from bench.inputs import ROOT

SECONDS = 20


def figures() -> list[Figure]:
    """Of our own algorithm, with all faults, over all worlds."""
    command = [sys.executable, "-m", "gatewright", "simulate", "--json", "--budget", str(SECONDS)]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        told = json.loads(outcome.stdout)
    except ValueError:
        why = (outcome.stderr.strip().splitlines() or ["it printed nothing"])[-1][:200]
        return [Figure("explorer: states", None, "1/s", note=f"FAILED: {why}")]
    seconds = told["seconds"] or 1.0
    note = f"{told['states']} states, {told['steps']} steps, {len(told['violations'])} violations in {seconds:.1f} s"
    return [
        Figure("explorer: states", told["states"] / seconds, "1/s", "fast", note=note),
        Figure(
            "explorer: schedules", told["schedules"] / seconds, "1/s", "fast", note=f"{told['schedules']} schedules"
        ),
    ]
