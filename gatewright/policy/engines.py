"""The engines that are installed, by name (see `drivers`)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gatewright.kinds.templates import REGO
from gatewright.policy.drivers import Engine, rego

ENGINES: Mapping[str, Engine] = MappingProxyType({REGO: rego.ENGINE})
