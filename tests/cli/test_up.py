"""`gatewright up` and `gatewright wait` as a user meets them: what they print, what they leave behind, how they end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.programs import ROOT, Program, running

READY = re.compile(r"^\w+ Ready after \d+\.\d\d s$")

pytestmark = pytest.mark.slow


def template(kind: str, rego: str) -> dict[str, Any]:
    names = {"crd": {"spec": {"names": {"kind": kind}}}}
    targets = [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}]
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower()},
        "spec": {**names, "targets": targets},
    }


def constraint(kind: str) -> dict[str, Any]:
    return {"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": kind, "metadata": {"name": "all"}, "spec": {}}


GOOD = template("CliGood", 'package x\nviolation[{"msg": "no"}] { input.review.object.spec.bad }\n')
BAD = template("CliBad", 'package x\nviolation[{"msg": m}] { true }\n')


def waited(kubeconfig: Path, what: str, timeout: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gatewright", "wait", what, "--timeout", timeout, "--kubeconfig", str(kubeconfig)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def everything(program: Program) -> list[str]:
    """All lines up to the last that `up` prints before it waits."""
    program.line("Ctrl-C stops it.")
    return program.lines


def test_the_starter_policies(tmp_path: Path) -> None:
    """A line for each template, then how to reach the server; a kubeconfig that only its owner reads; a clean end."""
    kubeconfig = tmp_path / "kubeconfig"
    with running("up", "policies", "--kubeconfig-out", str(kubeconfig)) as program:
        lines = everything(program)
        count = len(list((ROOT / "policies").glob("*/template.yaml")))
        assert [bool(READY.match(line)) for line in lines[:count]] == [True] * count
        assert re.match(r"^API server at https://127\.0\.0\.1:\d+;", lines[count])
        assert lines[count + 1] == f"  export KUBECONFIG={kubeconfig}"
        assert kubeconfig.stat().st_mode & 0o777 == 0o600
        assert program.stop(signal.SIGINT) == 0


def test_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    with running("up", "--kubeconfig-out", str(tmp_path / "kubeconfig")) as program:
        everything(program)
        assert program.stop(signal.SIGTERM) == 0


def test_a_template_that_does_not_compile_and_a_constraint_without_its_template(tmp_path: Path) -> None:
    """Each is told in one line that names the object; the others come up; `wait` tells the outcomes apart."""
    files = tmp_path / "policies"
    files.mkdir()
    (files / "one.yaml").write_text(yaml.safe_dump_all([GOOD, BAD, constraint("CliGood")]))
    kubeconfig = tmp_path / "kubeconfig"
    with running("up", str(files), "--kubeconfig-out", str(kubeconfig)) as program:
        lines = everything(program)
        assert any(line.startswith("cligood Ready after ") for line in lines)
        (failed,) = [line for line in lines if line.startswith("gatewright: ")]
        assert failed.startswith("gatewright: ConstraintTemplate clibad failed: ")
        assert "template:2: rego_unsafe_var_error: var m is unsafe" in failed
        assert not any("Traceback" in line for line in lines)

        good = waited(kubeconfig, "constrainttemplate/cligood", "30s")
        assert (good.returncode, good.stderr) == (0, "")
        assert good.stdout.startswith("ConstraintTemplate/cligood is ready: ")
        enforced = waited(kubeconfig, "CliGood/all", "30s")
        assert (enforced.returncode, enforced.stderr) == (0, "")
        bad = waited(kubeconfig, "constrainttemplate/clibad", "30s")
        assert bad.returncode == 1
        assert bad.stderr.startswith("gatewright: ConstraintTemplate/clibad has failed: ")
        assert bad.stderr.count("\n") == 1
        never = waited(kubeconfig, "constrainttemplate/nobody", "200ms")
        assert never.returncode == 2
        assert never.stderr.count("\n") == 1
        unserved = waited(kubeconfig, "nonsense/nobody", "200ms")
        assert unserved.returncode != 0
        assert unserved.stderr.startswith("gatewright: no constraint kind 'nonsense' is served")
        assert program.stop() == 0
