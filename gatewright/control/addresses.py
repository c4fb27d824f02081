"""Which API servers must answer before a fact holds "on every API server" (lifecycle, rule 5, F2).

Used by the plans that ask: the template's CRD, the webhook's proof. `--apiserver-address` names them; else
EndpointSlice default/kubernetes lists them; where that is absent or forbidden, the one address that we talk to is
proved, and the condition's message says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatewright.control.view import View, Watched
from gatewright.core.objects import dig
from gatewright.core.settings import Settings
from gatewright.kinds.resources import ENDPOINT_SLICES

WATCHED = Watched(ENDPOINT_SLICES, namespace="default", label_selector="kubernetes.io/service-name=kubernetes")


@dataclass(frozen=True, slots=True)
class Addresses:
    """each: HOST:PORT of every API server, ("",) for the one we talk to; alone: the proof covers that one
    address only.
    """

    each: tuple[str, ...]
    alone: bool = False

    def scope(self) -> str:
        """For a condition's message."""
        if self.alone:
            return "on the one address of the kubeconfig"
        return f"on {len(self.each)} API server{'s' if len(self.each) != 1 else ''}"


def find(view: View, settings: Settings) -> Addresses | None:
    """The addresses, or None while they are unknown."""
    if settings.addresses:
        return Addresses(settings.addresses)
    if not view.synced(ENDPOINT_SLICES):
        forbidden = view.fact(("unwatchable", ENDPOINT_SLICES))
        return Addresses(("",), alone=True) if forbidden is not None else None
    found: set[str] = set()
    for slice_ in view.list(ENDPOINT_SLICES, ("kubernetes.io/service-name", "kubernetes")):
        ports = [port.get("port") for port in slice_.get("ports") or () if port.get("name") in ("https", None, "")]
        for endpoint in slice_.get("endpoints") or ():
            if dig(endpoint, "conditions", "ready") is False:
                continue
            found.update(
                f"{_bracketed(host)}:{port}" for host in endpoint.get("addresses") or () for port in ports if port
            )
    return Addresses(tuple(sorted(found))) if found else Addresses(("",), alone=True)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
