"""The cells of Tables for built-in kinds: what `kubectl get` shows. `tables` is the caller.

Source: the columns that the real server lists (shipped table) and what its printers put under them. A kind without an
entry here shows its
name and age; other columns stay empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gatewright.core.clock import Now
from gatewright.core.objects import Object, dig, metadata

Cells = dict[str, Any]
_NONE = "<none>"


def age(stamp: Any, now: Now) -> str:
    """A time as the span since then, e.g. 5s, 3m12s, 4d; <unknown> where there is none."""
    if not isinstance(stamp, str) or not stamp:
        return "<unknown>"
    try:
        since = datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return "<unknown>"
    return span(now.wall - since)


def span(seconds: float) -> str:
    """A duration as kubectl prints it (duration.HumanDuration)."""
    if seconds < -1:
        return "<invalid>"
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole}s"
    minutes = whole // 60
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    years = days // 365
    return f"{years}y{days % 365}d" if years < 8 and days % 365 else f"{years}y"


def cells(group: str, plural: str, columns: Sequence[Mapping[str, Any]], thing: Object, now: Now) -> list[Any]:
    """The row of one object, under those columns."""
    meta = metadata(thing)
    known: Cells = {
        "Name": meta.get("name") or "",
        "Age": age(meta.get("creationTimestamp"), now),
        "Created At": meta.get("creationTimestamp"),
    }
    printer = _PRINTERS.get((group, plural))
    if printer is not None:
        known.update(printer(thing, now))
    return [known.get(column["name"], _EMPTY.get(column["type"], "")) for column in columns]


_EMPTY: Mapping[str, Any] = {"string": _NONE, "integer": 0, "boolean": False, "date": None}


def _config_map(thing: Object, now: Now) -> Cells:
    return {"Data": len(thing.get("data") or {}) + len(thing.get("binaryData") or {})}


def _secret(thing: Object, now: Now) -> Cells:
    return {"Type": thing.get("type") or "", "Data": len(thing.get("data") or {})}


def _namespace(thing: Object, now: Now) -> Cells:
    return {"Status": dig(thing, "status", "phase") or ""}


def _pod(thing: Object, now: Now) -> Cells:
    status: Mapping[str, Any] = thing.get("status") or {}
    containers = dig(thing, "spec", "containers") or ()
    reason = status.get("reason") or status.get("phase") or ""
    states = status.get("containerStatuses") or ()
    ready = sum(1 for state in states if state.get("ready") and dig(state, "state", "running") is not None)
    restarts = sum(int(state.get("restartCount") or 0) for state in states)
    for state in reversed(states):
        waiting, ended = dig(state, "state", "waiting"), dig(state, "state", "terminated")
        if waiting and waiting.get("reason"):
            reason = waiting["reason"]
        elif ended and ended.get("reason"):
            reason = ended["reason"]
        elif ended:
            reason = f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode') or 0}"
    reason = _pod_initialising(status, thing, reason)
    if metadata(thing).get("deletionTimestamp") and reason not in ("Succeeded", "Failed", "Completed"):
        reason = "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    gates = dig(thing, "spec", "readinessGates") or ()
    return {
        "Ready": f"{ready}/{len(containers)}",
        "Status": reason,
        "Restarts": str(restarts),
        "IP": status.get("podIP") or _NONE,
        "Node": dig(thing, "spec", "nodeName") or _NONE,
        "Nominated Node": status.get("nominatedNodeName") or _NONE,
        "Readiness Gates": f"0/{len(gates)}" if gates else _NONE,
    }


def _pod_initialising(status: Mapping[str, Any], thing: Object, reason: str) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    wanted = len(dig(thing, "spec", "initContainers") or ())
    for index, state in enumerate(status.get("initContainerStatuses") or ()):
        ended, waiting = dig(state, "state", "terminated"), dig(state, "state", "waiting")
        if ended is not None and not ended.get("exitCode"):
            continue
        if ended is not None:
            return f"Init:{ended.get('reason') or 'ExitCode:' + str(ended.get('exitCode'))}"
        if waiting and waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{wanted}"
    return reason


def _service(thing: Object, now: Now) -> Cells:
    spec: Mapping[str, Any] = thing.get("spec") or {}
    kind = spec.get("type") or "ClusterIP"
    external = ",".join(spec.get("externalIPs") or ())
    if kind == "ExternalName":
        external = spec.get("externalName") or ""
    elif kind == "LoadBalancer":
        points = dig(thing, "status", "loadBalancer", "ingress") or ()
        found = ",".join(point.get("ip") or point.get("hostname") or "" for point in points)
        external = ",".join(filter(None, (found, external))) or "<pending>"
    ports = ",".join(
        f"{port.get('port')}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol')}"
        for port in spec.get("ports") or ()
    )
    return {
        "Type": kind,
        "Cluster-IP": (spec.get("clusterIPs") or [spec.get("clusterIP") or _NONE])[0],
        "External-IP": external or _NONE,
        "Port(s)": ports or _NONE,
        "Selector": _labels(spec.get("selector")),
    }


def _labels(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) if labels else _NONE


def _selector(selector: Mapping[str, Any] | None) -> str:
    if selector is None:
        return ""
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or ():
        values = ",".join(sorted(one.get("values") or ()))
        operator = one.get("operator")
        if operator in ("In", "NotIn"):
            terms.append(f"{one['key']} {operator.lower()} ({values})")
        else:
            terms.append(one["key"] if operator == "Exists" else f"!{one['key']}")
    return ",".join(sorted(terms)) or _NONE


def _images(template: Any) -> Cells:
    containers = dig(template, "spec", "containers") or ()
    return {
        "Containers": ",".join(one.get("name") or "" for one in containers),
        "Images": ",".join(one.get("image") or "" for one in containers),
    }


def _deployment(thing: Object, now: Now) -> Cells:
    status: Mapping[str, Any] = thing.get("status") or {}
    return {
        "Ready": f"{status.get('readyReplicas') or 0}/{dig(thing, 'spec', 'replicas') or 0}",
        "Up-to-date": status.get("updatedReplicas") or 0,
        "Available": status.get("availableReplicas") or 0,
        "Selector": _selector(dig(thing, "spec", "selector")),
        **_images(dig(thing, "spec", "template")),
    }


def _replica_set(thing: Object, now: Now) -> Cells:
    status: Mapping[str, Any] = thing.get("status") or {}
    selector = dig(thing, "spec", "selector")
    plain = isinstance(selector, Mapping) and not {"matchLabels", "matchExpressions"} & set(selector)
    return {
        "Desired": dig(thing, "spec", "replicas") or 0,
        "Current": status.get("replicas") or 0,
        "Ready": status.get("readyReplicas") or 0,
        "Selector": _labels(selector) if plain and selector else _selector(selector),
        **_images(dig(thing, "spec", "template")),
    }


def _stateful_set(thing: Object, now: Now) -> Cells:
    ready = dig(thing, "status", "readyReplicas") or 0
    return {"Ready": f"{ready}/{dig(thing, 'spec', 'replicas') or 0}", **_images(dig(thing, "spec", "template"))}


def _daemon_set(thing: Object, now: Now) -> Cells:
    status: Mapping[str, Any] = thing.get("status") or {}
    return {
        "Desired": status.get("desiredNumberScheduled") or 0,
        "Current": status.get("currentNumberScheduled") or 0,
        "Ready": status.get("numberReady") or 0,
        "Up-to-date": status.get("updatedNumberScheduled") or 0,
        "Available": status.get("numberAvailable") or 0,
        "Node Selector": _labels(dig(thing, "spec", "template", "spec", "nodeSelector")),
        "Selector": _selector(dig(thing, "spec", "selector")),
        **_images(dig(thing, "spec", "template")),
    }


def _job(thing: Object, now: Now) -> Cells:
    status: Mapping[str, Any] = thing.get("status") or {}
    done, wanted = status.get("succeeded") or 0, dig(thing, "spec", "completions")
    held = [one.get("type") for one in status.get("conditions") or () if one.get("status") == "True"]
    state = next((name for name in ("Complete", "Failed", "Suspended") if name in held), "Running")
    parallel = dig(thing, "spec", "parallelism") or 0
    completions = (
        f"{done}/{wanted}" if wanted is not None else f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"
    )
    started = status.get("startTime")
    return {
        "Status": state,
        "Completions": completions,
        "Duration": age(started, now) if started else "",
        "Selector": _selector(dig(thing, "spec", "selector")),
        **_images(dig(thing, "spec", "template")),
    }


def _cron_job(thing: Object, now: Now) -> Cells:
    last = dig(thing, "status", "lastScheduleTime")
    return {
        "Schedule": dig(thing, "spec", "schedule") or "",
        "Timezone": dig(thing, "spec", "timeZone") or _NONE,
        "Suspend": "True" if dig(thing, "spec", "suspend") else "False",
        "Active": len(dig(thing, "status", "active") or ()),
        "Last Schedule": age(last, now) if last else _NONE,
        "Selector": _selector(dig(thing, "spec", "jobTemplate", "spec", "selector")),
        **_images(dig(thing, "spec", "jobTemplate", "spec", "template")),
    }


def _event(thing: Object, now: Now) -> Cells:
    about: Mapping[str, Any] = thing.get("involvedObject") or thing.get("regarding") or {}
    kind, name = about.get("kind") or "", about.get("name") or ""
    source = thing.get("source") or thing.get("deprecatedSource") or {}
    first = thing.get("firstTimestamp") or thing.get("deprecatedFirstTimestamp") or thing.get("eventTime")
    last = thing.get("lastTimestamp") or thing.get("deprecatedLastTimestamp") or first
    count = thing.get("count") or thing.get("deprecatedCount") or dig(thing, "series", "count") or 1
    if dig(thing, "series", "lastObservedTime"):
        last = dig(thing, "series", "lastObservedTime")
    told = source.get("component") or thing.get("reportingComponent") or thing.get("reportingController") or ""
    return {
        "Last Seen": age(last, now),
        "Type": thing.get("type") or "",
        "Reason": thing.get("reason") or "",
        "Object": f"{kind.lower()}/{name}" if kind else f"/{name}",
        "Subobject": about.get("fieldPath") or "",
        "Source": f"{told}, {source['host']}" if source.get("host") else told,
        "Message": str(thing.get("message") or thing.get("note") or "").strip(),
        "First Seen": age(first, now),
        "Count": count,
    }


def _lease(thing: Object, now: Now) -> Cells:
    return {"Holder": dig(thing, "spec", "holderIdentity") or ""}


def _webhooks(thing: Object, now: Now) -> Cells:
    return {"Webhooks": len(thing.get("webhooks") or ())}


def _policy(thing: Object, now: Now) -> Cells:
    kind = dig(thing, "spec", "paramKind")
    return {
        "Validations": len(dig(thing, "spec", "validations") or ()),
        "Mutations": len(dig(thing, "spec", "mutations") or ()),
        "ParamKind": f"{kind.get('apiVersion')}/{kind.get('kind')}" if kind else "<unset>",
    }


def _binding(thing: Object, now: Now) -> Cells:
    reference = dig(thing, "spec", "paramRef")
    told = "<unset>"
    if reference and reference.get("name"):
        namespace = reference.get("namespace")
        told = f"{namespace}/{reference['name']}" if namespace else f"*/{reference['name']}"
    elif reference and reference.get("selector") is not None:
        told = _selector(reference["selector"])
    return {"PolicyName": dig(thing, "spec", "policyName") or "", "ParamRef": told}


def _ingress(thing: Object, now: Now) -> Cells:
    hosts = [rule.get("host") for rule in dig(thing, "spec", "rules") or () if rule.get("host")]
    shown = ",".join(hosts[:3]) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    points = dig(thing, "status", "loadBalancer", "ingress") or ()
    return {
        "Class": dig(thing, "spec", "ingressClassName") or _NONE,
        "Hosts": shown or "*",
        "Address": ",".join(point.get("ip") or point.get("hostname") or "" for point in points),
        "Ports": "80, 443" if dig(thing, "spec", "tls") else "80",
    }


def _network_policy(thing: Object, now: Now) -> Cells:
    return {"Pod-Selector": _selector(dig(thing, "spec", "podSelector"))}


def _role_binding(thing: Object, now: Now) -> Cells:
    found: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in thing.get("subjects") or ():
        name = subject.get("name") or ""
        if subject.get("kind") == "ServiceAccount":
            name = f"{subject.get('namespace')}/{name}"
        found.get(subject.get("kind") or "", []).append(name)
    return {
        "Role": f"{dig(thing, 'roleRef', 'kind')}/{dig(thing, 'roleRef', 'name')}",
        "Users": ", ".join(found["User"]),
        "Groups": ", ".join(found["Group"]),
        "ServiceAccounts": ", ".join(found["ServiceAccount"]),
    }


def _endpoint_slice(thing: Object, now: Now) -> Cells:
    ports = thing.get("ports")
    addresses = [address for endpoint in thing.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return {
        "AddressType": thing.get("addressType") or "",
        "Ports": _few([str(port.get("port") if port.get("port") is not None else "*") for port in ports])
        if ports
        else "<unset>",
        "Endpoints": _few(addresses) if addresses else "<unset>",
    }


def _few(texts: Sequence[str]) -> str:
    return ",".join(texts[:3]) + (f" + {len(texts) - 3} more..." if len(texts) > 3 else "")


def _controller_revision(thing: Object, now: Now) -> Cells:
    owners = [one for one in metadata(thing).get("ownerReferences") or () if one.get("controller")]
    told = (
        f"{owners[0]['kind'].lower()}.{owners[0]['apiVersion'].split('/')[0]}/{owners[0]['name']}" if owners else _NONE
    )
    return {"Controller": told, "Revision": thing.get("revision") or 0}


def _budget(thing: Object, now: Now) -> Cells:
    least, most = dig(thing, "spec", "minAvailable"), dig(thing, "spec", "maxUnavailable")
    return {
        "Min Available": "N/A" if least is None else str(least),
        "Max Unavailable": "N/A" if most is None else str(most),
        "Allowed Disruptions": dig(thing, "status", "disruptionsAllowed") or 0,
    }


def _priority_class(thing: Object, now: Now) -> Cells:
    return {
        "Value": thing.get("value") or 0,
        "Global-Default": bool(thing.get("globalDefault")),
        "PreemptionPolicy": thing.get("preemptionPolicy") or "",
    }


_PRINTERS: Mapping[tuple[str, str], Callable[[Object, Now], Cells]] = {
    ("", "configmaps"): _config_map,
    ("", "secrets"): _secret,
    ("", "namespaces"): _namespace,
    ("", "pods"): _pod,
    ("", "services"): _service,
    ("", "events"): _event,
    ("", "replicationcontrollers"): _replica_set,
    ("events.k8s.io", "events"): _event,
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replica_set,
    ("apps", "statefulsets"): _stateful_set,
    ("apps", "daemonsets"): _daemon_set,
    ("apps", "controllerrevisions"): _controller_revision,
    ("batch", "jobs"): _job,
    ("batch", "cronjobs"): _cron_job,
    ("coordination.k8s.io", "leases"): _lease,
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): _webhooks,
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): _webhooks,
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): _policy,
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): _policy,
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"): _binding,
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"): _binding,
    ("networking.k8s.io", "ingresses"): _ingress,
    ("networking.k8s.io", "networkpolicies"): _network_policy,
    ("rbac.authorization.k8s.io", "rolebindings"): _role_binding,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _role_binding,
    ("discovery.k8s.io", "endpointslices"): _endpoint_slice,
    ("policy", "poddisruptionbudgets"): _budget,
    ("scheduling.k8s.io", "priorityclasses"): _priority_class,
}
