"""Tables (meta.k8s.io): what `kubectl get` asks for. `reading` and `watching` are the callers; cells of built-in
kinds are in `printing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.apiserver import printing
from gatewright.apiserver.answers import bad_request
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.views import partial
from gatewright.core.clock import Now
from gatewright.core.objects import Object


def columns(endpoint: Endpoint) -> Sequence[Mapping[str, Any]]:
    """The columnDefinitions of a resource."""
    if endpoint.custom is not None:
        return endpoint.custom.columns()
    return endpoint.columns or ()


def row(thing: Object, endpoint: Endpoint, now: Now, include: str, version: str) -> dict[str, Any]:
    """One row. include: Metadata, Object or None, as the query's includeObject says."""
    if endpoint.custom is not None:
        cells: Sequence[Any] = endpoint.custom.cells(thing, now)
    else:
        cells = printing.cells(endpoint.group, endpoint.plural, endpoint.columns or (), thing, now)
    return {"cells": list(cells), "object": _shown(thing, include, version)}


def _shown(thing: Object, include: str, version: str) -> Any:
    if include == "Object":
        return thing
    return None if include == "None" else partial(thing, version)


def include_of(text: str) -> str:
    """The includeObject argument, checked."""
    if text in ("", "Metadata"):
        return "Metadata"
    if text in ("Object", "None"):
        return text
    raise bad_request(f"unrecognized includeObject value: {text}")


def table(
    rows: Sequence[Mapping[str, Any]],
    definitions: Sequence[Mapping[str, Any]] | None,
    meta: Mapping[str, Any],
    version: str,
) -> dict[str, Any]:
    """A Table. definitions None: the columns were told before (later events of a watch)."""
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": meta,
        "columnDefinitions": None if definitions is None else list(definitions),
        "rows": list(rows),
    }
