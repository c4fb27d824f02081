"""The informers of a process as one value: which resources are watched, why, and what their caches hold.

Called by `views` (reading) and `informing` (changing). An informer is kept while a controller's static watch, a plan's
watch or a mirror wants it. One that only a mirror wants is not readable: plans don't see it, because its cache may hold
thousands of objects that concern no plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rpds import HashTrieMap

from gatewright.control.intents import Mirror
from gatewright.core.objects import Name, Object, Resource
from gatewright.kube.informer_events import Target
from gatewright.kube.items import ordinal
from gatewright.kube.listwatch import ListWatch
from gatewright.reconcile.caches import Cache, Label, decode


@dataclass(frozen=True, slots=True)
class Informer:
    """channel: the request or stream under way, 0 for none; alarm: the time its next timer is set to, 0.0 for none.
    users: how many controllers and plans want it; mirrored: whether mirrors do. tried: the first list was answered, in
    whatever way."""

    machine: ListWatch
    cache: Cache = Cache()  # noqa: RUF009 (immutable)
    channel: int = 0
    alarm: float = 0.0
    users: int = 0
    mirrored: bool = False
    tried: bool = False

    @property
    def readable(self) -> bool:
        return self.users > 0


@dataclass(frozen=True, slots=True)
class Informers:
    by_target: HashTrieMap[Target, Informer] = HashTrieMap()  # noqa: RUF009 (immutable)
    by_resource: HashTrieMap[Resource, tuple[Target, ...]] = HashTrieMap()  # noqa: RUF009 (those that plans read)
    targets: HashTrieMap[Resource, tuple[Target, ...]] = HashTrieMap()  # noqa: RUF009 (all of them)
    mirrors: HashTrieMap[Resource, tuple[tuple[Mirror, int], ...]] = HashTrieMap()  # noqa: RUF009 (with their users)

    def put(self, informer: Informer) -> Informers:
        target = informer.machine.target
        before = self.by_target.get(target)
        targets = self.targets
        if before is None:
            targets = targets.insert(target.resource, (*(targets.get(target.resource) or ()), target))
        changed = replace(self, by_target=self.by_target.insert(target, informer), targets=targets)
        if informer.readable == (before is not None and before.readable):
            return changed
        return changed._indexed(target.resource)

    def drop(self, target: Target) -> Informers:
        resource = target.resource
        left = tuple(one for one in self.targets[resource] if one != target)
        targets = self.targets.insert(resource, left) if left else self.targets.remove(resource)
        return replace(self, by_target=self.by_target.remove(target), targets=targets)._indexed(resource)

    def _indexed(self, resource: Resource) -> Informers:
        """With the readable targets of a resource: the unrestricted one alone, or else all restricted ones."""
        found = [one for one in sorted(self.targets.get(resource) or ()) if self.by_target[one].readable]
        whole = Target(resource)
        targets = (whole,) if whole in found else tuple(found)
        by_resource = self.by_resource
        by_resource = by_resource.insert(resource, targets) if targets else by_resource.discard(resource)
        return replace(self, by_resource=by_resource)

    def mirrors_of(self, resource: Resource) -> tuple[Mirror, ...]:
        return tuple(mirror for mirror, _ in self.mirrors.get(resource) or ())

    def mirror_synced(self, resource: Resource) -> bool:
        informer = self.by_target.get(Target(resource))
        return informer is not None and informer.cache.synced

    def of(self, resource: Resource) -> tuple[Informer, ...]:
        """The readable informers of a resource: the unrestricted one alone, or else all restricted ones."""
        return tuple(self.by_target[target] for target in self.by_resource.get(resource) or ())

    def covering(self, resource: Resource, name: Name) -> Iterator[Informer]:
        """The readable informers that would surely show an object of this name, or do."""
        for informer in self.of(resource):
            target = informer.machine.target
            if target.namespace and target.namespace != name.namespace:
                continue
            plain = not target.label_selector and target.field_selector in ("", f"metadata.name={name.name}")
            if plain or informer.cache.get(name) is not None:
                yield informer

    # --- reading

    def synced(self, resource: Resource) -> bool:
        found = self.of(resource)
        return bool(found) and all(informer.cache.synced for informer in found)

    def version(self, resource: Resource) -> int:
        """The newest resourceVersion that all readable caches of the resource have seen; 0 before the first list."""
        return min((ordinal(informer.machine.seen) or 0 for informer in self.of(resource)), default=0)

    def get(self, resource: Resource, name: Name) -> Object | None:
        for informer in self.of(resource):
            item = informer.cache.get(name)
            if item is not None:
                return decode(item.raw)
        return None

    def has(self, resource: Resource, name: Name) -> bool:
        return any(informer.cache.get(name) is not None for informer in self.of(resource))

    def has_any(self, resource: Resource, label: Label) -> bool:
        return any(informer.cache.has(label) for informer in self.of(resource))

    def list(self, resource: Resource, label: Label | None) -> tuple[Object, ...]:
        found = self.of(resource)
        if len(found) == 1:
            return tuple(decode(item.raw) for item in found[0].cache.find(label))
        items = {item.name: item for informer in found for item in informer.cache.find(label)}
        return tuple(decode(items[name].raw) for name in sorted(items))
