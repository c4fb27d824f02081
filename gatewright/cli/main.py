"""The command line: finds the command, and turns an error into one line on stderr.

A command's module is imported only when it is called, so that `gatewright verify` in a pre-commit hook starts fast.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from gatewright import __version__
from gatewright.cli.exits import USAGE
from gatewright.core.errors import GatewrightError

# name -> module of this package that holds it as `command`, and its line in the help
COMMANDS = {
    "up": ("up", "API server, controllers and webhook in one process, with your policies"),
    "manager": ("manager", "the controllers and the webhook against a cluster"),
    "apiserver": ("apiserver", "the embedded API server alone"),
    "wait": ("wait", "wait until a template or constraint is ready, or has failed"),
    "verify": ("verify", "run suites of policy tests"),
    "test": ("test", "evaluate resources against templates and constraints from files"),
    "simulate": ("simulate", "explore the lifecycle's interleavings and check its invariants"),
    "version": ("version", "print the version"),
}


class Commands(click.Group):
    """Loads a command's module when it is asked for."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"gatewright.cli.{COMMANDS[name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="gatewright", message="%(prog)s %(version)s")
def gatewright() -> None:
    """A policy controller for Kubernetes, compatible with OPA Gatekeeper."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; errors become one line on stderr."""
    try:
        outcome: Any = gatewright.main(arguments, prog_name="gatewright", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "gatewright"
        click.echo(f"gatewright: {error.format_message()} - see `{where} --help`", err=True)
        return USAGE
    except GatewrightError as error:
        click.echo(f"gatewright: {error.one_line()}", err=True)
        return USAGE if getattr(error, "usage", False) else 1
    return outcome if isinstance(outcome, int) else 0
