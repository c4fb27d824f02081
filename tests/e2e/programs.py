"""Our own programs as child processes of a test: started, spoken to, ended. Only what was started here is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """A running `gatewright` command; its lines on stdout and stderr are kept."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._queue: Queue[str | None] = Queue()  # None: it has said all
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
        self._queue.put(None)

    def line(self, containing: str, seconds: float = 60) -> str:
        """The next line that contains a text."""
        while True:
            try:
                line = self._queue.get(timeout=seconds)
            except Empty:
                break
            if line is None:
                self._queue.put(None)
                break
            self.lines.append(line)
            if containing in line:
                return line
        raise AssertionError(f"no line with {containing!r}; it said: {self.lines}")

    def rest(self) -> str:
        """All that it said and was not asked for yet, to its end."""
        self.process.wait(30)
        self._reader.join(10)
        said = []
        while (line := self._queue.get(timeout=10)) is not None:
            said.append(line)
        self._queue.put(None)
        self.lines += said
        return "\n".join(said)

    def wait_for(self, path: Path, seconds: float = 30) -> None:
        """Until a file is there."""
        deadline = time.monotonic() + seconds
        while not path.exists():
            assert time.monotonic() < deadline, f"no {path}; it said: {self.lines}"
            assert self.process.poll() is None, self.rest()
            threading.Event().wait(0.01)

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


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ended(pids: list[int], seconds: float = 10) -> bool:
    """Whether these processes end within that time."""
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.01)
    return True


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
