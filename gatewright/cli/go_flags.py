"""Flags as Go programs take them, for the commands that stand in for `gator`.

`--flag=false` switches a switch off, `-o=json` is `-o json`, and wrong usage exits with 1, as gator does (interfaces:
exit codes as gator's where a gator command exists).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")
_SHORT = re.compile(r"-[A-Za-z]=.*\Z", re.DOTALL)


class GoCommand(click.Command):
    """A command whose switches are declared as `--name/--no-name` and may be written as `--name=BOOL`."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            told = " ".join(error.format_message().split())
            click.echo(f"gatewright {self.name}: {told} - see gatewright {self.name} --help", err=True)
            raise click.exceptions.Exit(1) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._written_as_click_does(args))

    def _written_as_click_does(self, args: list[str]) -> list[str]:
        switches = {name: option for option in self.params for name in option.opts if isinstance(option, Switch)}
        out: list[str] = []
        for at, arg in enumerate(args):
            if arg == "--":
                return out + args[at:]
            name, equals, value = arg.partition("=")
            if not equals or not (name.startswith("--") or _SHORT.match(arg)):
                out.append(arg)
            elif name in switches:
                out.append(_switched(switches[name], name, value))
            elif _SHORT.match(arg):
                out += [name, value]
            else:
                out.append(arg)
        return out


class Switch(click.Option):
    """On or off. The form that switches it off is there for `--flag=false` and not shown in the help."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        off, self.secondary_opts = self.secondary_opts, []
        try:
            return super().get_help_record(ctx)
        finally:
            self.secondary_opts = off


def _switched(option: click.Parameter, name: str, value: str) -> str:
    if value in _TRUE:
        return name
    if value in _FALSE:
        return option.secondary_opts[0]
    raise click.UsageError(f'invalid argument "{value}" for "{name}" flag: write true or false')


def switch(*names: str, default: bool = False, text: str) -> Decorator:
    """Declares a Switch, by its names such as "-v", "--verbose"."""
    long = next(name for name in names if name.startswith("--"))
    short = (name for name in names if name != long)
    return click.option(*short, f"{long}/--no-{long[2:]}", cls=Switch, default=default, help=text)
