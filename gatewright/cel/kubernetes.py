"""Which libraries a kube-apiserver enables for admission, and since which Kubernetes version: one table.

`cel.KUBERNETES` is the newest row. Source: the documentation of Kubernetes, "Common Expression Language in
Kubernetes", and the base environment of k8s.io/apiserver 1.36.
"""

from __future__ import annotations

from gatewright.cel.declarations import Library
from gatewright.cel.environment import Libraries
from gatewright.cel.libraries import lists, loops, optionals, regex, standard, strings

# Library and the version that brought it, in the order in which their overloads are tried.
TABLE: tuple[tuple[str, Library], ...] = (
    ("1.23", standard.LIBRARY),
    ("1.23", regex.LIBRARY),
    ("1.23", lists.KUBERNETES),
    ("1.28", optionals.LIBRARY),
    ("1.29", strings.LIBRARY),
    ("1.29", lists.SETS),
    ("1.32", loops.LIBRARY),
    ("1.34", lists.EXTENSION),
)


def libraries(version: str = "1.36") -> Libraries:
    """The libraries of a Kubernetes version such as 1.30."""
    wanted = _number(version)
    return Libraries(tuple(one for since, one in TABLE if _number(since) <= wanted))


def _number(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


KUBERNETES = libraries()
