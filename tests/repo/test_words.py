"""What must not stand in the repository's texts: machines' paths, registries' hosts, and, in the embedded API server,
words of the policies it knows nothing of.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.repo.sources import Module, package, texts

# Put together from pieces, so that this file is not its own finding.
_FOLDERS = ("/" + "work/", "/" + "tmp/gw", "/" + "root/", "/" + "home/(?!me/)[a-z]+/", "/" + "Users/[A-Za-z]+/")
_HOSTS = (
    "pypi" + r"\.org",
    "pythonhosted" + r"\.org",
    "proxy" + r"\.golang\.org",
    "sum" + r"\.golang\.org",
    "npmjs" + r"\.(?:org|com)",
    "crates" + r"\.io",
    "goproxy" + r"\.(?:io|cn)",
)
MACHINE = re.compile(rf"(?<![A-Za-z0-9._}}-])(?:{'|'.join(_FOLDERS)})")
REGISTRY = re.compile("|".join(_HOSTS))
INDEX = re.compile("--(?:extra-)?index-url" + r"[ =]\S")

POLICY_WORDS = re.compile(r"\b(?:gatekeeper|gatewright|constraint)\b", re.IGNORECASE)


def _hits(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_path_of_a_machine() -> None:
    assert not _hits(MACHINE)


def test_no_host_of_a_registry() -> None:
    assert not _hits(REGISTRY)


def test_no_address_of_an_index() -> None:
    assert not _hits(INDEX)


def test_the_api_server_knows_nothing_of_policies() -> None:
    found = [
        f"{module.path}:{number}: {line.strip()[:100]}"
        for module in package()
        if module.room == "apiserver"
        for number, line in _outside_imports(module)
        if POLICY_WORDS.search(line)
    ]
    assert not found


def _outside_imports(module: Module) -> list[tuple[int, str]]:
    imported: set[int] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return [(number, line) for number, line in enumerate(module.text.splitlines(), 1) if number not in imported]


@pytest.mark.parametrize(
    ("pattern", "line", "hit"),
    [
        pytest.param(MACHINE, "see /" + "work/shared", True, id="folder"),
        pytest.param(MACHINE, "image: a/" + "work/b", False, id="part-of-a-path"),
        pytest.param(REGISTRY, "https://pypi" + ".org/simple", True, id="index-host"),
        pytest.param(INDEX, "--index-url" + " https://x", True, id="index-address"),
        pytest.param(INDEX, "--no-emit-index-url --x", False, id="lock-option"),
        pytest.param(POLICY_WORDS, "no constraints here", False, id="other-word"),
        pytest.param(POLICY_WORDS, "a Constraint", True, id="word"),
    ],
)
def test_the_patterns_see(pattern: re.Pattern[str], line: str, hit: bool) -> None:
    assert bool(pattern.search(line)) is hit
