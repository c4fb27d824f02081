"""The webhooks' decisions: a body in, a body out, on one policy snapshot.

Called by the webhook server in `runtime` and by the simulator; both carry bytes and fetch what is asked for. A decision
reads its arguments only and never waits: where a Namespace is not in the cache, or a policy lacks an answer from
outside, it gives `Needs`, and the caller fetches and decides again on the same snapshot. Order, codes and texts are
Gatekeeper's (behaviour, 2.1 to 2.4).

    /v1/admit        policies, and the checks of our own resources
    /v1/admitlabel   who may set the label that exempts a Namespace from the webhook
    /v1/probe/MARK   the entry that proves a configuration to be in force (lifecycle, F6): allows, says who answered
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from gatewright.control import admission_envelope as envelope
from gatewright.control import admission_resources
from gatewright.control.admission_envelope import DELETE, FAILED, BadCall, Call, Verdict, allowed, denied, errored
from gatewright.core.errors import PolicyError
from gatewright.core.go_text import json_text
from gatewright.core.objects import Object, dig, labels, metadata
from gatewright.core.settings import Settings
from gatewright.kinds.templates import TARGET
from gatewright.policy.enforcement import DENY, DRYRUN, WARN, WEBHOOK_POINT
from gatewright.policy.exclusion import WEBHOOK, Exclusions
from gatewright.policy.results import Result
from gatewright.policy.review import ReviewError, review_of_request
from gatewright.policy.snapshot import Snapshot
from gatewright.rego import errors as rego_errors

ADMIT, ADMIT_LABEL, PROBE = "/v1/admit", "/v1/admitlabel", "/v1/probe/"
IGNORE_LABEL = "admission.gatekeeper.sh/ignore"
NONCE_ANNOTATION = "gatewright.dev/probe-nonce"  # of the probe's object: told again in the warning
PROBE_WARNING = "gatewright-probe"

_SELF = "system:serviceaccount:{}:gatekeeper-admin"
_ORIGINAL = "Original"  # the source of an object that a user sent, for match.source
_ACTIONS = (DENY, DRYRUN, WARN)


class Outcome(Enum):
    """How a review ended, as the metric's label admission_status names it. UNCOUNTED calls are in no metric."""

    ALLOW = "allow"
    DENY = "deny"
    ERROR = "error"
    UNCOUNTED = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The body to send (HTTP 200, application/json), and what logs and metrics want to know."""

    body: bytes
    verdict: Verdict
    call: Call | None  # None: the body could not be read
    outcome: Outcome = Outcome.UNCOUNTED
    results: tuple[Result, ...] = ()  # with a valid action, in order; for --log-denies and events


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be fetched before this call can be decided: Namespaces to read live, or questions of policies
    (builtin, request as JSON text) for the answer book."""

    namespaces: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What earlier `Needs` of this call brought in, and the time and randomness that policies may read.

    namespaces: a name -> the Namespace, or the text of why there is none ('namespaces "x" not found', a failure's text)
    """

    namespaces: Mapping[str, Object | str] = field(default_factory=dict)
    answers: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    now_ns: int = 0
    seed: int = 0


def admit(
    body: bytes, content_type: str, policies: Snapshot, settings: Settings, fetched: Fetched | None = None
) -> Answer | Needs:
    """The answer of /v1/admit."""
    try:
        call = envelope.read(body, content_type)
    except BadCall as bad:
        return _answer(bad.verdict, None)
    if call.username == _SELF.format(settings.namespace):
        return _answer(allowed("Gatekeeper does not self-manage"), call)
    refusal = admission_resources.check(call, settings, policies.validate_constraint)
    if refusal is not None:
        return _answer(refusal, call)
    if _excluded(call, policies.exclusions):
        return _answer(allowed("Namespace is set to be ignored by Gatekeeper config"), call, Outcome.ALLOW)
    return _reviewed(call, policies, settings, fetched or Fetched())


def admit_label(body: bytes, content_type: str, settings: Settings) -> Answer:
    """The answer of /v1/admitlabel."""
    try:
        call = envelope.read(body, content_type)
    except BadCall as bad:
        return _answer(bad.verdict, None)
    return _answer(_label_verdict(call, settings), call)


def probe(path: str, body: bytes, content_type: str, pod: str) -> Answer:
    """The answer of /v1/probe/MARK: allowed, with a warning that names pod, path and the object's nonce."""
    try:
        call = envelope.read(body, content_type)
    except BadCall as bad:
        return _answer(bad.verdict, None)
    nonce = str(dig(call.subject, "metadata", "annotations", NONCE_ANNOTATION) or "-")
    return _answer(allowed(warnings=(f"{PROBE_WARNING} {pod} {path} {nonce}",)), call)


def crashed(body: bytes, content_type: str, text: str) -> Answer:
    """The answer where deciding failed by a fault of ours: code 500, so that the failure policy decides."""
    try:
        call: Call | None = envelope.read(body, content_type)
    except BadCall:
        call = None
    return _answer(errored(FAILED, f"internal error: {text}"), call, Outcome.ERROR)


def _answer(
    verdict: Verdict, call: Call | None, outcome: Outcome = Outcome.UNCOUNTED, results: tuple[Result, ...] = ()
) -> Answer:
    return Answer(envelope.write(verdict, call), verdict, call, outcome, results)


# --- /v1/admit


def _excluded(call: Call, exclusions: Exclusions) -> bool:
    """Whether Config leaves the request's namespace alone. A request without a readable object goes on to the review,
    which says what is wrong with it."""
    subject = call.subject
    if subject is None or not subject.get("kind"):
        return False
    own = call.is_namespace
    name = str(metadata(subject).get("name") or "") if own else call.namespace
    return exclusions.excludes(WEBHOOK, name)


def _reviewed(call: Call, policies: Snapshot, settings: Settings, fetched: Fetched) -> Answer | Needs:
    # Server-side apply of a Namespace names it as the request's namespace, older requests don't: treat both alike.
    within = "" if call.is_namespace else call.namespace
    namespace: Object | None = None
    if within:
        namespace = policies.namespace(within)
        if namespace is None:
            if within not in fetched.namespaces:
                return Needs(namespaces=(within,))
            found = fetched.namespaces[within]
            if isinstance(found, str):
                return _failed(call, f"failed to create augmentedReview: {found}")
            namespace = found
    subject = call.subject
    if subject is not None and not subject.get("kind"):
        told = f"Object 'Kind' is missing in '{json_text(subject)}'"
        return _failed(call, f"error decoding generator resource {call.name}: {told}")
    request = call.request if within == call.namespace else {**call.request, "namespace": ""}
    try:
        review = review_of_request(request, namespace=namespace, source=_ORIGINAL)
    except ReviewError as error:
        text = f'target.HandleReview failed for target "{TARGET}": {error.what}'
        return _failed(call, f"error reviewing resource {call.name}: {TARGET}: {text}\n")
    try:
        results = policies.review(
            review,
            WEBHOOK_POINT,
            now_ns=fetched.now_ns,
            seed=fetched.seed,
            answers=fetched.answers,
            budget=settings.evaluation_steps,
        )
    except rego_errors.Needs as needs:
        return Needs(answers=needs.keys)
    except PolicyError as error:
        return _failed(call, f"error reviewing resource {call.name}: {TARGET}: {error.what}\n")
    return _judged(call, results)


def _failed(call: Call, text: str) -> Answer:
    return _answer(errored(FAILED, text), call, Outcome.ERROR)


def _judged(call: Call, results: tuple[Result, ...]) -> Answer:
    """Denied if any result denies; warnings either way. Actions that are no words of ours are passed over."""
    denials: list[str] = []
    warnings: list[str] = []
    valid: list[Result] = []
    for result in results:
        actions = tuple(action for action in result.actions if action in _ACTIONS)
        if not actions:
            continue
        valid.append(result)
        text = f"[{result.name}] {result.msg}"
        for action in actions:
            if action == DENY:
                denials.append(text)
            elif action == WARN:
                warnings.append(text)
    if denials:
        return _answer(denied("\n".join(denials), warnings=tuple(warnings)), call, Outcome.DENY, tuple(valid))
    return _answer(allowed(warnings=tuple(warnings)), call, Outcome.ALLOW, tuple(valid))


# --- /v1/admitlabel


def _label_verdict(call: Call, settings: Settings) -> Verdict:
    if call.operation == DELETE:
        return allowed("Delete is always allowed")
    if not call.is_namespace:
        return allowed("Not a namespace")
    thing = call.object
    if thing is None or not thing.get("kind"):
        missing = "there is no object" if thing is None else f"Object 'Kind' is missing in '{json_text(thing)}'"
        return denied(f"while deserializing resource: {missing}", code=FAILED)
    name = str(metadata(thing).get("name") or "")
    if _exempt(name, settings):
        return allowed(f"Namespace {name} is allowed to set {IGNORE_LABEL}")
    if IGNORE_LABEL in labels(thing):
        return denied(f"Only exempt namespace can have the {IGNORE_LABEL} label")
    return allowed(f"Namespace is not setting the {IGNORE_LABEL} label")


def _exempt(name: str, settings: Settings) -> bool:
    return (
        name in settings.exempt_namespaces
        or name.startswith(settings.exempt_namespace_prefixes)
        or name.endswith(settings.exempt_namespace_suffixes)
    )
