"""The newcomer's walk with real kubectl against `gatewright up policies`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.kubectl import Kubectl
from tests.e2e.lifecycle import constraint, template
from tests.e2e.programs import ROOT, Program, running
from tests.realapi.server import RealCluster

pytestmark = [pytest.mark.slow, pytest.mark.needs("kubectl")]

READY = "--for=condition=Ready"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, Path]]:
    kubeconfig = tmp_path_factory.mktemp("up") / "kubeconfig"
    with running("up", "policies", "--kubeconfig-out", str(kubeconfig)) as program:
        program.line("Ctrl-C stops it.")
        yield program, kubeconfig
        assert program.stop() == 0


@pytest.fixture(scope="module")
def kubectl(up: tuple[Program, Path], tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    return Kubectl(up[1], tmp_path_factory.mktemp("kubectl"))


@pytest.fixture(
    scope="module",
    params=["embedded", pytest.param("real", marks=[pytest.mark.long, pytest.mark.needs("realapi")])],
)
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """kubectl on the embedded server and, in the long run, on a real one: what is expected of one holds for both."""
    if request.param == "embedded":
        found: Kubectl = request.getfixturevalue("kubectl")
        return found
    folder = tmp_path_factory.mktemp("real")
    cluster: RealCluster = request.getfixturevalue("realapi")
    return Kubectl(cluster.kubeconfig(folder / "kubeconfig"), folder)


@pytest.fixture
def namespace(either: Kubectl, request: pytest.FixtureRequest) -> str:
    name = request.node.name.removeprefix("test_").replace("_", "-").split("[")[0][:60].strip("-")
    either.ok("create", "namespace", name)
    return name


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    box = {"name": "box", "image": "ghcr.io/example/box:1.0"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [box], **spec},
    }


# --- policies


def test_starter_policies_are_told_ready_and_are_there(up: tuple[Program, Path], kubectl: Kubectl) -> None:
    told = {line.split()[0] for line in up[0].lines if " Ready after " in line}
    listed = {name.rpartition("/")[2] for name in kubectl.ok("get", "constrainttemplates", "-o", "name").split()}
    folders = [folder for folder in (ROOT / "policies").iterdir() if folder.is_dir()]
    assert len(folders) >= 6
    assert told <= listed
    assert len(told) == len(folders)
    lines = kubectl.ok("get", "constrainttemplates").splitlines()
    assert lines[0].split() == ["NAME", "READY", "REASON", "AGE"]
    assert {tuple(line.split()[1:3]) for line in lines[1:] if line.split()[0] in told} == {("True", "Ready")}


def test_a_template_and_its_constraint_deny_once_they_are_ready(kubectl: Kubectl) -> None:
    assert "created" in kubectl.ok("apply", "-f", "-", stdin=[template("WalkA")])
    kubectl.ok("wait", READY, "constrainttemplate/walka", "--timeout=30s")
    assert "created" in kubectl.ok("apply", "-f", "-", stdin=[constraint("WalkA", "bad")])
    kubectl.ok("wait", READY, "walka/only", "--timeout=30s")
    told = kubectl.fails("create", "-f", "-", stdin=[config_map("cm", walka="bad")])
    assert 'admission webhook "validation.gatekeeper.sh" denied the request: [only] walka may not be bad' in told
    assert "Forbidden" in told
    assert "created" in kubectl.ok("create", "-f", "-", stdin=[config_map("walka-fine", walka="good")])
    # a change of the constraint holds from its next Ready on
    kubectl.ok("patch", "walka", "only", "--type=merge", "-p", '{"spec":{"enforcementAction":"warn"}}')
    kubectl.ok("wait", READY, "walka/only", "--timeout=30s")
    done = kubectl.run("create", "-f", "-", stdin=[config_map("walka-warned", walka="bad")])
    assert (done.code, done.out) == (0, "configmap/walka-warned created\n")
    assert done.err == "Warning: [only] walka may not be bad\n"
    kubectl.ok("delete", "walka/only", "constrainttemplate/walka")
    kubectl.ok("wait", "--for=delete", "crd/walka.constraints.gatekeeper.sh", "--timeout=30s")


def test_starter_policies_deny_and_warn(kubectl: Kubectl) -> None:
    told = kubectl.fails("create", "-f", "-", stdin=[pod("bad", hostNetwork=True)])
    assert "[no-host-access]" in told
    done = kubectl.run("create", "-f", "-", stdin=[pod("boundless")])
    assert (done.code, done.out) == (0, "pod/boundless created\n")
    assert "Warning: [containers-set-resources]" in done.err


def test_the_referential_policy_denies_live(kubectl: Kubectl) -> None:
    samples = ROOT / "policies" / "ingress-hosts" / "samples"
    for name in ("shop", "rival"):
        kubectl.ok("create", "namespace", name)
    kubectl.ok("create", "-f", str(samples / "shop-web.yaml"))
    # data.inventory holds what the watch has brought: seen by a review that reads the same cache
    told = ""
    for _ in range(50):
        done = kubectl.run("create", "--dry-run=server", "-f", str(samples / "rival-web.yaml"))
        told = done.err
        if done.code != 0:
            break
    assert "[ingress-hosts-have-one-owner]" in told
    kubectl.ok("create", "-f", str(samples / "shop-api.yaml"))  # the same owner


def test_a_template_that_does_not_compile_says_so_in_its_status(kubectl: Kubectl) -> None:
    bad = template("WalkB")
    bad["spec"]["targets"][0]["rego"] = "package walkb\nviolation[{}] { x = }\n"
    kubectl.ok("apply", "-f", "-", stdin=[bad])
    kubectl.ok("wait", "--for=condition=Ready=False", "constrainttemplate/walkb", "--timeout=30s")
    status = kubectl.json("get", "constrainttemplate", "walkb")["status"]
    (entry,) = status["byPod"]
    assert status["created"] is False
    assert [error["code"] for error in entry["errors"]] == ["ingest_error"]
    assert "rego_parse_error" in entry["errors"][0]["message"]
    assert "Failed" in kubectl.ok("get", "constrainttemplate", "walkb")
    # mended, it becomes Ready, and nothing of the error is left
    kubectl.ok("apply", "-f", "-", stdin=[template("WalkB")])
    kubectl.ok("wait", READY, "constrainttemplate/walkb", "--timeout=30s")
    status = kubectl.json("get", "constrainttemplate", "walkb")["status"]
    assert status["created"] is True
    assert "errors" not in status["byPod"][0]
    kubectl.ok("delete", "constrainttemplate", "walkb")


def test_a_constraint_without_its_template_is_refused_with_the_mend(kubectl: Kubectl) -> None:
    told = kubectl.fails("apply", "-f", "-", stdin=[constraint("WalkNone", "x")])
    assert 'no matches for kind "WalkNone" in version "constraints.gatekeeper.sh/v1beta1"' in told
    assert "ensure CRDs are installed first" in told


def test_a_constraint_that_its_schema_refuses(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=[template("WalkC")])
    kubectl.ok("wait", READY, "constrainttemplate/walkc", "--timeout=30s")
    bad = constraint("WalkC", "x")
    bad["spec"]["parameters"]["values"] = 7
    told = kubectl.fails("apply", "--validate=false", "-f", "-", stdin=[bad])
    assert "values" in told
    assert "Traceback" not in told
    kubectl.ok("delete", "constrainttemplate", "walkc")


def test_our_kinds_are_described_and_explained(kubectl: Kubectl) -> None:
    told = kubectl.ok("describe", "constrainttemplate", "nohostaccess")
    assert "Type:                  Ready" in told
    assert "Events:" in told
    assert "parameters" in kubectl.ok("explain", "nohostaccess.spec")
    served = kubectl.ok("api-resources", "--api-group=constraints.gatekeeper.sh")
    assert "nohostaccess" in served


# --- verbs


def test_get_in_all_forms(either: Kubectl, namespace: str) -> None:
    either.ok("create", "configmap", "one", "--from-literal=a=b", "-n", namespace)
    lines = either.ok("get", "configmap", "-n", namespace).splitlines()
    assert lines[0].split() == ["NAME", "DATA", "AGE"]
    assert lines[1].split()[:2] == ["one", "1"]
    assert either.ok("get", "cm", "-n", namespace, "-o", "name") == "configmap/one\n"
    assert either.ok("get", "cm", "one", "-n", namespace, "-o", "jsonpath={.data.a}") == "b"
    assert "a: b" in either.ok("get", "cm", "one", "-n", namespace, "-o", "yaml")
    assert either.json("get", "cm", "one", "-n", namespace)["data"] == {"a": "b"}
    either.ok("create", "-n", namespace, "--validate=strict", "-f", "-", stdin=[SERVICE])
    lines = either.ok("get", "service", "-n", namespace, "-o", "wide").splitlines()
    assert lines[0].split() == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"]
    assert lines[1].split()[-1] == "app=s"
    assert either.ok("get", "cm", "-A", "--field-selector", "metadata.name=one").count("one") >= 1
    assert either.ok("get", "cm", "-n", namespace, "-l", "x=y", "-o", "name") == ""
    told = either.fails("get", "cm", "none", "-n", namespace)
    assert told == 'Error from server (NotFound): configmaps "none" not found\n'
    assert "the server doesn't have a resource type" in either.fails("get", "nonsense")


def test_create_and_label_and_annotate(either: Kubectl, namespace: str) -> None:
    """kubectl sends built-in kinds as protobuf."""
    assert either.ok("create", "configmap", "c", "--from-literal=k=v", "-n", namespace) == "configmap/c created\n"
    told = either.fails("create", "configmap", "c", "--from-literal=k=v", "-n", namespace)
    assert told.strip() == 'error: failed to create configmap: configmaps "c" already exists'
    assert either.ok("label", "cm", "c", "x=y", "-n", namespace) == "configmap/c labeled\n"
    told = either.fails("label", "cm", "c", "x=z", "-n", namespace)
    assert "already has a value (y), and --overwrite is false" in told
    either.ok("label", "cm", "c", "x=z", "--overwrite", "-n", namespace)
    either.ok("label", "cm", "c", "x-", "-n", namespace)
    assert either.ok("annotate", "cm", "c", "note=text", "-n", namespace) == "configmap/c annotated\n"
    meta = either.json("get", "cm", "c", "-n", namespace)["metadata"]
    assert meta["annotations"] == {"note": "text"}
    assert "labels" not in meta
    bad = {"metadata": {"labels": {"x": "-bad-"}}}
    told = either.fails("patch", "ns", namespace, "--type=merge", "-p", json.dumps(bad))
    assert "metadata.labels: Invalid value" in told


def test_apply_on_the_client_side(either: Kubectl, namespace: str) -> None:
    def apply(*arguments: str, **data: str) -> str:
        return either.ok("apply", "-n", namespace, "-f", "-", *arguments, stdin=[config_map("c", **data)])

    assert apply(a="1", b="2") == "configmap/c created\n"
    version = either.json("get", "cm", "c", "-n", namespace)["metadata"]["resourceVersion"]
    assert apply(a="1", b="2") == "configmap/c unchanged\n"
    assert either.json("get", "cm", "c", "-n", namespace)["metadata"]["resourceVersion"] == version
    assert apply("--dry-run=server", a="9") == "configmap/c configured (server dry run)\n"
    assert apply(a="3") == "configmap/c configured\n"
    assert either.json("get", "cm", "c", "-n", namespace)["data"] == {"a": "3"}
    done = either.run("diff", "-n", namespace, "-f", "-", stdin=[config_map("c", a="4")])
    assert done.code == 1
    assert "+  a:" in done.out


def test_apply_on_the_server_side(either: Kubectl, namespace: str) -> None:
    def apply(*arguments: str, **data: str) -> Any:
        thing = [config_map("c", **data)]
        return either.run("apply", "--server-side", "-n", namespace, "-f", "-", *arguments, stdin=thing)

    assert apply(a="1").out == "configmap/c serverside-applied\n"
    version = either.json("get", "cm", "c", "-n", namespace)["metadata"]["resourceVersion"]
    assert apply(a="1").code == 0
    assert either.json("get", "cm", "c", "-n", namespace)["metadata"]["resourceVersion"] == version
    conflict = apply("--field-manager=other", a="2")
    assert conflict.code == 1
    assert 'conflict with "kubectl"' in conflict.err
    assert ".data.a" in conflict.err
    assert apply("--field-manager=other", "--force-conflicts", a="2").code == 0
    assert either.json("get", "cm", "c", "-n", namespace)["data"] == {"a": "2"}


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s"},
    "spec": {"selector": {"app": "s"}, "ports": [{"port": 80}]},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d"},
    "spec": {
        "selector": {"matchLabels": {"app": "d"}},
        "template": {
            "metadata": {"labels": {"app": "d"}},
            "spec": {"containers": [{"name": "one", "image": "example.com/one:1"}]},
        },
    },
}


def test_patch_in_three_ways(either: Kubectl) -> None:
    namespace = "kube-public"  # excluded from the starter policies
    either.ok("apply", "-n", namespace, "-f", "-", stdin=[DEPLOYMENT])

    def patch(kind: str, text: str) -> Any:
        either.ok("patch", "deploy", "d", "-n", namespace, f"--type={kind}", "-p", text)
        return either.json("get", "deploy", "d", "-n", namespace)["spec"]

    added = '{"spec":{"template":{"spec":{"containers":[{"name":"two","image":"example.com/two:1"}]}}}}'
    names = [one["name"] for one in patch("strategic", added)["template"]["spec"]["containers"]]
    assert sorted(names) == ["one", "two"]
    assert patch("merge", '{"spec":{"replicas":3}}')["replicas"] == 3
    assert patch("json", '[{"op":"replace","path":"/spec/replicas","value":4}]')["replicas"] == 4
    wrong = '[{"op":"test","path":"/spec/replicas","value":9}]'
    told = either.fails("patch", "deploy", "d", "-n", namespace, "--type=json", "-p", wrong)
    assert "The request is invalid: the server rejected our request due to an error in our request" in told
    told = either.fails("patch", "deploy", "d", "-n", namespace, "-p", '{"spec":{"replicas":"many"}}')
    assert "Traceback" not in told
    assert "scaled" in either.ok("scale", "deploy", "d", "-n", namespace, "--replicas=2")
    assert "image updated" in either.ok("set", "image", "deploy/d", "one=example.com/one:2", "-n", namespace)
    either.ok("delete", "deploy", "d", "-n", namespace)


def test_describe(either: Kubectl, namespace: str) -> None:
    either.ok("create", "configmap", "c", "--from-literal=k=v", "-n", namespace)
    told = either.ok("describe", "configmap", "c", "-n", namespace)
    assert "Name:         c" in told
    assert "k:" in told
    assert "Status:" in either.ok("describe", "namespace", namespace)


def test_delete_and_wait_for_it(either: Kubectl, namespace: str) -> None:
    either.ok("create", "configmap", "c", "-n", namespace)
    assert either.ok("delete", "cm", "c", "-n", namespace, "--dry-run=server") == (
        'configmap "c" deleted (server dry run)\n'
    )
    assert either.ok("get", "cm", "c", "-n", namespace, "-o", "name") == "configmap/c\n"
    assert either.ok("delete", "cm", "c", "-n", namespace).startswith('configmap "c" deleted')
    either.ok("wait", "--for=delete", "cm/c", "-n", namespace, "--timeout=10s")
    assert "NotFound" in either.fails("delete", "cm", "c", "-n", namespace)
    either.ok("create", "configmap", "left", "-n", namespace)
    either.ok("delete", "namespace", namespace, "--timeout=30s")
    assert "NotFound" in either.fails("get", "namespace", namespace)


def test_watch(either: Kubectl, namespace: str) -> None:
    with either.watching("get", "cm", "-n", namespace, "-w", "--no-headers") as lines:
        for name in ("one", "two"):
            either.ok("create", "configmap", name, "-n", namespace)
            assert next(lines).split()[0] == name
        either.ok("patch", "cm", "one", "-n", namespace, "--type=merge", "-p", '{"data":{"a":"b"}}')
        assert next(lines).split()[:2] == ["one", "1"]
    with either.watching("get", "cm", "-n", namespace, "-w", "-o", "name", "--output-watch-events=false") as lines:
        assert sorted((next(lines), next(lines))) == ["configmap/one\n", "configmap/two\n"]


def test_a_whole_folder(either: Kubectl, namespace: str) -> None:
    folder = either.folder / "folder"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config_map(name, x=name)))
    told = either.ok("apply", "-n", namespace, "-f", str(folder))
    assert told.splitlines() == [f"configmap/{name} created" for name in ("a", "b", "c")]
    told = either.ok("delete", "-n", namespace, "-f", str(folder))
    assert told.count("deleted") == 3


def test_the_server_tells_what_it_serves(either: Kubectl) -> None:
    served = either.ok("api-resources")
    for plural in ("configmaps", "namespaces", "deployments"):
        assert plural in served
    assert "apps/v1" in either.ok("api-versions").split()
    assert "KIND:       Pod" in either.ok("explain", "pod.spec.containers")
    assert "Server Version: v1." in either.ok("version")
    assert either.ok("get", "--raw", "/readyz") == "ok"
    assert "is running at" in either.ok("cluster-info")
    assert either.ok("auth", "can-i", "create", "pods").strip() == "yes"


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        pytest.param({**config_map("c"), "dada": {}}, 'unknown field "dada"', id="unknown-field"),
        pytest.param(config_map("Not_A_Name"), "metadata.name: Invalid value", id="name"),
        pytest.param({**config_map("c"), "data": {"a": 1}}, "cannot unmarshal number", id="type"),
        pytest.param({**pod("p"), "spec": {}}, "spec.containers: Required value", id="required"),
        pytest.param(
            {"apiVersion": "v1", "kind": "Nonsense", "metadata": {"name": "x"}}, "no matches for kind", id="kind"
        ),
        pytest.param("a: [", "error", id="yaml"),
    ],
)
def test_bad_input_is_told(either: Kubectl, thing: Any, text: str) -> None:
    told = either.fails("create", "-n", "kube-public", "-f", "-", stdin=thing if isinstance(thing, str) else [thing])
    assert text in told
    assert "Traceback" not in told
