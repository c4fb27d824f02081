"""The locked requirements: exact versions with hashes, no address of an index, all that pyproject asks for."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.repo.sources import ROOT

LOCKS = sorted(path.name for path in (ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(r"^[a-z0-9][a-z0-9._-]*==[^\s;]+(?: ; [^\\]+)?$", re.IGNORECASE)
HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")


def _requirements(name: str) -> list[list[str]]:
    """Each requirement with its hashes: continued lines joined, comments left out."""
    text = (ROOT / "requirements" / name).read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", "\0")
    return [[part.strip() for part in line.split("\0")] for line in joined.splitlines()]


def _names(name: str) -> set[str]:
    return {_plain(re.split(r"[=\s;\[]", parts[0])[0]) for parts in _requirements(name)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    requirements = _requirements(name)
    assert requirements
    for first, *hashes in requirements:
        assert PINNED.match(first), first
        assert hashes, f"{first}: no hash"
        assert all(HASH.match(one) for one in hashes), first


@pytest.mark.parametrize("name", LOCKS)
def test_no_address_in_a_lock(name: str) -> None:
    assert "://" not in (ROOT / "requirements" / name).read_text()


def _asked(section: list[str]) -> set[str]:
    return {_plain(re.split(r"[<>=!~\s;\[]", line)[0]) for line in section}


def test_all_that_is_asked_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    product = _asked(project["project"]["dependencies"])
    for extra in project["project"].get("optional-dependencies", {}).values():
        product |= _asked(extra)
    assert product <= _names("run.txt")
    assert product | _asked(project["dependency-groups"]["dev"]) <= _names("dev.txt")


def test_the_product_is_the_same_in_both_locks() -> None:
    """What the tests run on is what `make run` runs on."""
    product = {parts[0].split(" ;")[0] for parts in _requirements("run.txt")}
    assert product <= {parts[0].split(" ;")[0] for parts in _requirements("dev.txt")}
