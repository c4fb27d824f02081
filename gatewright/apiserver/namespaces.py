"""The namespace actor: empties a namespace under deletion, then takes its finalizer away. One of the `actors`.

Source: Kubernetes documentation of namespaces; conditions as the real namespace controller writes them.
"""

from __future__ import annotations

from typing import Any

from gatewright.apiserver.collecting import RETRY, endpoint_of, path_of, send
from gatewright.apiserver.config import Config
from gatewright.apiserver.state import State, Stored
from gatewright.apiserver.steps import NOTHING, Step
from gatewright.core.clock import Now
from gatewright.core.http import Request, User
from gatewright.core.objects import deleting, metadata

CONTROLLER = User(
    "system:serviceaccount:kube-system:namespace-controller",
    groups=("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated", "system:masters"),
)
_FINALIZER = "kubernetes"


def inputs(state: State) -> tuple[Any, ...]:
    """Everything while a namespace is going, nothing otherwise."""
    going = any(key[0] == "namespaces" for key in state.dying)
    return (state.version,) if going else (None,)


def step(state: State, now: Now, config: Config) -> Step:
    """One look at the namespaces under deletion."""
    requests: list[tuple[Request, User]] = []
    for key in sorted(state.dying):
        stored = state.get(key)
        if key[0] == "namespaces" and stored is not None and _FINALIZER in _finalizers(stored):
            requests.extend((request, CONTROLLER) for request in _empty(stored, state, config))
    return Step((), tuple(requests), now.monotonic + RETRY) if requests else NOTHING


def _finalizers(stored: Stored) -> list[str]:
    return list((stored.thing.get("spec") or {}).get("finalizers") or ())


def _empty(stored: Stored, state: State, config: Config) -> list[Request]:
    name = stored.key[2]
    requests: list[Request] = []
    left: list[Stored] = []
    for storage in sorted(state.tables):
        inside = list(state.tables[storage].all(name))
        if not inside:
            continue
        left.extend(inside)
        endpoint = endpoint_of(inside[0].key, state, config)
        if endpoint is not None and any(not deleting(one.thing) for one in inside):
            options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
            requests.append(send("DELETE", path_of((storage, name, ""), endpoint), options))
    if left:
        return requests
    kept = [one for one in _finalizers(stored) if one != _FINALIZER]
    meta = {"name": name, "resourceVersion": metadata(stored.thing).get("resourceVersion")}
    body = {**stored.thing, "metadata": {**metadata(stored.thing), **meta}, "spec": {"finalizers": kept}}
    return [send("PUT", f"/api/v1/namespaces/{name}/finalize", body)]
