"""What generated code runs on: the context of one evaluation, documents made of base data and rules, `with`, the
step budget.

Every evaluation has a Context; rules are Python functions of it. Called by generated code and by `program`; holds no
policy of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gatewright.rego.errors import EvalError, Location, Needs
from gatewright.rego.texts import text_of, to_json
from gatewright.rego.values import U, equal, freeze, get, is_object, plain, thaw

EMPTY = object()  # a slot that has not been computed
Data = tuple[Any, ...]
DEFAULT_BUDGET = 50_000_000


MAX_TEXT = 16 * 1024 * 1024
BIG = 65_536  # characters; generated code asks about larger results of what it does in place


class Environment:
    """What an evaluation may know of the world: all of it arguments. One for a whole query, shared by its contexts.

    now_ns: the time in nanoseconds; seed: of the generator behind `rand`; answers: (builtin, request JSON) -> answer;
    prints: where print() writes (file, row, text), or None.
    """

    __slots__ = ("answers", "at", "cache", "missing", "now_ns", "prints", "seed", "strict")

    def __init__(
        self,
        now_ns: int = 0,
        seed: int = 0,
        answers: Mapping[tuple[str, str], Any] | None = None,
        prints: list[tuple[str, int, str]] | None = None,
        strict: bool = False,
    ) -> None:
        self.now_ns = now_ns
        self.seed = seed
        self.answers = answers or {}
        self.prints = prints
        self.strict = strict
        self.at: Location | None = None
        self.cache: dict[Any, Any] = {}
        self.missing: set[tuple[str, str]] = set()

    def answer(self, builtin: str, request: str) -> Any:
        """The answer from the book; raises Needs where the book lacks it."""
        key = (builtin, request)
        if key not in self.answers:
            raise Needs([key])
        return self.answers[key]


class Context:
    """One evaluation under one input and one data: i input, d base data, s slots, m memo of rules, b budget left
    (shared), e environment.

    `over` are the data paths that a `with` replaced, `mocks` the functions that one did; `t` the tables of the
    program.
    """

    __slots__ = ("b", "d", "e", "i", "m", "mocks", "over", "s", "t")

    def __init__(self, tables: Tables, i: Any, d: Any, b: list[int], e: Environment) -> None:
        self.t = tables
        self.i = i
        self.d = d
        self.s: list[Any] = [EMPTY] * tables.slots
        self.m: list[Any] = [EMPTY] * tables.memos
        self.b = b
        self.e = e
        self.over: tuple[Data, ...] = ()
        self.mocks: dict[str, Any] = {}

    def derive(self) -> Context:
        """A context with the same world and nothing computed yet."""
        c = Context(self.t, self.i, self.d, self.b, self.e)
        c.over = self.over
        c.mocks = self.mocks
        return c

    def charge_text(self, length: int) -> None:
        """Takes what a text of this length costs; raises EvalError when it is too long for any budget."""
        if length > MAX_TEXT:
            raise EvalError("eval_builtin_error", f"a text would have {length} characters, {MAX_TEXT} are the limit")
        self.charge(length // 8)

    def charge(self, steps: int) -> None:
        """Takes steps from the budget; raises EvalError when it is spent."""
        self.b[0] -= steps
        if self.b[0] < 0:
            spent()


def big(c: Context, text: str) -> None:
    """Charges for a long text that was put together in place."""
    c.charge_text(len(text))


class Tables:
    """What a loaded program shares between evaluations: sizes, the tree of rules, functions by name, the locations
    of rules.
    """

    __slots__ = ("functions", "leaves", "lists", "memos", "slots", "tree")

    def __init__(self) -> None:
        self.slots = 0
        self.memos = 0
        self.tree: dict[Any, Any] = {}
        self.leaves: dict[tuple[str, ...], Callable[..., Any]] = {}
        self.functions: dict[str, Callable[..., Any]] = {}
        self.lists: dict[tuple[str, ...], Callable[..., Any]] = {}

    def add_rule(self, path: tuple[str, ...], fn: Callable[..., Any] | None) -> None:
        """Puts a rule into the tree; None for functions, which leave an empty object where they are."""
        node = self.tree
        for p in path[:-1]:
            node = node.setdefault(p, {})
            if not isinstance(node, dict):
                return
        if fn is None:
            return
        node[path[-1]] = fn
        self.leaves[path] = fn

    def add_package(self, path: tuple[str, ...]) -> None:
        """A package is an object even where it has no rules."""
        node = self.tree
        for p in path:
            node = node.setdefault(p, {})
            if not isinstance(node, dict):
                return


def spent() -> None:
    """The budget is used up."""
    raise EvalError("eval_cancel_error", "the evaluation took more steps than its budget allows")


# -- looking up
def path_of(b: Any, path: Sequence[Any]) -> Any:
    """b[path[0]][path[1]]..., or UNDEFINED."""
    for k in path:
        b = b.get(k, U) if b.__class__ is dict else get(b, k)
        if b is U:
            return U
    return b


def part_of(c: Context, root: Any, slot: int, path: Sequence[Any], key: Any) -> Any:
    """The value at a key of what a slot holds; the slot is filled on the way."""
    b = c.s[slot]
    if b is EMPTY:
        b = c.s[slot] = path_of(root, path)
    return b.get(key, U) if b.__class__ is dict else get(b, key)


def base_path(b: Any, path: Sequence[Any]) -> Any:
    """path_of for base data, where an object's keys are texts: a number finds the key that spells it."""
    for k in path:
        b = b.get(str(k) if k.__class__ is int else k, U) if b.__class__ is dict else get(b, k)
        if b is U:
            return U
    return b


