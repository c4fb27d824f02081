"""What an answer to a write or a live read means for its branch (lifecycle, rule 8).

Called by `execution`. Answers of the API server are values, never exceptions; this module is the one place that reads
their codes.

    DONE        the write stands, or it was not needed
    CONFLICT    409: somebody wrote between (or holds a field, or the object exists): look again; never told as an error
    RECREATED   another incarnation has the name, or the one that was meant is gone
    GONE        the object, or its kind on this server, isn't there
    TRANSIENT   may work the next time: 429, 5xx, a lost JSON-patch test, not sent at all
    UNKNOWN     sent and not answered: it may stand or not; read live before concluding anything
    TERMINAL    will be answered the same again for these fields: forbidden, invalid, a field that the schema doesn't
    declare
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gatewright.core.http import NoAnswer, Response
from gatewright.kube import statuses
from gatewright.kube.statuses import Status

TYPED_PATCH = "failed to create typed patch object"  # a 500 that is final for this schema (measured)


class Outcome(Enum):
    DONE = "done"
    CONFLICT = "conflict"
    RECREATED = "recreated"
    GONE = "gone"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    TERMINAL = "terminal"


@dataclass(frozen=True, slots=True)
class Verdict:
    """status: HTTP code, 0 without an answer. retry_after: seconds that the server asks to wait, or None."""

    outcome: Outcome
    status: int = 0
    reason: str = ""
    message: str = ""
    retry_after: float | None = None


def of_write(answer: Response | NoAnswer) -> Verdict:
    """The answer to an apply, a create, a patch or a replace."""
    if isinstance(answer, NoAnswer):
        return Verdict(Outcome.UNKNOWN if answer.sent else Outcome.TRANSIENT, message=answer.cause)
    if answer.status < 400:
        return Verdict(Outcome.DONE, answer.status)
    status = statuses.read(answer)
    return _verdict(_outcome(status), status)


def of_delete(answer: Response | NoAnswer) -> Verdict:
    """The answer to a DELETE: that the object is gone already is what was wanted; that its kind isn't served here is
    not known to be.
    """
    verdict = of_write(answer)
    if verdict.outcome is Outcome.GONE and verdict.status == 404 and verdict.reason == "NotFound":
        return Verdict(Outcome.DONE, verdict.status, verdict.reason, verdict.message)
    return verdict


def of_read(answer: Response | NoAnswer) -> Verdict:
    """The answer to a GET of one object; GONE with reason NotFound says that it doesn't exist. Nothing about it is
    terminal but a refusal.
    """
    if isinstance(answer, NoAnswer):
        return Verdict(Outcome.TRANSIENT, message=answer.cause)
    return of_write(answer)


def _outcome(status: Status) -> Outcome:
    code = status.code
    if code == 409:
        return Outcome.RECREATED if _names_uid(status.message) else Outcome.CONFLICT
    if code in (404, 410):
        return Outcome.GONE
    if code == 422:
        return _unprocessable(status)
    if code == 429 or code in (401, 408):  # 401: credentials are renewed by the carrier
        return Outcome.TRANSIENT
    if code >= 500:
        return Outcome.TERMINAL if TYPED_PATCH in status.message else Outcome.TRANSIENT
    if code == 403 and _terminating(status.message):
        return Outcome.TRANSIENT
    return Outcome.TERMINAL


def _unprocessable(status: Status) -> Outcome:
    """422: a uid of another incarnation; a lost JSON-patch `test` (no details at all); else our body."""
    if any(cause.field == "metadata.uid" for cause in status.causes):
        return Outcome.RECREATED
    if not status.causes and status.message.startswith("the server rejected our request"):
        return Outcome.TRANSIENT
    return Outcome.TERMINAL


def _names_uid(message: str) -> bool:
    """The 409s of a uid that doesn't fit: apply onto nothing, PUT, DELETE (measured texts)."""
    return "uid mismatch" in message or "UID in precondition" in message or "UID in the precondition" in message


def _terminating(message: str) -> bool:
    """403s that pass by themselves: the namespace or the CRD is on its way out."""
    return "is being terminated" in message or "definition is terminating" in message


def _verdict(outcome: Outcome, status: Status) -> Verdict:
    return Verdict(outcome, status.code, status.reason, status.message, status.retry_after)
