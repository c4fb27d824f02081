"""Builtins of regular expressions, on RE2 (google-re2): linear time, the syntax that Go has.

`matcher` is what generated code uses for constant patterns. Patterns of a plain subset, where both engines agree and
Python's cannot backtrack badly, run on Python's `re`, whose call costs a thirtieth.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from gatewright.rego.arithmetic import whole
from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import U

MAX_PATTERN = 100_000
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_ATOM = r"(?:[A-Za-z0-9 _/:,;@=~!#%&\"'<>-]|\\[.^$*+?()\[\]{}|/\\-]|\.|\[\^?[A-Za-z0-9_./:@+-]+\])"
_ITEM = rf"{_ATOM}(?:[*+?]|\{{\d{{1,2}}(?:,\d{{0,2}})?\}})?"
_GROUP = rf"\((?:\?:)?(?:{_ITEM})+(?:\|(?:{_ITEM})+)*\)\??"  # at most once, so that time stays a power of the length
_PLAIN = re.compile(rf"\^?(?:{_ITEM}|{_GROUP})*\$?(?:\|\^?(?:{_ITEM})*\$?)*")
_UNBOUNDED = re.compile(r"[*+]|,\}")
SHORT = 128  # characters; longer texts go to RE2


@lru_cache(2048)
def compiled(pattern: str) -> Any:
    """A pattern ready for use; raises BuiltinError where RE2 refuses it."""
    if len(pattern) > MAX_PATTERN:
        raise BuiltinError(f"pattern is longer than {MAX_PATTERN} characters")
    try:
        return re2.compile(pattern, _OPTIONS)
    except (re2.error, UnicodeEncodeError) as e:
        raise BuiltinError(f"error parsing regexp: {_message(e)}") from None


def _message(e: Exception) -> str:
    text = e.args[0] if e.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _simple(pattern: str) -> Callable[[str], Any] | None:
    """The pattern on Python's engine, where that gives the same answers and cannot take long on a short text."""
    if not _PLAIN.fullmatch(pattern) or len(_UNBOUNDED.findall(pattern)) > 2 or len(pattern) > 200:
        return None
    body = re.sub(r"(?<!\\)\$", r"\\Z", pattern)
    try:
        return re.compile(body, re.ASCII).search
    except (re.error, OverflowError):
        return None


def _exact(pattern: str) -> Callable[[str], Any]:
    """The pattern on RE2. A set of one pattern answers yes or no at a sixth of the cost of a search with its groups."""
    search = compiled(pattern).search
    one = re2.Set.SearchSet(_OPTIONS)
    try:
        one.Add(pattern)
        one.Compile()
    except re2.error:
        return lambda text: search(text) is not None
    return lambda text: bool(one.Match(text))


@lru_cache(2048)
def matcher(pattern: str) -> Callable[[str], Any]:
    """A function that says whether the pattern is found in a text; UNDEFINED for every text where the pattern is
    none.
    """
    try:
        exact = _exact(pattern)
    except BuiltinError:
        return lambda _text: U
    fast = _simple(pattern)
    if fast is None:
        return exact
    return lambda text: fast(text) is not None if len(text) < SHORT else exact(text)


@builtin("regex.match", "string", "string", result="boolean")
def match(pattern: str, text: str) -> bool:
    compiled(pattern)
    return bool(matcher(pattern)(text))


builtin("re_match", "string", "string", result="boolean")(match)


@builtin("regex.is_valid", "any", result="boolean")
def is_valid(pattern: Any) -> bool:
    if not isinstance(pattern, str):
        return False
    try:
        compiled(pattern)
    except BuiltinError:
        return False
    return True


@builtin("regex.split", "string", "string", result="array")
def split(pattern: str, text: str) -> list[str]:
    """As Go's Regexp.Split without a limit."""
    if pattern and not text:
        return [""]
    out: list[str] = []
    begin = end = 0
    for m in _all(pattern, text):
        end = m.start()
        if m.end() != 0:
            out.append(text[begin:end])
        begin = m.end()
    if end != len(text):
        out.append(text[begin:])
    return out


def _all(pattern: str, text: str) -> list[Any]:
    """Every match that does not overlap; an empty match right after another match does not count (Go's rule)."""
    out = []
    last = -1
    for m in compiled(pattern).finditer(text):
        if m.start() == m.end() and m.start() == last:
            continue
        out.append(m)
        last = m.end()
    return out


@builtin("regex.find_n", "string", "string", "number", result="array")
def find_n(pattern: str, text: str, n: Any) -> list[str]:
    limit = whole(n)
    if limit is None:
        raise BuiltinError("operand 3 must be integer number but got floating-point number", "eval_type_error")
    found = [m.group() for m in _all(pattern, text)]
    return found if limit < 0 else found[:limit]


@builtin("regex.find_all_string_submatch_n", "string", "string", "number", result="array")
def find_submatches(pattern: str, text: str, n: Any) -> list[list[str]]:
    limit = whole(n)
    if limit is None:
        raise BuiltinError("operand 3 must be integer number but got floating-point number", "eval_type_error")
    found = [[m.group(), *(g or "" for g in m.groups())] for m in _all(pattern, text)]
    return found if limit < 0 else found[:limit]


@builtin("regex.replace", "string", "string", "string", result="string", context=True)
def replace(c: Any, text: str, pattern: str, value: str) -> str:
    out, end = [], 0
    for m in _all(pattern, text):
        c.charge_text(8 + len(value))
        out.append(text[end : m.start()])
        out.append(_expand(value, m))
        end = m.end()
    out.append(text[end:])
    return "".join(out)


_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")


def _expand(template: str, m: Any) -> str:
    """$1, ${1}, ${name} and $$ in a replacement (Go's Regexp.Expand)."""

    def one(r: re.Match[str]) -> str:
        name = r.group(1) or r.group(2)
        if name is None:
            return "$"
        if name.isdigit():
            n = int(name[:6])
            return m.group(n) or "" if n <= m.re.groups else ""
        return m.group(name) or "" if name in m.re.groupindex else ""

    return _REFERENCE.sub(one, template)


@builtin("regex.template_match", "string", "string", "string", "string", result="boolean")
def template_match(template: str, text: str, start: str, end: str) -> bool:
    if len(start) != 1 or len(end) != 1:
        raise BuiltinError("start and end delimiters must be a single character")
    out, i, depth, begin = ["^"], 0, 0, 0
    literal = 0
    while i < len(template):
        if template[i] == start:
            depth += 1
            if depth == 1:
                begin = i
        elif template[i] == end:
            depth -= 1
            if depth == 0:
                out += [re2.escape(template[literal:begin]), "(" + template[begin + 1 : i] + ")"]
                literal = i + 1
            elif depth < 0:
                raise BuiltinError(f"unbalanced braces in {template!r}")
        i += 1
    if depth:
        raise BuiltinError(f"unbalanced braces in {template!r}")
    out += [re2.escape(template[literal:]), "$"]
    return compiled("".join(out)).search(text) is not None
