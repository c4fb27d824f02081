"""The engines behind templates: which there are, which one a template gets, and what each must be able to do.

An engine is a module here with `source_of`, `compile_source` and `load`; `compiling` and `snapshot` reach it through
`ENGINES` alone, so that another engine is one more entry. A template that has code for several engines gets the one
with the smallest priority; there is no falling back from one engine to another (Gatekeeper behaviour, 5.1).
K8sNativeValidation is known by name and has no driver here yet: a template with Rego beside it runs on its Rego, one
without is refused with the words for a missing driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gatewright.core.settings import Settings
from gatewright.kinds.templates import NATIVE, REGO, Template
from gatewright.policy.crd_generation import TemplateRefused
from gatewright.policy.review import Review

NO_DRIVER = "no language driver is installed that handles this constraint template"


@dataclass(frozen=True, slots=True)
class Violation:
    """What a policy says against an object. `details` is a JSON value; None where an engine has none to give."""

    msg: str
    details: Any


@dataclass(slots=True)
class World:
    """What an evaluation may know beside the review; one per review, shared by its constraints.

    data: {"inventory": ...}; now_ns: the time; seed: of rand; answers: (builtin, request JSON) -> answer; budget: steps
    per evaluation (None: the engine's own); prints: where print() writes (file, row, text), None to leave it out
    """

    data: Mapping[str, Any] = field(default_factory=dict)
    now_ns: int = 0
    seed: int = 0
    answers: Mapping[tuple[str, str], Any] | None = None
    budget: int | None = None
    prints: list[tuple[str, int, str]] | None = None
    plain: bool = True  # whether data is all that differs from the defaults


class Loaded(Protocol):
    """A compiled template, ready to run in this process."""

    def violations(self, review: Review, parameters: Any, world: World) -> list[Violation]:
        """What the template says of a review under a constraint's parameters. An error of the policy is a violation
        with its text.

        Raises policy.review.ReviewError when the template's answer can't be used at all, rego.errors.Needs for
        missing answers.
        """
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """One driver. source: what compiling depends on, as JSON; raises TemplateRefused. compile: see
    `compiling.compile_source`."""

    name: str
    source: Callable[[Template, Settings, bool], dict[str, Any]]
    compile: Callable[[dict[str, Any]], Artefact]
    load: Callable[[bytes], Loaded]


@dataclass(frozen=True, slots=True)
class Artefact:
    """What a compilation gives: bytes to load, and whether the code reads data.inventory."""

    code: bytes
    reads_inventory: bool


def priorities(settings: Settings) -> dict[str, int]:
    """The engines that are on, by priority, as Gatekeeper counts them."""
    return {NATIVE: 1, REGO: 2} if settings.native_validation else {REGO: 1}


def engine_for(template: Template, settings: Settings, engines: Mapping[str, Engine]) -> Engine:
    """The engine that runs a template. Raises TemplateRefused where none can."""
    ranks = priorities(settings)
    held = [name for name in template.engines if name in ranks]
    installed = sorted((ranks[name], name) for name in held if name in engines)
    if installed:
        return engines[installed[0][1]]
    available = " ".join(f"{name}:{ranks[name]}" for name in sorted(ranks) if name in engines)
    mend = ""
    if NATIVE in template.engines:
        mend = (
            "this version has no engine for K8sNativeValidation yet: add code for the engine Rego"
            if settings.native_validation
            else "K8sNativeValidation is switched off: add code for the engine Rego"
        )
    raise TemplateRefused(f'{NO_DRIVER}: available drivers: map[{available}], wanted ""', mend=mend)
