"""Kubeconfig files as text, and what exec plugins print."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gatewright.kube import kubeconfig
from gatewright.kube.kubeconfig import Credential, ExecPlugin, KubeconfigError, Material

PEM = b"-----BEGIN CERTIFICATE-----\n"
DATA = base64.b64encode(PEM).decode()


def config(cluster: Any = None, user: Any = None, context: Any = None, **more: Any) -> str:
    """A kubeconfig with one of each; JSON is YAML."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", **(context or {})}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://h:6443/", **(cluster or {})}}],
            "users": [{"name": "u", "user": user or {}}],
            **more,
        }
    )


def parsed(**parts: Any) -> kubeconfig.Connection:
    return kubeconfig.parse([(config(**parts), "/home/me/.kube")])


def test_the_plainest() -> None:
    assert parsed() == kubeconfig.Connection("https://h:6443")


def test_certificates_inside_and_beside_the_file() -> None:
    connection = parsed(
        cluster={"certificate-authority-data": DATA, "certificate-authority": "ignored", "tls-server-name": "api"},
        user={"client-certificate": "me.crt", "client-key": "/etc/me.key"},
        context={"namespace": "ns"},
    )
    assert connection.authority == Material(data=PEM)
    assert connection.certificate == Material(file="/home/me/.kube/me.crt")
    assert connection.key == Material(file="/etc/me.key")
    assert (connection.server_name, connection.namespace, connection.verify) == ("api", "ns", True)


def test_without_verification_the_authority_is_not_used() -> None:
    connection = parsed(cluster={"insecure-skip-tls-verify": True, "certificate-authority-data": DATA})
    assert not connection.verify
    assert not connection.authority


def test_a_token_goes_before_its_file() -> None:
    assert parsed(user={"token": "t", "tokenFile": "f"}).token_file == ""
    assert parsed(user={"tokenFile": "../f"}).token_file == "/home/me/f"


def test_impersonation_and_proxy() -> None:
    user = {"as": "a", "as-groups": ["g", "h"], "as-user-extra": {"Scopes": ["s"]}, "as-uid": "1"}
    connection = parsed(user=user, cluster={"proxy-url": "http://p:1"})
    assert connection.proxy == "http://p:1"
    assert connection.impersonate == (
        ("impersonate-user", "a"),
        ("impersonate-uid", "1"),
        ("impersonate-group", "g"),
        ("impersonate-group", "h"),
        ("impersonate-extra-scopes", "s"),
    )


def test_the_first_of_several_files_wins() -> None:
    first = (config(user={"token": "first"}, clusters=[]), "/a")
    second = (config(user={"token": "second"}, cluster={"server": "https://other"}), "/b")
    connection = kubeconfig.parse([first, second])
    assert (connection.token, connection.server) == ("first", "https://other")


def test_another_context_may_be_named() -> None:
    contexts = [{"name": "here", "context": {}}, {"name": "there", "context": {"cluster": "c"}}]
    assert kubeconfig.parse([(config(contexts=contexts), "")], context="there").server == "https://h:6443"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [", "not valid YAML", id="yaml"),
        pytest.param("- a", "no kubeconfig", id="list"),
        pytest.param("", "names no current context", id="empty"),
        pytest.param(config(contexts=[]), "no context 'here' (it has: none)", id="no context"),
        pytest.param(config(context={"cluster": "x"}), "names the cluster 'x'", id="no cluster"),
        pytest.param(config(context={"user": "x"}), "names the user 'x'", id="no user"),
        pytest.param(config(cluster={"server": "h:6443"}), "'h:6443' is no http(s) URL", id="server"),
        pytest.param(config(cluster={"certificate-authority-data": "%"}), "is not base64", id="base64"),
        pytest.param(config(user={"auth-provider": {"name": "gcp"}}), "auth-provider", id="auth-provider"),
        pytest.param(config(user={"exec": {}}), "names no command", id="exec without command"),
        pytest.param(config(user={"exec": {"command": "x", "apiVersion": "v9"}}), "apiVersion 'v9'", id="exec version"),
        pytest.param(config(users=[{}]), "an entry of users in the kubeconfig has no name", id="nameless"),
        pytest.param(config(users=[{"name": "u", "user": 7}]), "has no mapping 'user'", id="no mapping"),
    ],
)
def test_what_can_not_be_used_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(KubeconfigError) as caught:
        kubeconfig.parse([(text, "")])
    line = caught.value.one_line()
    assert message in line
    assert "\n" not in line


# --- exec plugins

EXEC = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "command": "./login",
    "args": ["a"],
    "env": [{"name": "K", "value": "V"}],
    "provideClusterInfo": True,
    "installHint": "install it",
}


def test_an_exec_plugin_is_a_value() -> None:
    connection = parsed(user={"exec": EXEC}, cluster={"tls-server-name": "api"})
    plugin = ExecPlugin(
        "client.authentication.k8s.io/v1",
        "/home/me/.kube/login",
        ("a",),
        (("K", "V"),),
        provide_cluster=True,
        hint="install it",
    )
    assert connection.plugin == plugin
    told = json.loads(kubeconfig.exec_input(connection, PEM))
    assert told["spec"]["cluster"] == {
        "server": "https://h:6443",
        "tls-server-name": "api",
        "certificate-authority-data": DATA,
    }


def test_a_command_on_the_path_stays_as_it_is() -> None:
    plugin = parsed(user={"exec": {**EXEC, "command": "aws", "provideClusterInfo": False}}).plugin
    assert plugin is not None
    assert plugin.command == "aws"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        pytest.param(b"sorry", "printed no JSON", id="text"),
        pytest.param(b"{}", "no ExecCredential", id="object"),
        pytest.param(b'{"kind":"ExecCredential","status":{}}', "neither a token nor a certificate", id="empty"),
    ],
)
def test_a_plugin_that_gives_nothing(output: bytes, message: str) -> None:
    with pytest.raises(KubeconfigError, match=message):
        kubeconfig.read_credential(ExecPlugin("v1", "login"), output)


def test_a_plugin_that_gives_a_token() -> None:
    output = b'{"kind":"ExecCredential","status":{"token":"t","expirationTimestamp":"2030-01-01T00:00:00Z"}}'
    found = kubeconfig.read_credential(ExecPlugin("v1", "login"), output)
    assert found == Credential(token="t", expires="2030-01-01T00:00:00Z")


# --- in a cluster


def test_in_a_cluster() -> None:
    connection = kubeconfig.in_cluster("fd00::1", "443", "ns", "/var/run/sa")
    assert connection.server == "https://[fd00::1]:443"
    assert connection.token_file == "/var/run/sa/token"
    assert connection.authority == Material(file="/var/run/sa/ca.crt")


def test_not_in_a_cluster() -> None:
    with pytest.raises(KubeconfigError, match="not in a cluster"):
        kubeconfig.in_cluster("", "", "", "")
