"""Draws bodies of built-in kinds that are slightly wrong: good ones with fields set, dropped or repeated.

What a field may hold comes from the shipped schemas, strings from a list of words that mean something to some field.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from gatewright.apiserver.apply import BuiltinSchemas

WORDS = [
    "",
    "a",
    "A_B",
    "a.b",
    "x/y",
    "-a",
    "Never",
    "Always",
    "OnFailure",
    "IfNotPresent",
    "TCP",
    "UDP",
    "tcp",
    "ClusterIP",
    "NodePort",
    "LoadBalancer",
    "ExternalName",
    "None",
    "ClientIP",
    "Local",
    "Cluster",
    "RollingUpdate",
    "Recreate",
    "OnDelete",
    "10.0.0.7",
    "10.0.0.300",
    "::1",
    "10.0.0.0/8",
    "main",
    "v",
    "/abs",
    "../x",
    "http",
    "80",
    "50%",
    "150%",
    "Exists",
    "In",
    "NotIn",
    "DoesNotExist",
    "NoSchedule",
    "NoExecute",
    "metadata.name",
    "limits.cpu",
    "spec.nope",
    "Memory",
    "HTTP",
    "Default",
    "ClusterFirst",
    "RuntimeDefault",
    "Localhost",
    "SingleStack",
    "IPv4",
    "IPv6",
    "Prefix",
    "Exact",
    "*.x.io",
    "x.io",
    "Indexed",
    "NonIndexed",
    "Failed",
    "Allow",
    "Forbid",
    "Parallel",
    "OrderedReady",
    "*/5 * * * *",
    "* * *",
    "Etc/UTC",
    "linux",
    "Fail",
    "Ignore",
    "CREATE",
    "*",
    "Equivalent",
    "DoNotSchedule",
    "Honor",
    "ReadWriteOnce",
    "Filesystem",
    "User",
    "Role",
    "kubernetes.io/tls",
    "v1",
    "true",
]
NUMBERS = (-1, 0, 1, 2, 80, 30001, 65535, 65536, 2147483647)
AMOUNTS = ("1", "100m", "-1", "1Gi", "0", "1.5", "2k")
RESOURCES = ("cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "example.com/gpu", "bad_res", "pods")
KEYS = ("a", "b/c", "Bad Key", "x.io/y", "-z", "k.txt")
FIXED = frozenset({"apiVersion", "kind", "metadata", "status"})


class Dice:
    """Draws by a seed."""

    def __init__(self, seed: int, schemas: BuiltinSchemas) -> None:
        self.random = random.Random(seed)
        self.schemas = schemas

    def body(self, good: Any) -> tuple[Any, list[str]]:
        """The body with one to three changes, and what they are."""
        made, notes = copy.deepcopy(good), []
        for _ in range(self.random.choice((1, 1, 2, 3))):
            schema = self.schemas.definition(good["apiVersion"], good["kind"])
            places = list(self._places(schema, made, ()))
            path, schema, place = self.random.choice(places)
            notes += self._change(path, schema, place)
        return made, notes

    def _places(self, schema: Any, value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
        schema = self.schemas.resolved(schema)
        if isinstance(value, dict) and "properties" in schema:
            yield path, schema, value
            for key, each in value.items():
                if key in schema["properties"] and (path or key not in FIXED):
                    yield from self._places(schema["properties"][key], each, (*path, key))
        elif isinstance(value, list):
            for position, each in enumerate(value):
                yield from self._places(schema["items"], each, (*path, position))

    def _change(self, path: tuple[Any, ...], schema: Any, place: Any) -> list[str]:
        names = [name for name in schema["properties"] if name not in FIXED]
        if not names:
            return []
        name = self.random.choice(names)
        where = ".".join(map(str, (*path, name)))
        held = place.get(name)
        if name in place and self.random.random() < 0.25:
            del place[name]
            return [f"{where} dropped"]
        if isinstance(held, list) and held and self.random.random() < 0.4:
            held.append(copy.deepcopy(held[0]))
            return [f"{where} repeated"]
        place[name] = self._value(schema["properties"][name], 0)
        return [f"{where} = {json.dumps(place[name])}"]

    def _value(self, schema: Any, depth: int) -> Any:
        name = str(schema.get("$ref", ""))
        schema = self.schemas.resolved(schema)
        kind, form = schema.get("type"), schema.get("format")
        pick = self.random.choice
        if name.endswith("Quantity"):
            return pick(AMOUNTS)
        if name.endswith("IntOrString"):
            return pick((*NUMBERS, "50%", "150%", "web", "bad_name"))
        if form in ("date-time", "byte"):
            return "2026-01-01T00:00:00.000000Z" if form == "date-time" else "YQ=="
        if kind in ("integer", "number"):
            return pick(NUMBERS)
        if kind == "boolean":
            return self.random.random() < 0.6
        if kind == "array":
            return [self._value(schema.get("items", {}), depth + 1) for _ in range(pick((1, 1, 2)))]
        if schema.get("properties"):
            return self._object(schema, depth)
        further = schema.get("additionalProperties")
        if isinstance(further, dict):
            keys = RESOURCES if str(further.get("$ref", "")).endswith("Quantity") else KEYS
            return {pick(keys): self._value(further, depth + 1)}
        return {} if kind == "object" else pick(WORDS)

    def _object(self, schema: Any, depth: int) -> Any:
        fields = schema["properties"]
        wanted = [name for name in schema.get("required", ()) if self.random.random() < 0.85]
        more = self.random.sample(sorted(fields), min(len(fields), self.random.choice((1, 1, 2)))) if depth < 3 else []
        return {name: self._value(fields[name], depth + 1) for name in dict.fromkeys([*wanted, *more])}
