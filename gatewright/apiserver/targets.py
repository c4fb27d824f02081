"""From a request line to what is asked for: path, verb and the options of the query.

Source of the rules: k8s.io/apiserver RequestInfo, metav1.ListOptions, CreateOptions, UpdateOptions, PatchOptions and
their validation.
`handling` is the caller.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatewright.apiserver.answers import Refused, bad_request, invalid
from gatewright.core import field_errors
from gatewright.core.field_errors import FieldError, Path
from gatewright.core.go_text import quote
from gatewright.core.http import Request

_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclass(frozen=True, slots=True)
class Target:
    """A path below /api/V or /apis/G/V."""

    group: str
    version: str
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    rest: tuple[str, ...] = ()  # what stands behind the subresource (proxy paths)


def target_of(path: str) -> Target | None:
    """What a path names; None where it is none of the API's."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        return None
    if parts[0] == "api" and len(parts) >= 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest and rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
        else:
            return Target(group, version, "", "namespaces", namespace, rest[2] if len(rest) > 2 else "")
    if not rest:
        return Target(group, version)
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    return Target(group, version, namespace, rest[0], name, subresource, tuple(rest[3:]))


_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


def verb_of(request: Request, target: Target) -> str:
    """The API verb of a request: get, list, watch, create, update, patch, delete, deletecollection, or "" for none."""
    if request.method in ("GET", "HEAD"):
        if target.name:
            return "get"
        return "watch" if truth(request.argument("watch")) else "list"
    if request.method == "DELETE":
        return "delete" if target.name else "deletecollection"
    return _VERBS.get(request.method, "")


def truth(text: str) -> bool:
    """A boolean of the query: present and neither 0 nor false (Convert_Slice_string_To_bool)."""
    return bool(text) and text.lower() not in ("0", "false")


def present(request: Request, name: str) -> bool:
    return any(key == name for key, _ in request.query)


def boolean(request: Request, name: str) -> bool:
    """A boolean argument; present without a value counts as true."""
    for key, value in request.query:
        if key == name:
            return value.lower() not in ("0", "false")
    return False


@dataclass(frozen=True, slots=True)
class ListOptions:
    label_selector: str = ""
    field_selector: str = ""
    watch: bool = False
    bookmarks: bool = False
    version: str = ""
    match: str = ""
    timeout: int | None = None
    limit: int = 0
    token: str = ""
    initial_events: bool | None = None


def list_options(request: Request) -> ListOptions:
    """The options of a list or watch, or a refusal."""
    options = ListOptions(
        label_selector=request.argument("labelSelector"),
        field_selector=request.argument("fieldSelector"),
        watch=boolean(request, "watch"),
        bookmarks=boolean(request, "allowWatchBookmarks"),
        version=request.argument("resourceVersion"),
        match=request.argument("resourceVersionMatch"),
        timeout=_integer(request, "timeoutSeconds"),
        limit=_integer(request, "limit") or 0,
        token=request.argument("continue"),
        initial_events=boolean(request, "sendInitialEvents") if present(request, "sendInitialEvents") else None,
    )
    errors = _list_errors(options)
    if errors:
        raise invalid("ListOptions", "meta.k8s.io", "", errors)
    return options


