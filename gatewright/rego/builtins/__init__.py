"""The builtins of Rego, one module per family. `library()` gives all of them; see `registry` for what a builtin is."""

from __future__ import annotations

from collections.abc import Mapping

from gatewright.rego.builtins import (
    aggregates,
    aws,
    collections,
    crypto,
    encoding,
    glob,
    gotemplate,
    graph,
    graphql,
    identity,
    jsonpaths,
    jwt,
    net,
    numeric,
    outside,
    schema,
    strings,
    times,
    types,
    x509,
    yamltext,
)
from gatewright.rego.builtins import regex as regex_family
from gatewright.rego.builtins import sprintf as sprintf_family
from gatewright.rego.builtins.registry import REGISTRY, Builtin

FAMILIES = (
    aggregates,
    aws,
    collections,
    crypto,
    encoding,
    glob,
    gotemplate,
    graph,
    graphql,
    identity,
    jsonpaths,
    jwt,
    net,
    numeric,
    outside,
    schema,
    regex_family,
    sprintf_family,
    strings,
    times,
    types,
    x509,
    yamltext,
)


def library() -> Mapping[str, Builtin]:
    """Every builtin by name."""
    return REGISTRY
