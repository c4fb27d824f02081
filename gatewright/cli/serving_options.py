"""Options that the commands with a server of ours share."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from gatewright.runtime.up import Wishes

F = TypeVar("F", bound=Callable[..., Any])

PORT = click.IntRange(0, 65535)
LEVELS = click.Choice(["debug", "info", "warn", "error"], case_sensitive=False)


def server(function: F) -> F:
    """--port, --data-dir, --kubeconfig-out, --timing."""
    options = (
        click.option(
            "--port", type=PORT, default=0, show_default=True, help="Port of the API server; 0 picks a free one."
        ),
        click.option(
            "--data-dir",
            type=click.Path(file_okay=False, path_type=Path),
            help="Keep the cluster's state in this folder; without it, it is gone at the end.",
        ),
        click.option(
            "--kubeconfig-out",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where to write the kubeconfig (mode 0600) [default: in --data-dir, else in the temporary folder].",
        ),
        click.option(
            "--timing",
            type=click.Choice(["fast", "real"]),
            default="fast",
            show_default=True,
            help="Waiting times of the API server: short ones, or those measured on a real one.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def logging(function: F) -> F:
    """--log-level for the commands that run for long."""
    return click.option("--log-level", type=LEVELS, default="error", show_default=True, help="What to log on stderr.")(
        function
    )


def wishes(port: int, data_dir: Path | None, kubeconfig_out: Path | None, timing: str) -> Wishes:
    """The options as `runtime.up` takes them; lines go to stdout and stderr."""
    from gatewright.runtime.up import Wishes

    kubeconfig = kubeconfig_out or (data_dir or Path(tempfile.mkdtemp(prefix="gatewright-"))) / "kubeconfig"
    return Wishes(
        port=port,
        kubeconfig=kubeconfig.absolute(),
        timing=timing,
        data_dir=data_dir,
        say=lambda line: click.echo(line),
        complain=lambda line: click.echo(f"gatewright: {' '.join(line.split())}", err=True),
    )
