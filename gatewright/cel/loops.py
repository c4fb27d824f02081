"""Loops of the exact evaluator: what each macro does and costs.

`planner` hands over the planned parts of a comprehension. The costs are those of the general form that cel-go runs:
reading the accumulator 1, appending to a list 11, and so on; they are added up here per turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewright.cel.errors import AbortError, EvalError
from gatewright.cel.operators import find, no_overload
from gatewright.cel.planning import Frame, Planned, Run, truth
from gatewright.cel.values import plain_key, put

_GO_NAMES = {
    "int": "types.Int",
    "uint": "types.Uint",
    "float": "types.Double",
    "Uint": "types.Uint",
    "str": "types.String",
    "bytes": "types.Bytes",
    "bool": "types.Bool",
    "NoneType": "types.Null",
    "Duration": "types.Duration",
    "Timestamp": "types.Timestamp",
    "Optional": "*types.Optional",
    "Type": "*types.Type",
}


def _turns(frame: Frame, value: Any, first: int, second: int) -> Iterator[None]:
    """Set the loop's names for each turn. Raises EvalError for what has no elements."""
    slots = frame.slots
    if second < 0:
        if type(value) is not list and type(value) is not dict:
            name = _GO_NAMES.get(type(value).__name__, type(value).__name__)
            raise EvalError(f"got '{name}', expected iterable type")
        for slots[first] in value if type(value) is list else list(map(plain_key, value)):
            frame.check()
            yield
        return
    if type(value) is dict:
        pairs: Any = [(plain_key(key), one) for key, one in value.items()]
    elif type(value) is list:
        pairs = enumerate(value)
    else:
        name = _GO_NAMES.get(type(value).__name__, type(value).__name__)
        raise EvalError(f"unsupported comprehension range type: {name}")
    for slots[first], slots[second] in pairs:
        frame.check()
        yield


def quantifier(ranged: Run, slots: tuple[int, int], predicate: Run, decided: bool) -> Planned:
    """all (decided by False) and exists (decided by True)."""
    condition = 3 if decided else 2  # exists also negates the accumulator
    other = not decided

    def run(frame: Frame) -> Any:
        error: EvalError | None = None
        result = other
        for _ in _turns(frame, ranged(frame), *slots):
            frame.cost += condition
            if result is decided:
                break
            frame.cost += 1
            try:
                value = predicate(frame)
            except AbortError:
                raise
            except EvalError as raised:
                error = error or raised
                continue
            if value is decided:
                result = decided
            elif value is not other:
                error = error or no_overload()
        frame.cost += 1
        if result is not decided and error is not None:
            raise error
        return result

    return Planned(run)


def exists_one(ranged: Run, slots: tuple[int, int], predicate: Run) -> Planned:
    """exists_one: an error is never absorbed; the last error of the predicate is reported."""

    def run(frame: Frame) -> Any:
        count = 0
        error: EvalError | None = None
        for _ in _turns(frame, ranged(frame), *slots):
            try:
                if truth(predicate(frame)):
                    frame.cost += 2
                    count += 1
            except AbortError:
                raise
            except EvalError as raised:
                error = raised
        frame.cost += 2
        if error is not None:
            raise error
        return count == 1

    return Planned(run)


def listing(ranged: Run, slots: tuple[int, int], predicate: Run | None, transform: Planned) -> Planned:
    """map, filter and transformList."""
    step = 2 if transform.constant else 12
    made = transform.run

    def run(frame: Frame) -> Any:
        results: list[Any] = []
        error: EvalError | None = None
        for _ in _turns(frame, ranged(frame), *slots):
            try:
                if predicate is not None and not truth(predicate(frame)):
                    continue
            except AbortError:
                raise
            except EvalError as raised:
                error = raised
                continue
            frame.cost += step
            try:
                results.append(made(frame))
            except AbortError:
                raise
            except EvalError as raised:
                error = error or raised
        frame.cost += 1
        if error is not None:
            raise error
        return results

    return Planned(run)


def mapping(ranged: Run, slots: tuple[int, int], predicate: Run | None, transform: Run, entries: bool) -> Planned:
    """transformMap, and transformMapEntry where the transform gives entries."""
    step = 2 if entries else 3

    def run(frame: Frame) -> Any:
        results: dict[Any, Any] = {}
        error: EvalError | None = None
        for _ in _turns(frame, ranged(frame), *slots):
            try:
                if predicate is not None and not truth(predicate(frame)):
                    continue
            except AbortError:
                raise
            except EvalError as raised:
                error = raised
                continue
            frame.cost += step
            key = frame.slots[slots[0]]
            try:
                value = transform(frame)
                if error is None:
                    _insert(results, value if entries else {key: value})
            except AbortError:
                raise
            except EvalError as raised:
                error = error or raised
        frame.cost += 1
        if error is not None:
            raise error
        return results

    return Planned(run)


def _insert(results: dict[Any, Any], entries: Any) -> None:
    if type(entries) is not dict:
        raise no_overload("cel.@mapInsert")
    for raw, value in entries.items():
        key = plain_key(raw)
        if find(results, key)[0]:
            shown = str(key).lower() if type(key) is bool else key
            raise EvalError(f"insert failed: key {shown} already exists")
        put(results, key, value)


class Lazy:
    """A bound value that is computed when it is first read."""

    __slots__ = ("error", "run", "value")

    def __init__(self, run: Run) -> None:
        self.run: Run | None = run
        self.value: Any = None
        self.error: EvalError | None = None

    def get(self, frame: Frame) -> Any:
        """The value. Raises the EvalError of its first reading again."""
        if self.run is not None:
            run, self.run = self.run, None
            try:
                self.value = run(frame)
            except AbortError:
                raise
            except EvalError as raised:
                self.error = raised
        if self.error is not None:
            raise self.error
        return self.value


def binding(slot: int, value: Run, body: Run) -> Planned:
    """A name bound to a value while the body runs."""

    def run(frame: Frame) -> Any:
        frame.slots[slot] = Lazy(value)
        return body(frame)

    return Planned(run)
