"""The data folder: what is recorded is there again, whatever happened to the process."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatewright import data
from gatewright.apiserver.boot import APISERVER
from gatewright.apiserver.config import FAST, load
from gatewright.apiserver.driver import Engine
from gatewright.apiserver.state import State
from gatewright.core.clock import Now
from gatewright.core.errors import UserError
from gatewright.core.http import Request, Response
from gatewright.runtime.store import Folder

CONFIG = load(data.read, timing=FAST, address="127.0.0.1:6443")
MAPS = "/api/v1/namespaces/default/configmaps"
JSON = (("content-type", "application/json"),)


class Server:
    """The embedded server over a data folder, in process."""

    def __init__(self, path: Path) -> None:
        self.folder = Folder(path)
        self._clock, self._drawn = 0, 0
        state = self.folder.load()
        self.fresh = state is None
        self.engine = Engine(
            CONFIG,
            clock=self._now,
            draw=self._draw,
            state=state,
            record=lambda change: self.folder.record(self.engine.state, change),
        )
        self.engine.boot()

    def _now(self) -> Now:
        self._clock += 1
        return Now(1_800_000_000.0 + self._clock, float(self._clock))

    def _draw(self, count: int) -> bytes:
        self._drawn += 1
        return self._drawn.to_bytes(count, "big")

    def ask(self, method: str, path: str, body: Any = None, *query: tuple[str, str]) -> Any:
        answer = self.engine.run(
            Request(method, path, query, JSON, b"" if body is None else json.dumps(body).encode()), APISERVER
        )
        assert isinstance(answer, Response)
        assert answer.status < 300, answer.body
        return json.loads(answer.body)

    def create(self, name: str, **meta: Any) -> Any:
        return self.ask("POST", MAPS, {"metadata": {"name": name, **meta}, "data": {"a": "ü"}})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    yield server
    server.folder.close()


def killed(server: Server) -> Path:
    """As a killed process leaves the folder: the lock is free, nothing was closed or merged."""
    copy = server.folder.path.with_name("copy")
    copy.mkdir(mode=0o700)
    for file in server.folder.path.iterdir():
        if not file.name.endswith("-shm"):  # memory of the process that went
            (copy / file.name).write_bytes(file.read_bytes())
    return copy


def contents(state: State) -> dict[Any, Any]:
    return {stored.key: stored.thing for table in state.tables.values() for stored in table.all()}


def test_everything_is_there_again_after_a_kill(server: Server) -> None:
    server.create("one")
    server.create("gone")
    server.ask("DELETE", f"{MAPS}/gone")
    server.ask("PUT", f"{MAPS}/one", {"metadata": {"name": "one"}, "data": {"a": "2"}})
    again = Server(killed(server))
    assert not again.fresh
    assert again.engine.state.version == server.engine.state.version
    assert contents(again.engine.state) == contents(server.engine.state)
    again.folder.close()


def test_it_goes_on_where_it_was(server: Server) -> None:
    before = server.create("one")
    again = Server(killed(server))
    after = again.create("two")
    assert int(after["metadata"]["resourceVersion"]) == int(before["metadata"]["resourceVersion"]) + 1
    assert again.ask("GET", f"{MAPS}/one") == before
    again.folder.close()


def test_a_clean_stop_merges_the_log(server: Server, tmp_path: Path) -> None:
    server.create("one")
    server.folder.close()
    assert not (server.folder.path / "state.db-wal").exists()
    again = Server(server.folder.path)
    assert again.ask("GET", f"{MAPS}/one")["data"] == {"a": "ü"}
    again.folder.close()
    server.folder = Folder(tmp_path / "other")  # for the fixture's end


def test_the_garbage_collector_knows_its_dependents_again(server: Server) -> None:
    owner = server.create("owner")["metadata"]
    refs = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}]
    server.create("dependent", ownerReferences=refs)
    again = Server(killed(server))
    again.ask("DELETE", f"{MAPS}/owner", None, ("propagationPolicy", "Background"))
    again.engine.turn()
    assert {item["metadata"]["name"] for item in again.ask("GET", MAPS)["items"]} == set()
    again.folder.close()


def test_watches_from_before_are_too_old(server: Server) -> None:
    """What happened between can't be told any more: the client lists again."""
    old = server.create("one")["metadata"]["resourceVersion"]
    server.create("two")
    server.ask("DELETE", f"{MAPS}/one")
    server.ask("DELETE", f"{MAPS}/two")
    again = Server(killed(server))
    request = Request("GET", MAPS, (("watch", "true"), ("resourceVersion", old)), ())
    answer = again.engine.run(request, APISERVER)
    text = answer.body if isinstance(answer, Response) else b"".join(_first_lines(again, answer))
    assert json.loads(text.splitlines()[0]).get("object", json.loads(text.splitlines()[0]))["code"] == 410
    again.folder.close()


