"""Where the kinds live that the controllers watch or write: one Resource constant each.

Used by `control` (watches, intents), `reconcile`, `runtime` and the command line. Served versions and storage
versions are Gatekeeper's (Gatekeeper behaviour, section 1); a constraint's resource depends on its template and is
made by `constraint_resource`.
"""

from __future__ import annotations

from functools import lru_cache

from gatewright.core.objects import Kind, Object, Resource

TEMPLATES_GROUP = "templates.gatekeeper.sh"
CONSTRAINTS_GROUP = "constraints.gatekeeper.sh"
CONFIG_GROUP = "config.gatekeeper.sh"
SYNCSET_GROUP = "syncset.gatekeeper.sh"
STATUS_GROUP = "status.gatekeeper.sh"
MUTATIONS_GROUP = "mutations.gatekeeper.sh"
EXPANSION_GROUP = "expansion.gatekeeper.sh"
EXTERNAL_DATA_GROUP = "externaldata.gatekeeper.sh"
CONNECTION_GROUP = "connection.gatekeeper.sh"

# Groups whose requests the webhook checks as our own resources (Gatekeeper behaviour, 2.3). SyncSet and Connection
# are not among them.
CHECKED_GROUPS = (
    TEMPLATES_GROUP,
    CONSTRAINTS_GROUP,
    MUTATIONS_GROUP,
    CONFIG_GROUP,
    EXTERNAL_DATA_GROUP,
    EXPANSION_GROUP,
    STATUS_GROUP,
)

CONSTRAINT_STORAGE_VERSION = "v1beta1"
CONSTRAINT_VERSIONS = ("v1beta1", "v1alpha1")
TEMPLATE_VERSIONS = ("v1", "v1beta1", "v1alpha1")

# --- ours
CONSTRAINT_TEMPLATES = Resource(TEMPLATES_GROUP, "v1", "constrainttemplates", "ConstraintTemplate")
CONFIGS = Resource(CONFIG_GROUP, "v1alpha1", "configs", "Config", namespaced=True)
SYNC_SETS = Resource(SYNCSET_GROUP, "v1alpha1", "syncsets", "SyncSet")
CONSTRAINT_TEMPLATE_POD_STATUSES = Resource(
    STATUS_GROUP, "v1beta1", "constrainttemplatepodstatuses", "ConstraintTemplatePodStatus", namespaced=True
)
CONSTRAINT_POD_STATUSES = Resource(
    STATUS_GROUP, "v1beta1", "constraintpodstatuses", "ConstraintPodStatus", namespaced=True
)
CONFIG_POD_STATUSES = Resource(STATUS_GROUP, "v1beta1", "configpodstatuses", "ConfigPodStatus", namespaced=True)

# --- Kubernetes' own that the controllers read or write
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
VALIDATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"
)
MUTATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"
)
ADMISSION_POLICIES = Resource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy"
)
ADMISSION_POLICY_BINDINGS = Resource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"
)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
SERVICES = Resource("", "v1", "services", "Service", namespaced=True)
EVENTS = Resource("", "v1", "events", "Event", namespaced=True)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", namespaced=True)


@lru_cache(maxsize=4096)
def constraint_resource(kind: str, version: str = CONSTRAINT_STORAGE_VERSION) -> Resource:
    """The resource of a template's constraints: plural is the lower-case kind, cluster-scoped."""
    return Resource(CONSTRAINTS_GROUP, version, kind.lower(), kind)


def constraint_crd_name(kind: str) -> str:
    """The name of the CRD that a template of this kind generates."""
    return f"{kind.lower()}.{CONSTRAINTS_GROUP}"


def is_template(thing: Object) -> bool:
    """Whether an object says it is a ConstraintTemplate of our group, whatever its version."""
    kind = Kind.of(thing)
    return kind.group == TEMPLATES_GROUP and kind.kind == "ConstraintTemplate"


def is_constraint(thing: Object) -> bool:
    """Whether an object says it is of the constraints group."""
    return Kind.of(thing).group == CONSTRAINTS_GROUP
