"""Which fields an endpoint resets, so that nobody comes to own them through it.

The main resource of a kind with a status leaves status alone; a status endpoint leaves spec, and for some kinds
metadata, alone. Source: the reset fields of the real server's strategies, 1.36. Called by the handlers.
"""

from __future__ import annotations

from gatewright.apiserver.apply import fields
from gatewright.apiserver.apply.fields import NOTHING, Fields

_STATUS = fields.of(("f:status",))
_SPEC = fields.of(("f:spec",))
_SPEC_AND_METADATA = fields.of(("f:spec",), ("f:metadata",))

# Status endpoints that reset more than spec, by group and kind.
_MORE = {
    ("", "Pod"): fields.of(("f:spec",), ("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:ownerReferences")),
    ("apps", "Deployment"): fields.of(("f:spec",), ("f:metadata", "f:labels")),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): _SPEC_AND_METADATA,
    ("networking.k8s.io", "ServiceCIDR"): _SPEC_AND_METADATA,
    ("storage.k8s.io", "VolumeAttachment"): _SPEC_AND_METADATA,
}


def reset_fields(group: str, kind: str, subresource: str, *, custom: bool, has_status: bool) -> Fields:
    """custom: whether the kind is a custom resource; has_status: whether it has a status endpoint."""
    if subresource in ("", "finalize"):
        return _STATUS if has_status else NOTHING
    if subresource != "status":
        return NOTHING
    return _SPEC_AND_METADATA if custom else _MORE.get((group, kind), _SPEC)
