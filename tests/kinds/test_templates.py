"""Reading ConstraintTemplates of each served version."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.kinds.templates import NotATemplate, Target, read_template


def template(version: str = "v1", **spec: Any) -> dict[str, Any]:
    names = {"kind": "K8sFoo", "shortNames": ["foo"]}
    return {
        "apiVersion": f"templates.gatekeeper.sh/{version}",
        "kind": "ConstraintTemplate",
        "metadata": {"name": "k8sfoo", "uid": "u", "generation": 4, "labels": {"a": "b"}},
        "spec": {"crd": {"spec": {"names": names, **spec.pop("crd", {})}}, **spec},
    }


def test_names_and_metadata() -> None:
    read = read_template(template(targets=[{"target": "admission.k8s.gatekeeper.sh"}]))
    assert (read.name, read.kind, read.uid, read.generation, read.short_names) == ("k8sfoo", "K8sFoo", "u", 4, ("foo",))
    assert read.labels == {"a": "b"}
    assert read.targets == (Target("admission.k8s.gatekeeper.sh"),)


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha1"])
def test_rego_field_becomes_code(version: str) -> None:
    read = read_template(template(version, targets=[{"target": "t", "rego": "package a", "libs": ["package lib.b"]}]))
    assert read.engines == ("Rego",)
    assert read.source("Rego") == {"rego": "package a", "version": "", "libs": ["package lib.b"]}


def test_rego_field_replaces_code_of_the_same_engine_in_its_place() -> None:
    code = [{"engine": "Rego", "source": {"rego": "package old"}}, {"engine": "K8sNativeValidation", "source": {}}]
    read = read_template(template(targets=[{"target": "t", "rego": "package new", "code": code}]))
    assert read.engines == ("Rego", "K8sNativeValidation")
    assert read.source("Rego") == {"rego": "package new", "version": ""}


@pytest.mark.parametrize(
    ("version", "validation", "schema"),
    [
        pytest.param("v1", None, None, id="v1 without validation"),
        pytest.param("v1beta1", None, {"x-kubernetes-preserve-unknown-fields": True}, id="v1beta1 without validation"),
        pytest.param("v1", {"openAPIV3Schema": {"type": "object"}}, {"type": "object"}, id="v1 keeps the schema"),
        pytest.param(
            "v1alpha1",
            {"openAPIV3Schema": {"properties": {"l": {"type": "array"}, "s": {"type": "string"}}}},
            {
                "x-kubernetes-preserve-unknown-fields": True,
                "properties": {
                    "l": {"type": "array", "items": {"x-kubernetes-preserve-unknown-fields": True}},
                    "s": {"type": "string"},
                },
            },
            id="legacy schema keeps unknown fields",
        ),
        pytest.param(
            "v1", {"legacySchema": True}, {"x-kubernetes-preserve-unknown-fields": True}, id="legacy without schema"
        ),
        pytest.param("v1beta1", {"legacySchema": False}, None, id="not legacy, no schema"),
        pytest.param(
            "v1beta1",
            {"openAPIV3Schema": {"type": "object", "additionalProperties": {"type": "object"}}},
            {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
                "additionalProperties": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
            id="additional properties",
        ),
    ],
)
def test_parameters_schema(version: str, validation: Any, schema: Any) -> None:
    crd = {} if validation is None else {"validation": validation}
    assert read_template(template(version, crd=crd)).schema == schema


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        pytest.param({"apiVersion": "v1", "kind": "Pod"}, "not a ConstraintTemplate", id="another kind"),
        pytest.param(template("v2"), "is registered for version", id="another version"),
        pytest.param(template(targets="x"), "cannot unmarshal string", id="targets of the wrong type"),
        pytest.param(template(targets=[{"target": 1}]), "cannot unmarshal number", id="target of the wrong type"),
        pytest.param(
            template("v1beta1", crd={"validation": {"openAPIV3Schema": {"items": [{}]}}}),
            "multiple schemas are not supported",
            id="several item schemas",
        ),
    ],
)
def test_refused(thing: dict[str, Any], text: str) -> None:
    with pytest.raises(NotATemplate) as caught:
        read_template(thing)
    assert text in caught.value.what


def test_absent_targets_are_told_from_none() -> None:
    assert read_template(template()).targets is None
    assert read_template(template(targets=[])).targets == ()


def test_fields_that_no_schema_has_are_dropped() -> None:
    schema = {
        "type": "object",
        "$comment": "x",
        "properties": {"a": {"type": "array", "items": {"type": "string", "widget": 1}}, "widget": {"type": "string"}},
        "additionalProperties": False,
    }
    read = read_template(template(crd={"validation": {"openAPIV3Schema": schema}}))
    assert read.schema == {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "string"}}, "widget": {"type": "string"}},
        "additionalProperties": False,
    }
