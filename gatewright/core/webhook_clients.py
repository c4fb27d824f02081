"""How a webhook is reached, as webhook configurations and conversions of CustomResourceDefinitions write it: rules
and texts.

Source: Kubernetes "Dynamic Admission Control" and the answers of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from gatewright.core import names
from gatewright.core.field_errors import FieldError, Path, invalid, required
from gatewright.core.objects import Object

REVIEW_VERSIONS = ("v1", "v1beta1")
_FORM = "; desired format: https://host[/path]"


def is_absolute_url(text: str) -> bool:
    """Whether a text has a scheme and a host."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]", text) is not None


def client_errors(client: Object, path: Path) -> list[FieldError]:
    """Errors of a client config: exactly one of url and service."""
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if url is not None:
        return url_errors(url, path.child("url"))
    return _service_errors(service or {}, path.child("service"))


def url_errors(url: str, path: Path) -> list[FieldError]:
    """Errors of a webhook's URL."""
    problem = _unparsable(url)
    if problem:
        return [required(path, f"url must be a valid URL: {problem}{_FORM}")]
    parts = urlsplit(url)
    errors: list[FieldError] = []
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme != "https":
        errors.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not host:
        errors.append(invalid(path, "", f"host must be specified{_FORM}"))
    if at:
        errors.append(invalid(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def _unparsable(url: str) -> str:
    """Go's complaint about a URL that it can't parse, or ""."""
    quoted = f'parse "{url}": '
    if any(ord(char) < 0x20 or char == "\x7f" for char in url):
        return quoted + "net/url: invalid control character in URL"
    if url.startswith(":"):
        return quoted + "missing protocol scheme"
    bare = url.partition("#")[0].partition("?")[0]
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", bare) and not bare.startswith("/"):
        if ":" in bare.partition("/")[0]:
            return quoted + "first path segment in URL cannot contain colon"
        return ""
    if found := re.search(r"%(?![0-9A-Fa-f]{2}).{0,2}", bare):
        return f'{quoted}invalid URL escape "{found.group()}"'
    authority = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://([^/]*)", bare)
    if authority:
        host = authority[1].rpartition("@")[2]
        port = re.search(r":([^:\]]*)$", host) if "]" not in host or host.rpartition("]")[2] else None
        if port and not port[1].isdigit() and port[1]:
            return f'{quoted}invalid port ":{port[1]}" after host'
        if found := re.search(r'[ "<>\\^`{|}]', host):
            return f'{quoted}invalid character "{found.group()}" in host name'
    return ""


def _service_errors(service: Object, path: Path) -> list[FieldError]:
    # The server mixes up name and namespace when it checks them: a missing namespace is told as a missing name.
    errors = [
        required(path.child(told))
        for told, given in (("name", "namespace"), ("namespace", "name"))
        if not service.get(given)
    ]
    port = service.get("port", 443)
    if not 1 <= (port or 0) <= 65535:
        told = "port is not valid: must be between 1 and 65535, inclusive"
        errors.append(invalid(path.child("port"), port, told))
    url_path = service.get("path")
    if not url_path or url_path == "/":
        return errors
    at = path.child("path")
    if url_path == "//":
        return [*errors, invalid(at, url_path, "segment[0] may not be empty")]
    if not url_path.startswith("/"):
        errors.append(invalid(at, url_path, "must start with a '/'"))
    for position, step in enumerate(url_path[1:].removesuffix("/").split("/")):
        if not step:
            errors.append(invalid(at, url_path, f"segment[{position}] may not be empty"))
            continue
        errors += [invalid(at, url_path, f"segment[{position}]: {text}") for text in names.dns_subdomain(step)]
    return errors


def review_version_errors(
    versions: Sequence[str], path: Path, *, demand_known: bool, labels: bool = False
) -> list[FieldError]:
    """Errors of the review versions that a webhook understands.

    demand_known: whether one that the server knows must be among them; labels: the wording of CustomResourceDefinitions
    """
    shown = ", ".join(REVIEW_VERSIONS)
    if not versions:
        return [required(path, "" if labels else f"must specify one of {shown}")]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, version in enumerate(versions):
        if version in seen:
            errors.append(invalid(path.index(position), version, "duplicate version"))
            continue
        seen.add(version)
        errors += [invalid(path.index(position), version, text) for text in names.dns_1035_label(version)]
    if demand_known and not seen.intersection(REVIEW_VERSIONS):
        errors.append(invalid(path, list(versions), f"must include at least one of {shown}"))
    return errors


def qualified_name_errors(name: str, path: Path) -> list[FieldError]:
    """Errors of a name that must be a domain of at least three parts (webhooks)."""
    if not name:
        return [required(path)]
    if texts := names.dns_subdomain(name):
        return [invalid(path, name, ",".join(texts))]
    if name.count(".") < 2:
        return [invalid(path, name, "should be a domain with at least three segments separated by dots")]
    return []
