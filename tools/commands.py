"""Makes docs/commands.md from the command line: `python -m tools.commands`. tests/repo holds the page against it."""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from gatewright.cli.main import COMMANDS, gatewright

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"

HEAD = """\
# Commands

Made from the command line itself by `python -m tools.commands`; edit the help texts, not this page.

`gatewright` and `python -m gatewright` are the same. Every command has `--help`. Results go to stdout, problems to
stderr, one line each, with the file or object and what to do about it. A traceback is always a bug of ours.

Exit codes where a command does not tell its own: 0 done, 1 the answer is no or the work failed, 64 wrong usage or no
server, 130 interrupted. `verify` and `test` are `gator verify` and `gator test`: the same flags, output and exit codes.
"""


def page() -> str:
    """The page as Markdown."""
    context = click.Context(gatewright, info_name="gatewright")
    parts = [HEAD]
    for name, (_, line) in COMMANDS.items():
        command = gatewright.get_command(context, name)  # type: ignore[attr-defined]
        parts.append(f"\n## gatewright {name}\n\n{_sentence(line)}\n\n{_text(command)}\n")
        pieces = command.collect_usage_pieces(click.Context(command))
        parts.append(f"\nUsage: `{' '.join(['gatewright', name, *pieces])}`\n")
        options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
        if options:
            parts.append("\n| option | | default |\n|---|---|---|\n")
            parts += [_row(option) for option in options]
    return "".join(parts)


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."


def _text(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").replace("\b\n", "")


def _row(option: click.Option) -> str:
    names = [*option.opts, *option.secondary_opts]
    shown = ", ".join(f"`{name}`" for name in names)
    if not option.is_flag:
        shown += f" {_metavar(option)}"
    default = option.default
    plain = "" if default in (None, "", (), []) or "UNSET" in repr(default) else f"`{_default(option)}`"
    return f"| {shown} | {(option.help or '').replace('|', chr(92) + '|')} | {plain} |\n"


def _metavar(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return ", ".join(str(choice) for choice in option.type.choices)
    return option.metavar or option.type.name.upper()


def _default(option: click.Option) -> str:
    if option.is_flag:
        return "on" if option.default else "off"
    return str(option.default)


if __name__ == "__main__":
    PAGE.write_text(page())
