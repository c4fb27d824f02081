"""Rules that share a name become one group: what kind of document it is, where it stands in `data`, what it reads.

Called by the compiler after `resolve`. A group is the unit of code generation: one Python function.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewright.rego.errors import RECURSION, TYPE, Location, Problem
from gatewright.rego.syntax import Branch, Call, FuncName, Node, Ref, Rule, Scalar, Term, Var, constant_prefix, walk
from gatewright.rego.values import freeze

Path = tuple[Any, ...]


@dataclass(slots=True)
class Clause:
    """One rule of a group: `keys` is the part of its head below the group, `key` the member of a set."""

    rule: Rule
    keys: list[Term]

    @property
    def key(self) -> Term | None:
        return self.rule.key

    @property
    def branches(self) -> list[Branch]:
        return self.rule.branches

    @property
    def loc(self) -> Location:
        return self.rule.loc


@dataclass(slots=True)
class Group:
    """kind is "complete", "set", "object" or "function"; `path` is where it stands below `data`."""

    path: Path
    kind: str
    clauses: list[Clause] = field(default_factory=list)
    defaults: list[Clause] = field(default_factory=list)
    arity: int = 0

    @property
    def name(self) -> str:
        return "data." + ".".join(map(str, self.path))


class Groups:
    """All groups of a program by path, and the tree they form."""

    def __init__(self) -> None:
        self.by_path: dict[Path, Group] = {}
        self.inner: set[Path] = set()
        self.packages: set[Path] = set()
        self.errors: list[Problem] = []

    def build(self, rules: Iterable[tuple[Path, Rule]], packages: Iterable[Path]) -> None:
        """Groups the rules given as (package path below data, rule)."""
        placed = []
        for package, rule in rules:
            prefix = constant_prefix(rule.path)
            placed.append(((*package, *(freeze(x) for x in prefix)), rule, len(package)))
        roots = {path for path, rule, _ in placed if rule.args is None}
        for path, rule, depth in placed:
            root = path
            if rule.args is None:
                root = next((path[:n] for n in range(depth + 1, len(path)) if path[:n] in roots), path)
            self._add(root, rule, rule.path[len(root) - depth :])
        for p in packages:
            self.packages.add(p)
            self.inner.update(p[:n] for n in range(len(p) + 1))
        for p in self.by_path:
            self.inner.update(p[:n] for n in range(len(p)))
        for g in self.by_path.values():
            self._settle(g)

    def _add(self, root: Path, rule: Rule, keys: list[Term]) -> None:
        if rule.args is not None:
            kind = "function"
        elif keys:
            kind = "object"
        else:
            kind = "set" if rule.key is not None else "complete"
        g = self.by_path.get(root)
        if g is None:
            g = self.by_path[root] = Group(root, kind)
            g.arity = len(rule.args or ())
        if (kind == "function") != (g.kind == "function") or (kind == "function" and g.arity != len(rule.args or ())):
            self._problem(f"conflicting rules {g.name} found", rule.loc)
        elif kind != g.kind:
            if "object" in (kind, g.kind):
                g.kind = "object"
            elif not rule.default:
                self._problem(f"conflicting rules {g.name} found", rule.loc)
        clause = Clause(rule, keys)
        if rule.default:
            if any(len(d.keys) == len(keys) for d in g.defaults) and not keys:
                self._problem(f"multiple default rules {g.name} found", rule.loc)
            g.defaults.append(clause)
        else:
            g.clauses.append(clause)

    def _settle(self, g: Group) -> None:
        if g.kind == "object" and g.clauses and not any(c.keys for c in (*g.clauses, *g.defaults)):
            g.kind = "complete"

    def _problem(self, message: str, loc: Location) -> None:
        self.errors.append(Problem(TYPE, message, loc))

    # -- what groups read
    def reads(self, g: Group) -> Iterator[Path]:
        """The paths of the groups that a group evaluates, directly."""
        for c in (*g.clauses, *g.defaults):
            yield from self.read_by(c.rule)

    def roots(self) -> list[Group]:
        """The groups that no other one reads."""
        read = {p for path, g in self.by_path.items() for p in self.reads(g) if p != path}
        return [g for path, g in self.by_path.items() if path not in read]

    def read_by(self, node: Node) -> Iterator[Path]:
        for n in walk(node):
            if isinstance(n, (Call, FuncName)) and n.name[0] == "data":
                if n.name[1:] in self.by_path:
                    yield n.name[1:]
            elif isinstance(n, Ref) and isinstance(n.head, Var) and n.head.name == "data":
                yield from self.below(n.path)
            elif isinstance(n, Var) and n.name == "data":
                pass

    def below(self, path: Sequence[Term]) -> Iterator[Path]:
        """The groups that a reference into data can evaluate."""
        candidates = [()]
        node: list[Path] = [tuple(p) for p in candidates]
        for p in path:
            following: list[Path] = []
            for prefix in node:
                if prefix in self.by_path and self.by_path[prefix].kind != "function":
                    yield prefix
                    continue
                if isinstance(p, Scalar):
                    full = (*prefix, freeze(p.value))
                    if full in self.inner or full in self.by_path:
                        following.append(full)
                else:
                    known = [q for q in (*self.inner, *self.by_path) if len(q) == len(prefix) + 1 and q[:-1] == prefix]
                    following += list(dict.fromkeys(known))
            node = following
            if not node:
                return
        for prefix in node:
            if prefix in self.by_path:
                if self.by_path[prefix].kind != "function":
                    yield prefix
            else:
                yield from (q for q, g in self.by_path.items() if q[: len(prefix)] == prefix and g.kind != "function")

    def check_recursion(self) -> list[Problem]:
        """Errors for the groups that can reach themselves."""
        graph = {p: list(dict.fromkeys(self.reads(g))) for p, g in self.by_path.items()}
        problems = []
        for start in sorted(_in_cycles(graph), key=list(graph).index):
            g = self.by_path[start]
            text = " -> ".join(self.by_path[p].name for p in _cycle(graph, start))
            clause = (g.clauses or g.defaults)[0]
            what = "function" if g.kind == "function" else "rule"
            problems.append(Problem(RECURSION, f"{what} {g.name} is recursive: {text}", clause.loc))
        return problems


def _in_cycles(graph: dict[Path, list[Path]]) -> set[Path]:
    """The nodes from which a way leads back to them (Tarjan's strongly connected components, without recursion)."""
    order: dict[Path, int] = {}
    low: dict[Path, int] = {}
    stack: list[Path] = []
    on_stack: set[Path] = set()
    found: set[Path] = set()
    for root in graph:
        work = [(root, iter(graph[root]))] if root not in order else []
        while work:
            node, following = work[-1]
            if node not in order:
                order[node] = low[node] = len(order)
                stack.append(node)
                on_stack.add(node)
            for n in following:
                if n not in order:
                    work.append((n, iter(graph.get(n, ()))))
                    break
                if n in on_stack:
                    low[node] = min(low[node], order[n])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    members: list[Path] = []
                    while not members or members[-1] != node:
                        members.append(stack.pop())
                        on_stack.discard(members[-1])
                    if len(members) > 1 or node in graph.get(node, ()):
                        found.update(members)
    return found


def _cycle(graph: dict[Path, list[Path]], start: Path) -> list[Path]:
    """A shortest path from start back to start."""
    came: dict[Path, Path] = {}
    todo = [start]
    for node in todo:
        for n in graph.get(node, ()):
            if n == start:
                trail = [start]
                while node != start:
                    trail.append(node)
                    node = came[node]
                return [start, *reversed(trail[1:]), start]
            if n not in came:
                came[n] = node
                todo.append(n)
    return [start]
