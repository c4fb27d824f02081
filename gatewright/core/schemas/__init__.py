"""Structural schemas: validation, pruning and defaulting of values by an OpenAPI schema of a CustomResourceDefinition.

`Schema` is the face: `apiserver` checks custom resources with it, `policy` checks constraints by the schema a
template gives. Compile a schema once and keep it: compiling costs far more than a check. Values are JSON values
(`Mapping`, list, scalars) and are never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.core.field_errors import FieldError, Path
from gatewright.core.schemas import checking, defaulting, fast, lists, pruning
from gatewright.core.schemas.nodes import Node, read

__all__ = ["Node", "Schema", "compile_schema"]


class Schema:
    """One compiled schema. `root` is its tree, for walks of one's own (list types for server-side apply, CEL types)."""

    __slots__ = ("root",)

    def __init__(self, root: Node) -> None:
        self.root = root

    def validate(self, value: Any, path: Path | None = None) -> list[FieldError]:
        """Complaints about a value, as the API server words them; [] where it is good.

        path: where the value stands: Path() or None for a whole object, Path("status") for a part, Path("") for texts
        that begin with "[]." as Gatekeeper's do.
        """
        if fast.test_of(self.root)(value):
            return []
        found = checking.check(self.root, value)
        return [finding.error(path or Path()) for finding in found.findings.values()]

    def validate_update(self, value: Any, old: Any, path: Path | None = None) -> list[FieldError]:
        """As `validate`, but what was as bad in the old value is let through (ratcheting)."""
        if fast.test_of(self.root)(value):
            return []
        found = checking.check_update(self.root, value, old)
        return [finding.error(path or Path()) for finding in found.findings.values()]

    def duplicates(self, value: Any) -> list[FieldError]:
        """Repeated items of lists of type set and map."""
        return lists.duplicates(self.root, value)

    def prune(self, value: Any, *, root: bool = True) -> tuple[Any, tuple[str, ...]]:
        """The value without fields that the schema does not know, and their sorted paths. root: a whole object."""
        return pruning.prune(self.root, value, root=root)

    def drop_nulls(self, value: Any) -> Any:
        """The value without nulls that may not be and have no default."""
        return defaulting.drop_nulls(self.root, value)

    def default(self, value: Any) -> Any:
        """The value with nulls dropped that may not be, and defaults filled in."""
        return defaulting.default(self.root, defaulting.drop_nulls(self.root, value))

    def part(self, name: str) -> Schema | None:
        """The schema of a field, e.g. of status, or None where it says nothing of it."""
        below = self.root.below(name)
        return None if below is None else Schema(below)


def compile_schema(schema: Mapping[str, Any]) -> Schema:
    """Reads the value of openAPIV3Schema. Fields of wrong types read as absent; a bad pattern matches nothing."""
    return Schema(read(schema))
