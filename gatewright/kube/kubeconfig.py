"""Reading kubeconfig files: from their text to one `Connection` value.

Called by `runtime` and `cli`, which read the files (KUBECONFIG may name several), run the exec plugin and read
certificate files; nothing is opened here. Rules: Kubernetes "Organizing Cluster Access Using kubeconfig Files" (the
first file to set a value wins) and client-go's exec credential plugins (client.authentication.k8s.io).
"""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from gatewright.core.errors import UserError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


class KubeconfigError(UserError):
    """A kubeconfig that can't be used as it stands."""


@dataclass(frozen=True, slots=True)
class Material:
    """PEM bytes, or the file that holds them (read by the carrier at each connection: it may be renewed). Both empty:
    none.
    """

    data: bytes = b""
    file: str = ""

    def __bool__(self) -> bool:
        return bool(self.data or self.file)


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A command that prints an ExecCredential. env: additions; provide_cluster: KUBERNETES_EXEC_INFO describes the
    cluster.
    """

    api_version: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    provide_cluster: bool = False
    interactive: str = "IfAvailable"
    hint: str = ""  # how to install it


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach an API server and who to be there. server: URL without a trailing slash."""

    server: str
    namespace: str = "default"
    authority: Material = Material()
    server_name: str = ""  # of the certificate, where it isn't the host
    verify: bool = True
    proxy: str = ""
    certificate: Material = Material()
    key: Material = Material()
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    impersonate: tuple[tuple[str, str], ...] = ()  # headers
    plugin: ExecPlugin | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """What an exec plugin printed. expires: RFC 3339 or ""."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: str = ""


def parse(files: Sequence[tuple[str, str]], context: str = "") -> Connection:
    """The connection of a context (by default the current one).

    files: (text, folder) of each file in order of precedence; relative paths in a file are relative to its folder.
    Raises KubeconfigError naming what is missing.
    """
    contexts: dict[str, Mapping[str, Any]] = {}
    clusters: dict[str, tuple[Mapping[str, Any], str]] = {}
    users: dict[str, tuple[Mapping[str, Any], str]] = {}
    current = context
    for text, folder in files:
        config = _loaded(text)
        current = current or str(config.get("current-context") or "")
        for name, value in _named(config, "contexts", "context"):
            contexts.setdefault(name, value)
        for name, value in _named(config, "clusters", "cluster"):
            clusters.setdefault(name, (value, folder))
        for name, value in _named(config, "users", "user"):
            users.setdefault(name, (value, folder))
    if not current:
        raise KubeconfigError("the kubeconfig names no current context", mend="set current-context or use --context")
    if current not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        raise KubeconfigError(f"the kubeconfig has no context {current!r} (it has: {known})", mend="name one of these")
    chosen = contexts[current]
    cluster = str(chosen.get("cluster") or "")
    if cluster not in clusters:
        raise KubeconfigError(f"context {current!r} names the cluster {cluster!r}, which the kubeconfig does not have")
    user = str(chosen.get("user") or "")
    if user and user not in users:
        raise KubeconfigError(f"context {current!r} names the user {user!r}, which the kubeconfig does not have")
    return _connection(clusters[cluster], users.get(user, ({}, "")), str(chosen.get("namespace") or "default"))


def in_cluster(host: str, port: str, namespace: str, folder: str) -> Connection:
    """From inside of a Pod: KUBERNETES_SERVICE_HOST and _PORT, and the folder of the service account's token and
    ca.crt.
    """
    if not host or not port:
        mend = "use --kubeconfig, or run in a Pod with a service account"
        raise KubeconfigError(
            "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set", mend=mend
        )
    literal = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return Connection(
        server=f"https://{literal}:{port}",
        namespace=namespace or "default",
        authority=Material(file=posixpath.join(folder, "ca.crt")),
        token_file=posixpath.join(folder, "token"),
    )


def exec_input(connection: Connection, authority: bytes) -> str:
    """KUBERNETES_EXEC_INFO for the connection's plugin. authority: the PEM bytes of the cluster's authority, if any."""
    assert connection.plugin is not None
    spec: dict[str, Any] = {"interactive": False}
    if connection.plugin.provide_cluster:
        cluster: dict[str, Any] = {"server": connection.server}
        if connection.server_name:
            cluster["tls-server-name"] = connection.server_name
        if not connection.verify:
            cluster["insecure-skip-tls-verify"] = True
        if authority:
            cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
        if connection.proxy:
            cluster["proxy-url"] = connection.proxy
        spec["cluster"] = cluster
    info = {"apiVersion": connection.plugin.api_version, "kind": "ExecCredential", "spec": spec}
    return msgspec.json.encode(info).decode()


def read_credential(plugin: ExecPlugin, output: bytes) -> Credential:
    """What the plugin printed. Raises KubeconfigError."""
    try:
        found = msgspec.json.decode(output)
    except (msgspec.DecodeError, RecursionError) as error:
        raise KubeconfigError(f"the credential plugin {plugin.command!r} printed no JSON") from error
    status = found.get("status") if isinstance(found, dict) and found.get("kind") == "ExecCredential" else None
    if not isinstance(status, dict):
        raise KubeconfigError(f"the credential plugin {plugin.command!r} printed no ExecCredential with a status")
    certificate, key = (_text(status, name).encode() for name in ("clientCertificateData", "clientKeyData"))
    credential = Credential(_text(status, "token"), certificate, key, _text(status, "expirationTimestamp"))
    if not credential.token and not (certificate and key):
        raise KubeconfigError(
            f"the credential plugin {plugin.command!r} gave neither a token nor a certificate with key"
        )
    return credential


# --- reading


def _loaded(text: str) -> Mapping[str, Any]:
    try:
        config = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise KubeconfigError(f"the kubeconfig is not valid YAML: {' '.join(str(error).split())}") from error
    if config is None:
        return {}
    if not isinstance(config, dict) or config.get("kind", "Config") != "Config":
        raise KubeconfigError("the file is no kubeconfig (kind: Config)")
    return config


def _named(config: Mapping[str, Any], entries: str, inner: str) -> list[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    for entry in config.get(entries) or ():
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise KubeconfigError(f"an entry of {entries} in the kubeconfig has no name")
        value = entry.get(inner) or {}
        if not isinstance(value, dict):
            raise KubeconfigError(f"{entries} {entry['name']!r} in the kubeconfig has no mapping {inner!r}")
        found.append((entry["name"], value))
    return found


def _connection(
    cluster: tuple[Mapping[str, Any], str], user: tuple[Mapping[str, Any], str], namespace: str
) -> Connection:
    place, folder = cluster
    who, home = user
    server = _text(place, "server").rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise KubeconfigError(f"the cluster's server {server!r} is no http(s) URL")
    if "auth-provider" in who:
        mend = "use an exec credential plugin"
        raise KubeconfigError("the kubeconfig's user has an auth-provider, which Kubernetes removed in 1.26", mend=mend)
    verify = place.get("insecure-skip-tls-verify") is not True
    token = _text(who, "token")
    return Connection(
        server=server,
        namespace=namespace,
        authority=_material(place, "certificate-authority", folder) if verify else Material(),
        server_name=_text(place, "tls-server-name"),
        verify=verify,
        proxy=_text(place, "proxy-url"),
        certificate=_material(who, "client-certificate", home),
        key=_material(who, "client-key", home),
        token=token,
        token_file="" if token else _path(_text(who, "tokenFile"), home),
        username=_text(who, "username"),
        password=_text(who, "password"),
        impersonate=_impersonation(who),
        plugin=_plugin(who.get("exec"), home),
    )


def _material(entry: Mapping[str, Any], name: str, folder: str) -> Material:
    """`<name>-data` (base64) or else the file `<name>`."""
    data = _text(entry, f"{name}-data")
    if not data:
        return Material(file=_path(_text(entry, name), folder))
    try:
        return Material(data=base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError) as error:
        raise KubeconfigError(f"{name}-data in the kubeconfig is not base64") from error


def _plugin(entry: Any, folder: str) -> ExecPlugin | None:
    if entry is None:
        return None
    command = _text(entry, "command") if isinstance(entry, dict) else ""
    if not command:
        raise KubeconfigError("the exec plugin in the kubeconfig names no command")
    version = _text(entry, "apiVersion")
    if version not in _EXEC_VERSIONS:
        mend = f"use {_EXEC_VERSIONS[0]}"
        raise KubeconfigError(f"the exec plugin in the kubeconfig has the apiVersion {version!r}", mend=mend)
    if "/" in command:
        command = _path(command, folder)
    return ExecPlugin(
        api_version=version,
        command=command,
        args=tuple(str(arg) for arg in entry.get("args") or ()),
        env=tuple((str(one.get("name")), str(one.get("value"))) for one in entry.get("env") or ()),
        provide_cluster=entry.get("provideClusterInfo") is True,
        interactive=_text(entry, "interactiveMode") or "IfAvailable",
        hint=_text(entry, "installHint"),
    )


def _impersonation(who: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    headers = [("impersonate-user", _text(who, "as")), ("impersonate-uid", _text(who, "as-uid"))]
    headers += [("impersonate-group", str(group)) for group in who.get("as-groups") or ()]
    for name, values in sorted((who.get("as-user-extra") or {}).items()):
        headers += [(f"impersonate-extra-{name.lower()}", str(value)) for value in values]
    return tuple(header for header in headers if header[1])


def _path(file: str, folder: str) -> str:
    return posixpath.normpath(posixpath.join(folder, file)) if file and not file.startswith("/") else file


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""