def _first_lines(server: Server, watch: Any) -> tuple[bytes, ...]:
    from gatewright.apiserver.watching import pump

    _, lines, _ = pump(watch, server.engine.state, server.engine.now())
    return lines


def test_a_write_that_can_not_be_kept_does_not_happen(server: Server) -> None:
    server.folder._database.close()  # type: ignore[union-attr]
    server.folder._database = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.Error):
        server.create("one")
    assert server.engine.state.get(("configmaps", "default", "one")) is None


# --- the folder


def test_a_folder_has_one_process(server: Server) -> None:
    with pytest.raises(UserError, match="in use by another gatewright process"):
        Folder(server.folder.path)


def test_everything_is_for_the_owner_alone(server: Server) -> None:
    server.folder.authority(1_800_000_000.0)
    server.folder.token("secret")
    server.folder.keep_port(1)
    for file in (server.folder.path, *server.folder.path.iterdir()):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_authority_token_and_port_are_kept(server: Server) -> None:
    pair = server.folder.authority(1_800_000_000.0)
    assert server.folder.authority(1_800_000_999.0) == pair
    assert (server.folder.token("first"), server.folder.token("second")) == ("first", "first")
    assert server.folder.port() == 0
    server.folder.keep_port(6443)
    assert server.folder.port() == 6443


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(b"rubbish" * 1000), id="no-database"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:8192]), id="cut-off"),
        pytest.param(
            lambda file: file.write_bytes(file.read_bytes()[:5000] + b"\xaa" * 20_000 + file.read_bytes()[25_000:]),
            id="overwritten",
        ),
        pytest.param(lambda file: _execute(file, "UPDATE objects SET thing = '{'"), id="objects"),
        pytest.param(lambda file: _execute(file, "UPDATE meta SET value = '99' WHERE name = 'format'"), id="format"),
        pytest.param(lambda file: _execute(file, "DELETE FROM meta WHERE name = 'version'"), id="version"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(server: Server, tmp_path: Path, damage: Any) -> None:
    server.create("one")
    server.folder.close()
    damage(server.folder.path / "state.db")
    again = Folder(server.folder.path)
    with pytest.raises(UserError) as caught:
        again.load()
    line = caught.value.one_line()
    assert "state.db: the kept state can't be read" in line
    assert "move it away" in line
    again.close()
    server.folder = Folder(tmp_path / "other")


def _execute(file: Path, statement: str) -> None:
    database = sqlite3.connect(file)
    database.execute(statement)
    database.commit()
    database.close()


def test_a_damaged_authority_is_told(server: Server) -> None:
    server.folder.authority(1_800_000_000.0)
    (server.folder.path / "ca.key").write_bytes(b"rubbish")
    with pytest.raises(UserError, match="not an authority of ours"):
        server.folder.authority(1_800_000_000.0)


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--data-dir"):
        Folder(tmp_path / "file" / "data")
