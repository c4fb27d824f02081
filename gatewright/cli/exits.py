"""Exit codes that several commands share, and the error for wrong usage."""

from __future__ import annotations

from gatewright.core.errors import UserError

USAGE = 64  # wrong usage, or no server to talk to (sysexits: EX_USAGE)


class UsageError(UserError):
    """Wrong arguments: exit code 64."""

    usage = True
