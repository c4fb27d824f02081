"""The Rego of the policy library: every template compiles, and each case of its suites gives the verdict and the
messages that the suite wants.

A minimal stand-in for the whole way (matching, parameter defaults and review documents are tested where they are
made): the review is built from the object, the inventory from the case's files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright import rego

pytestmark = pytest.mark.needs("conformance")


def documents(path: Path) -> list[Any]:
    return [d for d in yaml.safe_load_all(path.read_text()) if d]


def rego_sources(template: dict[str, Any]) -> tuple[list[str], str]:
    """([entry source, libs...], syntax) of a template's Rego; nothing where it has none."""
    target = template["spec"]["targets"][0]
    for code in target.get("code") or []:
        if code["engine"] == "Rego":
            source = code["source"]
            return [source["rego"], *source.get("libs", [])], "v1" if source.get("version") == "v1" else "v0"
    return ([target["rego"], *target.get("libs", [])], "v0") if "rego" in target else ([], "v0")


def load(template: dict[str, Any]) -> rego.Prepared | None:
    sources, syntax = rego_sources(template)
    if not sources:
        return None
    modules = rego.parse_sources({f"m{i}": s for i, s in enumerate(sources)}, syntax)
    artifact = rego.compile_artifact(modules)
    return rego.load_artifact(artifact).rule(".".join([*modules[0].package, "violation"]))


def review_of(obj: dict[str, Any]) -> dict[str, Any]:
    if obj.get("kind") == "AdmissionReview":
        return dict(obj["request"])
    group, _, version = obj["apiVersion"].rpartition("/")
    meta = obj.get("metadata", {})
    review = {
        "uid": "",
        "kind": {"group": group, "version": version, "kind": obj["kind"]},
        "operation": "",
        "userInfo": {},
        "name": meta.get("name", ""),
        "object": obj,
    }
    if "namespace" in meta:
        review["namespace"] = meta["namespace"]
    return review


def inventory_of(paths: list[Path]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for path in paths:
        for obj in documents(path):
            meta = obj["metadata"]
            node = (
                out.setdefault("namespace", {}).setdefault(meta["namespace"], {})
                if "namespace" in meta
                else out.setdefault("cluster", {})
            )
            node.setdefault(obj["apiVersion"], {}).setdefault(obj["kind"], {})[meta["name"]] = obj
    return out


def wanted(assertion: dict[str, Any], messages: list[str]) -> bool:
    """Does an assertion of a suite hold for the messages of a case?"""
    pattern = assertion.get("message")
    found = [m for m in messages if pattern is None or re.search(pattern, m)]
    want = assertion.get("violations", "yes")
    if want in ("no", False):
        return not found
    if want in ("yes", True):
        return bool(found)
    return len(found) == int(want)


def suite_cases(folder: Path) -> Iterator[tuple[str, str, bool]]:
    for suite_path in sorted(folder.glob("**/suite.yaml")):
        base = suite_path.parent
        for suite in documents(suite_path):
            for test in suite["tests"]:
                prepared = load(documents(base / test["template"])[0])
                if prepared is None:
                    continue
                constraint = documents(base / test["constraint"])[0] if "constraint" in test else {}
                parameters = constraint.get("spec", {}).get("parameters") or {}
                for case in test["cases"]:
                    obj = documents(base / case["object"])[0]
                    data = {"inventory": inventory_of([base / p for p in case.get("inventory", [])])}
                    found = prepared({"review": review_of(obj), "parameters": parameters}, data)
                    messages = [v["msg"] for v in found]
                    for a in case.get("assertions", [{"violations": "yes"}]):
                        yield (
                            f"{suite_path.parent.name}/{test['name']}/{case['name']}",
                            f"{a} got {messages}",
                            wanted(a, messages),
                        )


@pytest.mark.slow
def test_every_case_of_every_suite_holds(conformance: Path) -> None:
    results = list(suite_cases(conformance / "library"))
    assert len(results) > 200
    assert not [(name, text) for name, text, ok in results if not ok]


def test_every_template_compiles(conformance: Path) -> None:
    templates = [documents(p)[0] for p in sorted((conformance / "library").glob("**/template.yaml"))]
    assert len(templates) > 40
    prepared = [load(t) for t in templates]
    assert sum(p is not None for p in prepared) > 40
