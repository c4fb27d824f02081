"""One served version of a CustomResourceDefinition, compiled: what requests for its objects need to know.

`resources` makes endpoints of these and keeps them beside the stored definition; `custom` has the stages of requests.
Compiling costs milliseconds: do it once per definition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gatewright.apiserver.apply.types import Type, Types, crd_types
from gatewright.apiserver.crds.json_paths import BadPath, JsonPath, compile_path
from gatewright.apiserver.printing import age
from gatewright.core import go_text
from gatewright.core.clock import Now
from gatewright.core.objects import Object, dig
from gatewright.core.schemas import Node, Schema, compile_schema

_NAME_TEXT = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may "
    "allow a client to request the generation of an appropriate name automatically. Name is primarily intended"
    " for creation idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
_CREATED_TEXT = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not "
    "guaranteed to be set in happens-before order across separate operations. Clients may not set this value. "
    "It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. "
    "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
_ONLY_AGE = ({"name": "Age", "type": "date", "description": _CREATED_TEXT, "jsonPath": ".metadata.creationTimestamp"},)


@dataclass(frozen=True, slots=True)
class Scale:
    """The paths of the scale subresource, as tuples of field names; selector is () where there is none."""

    replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    selector: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Served:
    """A version that is served.

    crd:        the whole definition
    version:    its name; storage_version: the name of the version that objects are stored in
    warning:    what clients of a deprecated version are warned with, "" where it is not
    selectable: JSON paths of selectable fields, as written
    """

    crd: Object
    version: str
    storage_version: str
    warning: str
    selectable: tuple[str, ...]

    @cached_property
    def _raw(self) -> Object:
        return next(each for each in self.crd["spec"]["versions"] if each.get("name") == self.version)

    @property
    def group(self) -> str:
        return str(self.crd["spec"]["group"])

    @property
    def kind(self) -> str:
        return str(self.crd["spec"]["names"]["kind"])

    @property
    def namespaced(self) -> bool:
        return bool(self.crd["spec"].get("scope") == "Namespaced")

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"

    @cached_property
    def schema(self) -> Schema:
        """The compiled schema of whole objects."""
        return compile_schema((self._raw.get("schema") or {}).get("openAPIV3Schema") or {})

    @cached_property
    def status_schema(self) -> Schema | None:
        found = self.schema.root.properties.get("status")
        return None if found is None else Schema(found)

    @cached_property
    def has_rules(self) -> bool:
        """Whether the schema has validation rules (CEL) anywhere that counts."""
        return _has_rules(self.schema.root)

    @cached_property
    def status_subresource(self) -> bool:
        return (self._raw.get("subresources") or {}).get("status") is not None

    @cached_property
    def scale(self) -> Scale | None:
        found = (self._raw.get("subresources") or {}).get("scale")
        if found is None:
            return None
        keys = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
        return Scale(*(_simple_path(found.get(key) or "") for key in keys))

    def types(self, object_meta: Type) -> Types:
        """The structure of all versions, for field owners."""
        kept = self.__dict__.get("_types")
        if kept is None or kept[0] is not object_meta:
            kept = self.__dict__["_types"] = (object_meta, crd_types(self.crd, object_meta))
        found: Types = kept[1]
        return found

    def default(self, thing: Object) -> Object:
        """The object with this version's defaults, as it is read from storage."""
        found: Object = self.schema.default(thing)
        return found

    # --- printer columns

    @cached_property
    def _columns(self) -> tuple[tuple[Mapping[str, Any], JsonPath], ...]:
        found = self._raw.get("additionalPrinterColumns") or _ONLY_AGE
        made: list[tuple[Mapping[str, Any], JsonPath]] = []
        for column in found:
            try:
                path = compile_path(column.get("jsonPath") or "")
            except BadPath:
                break  # the server shows the columns before one that it can't read
            text = f"Custom resource definition column (in JSONPath format): {column.get('jsonPath') or ''}"
            definition = {
                "name": column.get("name") or "",
                "type": column.get("type") or "",
                "format": column.get("format") or "",
                "description": column.get("description") or text,
                "priority": column.get("priority") or 0,
            }
            made.append((definition, path))
        return tuple(made)

    def columns(self) -> Sequence[Mapping[str, Any]]:
        """The columnDefinitions of a Table."""
        name = {"name": "Name", "type": "string", "format": "name", "description": _NAME_TEXT, "priority": 0}
        return (name, *(definition for definition, _ in self._columns))

    def cells(self, thing: Object, now: Now) -> list[Any]:
        """The cells of an object's row."""
        cells: list[Any] = [dig(thing, "metadata", "name") or ""]
        for definition, path in self._columns:
            found = path.find(thing)
            cells.append(_cell(definition["type"], found[0], now) if found else None)
        return cells


def served_versions(crd: Object) -> tuple[Served, ...]:
    """The served versions of a definition in order of preference (GA before beta before alpha, newer first)."""
    spec: Object = crd.get("spec") or {}
    versions: Sequence[Object] = spec.get("versions") or ()
    storage = next((each.get("name") or "" for each in versions if each.get("storage")), "")
    found = [
        Served(
            crd,
            each.get("name") or "",
            storage,
            _deprecation_warning(spec, each),
            tuple(field.get("jsonPath") or "" for field in each.get("selectableFields") or ()),
        )
        for each in versions
        if each.get("served")
    ]
    return tuple(sorted(found, key=lambda each: version_rank(each.version)))


_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")


def version_rank(version: str) -> tuple[int, int, int, str]:
    """A key that sorts versions as Kubernetes prefers them: v2, v1, v2beta1, v1alpha1, then others by name."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (3, 0, 0, version)
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return (stage, -int(found[1]), -int(found[3] or 0), "")


def _deprecation_warning(spec: Object, version: Object) -> str:
    if not version.get("deprecated"):
        return ""
    if version.get("deprecationWarning") is not None:
        return str(version["deprecationWarning"])
    kind = (spec.get("names") or {}).get("kind") or ""
    name = version.get("name") or ""
    text = f"{spec.get('group')}/{name} {kind} is deprecated"
    better = [
        each.get("name") or ""
        for each in spec.get("versions") or ()
        if each.get("served")
        and not each.get("deprecated")
        and version_rank(each.get("name") or "") < version_rank(name)
    ]
    if not better:
        return text
    return f"{text}; use {spec.get('group')}/{min(better, key=version_rank)} {kind}"


def _has_rules(node: Node) -> bool:
    if node.rules:
        return True
    below = [*node.properties.values(), *(each for each in (node.items, node.additional) if isinstance(each, Node))]
    return any(map(_has_rules, below))


def _simple_path(text: str) -> tuple[str, ...]:
    return tuple(text.removeprefix(".").split(".")) if text else ()


def _cell(kind: str, value: Any, now: Now) -> Any:
    if kind == "string":
        return _text(value)
    if kind == "integer" and isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "date" and isinstance(value, str):
        shown = age(value, now)
        return "<invalid>" if shown == "<unknown>" and value else shown
    return None


def _text(value: Any) -> str:
    """A value as the server's JSONPath prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_text.number(value)
    return go_text.json_text(value)
