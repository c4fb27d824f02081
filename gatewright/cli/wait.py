"""`gatewright wait KIND/NAME --for Ready`."""

from __future__ import annotations

import asyncio
import re

import click

from gatewright.cli.exits import UsageError

EXITS = {"ready": 0, "failed": 1, "progressing": 2}
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> float:
    """Seconds from Go's notation (60s, 1m30s) or a bare number. Raises UsageError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"{text!r} is no duration", mend="write it as 60s or 1m30s")
    return sum(float(number) * UNITS[unit] for number, unit in parts)


@click.command(name="wait")
@click.argument("what", metavar="KIND/NAME")
@click.option(
    "--for", "condition", default="Ready", show_default=True, help="The condition; Ready is the one there is."
)
@click.option("--timeout", default="60s", show_default=True, help="How long to wait, such as 60s or 2m.")
@click.option("--kubeconfig", default="", help="The kubeconfig [default: KUBECONFIG, ~/.kube/config].")
def command(what: str, condition: str, timeout: str, kubeconfig: str) -> int:
    """Wait until a ConstraintTemplate or a constraint is Ready, on Gatewright or on Gatekeeper.

    Exits with 0 when it is ready, 1 when it has failed (the reason is told), 2 when the time is over while it still
    progresses, 64 for wrong usage or no server.
    """
    kind, slash, name = what.partition("/")
    if not slash or not kind or not name:
        raise UsageError(f"{what!r} is not KIND/NAME", mend="write it as constrainttemplate/NAME or KIND/NAME")
    if condition.removeprefix("condition=").lower() != "ready":
        raise UsageError(f"can't wait for {condition!r}", mend="use --for Ready")
    return asyncio.run(_wait(kind, name, duration(timeout), kubeconfig))


async def _wait(kind: str, name: str, timeout: float, kubeconfig: str) -> int:
    from gatewright.runtime import clock, kubeconfigs, waiting

    _, transport = kubeconfigs.connect(kubeconfig)
    try:
        end = clock.now().monotonic + timeout
        resource = await waiting.find(transport, kind, timeout, clock.now)
        left = max(0.0, end - clock.now().monotonic)
        state = await waiting.wait_for(transport, resource, name, left, clock.now, lambda _state: None)
    except waiting.NotServed as error:
        click.echo(f"gatewright: {kind}/{name} is not ready after {timeout:g} s: {error.one_line()}", err=True)
        return EXITS["progressing"]
    finally:
        await transport.close()
    shown = f"{resource.kind}/{name}"
    if state.outcome == "ready":
        click.echo(f"{shown} is ready: {state.why}")
    elif state.outcome == "failed":
        click.echo(f"gatewright: {shown} has failed: {' '.join(state.why.split())}", err=True)
    else:
        click.echo(f"gatewright: {shown} is not ready after {timeout:g} s: {' '.join(state.why.split())}", err=True)
    return EXITS[state.outcome]
