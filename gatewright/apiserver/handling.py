"""One request from beginning to end: what path it names, who answers it, and how refusals become responses.

`handle` is the one entrance for the runtime, the simulator and tests. Authentication and sockets are the face's.
"""

from __future__ import annotations

from collections.abc import Callable

from gatewright.apiserver import creating, deleting, discovery, openapi, reading, resources, scaling, updating, watching
from gatewright.apiserver.answers import (
    NotHere,
    Refused,
    bad_request,
    method_not_allowed,
    no_such_resource,
    not_found,
    not_supported,
    plain,
)
from gatewright.apiserver.calls import Call, Steps
from gatewright.apiserver.config import Config
from gatewright.apiserver.effects import Look, ReadClock
from gatewright.apiserver.negotiation import PROTOBUF, form_of
from gatewright.apiserver.protobuf import encode_status
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import State
from gatewright.apiserver.strategy import strategy_of
from gatewright.apiserver.targets import Target, list_options, target_of, verb_of
from gatewright.apiserver.watching import Watch
from gatewright.core.http import Request, Response, User

Answer = Response | Watch
BODY_LIMIT = 3 * 1024 * 1024  # bytes, as the real server
_HEALTH = ("healthz", "livez", "readyz")


def handle(request: Request, user: User, config: Config) -> Steps[Answer]:
    """Answer a request. The generator yields effects and returns a Response, or a Watch to be pumped.

    request: path percent-decoded, header names lower case. Nothing but the effects' answers is read.
    """
    try:
        if len(request.body) > BODY_LIMIT:
            text = f"Request entity too large: limit is {BODY_LIMIT}"
            raise Refused(413, "RequestEntityTooLarge", text)
        return (yield from _answer(request, user, config))
    except NotHere:
        return plain(404, "404 page not found\n")
    except Refused as refused:
        return _refusal(refused, request)


def _refusal(refused: Refused, request: Request) -> Response:
    accept = request.header("accept").split(",")[0].strip()
    if accept == PROTOBUF:
        return Response(refused.code, (("content-type", PROTOBUF), *refused.headers), encode_status(refused.status()))
    return refused.response()


def _answer(request: Request, user: User, config: Config) -> Steps[Answer]:
    target = target_of(request.path)
    if target is None or not target.plural:
        return (yield from _about(request, target, config))
    now = yield ReadClock()
    state: State = yield Look()
    endpoint = _endpoint(target, request, state, config)
    custom = endpoint.custom is not None
    form = form_of(request.header("accept"), custom=custom, collection=not target.name)
    call = Call(request, user, config, target, endpoint, strategy_of(endpoint, config), form, now)
    if endpoint.custom is not None and endpoint.custom.warning:
        call.warn(endpoint.custom.warning)
    try:
        return (yield from _called(call, verb_of(request, target), state))
    except Refused as refused:  # what was warned of until then goes out with the refusal, as from the real server
        refused.headers += call.headers()
        raise


def _called(call: Call, verb: str, state: State) -> Steps[Answer]:
    if call.target.subresource:
        return (yield from _subresource(call, verb))
    if call.endpoint.custom is not None:
        _check_custom(call, verb)
    elif not _allowed(call.endpoint, call.target, verb, call.request):
        raise method_not_allowed()
    return (yield from _resource(call, verb, state))


def _about(request: Request, target: Target | None, config: Config) -> Steps[Answer]:
    """Paths that name no resource."""
    parts = [part for part in request.path.split("/") if part]
    known = _about_known(parts, target)
    if known is None:
        raise NotHere
    reads = request.method in ("GET", "HEAD")
    if not reads and not (known in ("apis", "group") and request.method == "POST"):
        raise method_not_allowed()
    state: State = yield Look()
    if known == "group":
        return discovery.group(request, parts[1], state, config)
    if known == "version":
        assert target is not None
        return discovery.version_resources(request, target.group, target.version, state, config)
    if known == "openapi":
        return openapi.document(request, "/".join(parts[2:]), state, config)
    answers: dict[str, Callable[[], Response]] = {
        "": lambda: discovery.root(request, state, config),
        "api": lambda: discovery.api(request, state, config),
        "apis": lambda: discovery.apis(request, state, config),
        "version": lambda: discovery.version(request),
        "health": discovery.health,
        "openapi index": lambda: openapi.index(request, state, config),
        "openapi v2": lambda: openapi.second(request),
        "about": lambda: discovery.version(request),
    }
    return answers[known]()


