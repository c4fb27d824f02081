"""Which libraries a kube-apiserver enables for admission, and since which Kubernetes version: one table.

`cel.KUBERNETES` is the newest row. Source: the documentation of Kubernetes, "Common Expression Language in
Kubernetes", and the base environment of k8s.io/apiserver 1.36.
"""

from __future__ import annotations

from gatewright.cel.declarations import Library
from gatewright.cel.environment import Libraries
from gatewright.cel.libraries import (
    authorization,
    formats,
    lists,
    loops,
    network,
    optionals,
    quantities,
    regex,
    semver,
    standard,
    strings,
    urls,
)

# Library and the version that brought it, in the order in which their overloads are tried.
TABLE: tuple[tuple[str, Library], ...] = (
    ("1.23", standard.LIBRARY),
    ("1.23", urls.LIBRARY),
    ("1.23", regex.LIBRARY),
    ("1.23", lists.KUBERNETES),
    ("1.27", authorization.LIBRARY),
    ("1.28", optionals.LIBRARY),
    ("1.28", quantities.LIBRARY),
    ("1.29", strings.LIBRARY),
    ("1.29", lists.SETS),
    ("1.30", network.ADDRESSES),
    ("1.30", network.NETWORKS),
    ("1.31", formats.LIBRARY),
    ("1.31", authorization.SELECTORS),
    ("1.32", loops.LIBRARY),
    ("1.33", semver.LIBRARY),
    ("1.34", lists.EXTENSION),
)


def libraries(version: str = "1.36", escaped_names: bool = True) -> Libraries:
    """The libraries of a Kubernetes version such as 1.30.

    escaped_names: the API servers up to 1.36 refuse a.`b-c`; Gatekeeper, built with a newer cel-go, reads it.
    """
    wanted = _number(version)
    return Libraries(tuple(one for since, one in TABLE if _number(since) <= wanted), escaped_names)


def _number(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


KUBERNETES = libraries()
"""What Gatekeeper's driver reads."""

API_SERVER = libraries(escaped_names=False)
"""What a kube-apiserver reads."""
