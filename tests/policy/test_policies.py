"""The public face: templates and constraints in, verdicts out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from gatewright import Policies
from gatewright.core.errors import PolicyError

Make = Callable[..., dict[str, Any]]

TEXT = """
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: k8sowner
spec:
  crd:
    spec:
      names:
        kind: K8sOwner
      validation:
        openAPIV3Schema:
          type: object
          properties:
            label: {type: string, default: owner}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package k8sowner
        violation[{"msg": msg, "details": {"label": input.parameters.label}}] {
          not input.review.object.metadata.labels[input.parameters.label]
          msg := sprintf("%v needs the label %v", [input.review.object.metadata.name, input.parameters.label])
        }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: K8sOwner
metadata:
  name: owner
spec:
  match:
    kinds: [{apiGroups: [""], kinds: [Pod]}]
    namespaceSelector: {matchLabels: {checked: "yes"}}
  parameters: {}
---
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {checked: "yes"}
"""
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}


def test_from_yaml() -> None:
    policies = Policies.from_yaml(TEXT)
    (result,) = policies.review(POD)
    assert (result.msg, result.action, result.name) == ("web needs the label owner", "deny", "owner")
    assert result.metadata == {"details": {"label": "owner"}}
    assert policies.review({**POD, "metadata": {**POD["metadata"], "labels": {"owner": "me"}}}) == []
    assert policies.review({**POD, "kind": "Service"}) == []


def test_data_replaces_by_kind_and_name() -> None:
    other = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    policies = Policies.from_yaml(TEXT)
    assert policies.with_data([other]).review(POD) == []
    assert len(policies.review(POD)) == 1


def test_admission_reviews() -> None:
    request = {"operation": "DELETE", "namespace": "shop", "oldObject": POD}
    policies = Policies.from_yaml(TEXT)
    assert len(policies.review_request(request)) == 1
    assert len(policies.review_request({"kind": "AdmissionReview", "request": request})) == 1
    with pytest.raises(PolicyError, match="without a request"):
        policies.review_request({"kind": "AdmissionReview"})


def test_a_template_that_does_not_compile_is_named(template: Make) -> None:
    with pytest.raises(PolicyError, match="ConstraintTemplate k8sfoo: invalid ConstraintTemplate"):
        Policies([template("package x")])


def test_a_constraint_that_is_refused_is_named(template: Make, constraint: Make) -> None:
    ok = 'package x\nviolation[{"msg": "m"}] { true }'
    with pytest.raises(PolicyError, match="K8sBar c: missing ConstraintTemplate"):
        Policies([template(ok)], [constraint(kind="K8sBar")])
    with pytest.raises(PolicyError, match="K8sFoo c: missing required field"):
        Policies([template(ok)], [constraint(enforcementAction="scoped")])


def test_the_package_itself_loads_no_engine() -> None:
    code = "import sys, gatewright; print(sorted(m for m in sys.modules if m.startswith('gatewright.')))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