def _about_known(parts: list[str], target: Target | None) -> str | None:
    if not parts:
        return ""
    first, rest = parts[0], parts[1:]
    if target is not None:
        return "version"
    if first in ("api", "apis"):
        return first if not rest else "group" if first == "apis" and len(rest) == 1 else None
    if first == "version" and not rest:
        return "about"
    if first in _HEALTH and len(rest) <= 2:
        return "health"
    if first == "openapi" and rest == ["v2"]:
        return "openapi v2"
    if first == "openapi" and rest[:1] == ["v3"]:
        return "openapi" if len(rest) > 1 else "openapi index"
    return None


def _endpoint(target: Target, request: Request, state: State, config: Config) -> Endpoint:
    """The resource that a path names, or a refusal."""
    versions = config.registry.groups.get(target.group)
    if versions is not None:
        endpoint = config.registry.by_path.get((target.group, target.version, target.plural))
        if endpoint is None:
            raise no_such_resource()
        if target.namespace and not endpoint.namespaced:
            raise no_such_resource()
        if target.name and endpoint.namespaced and not target.namespace:
            raise no_such_resource()
        return endpoint
    found = resources.custom(state, config.server, target.group, target.version, target.plural)
    if found is None:
        raise NotHere
    if target.namespace and not found.namespaced:
        raise NotHere
    across = verb_of(request, target) in ("list", "watch")
    if found.namespaced and not target.namespace and not across:
        raise NotHere
    return found


def _allowed(endpoint: Endpoint, target: Target, verb: str, request: Request) -> bool:
    """Whether a built-in resource's path takes the method."""
    method = request.method
    if target.name:
        return method in ("GET", "HEAD", "PUT", "PATCH", "DELETE") and (verb in endpoint.verbs or method == "HEAD")
    if endpoint.namespaced and not target.namespace:
        review = endpoint.group in ("authorization.k8s.io", "authentication.k8s.io")
        return method in ("GET", "HEAD") or (method == "POST" and review)
    wanted = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}.get(method, "")
    return wanted in endpoint.verbs


def _check_custom(call: Call, verb: str) -> None:
    """Custom resources are handled by verb, whatever the path looks like."""
    if not verb:
        raise not_supported(call.endpoint.group, call.endpoint.plural, call.request.method.lower())
    if verb in ("update", "patch") and not call.target.name:
        raise bad_request("name must be provided")


def _resource(call: Call, verb: str, state: State) -> Steps[Answer]:
    target, endpoint = call.target, call.endpoint
    if verb == "get":
        answer = reading.get(state, endpoint, call.key, call.request, call.form, call.now)
        return _with_warnings(answer, call)
    if verb in ("list", "watch"):
        options = list_options(call.request)
        if options.watch:
            return watching.open_watch(
                state, endpoint, target.namespace, options, call.request, call.form, call.now, call.config
            )
        answer = reading.list_objects(state, endpoint, target.namespace, options, call.request, call.form, call.now)
        return _with_warnings(answer, call)
    if verb == "create":
        return (yield from creating.create(call))
    if verb == "update":
        return (yield from updating.replace(call))
    if verb == "patch":
        return (yield from updating.patch(call))
    if verb == "delete":
        return (yield from deleting.delete(call))
    return (yield from deleting.delete_collection(call))


def _with_warnings(answer: Response, call: Call) -> Response:
    headers = call.headers()
    return Response(answer.status, answer.headers + headers, answer.body) if headers else answer


_WRITTEN = ("status", "finalize", "approval", "resize", "ephemeralcontainers")


def _not_served(call: Call, state: State) -> Refused:
    """The answer of a subresource that needs a node (logs, exec) or that this server lacks."""
    endpoint, name = call.endpoint, call.target.name
    stored = state.get(call.key)
    if stored is None:
        return not_found(endpoint.group, endpoint.plural, name)
    if endpoint.storage == "pods" and call.target.subresource in ("exec", "attach", "portforward", "log"):
        return bad_request(f"pod {name} does not have a host assigned")
    return not_supported(endpoint.group, f"{endpoint.plural}/{call.target.subresource}", call.request.method.lower())


def _subresource(call: Call, verb: str) -> Steps[Answer]:
    endpoint, name = call.endpoint, call.target.subresource
    sub = endpoint.subresources.get(name)
    if sub is None:
        if endpoint.custom is not None:
            raise not_found(endpoint.group, endpoint.plural, call.target.name)
        raise no_such_resource()
    if verb not in sub.verbs:
        if endpoint.custom is not None:
            raise not_supported(endpoint.group, endpoint.plural, verb)
        raise method_not_allowed()
    if sub.kind == "Scale":
        return (yield from scaling.answer(call))
    state: State = yield Look()
    if name not in _WRITTEN:
        raise _not_served(call, state)
    if verb == "get":
        return _with_warnings(reading.get(state, endpoint, call.key, call.request, call.form, call.now), call)
    return (yield from (updating.replace(call) if verb == "update" else updating.patch(call)))
