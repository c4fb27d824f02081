"""Listening sockets and what comes in on them."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gatewright.core.errors import UserError
from gatewright.runtime import serving


async def sent(body: bytes) -> bytes:
    """What a listener answers to these bytes."""
    bound = serving.bind("127.0.0.1", 0)

    async def app(_scope: serving.Scope, _receive: serving.Receive, _send: serving.Send) -> None:
        raise AssertionError("nothing to serve")

    listener = serving.Listener(app, bound, None)
    serve = asyncio.create_task(listener.serve())
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port_of(bound))
    writer.write(body)
    answer = await reader.read()
    writer.close()
    listener.stop()
    await serve
    return answer


def test_rubbish_gets_a_400_and_no_line_on_stderr(caplog: pytest.LogCaptureFixture) -> None:
    assert asyncio.run(sent(b"RUBBISH\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
    assert caplog.messages == []


def test_a_port_in_use_is_told_in_one_line_with_the_mend() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(UserError, match=f"can't listen on 127.0.0.1:{port}: ") as told:
            serving.bind("127.0.0.1", port)
    assert "--port" in told.value.one_line()
