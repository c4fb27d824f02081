"""Where this process lives in the cluster: its Namespace and its Pod object.

In a cluster both are there already and only looked at. Outside of one (`up`, `manager --kubeconfig`) we make them:
the Pod, of a stable name and with a scheduler that nobody runs, owns this process's pod statuses, so that the garbage
collector removes them when it goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gatewright.control import applying
from gatewright.control.intents import Plan
from gatewright.control.view import Controller, Key, View, Watched
from gatewright.core.clock import Now
from gatewright.core.objects import Name, Object, Resource, deleting, uid
from gatewright.core.settings import SERVED_OPERATIONS, Settings
from gatewright.kinds.resources import NAMESPACES, PODS

SYSTEM_LABEL = ("gatekeeper.sh/system", "yes")
NOBODY = "gatewright.dev/nobody"  # the schedulerName of a Pod that is never to run


@dataclass(frozen=True, slots=True)
class Seen:
    synced: bool
    namespace: Object | None
    pod: Object | None


def pod_uid(view: View, settings: Settings) -> str:
    """The uid that the API server gave our Pod object; "" while it is not known."""
    pod = view.get(PODS, Name(settings.namespace, settings.pod))
    return uid(pod) if pod is not None and not deleting(pod) else ""


def see(view: View, _key: Key, settings: Settings) -> Seen:
    return Seen(
        synced=view.synced(NAMESPACES) and view.synced(PODS),
        namespace=view.get(NAMESPACES, Name("", settings.namespace)),
        pod=view.get(PODS, Name(settings.namespace, settings.pod)),
    )


def plan(seen: Seen, settings: Settings, _now: Now) -> Plan:
    if not seen.synced or not settings.owns_pod:
        return Plan()
    if seen.namespace is None:
        return Plan((applying.keep(NAMESPACES, None, _namespace(settings), applying.MANAGER),))
    if seen.pod is None and not deleting(seen.namespace):
        return Plan((applying.keep(PODS, None, _pod(settings), applying.pod_manager(settings.pod)),))
    return Plan()


def _namespace(settings: Settings) -> dict[str, Any]:
    labels = {"admission.gatekeeper.sh/ignore": "no-self-managing", SYSTEM_LABEL[0]: SYSTEM_LABEL[1]}
    meta = {"name": settings.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def _pod(settings: Settings) -> dict[str, Any]:
    meta = {
        "name": settings.pod,
        "namespace": settings.namespace,
        "labels": {SYSTEM_LABEL[0]: SYSTEM_LABEL[1], "app.kubernetes.io/name": "gatewright"},
        "annotations": {
            "gatewright.dev/about": "stands for a process outside of the cluster and owns its pod statuses"
        },
    }
    spec = {
        "schedulerName": NOBODY,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [{"name": "elsewhere", "image": "gatewright.dev/elsewhere:none"}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def _watches(settings: Settings) -> tuple[Watched, ...]:
    return (Watched(NAMESPACES), Watched(PODS, settings.namespace))


def _roots(resource: Resource | None, _thing: Object | None, _settings: Settings) -> Iterable[Key]:
    return (("home",),) if resource is None else ()


CONTROLLER = Controller(name="home", operations=SERVED_OPERATIONS, watches=_watches, roots=_roots, see=see, plan=plan)
