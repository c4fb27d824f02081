"""Real kubectl against a running `gatewright up`, as a newcomer types it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str


class Kubectl:
    """kubectl with a kubeconfig and a discovery cache of its own: a cache of another server on the same port lies."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.folder = folder
        found = shutil.which("kubectl")
        assert found, "a test that uses this carries needs('kubectl')"
        self._program = found
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": str(folder / "cache")}

    def run(self, *arguments: str, stdin: Any = None) -> Done:
        """Run a command to its end. stdin: text, or objects that become YAML documents."""
        text = stdin if stdin is None or isinstance(stdin, str) else yaml.safe_dump_all(stdin)
        done = subprocess.run(
            [self._program, *arguments],
            env=self._environment,
            cwd=self.folder,
            input=text,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: Any = None) -> str:
        """The output of a command that must work."""
        done = self.run(*arguments, stdin=stdin)
        assert done.code == 0, f"kubectl {' '.join(arguments)}: {done.code}\n{done.out}{done.err}"
        return done.out

    def fails(self, *arguments: str, stdin: Any = None) -> str:
        """What a command that must fail says on stderr."""
        done = self.run(*arguments, stdin=stdin)
        assert done.code != 0, f"kubectl {' '.join(arguments)} worked: {done.out}"
        return done.err

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "-o", "json"))

    @contextlib.contextmanager
    def watching(self, *arguments: str) -> Iterator[Iterator[str]]:
        """The lines of a command that runs on, such as `get -w`; it is ended with the block."""
        process = subprocess.Popen(
            [self._program, *arguments], env=self._environment, cwd=self.folder, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            yield iter(process.stdout.readline, "")
        finally:
            process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()
