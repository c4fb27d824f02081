"""What YAML nodes and JSON's parts mean in Go: scalars by dialect, merge keys, keys that are no text, duplicates.

Used by `documents`, which reads files. Nodes come from PyYAML's composer with a tag that says no more than whether a
scalar was written plain; everything else is decided here.

Dialects (rules observed on Gatekeeper, behaviour 12 and quirks "gator"):
    YAML_1_1  sigs.k8s.io/yaml, as kubectl and `gator test` read objects: yes/no/on/off/y/n are booleans,
              timestamps stay text
    YAML_1_2  gopkg.in/yaml.v3, as `gator verify` reads suites and samples: only true/false are booleans,
              timestamps become RFC 3339 text
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from enum import Enum
from typing import Any

import yaml

from gatewright.core.errors import UserError

MAX_DEPTH = 300  # of nesting; deeper documents are refused
MAX_ALIASED = 1_000_000  # nodes that aliases may stand for in one document, against documents that explode

# Tags of nodes: PLAIN for a scalar without quotes or tag, TEXT for a quoted one.
PLAIN, TEXT, SEQUENCE, MAPPING = "plain", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"
_STANDARD = "tag:yaml.org,2002:"

_INT64 = range(-(2**63), 2**63)
_UINT64_END = 2**64
_INTEGER_FLOAT_END = 1e21  # below it Go writes an integral float64 without exponent: it is read back as an integer


class Dialect(Enum):
    """Which of Go's YAML libraries to agree with."""

    YAML_1_1 = "sigs.k8s.io/yaml"
    YAML_1_2 = "gopkg.in/yaml.v3"


class DocumentError(UserError):
    """A file that can't be read as documents.

    line: from 1; 0 where there is none. go: the text of Go's YAML library, where it has one; `gator` shows it.
    """

    def __init__(self, problem: str, *, file: str = "", line: int = 0, mend: str = "", go: str = "") -> None:
        self.problem, self.file, self.line, self.go = problem, file, line, go
        super().__init__(f"{place(file, line)}{problem}", mend=mend)


def place(file: str, line: int) -> str:
    """The prefix of a message about a place: 'pods.yaml:12: ', 'pods.yaml: ', 'line 12: ' or ''."""
    if file and line:
        return f"{file}:{line}: "
    if file:
        return f"{file}: "
    return f"line {line}: " if line else ""


def too_deep(file: str, line: int) -> DocumentError:
    return DocumentError(f"nested more than {MAX_DEPTH} deep", file=file, line=line, mend="flatten the document")


_BOTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_YAML_1_1_ONLY = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_NULLS: dict[str, None] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z")
_NOT_A_NUMBER = frozenset((".nan", ".NaN", ".NAN"))
_TIMESTAMP = re.compile(
    r"(?P<y>[0-9]{4})-(?P<mo>[0-9]{1,2})-(?P<d>[0-9]{1,2})"
    r"(?:(?P<sep>[Tt]|[ ])(?P<h>[0-9]{1,2}):(?P<mi>[0-9]{1,2}):(?P<s>[0-9]{1,2})(?:\.(?P<f>[0-9]{1,9}))?"
    r"(?P<z>Z|[-+][0-9]{2}:[0-9]{2})?)?\Z"
)


