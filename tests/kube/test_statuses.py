"""Reading refusals."""

from __future__ import annotations

import json

import pytest

from gatewright.core.http import Response
from gatewright.kube import statuses
from gatewright.kube.statuses import Cause, Status


def test_a_status_with_causes_and_a_wait() -> None:
    cause = {"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "immutable"}
    details = {"causes": [cause, "odd"], "retryAfterSeconds": 2}
    body = {"kind": "Status", "code": 422, "reason": "Invalid", "message": "m", "details": details}
    found = statuses.read(Response(422, (), json.dumps(body).encode()))
    causes = (Cause("FieldValueInvalid", "metadata.uid", "immutable"), Cause())
    assert found == Status(422, "Invalid", "m", causes, 2.0, structured=True)
    assert not found.not_served


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(
            Response(404, (("content-type", "text/plain"),), b"404 page not found\n"),
            Status(404, message="404 page not found"),
            id="path not served",
        ),
        pytest.param(Response(500, (), b"\xff\x00"), Status(500, message="\ufffd\x00"), id="rubbish"),
        pytest.param(Response(502, (), b""), Status(502), id="empty"),
        pytest.param(Response(429, (("retry-after", "1"),), b"wait"), Status(429, "", "wait", (), 1.0), id="header"),
        pytest.param(
            Response(503, (("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"),), b"x"),
            Status(503, message="x"),
            id="date",
        ),
        pytest.param(
            Response(409, (), b'{"kind":"Status","code":true,"reason":7,"message":null,"details":[]}'),
            Status(409, structured=True),
            id="fields of wrong types",
        ),
        pytest.param(Response(200, (), b'{"kind":"Pod"}'), Status(200, message='{"kind":"Pod"}'), id="no Status"),
    ],
)
def test_any_answer_can_be_read(response: Response, expected: Status) -> None:
    assert statuses.read(response) == expected


def test_only_a_404_without_a_status_says_not_served() -> None:
    assert statuses.read(Response(404, (), b"404 page not found")).not_served
    assert not statuses.read(Response(404, (), b'{"kind":"Status","code":404}')).not_served
    assert not statuses.read(Response(503, (), b"no")).not_served


def test_a_long_body_is_cut() -> None:
    assert len(statuses.read(Response(500, (), b"x" * 10_000)).message) == 512
