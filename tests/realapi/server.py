"""A real Kubernetes API server for tests: etcd, one or more kube-apiservers, and, where asked for, three controllers.

Called by the fixtures in `plugin` and, by hand, as `python -m tests.realapi.server`. Everything listens on loopback,
keeps its data in one folder, and ends with the process that started it, even if that one is killed.
"""

from __future__ import annotations

import argparse
import atexit
import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.realapi.build import built, programs
from tests.realapi.certificates import Authority

TOKEN = "realapi-admin"
READY_WITHIN = 90.0  # seconds; 3 on an idle machine
STOP_WITHIN = 10.0
CONTROLLERS = ("garbage-collector-controller", "namespace-controller", "validatingadmissionpolicy-status-controller")


class NotReady(Exception):
    """A program ended or did not get ready in time; the text holds the end of its log."""


@dataclass(slots=True)
class Program:
    """One running program, in a process group of its own; it ends by itself when its standard input does."""

    command: list[str]
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, command: list[str], log: Path) -> Program:
        with open(log, "ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "REALAPI_LEASH": "stdin"},
                start_new_session=True,
            )
        return cls(command, process, log)

    @property
    def name(self) -> str:
        return Path(self.command[0]).name

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def await_ready(self, ready: Callable[[], bool], deadline: float) -> None:
        """Ask `ready` until it says yes. Raises NotReady when the program ends first or the deadline passes."""
        while not ready():
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.process.wait(0.05)
                raise NotReady(f"{self.name} ended with code {code}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} was not ready in time:\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self, *, kill: bool = False) -> None:
        """End the program: politely (or not), and surely."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL if kill else signal.SIGTERM)
            try:
                self.process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()


@dataclass(slots=True)
class Server:
    """One kube-apiserver. `address` is host:port, `url` its base URL."""

    address: str
    program: Program

    @property
    def url(self) -> str:
        return f"https://{self.address}"


class RealCluster:
    """A cluster without nodes: what is told to it is stored, admitted, listed and watched, as a real one does.

    A context manager; `stop` may be called twice. Without `controllers` deleted namespaces stay, nothing is garbage
    collected and the status of a ValidatingAdmissionPolicy stays empty.
    """

    def __init__(self, folder: Path | None = None, *, servers: int = 1, controllers: bool = False) -> None:
        self._own = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="gatewright-realapi-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.token = TOKEN
        self.servers: list[Server] = []
        self._wanted, self._controllers = servers, controllers
        self._etcd: Program | None = None
        self._manager: Program | None = None
        self._etcd_url = ""
        self._programs = programs()

    # ---- what a client needs

    @property
    def url(self) -> str:
        """Base URL of the first API server."""
        return self.servers[0].url

    @property
    def addresses(self) -> list[str]:
        """host:port of each running API server."""
        return [each.address for each in self.servers]

    @property
    def ca(self) -> Path:
        """PEM file of the authority that signed the certificates of all API servers."""
        return self.folder / "ca.crt"

    def kubeconfig(self, path: Path, server: int = 0) -> Path:
        """Write a kubeconfig (JSON, which is YAML) for one API server, as the admin; returns `path`."""
        authority = base64.b64encode(self.ca.read_bytes()).decode("ascii")
        cluster = {"server": self.servers[server].url, "certificate-authority-data": authority}
        context = {"cluster": "realapi", "user": "admin", "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "realapi",
            "clusters": [{"name": "realapi", "cluster": cluster}],
            "contexts": [{"name": "realapi", "context": context}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
        }
        path.write_text(json.dumps(config, indent=1), encoding="utf-8")
        return path

    def request(self, method: str, path: str, body: Any = None, *, server: int = 0, **headers: str) -> tuple[int, Any]:
        """One request as the admin, for set-up and checks in tests: (status, JSON body or text).

        `headers` in Python spelling: `content_type="application/merge-patch+json"`. Never raises for a status.
        """
        data = None if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-").title(): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **given}
        return _fetch(self.servers[server].url + path, method, data, sent, self.ca)

    # ---- life

    def start(self) -> RealCluster:
        """Start everything and wait until it is ready. Raises NotReady; nothing is left running then."""
        if not built(self._programs):
            raise NotReady("the real API server is not built: run `make realapi`")
        atexit.register(self.stop)
        try:
            self._prepare()
            self._start_etcd()
            for _ in range(self._wanted):
                self.start_server()
            if self._controllers:
                self.start_controllers()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop what was started, clients first; removes the folder if it was ours."""
        atexit.unregister(self.stop)
        self.stop_controllers()
        for each in self.servers:
            each.program.stop(kill=True)  # it would drain for a minute while a watch is open
        self.servers = []
        if self._etcd is not None:
            self._etcd.stop(kill=True)
            self._etcd = None
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> RealCluster:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        authority = Authority.create("realapi")
        self.ca.write_bytes(authority.certificate)
        key, certificate = authority.issue("kube-apiserver", ["127.0.0.1"], ["localhost", "kubernetes.default.svc"])
        (self.folder / "server.key").write_bytes(key)
        (self.folder / "server.crt").write_bytes(certificate)
        (self.folder / "accounts.key").write_bytes(authority.issue("accounts", [], ["accounts"])[0])
        (self.folder / "tokens.csv").write_text(f'{self.token},admin,1,"system:masters"\n', encoding="ascii")

    def _launch(self, name: str, log: str, flags: Callable[[], list[str]], ready: Callable[[], bool]) -> Program:
        """Start a program on ports that were free a moment ago; once more if somebody else took one meanwhile."""
        deadline = time.monotonic() + READY_WITHIN
        for last in (False, False, True):
            program = Program.start([str(self._programs / name), *flags()], self.folder / log)
            try:
                program.await_ready(ready, deadline)
            except BaseException as error:
                program.stop(kill=True)
                if last or not isinstance(error, NotReady) or "address already in use" not in str(error):
                    raise
            else:
                return program
        raise AssertionError("unreachable")

    def _start_etcd(self) -> None:
        def flags() -> list[str]:
            client, peer = free_port(), free_port()
            self._etcd_url, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
            return [
                f"--data-dir={self.folder / 'etcd'}",
                "--unsafe-no-fsync",
                f"--listen-client-urls={self._etcd_url}",
                f"--advertise-client-urls={self._etcd_url}",
                f"--listen-peer-urls={peers}",
                f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
            ]

        self._etcd = self._launch("etcd", "etcd.log", flags, lambda: _fetch(f"{self._etcd_url}/health")[0] == 200)

    def start_server(self, *extra: str) -> Server:
        """Start one more API server on the same etcd and wait until it is ready; `extra` flags come last and win."""
        number, address = len(self.servers) + 1, ""
        served = self.folder / f"server-{number}"
        served.mkdir(exist_ok=True)

        def flags() -> list[str]:
            nonlocal address
            port = free_port()
            address = f"127.0.0.1:{port}"
            return [
                f"--etcd-servers={self._etcd_url}",
                f"--secure-port={port}",
                "--bind-address=127.0.0.1",
                # written into the EndpointSlice default/kubernetes, which allows no loopback address; of a range kept
                # for documentation, where nothing ever listens: tests name each server to its client
                f"--advertise-address=192.0.2.{number}",
                f"--cert-dir={served}",
                f"--tls-cert-file={self.folder / 'server.crt'}",
                f"--tls-private-key-file={self.folder / 'server.key'}",
                f"--service-account-key-file={self.folder / 'accounts.key'}",
                f"--service-account-signing-key-file={self.folder / 'accounts.key'}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--token-auth-file={self.folder / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--disable-admission-plugins=ServiceAccount",
                "--allow-privileged=true",
                *extra,
            ]

        log = f"kube-apiserver-{number}.log"
        program = self._launch("kube-apiserver", log, flags, lambda: self._serving(address))
        server = Server(address, program)
        self.servers.append(server)
        return server

    def _serving(self, address: str) -> bool:
        # the last two are made after /readyz says yes
        paths = ("/readyz", "/api/v1/namespaces/default", "/api/v1/namespaces/default/services/kubernetes")
        headers = {"Authorization": f"Bearer {self.token}"}
        return all(_fetch(f"https://{address}{path}", headers=headers, ca=self.ca)[0] == 200 for path in paths)

    def restart_server(self, server: Server) -> None:
        """Bring a stopped API server back at its old address (`server.program.stop()` stops one) and wait for it."""
        server.program.stop(kill=True)
        server.program = Program.start(server.program.command, server.program.log)
        server.program.await_ready(lambda: self._serving(server.address), time.monotonic() + READY_WITHIN)

    def start_controllers(self) -> None:
        """Start kube-controller-manager with the garbage collector, namespaces and the status of admission policies."""
        if self._manager is not None:
            return
        config = self.kubeconfig(self.folder / "controllers.kubeconfig")
        port = 0

        def flags() -> list[str]:
            nonlocal port
            port = free_port()
            return [
                f"--kubeconfig={config}",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                f"--secure-port={port}",
                f"--cert-dir={self.folder / 'controllers'}",
                f"--controllers={','.join(CONTROLLERS)}",
            ]

        def ready() -> bool:
            return _fetch(f"https://127.0.0.1:{port}/healthz")[0] == 200

        self._manager = self._launch("kube-controller-manager", "kube-controller-manager.log", flags, ready)

    def stop_controllers(self) -> None:
        """Stop the controllers, if they run; they can be started again."""
        if self._manager is not None:
            self._manager.stop(kill=True)
            self._manager = None


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fetch(
    url: str,
    method: str = "GET",
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    ca: Path | None = None,
) -> tuple[int, Any]:
    """One request: (status, JSON or text); status 0 when nobody answers. Without `ca` certificates are not checked."""
    tls = None
    if url.startswith("https:"):
        tls = ssl.create_default_context(cafile=str(ca) if ca else None)
        if ca is None:
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, data, dict(headers or {}), method=method)
    handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)]  # loopback: no proxy
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=30) as response:
            status, raw = response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            status, raw = error.code, error.read()
    except OSError:
        return 0, ""
    try:
        return status, json.loads(raw)
    except ValueError:
        return status, raw.decode(errors="replace")


def main(argv: list[str] | None = None) -> int:
    """Run a cluster until Ctrl-C; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.realapi.server", description="Run a real API server by hand."
    )
    parser.add_argument("--servers", type=int, default=1, help="API servers on one etcd (default: 1)")
    parser.add_argument("--controllers", action="store_true", help="with garbage collector, namespaces, policy status")
    parser.add_argument("--kubeconfig", type=Path, help="write a kubeconfig here")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with RealCluster(servers=options.servers, controllers=options.controllers) as cluster:
            if options.kubeconfig:
                cluster.kubeconfig(options.kubeconfig)
            for server in cluster.servers:
                sys.stdout.write(f"{server.url} {cluster.token}\n")
            sys.stdout.flush()
            while all(server.program.running for server in cluster.servers):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    cluster.servers[0].program.process.wait(1)
            sys.stderr.write("realapi: a kube-apiserver ended\n")
            return 1
    except KeyboardInterrupt:
        return 0
    except NotReady as error:
        sys.stderr.write(f"realapi: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
