"""`gatewright test`: resources against the policies in the same input, as `gator test`."""

from __future__ import annotations

import os
import random
import stat
import sys
import time

import click

from gatewright.cli import gator_options
from gatewright.cli.go_flags import GoCommand, switch
from gatewright.core.errors import UserError


@click.command(name="test", cls=GoCommand)
@click.option("-f", "--filename", "filenames", multiple=True, help="A file or folder of resources; may be repeated.")
@click.option("-o", "--output", "form", default="", metavar="json|yaml", help="Print data instead of lines.")
@click.option("-i", "--image", "images", multiple=True, help="An OCI image of policies (not supported yet).")
@switch("--plain-http", text="Pull images over plain HTTP.")
@click.option("-d", "--tempdir", default="", help="Where images are unpacked.")
@switch("--deny-only", text="Print only violations that deny.")
@switch("--stats", text="Include statistics of the evaluation.")
@switch("-t", "--trace", text="Include a trace of the evaluation.")
@switch("-v", "--verbose", text="Show what Rego prints.")
@gator_options.engines
def command(
    filenames: tuple[str, ...],
    form: str,
    images: tuple[str, ...],
    plain_http: bool,
    tempdir: str,
    deny_only: bool,
    stats: bool,
    trace: bool,
    verbose: bool,
    enable_k8s_native_validation: bool,
    failure_policy: str,
) -> int:
    """Evaluate resources against the templates and constraints of the same input: files, folders and standard input.

    Exits with 1 when a violation denies, or when something can't be read or used.
    """
    from gatewright.gator.auditing import audit
    from gatewright.gator.listing import listing
    from gatewright.gator.sources import read_sources
    from gatewright.gator.workbench import Moment

    _refuse(images, trace)
    sources = read_sources(filenames, _stdin())
    for warning in sources.warnings:
        click.echo(f"{time.strftime('%Y/%m/%d %H:%M:%S')} {warning}", err=True)
    if not sources.objects:
        raise UserError("no input data identified", mend="name files with -f, or pipe them in")
    settings = gator_options.settings(enable_k8s_native_validation, failure_policy)
    moment = Moment(time.time_ns(), random.getrandbits(63))
    stopwatch = time.perf_counter if stats else None
    found = audit(sources.objects, settings, moment, prints=verbose, stopwatch=stopwatch)
    shown = tuple(violation for violation in found.violations if violation.denies or not deny_only)
    click.echo(listing(shown, form, found.statistics), nl=False)
    if found.prints:
        click.echo("\n" + "".join(f"{line}\n" for line in found.prints))
    return 1 if found.failed else 0


def _stdin() -> bytes | None:
    """What is piped in; None where standard input is a terminal or another character device."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return None
    return None if stat.S_ISCHR(mode) else sys.stdin.buffer.read()


def _refuse(images: tuple[str, ...], trace: bool) -> None:
    """What is not there yet is said, not left out in silence."""
    if images:
        raise UserError(
            f'reading: pulling image: "{images[0]}": OCI images are not supported yet',
            mend="save the policies as files and name them with -f",
        )
    if trace:
        raise UserError("--trace: tracing of Rego is not supported yet", mend="use print() in the policy and -v")
