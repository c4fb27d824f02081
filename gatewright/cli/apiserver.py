"""`gatewright apiserver`: the embedded API server alone."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from gatewright.cli import serving_options


@click.command(name="apiserver")
@serving_options.server
@serving_options.logging
def command(log_level: str, **server: Any) -> None:
    """Start the embedded API server on loopback, without controllers of ours. Ctrl-C stops it."""
    from gatewright.runtime import logs
    from gatewright.runtime.up import run_apiserver

    logs.configure(log_level, plain=True)
    asyncio.run(run_apiserver(serving_options.wishes(**server)))
