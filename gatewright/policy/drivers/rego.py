"""The Rego driver: Gatekeeper's rules on top of the Rego engine.

Compiles a template's Rego (entry module and libraries) to an artefact, loads it, and asks it what it says of a
review. The language is in `gatewright.rego`; what a template may import and refer to is in `rego_rules`; which
constraint is asked when is in `policy.snapshot`.
"""

from __future__ import annotations

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
from gatewright.rego import CompileError, EvalError, Prepared, compile_artifact, load_artifact, parse_sources
from gatewright.rego.program import FORMAT
from gatewright.rego.syntax import Module

ANSWER = f"data.{rules.ENTRY}.{rules.RULE}"
HOOK = "data.hooks.violation"
# For an entry whose `violation` is no partial set: Rego itself tells what its members are.
_HOOK_SOURCE = f"package hooks\nviolation[r] {{ {ANSWER}[r] }}\n"


def source(template: Template, settings: Settings, prints: bool) -> dict[str, Any]:
    """What compiling depends on: the code and the settings that change what is allowed in it. Raises
    TemplateRefused."""
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
        "version": FORMAT,
        "rego": rego,
        "libs": list(libs or ()),
        "v1": _text(held, "version") == "v1",  # anything else is v0 (Gatekeeper behaviour 5.3)
        "referential": settings.referential_rules,
        "external_data": settings.external_data,
        "off": sorted(settings.rego_enabled_builtins_off),
        "prints": prints,
    }


def _text(held: Mapping[str, Any], field: str) -> str | None:
    value = held.get(field)
    if value is not None and not isinstance(value, str):
        raise TemplateRefused(
            f".{field} accessor error: {shown(value)} is of the type {go_type(value)}, expected string: "
            f"while extracting Rego {'source' if field == 'rego' else field}"
        )
    return value


def compile(wanted: dict[str, Any]) -> Artefact:  # noqa: A001 - the word for it
    """The artefact of what `source` gave. Raises TemplateRefused with Gatekeeper's text."""
    entry, libs = _parsed(wanted)
    rules.check_modules(entry, libs, wanted["referential"])
    modules = [entry, *(module for _, module in libs)]
    reads = rules.reads_inventory(modules)
    entry.package = ["data", rules.ENTRY]
    if not rules.answers_set(entry):
        modules += parse_sources({"hooks": _HOOK_SOURCE})
    without = {*wanted["off"], *(() if wanted["external_data"] else ("external_data",))}
    try:
        code = compile_artifact(modules, without=without, prints=wanted["prints"], name=rules.ENTRY)
    except CompileError as error:
        raise TemplateRefused(f"unable to compile modules: {error}") from None
    text = rules.answer_error(entry)
    if text:
        raise TemplateRefused(f"unable to compile modules: {text}")
    return Artefact(code, reads)


def _parsed(wanted: dict[str, Any]) -> tuple[Module, list[tuple[str, Module]]]:
    """The entry module and the libraries, each with its file name, checked in Gatekeeper's order."""
    entry = _parse(rules.ENTRY, wanted["rego"], wanted["v1"])
    rules.check_entry(entry)
    libs = []
    for i, text in enumerate(wanted["libs"]):
        file = f'libs["lib_{i}"]'
        libs.append((file, _parse(file, text, wanted["v1"])))
    return entry, libs


def _parse(file: str, text: str, v1: bool) -> Module:
    try:
        return parse_sources({file: text}, "v1" if v1 else "v0")[0]
    except CompileError as error:
        raise rules.refused(str(error)) from None


class LoadedRego:
    """A compiled template in this process."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Prepared) -> None:
        self._answer = answer

    def violations(self, review: Review, parameters: Any, world: World) -> list[Violation]:
        """See `drivers.Loaded`."""
        held = {"review": review.value, "parameters": parameters}
        try:
            if world.plain:
                members = self._answer(held, world.data)
            else:
                members = self._answer(
                    held,
                    world.data,
                    now_ns=world.now_ns,
                    seed=world.seed,
                    answers=world.answers,
                    prints=world.prints,
                    **({} if world.budget is None else {"budget": world.budget}),
                )
        except EvalError as error:
            return [Violation(str(error), None)]
        return _told(members) if members else []


def _told(members: list[Any]) -> list[Violation]:
    """The members of the answer that are violations: objects with a msg; equal ones once."""
    out = []
    for member in members:
        if not isinstance(member, dict) or "msg" not in member:
            continue
        msg = member["msg"]
        if not isinstance(msg, str):
            number = isinstance(msg, int | float) and not isinstance(msg, bool)
            held = f"{shown(msg)} is of the type {'json.Number' if number else go_type(msg)}"
            raise ReviewError(f"extracting message binding: .msg accessor error: {held}, expected string")
        out.append(Violation(msg, member.get("details", {})))
    if len(out) < 2 or all(len(member) == 1 + ("details" in member) for member in members):
        return out  # they differ, as members of a set do
    return list({(one.msg, json_text(one.details)): one for one in out}.values())


def load(artefact: bytes) -> LoadedRego:
    """Raises ValueError for bytes that another version of the engine made."""
    program = load_artifact(artefact)
    return LoadedRego(program.rule(HOOK if HOOK in program.rules else ANSWER))


ENGINE = Engine(REGO, source, compile, load)
