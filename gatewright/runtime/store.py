"""The data folder of the embedded API server: its objects in one SQLite file, its authority, token and port beside it.

Used by `up` and `apiserver` with --data-dir. What it promises: each change is handed to the operating system, as one
transaction, before anybody can see it (Engine's `record`), so a killed process has lost nothing that was answered or
watched. A machine that loses power may lose the last moments, never the order: SQLite's write-ahead log is synced at
checkpoints, not at each commit.

Layout: state.db (objects as JSON, the last resourceVersion), ca.crt, ca.key, token, port, kubeconfig, lock. Everything
is readable by its owner alone: the state holds Secrets.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from gatewright.apiserver.effects import Change, Commit, Committed
from gatewright.apiserver.restoring import restored
from gatewright.apiserver.state import State
from gatewright.core.errors import UserError
from gatewright.runtime import certificates

FORMAT = "1"
CHECKPOINT_PAGES = 4096  # of the write-ahead log, 16 MB, before it is merged into the file

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS storages (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    storage TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, thing BLOB NOT NULL,
    PRIMARY KEY (storage, namespace, name)
) WITHOUT ROWID;
"""


class Folder:
    """One data folder, held by this process until `close`. Raises UserError for a folder that can't be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UserError(f"--data-dir {path}: {error.strerror}", mend="choose a folder of your own") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            mend = "stop the other one, or choose another folder"
            raise UserError(f"--data-dir {path} is in use by another gatewright process", mend=mend) from error
        self._database: sqlite3.Connection | None = None

    def close(self) -> None:
        """Merge the log into the file and let go of the folder."""
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._database.close()
            self._database = None
        os.close(self._lock)

    # --- the state

    def load(self) -> State | None:
        """The state as it was kept; None in a new folder. Raises UserError for a file that is damaged."""
        file = self.path / "state.db"
        try:
            file.touch(mode=0o600)
            database = sqlite3.connect(file, isolation_level=None)
            self._database = database
            return _read(database)
        except (sqlite3.Error, msgspec.DecodeError, ValueError, OSError) as error:
            mend = "put back a copy of the folder, or move it away to begin with an empty cluster"
            raise UserError(f"{file}: the kept state can't be read: {error}", mend=mend) from error

    def record(self, state: State, change: Change) -> None:
        """Keep a change that is about to be carried out on `state`. What only informers know isn't kept: they catch
        up at the next start."""
        if not isinstance(change, Commit):
            return
        _, answer = state.change(change)
        if not isinstance(answer, Committed):
            return
        assert self._database is not None, "load comes first"
        storage, namespace, name = change.key
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        try:
            if change.remove:
                run("DELETE FROM objects WHERE storage = ? AND namespace = ? AND name = ?", change.key)
            else:
                stored = answer.stored.json()
                run("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (storage, namespace, name, stored))
            run("INSERT OR IGNORE INTO storages VALUES (?)", (storage,))
            run("UPDATE meta SET value = ? WHERE name = 'version'", (str(answer.stored.version),))
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise

    # --- what makes an old kubeconfig go on working

    def authority(self, wall: float) -> certificates.Pair:
        """The certificate authority: the kept one, or a new one that is kept now."""
        certificate, key = self._get("ca.crt"), self._get("ca.key")
        if certificate and key:
            pair = certificates.Pair(certificate, key)
            try:
                certificates.leaf(pair, wall, ("localhost",), "trial")
            except (ValueError, TypeError) as error:
                mend = "delete ca.crt and ca.key to have new ones made; old kubeconfigs won't fit them"
                raise UserError(f"{self.path / 'ca.crt'}: not an authority of ours: {error}", mend=mend) from error
            return pair
        pair = certificates.authority(wall)
        self._put("ca.key", pair.key)
        self._put("ca.crt", pair.certificate)
        return pair

    def token(self, fresh: str) -> str:
        """The administrator's token: the kept one, or `fresh`, which is kept now."""
        found = self._get("token").decode("ascii", "replace").strip()
        if not found:
            self._put("token", fresh.encode())
        return found or fresh

    def port(self) -> int:
        """The port of the last time; 0 where none is known."""
        found = self._get("port").decode("ascii", "replace").strip()
        return int(found) if found.isdecimal() and int(found) < 65536 else 0

    def keep_port(self, port: int) -> None:
        self._put("port", str(port).encode())

    def _get(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise UserError(f"{self.path / name}: {error.strerror}", mend="check its rights") from error

    def _put(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all, mode 0600 from its beginning."""
        try:
            handle, made = tempfile.mkstemp(prefix=f".{name}", dir=self.path)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(made, self.path / name)
        except OSError as error:
            raise UserError(f"{self.path / name}: {error.strerror}", mend="check the folder's rights") from error


def _read(database: sqlite3.Connection) -> State | None:
    """The state in an open file, which is made ready for writing. Raises sqlite3.Error, ValueError, DecodeError."""
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    (health,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if health != "ok":
        raise ValueError(str(health))
    database.executescript(_TABLES)
    meta: dict[str, str] = dict(database.execute("SELECT name, value FROM meta"))
    if not meta:
        database.executemany("INSERT INTO meta VALUES (?, ?)", (("format", FORMAT), ("version", "1")))
        return None
    if meta.get("format") != FORMAT:
        raise ValueError(f"format {meta.get('format')!r}, this version reads {FORMAT!r}")
    storages = [name for (name,) in database.execute("SELECT name FROM storages ORDER BY name")]
    return restored(int(meta.get("version", "")), storages, _objects(database))


def _objects(database: sqlite3.Connection) -> Any:
    decode = msgspec.json.Decoder().decode
    for storage, namespace, name, thing in database.execute("SELECT storage, namespace, name, thing FROM objects"):
        yield (storage, namespace, name), decode(thing)