def _integer(request: Request, name: str) -> int | None:
    if not present(request, name):
        return None
    text = request.argument(name)
    try:
        if not text.isascii() or text != text.strip() or "_" in text:
            raise ValueError
        return int(text)
    except ValueError:
        raise bad_request(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax") from None


def _list_errors(options: ListOptions) -> list[FieldError]:
    errors: list[FieldError] = []
    match, path = options.match, Path("resourceVersionMatch")
    if options.watch:
        if options.initial_events is not None:
            if match != "NotOlderThan":
                told = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
                errors.append(field_errors.forbidden(path, told))
                if match:
                    errors.append(field_errors.not_supported(path, match, ("NotOlderThan",)))
            if options.token:
                errors.append(
                    field_errors.forbidden(Path("continue"), "continue is forbidden when sendInitialEvents is provided")
                )
        elif match:
            told = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            errors.append(field_errors.forbidden(path, told))
        return errors
    if options.initial_events is not None:
        errors.append(field_errors.forbidden(Path("sendInitialEvents"), "sendInitialEvents is forbidden for list"))
    if not match:
        return errors
    if options.token:
        errors.append(field_errors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
    if match not in ("Exact", "NotOlderThan"):
        errors.append(field_errors.not_supported(path, match, ("Exact", "NotOlderThan", "")))
    elif not options.version:
        errors.append(
            field_errors.forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided")
        )
    elif match == "Exact" and options.version == "0":
        told = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        errors.append(field_errors.forbidden(path, told))
    return errors


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Create-, Update- and PatchOptions.

    manager: fieldManager, or the product name of the User-Agent; validation: Strict, Warn or Ignore; force: None
    where not given
    """

    kind: str
    dry_run: bool
    manager: str
    validation: str
    force: bool | None
    given_manager: str
    given_validation: str

    def document(self) -> dict[str, object]:
        """The options as an AdmissionReview shows them."""
        body: dict[str, object] = {"kind": self.kind, "apiVersion": "meta.k8s.io/v1"}
        if self.dry_run:
            body["dryRun"] = ["All"]
        if self.force is not None and self.kind == "PatchOptions":
            body["force"] = self.force
        if self.given_manager:
            body["fieldManager"] = self.given_manager
        if self.given_validation:
            body["fieldValidation"] = self.given_validation
        return body


def write_options(request: Request, kind: str, *, apply: bool = False) -> WriteOptions:
    """The options of a create, update or patch, or a refusal. kind: CreateOptions, UpdateOptions or PatchOptions."""
    dry_runs = [value for key, value in request.query if key == "dryRun"]
    manager, validation = request.argument("fieldManager"), request.argument("fieldValidation")
    errors = dry_run_errors(dry_runs)
    force = boolean(request, "force") if present(request, "force") else None
    if kind == "PatchOptions":
        if apply and not manager:
            errors.append(field_errors.required(Path("fieldManager"), "is required for apply patch"))
        elif not apply and force is not None:
            errors.append(field_errors.forbidden(Path("force"), "may not be specified for non-apply patch"))
    errors.extend(_manager_errors(manager))
    if validation not in ("", "Ignore", "Strict", "Warn"):
        choices = ("", "Ignore", "Strict", "Warn")
        errors.append(field_errors.not_supported(Path("fieldValidation"), validation, choices))
    if errors:
        raise invalid(kind, "meta.k8s.io", "", errors)
    used = manager or request.header("user-agent").split("/")[0][:128]
    return WriteOptions(kind, bool(dry_runs), used, validation or "Warn", force, manager, validation)


def dry_run_errors(values: list[str]) -> list[FieldError]:
    """The dryRun list may hold only All."""
    if all(value == "All" for value in values):
        return []
    return [field_errors.not_supported(Path("dryRun"), values, ("All",))]


def _manager_errors(manager: str) -> list[FieldError]:
    path = Path("fieldManager")
    if len(manager) > 128:
        return [field_errors.too_long(path, 128)]
    for position, char in enumerate(manager):
        if not char.isprintable():
            told = f"should only contain printable characters (invalid character at position {position})"
            return [field_errors.invalid(path, manager, told)]
    return []


def parse_version(text: str, *, listing: bool = True) -> int:
    """A resourceVersion as a number; "" is 0. Refusals: 400 for lists and gets, 500 for watches (as the real
    server's)."""
    if not text:
        return 0
    if text.isascii() and text.isdigit() and int(text) < 1 << 64:
        return int(text)
    why = "value out of range" if text.isascii() and text.isdigit() else "invalid syntax"
    told = f"resourceVersion: Invalid value: {quote(text)}: strconv.ParseUint: parsing {quote(text)}: {why}"
    if listing:
        raise bad_request(f"invalid resource version: {told}")
    raise Refused(500, None, told)
