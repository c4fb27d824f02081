"""What an API server is started with: timing, the shipped schemas, and seams that other rooms fill. Built by runtime,
sim and testing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.apiserver.apply import BuiltinSchemas
from gatewright.apiserver.resources import Registry, registry
from gatewright.apiserver.wire import Wire

VERSION = "v1.36.3"

# (expression, the admission request, the objects by name) -> whether it holds; None: this expression is not supported
# here
EvaluateCondition = Callable[[str, Mapping[str, Any]], bool | None]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the server's own machinery takes, in seconds.

    create_delay: a CREATE of a custom resource within 2 s of Established sleeps this long (real: 2 s)
    actor_lag:    between a write and the server's own seeing it (real: 10 to 30 ms)
    collector_lag, namespace_lag: the same for the garbage collector and the namespace controller, which are clients
    bookmarks:    between bookmarks on a watch that allows them
    watch_timeout: a watch without timeoutSeconds ends after this long
    """

    create_delay: float = 0.0
    actor_lag: float = 0.0
    collector_lag: float = 0.1
    namespace_lag: float = 0.1
    bookmarks: float = 60.0
    watch_timeout: float = 1800.0


FAST = Timing()
REAL = Timing(create_delay=2.0, actor_lag=0.02, collector_lag=0.5, namespace_lag=5.0)


@dataclass(frozen=True, slots=True)
class Config:
    """One API server.

    schemas:   structure of the built-in kinds
    wire:      their Go types
    registry:  the built-in resources
    address:   HOST:PORT that clients reach it at (discovery, EndpointSlice default/kubernetes)
    server:    names this server's views when two share a store
    service_range: of cluster IPs
    evaluate_condition: matchConditions of webhooks; None, or an answer None: not supported, the webhook's
    failurePolicy decides
    """

    schemas: BuiltinSchemas
    wire: Wire
    registry: Registry
    timing: Timing = FAST
    address: str = "127.0.0.1:6443"
    server: str = "a"
    service_range: str = "10.0.0.0/24"
    evaluate_condition: EvaluateCondition | None = None

    @property
    def definitions(self) -> Mapping[tuple[str, str], str]:
        """(apiVersion, kind) -> the Go type of a built-in kind."""
        return {
            (api_version, kind): name
            for api_version, kinds in self.schemas.kinds.items()
            for kind, name in kinds.items()
        }


def load(read: Callable[[str], bytes], **options: Any) -> Config:
    """A Config from the shipped files. read: gives the bytes of a shipped file by its name; options: the other fields
    of Config."""
    schemas = BuiltinSchemas.read(read("builtin-schemas.json.gz"))
    wire = Wire.read(read("builtin-wire.json.gz"))
    return Config(schemas, wire, registry(read("builtin-resources.json")), **options)
