"""The fixtures of the real API server by name: the plugin's own, wherever else it is registered."""

from tests.realapi.plugin import real_cluster, realapi

__all__ = ["real_cluster", "realapi"]
