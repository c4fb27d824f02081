"""`gatewright verify` and `gatewright test` as a user meets them, on files made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Gator = Callable[..., Any]

TEMPLATE = """
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: named}
spec:
  crd:
    spec:
      names: {kind: Named}
      validation:
        openAPIV3Schema:
          type: object
          properties:
            prefix: {type: string, default: web-}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package named
        violation[{"msg": msg, "details": {"prefix": input.parameters.prefix}}] {
          name := input.review.object.metadata.name
          print("looking at", name)
          not startswith(name, input.parameters.prefix)
          msg := sprintf("%v does not begin with %v <&>", [name, input.parameters.prefix])
        }
"""
CONSTRAINT = """
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Named
metadata: {name: begins}
spec:
  match: {kinds: [{apiGroups: [""], kinds: [Pod]}]}
  parameters: {}
"""
SUITE = """
apiVersion: test.gatekeeper.sh/v1alpha1
kind: Suite
tests:
- name: names
  template: t.yaml
  constraint: c.yaml
  cases:
  - name: good
    object: good.yaml
    assertions: [{violations: no}]
  - name: bad
    object: bad.yaml
    assertions: [{violations: 1, message: "^bad does not begin with web-"}]
"""


def pod(name: str) -> str:
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "files"
    found.mkdir()
    texts = {"t": TEMPLATE, "c": CONSTRAINT, "suite": SUITE, "good": pod("web-1"), "bad": pod("bad")}
    for name, text in texts.items():
        (found / f"{name}.yaml").write_text(text)
    return found


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


# --- verify


def test_verify_passes(gator: Gator, folder: Path) -> None:
    ran = gator(["verify", "suite.yaml"], folder)
    assert (ran.exit, ran.stdout, ran.stderr) == (0, "ok\tsuite.yaml\t<T>s\nPASS\n\n", "")


def test_verify_prints_what_rego_prints(gator: Gator, folder: Path) -> None:
    ran = gator(["verify", "suite.yaml", "-v", "--run", "bad"], folder)
    assert ran.stdout.splitlines() == [
        "=== RUN   names",
        "    === SKIP  good",
        "    === RUN   bad",
        "        === PRINT ===",
        "        looking at bad",
        "    --- PASS: bad\t(<T>s)",
        "--- PASS: names\t(<T>s)",
        "ok\tsuite.yaml\t<T>s",
        "PASS",
        "",
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        pytest.param("suite.yaml", "violations: 1", "violations: 2", "got 1 violations containing", id="an assertion"),
        pytest.param("suite.yaml", "object: bad.yaml", "object: no.yaml", "no.yaml: no such file", id="no object"),
        pytest.param("suite.yaml", "object: bad.yaml", "object: suite.yaml", "", id="any object will do"),
        pytest.param(
            "suite.yaml", "constraint: c.yaml", "constraint: t.yaml", "  not a Constraint", id="no constraint"
        ),
        pytest.param(
            "suite.yaml", "template: t.yaml", "template: c.yaml", "not a ConstraintTemplate", id="no template"
        ),
        pytest.param("suite.yaml", "template: t.yaml", "name2: x", "invalid Suite: missing template", id="no template"),
        pytest.param("t.yaml", "not startswith", "not starts", "undefined function starts", id="a template's code"),
        pytest.param(
            "c.yaml", "parameters: {}", "parameters: {prefix: 3}", "schema validation failed", id="parameters"
        ),
        pytest.param("c.yaml", "kind: Named", "kind: Other", 'template "other" not found', id="another kind"),
        pytest.param(
            "bad.yaml",
            "kind: Pod",
            "kind: Pod\nkind: Pod",
            'line 3: mapping key "kind" already defined',
            id="a key twice",
        ),
        pytest.param("bad.yaml", "apiVersion: v1", "- x", "yaml: line 1: did not find expected", id="malformed"),
        pytest.param("bad.yaml", pod("bad"), "- x\n", "cannot unmarshal !!seq into", id="a list"),
        pytest.param(
            "suite.yaml",
            "constraint: c.yaml",
            "constraint: c.yaml\n  expansion: x.yaml",
            "expansion is not supported yet",
            id="expansion",
        ),
    ],
)
def test_verify_fails_and_says_why(gator: Gator, folder: Path, name: str, old: str, new: str, told: str) -> None:
    change(folder, name, old, new)
    ran = gator(["verify", "suite.yaml"], folder)
    assert ran.exit == 1
    assert ran.stderr == "Error: FAIL\n"
    assert told in ran.stdout
    assert ran.stdout.endswith("FAIL\tsuite.yaml\t<T>s\nFAIL\n\n")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(["verify"], "Missing argument 'PATH'", id="no path"),
        pytest.param(["verify", "a", "b"], "unexpected extra argument (b)", id="two paths"),
        pytest.param(["verify", "suite.yaml", "--verbose=perhaps"], 'invalid argument "perhaps"', id="a switch"),
        pytest.param(["verify", "suite.yaml", "--nonsense"], "No such option", id="unknown option"),
        pytest.param(["verify", "suite.yaml", "-t"], "tracing of Rego is not supported yet", id="trace"),
        pytest.param(["test", "x.yaml"], "unexpected extra argument (x.yaml)", id="an argument"),
        pytest.param(["test", "-i", "x"], "OCI images are not supported yet", id="image"),
        pytest.param(["test"], "no input data identified", id="nothing"),
        pytest.param(["test", "-f", "nope"], 'stat on path "nope": no such file or directory', id="no file"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_1(gator: Gator, folder: Path, args: list[str], told: str) -> None:
    ran = gator(args, folder)
    assert (ran.exit, ran.stdout) == (1, "")
    assert told in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_help(gator: Gator, folder: Path) -> None:
    for name in ("verify", "test"):
        ran = gator([name, "--help"], folder)
        assert ran.exit == 0
        assert "--enable-k8s-native-validation" in ran.stdout
        assert "--no-" not in ran.stdout


# --- test


FILES = ["-f", "t.yaml", "-f", "c.yaml", "-f", "good.yaml", "-f", "bad.yaml"]
LINE = 'v1/Pod shop/bad: ["begins"] Message: "bad does not begin with web- <&>"\n'


def test_text(gator: Gator, folder: Path) -> None:
    ran = gator(["test", *FILES], folder)
    assert (ran.exit, ran.stdout, ran.stderr) == (1, LINE, "")


def test_folder_stdin_and_prints(gator: Gator, folder: Path) -> None:
    for name in ("bad.yaml", "good.yaml"):
        (folder / name).unlink()
    ran = gator(["test", "-f", ".", "-v"], folder, pod("bad"))
    assert ran.stdout == f"{LINE}\nlooking at bad\n\n"


def test_json(gator: Gator, folder: Path) -> None:
    ran = gator(["test", *FILES, "-o=json"], folder)
    (found,) = json.loads(ran.stdout)
    assert list(found) == [
        "target",
        "msg",
        "metadata",
        "constraint",
        "enforcementAction",
        "violatingObject",
        "trace",
    ]
    assert found["metadata"] == {"details": {"prefix": "web-"}}
    assert found["constraint"]["spec"]["parameters"] == {"prefix": "web-"}
    assert found["violatingObject"]["metadata"]["name"] == "bad"
    assert "\\u003c\\u0026\\u003e" in ran.stdout  # as Go's encoder writes it
    assert ran.stdout.startswith('[\n    {\n        "target"')


def test_statistics(gator: Gator, folder: Path) -> None:
    found = json.loads(gator(["test", *FILES, "--stats", "-o", "json"], folder).stdout)
    assert [result["msg"] for result in found["results"]] == ["bad does not begin with web- <&>"]
    assert len(found["stats"]) == 2  # two Pods match; templates and constraints don't
    entry = found["stats"][0]
    times = [stat.pop("value") for stat in entry["stats"]]
    assert times[0] > 0
    assert times[1] == 1
    source = {"type": "engine", "value": "Rego"}
    assert entry == {
        "scope": "template",
        "statsFor": "Named",
        "stats": [{"name": "templateRunTimeNS", "source": source}, {"name": "constraintCount", "source": source}],
        "labels": [
            {"name": "TracingEnabled", "value": False},
            {"name": "PrintEnabled", "value": False},
            {"name": "target", "value": "admission.k8s.gatekeeper.sh"},
        ],
    }
    found = yaml.safe_load(gator(["test", *FILES, "--stats", "-o", "yaml"], folder).stdout)
    assert [entry["statsfor"] for entry in found["stats"]] == ["Named", "Named"]
    assert gator(["test", *FILES, "--stats"], folder).stdout == LINE


def test_yaml(gator: Gator, folder: Path) -> None:
    ran = gator(["test", *FILES, "--output", "YAML"], folder)
    (found,) = yaml.safe_load(ran.stdout)
    assert list(found["result"]) == [
        "target",
        "msg",
        "metadata",
        "constraint",
        "enforcementaction",
        "scopedenforcementactions",
    ]
    assert found["violatingObject"]["kind"] == "Pod"


@pytest.mark.parametrize(("form", "text"), [("json", "null"), ("yaml", "[]\n"), ("default", ""), ("", ""), ("xml", "")])
def test_nothing_found(gator: Gator, folder: Path, form: str, text: str) -> None:
    ran = gator(["test", "-f", "t.yaml", "-f", "c.yaml", "-f", "good.yaml", "-o", form], folder)
    assert (ran.exit, ran.stdout) == (0, text)


def test_deny_only_hides_but_the_exit_code_stays(gator: Gator, folder: Path) -> None:
    change(folder, "c.yaml", "spec:", "spec:\n  enforcementAction: warn")
    assert gator(["test", *FILES], folder).exit == 0
    assert gator(["test", *FILES], folder).stdout == LINE
    assert gator(["test", *FILES, "--deny-only=true"], folder).stdout == ""
    assert gator(["test", *FILES, "--deny-only=false"], folder).stdout == LINE


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        pytest.param(
            "t.yaml",
            "kind: Named",
            "kind: Other",
            'auditing objects: adding template "named": invalid ConstraintTemplate: ',
            id="template",
        ),
        pytest.param(
            "c.yaml",
            "kind: Named",
            "kind: Other",
            'auditing objects: adding constraint "begins": missing ConstraintTemplate: template "other" not found '
            "- mend c.yaml:2",
            id="constraint",
        ),
        pytest.param(
            "bad.yaml",
            "kind: Pod",
            "kin: Pod",
            'auditing objects: adding data of GVK "/v1, Kind=": admission.k8s.gatekeeper.sh: invalid request object: '
            "resource bad has no kind - mend bad.yaml:1",
            id="an object without kind",
        ),
        pytest.param(
            "bad.yaml", "kind: Pod", "kind: [", "reading: reading from filenames: bad.yaml:3: ", id="malformed"
        ),
        pytest.param("bad.yaml", "apiVersion: v1\nkind: Pod\n", "- x\n#", "bad.yaml:", id="no object"),
        pytest.param(
            "bad.yaml",
            "apiVersion: v1\nkind: Pod",
            "apiVersion: mutations.gatekeeper.sh/v1\nkind: Assign",
            "mutation and expansion are not supported yet - leave bad.yaml:1 out of the input",
            id="a mutator",
        ),
    ],
)
def test_errors_name_object_and_place(gator: Gator, folder: Path, name: str, old: str, new: str, told: str) -> None:
    change(folder, name, old, new)
    ran = gator(["test", *FILES], folder)
    assert (ran.exit, ran.stdout) == (1, "")
    assert told in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_an_object_that_stands_twice_is_told(gator: Gator, folder: Path) -> None:
    ran = gator(["test", *FILES, "-f", "bad.yaml"], folder)
    assert ran.stdout == LINE * 2
    assert ran.stderr == (
        '<TIME> WARNING - Resource named "bad" (from file: "bad.yaml") is already defined in file: "bad.yaml"\n'
    )


def test_the_starter_policies_review_their_own_samples(gator: Gator, repository: Path) -> None:
    ran = gator(["test", "-f", "policies/host-access"], repository)
    assert ran.exit == 1
    assert "container shell is privileged" in ran.stdout
    assert ran.stderr.count("WARNING") == 0
