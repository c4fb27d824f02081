"""What a resource's kind does at each stage of a request: defaults, structure for field owners, preparation,
validation.

`creating`, `updating` and `deleting` follow the real server's order of stages and call these; the kinds' own rules
are in `builtin` and
`crds`. A Strategy is made per endpoint and request; what is dear is kept beside the CRD in the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.apiserver.answers import bad_request
from gatewright.apiserver.apply import Fields, Types, reset_fields
from gatewright.apiserver.builtin import kinds
from gatewright.apiserver.config import Config
from gatewright.apiserver.crds import custom
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.typed_decoding import Reader
from gatewright.core.clock import Now
from gatewright.core.field_errors import FieldError
from gatewright.core.objects import Object
from gatewright.core.schemas import defaulting


class Strategy:
    """The stages of one endpoint.

    unconditional:    a PUT without resourceVersion overwrites whatever is there
    create_on_update: a PUT of an absent object creates it
    graceful:         deletion waits for a grace period
    """

    unconditional = False
    create_on_update = False
    graceful = False

    def __init__(self, endpoint: Endpoint, config: Config) -> None:
        self.endpoint = endpoint
        self.config = config

    def types(self) -> Types:
        """The structure of the kind in all its versions, for field owners."""
        raise NotImplementedError

    def reset(self, subresource: str) -> Fields:
        """Which fields an endpoint resets, so that no writer owns them."""
        endpoint = self.endpoint
        return reset_fields(
            endpoint.group,
            endpoint.kind,
            subresource,
            custom=endpoint.custom is not None,
            has_status="status" in endpoint.subresources,
        )

    def nothing(self) -> Object | None:
        """What a new object is compared with to find its owners: an empty one, where that has fields."""
        return None

    def default(self, thing: dict[str, Any]) -> dict[str, Any]:
        return thing

    def prune(self, thing: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Without the fields that the schema lacks, and their paths."""
        return thing, ()

    def prepare_create(self, thing: Object, now: Now) -> Object:
        return thing

    def prepare_update(self, new: Object, old: Object, subresource: str, now: Now) -> Object:
        return new

    def validate_create(self, thing: Object) -> list[FieldError]:
        return []

    def validate_update(self, new: Object, old: Object, subresource: str) -> list[FieldError]:
        return []

    def warnings(self, new: Object, old: Object | None) -> tuple[str, ...]:
        return ()


class _Custom(Strategy):
    """A custom resource."""

    def types(self) -> Types:
        served = self._served
        return served.types(self.config.schemas.object_meta)

    @property
    def _served(self) -> custom.Served:
        served = self.endpoint.custom
        assert served is not None
        return served

    def default(self, thing: dict[str, Any]) -> dict[str, Any]:
        # Nulls that may not be were dropped by `prune`; those of a server-side apply are for validation to refuse.
        return dict(defaulting.default(self._served.schema.root, thing))

    def prune(self, thing: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        try:
            pruned, unknown = custom.prune(self._served, thing)
        except custom.NotReadable as error:
            raise bad_request(str(error)) from None
        return dict(pruned), tuple(unknown)

    def prepare_create(self, thing: Object, now: Now) -> Object:
        return custom.prepare_create(self._served, thing)

    def prepare_update(self, new: Object, old: Object, subresource: str, now: Now) -> Object:
        return custom.prepare_update(self._served, new, old, subresource)

    def validate_create(self, thing: Object) -> list[FieldError]:
        return list(custom.validate_create(self._served, thing))

    def validate_update(self, new: Object, old: Object, subresource: str) -> list[FieldError]:
        return list(custom.validate_update(self._served, new, old, subresource))

    def warnings(self, new: Object, old: Object | None) -> tuple[str, ...]:
        return tuple(custom.warnings(self._served, new, old))


class _BuiltIn(Strategy):
    """A built-in kind."""

    def __init__(self, endpoint: Endpoint, config: Config) -> None:
        super().__init__(endpoint, config)
        self.rules = kinds.rules(endpoint.group, endpoint.plural)
        self.unconditional = self.rules.unconditional
        self.create_on_update = self.rules.create_on_update
        self.graceful = self.rules.graceful

    def types(self) -> Types:
        found = self.config.schemas.types(self.endpoint.api_version, self.endpoint.kind)
        return {} if found is None else found

    def nothing(self) -> Object | None:
        endpoint = self.endpoint
        name = self.config.schemas.kinds.get(endpoint.api_version, {}).get(endpoint.kind, "")
        empty = Reader(self.config.wire).zero(name) if name else None
        return None if empty is None else {**empty, "apiVersion": endpoint.api_version, "kind": endpoint.kind}

    def default(self, thing: dict[str, Any]) -> dict[str, Any]:
        return dict(self.rules.default(thing))

    def prepare_create(self, thing: Object, now: Now) -> Object:
        return self.rules.prepare_create(thing, now)

    def prepare_update(self, new: Object, old: Object, subresource: str, now: Now) -> Object:
        if subresource == "finalize":  # of a Namespace: writes what the others may not, and nothing else
            return {**new, "status": old.get("status") or {}}
        return self.rules.prepare_update(new, old, subresource, now)

    def validate_create(self, thing: Object) -> list[FieldError]:
        return list(self.rules.validate_create(thing))

    def validate_update(self, new: Object, old: Object, subresource: str) -> list[FieldError]:
        return list(self.rules.validate_update(new, old, subresource))

    def warnings(self, new: Object, old: Object | None) -> tuple[str, ...]:
        return tuple(self.rules.warnings(new, old))


def strategy_of(endpoint: Endpoint, config: Config) -> Strategy:
    return _BuiltIn(endpoint, config) if endpoint.custom is None else _Custom(endpoint, config)


def name_of(thing: Mapping[str, Any]) -> str:
    """The name of an object, "" where it has none."""
    meta = thing.get("metadata")
    return str(meta.get("name") or "") if isinstance(meta, Mapping) else ""
