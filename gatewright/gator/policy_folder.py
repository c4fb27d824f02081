"""What `up` applies from the files and folders that it is given (policies/README.md states the rule for users).

From a folder come only the kinds that make policies, and nothing from folders named `samples`: suites and sample
objects may stand beside the policies that they test. A file that is named is taken whole. Templates come first, then
what configures, then constraints, then all else, each in the order of its file names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from gatewright.core.documents import Document, objects_of, read_documents, read_objects
from gatewright.core.objects import Object, split_api_version
from gatewright.gator.sources import EXTENSIONS, SourceError
from gatewright.kinds.resources import CONFIG_GROUP, CONSTRAINTS_GROUP, SYNCSET_GROUP, TEMPLATES_GROUP

SAMPLES = "samples"
_CONFIGURING = frozenset({(CONFIG_GROUP, "Config"), (SYNCSET_GROUP, "SyncSet")})


def read_policies(arguments: Iterable[str]) -> tuple[Document, ...]:
    """The objects to apply, in order. Raises SourceError and DocumentError, naming file and line."""
    found: list[Document] = []
    for argument in arguments:
        if os.path.isdir(argument):
            for path in _files(argument):
                found += _policies_in(path)
        else:
            found += read_objects(_content(argument), argument)
    return tuple(sorted(found, key=lambda document: _rank(document.value)))


def is_policy(thing: Object) -> bool:
    """Whether an object in a folder of policies is meant to be applied."""
    return _rank(thing) < _OTHERS


_OTHERS = 3


def _rank(thing: Object) -> int:
    group, _ = split_api_version(str(thing.get("apiVersion") or ""))
    if group == TEMPLATES_GROUP and thing.get("kind") == "ConstraintTemplate":
        return 0
    if (group, thing.get("kind")) in _CONFIGURING:
        return 1
    return 2 if group == CONSTRAINTS_GROUP else _OTHERS


def _files(folder: str) -> Iterator[str]:
    for below, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != SAMPLES)
        yield from (os.path.join(below, name) for name in sorted(names) if os.path.splitext(name)[1] in EXTENSIONS)


def _policies_in(path: str) -> Iterator[Document]:
    """Strict about policies alone: other documents of the file are passed over, whatever they lack."""
    for document in read_documents(_content(path), path):
        thing = document.value
        if isinstance(thing, dict) and (is_policy(thing) or thing.get("kind") == "List"):
            yield from (found for found in objects_of(document) if is_policy(found.value))


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise SourceError(f"{path}: {(error.strerror or str(error)).lower()}", mend="name a file or a folder") from None
