"""The one error tree: each error says whose fault it is and whether trying again can help.

Every room raises a subclass of GatewrightError for what it can explain; `cli` turns `one_line()` into the line on
stderr. Anything else that escapes is a bug of ours and keeps its traceback. What an API server answers is no
exception here: answers are values, and `reconcile` classifies them.
"""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """Whose fault it is: the reader of a message wants to know that first."""

    USER = "user"  # an argument, a file, a flag
    POLICY = "policy"  # a template, a constraint, a policy's own text
    CLUSTER = "cluster"  # the API server, the network, a permission
    OURS = "gatewright"  # a broken promise of our own code


class GatewrightError(Exception):
    """An error that can be told in one line.

    what:  what is wrong, naming the file or object where there is one
    mend:  what to do about it ("" when the text already says so)
    """

    fault: Fault = Fault.OURS
    retry: bool = False  # whether the same call may succeed later without a change by the user

    def __init__(self, what: str, *, mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend

    def one_line(self) -> str:
        """The message for stderr: one line, with the mend behind a semicolon-free dash."""
        text = " ".join(self.what.split())
        return f"{text} - {self.mend}" if self.mend else text


class UserError(GatewrightError):
    """Wrong usage or a wrong input file."""

    fault = Fault.USER


class PolicyError(GatewrightError):
    """A template or constraint that can't be used as it stands."""

    fault = Fault.POLICY


class ClusterError(GatewrightError):
    """The API server can't be reached or refuses; trying again may help."""

    fault = Fault.CLUSTER
    retry = True
