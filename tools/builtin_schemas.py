"""Make gatewright/data/builtin-schemas.json.gz: the structure of the built-in kinds, without descriptions.

Run by hand when Kubernetes moves on, never by the product or its tests:

    python -m venv .venv-schemas && .venv-schemas/bin/pip install --no-deps --require-hashes -r requirements/schemas.txt
    .venv-schemas/bin/python tools/builtin_schemas.py            # writes gatewright/data/builtin-schemas.json.gz
    .venv-schemas/bin/python tools/builtin_schemas.py --kubernetes 1.35 --output other.json.gz

The source is the package kubernetes-validate: complete in types, required fields, formats and x-kubernetes-* keys, but
without defaults. The tables below give back the defaults that decide ownership and merging: a Go struct that is no
pointer is always there (default {}), and a list key that may be left out has its default value. They were read off a
real server's OpenAPI document of the same version.

The file holds {"kubernetes": "1.36", "kinds": {"apps/v1": {"Deployment": "apps.v1.Deployment"}}, "definitions": {name:
schema}} where a schema has type, properties, items, additionalProperties, required, format, default, "$ref" (a
definition's name) and x-kubernetes-*. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

OUTPUT = Path(__file__).resolve().parent.parent / "gatewright" / "data" / "builtin-schemas.json.gz"

# Prefixes of definition names, and what stands for them in the file.
PREFIXES = (
    ("io.k8s.api.", ""),
    ("io.k8s.apiextensions-apiserver.pkg.apis.", ""),
    ("io.k8s.kube-aggregator.pkg.apis.", ""),
    ("io.k8s.apimachinery.pkg.apis.", ""),
    ("io.k8s.apimachinery.pkg.", ""),
)

# Kinds that are no stored objects, and groups that a policy controller's cluster does not need.
UNSERVED_KINDS = {"APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "DeleteOptions", "Status", "WatchEvent"}
UNSERVED_GROUPS = {"internal.apiserver.k8s.io", "resource.k8s.io", "storagemigration.k8s.io"}

# Fields that hold a struct by value under a name of their own and are not required: always written, {} at least.
STRUCTS = {
    "apps.v1.DaemonSetSpec": ("updateStrategy",),
    "apps.v1.DeploymentSpec": ("strategy",),
    "apps.v1.ReplicaSetSpec": ("template",),
    "apps.v1.StatefulSetSpec": ("updateStrategy",),
    "authentication.v1.SelfSubjectReviewStatus": ("userInfo",),
    "authentication.v1.TokenReviewStatus": ("user",),
    "core.v1.Container": ("resources",),
    "core.v1.ContainerStatus": ("state", "lastState"),
    "core.v1.EphemeralContainer": ("resources",),
    "core.v1.Event": ("source",),
    "core.v1.NodeDaemonEndpoints": ("kubeletEndpoint",),
    "core.v1.NodeStatus": ("daemonEndpoints", "nodeInfo"),
    "core.v1.PersistentVolumeClaimSpec": ("resources",),
    "core.v1.PodTemplate": ("template",),
    "core.v1.ServiceStatus": ("loadBalancer",),
    "discovery.v1.Endpoint": ("conditions",),
    "events.v1.Event": ("regarding", "deprecatedSource"),
    "flowcontrol.v1.LimitedPriorityLevelConfiguration": ("limitResponse",),
    "networking.v1.IngressServiceBackend": ("port",),
    "networking.v1.IngressStatus": ("loadBalancer",),
    "networking.v1.NetworkPolicySpec": ("podSelector",),
    "apiextensions.v1.CustomResourceDefinitionStatus": ("acceptedNames",),
}
# Objects are structs by value under these names too, but for the second table.
STRUCT_NAMES = {"metadata", "spec", "status"}
# Pointers although required, or although named so.
POINTERS = {
    "apps.v1.DaemonSetSpec": ("selector",),
    "apps.v1.DeploymentSpec": ("selector",),
    "apps.v1.ReplicaSetSpec": ("selector",),
    "apps.v1.StatefulSetSpec": ("selector",),
    "core.v1.ScaleIOPersistentVolumeSource": ("secretRef",),
    "core.v1.ScaleIOVolumeSource": ("secretRef",),
    "networking.v1.IPAddressSpec": ("parentRef",),
    "networking.v1beta1.IPAddressSpec": ("parentRef",),
    "apiextensions.v1.CustomResourceSubresources": ("status",),
}
# Scalars with a default in the schema itself; everything else is defaulted by code.
SCALARS: dict[str, dict[str, Any]] = {
    "core.v1.ContainerPort": {"protocol": "TCP"},
    "core.v1.ServicePort": {"protocol": "TCP"},
    "core.v1.ReplicationControllerSpec": {"replicas": 1},
    "core.v1.AzureDiskVolumeSource": {"cachingMode": "ReadWrite", "fsType": "ext4", "kind": "Shared"},
    "core.v1.ISCSIPersistentVolumeSource": {"iscsiInterface": "default"},
    "core.v1.ISCSIVolumeSource": {"iscsiInterface": "default"},
    "core.v1.RBDPersistentVolumeSource": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "core.v1.RBDVolumeSource": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "core.v1.ScaleIOPersistentVolumeSource": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "core.v1.ScaleIOVolumeSource": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def source_folder(version: str) -> Path:
    found = importlib.util.find_spec("kubernetes_validate")
    if found is None or not found.submodule_search_locations:
        sys.exit("kubernetes-validate is not installed - install requirements/schemas.txt into a temporary environment")
    folder = Path(found.submodule_search_locations[0]) / "kubernetes-json-schema" / f"v{version}.0-local"
    if not folder.is_dir():
        sys.exit(f"kubernetes-validate has no schemas for Kubernetes {version} - it has those named in {folder.parent}")
    return folder


def short(name: str) -> str:
    for prefix, stands in PREFIXES:
        if name.startswith(prefix):
            return stands + name.removeprefix(prefix)
    return name


def structure(schema: Schema) -> Schema:
    """One schema without what only readers need; `null` beside a type says nothing that Go's decoding does not do
    anyway.
    """
    kept: Schema = {}
    for key, value in schema.items():
        if key == "$ref":
            kept[key] = short(value.removeprefix("#/$defs/"))
        elif key == "type":
            kept[key] = value if isinstance(value, str) else next(name for name in value if name != "null")
        elif key == "properties":
            kept[key] = {name: structure(member) for name, member in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            kept[key] = structure(value)
        elif key in ("format", "required", "additionalProperties") or (
            key.startswith("x-kubernetes-") and key not in ("x-kubernetes-group-version-kind", "x-kubernetes-unions")
        ):
            kept[key] = value
    if "oneOf" in schema:
        kept["x-kubernetes-int-or-string"] = True
    return kept


def is_struct(owner: str, name: str, member: Schema, definitions: dict[str, Schema]) -> bool:
    target = definitions.get(member.get("$ref", ""), {})
    if target.get("type") != "object" or member["$ref"] == "runtime.RawExtension" or name in POINTERS.get(owner, ()):
        return False
    if name in STRUCT_NAMES or name in STRUCTS.get(owner, ()):
        return True
    return name in definitions[owner].get("required", ())


def add_defaults(definitions: dict[str, Schema]) -> None:
    for owner, schema in definitions.items():
        for name, member in schema.get("properties", {}).items():
            if is_struct(owner, name, member, definitions):
                member["default"] = {}
            elif name in SCALARS.get(owner, {}):
                member["default"] = SCALARS[owner][name]


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from references(value)


def collect(source: dict[str, Schema]) -> Schema:
    kinds: dict[str, dict[str, str]] = {}
    roots = []
    for long_name in sorted(source):
        for meaning in source[long_name].get("x-kubernetes-group-version-kind", ()):
            group, version, kind = meaning["group"], meaning["version"], meaning["kind"]
            if kind in UNSERVED_KINDS or group in UNSERVED_GROUPS or kind.endswith("List") or "alpha" in version:
                continue
            kinds.setdefault(f"{group}/{version}" if group else version, {})[kind] = short(long_name)
            roots.append(short(long_name))
    every = {short(name): structure(schema) for name, schema in source.items()}
    needed: set[str] = set()
    waiting = roots
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(references(every[name]))
    definitions = {name: every[name] for name in sorted(needed)}
    add_defaults(definitions)
    return {"kinds": kinds, "definitions": definitions}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the compact file of built-in schemas.")
    parser.add_argument("--kubernetes", default="1.36", help="major.minor of the schemas (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file to write (default: %(default)s)")
    chosen = parser.parse_args()
    text = (source_folder(chosen.kubernetes) / "_definitions.json").read_text()
    content = {"kubernetes": chosen.kubernetes, **collect(json.loads(text)["$defs"])}
    plain = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    packed = gzip.compress(plain, compresslevel=9, mtime=0)
    chosen.output.write_bytes(packed)
    count = sum(map(len, content["kinds"].values()))
    told = f"{count} kinds, {len(content['definitions'])} definitions, {len(plain)} bytes, {len(packed)} gzipped"
    sys.stdout.write(f"{chosen.output.name}: {told}\n")


if __name__ == "__main__":
    main()
