"""sprintf: Go's fmt.Sprintf over Rego values. Also the pieces that generated code uses when the format is a
constant.

Rules: Go documentation, package fmt. OPA gives integers as int (or *big.Int), other numbers as float64, strings as
string, and every other value as the text of its term, which is a string to fmt.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from gatewright.rego.builtins.registry import builtin
from gatewright.rego.errors import BuiltinError
from gatewright.rego.texts import number_text, quote, text_of
from gatewright.rego.values import NUMBERS

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?:\[(?P<index>\d+)\])?(?P<width>\*|\d+)?(?:\.(?P<prec>\*|\d*))?"
    r"(?:\[(?P<index2>\d+)\])?(?P<verb>.)",
    re.DOTALL,
)
_SCALARS = frozenset([str, int, float, Decimal])
MAX_WIDTH = 1_000_000


def plain_verbs(form: str) -> list[str | tuple[str]] | None:
    """The pieces of a format that has only %v, %s, %d without flags and %%: texts, and verbs as one-tuples. None for
    others.
    """
    out: list[str | tuple[str]] = []
    i = 0
    while True:
        j = form.find("%", i)
        if j < 0:
            if form[i:]:
                out.append(form[i:])
            return out
        if j + 1 >= len(form) or form[j + 1] not in "vsd%":
            return None
        if form[i:j]:
            out.append(form[i:j])
        if form[j + 1] == "%":
            out.append("%")
        else:
            out.append((form[j + 1],))
        i = j + 2


def verb(v: str, x: Any) -> str:
    """One value under a verb without flags."""
    if x.__class__ is int and v != "s":
        return str(x)
    if v == "v" and x.__class__ not in _SCALARS:
        return text_of(x)
    return _format(v, "", None, None, x)


def operand(x: Any) -> Any:
    """A Rego value as fmt sees it: int, float or str."""
    if isinstance(x, NUMBERS) and x.__class__ is not bool:
        if isinstance(x, Decimal):
            return int(x) if abs(x.adjusted()) < 300 and x == x.to_integral_value() else _float_or_text(x)
        return x
    return x if isinstance(x, str) else text_of(x)


def _float_or_text(x: Decimal) -> float | str:
    f = float(x)
    return f if f - f == 0 else number_text(x)


def _go_type(x: Any) -> str:
    if isinstance(x, int):
        return "int" if -(2**63) <= x < 2**63 else "*big.Int"
    return "float64" if isinstance(x, float) else "string"


def _format(v: str, flags: str, width: int | None, prec: int | None, value: Any) -> str:
    x = operand(value)
    if isinstance(x, str):
        text = _string(v, flags, prec, x)
    elif isinstance(x, int):
        text = _integer(v, flags, prec, x)
    else:
        text = _float(v, flags, prec, x)
    if text is None:
        shown = number_text(x) if not isinstance(x, str) else x
        return f"%!{v}({_go_type(x)}={shown})"
    if width is None or len(text) >= width:
        return text
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and not (isinstance(x, int) and prec is not None):
        if text[:1] in "+- " and not isinstance(x, str):
            return text[0] + text[1:].rjust(width - 1, "0")
        return text.rjust(width, "0")
    return text.rjust(width)


def _string(v: str, flags: str, prec: int | None, x: str) -> str | None:
    if v in "vs":
        return x if prec is None else x[:prec]
    if v == "q":
        s = x if prec is None else x[:prec]
        return f"`{s}`" if "#" in flags and "`" not in s else quote(s)
    if v in "xX":
        raw = x.encode()[: prec if prec is not None else None]
        return raw.hex() if v == "x" else raw.hex().upper()
    return None


def _sign(flags: str, negative: bool) -> str:
    return "-" if negative else "+" if "+" in flags else " " if " " in flags else ""


_BASES = {"d": 10, "v": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}


def _integer(v: str, flags: str, prec: int | None, x: int) -> str | None:
    if v == "s" and _go_type(x) == "*big.Int":
        v = "d"
    if v in "eEfFgG":
        return None
    if v in "cqU":
        if not 0 <= x <= 0x10FFFF:
            x = 0xFFFD
        if v == "c":
            return chr(x)
        return f"U+{x:04X}" if v == "U" else _quoted_rune(x)
    if v not in _BASES:
        return None
    digits = format(abs(x), {10: "d", 2: "b", 8: "o", 16: "x"}[_BASES[v]])
    if prec is not None:
        digits = "" if prec == 0 and x == 0 else digits.rjust(prec, "0")
    if v == "X":
        digits = digits.upper()
    lead = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}.get(v, "") if "#" in flags else ""
    return _sign(flags, x < 0) + ("0o" if v == "O" else lead) + digits


def _quoted_rune(x: int) -> str:
    c = chr(x)
    return "'" + ("\\'" if c == "'" else '"' if c == '"' else quote(c)[1:-1]) + "'"


def _float(v: str, flags: str, prec: int | None, x: float) -> str | None:
    sign = _sign(flags, x < 0 or (x == 0 and str(x)[0] == "-"))
    a = abs(x)
    if v in "vgG":
        text = number_text(a) if prec is None else format(a, f"{'#' if '#' in flags else ''}.{prec or 1}g")
        if prec is None and "." not in text and "e" not in text:
            text = number_text(a)
    elif v in "fF":
        text = format(a, f".{6 if prec is None else prec}f")
    elif v in "eE":
        text = format(a, f".{6 if prec is None else prec}e")
    elif v == "b":
        return None
    else:
        return None
    return sign + (text.upper() if v in "GE" else text)


@lru_cache(1024)
def _pieces(form: str) -> list[Any]:
    """Texts and matches of verbs; a lone % at the end is None."""
    out: list[Any] = []
    i = 0
    while True:
        j = form.find("%", i)
        if j < 0:
            out.append(form[i:])
            return out
        out.append(form[i:j])
        m = _VERB.match(form, j)
        if m is None:
            out.append(None)
            return out
        out.append(m)
        i = m.end()


class _Arguments:
    """The arguments of one call, taken in turn or by index."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values
        self.n = 0
        self.reordered = False

    def seek(self, index: str | None) -> bool:
        if index is None:
            return True
        self.reordered = True
        self.n = int(index) - 1
        return 0 <= self.n < len(self.values)

    def number(self) -> int | None:
        if self.n >= len(self.values):
            return None
        x = self.values[self.n]
        self.n += 1
        return x if x.__class__ is int and abs(x) <= MAX_WIDTH else None


