"""The Rego templates of the conformance library with one constraint each, applied and waited for."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.inputs import ROOT, objects
from bench.server import PATIENCE, Failed, Server
from gatewright.control.judge import Judge
from gatewright.core.http import NoAnswer
from gatewright.core.objects import Name
from gatewright.kinds.resources import constraint_resource
from gatewright.kube import requests
from gatewright.runtime import kubeconfigs

AGAIN = 0.1  # seconds between two looks at the constraints that are not Ready


@dataclass(frozen=True)
class Pair:
    """A template and one constraint of its kind."""

    template: dict[str, Any]
    constraint: dict[str, Any]


def folder() -> Path | None:
    """The library, where the conformance data is."""
    data = Path(os.environ.get("GATEWRIGHT_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
    return data / "library" if (data / "library").is_dir() else None


def chosen(library: Path) -> list[Pair]:
    """Each template with Rego, and the first constraint among its samples."""
    found = []
    for path in sorted(library.glob("*/*/template.yaml")):
        (template,) = objects(path)
        if not _has_rego(template):
            continue
        kind = template["spec"]["crd"]["spec"]["names"]["kind"]
        samples = (one for file in sorted(path.parent.glob("samples/*/constraint.yaml")) for one in objects(file))
        constraint = next((one for one in samples if one.get("kind") == kind), None)
        if constraint is not None:
            found.append(Pair(template, constraint))
    return found


def _has_rego(template: dict[str, Any]) -> bool:
    targets = template["spec"]["targets"]
    code = [entry for target in targets for entry in target.get("code", ())]
    return any(target.get("rego") for target in targets) or any(entry.get("engine") == "Rego" for entry in code)


def write(pairs: list[Pair], into: Path) -> None:
    """As a folder for `up`."""
    for index, pair in enumerate(pairs):
        (into / f"{index:03}.yaml").write_text(yaml.safe_dump_all([pair.template, pair.constraint]))


def all_ready(kubeconfig: str, pairs: list[Pair], server: Server) -> float:
    """Seconds from the server's start until all constraints were seen to be Ready. Raises Failed."""
    return asyncio.run(_all_ready(kubeconfig, pairs, server))


async def _all_ready(kubeconfig: str, pairs: list[Pair], server: Server) -> float:
    _, transport = kubeconfigs.connect(kubeconfig)
    judge = Judge()
    open_ = {(pair.constraint["kind"], pair.constraint["metadata"]["name"]) for pair in pairs}
    try:
        while open_:
            for kind, name in sorted(open_):
                answer = await transport.send(requests.get(constraint_resource(kind), Name("", name)), "", 30.0)
                now = time.perf_counter()
                if not isinstance(answer, NoAnswer) and answer.status == 200:
                    judge.see(now, "MODIFIED", yaml.safe_load(answer.body))
                state = judge.state(kind, name, now)
                if state.outcome == "failed":
                    raise Failed(f"{kind} {name}: {state.why}")
                if state.outcome == "ready":
                    open_.discard((kind, name))
                if now - server.began > PATIENCE:
                    raise Failed(f"{len(open_)} constraints are not Ready, such as {kind} {name}: {state.why}")
            if open_:
                await asyncio.sleep(AGAIN)
    finally:
        await transport.close()
    return time.perf_counter() - server.began
