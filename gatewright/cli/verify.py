"""`gatewright verify PATH`: suites of policy tests, as `gator verify`."""

from __future__ import annotations

import random
import time

import click

from gatewright.cli import gator_options
from gatewright.cli.go_flags import GoCommand, switch
from gatewright.core.errors import UserError


@click.command(name="verify", cls=GoCommand)
@click.argument("path")
@click.option(
    "-r", "--run", "selection", default="", metavar="RE", help="Run tests and cases by name: RE or TEST//CASE."
)
@switch("-v", "--verbose", text="Name every test and case, and show what Rego prints.")
@switch("-t", "--trace", text="Include a trace of the evaluation.")
@gator_options.engines
def command(
    path: str, selection: str, verbose: bool, trace: bool, enable_k8s_native_validation: bool, failure_policy: str
) -> int:
    """Run the suites at PATH: a file, a folder, or FOLDER/... with all folders below it.

    Exits with 1 when a test fails or can't be run.
    """
    from gatewright.gator.outcomes import report
    from gatewright.gator.selection import parse_selection
    from gatewright.gator.suites import find_suites
    from gatewright.gator.verifying import Verifier
    from gatewright.gator.workbench import Moment

    if trace:
        raise UserError("--trace: tracing of Rego is not supported yet", mend="use print() in the policy and -v")
    suites = find_suites(path)
    verifier = Verifier(
        settings=gator_options.settings(enable_k8s_native_validation, failure_policy),
        moment=Moment(time.time_ns(), random.getrandbits(63)),
        clock=time.perf_counter,
        selection=parse_selection(selection),
    )
    outcomes = [verifier.run(suite) for suite in suites]
    click.echo(report(outcomes, verbose=verbose), nl=False)
    if any(outcome.failed for outcome in outcomes):
        click.echo("Error: FAIL", err=True)
        return 1
    return 0
