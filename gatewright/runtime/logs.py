"""Structured logs on stderr, with Gatekeeper's keys where it has one (behaviour 13.2)."""

from __future__ import annotations

import sys
from typing import Any

import structlog

LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40}


def configure(level: str, *, plain: bool) -> None:
    """JSON lines for `manager`; with `plain`, readable lines for a terminal. level: one of LEVELS."""
    renderer: Any = structlog.dev.ConsoleRenderer(colors=False) if plain else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.EventRenamer("msg"),
            renderer,
        ]
        if not plain
        else [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level.lower()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def tell(level: str, event: str, fields: tuple[tuple[str, Any], ...]) -> None:
    """A `reconcile.events.Tell` as a log line."""
    log = structlog.get_logger(process="gatewright")
    getattr(log, "warning" if level == "warn" else level)(event, **dict(fields))
