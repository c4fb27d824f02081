"""Compiling templates in another process, so that no review waits for it.

One worker process, started anew (not forked) and kept. It gets the bytes that a plan made and gives back errors or a
marshalled artefact (`policy.compiling.compile_source`, which is pure).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from gatewright.policy.compiling import Compiled, Failed, compile_source


class CompileWorkers:
    def __init__(self, count: int = 1) -> None:
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._count, mp_context=context, initializer=_begin)
        return self._pool

    async def compile(self, source: bytes) -> Compiled | Failed | None:
        """The outcome, or None when the worker died (the caller asks again)."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._open(), compile_source, source)
        except BrokenProcessPool:
            self._pool = None
            return None

    def warm(self) -> None:
        """Start the worker now, so that the first template need not wait for it."""
        self._open().submit(_nothing)

    def close(self) -> None:
        """End the worker; a compilation under way is waited for (without waiting, the interpreter's own end would meet
        a pool that is half closed)."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us in order
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed can't end its worker; the worker sees it and goes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _nothing() -> None:
    """A task that only makes the worker import what it needs."""
