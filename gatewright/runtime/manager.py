"""`gatewright manager`: one process of ours against a cluster, over TCP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from gatewright.core.errors import UserError
from gatewright.core.settings import Operation, Settings
from gatewright.runtime import certificates, clock, kubeconfigs, serving
from gatewright.runtime.process import Process
from gatewright.runtime.signals import stop_signal


@dataclass(frozen=True, slots=True)
class Wishes:
    """cert_dir: folder with tls.crt, tls.key and ca.crt; "" makes an authority at start."""

    kubeconfig: str
    host: str
    port: int
    cert_dir: str


async def run_manager(settings: Settings, wishes: Wishes) -> None:
    """Run until SIGINT or SIGTERM."""
    _, transport = kubeconfigs.connect(wishes.kubeconfig)
    webhook = None
    if settings.does(Operation.WEBHOOK, Operation.MUTATION_WEBHOOK):
        bound = serving.bind(wishes.host or "0.0.0.0", wishes.port)
        authority, pair = _certificates(settings, wishes)
        settings = replace(settings, webhook_ca=authority.decode())
        webhook = (bound, pair)
    process = Process(settings, transport, webhook)
    stopping = stop_signal()
    async with asyncio.TaskGroup() as group:
        group.create_task(process.run())
        await stopping.wait()
        await process.stop()


def _certificates(settings: Settings, wishes: Wishes) -> tuple[bytes, certificates.Pair]:
    """The authority's certificate and the serving pair: from the folder, or made now."""
    if wishes.cert_dir:
        folder = Path(wishes.cert_dir)
        try:
            parts = [(folder / name).read_bytes() for name in ("ca.crt", "tls.crt", "tls.key")]
        except OSError as error:
            mend = "it must hold ca.crt, tls.crt and tls.key"
            raise UserError(f"--cert-dir {folder}: {error.strerror}: {error.filename}", mend=mend) from error
        return parts[0], certificates.Pair(parts[1], parts[2])
    wall = clock.now().wall
    ca = certificates.authority(wall, "gatekeeper-ca")
    service = f"{settings.webhook_service}.{settings.namespace}.svc"
    named = urlsplit(settings.webhook_url).hostname if settings.webhook_url else None
    hosts = [service] + ([named] if named else [])
    return ca.certificate, certificates.leaf(ca, wall, hosts, service)
