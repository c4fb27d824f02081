"""Reading what an API server says when it refuses: metav1.Status, and the plain text that it sends for paths it doesn't
serve.

Called by `listwatch` and by `reconcile`, which classifies; here is only what was said. Every answer can be read:
rubbish becomes a Status of its HTTP code with an empty reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from gatewright.core.http import Response
from gatewright.core.objects import dig

_SHOWN = 512  # characters of a body that is no Status


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of details.causes, e.g. ("FieldManagerConflict", ".spec.x", "conflict with ...")."""

    reason: str = ""
    field: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """code: HTTP status; reason: "" where the server gives none; retry_after: seconds or None; structured: the body was
    a Status.
    """

    code: int
    reason: str = ""
    message: str = ""
    causes: tuple[Cause, ...] = ()
    retry_after: float | None = None
    structured: bool = False

    @property
    def not_served(self) -> bool:
        """404 for the path, not for an object: the kind is unknown to this server (text/plain "404 page not found")."""
        return self.code == 404 and not self.structured


def read(response: Response) -> Status:
    """What the answer says; also for answers below 400, where a Status tells of success."""
    body = decoded(response.body)
    header = _seconds(response.header("retry-after"))
    if isinstance(body, dict) and body.get("kind") == "Status":
        status = of_object(body, response.status)
        return status if header is None else replace(status, retry_after=header)
    text = response.body[: 4 * _SHOWN].decode("utf-8", "replace").strip()[:_SHOWN]
    return Status(response.status, message=text, retry_after=header)


def of_object(body: Any, code: int = 0) -> Status:
    """A Status object as it also comes in a watch's ERROR event; `code` where it names none."""
    found = dig(body, "code")
    causes = dig(body, "details", "causes")
    seconds = dig(body, "details", "retryAfterSeconds")
    return Status(
        code=found if isinstance(found, int) and not isinstance(found, bool) and found else code,
        reason=_text(dig(body, "reason")),
        message=_text(dig(body, "message")),
        causes=tuple(_cause(entry) for entry in causes) if isinstance(causes, list) else (),
        retry_after=float(seconds) if isinstance(seconds, int | float) and seconds > 0 else None,
        structured=True,
    )


def decoded(body: bytes) -> Any:
    """The JSON value of a body, or None where it is none (or nests too deeply to be decoded)."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def _cause(entry: Any) -> Cause:
    return Cause(_text(dig(entry, "reason")), _text(dig(entry, "field")), _text(dig(entry, "message")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _seconds(text: str) -> float | None:
    """Retry-After in seconds; the form with a date is not used by API servers and reads as absent."""
    return float(text) if text.isascii() and text.isdigit() else None
