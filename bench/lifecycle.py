"""How long a user waits: from the start to Ready, from `kubectl apply` to Ready and to the first denied Pod, and with
the whole policy library at once, whose memory is told too.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bench import inputs, library
from bench.figures import Figure, skipped
from bench.server import EXPORT, Failed, Kubectl, Server, kubectl, running

ROUNDS = 5
TIMINGS = ("fast", "real")

START = "`make run` to all starter policies Ready"
APPLY_READY = "`kubectl apply` of a template to its Ready"
APPLY_DENIED = "`kubectl apply` of a template to the first denied Pod"
LIBRARY = "all Rego templates of the library with one constraint each to Ready"
MEMORY = "resident memory with the library"


def figures() -> list[Figure]:
    """All of them; what can't be measured here is told as skipped, with the reason."""
    found: list[Figure] = []
    with _told(found, START, "s", "fast"):
        found += _start()
    for timing in TIMINGS:
        with _told(found, APPLY_READY, "s", timing):
            found += _apply(timing)
    for timing in TIMINGS:
        with _told(found, LIBRARY, "s", timing):
            found += _library(timing)
    return found


@contextlib.contextmanager
def _told(found: list[Figure], name: str, unit: str, timing: str) -> Iterator[None]:
    try:
        yield
    except Failed as failure:
        found.append(Figure(name, None, unit, timing, note=f"FAILED: {failure}"))


def _up(timing: str, *files: str) -> list[str]:
    return [sys.executable, "-m", "gatewright", "up", "--timing", timing, *files]


def _start() -> list[Figure]:
    """`make run` itself, whose environment was made by `make bench`."""
    if shutil.which("make") is None:
        return [skipped(START, "s", "make is not on PATH", "fast")]
    subprocess.run(["make", "--silent", ".venv/.installed-run"], cwd=inputs.ROOT, check=True, stdout=subprocess.DEVNULL)
    seconds, stops, sizes = [], [], []
    for _ in range(ROUNDS):
        server = Server(["make", "--silent", "run"])
        try:
            server.wait_for(EXPORT)
            wanted = {path.parent.name.replace("-", "") for path in inputs.STARTERS.glob("*/template.yaml")}
            ready = server.ready()
            if len(ready) != len(wanted):
                raise Failed(f"{len(ready)} of {len(wanted)} templates became Ready")
            seconds.append(max(ready.values()))
            sizes.append(server.memory()[0])
        finally:
            stops.append(server.stop())
    return [
        Figure(START, statistics.median(seconds), "s", "fast", goal=2.0, note=f"median of {ROUNDS}: {_list(seconds)}"),
        Figure("resident memory with the starter policies", max(sizes) / 1e6, "MB", "fast"),
        Figure("Ctrl-C to the end", statistics.median(stops), "s", "fast"),
    ]


def _list(seconds: list[float]) -> str:
    return ", ".join(f"{one:.2f}" for one in seconds)


def _apply(timing: str) -> list[Figure]:
    """A template, its constraint and a Pod, each sent once, with kubectl; each round has a kind of its own."""
    if kubectl() is None:
        why = "kubectl is not on PATH"
        return [skipped(APPLY_READY, "s", why, timing), skipped(APPLY_DENIED, "s", why, timing)]
    to_ready, to_denied = [], []
    with running(*_up(timing, "policies/config.yaml")) as server:
        _, export = server.wait_for(EXPORT)
        call = Kubectl(export[1])
        call("create", "namespace", "bench")
        for index in range(ROUNDS):
            ready, denied = _round(call, index)
            to_ready.append(ready)
            to_denied.append(denied)
    goal = 1.0 if timing == "fast" else None
    own = f"each start of kubectl takes {_kubectl_start():.2f} s of it"
    return [
        Figure(APPLY_READY, statistics.median(to_ready), "s", timing, goal, f"{_list(to_ready)}; {own}"),
        Figure(APPLY_DENIED, statistics.median(to_denied), "s", timing, goal, f"{_list(to_denied)}; {own}"),
    ]


def _kubectl_start() -> float:
    """Seconds that kubectl takes to do nothing."""
    began = time.perf_counter()
    for _ in range(ROUNDS):
        subprocess.run(["kubectl", "version", "--client"], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) / ROUNDS


def _round(call: Kubectl, index: int) -> tuple[float, float]:
    """Seconds from the apply to Ready of the template, and to the denial of a Pod that was sent once."""
    template, constraint, pod = (yaml.safe_dump(one) for one in _scenario(index))
    name = f"benchlabels{index}"
    began = time.perf_counter()
    call("apply", "-f", "-", stdin=template)
    call("wait", "--for=condition=Ready", "--timeout=60s", f"constrainttemplate/{name}")
    ready = time.perf_counter() - began
    call("apply", "-f", "-", stdin=constraint)
    call("wait", "--for=condition=Ready", "--timeout=60s", f"{name}.constraints.gatekeeper.sh/wanted")
    outcome = call.run("create", "-f", "-", stdin=pod)
    denied = time.perf_counter() - began
    if outcome.returncode == 0 or "lacks the label" not in outcome.stderr:
        raise Failed(f"the Pod was not denied: {(outcome.stderr or outcome.stdout).strip()[:300]}")
    return ready, denied


def _scenario(index: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A template of its own kind, made from a starter policy, a constraint of it and a Pod that violates it."""
    (template,) = inputs.objects(inputs.STARTERS / "workload-labels" / "template.yaml")
    kind = f"BenchLabels{index}"
    template["metadata"] = {"name": kind.lower()}
    template["spec"]["crd"]["spec"]["names"] = {"kind": kind}
    constraint = {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": "wanted"},
        "spec": {
            "match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}], "namespaces": ["bench"]},
            "parameters": {"labels": [{"key": f"label-{index}"}]},
        },
    }
    labels = {f"label-{other}": "yes" for other in range(index)}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{index}", "namespace": "bench", "labels": labels},
        "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
    }
    return template, constraint, pod


def _library(timing: str) -> list[Figure]:
    folder = library.folder()
    if folder is None:
        why = "conformance data not found: set GATEWRIGHT_CONFORMANCE"
        return [skipped(LIBRARY, "s", why, timing), skipped(MEMORY, "MB", why, timing)]
    chosen = library.chosen(folder)
    with tempfile.TemporaryDirectory() as temporary:
        library.write(chosen, Path(temporary))
        with running(*_up(timing, temporary)) as server:
            _, export = server.wait_for(EXPORT)
            told = server.ready()
            seconds = library.all_ready(export[1], chosen, server)
            one, all_of_them = server.memory()
    note = f"{len(chosen)} templates; templates alone {max(told.values(), default=0.0):.1f} s"
    goal = 15.0 if timing == "fast" else None
    size = Figure(MEMORY, one / 1e6, "MB", timing, 250.0, f"{all_of_them / 1e6:.0f} MB with its worker processes")
    return [Figure(LIBRARY, seconds, "s", timing, goal, note), size]
