"""Which namespaces a process leaves alone: the `match` part of the Config resource.

Asked by the webhook (control.admission), by sync and by audit (Gatekeeper behaviour, 3.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from gatewright.core.objects import Object, metadata, split_api_version
from gatewright.kinds.config import Config, Exclusion
from gatewright.policy.wildcards import wildcard

AUDIT = "audit"
WEBHOOK = "webhook"
MUTATION_WEBHOOK = "mutation-webhook"
SYNC = "sync"
PROCESSES = (AUDIT, WEBHOOK, MUTATION_WEBHOOK, SYNC)

_compiled = lru_cache(maxsize=4096)(wildcard)


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Patterns per process, sorted. `Exclusions()` excludes nothing."""

    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @staticmethod
    def of(config: Config | None) -> Exclusions:
        """The exclusions of a Config; None (there is no Config) excludes nothing."""
        return Exclusions.from_entries(config.exclusions if config else ())

    @staticmethod
    def from_entries(entries: Iterable[Exclusion]) -> Exclusions:
        """Process "*" stands for all four."""
        found: dict[str, set[str]] = {}
        for entry in entries:
            for process in entry.processes:
                for name in PROCESSES if process == "*" else (process,):
                    found.setdefault(name, set()).update(entry.namespaces)
        return Exclusions({name: tuple(sorted(found[name])) for name in sorted(found)})

    def of_process(self, process: str) -> tuple[str, ...]:
        """The patterns of one process, sorted."""
        return self.patterns.get(process, ())

    def excludes(self, process: str, name: str) -> bool:
        """Whether a namespace is left alone. "" stands for a cluster-scoped object: the pattern "*" excludes that
        too."""
        return any(_compiled(pattern)(name) for pattern in self.of_process(process))

    def excludes_object(self, process: str, thing: Object) -> bool:
        """Whether an object is left alone: a Namespace by its own name, others by metadata.namespace."""
        meta = metadata(thing)
        group, _ = split_api_version(str(thing.get("apiVersion") or ""))
        own = thing.get("kind") == "Namespace" and group == ""
        return self.excludes(process, str(meta.get("name" if own else "namespace") or ""))
