"""`gatewright simulate`: the lifecycle explorer."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gatewright.core.errors import UserError


@click.command(name="simulate")
@click.option("--seed", default=1, show_default=True, help="First seed of the random schedules.")
@click.option("--budget", default=60.0, show_default=True, help="Seconds to explore.")
@click.option("--worlds", default="", help="Comma-separated worlds [default: all].")
@click.option("--faults", default="", help="Comma-separated kinds of faults [default: all].")
@click.option(
    "--algorithm",
    type=click.Choice(["gatewright", "gatekeeper", "gatekeeper-3982-unfixed"]),
    default="gatewright",
    show_default=True,
    help="Whose lifecycle is explored.",
)
@click.option("--replay", type=click.Path(dir_okay=False, path_type=Path), help="Run the schedules of a saved report.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    seed: int, budget: float, worlds: str, faults: str, algorithm: str, replay: Path | None, as_json: bool
) -> int:
    """Explore the interleavings of the lifecycle in simulated clusters and check its invariants after every write.

    Exits with 1 when a violation was found; its shrunk schedule is printed and can be given to --replay.
    """
    from gatewright.runtime import clock
    from gatewright.sim import campaign

    names = [name for name in worlds.split(",") if name] or list(campaign.WORLDS)
    if replay is not None:
        try:
            text = replay.read_text(encoding="utf-8")
        except OSError as error:
            raise UserError(f"can't read {replay}: {error.strerror}", mend="give a saved report") from error
        report = campaign.replay(text, str(replay))
    else:
        kinds = campaign.fault_kinds(faults)
        say = (lambda line: click.echo(line, err=True)) if not as_json else (lambda _line: None)
        report = campaign.explore_all(algorithm, seed, budget, names, kinds, lambda: clock.now().monotonic, say)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        _show(report)
    return 1 if report.tally.found else 0


def _show(report: object) -> None:
    from gatewright.sim.campaign import Report

    assert isinstance(report, Report)
    tally = report.tally
    click.echo(f"{report.algorithm}, seed {report.seed}: {tally.states} states, {tally.schedules} schedules", nl=False)
    click.echo(f", {tally.steps} steps in {report.seconds:.1f} s")
    for found in tally.found:
        race = f" ({found.violation.race})" if found.violation.race else ""
        click.echo(f"{found.violation.invariant}{race} in {found.world}: {found.violation.what}")
        for step, move in found.schedule:
            click.echo(f"  at step {step}: {' '.join(str(part) for part in move)}")
    if not tally.found:
        click.echo("no violation")
