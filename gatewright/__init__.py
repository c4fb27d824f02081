"""Gatewright: a policy controller for Kubernetes, compatible with OPA Gatekeeper on the wire."""

__version__ = "0.1.0"
