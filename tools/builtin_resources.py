"""Makes gatewright/data/builtin-resources.json: the resources of a kube-apiserver, their verbs, names and columns.

Usage: python tools/builtin_resources.py URL TOKEN
(a fresh kube-apiserver of the version to claim, e.g. `python -m tests.realapi.server`)

Only what discovery and empty Tables say. The embedded server's registry (apiserver.resources) reads the file; run it
again for a new version.
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import Any

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
TARGET = Path(__file__).resolve().parent.parent / "gatewright" / "data" / "builtin-resources.json"


def get(url: str, token: str, path: str, accept: str) -> Any:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}", "Accept": accept})
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)


def entry(group: str, version: str, found: dict[str, Any], hashes: dict[str, str]) -> dict[str, Any]:
    kind = found["responseKind"]
    one: dict[str, Any] = {
        "group": group,
        "version": version,
        "plural": found["resource"],
        "singular": found["singularResource"],
        "kind": kind["kind"],
        "namespaced": found["scope"] == "Namespaced",
        "verbs": found["verbs"],
    }
    if found.get("shortNames"):
        one["short"] = found["shortNames"]
    if found.get("categories"):
        one["categories"] = found["categories"]
    if hashes.get(found["resource"]):
        one["hash"] = hashes[found["resource"]]
    if found.get("subresources"):
        one["sub"] = [
            {"name": sub["subresource"], "kind": sub["responseKind"], "verbs": sub["verbs"]}
            for sub in found["subresources"]
        ]
    return one


def main(url: str, token: str) -> None:
    entries = []
    columns: dict[str, Any] = {}
    for root in ("/api", "/apis"):
        for group in get(url, token, root, DISCOVERY)["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                prefix = f"/apis/{name}/{version['version']}" if name else f"/api/{version['version']}"
                plain = get(url, token, prefix, "application/json")["resources"]
                hashes = {one["name"]: one.get("storageVersionHash", "") for one in plain}
                for found in version["resources"]:
                    one = entry(name, version["version"], found, hashes)
                    if "list" in found["verbs"]:
                        table = get(url, token, f"{prefix}/{found['resource']}?limit=1", TABLE)
                        one["columns"] = table["columnDefinitions"]
                    entries.append(one)
    texts: list[str] = []
    for one in entries:  # descriptions repeat: kept once each
        for column in one.get("columns", ()):
            text = column.pop("description")
            if text not in texts:
                texts.append(text)
            column["text"] = texts.index(text)
            columns[text] = True
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in entries)
    told = ",\n".join(json.dumps(text) for text in texts)
    paths = get(url, token, "/", "application/json")["paths"]
    TARGET.write_text(f'{{"texts":[\n{told}\n],"paths":{json.dumps(paths)},\n"resources":[\n{lines}\n]}}\n')
    print(f"{len(entries)} resources, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:3])
