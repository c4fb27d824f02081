"""Names with an asterisk at their ends, as match criteria and exclusions use them.

Only a leading or a trailing asterisk means anything (Gatekeeper behaviour, 3.1, "wildcard").
"""

from __future__ import annotations

from collections.abc import Callable


def _inner(pattern: str) -> str:
    return pattern.removeprefix("*").removesuffix("*")


def wildcard(pattern: str) -> Callable[[str], bool]:
    """Whether a name fits: "*x*" contains x, "*x" ends so, "x*" begins so, else it is equal. "*" fits everything,
    also ""."""
    text = _inner(pattern)
    if pattern.startswith("*") and pattern.endswith("*"):
        return lambda name: text in name
    if pattern.startswith("*"):
        return lambda name: name.endswith(text)
    if pattern.endswith("*"):
        return lambda name: name.startswith(text)
    return lambda name: name == pattern


def generated_wildcard(pattern: str) -> Callable[[str], bool]:
    """As `wildcard`, for a generateName: only a pattern with a trailing asterisk can fit one."""
    text = _inner(pattern)
    if pattern.startswith("*") and pattern.endswith("*"):
        return lambda name: text in name
    if pattern.endswith("*"):
        return lambda name: name.startswith(text)
    return lambda _name: False
