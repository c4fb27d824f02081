"""`gatewright manager`: the controllers and the webhook against a cluster."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import urlsplit

import click

from gatewright.cli.exits import UsageError
from gatewright.cli.serving_options import LEVELS, PORT
from gatewright.core.settings import SERVED_OPERATIONS, Operation, Settings


def operations(values: tuple[str, ...]) -> frozenset[Operation]:
    """--operation, repeated or comma-separated; none means all that there are. Raises UsageError for an unknown one."""
    names = [name for value in values for name in value.split(",") if name]
    known = {operation.value: operation for operation in Operation}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"unknown --operation {unknown[0]!r}: choose from {', '.join(sorted(known))}")
    return frozenset(known[name] for name in names) or SERVED_OPERATIONS


def webhook_address(text: str) -> str:
    """--webhook-url as it is given, or "". Raises UsageError for one that no API server would take or call."""
    if not text:
        return text
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            f"--webhook-url {text!r}: API servers call no such URL",
            mend="write it as https://HOST:PORT, without user, query or fragment",
        )
    return text


def server_addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    """--apiserver-address as given. Raises UsageError for one that isn't HOST:PORT."""
    for text in texts:
        host, _, port = text.rpartition(":")
        if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise UsageError(f"--apiserver-address {text!r} is not HOST:PORT", mend="write it as 10.0.0.1:6443")
    return texts


@click.command(name="manager")
@click.option("--kubeconfig", default="", help="The kubeconfig [default: KUBECONFIG, the pod's service account].")
@click.option(
    "--operation", multiple=True, help="A role of this process; repeat it or separate by commas [default: all]."
)
@click.option("--webhook-url", default="", help="Register the webhook by this URL instead of the Service.")
@click.option("--apiserver-address", multiple=True, help="HOST:PORT of an API server; repeat it for each.")
@click.option("--host", default="", help="Address that the webhook listens on [default: all].")
@click.option("--port", type=PORT, default=443, show_default=True, help="Port that the webhook listens on.")
@click.option("--cert-dir", default="", help="Folder with tls.crt, tls.key and ca.crt [default: made at start].")
@click.option("--exempt-namespace", multiple=True, help="A namespace that may carry the ignore label.")
@click.option("--exempt-namespace-prefix", multiple=True, help="The same, by prefix.")
@click.option("--exempt-namespace-suffix", multiple=True, help="The same, by suffix.")
@click.option("--validating-webhook-configuration-name", default=Settings().webhook_name, show_default=True)
@click.option("--log-denies", is_flag=True, help="Log every violation that the webhook finds.")
@click.option("--disable-opa-builtin", multiple=True, help="A Rego builtin that templates may not use.")
@click.option("--enable-referential-rules/--no-enable-referential-rules", default=True, show_default=True)
@click.option("--disable-enforcementaction-validation", is_flag=True)
@click.option("--log-level", type=LEVELS, default="INFO", show_default=True)
def command(
    kubeconfig: str,
    operation: tuple[str, ...],
    webhook_url: str,
    apiserver_address: tuple[str, ...],
    host: str,
    port: int,
    cert_dir: str,
    exempt_namespace: tuple[str, ...],
    exempt_namespace_prefix: tuple[str, ...],
    exempt_namespace_suffix: tuple[str, ...],
    validating_webhook_configuration_name: str,
    log_denies: bool,
    disable_opa_builtin: tuple[str, ...],
    enable_referential_rules: bool,
    disable_enforcementaction_validation: bool,
    log_level: str,
) -> None:
    """Run the controllers and the webhook against the cluster of a kubeconfig, or the one this pod is in.

    Outside of a cluster it makes a Pod object to own its pod statuses; POD_NAME and POD_NAMESPACE name it.
    """
    from gatewright.runtime import logs
    from gatewright.runtime.manager import Wishes, run_manager

    logs.configure(log_level, plain=False)
    asked = operations(operation)
    in_cluster = not kubeconfig and bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
    settings = Settings(
        namespace=os.environ.get("POD_NAMESPACE") or Settings().namespace,
        pod=os.environ.get("POD_NAME") or Settings().pod,
        owns_pod=not in_cluster,
        operations=asked & SERVED_OPERATIONS,
        webhook_name=validating_webhook_configuration_name,
        webhook_url=webhook_address(webhook_url),
        exempt_namespaces=exempt_namespace,
        exempt_namespace_prefixes=exempt_namespace_prefix,
        exempt_namespace_suffixes=exempt_namespace_suffix,
        validate_enforcement_action=not disable_enforcementaction_validation,
        log_denies=log_denies,
        rego_enabled_builtins_off=disable_opa_builtin,
        referential_rules=enable_referential_rules,
        addresses=server_addresses(apiserver_address),
    )
    absent = sorted(one.value for one in asked - SERVED_OPERATIONS)
    if absent:
        fields = (("operations", ", ".join(absent)),)
        logs.tell("warning", "these operations are not in this version: nothing is done for them", fields)
    if not settings.operations:
        raise click.UsageError(f"nothing to do: this version has no {', '.join(absent)}")
    asyncio.run(run_manager(settings, Wishes(kubeconfig, host, port, cert_dir)))
