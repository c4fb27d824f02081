"""`gatewright version`."""

from __future__ import annotations

import platform

import click

from gatewright import __version__


@click.command(name="version")
def command() -> None:
    """Print the version of Gatewright and of the Python that runs it."""
    click.echo(f"gatewright {__version__} (Python {platform.python_version()})")
