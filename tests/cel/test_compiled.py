"""The compiled path gives what the exact evaluator gives, and its bound of the cost holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright import cel
from gatewright.cel.emit import Fuel
from tests.cel.spec_cases import read_environment, read_value, same
from tests.cel.test_policy_library import messages, suite_cases

POD = yaml.safe_load("""
metadata: {name: p, labels: {app: web, owner: me}, annotations: {}}
spec:
  hostNetwork: false
  replicas: 3
  containers:
  - {name: a, image: "nginx:1.0", ports: [{containerPort: 80}, {hostPort: 443}], securityContext: {privileged: true}}
  - {name: b, image: "busybox", resources: {limits: {cpu: 100m, memory: 1Gi}}}
""")


def difference(program: cel.Program, bindings: Mapping[str, Any]) -> str:
    """What differs between the two paths, "" where nothing does."""
    quick, exact = program.quick(bindings), program.run(bindings)
    if (quick.error is None) is not (exact.error is None):
        return f"{quick} but {exact}"
    if quick.error is not None and exact.error is not None:
        return "" if quick.error.message == exact.error.message else f"{quick.error} but {exact.error}"
    if not same(quick.value, exact.value):
        return f"{quick.value!r} but {exact.value!r}"
    return "" if quick.cost >= exact.cost else f"bound {quick.cost} but cost {exact.cost}"


def programs(conformance: Path) -> Iterator[tuple[str, cel.Program, dict[str, Any]]]:
    for path in sorted((conformance / "cel").glob("*.json")):
        for case in json.loads(path.read_text()):
            try:
                program = read_environment(case).compile(case["expr"], strict=not case.get("disable_check"))
                bindings = {name: read_value(one["value"]) for name, one in case.get("bindings", {}).items()}
            except (KeyError, cel.CompileError):
                continue
            yield case["expr"], program, bindings


@pytest.mark.needs("conformance")
def test_on_cel_specs_cases(conformance: Path) -> None:
    wrong, count, compiled = [], 0, 0
    for text, program, bindings in programs(conformance):
        count += 1
        compiled += program.compiled
        told = difference(program, bindings)
        if told:
            wrong.append(f"{text}: {told}")
    print(f"\ncompiled {compiled} of {count}")  # noqa: T201 - the counts are the point
    assert not wrong, "\n".join(wrong)
    assert compiled > 0.6 * count


@pytest.mark.needs("conformance")
def test_on_the_policy_library(conformance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same messages by both paths; how often the compiled one had no answer is counted."""
    cases = list(suite_cases(conformance))
    counts = {"asked": 0, "exact": 0}
    bounded, run = cel.Program.bounded, cel.Program.run

    def counted(self: cel.Program, bindings: Mapping[str, Any], fuel: Fuel) -> Any:
        counts["asked"] += 1
        return bounded(self, bindings, fuel)

    def fell_back(self: cel.Program, bindings: Mapping[str, Any], cost_limit: int | None = None) -> cel.Outcome:
        counts["exact"] += 1
        return run(self, bindings, cost_limit)

    monkeypatch.setattr(cel.Program, "bounded", counted)
    monkeypatch.setattr(cel.Program, "run", fell_back)
    quick = [messages(compiled, reviewed, constraint) for _, compiled, constraint, reviewed, _ in cases]
    print(f"\nfallbacks: {counts['exact']} of {counts['asked']} evaluations")  # noqa: T201 - the counts are the point
    assert counts["exact"] < 0.05 * counts["asked"]

    def exactly(self: cel.Program, bindings: Mapping[str, Any], fuel: Fuel) -> Any:
        outcome = run(self, bindings)
        fuel.spent += outcome.cost
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    monkeypatch.setattr(cel.Program, "bounded", exactly)
    assert quick == [messages(compiled, reviewed, constraint) for _, compiled, constraint, reviewed, _ in cases]


@pytest.mark.parametrize(
    "text",
    [
        "object.spec.containers.all(c, has(c.image) && c.image.contains(':'))",
        "object.spec.containers.exists(c, c.name == 'b' && !has(c.ports))",
        "object.spec.containers.exists_one(c, has(c.securityContext) && c.securityContext.privileged == true)",
        "object.spec.containers.filter(c, has(c.ports)).map(c, c.ports.map(p, has(p.hostPort) ? p.hostPort : 0))",
        "object.metadata.labels.all(k, k in ['app', 'owner', 'team'])",
        "object.metadata.labels.exists(k, v, k == 'app' && v == 'web')",
        "object.spec.containers.all(c, c.resources.limits.cpu == '100m')",
        "object.spec.containers.exists(c, c.resources.limits.cpu == '100m')",
        "object.spec.replicas == 3 && object.spec.replicas <= 5 && object.spec.replicas != true",
        "object.spec.hostNetwork == false || object.spec.nope",
        "object.spec.hostNetwork && true",
        "object.spec.replicas && true",
        "size(object.spec.containers) > 1 ? 'many' : 'one'",
        "object.spec.containers.map(c, c.name + ':' + string(size(c.image)))",
        "object.metadata.labels['app'] == object.metadata.labels.owner",
        "has(object.metadata.name.first)",
        "has(object.spec.containers.x)",
        "object.metadata.annotations.a",
        "object.spec.containers[5].name",
        "object == null || object.metadata == {}",
        "{'a': object.spec.replicas, 'b': object.spec.nope}.a + 1",
        "object.spec.containers.map(c, c.image.matches('^[a-z]+$'))",
        "quantity(object.spec.containers[1].resources.limits.memory).isGreaterThan(quantity('500Mi'))",
        "dyn(quantity('1')) == 'x'",
        "type(object.spec.replicas) == int",
        "object.spec.containers.map(c, [1, 2].map(n, n * object.spec.replicas))",
        "1 == 1 && true == (object.spec.replicas == 1)",
        "object.spec.replicas in [1, 3] && 'a' in ['a'] && object.spec.replicas in ['3']",
        "object.spec.containers.map(c, c.name).join(',') == 'a,b'",
        "-object.spec.replicas < 0 && object.spec.replicas / 2 == 1",
    ],
)
def test_on_a_pod(text: str) -> None:
    program = cel.Environment({"object": cel.DYN}, libraries=cel.KUBERNETES).compile(text)
    assert program.compiled
    assert difference(program, {"object": POD}) == ""
    assert difference(program, {"object": None}) == ""
    assert difference(program, {"object": [POD]}) == ""


def test_a_cost_over_the_limit_is_found_by_both() -> None:
    text = "l.all(a, l.all(b, l.all(c, l.all(d, l.all(e, l.all(f, true))))))"
    program = cel.Environment({"l": cel.list_of(cel.INT)}, libraries=cel.KUBERNETES).compile(text)
    with pytest.raises(cel.CostError, match="operation cancelled: actual cost limit exceeded"):
        program.evaluate({"l": list(range(30))})
    assert program.evaluate({"l": [1]}) is True