class Document(Mapping[Any, Any]):
    """A part of `data` that holds rules, seen as an object: base data under, rules over it, evaluated when read."""

    __slots__ = ("_base", "_c", "_node", "_path")

    def __init__(self, c: Context, node: dict[Any, Any], base: Any, path: Data) -> None:
        self._c = c
        self._node = node
        self._base = base
        self._path = path

    def _child(self, key: Any) -> Any:
        """The value at a key as it is kept (frozen), or UNDEFINED."""
        c = self._c
        path = (*self._path, key)
        base = self._base.get(key, U) if is_object(self._base) else U
        if c.over and path in c.over:
            return base
        node = self._node.get(key, U)
        if node is U:
            return base
        if isinstance(node, dict):
            return Document(c, node, base, path)
        value = node(c)
        return base if value is U else value

    def get(self, key: Any, default: Any = None) -> Any:
        value = self._child(key if key.__class__ is str else freeze(key))
        return default if value is U else value

    def __getitem__(self, key: Any) -> Any:
        node = self._node.get(key, U)
        if node is not U and not isinstance(node, dict) and is_object(self._base) and key in self._base:
            return self._base[key]  # a whole document: base data wins over a rule at the same place
        value = self._child(key)
        if value is U:
            raise KeyError(key)
        return value

    def _keys(self) -> list[Any]:
        keys = list(self._node)
        if is_object(self._base):
            keys += [k for k in self._base if k not in self._node]
        return keys

    def __iter__(self) -> Iterator[Any]:
        return iter([k for k in self._keys() if self._child(k) is not U])

    def __len__(self) -> int:
        return len(list(iter(self)))


def document(c: Context, path: Data) -> Any:
    """The document at a path of `data` below which there are rules."""
    node: Any = c.t.tree
    base: Any = c.d
    for i, p in enumerate(path):
        base = base.get(p, U) if is_object(base) else U
        if c.over and path[: i + 1] in c.over:
            return path_of(base, path[i + 1 :])
        node = node.get(p, U) if isinstance(node, dict) else U
    if not isinstance(node, dict):
        return base
    return Document(c, node, base, path)


# -- with
def with_(c: Context, changes: Sequence[tuple[Data, Any]]) -> Context:
    """The context in which an expression is evaluated under `with target as value`."""
    out = c.derive()
    mocks: dict[str, Any] = {}
    for target, value in changes:
        if target[0] == "input":
            out.i = replaced(out.i, target[1:], value)
        elif target[0] == "data" and not isinstance(value, Mock):
            out.d = replaced(out.d, target[1:], value)
            out.over = (*out.over, target[1:])
        else:
            mocks[".".join(target)] = value
    if mocks:
        out.mocks = {**c.mocks, **mocks}
    return out


def replaced(base: Any, path: Sequence[Any], value: Any) -> Any:
    """A copy of base with the value at the path; what is in the way and no object is replaced."""
    if not path:
        return value
    out: dict[Any, Any] = {**base} if is_object(base) else {}
    key = freeze(path[0])
    out[key] = replaced(out.get(key, U), path[1:], value)
    return out


