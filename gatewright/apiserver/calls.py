"""A request under way: what the stages of reading and writing share. Made by `handling`."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gatewright.apiserver.config import Config
from gatewright.apiserver.effects import Effect
from gatewright.apiserver.negotiation import Form
from gatewright.apiserver.resources import Endpoint
from gatewright.apiserver.state import Key
from gatewright.apiserver.strategy import Strategy
from gatewright.apiserver.targets import Target
from gatewright.core.clock import Now
from gatewright.core.http import Pairs, Request, User
from gatewright.core.objects import Object

Result = TypeVar("Result")
Steps = Generator[Effect, Any, Result]


@dataclass
class Call:
    """One request to a resource.

    now:      read once, at its beginning
    warnings: texts for Warning headers, in order; a text is sent once
    """

    request: Request
    user: User
    config: Config
    target: Target
    endpoint: Endpoint
    strategy: Strategy
    form: Form
    now: Now
    warnings: list[str] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return (self.endpoint.storage, self.target.namespace if self.endpoint.namespaced else "", self.target.name)

    def warn(self, *texts: str) -> None:
        for text in texts:
            if text not in self.warnings:
                self.warnings.append(text)

    def headers(self) -> Pairs:
        """The Warning headers."""
        return tuple(("warning", f'299 - "{_escaped(text)}"') for text in self.warnings)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def with_metadata(thing: Object, **changes: Any) -> dict[str, Any]:
    """A copy with some metadata changed; None takes a field out."""
    meta = dict(thing.get("metadata") or {})
    for name, value in changes.items():
        if value is None:
            meta.pop(name, None)
        else:
            meta[name] = value
    return {**thing, "metadata": meta}


def new_uid(drawn: bytes) -> str:
    """A version 4 UUID of 16 random bytes."""
    raw = bytearray(drawn)
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
