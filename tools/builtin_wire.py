"""Makes gatewright/data/builtin-wire.json.gz: how the Go types of the built-in kinds stand on the wire.

Usage: python tools/builtin_wire.py FOLDER VERSION
(FOLDER: where Go keeps k8s.io modules; VERSION: of the staging modules, e.g. v0.36.3)

Per struct and field: JSON name, Go type, whether it is left out when empty, its protobuf number. Facts only; comments
are not read. `apiserver.typed_decoding` (what Go makes of a JSON body) and `apiserver.protobuf` read the file.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "gatewright" / "data" / "builtin-wire.json.gz"
GROUPS = (
    "admissionregistration/v1",
    "apiserverinternal/v1alpha1",
    "apps/v1",
    "authentication/v1",
    "authorization/v1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "certificates/v1",
    "coordination/v1",
    "core/v1",
    "discovery/v1",
    "events/v1",
    "flowcontrol/v1",
    "networking/v1",
    "node/v1",
    "policy/v1",
    "rbac/v1",
    "resource/v1",
    "scheduling/v1",
    "storage/v1",
)
IMPORT = re.compile(r'^\s*(?:(\w+)\s+)?"([^"]+)"\s*$', re.M)
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
NAMED = re.compile(r"^type (\w+) ((?:\[\]|map\[|\*)?[\w.\[\]*]+)\s*$", re.M)
FIELD = re.compile(r"^\t(?:(\w+)\s+)?([\w.*\[\]]+)\s+`([^`]*)`", re.M)
TAG = re.compile(r'(\w+):"([^"]*)"')
BASIC = {"string", "bool", "int", "int32", "int64", "uint8", "byte", "float64", "uint64", "float32"}


def short(path: str) -> str:
    """A package path as a prefix: k8s.io/api/core/v1 -> core.v1."""
    fixed = {
        "k8s.io/apimachinery/pkg/apis/meta/v1": "meta.v1",
        "k8s.io/apimachinery/pkg/api/resource": "api.resource",
        "k8s.io/apimachinery/pkg/util/intstr": "util.intstr",
        "k8s.io/apimachinery/pkg/runtime": "runtime",
        "k8s.io/apimachinery/pkg/types": "types",
        "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1": "apiextensions.v1",
    }
    return fixed.get(path) or ".".join(path.split("/")[-2:])


def typed(text: str, package: str, imports: dict[str, str]) -> str:
    """A Go type with full names."""
    for prefix in ("*", "[]"):
        if text.startswith(prefix):
            return prefix + typed(text[len(prefix) :], package, imports)
    if text.startswith("map["):
        return "map:" + typed(text[text.index("]") + 1 :], package, imports)
    if text in BASIC:
        return "uint8" if text == "byte" else text
    if "." in text:
        alias, name = text.split(".")
        if imports.get(alias) == "types" and name == "UID":
            return "string"
        return f"{imports.get(alias, alias)}.{name}"
    return f"{package}.{text}"


def read(source: Path, package: str, types: dict[str, object], named: dict[str, str]) -> None:
    text = source.read_text()
    imports = {(alias or path.split("/")[-1]): short(path) for alias, path in IMPORT.findall(text.split("\ntype ")[0])}
    for name, body in STRUCT.findall(text):
        fields = []
        for field, kind, tags in FIELD.findall(body):
            tag = dict(TAG.findall(tags))
            if "json" not in tag or tag["json"] == "-":
                continue
            json_name, *options = tag["json"].split(",")
            inline = "inline" in options or (not json_name and not field)
            number = int(tag["protobuf"].split(",")[1]) if "protobuf" in tag else 0
            full = typed(kind, package, imports)
            omit = "z" if "omitzero" in options else "o" if "omitempty" in options else ""
            fields.append([":inline" if inline else json_name, full, omit, number])
        types[f"{package}.{name}"] = fields
    for name, kind in NAMED.findall(text):
        if kind not in ("struct", "interface"):
            named[f"{package}.{name}"] = typed(kind, package, imports)


def main(folder: str, version: str) -> None:
    root = Path(folder)
    types: dict[str, object] = {}
    named: dict[str, str] = {}
    meta = root / f"apimachinery@{version}" / "pkg" / "apis" / "meta" / "v1"
    for path in sorted(meta.glob("*.go")):
        if not path.name.startswith("zz_") and not path.name.endswith("_test.go"):
            read(path, "meta.v1", types, named)
    extensions = root / f"apiextensions-apiserver@{version}" / "pkg" / "apis" / "apiextensions" / "v1"
    for name in ("types.go", "types_jsonschema.go"):
        read(extensions / name, "apiextensions.v1", types, named)
    for group in GROUPS:
        for path in sorted((root / f"api@{version}" / group).glob("*types*.go")):
            read(path, group.replace("/", "."), types, named)
    used = {name: fields for name, fields in sorted(types.items()) if fields}
    content = json.dumps({"types": used, "named": dict(sorted(named.items()))}, separators=(",", ":"))
    TARGET.write_bytes(gzip.compress(content.encode(), 9, mtime=0))
    print(f"{len(used)} structs, {len(named)} named types, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:3])
