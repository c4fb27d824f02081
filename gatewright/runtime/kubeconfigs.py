"""Kubeconfig files: reading one into a connection, and writing ours.

The text is parsed by `kube.kubeconfig`; here are the files, the environment and the exec plugins.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import yaml

from gatewright.core.errors import UserError
from gatewright.kube import kubeconfig
from gatewright.runtime.transports import TcpTransport

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NO_CLUSTER = "give --kubeconfig, set KUBECONFIG, or run in a cluster; `gatewright up` starts one of its own"


def connect(path: str = "", context: str = "") -> tuple[kubeconfig.Connection, TcpTransport]:
    """The connection that a kubeconfig (or KUBECONFIG, or the pod's service account) names. Raises UserError
    with the mend.
    """
    connection = _find(path, context)
    return connection, TcpTransport(connection.server, _headers(connection), tls(connection))


def _find(path: str, context: str) -> kubeconfig.Connection:
    named = [path] if path else [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if not named and (SERVICE_ACCOUNT / "token").exists() and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return _in_cluster()
    if not named:
        usual = Path.home() / ".kube" / "config"
        if not usual.exists():
            raise UserError("no cluster to talk to", mend=NO_CLUSTER)
        named = [str(usual)]
    texts = []
    for name in named:
        try:
            texts.append((Path(name).read_text(encoding="utf-8"), str(Path(name).resolve().parent)))
        except OSError as error:
            raise UserError(f"can't read kubeconfig {name}: {error.strerror}", mend=NO_CLUSTER) from error
    return kubeconfig.parse(tuple(texts), context)


def _in_cluster() -> kubeconfig.Connection:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return kubeconfig.in_cluster(
        host,
        port,
        (SERVICE_ACCOUNT / "token").read_text(encoding="utf-8").strip(),
        (SERVICE_ACCOUNT / "ca.crt").read_bytes(),
        (SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip(),
    )


def write(path: Path, server: str, ca: bytes, token: str) -> None:
    """A kubeconfig of one cluster, readable by its owner alone from the moment it exists."""
    import base64

    cluster = {"server": server, "certificate-authority-data": base64.b64encode(ca).decode()}
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "gatewright", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "gatewright", "context": {"cluster": "gatewright", "user": "admin"}}],
        "current-context": "gatewright",
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yaml.safe_dump(value, file, sort_keys=False)
        os.replace(made, path)
    except OSError as error:
        raise UserError(f"can't write kubeconfig {path}: {error.strerror}", mend="choose --kubeconfig-out") from error
