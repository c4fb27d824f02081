"""Gatewright: a policy controller for Kubernetes, compatible with OPA Gatekeeper on the wire.

    from gatewright import Policies   # templates and constraints to verdicts on objects
    from gatewright import rego       # the Rego language on its own

`Policies` is loaded when it is first asked for, so that a command starts without an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewright.policy.policies import Policies

__version__ = "0.1.0"
__all__ = ["Policies", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Policies":
        from gatewright.policy.policies import Policies

        return Policies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
