"""What a request in flight may ask of its driver: the whole contact of the API server's code with the world.

`handling.handle` is a generator that yields these values and is sent the answers. Whoever drives it (`driver.Engine`,
the simulator) answers
Look and Commit from a `state.State`, the others from its clock, randomness and network. The generator reads nothing
else: made afresh and
fed the recorded answers it does the same again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewright.core.http import Pairs
from gatewright.core.objects import Object

if TYPE_CHECKING:
    from gatewright.apiserver.state import Key, Stored


@dataclass(frozen=True, slots=True)
class Look:
    """Read the current state. Answer: State."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Write one object, or remove it. Answer: Committed, or Lost when the object is not at `expected` any more.

    key:      storage name of the resource ("pods", "deployments.apps"), namespace, name
    expected: resourceVersion that the write was computed from; 0: the object must be absent
    thing:    the new object (its resourceVersion is filled in by the store), or the last one where it is removed
    remove:   take the object away; watchers get `thing` with the version of the removal
    """

    key: Key
    expected: int
    thing: Object
    remove: bool = False


@dataclass(frozen=True, slots=True)
class Follow:
    """Let a view catch up with the store (an informer of the real server). Only actors ask for it. Answer: None.

    view:   e.g. "crds"; name: of the object; stored: what the view holds now, None where it is gone
    """

    view: str
    name: str
    stored: Stored | None


@dataclass(frozen=True, slots=True)
class Settle:
    """The garbage collector has looked at a doubtful object and found nothing to do. Only actors ask for it. Answer:
    None."""

    key: Key


@dataclass(frozen=True, slots=True)
class Open:
    """A resource's watch cache begins now (a custom resource is served for the first time). Only actors ask for it.
    Answer: None."""

    storage: str


@dataclass(frozen=True, slots=True)
class Committed:
    """The write is in the store."""

    stored: Stored


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody else wrote first; nothing was written."""


@dataclass(frozen=True, slots=True)
class CallWebhook:
    """POST an AdmissionReview. Answer: http.Response or http.NoAnswer (cause as Go's client tells it, e.g.
    "connection refused").

    webhook:   name of the webhook, for faults and logs
    url:       https URL with its query (?timeout=3s)
    ca_bundle: PEM of the authority; b"" means the system's
    server_name: name that the certificate must bear, "" = host of the URL
    service:   (namespace, name, port) where the configuration names a Service: the driver resolves it; the url then
    is the nominal one
    timeout:   seconds
    """

    webhook: str
    url: str
    ca_bundle: bytes
    headers: Pairs
    body: bytes
    timeout: float
    server_name: str = ""
    service: tuple[str, str, int] | None = None


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Answer: core.clock.Now."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Answer: that many random bytes."""

    count: int


@dataclass(frozen=True, slots=True)
class Sleep:
    """Answer: None, after that many seconds."""

    seconds: float


Effect = Look | Commit | CallWebhook | ReadClock | Draw | Sleep
Change = Commit | Follow | Settle | Open
