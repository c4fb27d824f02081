"""Security contexts of Pods and containers: validation.

Called by `containers` and `pods`. Of the rules for Windows those of names are left out. Source: the Kubernetes API
reference ("SecurityContext") and the answers of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gatewright.apiserver.builtin import forms
from gatewright.core.field_errors import (
    FieldError,
    Marshalled,
    Path,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
)
from gatewright.core.go_text import Struct
from gatewright.core.objects import Object

_LARGEST_ID = 2**31 - 1
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_FIELDS = (
    ("Capabilities", "capabilities"),
    ("Privileged", "privileged"),
    ("SELinuxOptions", "seLinuxOptions"),
    ("WindowsOptions", "windowsOptions"),
    ("RunAsUser", "runAsUser"),
    ("RunAsGroup", "runAsGroup"),
    ("RunAsNonRoot", "runAsNonRoot"),
    ("ReadOnlyRootFilesystem", "readOnlyRootFilesystem"),
    ("AllowPrivilegeEscalation", "allowPrivilegeEscalation"),
    ("ProcMount", "procMount"),
    ("SeccompProfile", "seccompProfile"),
    ("AppArmorProfile", "appArmorProfile"),
)


def security_errors(context: Object | None, path: Path, *, host_users: bool) -> list[FieldError]:
    """Errors of a container's security context."""
    if context is None:
        return []
    errors = id_errors(context, ("runAsUser", "runAsGroup"), path)
    mount = context.get("procMount")
    if mount is not None:
        errors += forms.choice(mount, ("Default", "Unmasked"), path.child("procMount"))
        if mount == "Unmasked" and host_users:
            told = "`hostUsers` must be false to use `Unmasked`"
            errors.append(invalid(path.child("procMount"), Marshalled(mount), told))
    errors += _seccomp_errors(context.get("seccompProfile"), path.child("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        told = "cannot set `allowPrivilegeEscalation` to false and "
        if context.get("privileged"):
            errors.append(invalid(path, _shown(context), f"{told}`privileged` to true"))
        for capability in (context.get("capabilities") or {}).get("add") or ():
            if capability == "CAP_SYS_ADMIN":
                errors.append(invalid(path, _shown(context), f"{told}`capabilities.Add` CAP_SYS_ADMIN"))
    return errors + _app_armor_errors(context.get("appArmorProfile"), path.child("appArmorProfile"))


def _shown(context: Object) -> Struct:
    fields = []
    for title, key in _FIELDS:
        value = context.get(key)
        if key == "capabilities" and value is not None:
            value = Struct([("Add", value.get("add")), ("Drop", value.get("drop"))])
        elif title.endswith("Profile") and value is not None:
            value = _shown_profile(value)
        fields.append((title, value))
    return Struct(fields)


def _shown_profile(profile: Object) -> Struct:
    return Struct([("Type", profile.get("type") or ""), ("LocalhostProfile", profile.get("localhostProfile"))])


def pod_security_errors(spec: Object, path: Path) -> list[FieldError]:
    """Errors of a Pod's security context."""
    context = spec.get("securityContext") or {}
    errors = id_errors(context, ("fsGroup", "runAsUser", "runAsGroup"), path)
    for position, group in enumerate(context.get("supplementalGroups") or ()):
        at = path.child("supplementalGroups").index(position)
        errors += [invalid(at, group, text) for text in forms.in_range(group, 0, _LARGEST_ID)]
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        told = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(path.child("shareProcessNamespace"), True, told))
    errors += _sysctl_errors(context.get("sysctls") or (), path.child("sysctls"))
    for key, choices, before in (
        ("fsGroupChangePolicy", ("Always", "OnRootMismatch"), True),
        ("supplementalGroupsPolicy", ("Merge", "Strict"), False),
        ("seLinuxChangePolicy", ("Recursive",), False),
    ):
        value = context.get(key)
        found = forms.choice(value, choices, path.child(key)) if value is not None else []
        errors += found
        if before:
            errors += _seccomp_errors(context.get("seccompProfile"), path.child("seccompProfile"))
            errors += _app_armor_errors(context.get("appArmorProfile"), path.child("appArmorProfile"))
    return errors


_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"


def _sysctl_errors(sysctls: Sequence[Object], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, each in enumerate(sysctls):
        at, name = path.index(position).child("name"), each.get("name") or ""
        if not name:
            errors.append(required(at))
        elif len(name) > 253 or not re.fullmatch(_SYSCTL, name):
            errors.append(invalid(at, name, f"must have at most 253 characters and match regex ^{_SYSCTL}$"))
        elif name in seen:
            errors.append(duplicate(at, name))
        seen.add(name)
    return errors


def id_errors(context: Object, keys: Sequence[str], path: Path) -> list[FieldError]:
    """Errors of user and group numbers."""
    return [
        invalid(path.child(key), context[key], text)
        for key in keys
        if context.get(key) is not None
        for text in forms.in_range(context[key], 0, _LARGEST_ID)
    ]


def _seccomp_errors(profile: Object | None, path: Path) -> list[FieldError]:
    if profile is None:
        return []
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    at, here = path.child("localhostProfile"), path.child("type")
    if kind == "Localhost":
        if local is None:
            return [required(at, "must be set when seccomp type is Localhost")]
        errors = [invalid(at, local, "must be a relative path")] if local.startswith("/") else []
        return errors + ([invalid(at, local, "must not contain '..'")] if ".." in local.split("/") else [])
    errors = []
    if not kind:
        errors.append(required(here, "type is required when seccompProfile is set"))
    elif kind not in _PROFILES:
        errors.append(not_supported(here, Marshalled(kind), _PROFILES))
    if local is not None:
        errors.append(invalid(at, _shown_profile(profile), "can only be set when seccomp type is Localhost"))
    return errors


def _app_armor_errors(profile: Object | None, path: Path) -> list[FieldError]:
    if profile is None:
        return []
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    at, here = path.child("localhostProfile"), path.child("type")
    if kind == "Localhost":
        needed = "must be set when AppArmor type is Localhost"
        if local is None:
            return [required(at, needed)]
        errors = []
        if local != local.strip():
            errors.append(invalid(at, local, "must not be padded with whitespace"))
        elif not local:
            errors.append(required(at, needed))
        return errors + ([too_long(at, 4095)] if len(local) > 4095 else [])
    if kind in _PROFILES:
        told = "can only be set when AppArmor type is Localhost"
        return [invalid(at, local, told)] if local is not None else []
    if not kind:
        return [required(here, "type is required when appArmorProfile is set")]
    return [not_supported(here, Marshalled(kind), _PROFILES)]