def _one(m: re.Match[str], args: _Arguments, charge: Any) -> str:
    flags, v = m["flags"], m["verb"]
    good = args.seek(m["index"])
    width = prec = None
    bad = ""
    if m["width"] == "*":
        width = args.number()
        if width is None:
            bad = "%!(BADWIDTH)"
        elif width < 0:
            flags, width = flags + "-", -width
    elif m["width"]:
        width = int(m["width"][:8])
    if m["prec"] == "*":
        prec = args.number()
        if prec is None:
            bad += "%!(BADPREC)"
    elif m["prec"] is not None:
        prec = int(m["prec"][:8] or 0)
    if m["index2"] is not None:
        good = args.seek(m["index2"])
    for n in (width, prec):
        if n is not None and n > MAX_WIDTH:
            raise BuiltinError(f"width or precision over {MAX_WIDTH}")
    charge((width or 0) // 16 + (prec or 0) // 16)
    if v == "%":
        return bad + "%"
    if not good:
        return f"%!{v}(BADINDEX)"
    if args.n >= len(args.values):
        return f"{bad}%!{v}(MISSING)"
    x = args.values[args.n]
    args.n += 1
    if v == "T":
        return bad + _go_type(operand(x))
    return bad + _format(v, flags, width, prec, x)


@builtin("sprintf", "string", "array", result="string", context=True)
def sprintf(c: Any, form: str, values: list[Any]) -> str:
    args = _Arguments(values)
    out: list[str] = []
    for p in _pieces(form):
        if isinstance(p, str):
            out.append(p)
        elif p is None:
            out.append("%!(NOVERB)")
        else:
            out.append(_one(p, args, c.charge))
    if not args.reordered and args.n < len(values):
        extra = [operand(x) for x in values[args.n :]]
        shown = ", ".join(f"{_go_type(x)}={x if isinstance(x, str) else number_text(x)}" for x in extra)
        out.append(f"%!(EXTRA {shown})")
    text = "".join(out)
    c.charge_text(len(text))
    return text
