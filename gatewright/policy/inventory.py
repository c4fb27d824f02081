"""data.inventory: the synced objects as policies read them, in one consistent version per review.

Kept in the policy snapshot, filled by `control.sync` and by gator. A persistent value: a new version shares
everything but the path to what changed, so a review keeps reading the version it began with. Objects are held as
their JSON bytes and decoded when a policy first reads them; the decoded form is remembered with the bytes (a cache of
a pure function).

Layout (Gatekeeper behaviour, 5.6): cluster[groupVersion][kind][name] and
namespace[namespace][groupVersion][kind][name].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from rpds import HashTrieMap

from gatewright.core.errors import PolicyError
from gatewright.core.objects import Object, metadata, split_api_version

Path = tuple[str, ...]


class InventoryError(PolicyError):
    """An object that can't be put into the inventory."""


class Entry:
    """One object: its bytes, or the object itself, decoded at most once."""

    __slots__ = ("_bytes", "_object")

    def __init__(self, thing: bytes | Object) -> None:
        self._bytes = thing if isinstance(thing, bytes) else None
        self._object: Any = None if isinstance(thing, bytes) else thing

    @property
    def object(self) -> Any:
        if self._object is None and self._bytes is not None:
            self._object = msgspec.json.decode(self._bytes)
        return self._object

    def __reduce__(self) -> tuple[Any, ...]:
        return (Entry, (self._bytes if self._bytes is not None else self._object,))


class View(Mapping[str, Any]):
    """An upper level of the inventory, read as an object by policies: keys in order, what is below made when read."""

    __slots__ = ("_children", "_keys")

    def __init__(self, children: HashTrieMap[str, Level]) -> None:
        self._children = children
        self._keys: tuple[str, ...] | None = None

    def __getitem__(self, key: str) -> Any:
        return self._children[key].view()

    def get(self, key: Any, default: Any = None) -> Any:
        child = self._children.get(key)
        return default if child is None else child.view()

    def __iter__(self) -> Iterator[str]:
        if self._keys is None:
            self._keys = tuple(sorted(self._children))
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._children)

    def __contains__(self, key: object) -> bool:
        return key in self._children


class Level:
    """A node of the tree: a persistent map, and how policies see it, once one looked.

    The lowest level, the objects of one kind in one namespace, is seen as a dict: policies loop over it, and a change
    of one object makes only this dict anew.
    """

    __slots__ = ("_view", "children")

    def __init__(self, children: HashTrieMap[str, Any]) -> None:
        self.children = children
        self._view: Mapping[str, Any] | None = None

    def view(self) -> Mapping[str, Any]:
        if self._view is None:
            children = self.children
            some = next(iter(children.values()), None)
            lowest = some.__class__ is Entry
            self._view = {name: children[name].object for name in sorted(children)} if lowest else View(children)
        return self._view


_EMPTY = Level(HashTrieMap())


class Inventory:
    """A version of the inventory. Compare by identity; `size` counts objects."""

    __slots__ = ("_root", "size")

    def __init__(self, root: Level = _EMPTY, size: int = 0) -> None:
        self._root = root
        self.size = size

    def with_object(self, path: Path, thing: bytes | Object | None) -> Inventory:
        """The inventory with the object at a path (see `path_of`), or without it (None)."""
        root, change = _put(self._root, path, None if thing is None else Entry(thing))
        return self if root is self._root and not change else Inventory(root, self.size + change)

    def with_objects(self, objects: Iterable[tuple[Path, bytes | Object | None]]) -> Inventory:
        """As `with_object`, for many."""
        out = self
        for path, thing in objects:
            out = out.with_object(path, thing)
        return out

    def find(self, path: Path) -> Any:
        """The decoded object at a path, or None."""
        level: Any = self._root
        for part in path:
            level = level.children.get(part) if isinstance(level, Level) else None
            if level is None:
                return None
        return level.object if isinstance(level, Entry) else None

    @property
    def document(self) -> Mapping[str, Any]:
        """What policies read as data.inventory. Empty levels are absent."""
        return self._root.view()


def _put(level: Level, path: Path, entry: Entry | None) -> tuple[Level, int]:
    """The level with an entry put at a path, or taken away; and by how much the number of objects changed."""
    key = path[0]
    held = level.children.get(key)
    if len(path) == 1:
        if entry is None:
            return (level, 0) if held is None else (Level(level.children.remove(key)), -1)
        return Level(level.children.insert(key, entry)), 0 if held is not None else 1
    if held is None and entry is None:
        return level, 0
    inner, change = _put(held if isinstance(held, Level) else _EMPTY, path[1:], entry)
    if inner is held:
        return level, 0
    if not inner.children:
        return Level(level.children.remove(key)), change
    return Level(level.children.insert(key, inner)), change


def path(group: str, version: str, kind: str, namespace: str, name: str) -> Path:
    """Where an object stands in the inventory; namespace "" for cluster-scoped objects."""
    group_version = f"{group}/{version}" if group else version
    if namespace:
        return ("namespace", namespace, group_version, kind, name)
    return ("cluster", group_version, kind, name)


def path_of(thing: Object) -> Path:
    """Where an object stands in the inventory. Raises InventoryError for one without version or kind."""
    group, version = split_api_version(str(thing.get("apiVersion") or ""))
    kind = str(thing.get("kind") or "")
    meta = metadata(thing)
    name = str(meta.get("name") or "")
    if not version:
        raise InventoryError(f"invalid request object: resource {name} has no version")
    if not kind:
        raise InventoryError(f"invalid request object: resource {name} has no kind")
    return path(group, version, kind, str(meta.get("namespace") or ""), name)