class Mock:
    """What stands in for a function: another function by name, or a value."""

    __slots__ = ("name", "value")

    def __init__(self, name: str | None, value: Any = None) -> None:
        self.name = name
        self.value = value


def mocked(c: Context, name: str, fn: Callable[..., Any], rule: bool, args: tuple[Any, ...]) -> Any:
    """Calls a function that some `with` of the program replaces; inside the replacement the original is back."""
    mock = c.mocks.get(name)
    if mock is None:
        return fn(c, *args) if rule else fn(*args)
    if mock.name is None:
        return mock.value
    inner = c.derive()
    inner.mocks = {k: v for k, v in c.mocks.items() if k != name}
    target = c.t.functions[mock.name]
    return target(inner, *args)


def overridden(c: Context, path: Data) -> Any:
    """The value that a `with` put over a rule or over what contains it; EMPTY where none did, or only below it."""
    for o in c.over:
        if path[: len(o)] == o:
            return path_of(c.d, path)
    return EMPTY


def below(c: Context, path: Data, value: Any) -> Any:
    """A rule's value with what `with` put at paths below it."""
    for o in c.over:
        if len(o) > len(path) and o[: len(path)] == path:
            value = replaced(plain(value) if value is not U else {}, o[len(path) :], path_of(c.d, o))
    return value


# -- results of rules
def conflict(kind: str, file: str, row: int) -> None:
    """Two answers where one is allowed."""
    raise EvalError("eval_conflict_error", kind, Location(file, row, 1))


UNIQUE_KEYS = "object keys must be unique"


def put(r: dict[Any, Any], keys: Sequence[Any], value: Any, file: str, row: int) -> None:
    """r[keys[0]][keys[1]]... = value, for rules whose head is a longer reference."""
    for k in keys[:-1]:
        inner = r.get(k, U)
        if inner is U:
            inner = r[k] = {}
        elif not isinstance(inner, dict):
            conflict(UNIQUE_KEYS, file, row)
        r = inner
    last = keys[-1]
    old = r.get(last, U)
    if old is U:
        r[last] = value
    elif not equal(old, value):
        conflict(UNIQUE_KEYS, file, row)


def put_member(r: dict[Any, Any], keys: Sequence[Any], member: Any, file: str, row: int) -> None:
    """Adds to the set at r[keys[0]]..."""
    for k in keys[:-1]:
        inner = r.get(k, U)
        if inner is U:
            inner = r[k] = {}
        elif not isinstance(inner, dict):
            conflict(UNIQUE_KEYS, file, row)
        r = inner
    old = r.get(keys[-1], U)
    if old is U:
        r[keys[-1]] = {member}
    elif isinstance(old, set):
        old.add(member)
    else:
        conflict(UNIQUE_KEYS, file, row)


def put_set(r: dict[Any, Any], keys: Sequence[Any]) -> None:
    """A multi-value rule with a constant head is an empty set where nothing holds."""
    for k in keys[:-1]:
        inner = r.setdefault(k, {})
        if not isinstance(inner, dict):
            return
        r = inner
    r.setdefault(keys[-1], set())


def default_at(r: dict[Any, Any], keys: Sequence[Any], value: Any) -> None:
    """A default below a rule: only where nothing else is."""
    for k in keys[:-1]:
        inner = r.setdefault(k, {})
        if not isinstance(inner, dict):
            return
        r = inner
    r.setdefault(keys[-1], value)


def key_value(r: dict[Any, Any], key: Any, value: Any, file: str, row: int) -> None:
    """r[key] = value where the key is there already: the values must agree."""
    if not equal(r[key], value):
        conflict(UNIQUE_KEYS, file, row)


def write_print(c: Context, file: str, row: int, parts: Sequence[Sequence[Any]]) -> None:
    """print(): one line for every combination of the values of its operands, an operand without value as
    <undefined>.
    """
    if c.e.prints is None:
        return
    lines: list[list[str]] = [[]]
    for values in parts:
        shown = [v if isinstance(v, str) else text_of(v) for v in values] or ["<undefined>"]
        lines = [[*line, t] for line in lines for t in shown]
        c.charge(len(lines))
    c.e.prints += [(file, row, " ".join(line)) for line in lines]


__all__ = ["EMPTY", "Context", "Document", "Environment", "Mock", "Tables", "document", "thaw", "to_json"]
