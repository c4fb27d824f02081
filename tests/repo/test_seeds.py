"""The same run under two hash seeds gives the same bytes (law 2): nothing follows the order of a set."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.repo import determinism
from tests.repo.sources import ROOT


def _run(seed: int) -> dict[str, tuple[int, str]]:
    outcome = subprocess.run(
        [sys.executable, "-m", "tests.repo.determinism"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    parts = (line.split() for line in outcome.stdout.splitlines())
    return {name: (int(lines), digest) for name, lines, digest in parts}


@pytest.mark.slow
def test_two_hash_seeds_give_the_same_bytes() -> None:
    one, other = _run(0), _run(1)
    assert list(one) == list(determinism.SECTIONS)
    assert all(lines > 0 for lines, _ in one.values())
    differing = [name for name in one if one[name] != other[name]]
    assert not differing, f"compare: PYTHONHASHSEED=0 and =1 python -m tests.repo.determinism {differing[0]}"
