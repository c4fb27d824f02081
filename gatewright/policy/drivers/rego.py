"""The Rego driver: Gatekeeper's rules on top of the Rego engine.

Compiles a template's Rego (entry module and libraries) to an artefact, loads it, and asks it what it says of a review. The language is in
`gatewright.rego`; what a template may import and refer to is in `rego_rules`; which constraint is asked when is in `policy.snapshot`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gatewright.core.go_text import json_text
from gatewright.core.settings import Settings
from gatewright.kinds.templates import REGO, Template
from gatewright.policy.crd_generation import TemplateRefused
from gatewright.policy.drivers import Artefact, Engine, Violation, World
from gatewright.policy.drivers import rego_rules as rules
from gatewright.policy.match import go_type, shown
from gatewright.policy.review import Review, ReviewError
from gatewright.rego.errors import CompileError, EvalError
from gatewright.rego.parser import parse_module


def source(template: Template, settings: Settings) -> dict[str, Any]:
    """What compiling depends on: the code and the settings that change what is allowed in it. Raises TemplateRefused."""
    held = template.source(REGO)
    if held is None:
        raise TemplateRefused("rego source missing required field: source")
    if not isinstance(held, Mapping):
        raise TemplateRefused("could not recognize the type")
    rego = _text(held, "rego")
    if rego is None:
        raise TemplateRefused("rego source missing required field: rego")
    libs = held.get("libs")
    if libs is not None and not (isinstance(libs, list) and all(isinstance(lib, str) for lib in libs)):
        raise TemplateRefused(
            f".libs accessor error: {shown(libs)} is of the type {go_type(libs)}, expected []string: "
            "while extracting Rego libs"
        )
    return {
        "rego": rego,
        "libs": list(libs or ()),
        "v1": _text(held, "version") == "v1",  # anything else is v0 (Gatekeeper behaviour 5.3)
        "referential": settings.referential_rules,
        "external_data": settings.external_data,
        "off": sorted(settings.rego_enabled_builtins_off),
    }


def _text(held: Mapping[str, Any], field: str) -> str | None:
    value = held.get(field)
    if value is not None and not isinstance(value, str):
        raise TemplateRefused(
            f".{field} accessor error: {shown(value)} is of the type {go_type(value)}, expected string: "
            f"while extracting Rego {'source' if field == 'rego' else field}"
        )
    return value
