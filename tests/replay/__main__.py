"""`python -m tests.replay BASEURL TOKEN [NAMEPART]`: replay the recorded scenarios against a running server, by hand.

Prints passed/total per file and, for each step that fails, its differences. Exit code 0 when all agree, 1 when some
differ, 2 when the server or the data is not there. The server must hold nothing of the scenarios: start a fresh one for
each run.
"""

from __future__ import annotations

import argparse
import http.client
import os
import sys
from pathlib import Path

from tests.replay.pairs import replay
from tests.replay.scenario import scenarios
from tests.replay.transport import HttpTransport


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    beside = Path(__file__).resolve().parents[3] / "shared" / "conformance"
    parser = argparse.ArgumentParser(
        prog="python -m tests.replay", description="Replay recorded answers against a fresh server."
    )
    parser.add_argument(
        "base", metavar="BASEURL", help="such as https://127.0.0.1:6443; its certificate is not checked"
    )
    parser.add_argument("token", metavar="TOKEN", help="bearer token of a user of group system:masters")
    parser.add_argument("part", metavar="NAMEPART", nargs="?", default="", help="only files whose name contains this")
    parser.add_argument(
        "--step", default="", help="stop after the step whose name contains this, and report only such steps"
    )
    parser.add_argument("--all", action="store_true", help="all differences of a step, not only the first six")
    parser.add_argument(
        "--flaky", action="store_true", help="show steps that differ where the recording allows it, too"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="only the counts")
    parser.add_argument("-v", "--verbose", action="store_true", help="whole request and answer of a step that fails")
    folder = Path(os.environ.get("GATEWRIGHT_CONFORMANCE") or beside) / "apiserver"
    parser.add_argument("--folder", type=Path, default=folder, help="the scenarios (default: %(default)s)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    options = _arguments(argv)
    passed = total = files = 0
    try:
        transport = HttpTransport(options.base, options.token)
        for scenario in scenarios(options.folder, options.part):
            if options.step and not any(options.step in each.name for each in scenario.steps):
                continue
            result = replay(scenario, transport, last=options.step or None)
            files, passed, total = files + 1, passed + result.passed, total + result.total
            note = f"  ({len(result.flaky)} flaky differ)" if result.flaky else ""
            note += f"  needs {scenario.needs}" if scenario.needs and result.failures else ""
            note += "  SET-UP FAILED" if any(each.failed for each in result.setup) else ""
            _say(f"{scenario.name:28}{result.passed:5}/{result.total}{note}")
            if result.failures and not options.quiet:
                account = result.report(places=0 if options.all else 6, step=options.step, whole=options.verbose)
                _say("\n".join(account.splitlines()[1:]))
            for each in result.flaky if options.flaky else ():
                _say(f"  flaky {each.step.name!r} ({each.step.flaky}): {each.differences[0].path}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        sys.stderr.write(f"replay: {options.base}: {error}\n")
        return 2
    if not files:
        sys.stderr.write(f"replay: no scenario in {options.folder} fits\n")
        return 2
    _say(f"{files} files, {passed} of {total} steps agree ({100 * passed / max(total, 1):.1f} %)")
    return 0 if passed == total else 1


if __name__ == "__main__":
    sys.exit(main())
