"""Measures compiled policies against hand-written Python functions that do the same: `python tests/rego/bench.py`.

Five policies of the usual shapes, each on an object that passes and one that does not; best of several rounds, both
sides in the same run. Not a test: no time is asserted anywhere.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from gatewright import rego

# ruff: noqa: T201 - it prints its figures

Json = dict[str, Any]
Policy = tuple[str, str, Callable[[Json], list[Json]], Json]


def container(name: str, **fields: Any) -> Json:
    return {"name": name, "image": f"registry.example.com/team/{name}:1.2", **fields}


def pod(*containers: Json, labels: Json | None = None, **spec: Any) -> Json:
    meta = {"name": "p", "namespace": "n", "labels": labels or {}}
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": list(containers), **spec}}
    return {"kind": {"kind": "Pod"}, "operation": "CREATE", "name": "p", "namespace": "n", "object": obj}


LIMITS = {"resources": {"limits": {"cpu": "100m", "memory": "64Mi"}}}
GOOD = pod(
    *(
        container(f"c{i}", securityContext={"privileged": False}, ports=[{"hostPort": 8080}], **LIMITS)
        for i in range(4)
    ),
    labels={"owner": "me", "team": "a"},
)
BAD = pod(
    *(container(f"c{i}", securityContext={"privileged": True}, ports=[{"hostPort": 80}]) for i in range(4)),
    hostPID=True,
)

LABELS = """package p
violation[{"msg": msg, "details": {"missing": missing}}] {
  provided := {l | input.review.object.metadata.labels[l]}
  required := {l | l := input.parameters.labels[_]}
  missing := required - provided
  count(missing) > 0
  msg := sprintf("missing labels: %v", [missing])
}"""


def labels(i: Json) -> list[Json]:
    provided = set(i["review"]["object"]["metadata"].get("labels") or {})
    missing = sorted(set(i["parameters"]["labels"]) - provided)
    if not missing:
        return []
    shown = "{" + ", ".join(f'"{m}"' for m in missing) + "}"
    return [{"msg": f"missing labels: {shown}", "details": {"missing": missing}}]


REPOS = """package p
violation[{"msg": msg}] {
  c := input.review.object.spec.containers[_]
  good := [ok | repo := input.parameters.repos[_]; ok := startswith(c.image, repo)]
  not any(good)
  msg := sprintf("container <%v> has image <%v>, allowed are %v", [c.name, c.image, input.parameters.repos])
}"""


def repos(i: Json) -> list[Json]:
    allowed = i["parameters"]["repos"]
    out = []
    for c in i["review"]["object"]["spec"]["containers"]:
        image = c.get("image")
        if isinstance(image, str) and not any(image.startswith(r) for r in allowed):
            shown = "[" + ", ".join(f'"{r}"' for r in allowed) + "]"
            out.append({"msg": f"container <{c['name']}> has image <{image}>, allowed are {shown}"})
    return sorted(out, key=lambda v: v["msg"])


PRIVILEGED = """package p
violation[{"msg": msg, "details": {}}] {
  c := containers[_]
  not exempt(c)
  c.securityContext.privileged
  msg := sprintf("privileged container %v", [c.name])
}
containers[c] { c := input.review.object.spec.containers[_] }
containers[c] { c := input.review.object.spec.initContainers[_] }
exempt(c) { prefix := input.parameters.exempt[_]; startswith(c.image, prefix) }"""


def privileged(i: Json) -> list[Json]:
    spec = i["review"]["object"]["spec"]
    out = []
    for c in [*spec.get("containers", ()), *spec.get("initContainers", ())]:
        if any(c.get("image", "").startswith(e) for e in i["parameters"].get("exempt", ())):
            continue
        if (c.get("securityContext") or {}).get("privileged"):
            out.append({"msg": f"privileged container {c['name']}", "details": {}})
    return sorted(out, key=lambda v: v["msg"])


PORTS = """package p
violation[{"msg": msg}] {
  input.review.operation != "DELETE"
  bad
  msg := sprintf("host ports of pod %v are outside of %v-%v", [name, input.parameters.min, input.parameters.max])
}
name = input.review.object.metadata.name
bad { p := input.review.object.spec.containers[_].ports[_].hostPort; p < input.parameters.min }
bad { p := input.review.object.spec.containers[_].ports[_].hostPort; p > input.parameters.max }
bad { input.review.object.spec.hostPID; not input.parameters.hostPID }"""


def ports(i: Json) -> list[Json]:
    if i["review"]["operation"] == "DELETE":
        return []
    spec, p = i["review"]["object"]["spec"], i["parameters"]
    bad = bool(spec.get("hostPID")) and not p.get("hostPID")
    for c in spec.get("containers", ()):
        for port in c.get("ports", ()):
            n = port.get("hostPort")
            bad = bad or (n is not None and (n < p["min"] or n > p["max"]))
    if not bad:
        return []
    name = i["review"]["object"]["metadata"]["name"]
    return [{"msg": f"host ports of pod {name} are outside of {p['min']}-{p['max']}"}]


CPU = """package p
missing(o, f) { not o[f] }
missing(o, f) { o[f] == "" }
cpu(x) = n { is_number(x); n := x * 1000 }
cpu(x) = n { not is_number(x); endswith(x, "m"); n := to_number(trim_suffix(x, "m")) }
cpu(x) = n { not is_number(x); not endswith(x, "m"); n := to_number(x) * 1000 }
violation[{"msg": msg}] {
  c := input.review.object.spec.containers[_]
  not c.resources.limits.cpu
  msg := sprintf("container <%v> has no cpu limit", [c.name])
}
violation[{"msg": msg}] {
  c := input.review.object.spec.containers[_]
  given := cpu(c.resources.limits.cpu)
  most := cpu(input.parameters.cpu)
  given > most
  msg := sprintf("container <%v> cpu limit <%v> is over <%v>", [c.name, c.resources.limits.cpu, input.parameters.cpu])
}"""


def milli(x: Any) -> Any:
    if isinstance(x, (int, float)):
        return x * 1000
    try:
        return int(x[:-1]) if x.endswith("m") else float(x) * 1000
    except ValueError:
        return None


def cpu(i: Json) -> list[Json]:
    out = set()
    most = milli(i["parameters"]["cpu"])
    for c in i["review"]["object"]["spec"]["containers"]:
        limit = ((c.get("resources") or {}).get("limits") or {}).get("cpu")
        if limit is None:
            out.add(f"container <{c['name']}> has no cpu limit")
            continue
        given = milli(limit)
        if given is not None and given > most:
            out.add(f"container <{c['name']}> cpu limit <{limit}> is over <{i['parameters']['cpu']}>")
    return [{"msg": m} for m in sorted(out)]


POLICIES: list[Policy] = [
    ("labels", LABELS, labels, {"labels": ["owner", "team"]}),
    ("repos", REPOS, repos, {"repos": ["gcr.io/a/", "registry.example.com/team/"]}),
    ("privileged", PRIVILEGED, privileged, {"exempt": ["quay.io/x"]}),
    ("ports", PORTS, ports, {"min": 1000, "max": 9000}),
    ("cpu", CPU, cpu, {"cpu": "200m"}),
]


def best(work: Callable[[], Any], rounds: int = 15, calls: int = 1500) -> float:
    """Microseconds of one call, in the best round."""
    out = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        out = min(out, (time.perf_counter() - start) / calls)
    return out * 1e6


def main() -> None:
    ratios = []
    for name, text, by_hand, parameters in POLICIES:
        rule = rego.compile({f"{name}.rego": text}).rule("data.p.violation")
        for label, review in (("good", GOOD), ("bad", BAD)):
            document = {"review": review, "parameters": parameters}
            if name == "repos" and label == "bad":
                document["parameters"] = {"repos": ["gcr.io/a/"]}
            assert rule(document, {}) == by_hand(document), (rule(document, {}), by_hand(document))
            compiled = best(lambda rule=rule, document=document: rule(document, {}))
            written = best(lambda by_hand=by_hand, document=document: by_hand(document))
            ratios.append(compiled / written)
            print(
                f"{name:12s} {label:5s} compiled {compiled:7.2f} us, by hand {written:7.2f} us, ratio {ratios[-1]:.2f}"
            )
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
