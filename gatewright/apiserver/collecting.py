"""The garbage collector: objects whose owners are gone, deletion in the foreground, orphaning. One of the `actors`.

It looks only at what the store marks as doubtful (an owner went, or is going) and at objects under deletion that wait
for it. Source:
Kubernetes documentation "Garbage Collection"; absent owners are those whose uid no object has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.apiserver import resources
from gatewright.apiserver.answers import encode
from gatewright.apiserver.config import Config
from gatewright.apiserver.effects import Change, Settle
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import Key, State, Stored
from gatewright.apiserver.steps import Step
from gatewright.core.clock import Now
from gatewright.core.http import Request, User
from gatewright.core.objects import Object, deleting, metadata, split_api_version, uid

COLLECTOR = User(
    "system:serviceaccount:kube-system:generic-garbage-collector",
    groups=("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated", "system:masters"),
)
RETRY = 5.0  # seconds after a request that changed nothing, e.g. one that a webhook refused
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


def inputs(state: State) -> tuple[Any, ...]:
    """What the collector looks at."""
    return (state.doubtful, state.dying)


def step(state: State, now: Now, config: Config) -> Step:
    """One look at everything doubtful."""
    changes: list[Change] = []
    requests: list[tuple[Request, User]] = []
    for key in sorted(state.doubtful):
        stored = state.get(key)
        request = None if stored is None else _about(stored, state, config)
        if request is None:
            changes.append(Settle(key))
        else:
            requests.append((request, COLLECTOR))
    for key in sorted(state.dying):
        stored = state.get(key)
        if stored is not None:
            requests.extend((request, COLLECTOR) for request in _finish(stored, state, config))
    return Step(tuple(changes), tuple(requests), now.monotonic + RETRY if requests else None)


def endpoint_of(key: Key, state: State, config: Config) -> Endpoint | None:
    """An endpoint through which an object can be reached."""
    for one in config.registry.endpoints:
        if one.storage == key[0]:
            return one
    crd = state.view(resources.view_of(config.server), key[0])
    return None if crd is None else next(iter(resources.endpoints_of(crd).values()), None)


def path_of(key: Key, endpoint: Endpoint) -> str:
    """The URL path of an object, or of its collection where the key has no name."""
    root = f"/apis/{endpoint.api_version}" if endpoint.group else f"/api/{endpoint.version}"
    if endpoint.namespaced and key[1]:
        root += f"/namespaces/{key[1]}"
    return "/".join(part for part in (root, endpoint.plural, key[2]) if part)


def send(method: str, path: str, body: Any, media: str = "application/json") -> Request:
    """A request of the collector."""
    headers = (("content-type", media), ("accept", "application/json"), ("user-agent", "kube-controller-manager/v1"))
    return Request(method, path, (), headers, encode(body))


def _about(stored: Stored, state: State, config: Config) -> Request | None:
    """What to do about an object with owners; None: nothing, now."""
    thing = stored.thing
    owners: Sequence[Mapping[str, Any]] = metadata(thing).get("ownerReferences") or ()
    endpoint = endpoint_of(stored.key, state, config)
    if not owners or endpoint is None or deleting(thing):
        return None
    solid, gone, waiting = _sorted_owners(owners, stored.key, state, config)
    if solid is None:
        return None
    path = path_of(stored.key, endpoint)
    if solid:
        if not gone and not waiting:
            return None
        return _keep_owners(thing, path, solid)
    if waiting and len(state.dependents.get(uid(thing), ())):
        return _delete(thing, path, "Foreground")
    finalizers = metadata(thing).get("finalizers") or ()
    policy = "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"
    return _delete(thing, path, policy)


_Owners = list[Mapping[str, Any]]


def _sorted_owners(
    owners: Sequence[Mapping[str, Any]], key: Key, state: State, config: Config
) -> tuple[_Owners | None, _Owners, _Owners]:
    """Owners that stay, that are gone, and that wait for their dependents. None first: one can't be judged."""
    solid: _Owners = []
    gone: _Owners = []
    waiting: _Owners = []
    for owner in owners:
        found = state.uids.get(str(owner.get("uid") or ""))
        there = state.get(found) if found is not None else None
        if there is not None and found is not None and (not found[1] or found[1] == key[1]):
            if deleting(there.thing) and FOREGROUND in (metadata(there.thing).get("finalizers") or ()):
                waiting.append(owner)
            else:
                solid.append(owner)
        elif _known(owner, state, config):
            gone.append(owner)
        else:
            return None, [], []
    return solid, gone, waiting


def _known(owner: Mapping[str, Any], state: State, config: Config) -> bool:
    """Whether the owner's kind is served: the absence of an object of an unknown kind proves nothing."""
    group, version = split_api_version(str(owner.get("apiVersion") or ""))
    kind = str(owner.get("kind") or "")
    if (group, version, kind) in config.registry.by_kind:
        return True
    every = resources.customs(state, config.server)
    return any((one.group, one.version, one.kind) == (group, version, kind) for one in every)


def _delete(thing: Object, path: str, policy: str) -> Request:
    preconditions = {"uid": uid(thing), "resourceVersion": metadata(thing).get("resourceVersion")}
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions, "propagationPolicy": policy}
    return send("DELETE", path, body)


def _keep_owners(thing: Object, path: str, owners: _Owners) -> Request:
    meta = {"uid": uid(thing), "resourceVersion": metadata(thing).get("resourceVersion"), "ownerReferences": owners}
    return send("PATCH", path, {"metadata": meta}, "application/merge-patch+json")


def _finish(stored: Stored, state: State, config: Config) -> list[Request]:
    """What an object under deletion with a finalizer of the collector's needs next."""
    finalizers = metadata(stored.thing).get("finalizers") or ()
    endpoint = endpoint_of(stored.key, state, config)
    if endpoint is None or not (FOREGROUND in finalizers or ORPHAN in finalizers):
        return []
    mine = uid(stored.thing)
    dependents = [state.get(key) for key in sorted(state.dependents.get(mine, ()))]
    there = [one for one in dependents if one is not None]
    path = path_of(stored.key, endpoint)
    if ORPHAN in finalizers:
        if not there:
            return [_without(stored.thing, path, ORPHAN)]
        return [request for one in there for request in _orphaned(one, mine, state, config)]
    blocking = [one for one in there if _blocks(one.thing, mine)]
    return [] if blocking else [_without(stored.thing, path, FOREGROUND)]


def _blocks(thing: Object, owner: str) -> bool:
    return any(
        one.get("uid") == owner and one.get("blockOwnerDeletion")
        for one in metadata(thing).get("ownerReferences") or ()
    )


def _orphaned(stored: Stored, owner: str, state: State, config: Config) -> list[Request]:
    endpoint = endpoint_of(stored.key, state, config)
    if endpoint is None:
        return []
    kept = [one for one in metadata(stored.thing).get("ownerReferences") or () if one.get("uid") != owner]
    return [_keep_owners(stored.thing, path_of(stored.key, endpoint), kept)]


def _without(thing: Object, path: str, finalizer: str) -> Request:
    kept = [one for one in metadata(thing).get("finalizers") or () if one != finalizer]
    meta = {"uid": uid(thing), "resourceVersion": metadata(thing).get("resourceVersion"), "finalizers": kept}
    return send("PATCH", path, {"metadata": meta}, "application/merge-patch+json")
