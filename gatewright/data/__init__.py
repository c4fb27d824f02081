"""Files that the product ships, and the one function that reads them.

Pure rooms get their contents as arguments; runtime, sim, gator, cli and testing read them here.
"""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> bytes:
    """The bytes of a shipped file, e.g. read("builtin-schemas.json.gz")."""
    return (files(__name__) / name).read_bytes()
