"""Programs: compiled policies, to be queried, prepared for one rule, or carried to another process.

`compile_modules` and `Program.query` serve people and tests; `compile_artifact`, `load_artifact` and `Program.rule`
serve `policy`, which compiles in a worker process and evaluates one rule thousands of times.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from types import CodeType
from typing import Any

from gatewright.rego.builtins.registry import REGISTRY
from gatewright.rego.code import NotConstant, constant_value
from gatewright.rego.compiler import Compilation, Options
from gatewright.rego.emit import Unit, load
from gatewright.rego.emit_calls import Variant
from gatewright.rego.errors import PARSE, CompileError, EvalError, Location, Needs, Problem
from gatewright.rego.parser import parse_module, parse_one_term, parse_query
from gatewright.rego.runtime import DEFAULT_BUDGET, Context, Environment, Tables
from gatewright.rego.syntax import Module
from gatewright.rego.texts import result_list, to_json
from gatewright.rego.values import SETS, U, sorted_members

FORMAT = "gatewright-rego-2"
Answers = Mapping[tuple[str, str], Any]
Prints = list[tuple[str, int, str]]
MISSING: Any = U
NOWHERE = Environment()  # for programs that ask nothing of the world


class Prepared:
    """One rule, ready to be evaluated many times. Call it with the input and the data; see `__call__`."""

    __slots__ = ("_fn", "_is_list", "_is_set", "_looks_outside", "_tables", "name")

    def __init__(self, name: str, tables: Tables, path: tuple[str, ...], kind: str, looks_outside: bool) -> None:
        self.name = name
        self._is_set = kind == "set"
        self._tables = tables
        self._is_list = path in tables.lists
        self._fn: Callable[[Context], Any] = tables.lists[path] if self._is_list else tables.leaves[path]
        self._looks_outside = looks_outside

    def __call__(
        self,
        input: Any,  # noqa: A002 - the word of the language
        data: Mapping[str, Any] | None = None,
        *,
        budget: int = DEFAULT_BUDGET,
        now_ns: int = 0,
        seed: int = 0,
        answers: Answers | None = None,
        prints: Prints | None = None,
    ) -> list[Any]:
        """The values of the rule as JSON values: the members of a set rule in order, else the one value; nothing where
        it is undefined.

        `input` and `data` are read in place and never changed. Raises EvalError, or Needs when the answer book lacks
        something.
        """
        e = Environment(now_ns, seed, answers, prints) if self._looks_outside else NOWHERE
        c = Context(self._tables, input, {} if data is None else data, [budget], e)
        try:
            r = self._fn(c)
        except EvalError:
            if e.missing:
                raise Needs(sorted(e.missing)) from None
            raise
        except RecursionError:
            raise EvalError("eval_cancel_error", "the evaluation is nested too deeply") from None
        if e.missing:
            raise Needs(sorted(e.missing))
        if self._is_list:
            return result_list(r) if r else r
        if r is U:
            return []
        if self._is_set:
            return [to_json(v) for v in sorted_members(r)]
        return [to_json(r)]


class Program:
    """A compiled policy."""

    def __init__(self, unit: Unit, modules: Sequence[Module] | None, options: Options) -> None:
        self._unit = unit
        self._modules = modules
        self._options = options
        self._tables, self._namespace = load(unit)
        self._queries: dict[tuple[Any, ...], Program] = {}

    @property
    def source(self) -> str:
        """The generated Python, for reading; empty in a program that was loaded from an artifact."""
        return self._unit.source

    @property
    def rules(self) -> dict[str, str]:
        """Dotted path of each rule -> "complete", "set", "object" or "function"."""
        return {f"data.{path}": kind for path, kind in self._unit.kinds.items()}

    def rule(self, path: str) -> Prepared:
        """The rule at a path such as "data.template.violation". Raises KeyError where there is none."""
        parts = tuple(path.split("."))
        fn = self._tables.leaves.get(parts[1:]) if parts[0] == "data" else None
        if fn is None:
            raise KeyError(f"no rule {path}")
        used = self._unit.used
        looks_outside = self._unit.prints or any(REGISTRY[name].context for name in used)
        return Prepared(path, self._tables, parts[1:], self.rules[path], looks_outside)

    def query(
        self,
        query: str,
        *,
        input: Any = MISSING,  # noqa: A002 - the word of the language
        data: Mapping[str, Any] | None = None,
        strict_builtin_errors: bool = False,
        now_ns: int | None = None,
        seed: int | None = None,
        budget: int = DEFAULT_BUDGET,
        answers: Answers | None = None,
        prints: Prints | None = None,
    ) -> list[dict[str, Any]]:
        """The bindings of a query's variables, one dict per solution, as JSON values. `input` left out is undefined.

        Raises CompileError for the query, EvalError, Needs. The clock and the seed are read once where they are not
        given.
        """
        from gatewright.rego import system

        compiled = self._compiled(query, strict_builtin_errors, prints is not None)
        environment = Environment(
            system.now_ns() if now_ns is None else now_ns,
            system.seed() if seed is None else seed,
            answers,
            prints,
            strict_builtin_errors,
        )
        c = Context(compiled._tables, input, data if data is not None else {}, [budget], environment)
        out: list[dict[str, Any]] = []
        try:
            compiled._namespace["q"](c, out)
        except EvalError as e:
            if environment.missing:
                raise Needs(sorted(environment.missing)) from None
            if e.location is None:
                e.location = environment.at
            raise
        except RecursionError:
            raise EvalError("eval_cancel_error", "the evaluation is nested too deeply") from None
        if environment.missing:
            raise Needs(sorted(environment.missing))
        return [{k: to_json(v) for k, v in b.items()} for b in out]

    def _compiled(self, query: str, strict: bool, prints: bool) -> Program:
        """This program together with a query."""
        key = (query, strict, prints)
        program = self._queries.get(key)
        if program is None:
            if self._modules is None:
                raise TypeError("a program loaded from an artifact has no queries: use rule()")
            v1 = not self._modules or any(m.v1 for m in self._modules)
            body = parse_query(query, v1)
            o = self._options
            options = Options(o.builtins, o.without, Variant(strict, prints))
            program = Program(Compilation(self._modules, options).run(body), None, options)
            if len(self._queries) >= 64:
                self._queries.clear()
            self._queries[key] = program
        return program


def parse_sources(sources: Mapping[str, str], syntax: str = "v0") -> list[Module]:
    """Sources by file name as modules; the errors of all files together. Raises CompileError."""
    if syntax not in ("v0", "v1"):
        raise ValueError(f'syntax must be "v0" or "v1", not {syntax!r}')
    modules: list[Module] = []
    errors: list[Problem] = []
    for file, text in sources.items():
        try:
            modules.append(parse_module(file, text, syntax == "v1"))
        except CompileError as e:
            errors += e.errors
        except RecursionError:
            errors.append(Problem(PARSE, "nesting is too deep", Location(file, 1, 1)))
    if errors:
        raise CompileError(errors)
    return modules


def _options(builtins: Collection[str] | None, without: Collection[str], variant: Variant) -> Options:
    return Options(builtins, without, variant)


def compile_modules(
    modules: Sequence[Module],
    *,
    builtins: Collection[str] | None = None,
    without: Collection[str] = ("external_data",),
    prints: bool = False,
) -> Program:
    """A program from parsed modules. `builtins` names those allowed (None: all but `without`). Raises CompileError."""
    options = _options(builtins, without, Variant(prints=prints))
    return Program(Compilation(modules, options).run(), modules, options)


def compile_artifact(
    modules: Sequence[Module],
    *,
    builtins: Collection[str] | None = None,
    without: Collection[str] = ("external_data",),
    prints: bool = False,
    name: str = "policy",
) -> bytes:
    """Modules as bytes that load_artifact turns into a program, in this or another process of the same Python.
    Raises CompileError.
    """
    unit = Compilation(modules, _options(builtins, without, Variant(prints=prints))).run(name=name)
    return marshal.dumps(
        (
            FORMAT,
            sys.hexversion,
            unit.code,
            unit.slots,
            unit.memos,
            [(list(map(str, p)), n) for p, n in unit.rules if all(isinstance(x, str) for x in p)],
            [list(p) for p in unit.packages],
            unit.functions,
            unit.used,
            unit.prints,
            unit.kinds,
            unit.lists,
        )
    )


def load_artifact(artifact: bytes) -> Program:
    """The program in an artifact. Only load what compile_artifact made: the bytes are code. Raises ValueError for
    another format.
    """
    parts = marshal.loads(artifact)
    if not isinstance(parts, tuple) or len(parts) != 12 or parts[0] != FORMAT or parts[1] != sys.hexversion:
        raise ValueError("not an artifact of this engine and this Python: compile the policy again")
    code: CodeType = parts[2]
    rules = [(tuple(p), n) for p, n in parts[5]]
    packages = [tuple(p) for p in parts[6]]
    unit = Unit(
        code, "", parts[3], parts[4], rules, packages, parts[7], parts[8], False, parts[9], parts[10], parts[11]
    )
    return Program(unit, None, Options())


def compile_sources(sources: Mapping[str, str], syntax: str = "v0") -> Program:
    """`rego.compile`: sources by file name to a program. Raises CompileError."""
    return compile_modules(parse_sources(sources, syntax))


def parse_term(text: str) -> Any:
    """The value of a ground term, for values that JSON lacks: sets are frozensets, keys as the engine keeps them.
    Raises CompileError.
    """
    term = parse_one_term(text)
    try:
        return constant_value(term)
    except NotConstant:
        raise CompileError([Problem(PARSE, "term is not ground", term.loc)]) from None


__all__ = ["SETS", "Program", "compile_artifact", "compile_modules", "load_artifact", "parse_sources", "parse_term"]
