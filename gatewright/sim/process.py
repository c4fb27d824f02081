"""One of our processes as a member of a world: the product's own shell, its engine and its webhook.

The shell is the very code that `runtime` drives. Compiling and serving are moves of their own, so that they can be
late.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from gatewright.apiserver.effects import CallWebhook
from gatewright.control import admission
from gatewright.control.registry import CONTROLLERS
from gatewright.control.view import Controller
from gatewright.core.clock import Now
from gatewright.core.http import NoAnswer, Response
from gatewright.core.settings import Settings
from gatewright.policy.compiling import compile_source
from gatewright.policy.snapshot import Snapshot
from gatewright.reconcile import events, shell
from gatewright.sim.world import Ask, CloseStream, Ended, Heard, Lines, Member, OpenStream, Own, Timer


@lru_cache(maxsize=1024)
def _outcome(source: bytes) -> Any:
    """Compiling is pure, and many worlds compile the same template."""
    return compile_source(source)


@dataclass(frozen=True, slots=True)
class Process:
    """name: of the Pod; host: of its webhook's URL; compiling: digests and sources; unserved: snapshots
    published, not yet in force.
    """

    name: str
    settings: Settings
    controllers: tuple[Controller, ...]
    seed: int
    shell: shell.Shell
    snapshot: Snapshot
    compiling: tuple[tuple[str, bytes], ...] = ()
    unserved: tuple[tuple[int, Snapshot], ...] = ()

    @staticmethod
    def new(settings: Settings, seed: int, controllers: tuple[Controller, ...] = CONTROLLERS) -> Process:
        empty = Snapshot()
        first = shell.Shell.new(
            controllers, settings, snapshot=empty, seed=seed, identity=settings.pod, streaming=False, strict=True
        )
        return Process(settings.pod, settings, controllers, seed, first, empty)

    def begin(self, now: Now) -> tuple[Member, tuple[Any, ...]]:
        return self._step(events.Started(), now)

    def hear(self, event: Any, now: Now) -> tuple[Member, tuple[Any, ...]]:
        match event:
            case Heard():
                return self._step(events.Answered(event.token, event.answer), now)
            case Lines():
                return self._step(events.WatchLines(event.token, event.data), now)
            case Ended():
                return self._step(events.WatchClosed(event.token, event.cause), now)
            case Timer():
                return self._step(events.TimerFired(event.at), now)
            case Own():
                return self._own(event.move, now)
        raise TypeError(f"a process can't hear {event!r}")

    def own_moves(self, now: Now) -> tuple[Any, ...]:
        moves: list[Any] = [("compile", digest) for digest, _ in self.compiling]
        if self.unserved:
            moves.append(("served", self.unserved[0][0]))
        alarm = self.shell.next_timer
        if alarm is not None and alarm <= now.monotonic:
            moves.append(("alarm",))
        return tuple(moves)

    def wake_at(self) -> float | None:
        return self.shell.next_timer

    def serve(self, call: CallWebhook, now: Now) -> Response | NoAnswer | None:
        if not self.settings.webhook_url or not call.url.startswith(self.settings.webhook_url):
            return None
        path = urlsplit(call.url).path
        answer = self._decide(path, call.body, now)
        return Response(200, (("content-type", "application/json"),), answer.body)

    def crashed(self) -> Process:
        return Process.new(self.settings, self.seed + 1, self.controllers)

    def digest(self) -> bytes:
        pending = repr((tuple(digest for digest, _ in self.compiling), tuple(number for number, _ in self.unserved)))
        return self.shell.digest() + pending.encode()

    # ---

    def _decide(self, path: str, body: bytes, now: Now) -> admission.Answer:
        if path.startswith(admission.PROBE):
            return admission.probe(path, body, "application/json", self.name)
        if path == admission.ADMIT_LABEL:
            return admission.admit_label(body, "application/json", self.settings)
        fetched = admission.Fetched(now_ns=int(now.wall * 1e9))
        answer = admission.admit(body, "application/json", self.snapshot, self.settings, fetched)
        if isinstance(answer, admission.Needs):
            missing = {name: f'namespaces "{name}" not found' for name in answer.namespaces}
            answer = admission.admit(
                body, "application/json", self.snapshot, self.settings, replace(fetched, namespaces=missing)
            )
        return answer if isinstance(answer, admission.Answer) else admission.crashed(body, "application/json", "needs")

    def _own(self, move: Any, now: Now) -> tuple[Member, tuple[Any, ...]]:
        if move[0] == "alarm":
            return self._step(events.TimerFired(now.monotonic), now)
        if move[0] == "compile":
            source = dict(self.compiling).get(move[1])
            if source is None:
                return self, ()
            rest = tuple(one for one in self.compiling if one[0] != move[1])
            return replace(self, compiling=rest)._step(events.CompileDone(move[1], _outcome(source)), now)
        if not self.unserved or self.unserved[0][0] != move[1]:
            return self, ()
        (version, snapshot), *later = self.unserved
        served = replace(self, snapshot=snapshot, unserved=tuple(later))
        return served._step(events.SnapshotServed(version), now)

    def _step(self, event: Any, now: Now) -> tuple[Process, tuple[Any, ...]]:
        stepped, effects = shell.step(self.shell, event, now)
        compiling, unserved = self.compiling, self.unserved
        wishes: list[Any] = []
        for effect in effects:
            match effect:
                case events.Send():
                    wishes.append(Ask(effect.request_id, effect.request))
                case events.OpenWatch():
                    wishes.append(OpenStream(effect.stream, effect.request))
                case events.CloseWatch():
                    wishes.append(CloseStream(effect.stream))
                case events.StartCompile():
                    compiling = (*compiling, (effect.digest, effect.source))
                case events.Publish():
                    unserved = (*unserved, (effect.version, effect.snapshot))
        return replace(self, shell=stepped, compiling=compiling, unserved=unserved), tuple(wishes)
