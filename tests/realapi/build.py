"""`python -m tests.realapi.build`: build kube-apiserver, etcd and kube-controller-manager, once per set of modules.

Called by `make realapi` and, for the place of the programs, by `server`. Needs Go, set up as the environment says, and
only the standard library of Python. Prints the folder that holds the programs. Exit code 1 with one line on stderr when
it can't be done.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
PROGRAMS = ("kube-apiserver", "etcd", "kube-controller-manager")
VERSION = "v1.36.3"  # of Kubernetes: what go.mod requires, and what /version answers


class NotBuilt(Exception):
    """The programs could not be built; the text says in one line why and what to do."""


def programs() -> Path:
    """The folder of the programs, built or not: under the user's cache, by the digest of go.sum."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256((SOURCE / "go.sum").read_bytes()).hexdigest()[:16]
    return cache / "gatewright" / "realapi" / digest


def _stamp() -> str:
    """What the programs were built from beside the modules that go.sum names."""
    return hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in ("go.mod", "main.go"))).hexdigest()


def built(folder: Path) -> bool:
    """Whether the folder holds all programs, made from the source as it is now."""
    stamp = folder / "stamp"
    whole = all((folder / name).exists() for name in PROGRAMS)
    return whole and stamp.is_file() and stamp.read_text(encoding="ascii") == _stamp()


def _environment() -> dict[str, str]:
    # the Go that is there, or none: no download of another one, no surrounding workspace
    return {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _check_go() -> None:
    asked = re.search(r"^go (\d+)\.(\d+)", (SOURCE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if asked is None:
        raise NotBuilt("tests/realapi/go.mod names no Go version: restore it from the repository")
    least = f"Go {asked.group(1)}.{asked.group(2)}"
    if shutil.which("go") is None:
        raise NotBuilt(
            f"go is not on PATH: install {least} or newer (tests that need the real server are skipped without)"
        )
    said = subprocess.run(
        ["go", "env", "GOVERSION"], env=_environment(), cwd="/", capture_output=True, text=True, check=False
    )
    have = re.search(r"go(\d+)\.(\d+)", said.stdout)
    if have is None or (int(have.group(1)), int(have.group(2))) < (int(asked.group(1)), int(asked.group(2))):
        raise NotBuilt(f"{said.stdout.strip() or 'this go'} is too old: install {least} or newer")


def _compile(target: Path) -> None:
    flags = f"-s -w -X k8s.io/component-base/version.gitVersion={VERSION}"
    command = ["go", "build", "-trimpath", "-ldflags", flags, "-o", str(target), "."]
    if subprocess.run(command, env=_environment(), cwd=SOURCE, check=False).returncode:
        raise NotBuilt("go build failed, see above; a module that could not be fetched may come at the next try")


def build(folder: Path) -> bool:
    """Build the programs into `folder` unless they are there; whether there was something to do.

    The folder appears whole or not at all. Raises NotBuilt.
    """
    if built(folder):
        return False
    _check_go()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"{folder.name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second build waits for the first one, and then has nothing to do
        if built(folder):
            return False
        fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            _compile(fresh / "realapi")
            for name in PROGRAMS:
                (fresh / name).symlink_to("realapi")
            (fresh / "stamp").write_text(_stamp(), encoding="ascii")
            fresh.chmod(0o755)
            if folder.exists():
                folder.rename(fresh / "old")
            fresh.rename(folder)
            shutil.rmtree(folder / "old", ignore_errors=True)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return True


def main() -> int:
    """Build and say where; the exit code."""
    folder, began = programs(), time.monotonic()
    if not built(folder):
        sys.stderr.write(f"building kube-apiserver {VERSION}, etcd and kube-controller-manager: some minutes, once\n")
    try:
        fresh = build(folder)
    except NotBuilt as error:
        sys.stderr.write(f"realapi: {error}\n")
        return 1
    if fresh:
        sys.stderr.write(f"built in {time.monotonic() - began:.0f} s\n")
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
