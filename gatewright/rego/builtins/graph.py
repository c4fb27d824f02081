"""Builtins of graphs: graph.reachable and graph.reachable_paths. A graph is an object: node -> array or set of
neighbours.
"""

from __future__ import annotations

from typing import Any

from gatewright.rego.builtins.registry import builtin
from gatewright.rego.values import SETS, freeze, make_set, sorted_members, thaw


def _nodes(x: Any) -> list[Any]:
    if isinstance(x, list):
        return list(x)
    return sorted_members(x) if isinstance(x, SETS) else []


@builtin("graph.reachable", "object", "array|set", result="set", context=True)
def reachable(c: Any, graph: Any, initial: Any) -> Any:
    """Every node of the graph that can be reached from the initial ones, these included."""
    todo = [freeze(n) for n in _nodes(initial)]
    seen: set[Any] = set()
    while todo:
        n = todo.pop()
        if n in seen or n not in graph:
            continue
        c.charge(1)
        seen.add(n)
        todo += [freeze(m) for m in _nodes(graph[n])]
    return frozenset(seen)


@builtin("graph.reachable_paths", "object", "array|set", result="set", context=True)
def reachable_paths(c: Any, graph: Any, initial: Any) -> Any:
    """The longest paths from the initial nodes that visit no node twice."""
    out: list[list[Any]] = []
    todo: list[tuple[Any, list[Any]]] = [(freeze(n), []) for n in _nodes(initial)]
    while todo:
        n, path = todo.pop()
        if n not in graph:
            continue
        c.charge(32 + 4 * len(path) + 8 * len(_nodes(graph[n])))
        following = [*path, thaw(n)]
        frozen = {freeze(x) for x in following}
        neighbours = [freeze(m) for m in _nodes(graph[n])]
        known = [m for m in neighbours if m in graph]
        if not neighbours or not known or all(m in frozen for m in known):
            out.append(following)
        else:
            todo += [(m, following) for m in known if m not in frozen]
            if any(m in frozen for m in known):
                out.append(following)
    return make_set(out)
