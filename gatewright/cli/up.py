"""`gatewright up`: try everything on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from gatewright.cli import serving_options
from gatewright.core.settings import Settings


@click.command(name="up")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@serving_options.server
@click.option(
    "--vap-mode",
    type=click.Choice(["strict", "ramp", "inline"]),
    default="strict",
    show_default=True,
    help="How policies are generated for templates with CEL.",
)
@serving_options.logging
def command(files: tuple[Path, ...], vap_mode: str, log_level: str, **server: Any) -> None:
    """Start an API server, the controllers and the webhook in one process on loopback, and apply FILES (files or
    folders): templates, constraints, Config and SyncSet; other objects in folders are left alone.

    A line tells when each template is Ready and how long it took; Ctrl-C stops everything.
    """
    from gatewright.runtime import logs
    from gatewright.runtime.applying_files import read_files
    from gatewright.runtime.up import run_up

    if vap_mode != "strict":
        raise click.UsageError("--vap-mode ramp and inline come with generated policies; use strict")
    logs.configure(log_level, plain=True)
    wishes = serving_options.wishes(**server)
    asyncio.run(run_up(wishes, Settings(), read_files(files)))
