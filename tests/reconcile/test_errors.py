"""The classes of answers (lifecycle, rule 8), with the texts of a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewright.core.http import NoAnswer, Response
from gatewright.reconcile import errors
from gatewright.reconcile.errors import Outcome

MODIFIED = 'Operation cannot be fulfilled on widgets.t.example.io "w1": the object has been modified; please apply your'


def said(code: int, reason: str, message: str, *fields: str) -> Response:
    causes = {"details": {"causes": [{"field": field} for field in fields]}} if fields else {}
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, **causes}
    return Response(code, (), json.dumps(body).encode())


PLAIN_404 = Response(404, (("content-type", "text/plain"),), b"404 page not found\n")
WRITES = [
    pytest.param(Response(201, (), b"{}"), Outcome.DONE, id="created"),
    pytest.param(said(409, "Conflict", MODIFIED), Outcome.CONFLICT, id="stale version"),
    pytest.param(said(409, "AlreadyExists", 'widgets "w1" already exists'), Outcome.CONFLICT, id="exists"),
    pytest.param(
        said(409, "Conflict", 'Apply failed with 1 conflict: conflict with "m1": .spec.x', ".spec.x"),
        Outcome.CONFLICT,
        id="another owner",
    ),
    pytest.param(
        said(409, "Conflict", 'cannot be fulfilled on widgets "w": uid mismatch: the provided object specified uid U'),
        Outcome.RECREATED,
        id="apply with a uid onto nothing",
    ),
    pytest.param(
        said(409, "Conflict", "Precondition failed: UID in precondition: A, UID in object meta: B"),
        Outcome.RECREATED,
        id="PUT of another incarnation",
    ),
    pytest.param(
        said(422, "Invalid", "metadata.uid: Invalid value: field is immutable", "metadata.uid"),
        Outcome.RECREATED,
        id="apply onto another incarnation",
    ),
    pytest.param(
        said(422, "Invalid", "the server rejected our request due to an error in our request"),
        Outcome.TRANSIENT,
        id="a lost test of a JSON patch",
    ),
    pytest.param(said(422, "Invalid", "spec.x: Required value", "spec.x"), Outcome.TERMINAL, id="our body"),
    pytest.param(said(422, "Invalid", "no details but a message of ours"), Outcome.TERMINAL, id="422 without causes"),
    pytest.param(said(404, "NotFound", 'widgets "w" not found'), Outcome.GONE, id="not found"),
    pytest.param(PLAIN_404, Outcome.GONE, id="kind not served"),
    pytest.param(said(410, "Expired", "too old"), Outcome.GONE, id="expired"),
    pytest.param(said(429, "TooManyRequests", "slow down"), Outcome.TRANSIENT, id="throttled"),
    pytest.param(said(500, "InternalError", "failed calling webhook"), Outcome.TRANSIENT, id="500"),
    pytest.param(
        said(
            500, "", "failed to create typed patch object (/tt; ...): .status.conditions: field not declared in schema"
        ),
        Outcome.TERMINAL,
        id="a field that the schema does not declare",
    ),
    pytest.param(Response(502, (), b"<html>"), Outcome.TRANSIENT, id="a proxy"),
    pytest.param(said(504, "Timeout", "Too large resource version"), Outcome.TRANSIENT, id="timeout"),
    pytest.param(said(401, "Unauthorized", "Unauthorized"), Outcome.TRANSIENT, id="a token that ran out"),
    pytest.param(said(403, "Forbidden", "User x cannot patch"), Outcome.TERMINAL, id="forbidden"),
    pytest.param(
        said(403, "Forbidden", "create not allowed while custom resource definition is terminating"),
        Outcome.TRANSIENT,
        id="CRD terminating",
    ),
    pytest.param(
        said(403, "Forbidden", "unable to create new content in namespace x because it is being terminated"),
        Outcome.TRANSIENT,
        id="namespace terminating",
    ),
    pytest.param(said(415, "UnsupportedMediaType", "..."), Outcome.TERMINAL, id="media type"),
    pytest.param(said(400, "BadRequest", "..."), Outcome.TERMINAL, id="bad request"),
    pytest.param(NoAnswer("refused", sent=False), Outcome.TRANSIENT, id="not sent"),
    pytest.param(NoAnswer("timed out"), Outcome.UNKNOWN, id="sent and not answered"),
]


@pytest.mark.parametrize(("answer", "outcome"), WRITES)
def test_writes(answer: Any, outcome: Outcome) -> None:
    assert errors.of_write(answer).outcome is outcome


def test_a_delete_of_what_is_gone_is_done_but_an_unserved_kind_says_nothing() -> None:
    assert errors.of_delete(said(404, "NotFound", "not found")).outcome is Outcome.DONE
    assert errors.of_delete(PLAIN_404).outcome is Outcome.GONE
    uid = "the UID in the precondition (A) does not match the UID in record (B). The object might have been deleted"
    assert errors.of_delete(said(409, "Conflict", uid)).outcome is Outcome.RECREATED


def test_a_read_without_an_answer_is_never_an_unknown_outcome() -> None:
    assert errors.of_read(NoAnswer("timed out")).outcome is Outcome.TRANSIENT


def test_the_wait_that_a_server_asks_for() -> None:
    body = {"kind": "Status", "code": 429, "details": {"retryAfterSeconds": 3}}
    assert errors.of_write(Response(429, (), json.dumps(body).encode())).retry_after == 3.0
