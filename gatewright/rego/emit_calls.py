"""Python source for calls: of rules, of builtins, and in place for the builtins that policies use most.

An inlined builtin gives what the library's function gives, undefined on wrong types included; under strict errors
nothing is inlined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatewright.rego.builtins.registry import Builtin
from gatewright.rego.builtins.sprintf import plain_verbs
from gatewright.rego.code import Env
from gatewright.rego.emit_terms import TermEmitter
from gatewright.rego.errors import Location
from gatewright.rego.groups import Groups
from gatewright.rego.syntax import Array, Call, Ref, Scalar, Term, Var

COMPARE = {
    "lt": ("<", "LT({}, {})"),
    "lte": ("<=", "LE({}, {})"),
    "gt": (">", "LT({1}, {0})"),
    "gte": (">=", "LE({1}, {0})"),
}
KINDS = {
    "boolean": "bool",
    "number": "num",
    "string": "str",
    "array": "list",
    "set": "set",
    "object": "dict",
    "null": "null",
}
TESTS = {
    "is_string": "{0}.__class__ is str",
    "is_boolean": "{0}.__class__ is bool",
    "is_null": "{0} is None",
    "is_number": "{0}.__class__ in NUMBER",
    "is_array": "isinstance({0}, list)",
    "is_object": "isinstance({0}, Mapping)",
    "is_set": "isinstance({0}, SETS)",
}
STRING_TESTS = {"startswith": "{0}.startswith({1})", "endswith": "{0}.endswith({1})", "contains": "{1} in {0}"}
STRING_CALLS = {
    "lower": "{0}.lower()",
    "trim_prefix": "{0}.removeprefix({1})",
    "trim_suffix": "{0}.removesuffix({1})",
    "replace": "{0}.replace({1}, {2})",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """What a program is compiled for: plain is fast; strict makes builtin errors end the evaluation; prints keeps
    print().
    """

    strict: bool = False
    prints: bool = False
    coverage: bool = False


class CallEmitter(TermEmitter):
    """Emits calls."""

    def __init__(self, groups: Groups, builtins: Mapping[str, Builtin], variant: Variant) -> None:
        super().__init__(groups)
        self.builtins = builtins
        self.variant = variant
        self.mock_names: set[str] = set()
        self.used: dict[str, None] = {}
        self.call_memos: dict[tuple[Any, ...], int] = {}
        self.place = Location("", 1, 1)

    def is_function(self, name: tuple[str, ...]) -> bool:
        if name[0] == "data":
            group = self.groups.by_path.get(name[1:])
            return group is not None and group.kind == "function"
        return ".".join(name) in self.builtins

    def mocked(self, name: tuple[str, ...]) -> bool:
        return ".".join(name) in self.mock_names

    def builtin_name(self, name: str) -> str:
        """The global that holds a builtin."""
        self.used[name] = None
        return "B_" + name.replace(".", "_")

    # -- values
    def call(self, t: Call, env: Env) -> str:
        self.place = t.loc
        if t.name[0] != "data" and not self.mocked(t.name):
            condition = self.condition(t, env, value=True)
            if condition:
                return self.let(condition, "bool")
        args = self.many(t.args, env)
        if t.name[0] == "data" or self.mocked(t.name):
            return self.general(t, args)
        name = ".".join(t.name)
        b = self.builtins[name]
        if b.relation:
            return self.relation(name, args)
        code = None if self.variant.strict else self.inline(name, t, args)
        kind = "int" if name == "count" else KINDS.get(b.result, "")
        if name == "minus" and all(self.kinds.get(a) == "set" for a in args):
            kind = "set"
        result = self.let(code or self.plain_call(b, args))
        if code is None or (name != "sprintf" and not (code.startswith("len(") and " if " not in code)):
            self.undefined(result, False)
        if code is not None and name in ("sprintf", "concat"):
            self.emit(f"if len({result}) > BIG: big({self.ctx}, {result})")
        if kind:
            self.kinds[result] = kind
        return result

    def plain_call(self, b: Builtin, args: Sequence[str]) -> str:
        if self.variant.strict:
            place = self.shared(f"Location({self.place.file!r}, {self.place.row}, {self.place.col})", "L")
            self.emit(f"{self.ctx}.e.at = {place}")
        first = [self.ctx] if b.context else []
        return f"{self.builtin_name(b.name)}({', '.join([*first, *args])})"

    def general(self, t: Call, args: Sequence[str]) -> str:
        """A call of a rule, or of something that a `with` may replace."""
        if t.name[0] == "data":
            fn, wants_context = self.functions[t.name[1:]], True
        else:
            b = self.builtins[".".join(t.name)]
            fn, wants_context = self.builtin_name(b.name), b.context
            if b.relation:
                fn = f"listed({fn})"
        known = (self.ctx, "call", fn, *args)
        if t.name[0] == "data" and known in self.known:
            return self.known[known]
        if self.mocked(t.name):
            code = (
                f"mocked({self.ctx}, {'.'.join(t.name)!r}, {fn}, {wants_context}, ({''.join(a + ', ' for a in args)}))"
            )
        else:
            code = f"{fn}({', '.join([self.ctx, *args])})"
        result = self.remembered(code, t) if t.name[0] == "data" and not self.mocked(t.name) else self.let(code)
        self.undefined(result, False)
        self.known[known] = result
        return result

    def remembered(self, code: str, t: Call) -> str:
        """A call whose arguments are the same throughout the evaluation is made once in it."""
        if self.ctx != "C" or not t.args or not all(self.fixed(a) for a in t.args):
            return self.let(code)
        slot = self.call_memos.get(code_key(t))
        if slot is None:
            slot = self.call_memos[code_key(t)] = self.memos
            self.memos += 1
        name = self.let(f"C.m[{slot}]")
        self.emit(f"if {name} is N: {name} = C.m[{slot}] = {code}")
        return name

    def fixed(self, a: Term) -> bool:
        """Is a term a constant, or a constant path of the input?"""
        if isinstance(a, Ref):
            return isinstance(a.head, Var) and a.head.name == "input" and all(isinstance(p, Scalar) for p in a.path)
        return isinstance(a, Scalar)

    def relation(self, name: str, args: Sequence[str]) -> str:
        v = self.tmp("v")
        self.emit(f"for {v} in {self.plain_call(self.builtins[name], args)}:")
        self.opened()
        return v

    # -- conditions
    def condition(self, t: Call, env: Env, value: bool = False) -> str | None:
        """A Python condition that says whether a call is true; None for calls that are no tests.

        With `value` the condition must also be the call's value: then tests that can be undefined are left out.
        """
        if t.name[0] == "data" or self.mocked(t.name):
            return None
        name = ".".join(t.name)
        if name in ("equal", "neq"):
            a, b = self.many(t.args, env)
            code = self.equality(a, b)
            return f"not ({code})" if name == "neq" else f"({code})"
        if name in COMPARE:
            return self.compare(name, *self.many(t.args, env))
        if name == "is_null" and (t.args and isinstance(t.args[0], Scalar)):
            return str(t.args[0].value is None)
        if name in TESTS:
            return TESTS[name].format(*map(enclosed, self.many(t.args, env)))
        if name == "internal.member_2":
            x, xs = self.many(t.args, env)
            return f"member({x}, {xs})"
        builtin = self.builtins[name]
        if value or self.variant.strict or builtin.result != "boolean" or builtin.relation or builtin.void:
            return None
        args = self.many(t.args, env)
        if name in STRING_TESTS:
            return self.guarded_call(STRING_TESTS[name], args, " and ", "")
        if name == "regex.match" and isinstance(t.args[0], Scalar) and isinstance(t.args[0].value, str):
            return (
                f"{enclosed(args[1])}.__class__ is str and {self.shared(f'matcher({args[0]})', 'X')}({args[1]}) is True"
            )
        return f"{self.plain_call(builtin, args)} is True"

    def compare(self, name: str, a: str, b: str) -> str:
        op, general = COMPARE[name]
        ka, kb = self.kinds.get(a, ""), self.kinds.get(b, "")
        if ka in ("int", "num") and kb in ("int", "num"):
            return f"{a} {op} {b}"
        if not ka and not kb:
            return f"({a} {op} {b} if {a}.__class__ is int and {b}.__class__ is int else {general.format(a, b)})"
        if kb == "int":
            return f"({a} {op} {b} if {a}.__class__ is int else {general.format(a, b)})"
        if ka == "int":
            return f"({a} {op} {b} if {b}.__class__ is int else {general.format(a, b)})"
        return general.format(a, b)

    def guarded_call(self, form: str, args: Sequence[str], joiner: str, otherwise: str) -> str:
        """A method call on strings behind tests of the types that are not known."""
        unknown = [f"{enclosed(a)}.__class__ is str" for a in args if self.kinds.get(a) != "str"]
        code = form.format(*map(enclosed, args))
        if not unknown:
            return code
        if otherwise:
            return f"{code} if {' and '.join(unknown)} else {otherwise}"
        return "(" + joiner.join([*unknown, code]) + ")"

    # -- in place
    def inline(self, name: str, t: Call, args: Sequence[str]) -> str | None:
        if name in STRING_TESTS:
            return self.guarded_call(STRING_TESTS[name], args, "", "U")
        if name in STRING_CALLS:
            if any(self.kinds.get(a, "str") != "str" for a in args) or (name == "replace" and not _shrinks(t)):
                return None
            return self.guarded_call(STRING_CALLS[name], args, "", "U")
        special = _INLINE.get(name)
        return special(self, t, args) if special else None

    def print_call(self, t: Call, env: Env) -> None:
        """print() writes a line for each combination of values of its operands; without the variant it is nothing."""
        if not self.variant.prints:
            return
        parts = []
        for a in t.args:
            name = self.tmp()
            self.isolated(name, lambda a=a, name=name: self.printed(a, name, dict(env)))  # type: ignore[misc]
            parts.append(name + ", ")
        self.emit(f"write_print({self.ctx}, {t.loc.file!r}, {t.loc.row}, ({''.join(parts)}))")

    def printed(self, a: Term, name: str, env: Env) -> None:
        self.emit(f"{name} = []")
        saved = self.open_block()
        outer = self.ordered, self.bags
        self.ordered, self.bags = True, False
        self.emit(f"{name}.append({self.ev(a, env)})")
        self.ordered, self.bags = outer
        self.close_block(saved)


def enclosed(code: str) -> str:
    """Code that an attribute can follow: integers need parentheses."""
    return f"({code})" if code.lstrip("-").isdigit() else code


def _shrinks(t: Call) -> bool:
    """Does a replacement never make a text longer?"""
    old, new = t.args[1], t.args[2]
    if not (isinstance(old, Scalar) and isinstance(new, Scalar)):
        return False
    return isinstance(old.value, str) and isinstance(new.value, str) and 0 < len(old.value) >= len(new.value)


def code_key(t: Call) -> tuple[Any, ...]:
    """What tells calls with fixed arguments apart."""
    parts: list[Any] = [t.name]
    for a in t.args:
        path = [a] if isinstance(a, Scalar) else a.path if isinstance(a, Ref) else []
        parts.append((type(a).__name__, *((type(p.value), p.value) for p in path if isinstance(p, Scalar))))
    return tuple(parts)


def _concat(e: CallEmitter, t: Call, args: Sequence[str]) -> str | None:
    """Strings put together from a literal list, behind a constant separator."""
    items = e.array_items.get(args[1])
    sep = t.args[0]
    if not (isinstance(sep, Scalar) and isinstance(sep.value, str)) or not items or len(items) > 6:
        return None
    if any(e.kinds.get(x, "str") != "str" for x in items):
        return None
    unknown = [f"{x}.__class__ is str" for x in items if e.kinds.get(x) != "str"]
    joined = (f" + {sep.value!r} + " if sep.value else " + ").join(items)
    return f"{joined} if {' and '.join(unknown)} else U" if unknown else joined


def _count(e: CallEmitter, t: Call, args: Sequence[str]) -> str | None:
    if e.kinds.get(args[0]) in ("list", "set", "dict", "str"):
        return f"len({args[0]})"
    fallback = e.plain_call(e.builtins["count"], args)
    return f"len({args[0]}) if {enclosed(args[0])}.__class__ in COUNTED else {fallback}"


def _object_get(e: CallEmitter, t: Call, args: Sequence[str]) -> str | None:
    if e.kinds.get(args[1]) != "str":
        return None
    fallback = e.plain_call(e.builtins["object.get"], args)
    return f"{enclosed(args[0])}.get({args[1]}, {args[2]}) if {enclosed(args[0])}.__class__ is dict else {fallback}"


def _split(e: CallEmitter, t: Call, args: Sequence[str]) -> str | None:
    if not (isinstance(t.args[1], Scalar) and isinstance(t.args[1].value, str) and t.args[1].value):
        return None
    return e.guarded_call("{0}.split({1})", args, "", "U")


def _regex(e: CallEmitter, t: Call, args: Sequence[str]) -> str | None:
    if not (isinstance(t.args[0], Scalar) and isinstance(t.args[0].value, str)):
        return None
    matcher = e.shared(f"matcher({args[0]})", "X")
    return f"{matcher}({args[1]}) if {enclosed(args[1])}.__class__ is str else U"


def _sum(op: str) -> Callable[[CallEmitter, Call, Sequence[str]], str | None]:
    def write(e: CallEmitter, t: Call, args: Sequence[str]) -> str | None:
        name = ".".join(t.name)
        unknown = [f"{a}.__class__ is int" for a in args if e.kinds.get(a) != "int"]
        kinds = {e.kinds.get(a, "int") for a in args}
        if kinds == {"set"} and op == "-":
            return f"{args[0]} - {args[1]}"
        if not kinds <= {"int", "num"}:
            return None
        code = f"{args[0]} {op} {args[1]}"
        if not unknown:
            return code
        return f"{code} if {' and '.join(unknown)} else {e.plain_call(e.builtins[name], args)}"

    return write


def _times(e: CallEmitter, t: Call, args: Sequence[str]) -> str | None:
    """A product with a constant; other products are watched for their size."""
    constants = [isinstance(a, Scalar) and isinstance(a.value, int) and abs(a.value) < 2**64 for a in t.args]
    if sum(constants) != 1:
        return None
    x = args[constants.index(False)]
    return f"{args[0]} * {args[1]} if {x}.__class__ is int else {e.plain_call(e.builtins['mul'], args)}"


def _of_sets(op: str) -> Callable[[CallEmitter, Call, Sequence[str]], str | None]:
    def write(e: CallEmitter, t: Call, args: Sequence[str]) -> str | None:
        return f"{args[0]} {op} {args[1]}" if all(e.kinds.get(a) == "set" for a in args) else None

    return write


def _sprintf(e: CallEmitter, t: Call, args: Sequence[str]) -> str | None:
    """A constant format of plain verbs over a literal array becomes a sum of strings."""
    form, values = t.args
    if not (isinstance(form, Scalar) and isinstance(form.value, str) and isinstance(values, Array)):
        return None
    pieces = plain_verbs(form.value)
    if pieces is None or len([p for p in pieces if isinstance(p, tuple)]) != len(values.items):
        return None
    codes = e.array_items.get(args[1])
    if codes is None or len(codes) != len(values.items):
        return None
    last = e.lines[-1]
    if isinstance(last, str) and last.strip().startswith(f"{args[1]} = ["):
        e.lines.pop()  # the list itself is not needed
    out, n = [], 0
    for p in pieces:
        if isinstance(p, str):
            out.append(repr(p))
            continue
        x = codes[n]
        n += 1
        kind = e.kinds.get(x)
        if p[0] in "vs" and kind == "str":
            out.append(x)
        elif p[0] in "vs":
            out.append(f"({x} if {enclosed(x)}.__class__ is str else verb({p[0]!r}, {x}))")
        else:
            out.append(f"(str({x}) if {enclosed(x)}.__class__ is int else verb({p[0]!r}, {x}))")
    return " + ".join(out) or "''"


_INLINE: dict[str, Callable[[CallEmitter, Call, Sequence[str]], str | None]] = {
    "concat": _concat,
    "count": _count,
    "object.get": _object_get,
    "split": _split,
    "regex.match": _regex,
    "re_match": _regex,
    "plus": _sum("+"),
    "minus": _sum("-"),
    "mul": _times,
    "or": _of_sets("|"),
    "and": _of_sets("&"),
    "sprintf": _sprintf,
}
