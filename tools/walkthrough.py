"""Runs the console blocks of README.md for real, and writes what they printed: `python -m tools.walkthrough`.

Starts `gatewright up policies`, sets KUBECONFIG, runs each line that begins with `$ ` in a shell at the root of the
repository, in order. What the server itself printed goes into the block marked `text`. tests/repo runs the same lines
and wants the same answers, but for what differs from run to run (see `plain`).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"

BLOCK = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
SAID = re.compile(r"^```text\n.*?^```\n", re.MULTILINE | re.DOTALL)
EXPORT = re.compile(r"export KUBECONFIG=(\S+)")
LAST = "Ctrl-C stops it."

# What differs between two runs of the same commands.
VARYING = (
    (re.compile(r"\b\d+(?:\.\d+)?(?:ms|s|m|µs)\b"), "T"),  # ages and durations
    (re.compile(r"\b\d{4}-\d{2}-\d{2}T[0-9:]+Z"), "WHEN"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST:PORT"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"[ \t]+"), " "),
)


def plain(text: str) -> str:
    """A printed text without what differs from run to run."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def commands(body: str) -> list[str]:
    """The commands of a block."""
    return [line[2:] for line in body.splitlines() if line.startswith("$ ")]


@contextmanager
def server() -> Iterator[tuple[dict[str, str], str]]:
    """`gatewright up policies`, until the block ends; gives the environment for kubectl, and what it said."""
    program = subprocess.Popen(
        [sys.executable, "-m", "gatewright", "up", "policies"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert program.stdout is not None
    said = []
    try:
        for line in program.stdout:
            said.append(line)
            if line.startswith(LAST):
                told = "".join(said)
                yield {**os.environ, "KUBECONFIG": EXPORT.findall(told)[0]}, told
                return
        raise RuntimeError("gatewright up ended early:\n" + "".join(said))
    finally:
        program.send_signal(signal.SIGINT)
        program.wait(timeout=30)
        program.stdout.close()


def run(command: str, environment: dict[str, str]) -> str:
    """What a command prints on both streams. Commands that fail are part of the story; their text tells."""
    command = command.replace(".venv/bin/gatewright", f"{sys.executable} -m gatewright")
    outcome = subprocess.run(
        command,
        shell=True,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return outcome.stdout


def replayed(text: str) -> str:
    """README's text with every console block run again."""
    with server() as (environment, said):

        def again(block: re.Match[str]) -> str:
            parts = [f"$ {command}\n{run(command, environment)}" for command in commands(block[1])]
            return "```console\n" + "".join(part if part.endswith("\n") else f"{part}\n" for part in parts) + "```\n"

        shown = EXPORT.sub(lambda found: f"export KUBECONFIG=.../{'/'.join(Path(found[1]).parts[-2:])}", said)
        return BLOCK.sub(again, SAID.sub(lambda _block: f"```text\n{shown}```\n", text))


if __name__ == "__main__":
    README.write_text(replayed(README.read_text()))
