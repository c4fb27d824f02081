"""Our own programs as child processes of a test: started, spoken to, ended. Only what was started here is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """A running `gatewright` command; its lines on stdout and stderr are kept."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._queue: Queue[str] = Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gatewright", *arguments],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put("")

    def line(self, containing: str, seconds: float = 60) -> str:
        """The next line that contains a text."""
        while True:
            try:
                line = self._queue.get(timeout=seconds)
            except Empty:
                break
            self.lines.append(line)
            if containing in line:
                return line
            if self.process.poll() is not None and self._queue.empty():
                break
        raise AssertionError(f"no line with {containing!r}; it said: {self.lines}")

    def close(self) -> None:
        """End it if it still runs, and let go of its output."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self, how: signal.Signals = signal.SIGINT, seconds: float = 30) -> int:
        """Ask it to end and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextlib.contextmanager
def running(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[Program]:
    program = Program(*arguments, environment=environment)
    try:
        yield program
    finally:
        program.close()


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
