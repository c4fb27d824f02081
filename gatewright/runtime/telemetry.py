"""Counters of the shell as Prometheus metrics, on one registry. No port serves them yet.

Names come with the counts: Gatekeeper's where it has one, else under `gatewright_`.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class Telemetry:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}

    def count(self, metric: str, labels: tuple[tuple[str, str], ...], amount: float = 1) -> None:
        """Add to a counter; its label names are fixed by the first count."""
        counter = self._counters.get(metric)
        if counter is None:
            names = [name for name, _ in labels]
            counter = Counter(metric, metric.replace("_", " "), names, registry=self.registry)
            self._counters[metric] = counter
        (counter.labels(**dict(labels)) if labels else counter).inc(amount)
