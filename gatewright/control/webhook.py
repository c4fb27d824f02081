"""The webhook configuration, and the proof that it is in force (F6).

Run by the generate role; one key. The configuration carries our main entry, the entry that guards the ignore label,
and a third one for proof only: it selects objects by a label that nothing but our probe carries, fails closed, and
has a marker in its path. A dry-run create of such an object on each API server tells three cases apart: a warning
with the marker (in force and reachable), a 500 that names the entry (in force, not reachable), silence (this version
is not in force). All entries stand in one object, so proof of one is proof of its version.

The proof covers calls that are answered: under failurePolicy Ignore a webhook that is down lets requests pass, and
the message says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gatewright.control import addresses, applying
from gatewright.control.conditions import FALSE, TRUE, UNKNOWN, Condition
from gatewright.control.intents import Ask, FactName, Intent, Note, Plan, Refusal, Wake, fields_digest
from gatewright.control.template_crd import LEASE
from gatewright.control.view import Controller, Fact, Key, View, Watched
from gatewright.core.clock import Known, Now
from gatewright.core.http import NoAnswer, Request, Response
from gatewright.core.objects import Name, Object, Resource, metadata
from gatewright.core.settings import Operation, Settings
from gatewright.kinds.resources import CONFIG_MAPS, NAMESPACES, VALIDATING_WEBHOOKS

CONDITION = "WebhookInForce"
NOTE: FactName = ("webhook-in-force",)

MAIN_ENTRY = "validation.gatekeeper.sh"
LABEL_ENTRY = "check-ignore-label.gatekeeper.sh"
PROBE_ENTRY = "probe.gatewright.dev"
PROBE_LABEL = "gatewright.dev/webhook-probe"
PROBE_NAME = "gatewright-webhook-probe"
PROBE_PATH = "/v1/probe"
IGNORE_LABEL = "admission.gatekeeper.sh/ignore"

# Subresources that Gatekeeper's manifest lists beside */* (behaviour 2.6).
SUBRESOURCES = (
    "pods/ephemeralcontainers",
    "pods/exec",
    "pods/log",
    "pods/eviction",
    "pods/portforward",
    "pods/proxy",
    "pods/attach",
    "pods/binding",
    "pods/resize",
    "deployments/scale",
    "replicasets/scale",
    "statefulsets/scale",
    "replicationcontrollers/scale",
    "services/proxy",
    "nodes/proxy",
    "services/status",
)


@dataclass(frozen=True, slots=True)
class InForce:
    """What is known of this version of the configuration: by which marker, in which words."""

    marker: str
    condition: Condition  # its generation is 0: it speaks of no template


@dataclass(frozen=True, slots=True)
class Seen:
    synced: bool
    managed: bool  # whether this process keeps a configuration at all
    home: bool  # whether our Namespace stands: the probe is created in it (dry run)
    held: Object | None
    refusal: Refusal | None
    addresses: addresses.Addresses | None
    answers: tuple[tuple[str, Fact | None], ...]


def see(view: View, _key: Key, settings: Settings) -> Seen:
    where = addresses.find(view, settings)
    mark = marker(settings)
    return Seen(
        synced=view.synced(VALIDATING_WEBHOOKS),
        managed=bool(settings.webhook_url or settings.webhook_ca),
        home=view.get(NAMESPACES, Name("", settings.namespace)) is not None,
        held=view.get(VALIDATING_WEBHOOKS, Name("", settings.webhook_name)),
        refusal=applying.refusal(view, VALIDATING_WEBHOOKS, Name("", settings.webhook_name)),
        addresses=where,
        answers=() if where is None else tuple((at, view.fact(_proof(at, mark))) for at in where.each),
    )


def plan(seen: Seen, settings: Settings, now: Now) -> Plan:
    if not seen.synced or not seen.managed:
        return Plan(((_note(UNKNOWN, "NotRegistered", "no webhook is registered by this process", settings),),))
    wanted = configuration(settings)
    keep = applying.keep(VALIDATING_WEBHOOKS, seen.held, wanted, applying.MANAGER)
    if keep:
        refused = seen.refusal
        if refused is None or refused.digest != fields_digest(wanted):
            return Plan((keep, (_note(UNKNOWN, "Registering", "the webhook is being registered", settings),)))
        told = _note(FALSE, "Forbidden" if refused.status == 403 else "Refused", refused.message, settings)
        due = refused.at + settings.terminal_retry
        return Plan(((told, *keep) if now.monotonic >= due else (told, Wake(due)),))
    return _prove(seen, settings, now)


def _prove(seen: Seen, settings: Settings, now: Now) -> Plan:
    if seen.addresses is None or not seen.home:
        return Plan(((Wake(now.monotonic + settings.probe_period),),))
    mark = marker(settings)
    questions: list[Intent] = []
    verdicts = []
    for address, fact in seen.answers:
        known, text = proof(fact, mark)
        verdicts.append((address, known, text))
        if known is Known.YES:
            continue
        if fact is not None and now.monotonic < fact.at + settings.probe_period:
            questions.append(Wake(fact.at + settings.probe_period))
        else:
            questions += [
                Ask(_proof(address, mark), probe(settings), address),
                Wake(now.monotonic + settings.probe_period),
            ]
    open_ = [(address, text) for address, known, text in verdicts if known is not Known.YES]
    if open_:
        note = _note(UNKNOWN, "AwaitingWebhook", f"{open_[0][0] or 'the API server'}: {open_[0][1]}", settings)
    else:
        limits = (
            "" if settings.webhook_failure_policy == "Fail" else ", for calls that it answers (failurePolicy Ignore)"
        )
        note = _note(TRUE, "InForce", f"the webhook is in force {seen.addresses.scope()}{limits}", settings)
    return Plan(((note,), tuple(questions)))


def _note(status: str, reason: str, message: str, settings: Settings) -> Note:
    failed = status == FALSE
    return Note(NOTE, InForce(marker(settings), Condition(CONDITION, status, reason, message, 0, failed=failed)))


# --- the question and its answer


def probe(settings: Settings) -> Request:
    """A dry-run create of the object that only the probe entry selects."""
    mark = marker(settings)
    meta = {"name": PROBE_NAME, "namespace": settings.namespace, "labels": {PROBE_LABEL: mark}}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    query = (("dryRun", "All"), ("fieldManager", applying.MANAGER))
    headers = (("accept", "application/json"), ("content-type", "application/json"))
    return Request("POST", CONFIG_MAPS.path(settings.namespace), query, headers, json.dumps(body).encode())


def proof(fact: Fact | None, mark: str) -> tuple[Known, str]:
    """What an answer to the probe says: YES with the marker's warning, NO when silent, UNKNOWN otherwise, with
    the reason in words.
    """
    if fact is None:
        return Known.UNKNOWN, "not asked yet"
    if isinstance(fact.value, NoAnswer):
        return Known.UNKNOWN, f"no answer: {fact.value.cause}"
    answer: Response = fact.value
    if answer.status in (200, 201, 409):
        spoken = any(name == "warning" and mark in value for name, value in answer.headers)
        return (
            (Known.YES, "in force") if spoken else (Known.NO, "this version of the configuration is not in force yet")
        )
    text = _message(answer)
    if PROBE_ENTRY in text:
        return Known.UNKNOWN, f"the API server can't reach the webhook: {text}"
    return Known.UNKNOWN, text or f"HTTP {answer.status}"


def _message(answer: Response) -> str:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return answer.body[:200].decode("utf-8", "replace")
    return str(found.get("message") or "") if isinstance(found, dict) else ""


def _proof(address: str, mark: str) -> FactName:
    return ("webhook-proof", address, mark)


# --- the configuration


def marker(settings: Settings) -> str:
    """A short name of this version of the configuration: equal settings give equal markers."""
    text = json.dumps(_entries(settings, ""), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def configuration(settings: Settings) -> dict[str, Any]:
    """The ValidatingWebhookConfiguration that we keep (Gatekeeper behaviour, 2.6; the third entry is ours)."""
    meta = {"name": settings.webhook_name, "labels": {"gatekeeper.sh/system": "yes"}}
    return {
        "apiVersion": VALIDATING_WEBHOOKS.api_version,
        "kind": VALIDATING_WEBHOOKS.kind,
        "metadata": meta,
        "webhooks": _entries(settings, marker(settings)),
    }


def _entries(settings: Settings, mark: str) -> list[dict[str, Any]]:
    ours = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [settings.namespace]}
    unmarked = {"key": IGNORE_LABEL, "operator": "DoesNotExist"}
    common = {
        "admissionReviewVersions": ["v1", "v1beta1"],
        "matchPolicy": "Exact",
        "sideEffects": "None",
        "timeoutSeconds": settings.webhook_timeout,
    }
    return [
        {
            **common,
            "name": MAIN_ENTRY,
            "clientConfig": _client(settings, "/v1/admit"),
            "failurePolicy": settings.webhook_failure_policy,
            "namespaceSelector": {"matchExpressions": [unmarked, ours]},
            "rules": [_rule(["*"], ["*", *SUBRESOURCES], ["CREATE", "UPDATE"], ["*"])],
        },
        {
            **common,
            "name": LABEL_ENTRY,
            "clientConfig": _client(settings, "/v1/admitlabel"),
            "failurePolicy": "Fail",
            "namespaceSelector": {"matchExpressions": [ours]},
            "rules": [_rule([""], ["namespaces"], ["CREATE", "UPDATE"], ["*"])],
        },
        {
            **common,
            "name": PROBE_ENTRY,
            "clientConfig": _client(settings, f"{PROBE_PATH}/{mark}"),
            "failurePolicy": "Fail",
            "objectSelector": {"matchLabels": {PROBE_LABEL: mark}},
            "rules": [_rule([""], ["configmaps"], ["CREATE"], ["v1"])],
        },
    ]


def _rule(groups: list[str], resources: list[str], operations: list[str], versions: list[str]) -> dict[str, Any]:
    # scope is the server's default, written out because it stands inside an atomic list
    return {
        "apiGroups": groups,
        "apiVersions": versions,
        "operations": operations,
        "resources": resources,
        "scope": "*",
    }


def _client(settings: Settings, path: str) -> dict[str, Any]:
    authority = {"caBundle": base64.b64encode(settings.webhook_ca.encode()).decode()} if settings.webhook_ca else {}
    if settings.webhook_url:
        return {"url": settings.webhook_url.rstrip("/") + path, **authority}
    service = {"name": settings.webhook_service, "namespace": settings.namespace, "path": path, "port": 443}
    return {"service": service, **authority}


def _watches(settings: Settings) -> tuple[Watched, ...]:
    slices = () if settings.addresses else (addresses.WATCHED,)
    return (Watched(VALIDATING_WEBHOOKS), Watched(NAMESPACES), *slices)


def _roots(resource: Resource | None, thing: Object | None, settings: Settings) -> Iterable[Key]:
    ours = (
        resource == VALIDATING_WEBHOOKS and thing is not None and metadata(thing).get("name") == settings.webhook_name
    )
    return (("webhook",),) if resource is None or ours else ()


CONTROLLER = Controller(
    name="webhook",
    operations=frozenset({Operation.GENERATE}),
    watches=_watches,
    roots=_roots,
    see=see,
    plan=plan,
    lease=LEASE,
)
