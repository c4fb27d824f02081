"""Templates to runnable code, in two steps: what the code depends on, as bytes with a digest; and the compilation of
such bytes.

`control.template_ingest` asks `source_of` in a plan (cheap) and emits Compile(digest, source); `runtime` runs
`compile_source` in a worker process, `sim` in place. Both are pure: equal bytes give an equal outcome, which is
remembered by the digest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b

from gatewright.core.settings import Settings
from gatewright.kinds.templates import INGEST_ERROR, Template, TemplateError
from gatewright.policy.crd_generation import TemplateRefused, check_template
from gatewright.policy.drivers import engine_for
from gatewright.policy.engines import ENGINES

FORMAT = 1  # raised whenever what is compiled changes its meaning or its form


@dataclass(frozen=True, slots=True)
class Source:
    """What `compile_source` takes. The digest covers the code, the settings it depends on and the engine's version."""

    digest: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Compiled:
    """Code that can be loaded. reads_inventory: whether it looks at data.inventory, which must then be complete
    before it is in force."""

    digest: str
    engine: str
    artefact: bytes = field(repr=False)  # the digest tells it apart
    reads_inventory: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """Code that can't be used, for good. text: the error as gator prints it; errors: as they stand in a pod status."""

    digest: str
    text: str
    errors: tuple[TemplateError, ...]


def source_of(template: Template, settings: Settings, *, prints: bool = False) -> Source:
    """What compiling this template depends on. prints: keep print() in the code (gator).

    Raises TemplateRefused for a template that no engine takes.
    """
    check_template(template)
    engine = engine_for(template, settings, ENGINES)
    wanted = {"format": FORMAT, "engine": engine.name, **engine.source(template, settings, prints)}
    text = json.dumps(wanted, sort_keys=True, separators=(",", ":")).encode()
    return Source(blake2b(text, digest_size=16).hexdigest(), text)


def compile_source(source: bytes) -> Compiled | Failed:
    """The outcome of compiling what `source_of` gave. Takes milliseconds to seconds: not for a loop that serves
    reviews."""
    digest = blake2b(source, digest_size=16).hexdigest()
    wanted = json.loads(source)
    engine = ENGINES[wanted["engine"]]
    try:
        artefact = engine.compile(wanted)
    except TemplateRefused as error:
        message = f"Could not ingest Rego: {error.what}"
        return Failed(digest, error.what, (TemplateError(INGEST_ERROR, message),))
    return Compiled(digest, engine.name, artefact.code, artefact.reads_inventory)
