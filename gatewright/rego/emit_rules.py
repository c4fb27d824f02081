"""Python source for rules and queries: one function per group. The last of the emitters.

A complete rule or function gives its one value or U, sets and objects give what they collected; all but functions are
remembered in the context for the rest of the evaluation. Conflicts are tested only where two different answers are
possible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.rego.builtins.registry import Builtin
from gatewright.rego.code import Env, NotConstant, constant_value, identifier, literal
from gatewright.rego.emit_bodies import BodyEmitter
from gatewright.rego.emit_calls import Variant
from gatewright.rego.groups import Clause, Group, Groups
from gatewright.rego.order import Orderer, names_in
from gatewright.rego.syntax import Branch, Call, Expr, Rule, Term, Var, walk

CHEAP = dict.fromkeys(
    ("equal", "neq", "lt", "lte", "gt", "gte", "plus", "minus", "is_string", "is_number", "is_null"), True
)
COMPLETE = "complete rules must not produce multiple outputs"
FUNCTION = "functions must not produce multiple outputs for same inputs"


class RuleEmitter(BodyEmitter):
    """Emits groups and queries. `targets` are the data paths that some `with` of the program replaces."""

    targets: frozenset[tuple[Any, ...]] = frozenset()
    as_list = False

    def __init__(self, groups: Groups, builtins: Mapping[str, Builtin], variant: Variant) -> None:
        super().__init__(groups, builtins, variant)
        self.lists: dict[tuple[Any, ...], str] = {}

    def guarded(self, path: tuple[Any, ...]) -> bool:
        return any(t[: len(path)] == path or path[: len(t)] == t for t in self.targets)

    def name_groups(self) -> None:
        for i, (path, g) in enumerate(self.groups.by_path.items()):
            self.functions[path] = identifier("r", str(g.path[-1]), i)

    def start(self, ind: int) -> None:
        self.ind, self.fail, self.blocks, self.loops, self.ctx, self.ordered = (
            ind,
            "return U",
            0,
            0,
            "C",
            self.variant.prints,
        )
        self.orderer = Orderer()
        self.bags = True
        self.kinds, self.array_items, self.known = {}, {}, {}
        self.fetched, self.hoisted = {}, None

    def listable(self, group: Group) -> bool:
        return group.kind == "set" and not self.guarded(group.path)

    def list_function(self, group: Group) -> str:
        name = "l" + self.functions[group.path][1:]
        self.lists[group.path] = name
        return name

    def finish_lists(self) -> None:
        """The list versions that were asked for, and those that these ask for."""
        done: set[tuple[Any, ...]] = set()
        while len(done) < len(self.lists):
            for path in [p for p in self.lists if p not in done]:
                done.add(path)
                self.group(self.groups.by_path[path], self.lists[path])

    def set_of_list(self, g: Group) -> None:
        """A set rule whose members are mostly wanted in a list: the set is made from that."""
        self.start(0)
        self.emit(f"def {self.functions[g.path]}(C):")
        self.start(1)
        self.emit(f"r = C.m[{self.memos}]")
        self.emit(f"if r is N: r = C.m[{self.memos}] = make_set({self.lists[g.path]}(C))")
        self.emit("return r")
        self.memos += 1

    def heavy(self, g: Group) -> bool:
        """Is a function of one or two values worth remembering its answers within an evaluation?"""
        if g.kind != "function" or g.arity not in (1, 2) or g.defaults:
            return False
        calls = [n for c in g.clauses for n in walk(c.rule) if isinstance(n, Call) and not CHEAP.get(".".join(n.name))]
        return len(calls) >= 3

    def remember(self, fn: str, args: list[str]) -> str:
        """Writes the function that asks the memo first; returns the name for the one that computes."""
        slot, inner = self.memos, "q" + fn[1:]
        self.memos += 1
        key = args[0] if len(args) == 1 else f"({', '.join(args)})"
        call = f"{inner}({', '.join(['C', *args])})"
        self.emit(f"def {fn}({', '.join(['C', *args])}):")
        for line in (
            f"if not ({' and '.join(f'{a}.__class__ is str' for a in args)}): return {call}",
            f"m = C.m[{slot}]",
            f"if m is N: m = C.m[{slot}] = {{}}",
            f"r = m.get({key}, N)",
            f"if r is N: r = m[{key}] = {call}",
            "return r",
        ):
            self.emit("    " + line)
        return inner

    def group(self, g: Group, as_list: str | None = None) -> None:
        """Writes the function of a group; with a name in `as_list`, the version of a set rule that gives a list."""
        fn = as_list or self.functions[g.path]
        self.as_list = as_list is not None
        args = [f"a{i}" for i in range(g.arity)] if g.kind == "function" else []
        self.in_function = g.kind == "function"
        self.start(0)
        table = self.table(g)
        if table:
            self.emit(f"def {fn}(C, a0): return {table}.get(a0, U) if a0.__class__ is str else U")
            return
        if self.heavy(g):
            fn = self.remember(fn, args)
        self.emit(f"def {fn}({', '.join(['C', *args])}):")
        self.start(1)
        done = "return r"
        if g.kind != "function":
            slot = self.memos
            self.memos += 1
            self.emit(f"r = C.m[{slot}]")
            self.emit("if r is not N: return r")
            done = f"C.m[{slot}] = r; return r"
            if self.guarded(g.path):
                self.emit(f"r = overridden(C, {literal_path(g.path)})")
                self.emit("if r is not N: return r")
                done = f"r = below(C, {literal_path(g.path)}, r); C.m[{slot}] = r; return r"
        constant = self.one_constant(g)
        empty = {"set": "[]" if as_list else "set()", "object": "{}"}
        self.emit("r = " + empty.get(g.kind, "U"))
        for i, c in enumerate(g.clauses):
            self.clause(g, c, args, constant, done, i == 0)
        self.defaults(g, args)
        self.emit(done)

    def table(self, g: Group) -> str | None:
        """A function of one constant string per clause, with constant values, is a dictionary."""
        if g.kind != "function" or g.arity != 1 or g.defaults or len(g.clauses) < 2:
            return None
        entries: dict[str, Any] = {}
        for c in g.clauses:
            assert c.rule.args is not None
            try:
                key, value = constant_value(c.rule.args[0]), constant_value(c.branches[0].value)
            except NotConstant:
                return None
            if not isinstance(key, str) or key in entries or len(c.branches) > 1 or c.branches[0].body:
                return None
            entries[key] = value
        return self.constant(entries)

    def one_constant(self, g: Group) -> str | None:
        """The source of the one constant that every branch of a group gives; then the first success is the answer."""
        if g.kind not in ("complete", "function"):
            return None
        found: set[str] = set()
        for c in g.clauses:
            for b in c.branches:
                try:
                    found.add(literal(constant_value(b.value)))
                except NotConstant:
                    return None
        if len(found) != 1:
            return None
        try:
            return self.constant(constant_value(g.clauses[0].branches[0].value))
        except (NotConstant, IndexError):
            return None

    # -- clauses
    def note_unread(self, rule: Rule) -> None:
        """The variables that a rule names once: binding them is not needed."""
        count: dict[str, int] = {}
        for n in walk(rule):
            if isinstance(n, Var):
                count[n.name] = count.get(n.name, 0) + 1
        self.unread = {name for name, times in count.items() if times == 1}

    def clause(self, g: Group, c: Clause, args: list[str], constant: str | None, done: str, first: bool) -> None:
        self.note_unread(c.rule)
        base_ind = self.ind
        chained = len(c.branches) > 1 and constant is None
        if chained:
            self.emit("r1 = U")
        for i, b in enumerate(c.branches):
            if i and chained:
                self.emit("if r1 is U:")
                self.ind += 1
            env: Env = {}
            saved = self.open_block()
            self.arguments(c.rule, args, env)
            self.body(b.body, env)
            if constant is not None:
                self.emit(f"r = {constant}; {done}")
            elif g.kind in ("complete", "function"):
                self.single(g, c, b, env, "r1" if chained else "r", first or chained, done)
            else:
                self.collect(g, c, b, env)
            self.close_block(saved)
            self.ind = base_ind
        if chained:
            self.emit("if r1 is not U:")
            self.emit("    if r is U: r = r1")
            self.emit(f"    elif not EQ(r, r1): {self.conflict(g, c)}")

    def arguments(self, rule: Rule, args: Sequence[str], env: Env) -> None:
        later = []
        outer = self.orderer
        for a, name in zip(rule.args or (), args, strict=False):
            if isinstance(a, Var) and a.name not in env:
                if not a.wild:
                    env[a.name] = name
            else:
                later.append((a, name))
        for a, name in later:
            self.orderer = Orderer(names_in(a))
            self.match(a, name, env)
        self.orderer = outer

    def single(self, g: Group, c: Clause, b: Branch, env: Env, result: str, fresh: bool, done: str) -> None:
        """The value of a complete rule or function."""
        top = self.ind
        value = self.ev(b.value, env)
        only = len(g.clauses) == 1 and result == "r"
        if fresh and self.loops == 0 and self.ind == top and self.in_no_loop(top):
            self.emit(f"{result} = {value}")
            if only:
                self.emit(done)
            return
        self.emit(f"if {result} is U: {result} = {value}")
        self.emit(f"elif not EQ({result}, {value}): {self.conflict(g, c)}")

    def in_no_loop(self, ind: int) -> bool:
        return self.fail == "break"

    def conflict(self, g: Group, c: Clause) -> str:
        message = FUNCTION if g.kind == "function" else COMPLETE
        return f"conflict({message!r}, {c.loc.file!r}, {c.loc.row})"

    def collect(self, g: Group, c: Clause, b: Branch, env: Env) -> None:
        """A member of a set, or an entry of an object."""
        place = f"{c.loc.file!r}, {c.loc.row}"
        if g.kind == "set":
            assert c.key is not None
            member = self.ev(c.key, env)
            self.emit(f"r.append({member})" if self.as_list else f"r.add({self.frozen(member)})")
            return
        terms: list[Term] = [*c.keys, c.key if c.key is not None else b.value]
        codes = self.many(terms, env)
        keys = [f"({self.frozen(k)})" for k in codes[:-1]]
        if not keys:
            self.emit(f"for k, v in {codes[-1]}.items(): put(r, (k,), v, {place})")
        elif c.key is not None:
            self.emit(f"put_member(r, ({', '.join(keys)},), {self.frozen(codes[-1])}, {place})")
        elif len(keys) == 1:
            k = self.let(keys[0], prefix="k")
            self.emit(
                f"if k in r: key_value(r, k, {codes[-1]}, {place})".replace("k in", f"{k} in").replace(
                    ", k,", f", {k},"
                )
            )
            self.emit(f"else: r[{k}] = {codes[-1]}")
        else:
            self.emit(f"put(r, ({', '.join(keys)},), {codes[-1]}, {place})")

    def defaults(self, g: Group, args: Sequence[str]) -> None:
        if g.kind == "object":
            for c in g.clauses:
                if c.key is not None and all(not names_in(k) for k in c.keys) and c.keys:
                    keys = [self.frozen(self.ev(k, {})) for k in c.keys]
                    self.emit(f"put_set(r, ({', '.join(keys)},))")
        for d in g.defaults:
            value_env: Env = {}
            if g.kind == "object" and d.keys:
                keys = [self.frozen(self.ev(k, {})) for k in d.keys]
                self.emit(f"default_at(r, ({', '.join(keys)},), {self.ev(d.branches[0].value, {})})")
                continue
            self.emit("while r is U:")
            self.ind += 1
            self.fail = "break"
            self.arguments(d.rule, args, value_env)
            self.emit(f"r = {self.ev(d.branches[0].value, value_env)}")
            self.emit("break")
            self.ind -= 1

    # -- queries
    def query(self, body: Sequence[Expr], shown: dict[str, str]) -> None:
        """def q(C, out): appends the bindings of each solution; `shown` maps variables to the names the author
        wrote.
        """
        self.in_function = False
        self.start(0)
        self.emit("def q(C, out):")
        self.start(1)
        self.unread = set()
        env: Env = {}
        saved = self.open_block()
        self.ordered, self.bags = True, False
        self.body(body, env)
        entries = ", ".join(f"{name!r}: {env[v]}" for v, name in shown.items() if v in env)
        self.emit(f"out.append({{{entries}}})")
        self.close_block(saved)


def literal_path(path: tuple[Any, ...]) -> str:
    """Source of a path."""
    return "(" + "".join(literal(p) + ", " for p in path) + ")"
