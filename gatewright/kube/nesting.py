"""Objects that are nested so deeply that decoding them would end in a RecursionError: found, and cut out of lists.

Called by `items`. An API server takes thousands of levels in a custom resource; one such object must not stop the
informer of its kind, so it is left out and told. Nothing here recurses.
"""

from __future__ import annotations

import re

LIMIT = 150  # levels; Python ends near a thousand frames, and whoever walks an object takes several per level

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_BRACKETS = bytes.maketrans(b"[]{}", b"()()")
_OTHERS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_OPEN, _CLOSE = (b"{", b"["), (b"}", b"]")


def too_deep(raw: bytes) -> bool:
    """Whether a JSON text nests deeper than LIMIT (or may, where it is no JSON).

    Every object that a watch brings comes by here, so all of it is work for the bytes type's own loops: what stands
    outside of strings, of that the brackets, and of those the innermost pairs taken away until nothing is left.
    """
    if raw.count(b"{") + raw.count(b"[") <= LIMIT:
        return False
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    rest = b"".join(raw.split(b'"')[::2]).translate(_BRACKETS, _OTHERS)
    for level in range(LIMIT):
        shorter = rest.replace(b"()", b"")  # one level: the innermost
        if len(shorter) == len(rest):  # nothing is left, or it is no JSON
            return level + rest.count(b"(") > LIMIT
        rest = shorter
    return bool(rest)


def split_list(body: bytes) -> tuple[bytes, list[bytes]]:
    """A list's text with its `items` emptied, and the texts of the items, whatever their depth."""
    depth, start, first, last = 0, -1, -1, -1
    name = b""
    items: list[bytes] = []
    for token in _TOKEN.finditer(body):
        text = token.group()
        if text in _OPEN:
            depth += 1
            if depth == 2 and text == b"[" and name == b'"items"':
                first = token.end()
            elif depth == 3 and first >= 0 and last < 0:
                start = token.start()
        elif text in _CLOSE:
            if depth == 3 and start >= 0:
                items.append(body[start : token.end()])
                start = -1
            elif depth == 2 and first >= 0 and last < 0:
                last = token.start()
            depth -= 1
        elif depth == 1:
            name = text
    return (body, []) if last < 0 else (body[:first] + body[last:], items)
