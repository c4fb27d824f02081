"""What `gator test` prints: text, JSON or YAML (Gatekeeper behaviour, 12.2).

For `cli`. The layout is that of Go's structs: one line of text per violation, JSON indented by four with a fixed order
of the fields, YAML with the field names that yaml.v3 makes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from gatewright.core.go_text import quote
from gatewright.core.objects import Object, metadata
from gatewright.gator.auditing import Violation
from gatewright.gator.statistics import Statistic

JSON, YAML, NOTHING = "json", "yaml", "default"
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def listing(violations: Sequence[Violation], form: str, statistics: Sequence[Statistic] = ()) -> str:
    """The text to print. The form's letters may have any case; unknown forms read as text, and `default` prints
    nothing, as in gator."""
    form = form.lower()
    if form == JSON:
        results = [_as_json(violation) for violation in violations] or None
        stats = [statistic.to_object() for statistic in statistics]
        return _json({"results": results, "stats": stats} if stats else results)
    if form == YAML:
        listed = [_as_yaml(violation) for violation in violations]
        stats = [_lower(statistic.to_object()) for statistic in statistics]
        return _yaml({"results": listed, "stats": stats} if stats else listed)
    return "" if form == NOTHING else "".join(_line(violation) for violation in violations)


def _line(violation: Violation) -> str:
    thing, meta = violation.thing, metadata(violation.thing)
    named = "/".join(
        _text(part) for part in (meta.get("namespace"), meta.get("name") or "") if part is not None and part != ""
    )
    result = violation.result
    kind = f"{_text(thing.get('apiVersion'))}/{_text(thing.get('kind'))}"
    return f"{kind} {named}: [{quote(result.name)}] Message: {quote(result.msg)}\n"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


# --- JSON


def _as_json(violation: Violation) -> dict[str, Any]:
    result = violation.result
    shown: dict[str, Any] = {"target": result.target, "msg": result.msg}
    if result.metadata:
        shown["metadata"] = result.metadata
    shown["constraint"] = _sorted(result.constraint)
    shown["enforcementAction"] = result.action
    if result.scoped_actions:
        shown["scopedActions"] = list(result.scoped_actions)
    shown["violatingObject"] = _sorted(violation.thing)
    shown["trace"] = None
    return shown


def _json(value: Any) -> str:
    return json.dumps(value, indent=4, ensure_ascii=False).translate(_HTML)


def _sorted(value: Any) -> Any:
    """Maps with their keys in order, as Go writes them."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


# --- YAML


class _Dumper(yaml.SafeDumper):
    """Lists indented under their key, no aliases for equal parts."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _lower(statistic: dict[str, object]) -> dict[str, object]:
    return {name.lower(): value for name, value in statistic.items()}


def _as_yaml(violation: Violation) -> dict[str, Any]:
    result = violation.result
    shown: Object = {
        "target": result.target,
        "msg": result.msg,
        "metadata": _sorted(result.metadata) if result.metadata else {},
        "constraint": {"object": _sorted(result.constraint)},
        "enforcementaction": result.action,
        "scopedenforcementactions": list(result.scoped_actions),
    }
    return {"result": shown, "violatingObject": _sorted(violation.thing), "trace": None}


def _yaml(value: Any) -> str:
    if not value:
        return "[]\n"
    return yaml.dump(value, Dumper=_Dumper, indent=4, sort_keys=False, allow_unicode=True, width=2**20)
