"""Which objects a constraint or a mutator is for: spec.match, read once and then asked per review.

`snapshot` asks it for constraints, `mutation` for mutators. Rules and texts are those of Gatekeeper behaviour,
section 3: the criteria are asked in a fixed order and the first that fails ends it, so a later one that is in error
does no harm to objects that don't match anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.core.errors import PolicyError
from gatewright.core.go_text import number, quote
from gatewright.core.objects import Object, metadata, split_api_version
from gatewright.core.selectors import SelectorError, label_selector
from gatewright.kinds.templates import json_type
from gatewright.policy.wildcards import generated_wildcard, wildcard

ALL, GENERATED, ORIGINAL = "All", "Generated", "Original"
SOURCES = (ALL, GENERATED, ORIGINAL)


class MatchError(PolicyError):
    """Whether an object matches can't be told; `what` is Gatekeeper's text."""


class Subject:
    """One object under review, with what matching needs to know of it.

    namespace: the object's Namespace where it is known, else None
    source:    All, Generated, Original, or "" when nobody said
    """

    __slots__ = (
        "generate_name",
        "group",
        "is_namespace",
        "kind",
        "labels",
        "name",
        "namespace",
        "own_namespace",
        "source",
    )

    def __init__(self, thing: Object, namespace: Object | None, source: str) -> None:
        meta = metadata(thing)
        self.group, _ = split_api_version(_text(thing.get("apiVersion")))
        self.kind = _text(thing.get("kind"))
        self.is_namespace = self.kind == "Namespace" and self.group == ""
        self.name = _text(meta.get("name"))
        self.generate_name = _text(meta.get("generateName"))
        self.own_namespace = _text(meta.get("namespace"))
        self.labels = _labels(meta)
        self.namespace = namespace
        self.source = source


Check = Callable[[Subject], bool]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Match criteria, ready to ask.

    kinds:  (groups, kinds) pairs of which one must fit; None when every kind fits. Also the key of the snapshot's
    index. checks: the remaining criteria, in their order
    """

    kinds: tuple[tuple[frozenset[str] | None, frozenset[str] | None], ...] | None = None
    checks: tuple[Check, ...] = ()

    def fits_kind(self, group: str, kind: str) -> bool:
        """Whether the kinds criterion holds. An empty list and "*" fit everything; versions are never compared."""
        if self.kinds is None:
            return True
        for groups, kinds in self.kinds:
            if (kinds is None or kind in kinds) and (groups is None or group in groups):
                return True
        return False

    def matches(self, subject: Subject) -> bool:
        """Whether all criteria hold. Raises MatchError ("failed to run Match criteria: ...") from the first that
        can't tell."""
        if not self.fits_kind(subject.group, subject.kind):
            return False
        return self.rest_matches(subject)

    def rest_matches(self, subject: Subject) -> bool:
        """As `matches`, when the kinds are known to fit."""
        for check in self.checks:  # noqa: SIM110 - a loop is twice as fast as all() here, and this runs per constraint and review
            if not check(subject):
                return False
        return True


EVERYTHING = Matcher()


def matches_any(matcher: Matcher, subjects: tuple[Subject, ...]) -> bool:
    """Whether the object or the old object matches. Raises MatchError with the text that a constraint's autoreject
    carries."""
    if not subjects:
        raise MatchError("invalid request object: neither object nor old object are defined")
    for subject in subjects:
        try:
            if matcher.matches(subject):
                return True
        except MatchError as error:
            raise MatchError(f"error matching the requested object: {subject.name} :{error.what}") from None
    return False


def matcher_of(spec: Object) -> Matcher:
    """The matcher of an object's spec.match (absent or null: everything matches).

    spec: the whole constraint. Raises MatchError ("unable to create matcher: ...") where a field has the wrong JSON
    type.
    """
    inner = spec.get("spec")
    if inner is None:
        return EVERYTHING
    if not isinstance(inner, Mapping):
        raise MatchError(f"unable to create matcher: {accessor_error('.spec.match', inner)}")
    found = inner.get("match")
    if found is None:
        return EVERYTHING
    if not isinstance(found, Mapping):
        raise MatchError(f"unable to create matcher: {accessor_error('.spec.match', found)}")
    try:
        return compile_match(found)
    except MatchError as error:
        raise MatchError(f"unable to create matcher: could not convert JSON to Match: {error.what}") from None


def accessor_error(path: str, value: Any) -> str:
    """What Kubernetes says of a field that is no object where one is expected."""
    return f"{path} accessor error: {shown(value)} is of the type {go_type(value)}, expected map[string]interface{{}}"


