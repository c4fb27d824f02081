"""Python source for terms: the expression emitter. Works on resolved, ordered trees; the base of the statement
emitter.

`ev` writes the lines that compute a term and returns a Python expression for its value. Where the value is undefined
the lines run `self.fail`; a bracket with an unbound variable opens a `for` loop, in which everything after it is
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewright.rego.code import Code, Env, NotConstant, constant_value
from gatewright.rego.groups import Group, Groups
from gatewright.rego.order import Orderer
from gatewright.rego.syntax import (
    Array,
    Call,
    Comprehension,
    Expr,
    ObjectTerm,
    Ref,
    Scalar,
    SetTerm,
    Template,
    Term,
    Var,
)
from gatewright.rego.values import freeze

ROOTS = {"input": "i", "data": "d"}


class TermEmitter(Code):
    """Emits terms. `groups` tells where rules are, `functions` the Python names of groups."""

    def __init__(self, groups: Groups) -> None:
        super().__init__()
        self.groups = groups
        self.functions: dict[tuple[Any, ...], str] = {}
        self.orderer = Orderer()
        self.array_items: dict[str, list[str]] = {}
        self.in_function = False
        self.hoist_ind = 0
        self.unread: set[str] = set()  # variables that occur once in the rule
        self.pending: list[Expr] = []  # the statements of the body that have not been written yet
        self.bags = True  # may members of sets come twice here?

    # -- terms
    def ev(self, t: Term, env: Env) -> str:
        match t:
            case Scalar(value=value):
                return self.constant(value)
            case Var(name=name):
                if name in env:
                    return env[name]
                return self.ref(t, [], env)
            case Ref(head=head, path=path):
                return self.ref(head, path, env)
            case Call():
                return self.call(t, env)
            case Comprehension():
                return self.comprehension(t, env)
            case Template():
                return self.template(t, env)
        return self.composite(t, env)

    def composite(self, t: Term, env: Env) -> str:
        try:
            return self.constant(constant_value(t))
        except NotConstant:
            pass
        if isinstance(t, Array):
            items = self.many(t.items, env)
            name = self.let("[" + ", ".join(items) + "]", "list")
            self.array_items[name] = items
            return name
        if isinstance(t, SetTerm):
            frozen = [f"({self.frozen(x)})" for x in self.many(t.items, env)]
            return self.let("{" + ", ".join(frozen) + "}", "set")
        assert isinstance(t, ObjectTerm)
        codes = self.many([x for kv in t.pairs for x in kv], env)
        entries = [f"({self.frozen(k)}): {v}" for k, v in zip(codes[::2], codes[1::2], strict=True)]
        return self.let("{" + ", ".join(entries) + "}", "dict")

    def many(self, terms: Sequence[Term], env: Env) -> list[str]:
        """Several terms, each as soon as what it reads is bound."""
        out: list[str | None] = [None] * len(terms)
        todo = list(range(len(terms)))
        while todo:
            ready = [i for i in todo if self.orderer.term(terms[i], env) is not None] or todo
            out[ready[0]] = self.ev(terms[ready[0]], env)
            todo.remove(ready[0])
        return [x for x in out if x is not None]

    def frozen(self, code: str) -> str:
        """Code for a value as a member or key."""
        kind = self.kinds.get(code)
        if kind in ("str", "int", "num", "null"):
            return code
        if kind == "dict":
            return f"FrozenDict({code})"
        if kind == "list":
            return f"FrozenList({code})"
        return f"{code} if {code}.__class__ is str else fz({code})"

    # -- references
    def ref(self, head: Term, path: Sequence[Term], env: Env, test: bool = False) -> str:
        if isinstance(head, Var) and head.name not in env:
            if head.name == "data":
                return self.data_ref(path, env, test)
            assert head.name == "input", f"unbound {head.name}"
            return self.root_ref("input", path, env, test)
        return self.steps(self.ev(head, env), path, env, test)

    def root_ref(self, root: str, path: Sequence[Term], env: Env, test: bool = False) -> str:
        """input or base data: the constant part of the path is a slot of the context, looked up once per evaluation."""
        n = 0
        while n < len(path) and isinstance(path[n], Scalar):
            n += 1
        static = tuple(freeze(p.value) for p in path[:n] if isinstance(p, Scalar))
        known = self.known.get((self.ctx, root, static))
        if known is not None:
            if test and n == len(path):
                self.fail_if(f"{known} is False")
            return self.steps(known, path[n:], env, test)
        name = self.fetched.get((self.ctx, root, static)) or self.fetch(root, static)
        self.undefined(name, test and n == len(path))
        self.known[self.ctx, root, static] = name
        return self.steps(name, path[n:], env, test)

    def fetch(self, root: str, static: tuple[Any, ...]) -> str:
        """Writes the look-up of a slot, before the outermost loop where that can be, and does not ask if it is
        defined.
        """
        name, slot = self.tmp(), self.slot(root, static)
        value = f"{self.ctx}.{ROOTS[root]}"
        if root == "data" and any(k.__class__ is int for k in static):
            value = f"base_path({value}, {self.path_constant(static)})"
        elif len(static) >= 3:
            parent = static[:-1]
            keys = f"{self.slot(root, parent)}, {self.path_constant(parent)}, {self.source(static[-1])}"
            value = f"part_of({self.ctx}, {value}, {keys})"
        elif static:
            value = f"path_of({value}, {self.path_constant(static)})"
        lines = [
            f"{name} = {self.ctx}.s[{slot}]",
            f"if {name} is N: {name} = {self.ctx}.s[{slot}] = {value}",
        ]
        if self.hoisted is not None and self.ctx == "C":
            self.hoisted += ["    " * self.hoist_ind + line for line in lines]
        else:
            for line in lines:
                self.emit(line)
        self.fetched[self.ctx, root, static] = name
        return name

    def path_constant(self, path: Sequence[Any]) -> str:
        return self.shared("(" + "".join(self.source(k) + ", " for k in path) + ")", "P")

    def source(self, key: Any) -> str:
        from gatewright.rego.code import literal

        return literal(key)

    def undefined(self, name: str, test: bool) -> None:
        self.fail_if(f"{name} is U or {name} is False" if test else f"{name} is U")

    def data_ref(self, path: Sequence[Term], env: Env, test: bool) -> str:
        static: list[Any] = []
        for p in path:
            if not isinstance(p, Scalar):
                break
            static.append(freeze(p.value))
        for n in range(len(static) + 1):
            prefix = tuple(static[:n])
            group = self.groups.by_path.get(prefix)
            if group is not None and group.kind != "function":
                return self.rule_ref(group, path, n, env, test)
            if prefix not in self.groups.inner:
                return self.root_ref("data", path, env, test)
        keys = self.shared("(" + "".join(self.source(k) + ", " for k in static) + ")", "P")
        name = self.let(f"document({self.ctx}, {keys})")
        self.undefined(name, False)
        name = self.steps(name, path[len(static) :], env, False)
        name = self.let(f"plain({name})")
        if test:
            self.fail_if(f"{name} is False")
        return name

    def rule_ref(self, group: Group, path: Sequence[Term], n: int, env: Env, test: bool) -> str:
        """A rule's value, and what the path has after its n first parts."""
        last = test and n == len(path)
        known = self.known.get((self.ctx, "rule", group.path))
        if known is not None:
            if last:
                self.fail_if(f"{known} is False")
            return self.steps(known, path[n:], env, test)
        if self.bags and n < len(path) and self.cheaper_as_list(group) and self.unbound(path[n], env):
            name = self.let(f"{self.list_function(group)}({self.ctx})", "list")
            if isinstance(path[n], Var):
                base = self.iterate(name, None, path[n], env)
                return self.steps(base, path[n + 1 :], env, test)
        name = self.let(f"{self.functions[group.path]}({self.ctx})", "set" if group.kind == "set" else "")
        if group.kind != "set" or self.guarded(group.path):
            self.undefined(name, last)
        self.known[self.ctx, "rule", group.path] = name
        return self.steps(name, path[n:], env, test)

    def listable(self, group: Group) -> bool:
        """Can a set rule be gone through as a list, in which members may come twice? Where nothing depends on how
        often.
        """
        return False

    def cheaper_as_list(self, group: Group) -> bool:
        """Members that are parts of documents are dear to hash and seldom come twice; computed ones may come often."""
        return self.listable(group) and all(isinstance(c.key, Var) for c in group.clauses)

    def list_function(self, group: Group) -> str:
        raise NotImplementedError

    def guarded(self, path: tuple[Any, ...]) -> bool:
        """Can a `with` of the program put something over this rule?"""
        return False

    def steps(self, base: str, path: Sequence[Term], env: Env, test: bool = False) -> str:
        if path and not base.isidentifier():
            base = self.let(base, self.kinds.get(base, ""))
        for i, p in enumerate(path):
            if not isinstance(p, Scalar) and self.unbound(p, env):
                base = self.iterate(base, p, None, env)
                if i < len(path) - 1:
                    self.early(env)
                if test and i == len(path) - 1:
                    self.fail_if(f"{base} is False")
                continue
            key = self.ev(p, env)
            known = self.known.get((base, key))
            if known is not None:
                if test and i == len(path) - 1:
                    self.fail_if(f"{known} is False")
                base = known
                continue
            before = base
            if self.hoisted is not None and base[0] == "a" and key[0] in "'\"":
                base = self.hoisted_part(base, key)
                self.undefined(base, test and i == len(path) - 1)
                self.known[before, key] = base
                continue
            if self.kinds.get(key) == "str":
                name = self.let(f"{base}.get({key}, U) if {base}.__class__ is dict else R({base}, {key})")
            else:
                name = self.let(f"R({base}, {key})")
            self.undefined(name, test and i == len(path) - 1)
            self.known[before, key] = base = name
        return base

    def early(self, env: Env) -> None:
        """Between two loops of one reference: tests that can be made here are not left for the innermost."""

    def hoisted_part(self, base: str, key: str) -> str:
        """A part of an argument, looked up before the outermost loop."""
        name = self.fetched.get((base, key))
        if name is None:
            assert self.hoisted is not None
            name = self.fetched[base, key] = self.tmp()
            code = f"{name} = {base}.get({key}, U) if {base}.__class__ is dict else R({base}, {key})"
            self.hoisted.append("    " * self.hoist_ind + code)
        return name

    def unbound(self, p: Term, env: Env) -> bool:
        """Does a bracket bind something, so that it has to go through the keys?"""
        if isinstance(p, Var):
            return p.name not in env and p.name not in ROOTS
        if isinstance(p, (Array, ObjectTerm)):
            return self.orderer.term(p, env) is None
        return False

    # -- loops
    def iterate(self, base: str, key: Term | None, value: Term | None, env: Env) -> str:
        """Opens `for key, value in base`; returns the name of the value."""
        kind = self.kinds.get(base)
        if self.loops or self.in_function or self.blocks > 2:
            if kind != "list":
                self.emit(f"if {base}.__class__ not in COUNTED: charge({self.ctx}, {base})")
            self.emit(f"{'elif' if kind != 'list' else 'if'} {self.ctx}.b[0] < len({base}): spent()")
            self.emit(f"else: {self.ctx}.b[0] -= len({base})")
        if not base.isidentifier():
            base = self.let(base, self.kinds.get(base, ""))
        if self.hoisted is None and self.ctx == "C":
            self.hoisted, self.hoist_ind = [], self.ind
            self.lines.append(self.hoisted)
        v = self.tmp("v")
        wild = key is None or (isinstance(key, Var) and (key.wild or key.name in self.unread))
        if wild and isinstance(key, Var) and not key.wild:
            env[key.name] = "None"  # nothing reads it
        order = "S" if self.ordered else ""
        if wild:
            if kind == "list":
                self.emit(f"for {v} in {base}:")
            else:
                self.emit(f"for {v} in {base} if {base}.__class__ is list else {order}V({base}):")
            self.opened()
        else:
            k = self.tmp("k")
            if order or kind in ("list", "set"):
                self.emit(f"for {k}, {v} in {order}KV({base}):")
                self.opened()
            else:
                self.emit(f"for {k}, {v} in {base}.items() if {base}.__class__ is dict else KV({base}):")
                self.opened()
                self.emit(f"if {k}.__class__ is BoolMember: {k} = {k}.value")
            assert key is not None
            self.match(key, k, env)
        if value is not None:
            self.match(value, v, env)
        return v

    def opened(self) -> None:
        """A loop has been opened: what follows stands inside."""
        self.ind += 1
        self.blocks += 1
        self.loops += 1
        self.fail = "continue"

    # -- matching
    def match(self, pattern: Term, code: str, env: Env) -> None:
        """Makes a pattern equal to a value: binds its variables, tests the rest."""
        if isinstance(pattern, Var) and pattern.name not in env and pattern.name not in ROOTS:
            if not pattern.wild:
                env[pattern.name] = code
            return
        if isinstance(pattern, Array) and self.orderer.term(pattern, env) is None:
            name = code if code.isidentifier() else self.let(code)
            self.fail_if(f"not isinstance({name}, list) or len({name}) != {len(pattern.items)}")
            for i, p in enumerate(pattern.items):
                self.match(p, self.let(f"{name}[{i}]"), env)
            return
        if isinstance(pattern, ObjectTerm) and self.orderer.term(pattern, env) is None:
            name = code if code.isidentifier() else self.let(code)
            self.fail_if(f"not isinstance({name}, Mapping) or len({name}) != {len(pattern.pairs)}")
            for k, p in pattern.pairs:
                item = self.let(f"R({name}, {self.ev(k, env)})")
                self.undefined(item, False)
                self.match(p, item, env)
            return
        self.fail_if("not (" + self.equality(code, self.ev(pattern, env)) + ")")

    def equality(self, a: str, b: str) -> str:
        """A Python condition for a == b."""
        ka, kb = self.kinds.get(a, ""), self.kinds.get(b, "")
        for x, y, k in ((a, b, kb), (b, a, ka)):
            if y in ("True", "False", "None"):
                return f"{x} is {y}" if x.isidentifier() else "False"
            if k == "str":
                return f"{x} == {y}"
            if k == "int" and y.lstrip("-").isdigit():
                if y not in ("0", "1"):
                    return f"{x} == {y}"
                if self.kinds.get(x) in ("int", "num"):
                    return f"{x} == {y}"
                return f"{x} == {y} and {x}.__class__ is not bool"
        if ka in ("int", "num") and kb in ("int", "num"):
            return f"{a} == {b}"
        if ka or kb:
            return f"EQ({a}, {b})"
        return f"{a} == {b} if {a}.__class__ is str else EQ({a}, {b})"

    # -- for the emitters above
    def call(self, t: Call, env: Env) -> str:
        raise NotImplementedError

    def body(self, exprs: Sequence[Expr], env: Env) -> None:
        raise NotImplementedError

    def comprehension(self, t: Comprehension, env: Env) -> str:
        """A comprehension as a block of loops that fills a list, set or dict."""
        kind = {"array": "list", "set": "set", "object": "dict"}[t.kind]
        result = self.tmp()
        self.isolated(result, lambda: self.fill(t, result, dict(env)))
        self.kinds[result] = kind
        return result

    def fill(self, t: Comprehension, result: str, env: Env) -> None:
        self.emit(f"{result} = " + {"array": "[]", "set": "set()", "object": "{}"}[t.kind])
        saved = self.open_block()
        outer = self.ordered, self.bags
        self.ordered = self.ordered or t.kind == "array"
        self.bags = t.kind != "array"
        self.body(t.body, env)
        if t.kind == "object":
            assert t.key is not None
            key, value = self.many([t.key, t.value], env)
            k = self.let(self.frozen(key), prefix="k")
            row = f"{t.loc.file!r}, {t.loc.row}"
            self.emit(f"if {k} in {result}: key_value({result}, {k}, {value}, {row})")
            self.emit(f"else: {result}[{k}] = {value}")
        else:
            value = self.ev(t.value, env)
            if t.kind == "array":
                self.emit(f"{result}.append({value})")
            else:
                self.emit(f"{result}.add({self.frozen(value)})")
        self.ordered, self.bags = outer
        self.close_block(saved)

    def open_block(self) -> tuple[Any, ...]:
        """Opens a block that `break` leaves."""
        saved = (self.ind, self.blocks, self.fail, self.ctx, dict(self.known), self.loops, self.lookups())
        self.emit("while True:")
        self.ind += 1
        self.blocks += 1
        self.fail = "break"
        self.pending = []
        return saved

    def close_block(self, saved: tuple[Any, ...]) -> None:
        self.ind = saved[0] + 1
        self.emit("break")
        self.ind, self.blocks, self.fail, self.ctx, self.known, self.loops, lookups = saved
        self.restore(lookups)

    def lookups(self) -> tuple[Any, ...]:
        return dict(self.fetched), self.hoisted, self.hoist_ind, self.pending

    def restore(self, lookups: tuple[Any, ...]) -> None:
        """After a block: what was looked up inside is forgotten, but for what was put before the loop that the block
        is in.
        """
        fetched, hoisted, ind, self.pending = lookups
        if hoisted is None or hoisted is not self.hoisted:
            self.fetched = fetched
        else:
            before = ("C", "a")  # the main context, arguments: these went before the loop
            self.fetched = {
                k: v for k, v in self.fetched.items() if k in fetched or k[0] == "C" or k[0][0] == before[1]
            }
        self.hoisted, self.hoist_ind = hoisted, ind

    def template(self, t: Template, env: Env) -> str:
        """An interpolated string: each part like print shows it, undefined ones as <undefined>."""
        parts: list[str] = []
        for p in t.parts:
            if isinstance(p, str):
                parts.append(repr(p))
                continue
            name = self.tmp()
            self.isolated(name, lambda p=p, name=name: self.part(p, name, dict(env)))  # type: ignore[misc]
            parts.append(f"template_text({name})")
        return self.let(" + ".join(parts) or "''", "str")

    def part(self, p: Term, name: str, env: Env) -> None:
        self.emit(f"{name} = U")
        saved = self.open_block()
        value = self.ev(p, env)
        self.emit(f"{name} = {value}; break")
        self.unwind(saved[0] + 1, f"{name} is not U")
        self.close_block(saved)

    def unwind(self, base: int, condition: str) -> None:
        """After something broke out of the innermost loop: leave the loops around it too, down to indentation
        `base`.
        """
        for level in range(self.ind - 1, base - 1, -1):
            self.ind = level
            if level > base:
                self.emit(f"if {condition}: break")
