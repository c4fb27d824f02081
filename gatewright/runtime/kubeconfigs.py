"""Kubeconfig files: reading one into a connection, and writing ours.

The text is parsed by `kube.kubeconfig`; here are the files, the environment and the exec plugins.
"""

from __future__ import annotations

import base64
import contextlib
import os
import ssl
import subprocess
import tempfile
from pathlib import Path

import yaml

from gatewright.core.errors import ClusterError, UserError
from gatewright.kube import kubeconfig
from gatewright.runtime import certificates
from gatewright.runtime.transports import TcpTransport

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
NO_CLUSTER = "give --kubeconfig, set KUBECONFIG, or run in a cluster; `gatewright up` starts one of its own"
PLUGIN_TIMEOUT = 60.0


class NoCluster(UserError):
    """No kubeconfig to be had: exit code 64."""

    usage = True


def connect(path: str = "", context: str = "") -> tuple[kubeconfig.Connection, TcpTransport]:
    """The connection that a kubeconfig (or KUBECONFIG, or the pod's service account) names, and a transport over it.

    Raises UserError with the mend.
    """
    connection = _find(path, context)
    credential = _plugin_credential(connection)
    return connection, TcpTransport(
        connection.server, lambda: _headers(connection, credential), _tls(connection, credential)
    )


def _find(path: str, context: str) -> kubeconfig.Connection:
    named = [path] if path else [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    if not named and host and Path(SERVICE_ACCOUNT, "token").exists():
        namespace = Path(SERVICE_ACCOUNT, "namespace").read_text(encoding="utf-8").strip()
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        return kubeconfig.in_cluster(host, port, namespace, SERVICE_ACCOUNT)
    if not named:
        usual = Path.home() / ".kube" / "config"
        if not usual.exists():
            raise NoCluster("no cluster to talk to", mend=NO_CLUSTER)
        named = [str(usual)]
    texts = []
    for name in named:
        try:
            texts.append((Path(name).read_text(encoding="utf-8"), str(Path(name).resolve().parent)))
        except (OSError, UnicodeDecodeError) as error:
            raise NoCluster(f"can't read kubeconfig {name}: {error}", mend=NO_CLUSTER) from error
    return kubeconfig.parse(texts, context)


def _read(material: kubeconfig.Material) -> bytes:
    if material.data or not material.file:
        return material.data
    try:
        return Path(material.file).read_bytes()
    except OSError as error:
        mend = "the kubeconfig names this file"
        raise UserError(f"can't read {material.file}: {error.strerror}", mend=mend) from error


def _plugin_credential(connection: kubeconfig.Connection) -> kubeconfig.Credential:
    """What the exec plugin of the kubeconfig prints; empty where it has none."""
    plugin = connection.plugin
    if plugin is None:
        return kubeconfig.Credential()
    info = kubeconfig.exec_input(connection, _read(connection.authority))
    environment = {**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": info}
    command = [plugin.command, *plugin.args]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=PLUGIN_TIMEOUT, check=True)
    except FileNotFoundError as error:
        mend = plugin.hint or "install it, or use another context"
        raise UserError(f"the kubeconfig's credential plugin {plugin.command} is not installed", mend=mend) from error
    except (subprocess.SubprocessError, OSError) as error:
        raise ClusterError(f"the credential plugin {plugin.command} failed: {error}", mend="run it by hand") from error
    return kubeconfig.read_credential(plugin, done.stdout)


def _headers(connection: kubeconfig.Connection, credential: kubeconfig.Credential) -> dict[str, str]:
    """Authentication of one request. A token file is read anew each time, since it is renewed."""
    headers = dict(connection.impersonate)
    token = credential.token or connection.token
    if connection.token_file:
        with contextlib.suppress(OSError):
            token = Path(connection.token_file).read_text(encoding="utf-8").strip() or token
    if token:
        headers["authorization"] = f"Bearer {token}"
    elif connection.username:
        pair = f"{connection.username}:{connection.password}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return headers


def _tls(connection: kubeconfig.Connection, credential: kubeconfig.Credential) -> ssl.SSLContext | None:
    if connection.server.startswith("http://"):
        return None
    authority = _read(connection.authority)
    try:
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    except (ssl.SSLError, UnicodeDecodeError) as error:
        mend = "check certificate-authority in the kubeconfig"
        raise UserError(f"the kubeconfig's certificate authority is no PEM: {error}", mend=mend) from error
    if not connection.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = credential.certificate or _read(connection.certificate)
    key = credential.key or _read(connection.key)
    if certificate and key:
        certificates.load(context, certificates.Pair(certificate, key))
    return context


def write(path: Path, server: str, ca: bytes, token: str) -> None:
    """A kubeconfig of one cluster, readable by its owner alone from the moment it exists."""
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
