"""`gatewright up` as a user starts it, seen from outside: its lines and their times, its memory, kubectl against it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.inputs import ROOT

READY = re.compile(r"^(\S+) Ready after ([0-9.]+) s$")
EXPORT = re.compile(r"export KUBECONFIG=(\S+)")
PATIENCE = 180.0


class Failed(Exception):
    """What was to be measured did not happen; the text says why."""


class Server:
    """A running `up`. `began` is the moment before its program was started."""

    def __init__(self, command: Sequence[str]) -> None:
        self.began = time.perf_counter()
        self.lines: list[tuple[float, str]] = []
        self._program = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._program.stdout is not None
        for line in self._program.stdout:
            self.lines.append((time.perf_counter() - self.began, line.rstrip("\n")))

    def wait_for(self, pattern: re.Pattern[str]) -> tuple[float, re.Match[str]]:
        """When the first line with the pattern came, in seconds from the start. Raises Failed."""
        deadline = time.perf_counter() + PATIENCE
        seen = 0
        while time.perf_counter() < deadline:
            ended = self._program.poll() is not None and not self._reader.is_alive()
            for at, line in self.lines[seen:]:
                seen += 1
                found = pattern.search(line)
                if found:
                    return at, found
            if ended:
                break
            time.sleep(0.002)
        said = " / ".join(line for _, line in self.lines[-5:])
        raise Failed(f"no line like {pattern.pattern!r}; it said: {said or 'nothing'}")

    def ready(self) -> dict[str, float]:
        """Seconds from the start to Ready of each template that was told so far."""
        return {found[1]: at for at, line in self.lines if (found := READY.match(line))}

    def memory(self) -> tuple[int, int]:
        """Resident bytes of the serving process, and of it with its children together."""
        sizes = {pid: _resident(pid) for pid in self._pids()}
        return max(sizes.values()), sum(sizes.values())

    def _pids(self) -> list[int]:
        """The processes of the session that this program leads."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, ProcessLookupError):
                    if os.getsid(int(entry.name)) == self._program.pid:
                        found.append(int(entry.name))
        return found

    def stop(self) -> float:
        """Ctrl-C; seconds until it has ended."""
        began = time.perf_counter()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._program.pid, signal.SIGINT)
        try:
            self._program.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait()
        return time.perf_counter() - began


def _resident(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


@contextlib.contextmanager
def running(*command: str) -> Iterator[Server]:
    """A started server that is stopped at the end."""
    server = Server(command)
    try:
        yield server
    finally:
        server.stop()


def kubectl() -> str | None:
    """The kubectl on PATH."""
    return shutil.which("kubectl")


class Kubectl:
    """kubectl against one server."""

    def __init__(self, kubeconfig: str) -> None:
        self._kubeconfig = kubeconfig

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Standard output; raises Failed with what it printed when it fails."""
        outcome = self.run(*arguments, stdin=stdin)
        if outcome.returncode:
            raise Failed(f"kubectl {' '.join(arguments)}: {(outcome.stderr or outcome.stdout).strip()[:300]}")
        return outcome.stdout

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """The whole outcome."""
        return subprocess.run(
            ["kubectl", "--kubeconfig", self._kubeconfig, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