def go_type(value: Any) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "map[string]interface {}" if isinstance(value, Mapping) else "[]interface {}"


def shown(value: Any) -> str:
    """A JSON value as Go's verb v prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{shown(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(shown(item) for item in value) + "]"
    return number(value) if isinstance(value, float) else str(value)


def compile_match(match: Object) -> Matcher:
    """The matcher of a match value. Raises MatchError in the words of Go's JSON decoder."""
    _check_types(match)
    checks: list[Check] = []
    scope = match.get("scope")
    if scope in _SCOPES:
        checks.append(_SCOPES[scope])
    namespaces = tuple(wildcard(text or "") for text in match.get("namespaces") or ())
    if namespaces:
        checks.append(_in_namespaces(namespaces))
    excluded = tuple(wildcard(text or "") for text in match.get("excludedNamespaces") or ())
    if excluded:
        checks.append(_not_in_namespaces(excluded))
    if match.get("labelSelector") is not None:
        checks.append(_by_labels(match["labelSelector"]))
    if match.get("namespaceSelector") is not None:
        checks.append(_by_namespace_labels(match["namespaceSelector"]))
    if match.get("name"):
        checks.append(_by_name(match["name"]))
    source = match.get("source") or ALL
    if source != ALL:
        checks.append(_by_source(source))
    return Matcher(_kinds(match.get("kinds")), tuple(checks))


def _kinds(entries: Any) -> tuple[tuple[frozenset[str] | None, frozenset[str] | None], ...] | None:
    if not entries:
        return None
    return tuple((_names(e, "apiGroups"), _names(e, "kinds")) if e else (None, None) for e in entries)


def _names(entry: Mapping[str, Any], field: str) -> frozenset[str] | None:
    """The names a list allows; None when it allows all. null reads as "", as Go does."""
    found = entry.get(field)
    if not found or "*" in found:
        return None
    return frozenset(name or "" for name in found)


# --- the criteria


def _cluster_scope(subject: Subject) -> bool:
    return subject.is_namespace or not (subject.own_namespace or subject.namespace is not None)


def _namespaced_scope(subject: Subject) -> bool:
    return not subject.is_namespace and bool(subject.own_namespace or subject.namespace is not None)


_SCOPES: dict[Any, Check] = {"Cluster": _cluster_scope, "Namespaced": _namespaced_scope}


def _compared_namespace(subject: Subject) -> str | None:
    """The name that namespaces and excludedNamespaces compare; None for a cluster-scoped object, which both let
    pass."""
    if subject.is_namespace:
        return subject.name
    if subject.namespace is not None:
        return str(metadata(subject.namespace).get("name") or "")
    return subject.own_namespace or None


def _in_namespaces(patterns: tuple[Callable[[str], bool], ...]) -> Check:
    def check(subject: Subject) -> bool:
        name = _compared_namespace(subject)
        return name is None or any(fits(name) for fits in patterns)

    return check


def _not_in_namespaces(patterns: tuple[Callable[[str], bool], ...]) -> Check:
    def check(subject: Subject) -> bool:
        name = _compared_namespace(subject)
        return name is None or not any(fits(name) for fits in patterns)

    return check


def _selector(selector: Mapping[str, Any]) -> Callable[[Mapping[str, str]], bool]:
    """Matching by labels; a selector in error raises when it is asked."""
    try:
        return label_selector(without_nulls(selector)).matches
    except SelectorError as error:
        text = error.what

    def refuse(_labels: Mapping[str, str]) -> bool:
        raise MatchError(f"failed to run Match criteria: {text}")

    return refuse


def _by_labels(selector: Mapping[str, Any]) -> Check:
    matches = _selector(selector)
    return lambda subject: matches(subject.labels)


def _by_namespace_labels(selector: Mapping[str, Any]) -> Check:
    matches = _selector(selector)

    def check(subject: Subject) -> bool:
        if subject.is_namespace:
            return matches(subject.labels)
        if subject.namespace is None:
            if not subject.own_namespace:
                return True
            matches({})  # an invalid selector is told first
            raise MatchError(
                "failed to run Match criteria: namespace selector for namespace-scoped object but missing Namespace"
            )
        return matches(_labels(metadata(subject.namespace)))

    return check


def _by_name(pattern: str) -> Check:
    by_name, by_prefix = wildcard(pattern), generated_wildcard(pattern)
    return lambda subject: by_name(subject.name) or by_prefix(subject.generate_name)