class Converter:
    """From nodes, or from JSON's parts, to JSON values, by the rules of one read."""

    def __init__(self, file: str, dialect: Dialect, unique_keys: bool, float64: bool) -> None:
        self.file = file
        self.unique_keys = unique_keys
        self._float64 = float64
        self._timestamps = dialect is Dialect.YAML_1_2
        self._words: dict[str, bool | None] = {**_BOTH, **_NULLS}
        if dialect is Dialect.YAML_1_1:
            self._words.update(_YAML_1_1_ONLY)
        self.line = 0  # of the JSON document being read
        self.begin()

    def begin(self) -> None:
        """A new document: its aliases are its own."""
        self._done: dict[int, tuple[Any, int]] = {}  # id of a collection node -> its value and size
        self._open: set[int] = set()
        self._size = 0
        self._aliased = 0

    # --- numbers

    def integer(self, digits: str) -> int | float:
        """A JSON integer as Go decodes it."""
        return self._whole(int(digits))

    def decimal(self, digits: str) -> int | float:
        """A JSON number with a fraction or an exponent."""
        value = float(digits)
        if math.isinf(value):
            raise DocumentError(
                f"{digits} is beyond a float64", file=self.file, line=self.line, mend="quote it if it is meant as text"
            )
        return self.number(value)

    def _whole(self, value: int) -> int | float:
        if self._float64 or value not in _INT64:
            return self.decimal(str(value)) if abs(value) >= _UINT64_END else self.number(float(value))
        return value

    def number(self, value: float) -> int | float:
        """A float64 after a way through JSON: 1.0 is written 1 and read back as an integer."""
        if value.is_integer() and abs(value) < _INTEGER_FLOAT_END:
            whole = int(value)
            return whole if self._float64 or whole in _INT64 else value
        return value

    # --- mappings

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """A JSON object; keys must be unique."""
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise self._twice(twice, self.line, 0)
        return found

    def _twice(self, key: str, line: int, first: int) -> DocumentError:
        since = f", first in line {first}" if first else " in one object"
        problem = f"key {json.dumps(key)} stands twice{since}"
        go = f"yaml: unmarshal errors:\n  line {line}: mapping key {json.dumps(key)} already defined at line {first}"
        return DocumentError(problem, file=self.file, line=line, mend="keep one of the two", go=go if first else "")

    # --- nodes

    def value(self, node: Any, depth: int) -> Any:
        if isinstance(node, yaml.ScalarNode):
            self._size += 1
            return self._scalar(node)
        if depth >= MAX_DEPTH:
            raise too_deep(self.file, node.start_mark.line + 1)
        key = id(node)
        if key in self._done:
            found, size = self._done[key]
            self._aliased += size
            if self._aliased > MAX_ALIASED:
                raise self._error(node, "aliases stand for too much", "write the document without nested aliases")
            self._size += size
            return found
        if key in self._open:
            raise self._error(node, "an anchor contains itself", "remove the alias")
        self._open.add(key)
        before = self._size
        self._size += 1
        if isinstance(node, yaml.MappingNode):
            result: Any = self._mapping(node, depth)
        else:
            result = [self.value(item, depth + 1) for item in node.value]
        self._open.discard(key)
        self._done[key] = (result, self._size - before)
        return result

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merges: list[Any] = []
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag == PLAIN and key_node.value == "<<":
                merges.append(value_node)
                continue
            name = self._key(key_node)
            line = key_node.start_mark.line + 1
            if self.unique_keys and name in lines:
                raise self._twice(name, line, lines[name])
            lines[name] = line
            result[name] = self.value(value_node, depth + 1)
        for merge in merges:
            for source in merge.value if isinstance(merge, yaml.SequenceNode) else (merge,):
                merged = self.value(source, depth + 1) if isinstance(source, yaml.MappingNode) else None
                if merged is None:
                    raise self._error(merge, "`<<` needs a mapping or a list of mappings", "give it an alias of one")
                for name, value in merged.items():
                    result.setdefault(name, value)
        return result

    def _key(self, node: Any) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, "a key must be a scalar", "JSON has only text as keys")
        value = self._scalar(node)
        if isinstance(value, str):
            return value
        if value is None:
            raise self._error(node, "a key can't be null", "quote it if it is meant as text")
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def _scalar(self, node: Any) -> Any:
        tag, text = node.tag, node.value
        if tag == PLAIN:
            return self._plain(node, text)
        if tag == TEXT or not tag.startswith(_STANDARD):
            return text
        return self._tagged(node, tag.removeprefix(_STANDARD), text)

    def _tagged(self, node: Any, kind: str, text: str) -> Any:
        if kind == "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                raise self._error(node, "!!binary is not base64 of UTF-8 text", "encode it anew") from None
        if kind == "timestamp":
            return text
        value = self._plain(node, text)
        if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
            return value
        fits = {"int": int, "bool": bool, "null": type(None)}.get(kind)
        if fits is None or type(value) is not fits:
            raise self._error(node, f"{json.dumps(text)} is no !!{kind}", "remove the tag or mend the value")
        return value

    def _plain(self, node: Any, text: str) -> Any:
        if text in self._words:
            return self._words[text]
        first = text[0]
        if first in "0123456789+-":
            stamp = _timestamp(text) if self._timestamps else None
            if stamp is not None:
                return stamp
            digits = text.replace("_", "")
            if _INTEGER.match(digits):
                whole = _integer(digits)
                if -(2**63) <= whole < _UINT64_END:
                    return self._whole(whole)
            if _FLOAT.match(digits):
                return self._finite(node, digits)
        elif first == "." and _FLOAT.match(text):
            return self._finite(node, text)
        if text in _NOT_A_NUMBER or _INFINITE.match(text):
            raise self._error(node, f"{text} is no JSON number", "quote it if it is meant as text")
        return text

    def _finite(self, node: Any, digits: str) -> int | float:
        value = float(digits)
        if math.isinf(value):
            raise self._error(node, f"{digits} is beyond a float64", "quote it if it is meant as text")
        return self.number(value)

    def _error(self, node: Any, problem: str, mend: str) -> DocumentError:
        return DocumentError(problem, file=self.file, line=node.start_mark.line + 1, mend=mend)


def _integer(digits: str) -> int:
    """Go's strconv.ParseInt with base 0 on text that matches _INTEGER: 0x, 0b, 0o and a leading 0 name a base."""
    sign = -1 if digits[0] == "-" else 1
    bare = digits.lstrip("+-").lower()
    for prefix, base in (("0x", 16), ("0b", 2), ("0o", 8)):
        if bare.startswith(prefix):
            return sign * int(bare[2:] or "0", base)
    if len(bare) > 1 and bare[0] == "0":
        return sign * int(bare, 8)
    return sign * int(bare)


_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _timestamp(text: str) -> str | None:
    """What yaml.v3 makes of a timestamp on its way through JSON: RFC 3339, fraction trimmed. None for other text."""
    found = _TIMESTAMP.match(text)
    if found is None:
        return None
    if found["sep"] is not None and ((found["z"] is None) != (found["sep"] == " ")):
        return None  # a T needs a zone, a blank must not have one
    year, month, day = int(found["y"]), int(found["mo"]), int(found["d"])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1] or (month == 2 and day == 29 and not leap):
        return None
    hour, minute, second = (int(found[part] or 0) for part in ("h", "mi", "s"))
    if hour > 23 or minute > 59 or second > 59:
        return None
    fraction = (found["f"] or "").rstrip("0")
    zone = found["z"] or "Z"
    zone = "Z" if zone[1:] == "00:00" else zone
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{'.' + fraction if fraction else ''}{zone}"