def _by_source(wanted: str) -> Check:
    def check(subject: Subject) -> bool:
        if wanted not in SOURCES:
            raise MatchError(f"failed to run Match criteria: invalid source field {quote(wanted)}")
        if not subject.source:
            raise MatchError(f"failed to run Match criteria: source field not specified for resource {subject.name}")
        if subject.source not in SOURCES:
            raise MatchError(f"failed to run Match criteria: invalid source field {quote(subject.source)}")
        return wanted == subject.source

    return check


def _text(value: Any) -> str:
    """What Kubernetes reads from a metadata field of any type: "" where it holds no text."""
    return value if isinstance(value, str) else ""


def _labels(meta: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels; one value that is no text, and Kubernetes reads none of them."""
    found = meta.get("labels")
    if not isinstance(found, Mapping) or not all(value.__class__ is str for value in found.values()):
        return {}
    return found


# --- JSON types, as Go's decoder checks them

_TEXT_FIELDS = {"source": "string", "scope": "v1.ResourceScope", "name": "wildcard.Wildcard"}
_GLOBS = {"namespaces": "wildcard.Wildcard", "excludedNamespaces": "wildcard.Wildcard"}
_SELECTORS = ("labelSelector", "namespaceSelector")


def _check_types(match: Object) -> None:
    """Raises MatchError for the first field (in the order of their names) of the wrong type."""
    for field in sorted(match):
        value = match[field]
        if value is None:
            continue
        if field in _TEXT_FIELDS:
            _want(value, str, f"Match.{field}", _TEXT_FIELDS[field])
        elif field in _GLOBS:
            _want_texts(value, f"Match.{field}", _GLOBS[field])
        elif field in _SELECTORS:
            _want(value, Mapping, f"Match.{field}", "v1.LabelSelector")
            check_selector(value, f"{field}.")
        elif field == "kinds":
            _want(value, list, "Match.kinds", "[]match.Kinds")
            for entry in value:
                _check_kinds(entry)


def _check_kinds(entry: Any) -> None:
    if entry is None:
        return
    _want(entry, Mapping, "Match.kinds", "match.Kinds")
    for field in ("apiGroups", "kinds"):
        if entry.get(field) is not None:
            _want_texts(entry[field], f"Kinds.kinds.{field}", "string")


def check_selector(value: Any, within: str = "") -> None:
    """Raises MatchError where a selector has a value of the wrong type, in the words of Go's decoder.

    within: the path of the selector in what is decoded, with a dot at its end.
    """
    expressions = value.get("matchExpressions")
    if expressions is not None:
        where = f"{within}matchExpressions"
        _want(expressions, list, f"LabelSelector.{where}", "[]v1.LabelSelectorRequirement")
        for item in expressions:
            if item is not None:
                _want(item, Mapping, f"LabelSelector.{where}", "v1.LabelSelectorRequirement")
                _check_requirement(item, f"LabelSelectorRequirement.{where}")
    labels = value.get("matchLabels")
    if labels is not None:
        _want(labels, Mapping, f"LabelSelector.{within}matchLabels", "map[string]string")
        for key in sorted(labels):
            if labels[key] is not None:
                _want(labels[key], str, f"LabelSelector.{within}matchLabels", "string")


def _check_requirement(item: Any, where: str) -> None:
    for field, wanted in (("key", "string"), ("operator", "v1.LabelSelectorOperator")):
        if item.get(field) is not None:
            _want(item[field], str, f"{where}.{field}", wanted)
    if item.get("values") is not None:
        _want_texts(item["values"], f"{where}.values", "string")


def without_nulls(selector: Mapping[str, Any]) -> dict[str, Any]:
    """A selector of the right types as Go's decoder leaves it: null labels, values and requirements are empty ones."""
    out: dict[str, Any] = {}
    if selector.get("matchLabels") is not None:
        out["matchLabels"] = {key: value or "" for key, value in selector["matchLabels"].items()}
    if selector.get("matchExpressions") is not None:
        out["matchExpressions"] = [
            {
                "key": (item or {}).get("key") or "",
                "operator": (item or {}).get("operator") or "",
                "values": [value or "" for value in (item or {}).get("values") or ()],
            }
            for item in selector["matchExpressions"]
        ]
    return out


def _want(value: Any, kind: type, where: str, wanted: str) -> None:
    if not isinstance(value, kind):
        raise MatchError(f"json: cannot unmarshal {json_type(value)} into Go struct field {where} of type {wanted}")


def _want_texts(value: Any, where: str, item_type: str) -> None:
    _want(value, list, where, f"[]{item_type}")
    for item in value:
        if item is not None:
            _want(item, str, where, item_type)
